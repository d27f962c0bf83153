/* SPDX-License-Identifier: MIT
 *
 * The live trace: words into filters and back, what passes them, the line of
 * each kind of value, the order among a guest's own lines, and the limit that
 * says what it left out.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/ports.h"
#include "tests/fake/machine.h"
#include "tests/unit/screen.h"
#include "tests/unit/unit.h"
#include "vmm/vm/exits.h"
#include "vmm/vm/trace_filter.h"
#include "vmm/vm/trace_line.h"

static struct vm *vm;
static struct trace_filter filter;
static char error[400];

static void start(void)
{
    fake_now = 0;
    fake_step = 0;
    vm = fake_vm(0x200000, SHADOW_CACHED);
    fake_hv.console.out = (struct sink){capture, NULL};
    str_copy(fake_boot.module[0].line, BOOT_LINE, "vm=one mem=2M");
    wipe();
}

static bool parse(const char *words)
{
    error[0] = 0;
    return trace_filter_parse(vm, slice_of(words), &filter, error,
                              sizeof(error));
}

/* What the words are in their own form. */
static const char *again(const char *words)
{
    static char text[700];

    EXPECT(parse(words));
    EXPECT_STR(error, "");
    trace_filter_format(&filter, text, sizeof(text));
    return text;
}

static void words_come_back(void)
{
    start();
    EXPECT_STR(again("off"), "off");
    EXPECT_STR(again("all"), "all");
    EXPECT_STR(again("vector=14"), "all vector=0xe");
    EXPECT_STR(again("priv,syscall"), "priv,syscall");
    EXPECT_STR(again(" syscall  priv , cr_write,"), "priv,syscall");
    EXPECT_STR(again("int"), "int");
    EXPECT_STR(again("int,iret"), "syscall");
    EXPECT_STR(again("priv,int"), "priv,int");
    EXPECT_STR(again("device port=0x3f8-0x3ff rate=9 mode=user"),
               "device port=0x3f8-0x3ff mode=user rate=9");
    EXPECT_STR(again("exit,vector=32-0x2f,at=4096-8191,mode=kernel"),
               "exit vector=0x20-0x2f at=0x1000-0x1fff mode=kernel");
    EXPECT_STR(again("all at=$eip"), "all at=0x100020");
    EXPECT(parse(again("priv vector=3 port=9 at=7-8 mode=user rate=1")));
}

/* The image's only symbol, as symbols.c would have found it. */
static void give_name(u32 value, u32 size)
{
    static u8 entry[16], sections[80];
    static u32 numbers[PAGE_SIZE / sizeof(u32)];
    static const u8 names[] = "\0handler";

    put32(entry, 1);
    put32(entry + 4, value);
    put32(entry + 8, size);
    put32(entry + 12, 2 | 1 << 16);
    put32(sections + 40 + 8, 2);
    put32(sections + 40 + 12, 0x1000);
    put32(sections + 40 + 20, 0x1000);
    vm->symbols = (struct symbols){entry, names, sections, sizeof(names),
                                   2,     1,     {numbers}};
}

static void a_symbol_is_all_of_it(void)
{
    start();
    give_name(0x1100, 0x40);
    EXPECT_STR(again("all at=handler"), "all at=0x1100-0x113f");
    EXPECT_STR(again("all at=handler+4"), "all at=0x1104");
    EXPECT_STR(again("all at=handler-0x1200"), "all at=0x1100-0x1200");
    EXPECT(!parse("at=handler-0x10"));
    EXPECT_STR(error, "\"at=handler-0x10\" will not do; the range ends before "
                      "it begins");
    EXPECT(!parse("at=handel"));
    EXPECT_STR(error, "\"handel\" is neither a number nor one of the 1 symbols "
                      "of fake");
    give_name(0x2000, 0); /* the end of its section: a place without a size */
    EXPECT_STR(again("all at=handler"), "all at=0x2000");
}

static void groups_are_those_of_the_events(void)
{
    start();
    parse("cr_write,iret");
    EXPECT_EQ(trace_filter_groups(&filter),
              BIT(TRACE_GROUP_PRIV) | BIT(TRACE_GROUP_SYSCALL));
    parse("off");
    EXPECT_EQ(trace_filter_groups(&filter), 0);
    parse("all");
    EXPECT_EQ(trace_filter_groups(&filter), TRACE_EVERYTHING);
}

