/* SPDX-License-Identifier: MIT
 *
 * The trace on its way out: what is sent, when, on a line of any speed, and
 * what is said about the rest.
 *
 * LINKS: vmm/vm vmm/mm vmm/cpu vmm/base drivers/bus drivers/model
 */
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/vm/export.h"

#define RECORDS 1024u
#define HEAD    68
#define FLUSH   100000000u
#define SECOND  1000000000u

static struct vm *vm;
static struct export *e;
static struct trace_record records[RECORDS];
static u8 line[1 << 20];

/* What is on the line. */
static struct {
    u32 metadata, packets, events, names, lost;
    u32 eip[4096]; /* of events that are no names */
} seen;

static u64 le(const u8 *at, u32 bytes)
{
    u64 value = 0;

    for (u32 i = bytes; i--;)
        value = value << 8 | at[i];
    return value;
}

/* Only events of the kind CLI are made here: one field of four bytes. */
static void read_events(const u8 *at, const u8 *end)
{
    while (at < end) {
        if (*at == CTF_VM) {
            EXPECT(!memcmp(at + 11, "fake", 5) || !memcmp(at + 11, "new", 4));
            at += 11 + strlen((const char *)at + 11) + 1 + 8;
            seen.names++;
        } else {
            EXPECT_EQ(*at, TRACE_CLI);
            seen.eip[seen.events++ % 4096] = (u32)le(at + 7, 4);
            at += 15;
        }
    }
    EXPECT(at == end);
}

static void read_line(void)
{
    const struct fake_wire *w = &fake_wires[ARCH_WIRE_TRACE];
    const u8 *at = w->out, *end = at + w->written;

    memset(&seen, 0, sizeof(seen));
    while (end - at > HEAD) {
        u32 magic = (u32)le(at, 4), size = (u32)le(at + 24, 4) / 8;
        if ((u32)(end - at) < size)
            break;
        if (magic == CTF_METADATA_MAGIC) {
            seen.metadata++;
        } else {
            EXPECT_EQ(magic, CTF_MAGIC);
            EXPECT_EQ(le(at + 56, 4), seen.packets);
            seen.packets++;
            seen.lost = (u32)le(at + 48, 8);
            read_events(at + HEAD, at + size);
        }
        at += size;
    }
}

static void start(const char *words)
{
    vm = fake_vm(0x200000, SHADOW_CACHED);
    e = &fake_hv.export;
    trace_init(&fake_hv.trace, records, RECORDS);
    fake_wires[ARCH_WIRE_TRACE] =
        (struct fake_wire){.out = line, .room = sizeof(line)};
    fake_step = 0;
    fake_now = 1000;
    EXPECT(export_choose(e, slice_of(words)));
    export_start(&fake_hv);
}

static void happen(u32 first, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        fake_now++;
        TRACE_AT(vm, first + i, 0, CLI, 0);
    }
}

static void turn(void)
{
    export_turn(&fake_hv, fake_now);
}

static void nothing_without_a_wire(void)
{
    start("");
    fake_wires[ARCH_WIRE_TRACE] = (struct fake_wire){0};
    fake_hv.tracing.all = vm->tracing.all = 0;
    export_start(&fake_hv);
    EXPECT(!e->on && !vm->tracing.all);
    turn();
    export_finish(&fake_hv);
    EXPECT_EQ(export_deadline(&fake_hv, 5), UINT64_MAX);
}

static void words_choose(void)
{
    struct export x = {0};

    EXPECT(export_choose(&x, slice_of("")));
    EXPECT(!x.groups && !x.waits);
    EXPECT(export_choose(&x, slice_of("priv,syscall")));
    EXPECT_EQ(x.groups, BIT(TRACE_GROUP_PRIV) | BIT(TRACE_GROUP_SYSCALL));
    EXPECT(export_choose(&x, slice_of("wait,-device,-exit")));
    EXPECT_EQ(x.groups, TRACE_EVERYTHING &
                            ~(BIT(TRACE_GROUP_DEVICE) | BIT(TRACE_GROUP_EXIT)));
    EXPECT(x.waits);
    EXPECT(export_choose(&x, slice_of("all,-exit")));
    EXPECT(!export_choose(&x, slice_of("priv,io")));
    EXPECT(!export_choose(&x, slice_of("priv,,exit")));
    EXPECT(!export_choose(&x, slice_of("-")));
    EXPECT(!export_choose(&x, slice_of("-all"))); /* 0 would be all of them */
    EXPECT(!export_choose(&x, slice_of("priv,wait,-priv")));
}

