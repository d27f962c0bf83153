/* SPDX-License-Identifier: MIT
 *
 * The catalogue is well-formed, the ring keeps order and counts what a reader
 * lost, and wishes of consumers are kept apart.
 *
 * LINKS: vmm/vm vmm/mm vmm/cpu vmm/base drivers/bus drivers/model
 */
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/vm/trace.h"

static u32 fields(const struct trace_row *row)
{
    u32 count = 0;

    while (row->field[count].type != TRACE_NO_TYPE)
        count++;
    return count;
}

static void every_row_fits_a_record(void)
{
    for (u32 i = 0; i < TRACE_EVENTS; i++) {
        const struct trace_row *row = &trace_catalogue[i];
        EXPECT(row->name && row->text && fields(row));
        EXPECT(row->group < TRACE_GROUPS);
        EXPECT(trace_word(row, fields(row)) <= TRACE_ARGS);
        for (u32 k = 0; k < i; k++)
            EXPECT(strcmp(row->name, trace_catalogue[k].name));
    }
}

/* Each {name} in a text is a field of its row. */
static void texts_name_fields_that_exist(void)
{
    for (u32 i = 0; i < TRACE_EVENTS; i++) {
        const struct trace_row *row = &trace_catalogue[i];
        for (const char *at = row->text; (at = strchr(at, '{')); at++) {
            u32 k = 0, len = (u32)(strchr(at, '}') - at - 1);
            while (k < fields(row) && (strlen(row->field[k].name) != len ||
                                       memcmp(row->field[k].name, at + 1, len)))
                k++;
            EXPECT(k < fields(row));
        }
    }
}

static void types_have_words_and_sizes(void)
{
    for (u32 t = TRACE_NO_TYPE + 1; t < TRACE_TYPES; t++) {
        enum trace_type type = (enum trace_type)t;
        bool named = !strncmp(trace_type_words[t], "enum_", 5);
        EXPECT(trace_type_size(type) >= 1 && trace_type_size(type) <= 8);
        EXPECT((trace_enum_word(type, 0) != NULL) == named);
        EXPECT(!trace_enum_word(type, 1000));
    }
    EXPECT_STR(trace_enum_word(TRACE_TYPE_ENUM_EXIT, EXIT_IRET), "iret");
    EXPECT_STR(trace_enum_word(TRACE_TYPE_ENUM_EXIT, EXIT_KINDS), "fatal");
    EXPECT_STR(trace_enum_word(TRACE_TYPE_ENUM_REG, EDI), "edi");
    EXPECT_STR(trace_enum_word(TRACE_TYPE_ENUM_TABLE, TABLE_TSS), "tss");
    for (u32 i = 0; i < SHADOW_REASONS; i++)
        EXPECT(trace_enum_word(TRACE_TYPE_ENUM_REASON, i));
    for (u32 i = 0; i < TRACE_ENDS; i++)
        EXPECT(trace_enum_word(TRACE_TYPE_ENUM_END, i));
}

static u32 groups_of(const char *words)
{
    u32 groups;

    return trace_groups_parse(slice_of(words), &groups) ? groups : 0xffffffff;
}

static void groups_are_words(void)
{
    u32 priv = BIT(TRACE_GROUP_PRIV), exits = BIT(TRACE_GROUP_EXIT);

    EXPECT_EQ(groups_of("priv"), priv);
    EXPECT_EQ(groups_of("priv,exit"), priv | exits);
    EXPECT_EQ(groups_of("all"), TRACE_EVERYTHING);
    EXPECT_EQ(groups_of("-priv,-exit"), TRACE_EVERYTHING & ~(priv | exits));
    EXPECT_EQ(groups_of("priv,exit,-priv"), exits);
    EXPECT_EQ(groups_of(""), 0xffffffff);
    EXPECT_EQ(groups_of("priv,"), 0xffffffff);
    EXPECT_EQ(groups_of("-"), 0xffffffff);
    EXPECT_EQ(groups_of("prin"), 0xffffffff);
}