static void wrong_words_get_a_sentence(void)
{
    static const struct {
        const char *words, *says;
    } wrong[] = {
        {"", "off, all, or kinds of events are wanted"},
        {" , ", "off, all, or kinds of events are wanted"},
        {"privilege", "\"privilege\" is no kind of event; there are all, "
                      "exit, priv,"},
        {"off,priv", "\"off\" does not go with others; `off` stands alone"},
        {"priv,off", "\"off\" is no kind of event"},
        {"vector=256", "\"vector=256\" will not do; vector= wants a number"},
        {"vector=9-8", "vector= wants"},
        {"vector=", "vector= wants"},
        {"vector=1-", "vector= wants"},
        {"port=0x10000", "port= wants"},
        {"at=", "at= wants an address"},
        {"at=main", "\"main\" is no address, and the image of fake has no"},
        {"at=8-4", "the range ends before it begins"},
        {"at=8-", "no address"},
        {"mode=ring0", "mode= wants kernel or user"},
        {"rate=0", "rate= wants the number of lines"},
        {"rate=4294967296", "rate= wants"},
        {"speed=1", "\"speed=1\" is no filter; there are vector=, port=, at=, "
                    "mode= and rate="},
    };

    start();
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        EXPECT(!parse(wrong[i].words));
        if (!strstr(error, wrong[i].says))
            printf("%s: %s\n", wrong[i].words, error);
        EXPECT(strstr(error, wrong[i].says));
    }
}

/* A module line is judged before there is a VM with names. */
static void names_are_taken_without_a_vm(void)
{
    start();
    EXPECT(trace_filter_parse(NULL, slice_of("at=main"), &filter, error,
                              sizeof(error)));
    EXPECT(!trace_filter_parse(NULL, slice_of("at="), &filter, error,
                               sizeof(error)));
}

static struct trace_record record_of(enum trace_event event)
{
    return (struct trace_record){
        .event = (u8)event, .vm = 1, .eip = 0x1000, .cpl = 0};
}

static bool passes(const char *words, struct trace_record record)
{
    if (!parse(words))
        printf("%s: %s\n", words, error);
    return trace_filter_passes(&filter, &record);
}

static void filters_let_through_what_is_in_range(void)
{
    struct trace_record fault = record_of(TRACE_EXCEPTION);
    struct trace_record out = record_of(TRACE_PORT_OUT);

    start();
    fault.arg[0] = 14;
    fault.arg[2] = 0xbadadd;
    fault.arg[3] = 8;
    fault.cpl = 3;
    out.arg[0] = 0x3f9;
    EXPECT(passes("all", fault));
    EXPECT(!passes("off", fault));
    EXPECT(passes("exception", fault));
    EXPECT(!passes("exception", out));
    EXPECT(passes("vector=14", fault));
    EXPECT(passes("vector=8", fault)); /* as what it was delivered */
    EXPECT(!passes("vector=9-13", fault));
    EXPECT(!passes("vector=0-255", out));
    EXPECT(passes("port=0x3f8-0x3ff", out));
    EXPECT(!passes("port=0x3f8", out));
    EXPECT(!passes("port=0-0xffff", fault));
    EXPECT(passes("at=0x1000", fault));
    EXPECT(passes("at=0xbada00-0xbadaff", fault));
    EXPECT(!passes("at=0x1001-0x2000", fault));
    fault.arg[0] = 13; /* has no CR2, so it is about no null pointer */
    fault.arg[2] = 0;
    fault.arg[4] = 0x5000;
    EXPECT(!passes("at=0-0xfff", fault));
    fault.arg[0] = 14;
    EXPECT(passes("at=0-0xfff", fault));
    EXPECT(passes("mode=user", fault));
    EXPECT(!passes("mode=kernel", fault));
    EXPECT(passes("mode=kernel", out));
    EXPECT(!passes("mode=user", out));
    out.cpl = 1;
    EXPECT(passes("mode=kernel", out));
    EXPECT(!passes("vector=14 mode=user at=5", fault));
}