static void all_of_it_in_order(void)
{
    start("");
    EXPECT_EQ(vm->tracing.by[TRACE_EXPORT], TRACE_EVERYTHING);
    happen(0, 900);
    turn();
    read_line();
    EXPECT(seen.metadata > 1);
    EXPECT_EQ(seen.names, 1);
    EXPECT(seen.events >= 900 - 256); /* what is no whole packet waits */
    EXPECT(seen.packets >= 3);
    fake_now += FLUSH;
    turn();
    turn();
    read_line();
    EXPECT_EQ(seen.events, 900);
    for (u32 i = 0; i < seen.events; i++)
        EXPECT_EQ(seen.eip[i], i);
    EXPECT_EQ(seen.lost, 0);
}

/* A few events are sent when they are old enough, and none before. */
static void few_events_wait(void)
{
    u32 packets;

    start("");
    turn();
    fake_now += FLUSH;
    turn();
    read_line();
    EXPECT_EQ(seen.names, 1);
    packets = seen.packets;
    happen(7, 3);
    turn();
    read_line();
    EXPECT_EQ(seen.packets, packets);
    fake_now += FLUSH;
    turn();
    read_line();
    EXPECT_EQ(seen.packets, packets + 1);
    EXPECT_EQ(seen.events, 3);
    turn();
    fake_now += FLUSH;
    turn(); /* nothing has happened: nothing is sent */
    read_line();
    EXPECT_EQ(seen.packets, packets + 1);
}

static void other_consumers_have_their_own(void)
{
    start("exit");
    EXPECT(!TRACE_WANTS(vm, CLI));
    trace_want(vm, TRACE_LIVE, TRACE_EVERYTHING);
    happen(0, 300);
    fake_now += FLUSH;
    turn();
    fake_now += FLUSH;
    turn();
    read_line();
    EXPECT_EQ(seen.events, 0);
    EXPECT_EQ(seen.names, 1);
    EXPECT_EQ(fake_hv.trace.next, e->cursor.next);
}

/* Byte by byte the line gets what a fast one gets at once. */
static void a_slow_line_gets_the_same(void)
{
    struct fake_wire *w = &fake_wires[ARCH_WIRE_TRACE];

    start("");
    w->room = 0;
    happen(0, 500);
    turn();
    EXPECT_EQ(w->written, 0);
    EXPECT(export_deadline(&fake_hv, 5) - 5 <= 1400000);
    for (u32 i = 0; i < 50000; i++) {
        w->room++;
        turn();
        if (i % 1000 == 0)
            fake_now += FLUSH;
    }
    EXPECT_EQ(export_deadline(&fake_hv, 5), UINT64_MAX);
    read_line();
    EXPECT_EQ(seen.events, 500);
    EXPECT_EQ(seen.eip[499], 499);
}

static void what_is_lost_is_told(void)
{
    start("");
    fake_wires[ARCH_WIRE_TRACE].room = 0;
    turn();
    happen(0, RECORDS + 300);
    fake_wires[ARCH_WIRE_TRACE].room = sizeof(line);
    fake_now += FLUSH;
    turn();
    fake_now += FLUSH;
    turn();
    read_line();
    EXPECT_EQ(seen.lost, 300);
    EXPECT_EQ(seen.events, RECORDS);
    EXPECT_EQ(seen.eip[0], 300);
}

static void a_recorder_that_comes_late(void)
{
    static const u8 hello[] = "xm";
    u32 metadata;

    start("");
    fake_now += FLUSH;
    turn();
    read_line();
    metadata = seen.metadata;
    EXPECT_EQ(seen.names, 1);
    fake_wires[ARCH_WIRE_TRACE].in = hello;
    fake_wires[ARCH_WIRE_TRACE].in_size = 1; /* anything else is nothing */
    turn();
    turn();
    read_line();
    EXPECT_EQ(seen.metadata, metadata);
    fake_wires[ARCH_WIRE_TRACE].in_size = 1;
    turn();
    read_line();
    EXPECT_EQ(seen.metadata, 2 * metadata);
    EXPECT_EQ(seen.names, 2);
}

static void a_new_vm_in_an_old_slot(void)
{
    start("");
    fake_now += FLUSH;
    turn();
    str_copy(vm->config.name, sizeof(vm->config.name), "new");
    happen(0, 1);
    fake_now += FLUSH;
    turn();
    read_line();
    EXPECT_EQ(seen.names, 2);
    EXPECT_EQ(seen.events, 1);
}

/* "wait": nobody goes on before half of the ring is free. */
static void waiting_loses_nothing(void)
{
    start("wait");
    EXPECT(export_deadline(&fake_hv, 5) < UINT64_MAX);
    fake_step = 1000;
    for (u32 i = 0; i < 40; i++) {
        happen(i * 700, 700);
        turn();
        EXPECT(fake_hv.trace.next - e->cursor.next <= RECORDS / 2);
    }
    export_finish(&fake_hv);
    read_line();
    EXPECT_EQ(seen.lost, 0);
    EXPECT_EQ(seen.events, 40 * 700);
}