static void a_record_says_what_happened(void)
{
    struct vm *vm = fake_vm(4 << 20, SHADOW_CACHED);
    struct trace_cursor cursor = trace_tail(&fake_hv.trace);
    struct trace_record r[2];

    vm->cpu.eip = 0x1234;
    vm->cpu.cpl = 3;
    TRACE(vm, GATE, 14, TRACE_64(0x1122334455667788), TRACE_64(9), 10);
    EXPECT_EQ(trace_read(&fake_hv.trace, &cursor, r, 2), 0);
    trace_want(vm, TRACE_EXPORT, BIT(TRACE_GROUP_INSTALL));
    TRACE(vm, GATE, 14, TRACE_64(0x1122334455667788), TRACE_64(9), 10);
    TRACE(vm, CLI, 2);
    EXPECT_EQ(trace_read(&fake_hv.trace, &cursor, r, 2), 1);
    EXPECT_EQ(r[0].event, TRACE_GATE);
    EXPECT_EQ(r[0].eip, 0x1234);
    EXPECT_EQ(r[0].cpl, 3);
    EXPECT_EQ(r[0].vm, vm->slot + 1);
    EXPECT_EQ(r[0].arg[0], 14);
    EXPECT_EQ(r[0].arg[1], 0x55667788);
    EXPECT_EQ(r[0].arg[2], 0x11223344);
    EXPECT_EQ(r[0].arg[3], 9);
    EXPECT_EQ(r[0].arg[5], 10);
    EXPECT_EQ(r[0].arg[6], 0);
}

static void each_reader_is_told_what_it_lost(void)
{
    struct vm *vm = fake_vm(4 << 20, SHADOW_CACHED);
    struct trace_cursor slow = trace_tail(&fake_hv.trace), quick = slow;
    struct trace_record r[FAKE_RECORDS + 1];

    trace_want(vm, TRACE_LIVE, TRACE_EVERYTHING);
    for (u32 i = 0; i < FAKE_RECORDS + 10; i++) {
        TRACE(vm, STI, i);
        EXPECT_EQ(trace_read(&fake_hv.trace, &quick, r, 1), 1);
        EXPECT_EQ(r[0].arg[0], i);
    }
    EXPECT_EQ(quick.lost, 0);
    EXPECT_EQ(trace_read(&fake_hv.trace, &slow, r, 3), 3);
    EXPECT_EQ(slow.lost, 10);
    EXPECT_EQ(r[0].arg[0], 10);
    EXPECT_EQ(trace_read(&fake_hv.trace, &slow, r, FAKE_RECORDS + 1),
              FAKE_RECORDS - 3);
    EXPECT_EQ(r[0].arg[0], 13);
    EXPECT_EQ(slow.lost, 10);
}

static void wishes_add_up(void)
{
    struct vm *vm = fake_vm(4 << 20, SHADOW_CACHED);
    struct trace_record *memory = fake_hv.trace.record;
    u32 priv = BIT(TRACE_GROUP_PRIV), sched = BIT(TRACE_GROUP_SCHED);

    trace_want(vm, TRACE_LIVE, priv);
    trace_want(vm, TRACE_EXPORT, sched);
    EXPECT_EQ(vm->tracing.all, priv | sched);
    trace_want(vm, TRACE_LIVE, 0);
    EXPECT_EQ(vm->tracing.all, sched);
    trace_want_all(&fake_hv, TRACE_KEEP, priv);
    EXPECT_EQ(vm->tracing.all, priv | sched);
    EXPECT_EQ(fake_hv.tracing.all, priv);
    trace_adopt(vm);
    EXPECT_EQ(vm->tracing.all, priv);
    fake_hv.trace.record = NULL;
    trace_want(vm, TRACE_LIVE, TRACE_EVERYTHING);
    EXPECT_EQ(vm->tracing.all, 0);
    fake_hv.trace.record = memory;
}

static void life_is_traced(void)
{
    struct vm *vm = fake_vm(4 << 20, SHADOW_CACHED);
    struct trace_cursor cursor = trace_tail(&fake_hv.trace);
    struct trace_record r[5];

    trace_want(vm, TRACE_LIVE, BIT(TRACE_GROUP_MONITOR));
    trace_want_hv(&fake_hv, TRACE_LIVE, BIT(TRACE_GROUP_SCHED));
    vm_pause(vm);
    vm_resume(vm);
    vm_kill(vm, "a reason that is longer than the words of a record");
    TRACE_HV(&fake_hv, IDLE, TRACE_64(5));
    EXPECT_EQ(trace_read(&fake_hv.trace, &cursor, r, 5), 4);
    EXPECT_EQ(r[0].event, TRACE_PAUSED);
    EXPECT_EQ(r[1].event, TRACE_RESUMED);
    EXPECT_EQ(r[2].event, TRACE_KILLED);
    EXPECT(!memcmp(r[2].arg, "a reason that is longer than the", 32));
    EXPECT_EQ(r[3].event, TRACE_IDLE);
    EXPECT_EQ(r[3].vm, 0);
}

static const struct unit_case cases[] = {
    CASE(every_row_fits_a_record),
    CASE(texts_name_fields_that_exist),
    CASE(types_have_words_and_sizes),
    CASE(groups_are_words),
    CASE(a_record_says_what_happened),
    CASE(each_reader_is_told_what_it_lost),
    CASE(wishes_add_up),
    CASE(life_is_traced),
};

int main(void)
{
    return unit_main(cases, ARRAY_LEN(cases));
}