static const char *line(struct trace_record record)
{
    static char text[400];

    EXPECT_EQ(trace_line(&fake_hv, &record, text, sizeof(text)), strlen(text));
    return text;
}

static void every_kind_of_value_has_its_way(void)
{
    struct trace_record r = record_of(TRACE_CR_WRITE);

    start();
    r.arg[0] = 3;
    r.arg[1] = 0x105000;
    EXPECT_STR(line(r), "mov cr3 <- 0x00105000 at 0x00001000");
    r = record_of(TRACE_EXCEPTION);
    r.cpl = 3;
    r.arg[0] = r.arg[3] = 14;
    r.arg[1] = 4;
    r.arg[4] = 0xc0101f00;
    EXPECT(strstr(line(r), "14 (#PF)"));
    EXPECT(strstr(line(r), "0xc0101f00"));
    EXPECT(strstr(line(r), " at 0x00001000 (user)"));
    r = record_of(TRACE_IRQ_INJECT);
    r.arg[0] = 0x20;
    EXPECT(strstr(line(r), "interrupt 0x20 -> "));
    r = record_of(TRACE_IRQ_INJECT);
    r.arg[0] = 9; /* an exception's number, and it has no name */
    EXPECT(strstr(line(r), "interrupt 0x09 -> "));
    r = record_of(TRACE_WRMSR);
    r.arg[0] = 0x174;
    r.arg[1] = 8;
    r.arg[2] = 1;
    EXPECT(strstr(line(r), "0x0000000100000008"));
    r = record_of(TRACE_PICKED);
    r.arg[1] = 1;
    EXPECT_STR(line(r), "picked for 4294967296 ns");
    r = record_of(TRACE_PORT_OUT);
    r.arg[0] = 0x3f8;
    EXPECT(str_starts(line(r), "out 0x3f8 <- "));
    r = record_of(TRACE_SHADOW_FLUSH);
    EXPECT(strstr(line(r), "(cr3)"));
    r.arg[0] = 99; /* of no enumeration */
    EXPECT(strstr(line(r), "(99)"));
}

static void instructions_are_disassembled(void)
{
    struct trace_record r = record_of(TRACE_PRIVILEGED);

    start();
    put32((u8 *)r.arg, 0x06010f); /* 0f 01 06: sgdt [esi] */
    EXPECT(str_starts(line(r), "sgdt "));
    memset(r.arg, 0xf0, 16);
    EXPECT(str_starts(line(r), "f0 f0 f0 f0 f0 f0 f0 f0 "));
    r.vm = 0;
    r.arg[0] = 0xf4;
    EXPECT(str_starts(line(r), "hlt"));
}

static void what_a_terminal_would_obey_is_left_out(void)
{
    struct trace_record r = record_of(TRACE_KILLED);

    start();
    trace_text(&r, "\033[2J\r\n\x9b");
    EXPECT_STR(line(r), "killed: ?[2J???");
    trace_text(&r, "a text that is longer than a record has room for");
    EXPECT_STR(line(r), "killed: a text that is longer than a rec");
}

/* Garbage in every event: text, and no more than there is room for. */
static void any_record_has_a_line(void)
{
    struct trace_record r;
    char small[20];

    start();
    for (u32 event = 0; event < TRACE_EVENTS; event++) {
        memset(&r, 0xff, sizeof(r));
        r.event = (u8)event;
        r.vm = 1;
        EXPECT(*line(r) && strspn(line(r), "{}") == 0);
        trace_line(&fake_hv, &r, small, sizeof(small));
        EXPECT(memchr(small, 0, sizeof(small)));
        r.vm = 0;
        r.arg[0] = 3;
        EXPECT(*line(r));
    }
}

static void type(const char *command)
{
    wipe();
    monitor_command(&fake_hv, command);
}

static void out(u16 port, u8 value)
{
    bus_write(&vm->pc.bus, BUS_PORT, port, 1, value);
}