/* But not for ever. */
static void a_line_that_is_stuck(void)
{
    u64 before;

    start("wait");
    fake_step = 1000000;
    fake_wires[ARCH_WIRE_TRACE].room = 100;
    happen(0, 900);
    before = fake_now;
    turn();
    EXPECT(fake_now - before < SECOND);
    EXPECT(e->stuck);
    before = fake_now;
    turn(); /* it is not waited for again ... */
    EXPECT_EQ(fake_now, before);
    fake_wires[ARCH_WIRE_TRACE].room += 5000;
    turn(); /* ... before it takes something */
    EXPECT(fake_now - before > SECOND / 3);
    before = fake_now;
    export_finish(&fake_hv);
    EXPECT(fake_now - before < SECOND);
    EXPECT(!e->on);
}

static void the_end_sends_all(void)
{
    start("");
    fake_step = 1000;
    happen(0, 777);
    export_finish(&fake_hv);
    read_line();
    EXPECT_EQ(seen.events, 777);
    EXPECT_EQ(seen.names, 1);
    happen(0, 10);
    turn();
    export_finish(&fake_hv);
    read_line();
    EXPECT_EQ(seen.events, 777);
}

/* When that takes too long, the newest come, and the others are lost. */
static void the_end_is_an_end(void)
{
    start("");
    fake_step =
        SECOND / 4; /* each look at the clock; and each packet has one */
    happen(0, RECORDS);
    fake_now += 6 * (u64)SECOND;
    fake_step = 3 * (u64)SECOND;
    fake_wires[ARCH_WIRE_TRACE].room = sizeof(line);
    export_finish(&fake_hv);
    read_line();
    EXPECT(seen.events < RECORDS);
    EXPECT_EQ(seen.events + seen.lost, RECORDS);
    EXPECT_EQ(seen.eip[seen.events - 1], RECORDS - 1);
    EXPECT(seen.events >= 256);
}

/* A panic in here does not come back in here. */
static void a_panic_of_its_own(void)
{
    start("");
    happen(0, 50);
    e->busy = true;
    export_finish(&fake_hv);
    EXPECT_EQ(fake_wires[ARCH_WIRE_TRACE].written, 0);
}

static char answer[2000];

static void keep(void *ctx, const char *text, size_t len)
{
    size_t have = strlen(answer);

    EXPECT(have + len < sizeof(answer));
    memcpy(answer + have, text, len);
}

static const char *command(const char *words)
{
    const struct sink out = {keep, NULL};

    memset(answer, 0, sizeof(answer));
    monitor_command_to(&fake_hv, words, &out);
    return answer;
}

static void a_person_changes_it(void)
{
    char words[80];

    start("");
    EXPECT(strstr(command("export"), "wire: all events\n"));
    happen(0, 5);
    EXPECT(strstr(command("export -exit"), "wire: priv, exception, "));
    EXPECT(strstr(answer, " events waiting, 0 lost"));
    EXPECT(strstr(command("export wait,priv"),
                  "wire: priv; guests wait for the line\n"));
    EXPECT_EQ(vm->tracing.by[TRACE_EXPORT], BIT(TRACE_GROUP_PRIV));
    EXPECT(strstr(command("export wait"), "wire: all events; guests wait"));
    EXPECT(strstr(command("export off"), "wire: nothing\n"));
    EXPECT(!vm->tracing.by[TRACE_EXPORT]);
    EXPECT(strstr(command("export io"), "\"io\" will not do; write all, off"));
    EXPECT(strstr(command("export priv exit"), "\"priv exit\" will not"));
    for (u32 i = 0; i < TRACE_GROUPS; i++) {
        snprintf(words, sizeof(words), "export %s", trace_group_words[i]);
        EXPECT(strstr(command(words), trace_group_words[i]));
        EXPECT(strstr(command("help export"), trace_group_words[i]));
    }
    fake_hv.export.on = false;
    EXPECT(strstr(command("export"), "There is no trace wire; start the"));
}

static const struct unit_case cases[] = {
    CASE(nothing_without_a_wire),
    CASE(words_choose),
    CASE(all_of_it_in_order),
    CASE(few_events_wait),
    CASE(other_consumers_have_their_own),
    CASE(a_slow_line_gets_the_same),
    CASE(what_is_lost_is_told),
    CASE(a_recorder_that_comes_late),
    CASE(a_new_vm_in_an_old_slot),
    CASE(waiting_loses_nothing),
    CASE(a_line_that_is_stuck),
    CASE(the_end_sends_all),
    CASE(the_end_is_an_end),
    CASE(a_panic_of_its_own),
    CASE(a_person_changes_it),
};

int main(void)
{
    return unit_main(cases, ARRAY_LEN(cases));
}
