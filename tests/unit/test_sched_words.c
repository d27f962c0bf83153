/* SPDX-License-Identifier: MIT
 *
 * The scheduler's words: sched= on the command line, `sched` in the monitor,
 * and what can be said of a VM while it runs.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/fake/machine.h"
#include "tests/unit/screen.h"
#include "tests/unit/unit.h"

#define MS 1000000ull

static struct sched s;
static char error[256];

static bool option(const char *words)
{
    sched_init(&s, &sched_round_robin);
    return sched_option(&s, slice_of(words), error, sizeof(error));
}

static void an_option_is_a_policy_and_knobs(void)
{
    EXPECT(option("mlfq"));
    EXPECT(s.policy == &sched_mlfq);
    EXPECT(option("quantum=5ms,stride,period=60s"));
    EXPECT(s.policy == &sched_stride);
    EXPECT_EQ(s.knobs.quantum, 5 * MS);
    EXPECT_EQ(s.knobs.period, 60000 * MS);
    EXPECT(option("boost=0,levels=8,turns=100"));
    EXPECT_EQ(s.knobs.boost, 0);
    EXPECT_EQ(s.knobs.levels, 8);
    EXPECT_EQ(s.knobs.turns, 100);
    EXPECT_EQ(s.knobs.quantum, SCHED_QUANTUM);
}

static void a_wrong_word_changes_nothing(void)
{
    static const struct {
        const char *words, *says;
    } bad[] = {
        {"mlfq,quantum=1", "\"1\" will not do; quantum= wants a time"},
        {"mlfq,quantum=999us", "from 1ms to 1s"},
        {"quantum=1001ms,mlfq", "from 1ms to 1s"},
        {"mlfq,boost=9ms", "or 0 for never"},
        {"mlfq,period=0", "period= wants"},
        {"mlfq,levels=9", "from 1 to 8"},
        {"mlfq,levels=0", "from 1 to 8"},
        {"mlfq,turns=101", "from 1 to 100"},
        {"mlfq,turns=99999999999999999999", "from 1 to 100"},
        {"mlfq,", "\"\" is no policy and no knob"},
        {"", "there are rr, mlfq"},
        {"cfs", "\"cfs\" is no policy"},
        {"cfs=1,mlfq", "\"cfs=1\" is no policy"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        EXPECT(!option(bad[i].words));
        EXPECT(strstr(error, bad[i].says));
        EXPECT(s.policy == &sched_round_robin);
        EXPECT_EQ(s.knobs.quantum, SCHED_QUANTUM);
    }
}

/* ---- the monitor */

static struct vm *vm;

static const char *type(const char *line)
{
    wipe();
    monitor_command(&fake_hv, line);
    return screen;
}

#define SAYS(line, what) EXPECT(strstr(type(line), (what)))

static void start(void)
{
    fake_now = 0;
    fake_step = 0;
    vm = fake_vm(0x200000, SHADOW_CACHED);
    fake_hv.console.out = (struct sink){capture, NULL};
}

static void it_is_shown(void)
{
    struct sched_entry *e = &fake_hv.sched.entry[0];

    start();
    SAYS("sched", "rr: round-robin");
    EXPECT(strstr(screen, "quantum=10ms boost=1000ms levels=4 turns=1 "
                          "period=100ms\r\n"));
    EXPECT(strstr(screen, "fake            running       1    -          -"));
    e->begun_bursts = 2;
    e->response_ns = 3 * MS;
    SAYS("sched", " 1.500 ");
}

static void it_is_changed(void)
{
    start();
    SAYS("sched mlfq boost=2s", "mlfq: levels");
    EXPECT(fake_hv.sched.policy == &sched_mlfq);
    SAYS("sched quantum=1500us", "quantum=1500us boost=2000ms");
    SAYS("sched quantum=20ms", "quantum=20ms boost=2000ms");
    EXPECT(fake_hv.sched.policy == &sched_mlfq);
    EXPECT(!strstr(screen, "teaching"));
    SAYS("sched fifo", "fifo is for teaching: a guest that never halts");
    SAYS("sched sjf quantum=5", "quantum= wants a time from 1ms to 1s.");
    EXPECT(fake_hv.sched.policy == &sched_fifo);
    SAYS("sched bogus", "There is no VM named \"bogus\"; there are: fake.");
}

static void a_change_is_an_event(void)
{
    struct trace_record r;
    struct trace_cursor cursor = {0};
    u32 found = 0;

    start();
    trace_want_hv(&fake_hv, TRACE_KEEP, BIT(TRACE_GROUP_SCHED));
    type("sched stride");
    while (trace_read(&fake_hv.trace, &cursor, &r, 1))
        found += r.event == TRACE_POLICY && !memcmp(r.arg, "stride", 7);
    EXPECT_EQ(found, 1);
}

static void a_vm_is_changed_while_it_runs(void)
{
    start();
    SAYS("sched fake weight=7 cap=30 length=20ms",
         "fake            running       7   30     20.000");
    EXPECT_EQ(vm->config.weight, 7);
    EXPECT_EQ(fake_hv.sched.entry[0].weight, 7);
    EXPECT_EQ(fake_hv.sched.entry[0].cap, 30);
    EXPECT_EQ(fake_hv.sched.entry[0].length, 20 * MS);
    SAYS("sched fake weight=8 cap=0", "\"cap=0\" will not do; cap= wants");
    EXPECT_EQ(vm->config.weight, 7);
    SAYS("sched fake mem=8M", "\"mem=8M\" cannot be changed while a VM runs; "
                              "weight=, cap= and length= can.");
    SAYS("sched fake weight=1 weight=2", "weight= is given twice");
    EXPECT_EQ(vm->config.weight, 7);
    SAYS("sched fake length=61s", "up to 60s");
    SAYS("sched fake", "running       7   30");
    SAYS("help sched", "who runs next");
    SAYS("stats json fake", "\"sched\":{\"policy\":\"rr\",\"cap\":30,"
                            "\"length_ns\":20000000,");
}

/* A cap of one percent of what was a period of a minute, or of none, is not
 * made to wait for what was used before. */
static void caps_begin_anew(void)
{
    struct sched *s = &fake_hv.sched;

    start();
    sched_charge(s, 0, 90 * MS);
    type("sched fake cap=1");
    EXPECT_EQ(sched_pick(s), 0);
    type("sched period=60s");
    sched_charge(s, 0, 590 * MS);
    EXPECT_EQ(sched_pick(s), 0);
    type("sched period=10ms");
    EXPECT_EQ(s->entry[0].spent, 0);
    EXPECT_EQ(sched_pick(s), 0);
}

/* Tab; the fields of a line are those of the monitor's table. */
static void words_are_completed(void)
{
    start();
    wipe();
    console_prompt(&fake_hv.console);
    for (const char *c = "sched ml\tbo\t7s"; *c; c++) {
        const char *line;
        if (console_key(&fake_hv.console, (u8)*c, &line) == LINE_COMPLETE)
            monitor_complete(&fake_hv);
    }
    EXPECT_STR(fake_hv.console.edit.text, "sched mlfq boost=7s");
}

static const struct unit_case cases[] = {
    CASE(an_option_is_a_policy_and_knobs),
    CASE(a_wrong_word_changes_nothing),
    CASE(it_is_shown),
    CASE(it_is_changed),
    CASE(a_change_is_an_event),
    CASE(a_vm_is_changed_while_it_runs),
    CASE(caps_begin_anew),
    CASE(words_are_completed),
};
UNIT_MAIN(cases)