/* Lines come in order with what the guest prints itself, with its time. */
static void lines_stand_in_order(void)
{
    start();
    type("trace fake cr_write");
    EXPECT_STR(screen, "fake: trace is cr_write.\r\n");
    wipe();
    fake_now = 1234567890;
    TRACE(vm, CR_WRITE, 0, 0x11);
    TRACE(vm, CLI, 0); /* not asked for */
    out(PORT_COM1, 'x');
    TRACE(vm, CR_WRITE, 3, 0x5000);
    out(PORT_COM1, '\n');
    EXPECT_STR(screen, "[fake] 1.234567 mov cr0 <- 0x00000011 at 0x00100020\r\n"
                       "[fake] 1.234567 mov cr3 <- 0x00005000 at 0x00100020\r\n"
                       "[fake] x\r\n");
}

/* An event is told before what it led to. */
static void the_end_comes_last(void)
{
    start();
    type("trace fake monitor,cr_write");
    wipe();
    TRACE(vm, CR_WRITE, 0, 1);
    vm_kill(vm, "it was time");
    EXPECT(str_starts(screen, "[fake] 0.000000 mov cr0 <- "));
    EXPECT(strstr(screen, "killed: it was time\r\ntrapline: fake: killed"));
}

static void nothing_is_told_from_before(void)
{
    start();
    trace_want(vm, TRACE_EXPORT, TRACE_EVERYTHING);
    TRACE(vm, CR_WRITE, 0, 1);
    type("trace fake all");
    wipe();
    trace_live_turn(&fake_hv, 0);
    EXPECT_STR(screen, "");
    TRACE_HV(&fake_hv, IDLE, 5, 0); /* of no VM */
    type("trace fake off");
    EXPECT_STR(screen, "fake: trace is off.\r\n");
    TRACE(vm, CR_WRITE, 0, 1);
    trace_live_turn(&fake_hv, 0);
    EXPECT_STR(screen, "fake: trace is off.\r\n");
}

static void a_rate_says_what_it_left_out(void)
{
    start();
    type("trace fake priv rate=2");
    wipe();
    for (u32 i = 0; i < 7; i++)
        TRACE(vm, CR_WRITE, 3, i);
    trace_live_turn(&fake_hv, fake_now);
    EXPECT(strstr(screen, "<- 0x00000001") && !strstr(screen, "00000002"));
    wipe();
    fake_now = 1000000000;
    trace_live_turn(&fake_hv, fake_now);
    EXPECT_STR(screen, "[fake] 1.000000 and 5 more events, which rate=2 left "
                       "out\r\n");
    wipe();
    for (u32 i = 0; i < 3; i++)
        TRACE(vm, CR_WRITE, 3, i);
    trace_live_turn(&fake_hv, fake_now);
    type("trace fake off");
    EXPECT_STR(screen, "[fake] 1.000000 and 1 more events, which rate=2 left "
                       "out\r\nfake: trace is off.\r\n");
}

/* A record's time may come out a little before the second that it is in. */
static void a_clock_that_trembles_admits_no_more(void)
{
    start();
    type("trace fake priv rate=1");
    wipe();
    TRACE(vm, CR_WRITE, 3, 1);
    trace_live_turn(&fake_hv, 0);
    vm->live.second = 10;
    TRACE(vm, CR_WRITE, 3, 2);
    TRACE(vm, CR_WRITE, 3, 3);
    trace_live_turn(&fake_hv, 5);
    EXPECT_EQ(vm->live.left_out, 2);
    EXPECT(!strstr(screen, "left out"));
}

static void what_was_left_out_is_said_at_the_end(void)
{
    start();
    type("trace fake cr_write rate=1");
    wipe();
    TRACE(vm, CR_WRITE, 3, 1);
    TRACE(vm, CR_WRITE, 3, 2);
    vm_kill(vm, "it was time");
    EXPECT(strstr(screen, " and 1 more events, which rate=1 left out\r\n"
                          "trapline: fake: killed"));
}

/* The ring overwrites what nobody came for. */
static void lost_events_are_told(void)
{
    start();
    type("trace fake priv");
    wipe();
    for (u32 i = 0; i < FAKE_RECORDS + 5; i++)
        TRACE(vm, CR_WRITE, 3, i);
    trace_live_turn(&fake_hv, 0);
    EXPECT(str_starts(screen, "trapline: 5 events came faster than they could "
                              "be shown and are lost.\r\n[fake] 0.000000 "));
    EXPECT(strstr(screen, "<- 0x00000044 at"));
    type("trace fake off");
    type("trace fake priv");
    wipe();
    TRACE(vm, CR_WRITE, 3, 1);
    trace_live_turn(&fake_hv, 0);
    EXPECT(str_starts(screen, "[fake] 0.000000 mov cr3"));
}

static void the_command_says_what_is_on(void)
{
    start();
    type("trace");
    EXPECT(str_starts(screen, "fake: trace is off.\r\n`trace NAME "));
    EXPECT(strstr(screen, "\r\n  priv       privileged instructions"));
    type("trace fake syscall at=4-9");
    EXPECT_STR(screen, "fake: trace is syscall at=0x4-0x9.\r\n");
    type("trace");
    EXPECT_STR(screen, "fake: trace is syscall at=0x4-0x9.\r\n");
    type("trace fake");
    EXPECT_STR(screen, "fake: trace is syscall at=0x4-0x9.\r\n");
    type("trace fake io");
    EXPECT(str_starts(screen, "\"io\" is no kind of event; there are all, "));
    EXPECT(strstr(screen, "or int.\r\n"));
    type("trace nobody all");
    EXPECT(strstr(screen, "There is no VM named \"nobody\""));
}

static void off_ends_all_of_them(void)
{
    start();
    type("trace fake syscall");
    type("create vm=two mem=2M trace=priv");
    type("trace off");
    EXPECT_STR(screen, "fake: trace is off.\r\ntwo: trace is off.\r\n");
    EXPECT(!fake_hv.live.on);
    type("trace off");
    EXPECT_STR(screen, "No VM was traced.\r\n");
    type("trace off priv");
    EXPECT(strstr(screen, "There is no VM named \"off\"; there are: fake"));
    type("create vm=off mem=2M trace=priv");
    type("trace off");
    EXPECT_STR(screen, "off: trace is priv.\r\n");
}

static void a_module_line_begins_it(void)
{
    start();
    type("create vm=two mem=2M trace=priv,rate=5");
    type("trace two");
    EXPECT_STR(screen, "two: trace is priv rate=5.\r\n");
    type("destroy two");
    type("create vm=three mem=2M trace=at=main");
    EXPECT(strstr(screen, "trapline: three: not traced: \"main\" is no "
                          "address, and"));
    type("trace three");
    EXPECT_STR(screen, "three: trace is off.\r\n");
    type("create vm=four mem=2M trace=io");
    EXPECT(strstr(screen, "trace= wants off, all, or kinds of events"));
    type("destroy three");
    EXPECT(!fake_hv.live.on);
}

/* An exit of a VM that is shown, with its own record and without. */
static void exits_are_shown_as_they_come(void)
{
    start();
    type("trace fake exit");
    wipe();
    vm->arch.vector = 3;
    exit_handle_shown(vm);
    EXPECT(strstr(screen, "[fake] 0.000000 exit "));
    type("trace fake exception");
    wipe();
    exit_handle_shown(vm);
    EXPECT(!strstr(screen, " exit "));
}

static const struct unit_case cases[] = {
    CASE(words_come_back),
    CASE(a_symbol_is_all_of_it),
    CASE(groups_are_those_of_the_events),
    CASE(wrong_words_get_a_sentence),
    CASE(names_are_taken_without_a_vm),
    CASE(filters_let_through_what_is_in_range),
    CASE(every_kind_of_value_has_its_way),
    CASE(instructions_are_disassembled),
    CASE(what_a_terminal_would_obey_is_left_out),
    CASE(any_record_has_a_line),
    CASE(lines_stand_in_order),
    CASE(the_end_comes_last),
    CASE(nothing_is_told_from_before),
    CASE(a_rate_says_what_it_left_out),
    CASE(a_clock_that_trembles_admits_no_more),
    CASE(what_was_left_out_is_said_at_the_end),
    CASE(lost_events_are_told),
    CASE(the_command_says_what_is_on),
    CASE(off_ends_all_of_them),
    CASE(a_module_line_begins_it),
    CASE(exits_are_shown_as_they_come),
};
UNIT_MAIN(cases)
