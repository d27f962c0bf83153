/* SPDX-License-Identifier: MIT
 *
 * What exits cost: sums that are never lost, samples that stand for the whole,
 * places by symbol with what the others come to, and the tables, the JSON and
 * the pictures made of them.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/traps.h"
#include "tests/fake/machine.h"
#include "tests/unit/screen.h"
#include "tests/unit/unit.h"
#include "vmm/vm/exits.h"
#include "vmm/vm/stats.h"
#include "vmm/vm/stats_json.h"

static struct vm *vm;

static void start(void)
{
    fake_now = 0;
    fake_step = 0;
    vm = fake_vm(0x200000, SHADOW_CACHED);
    fake_hv.console.out = (struct sink){capture, NULL};
    str_copy(fake_boot.module[0].line, BOOT_LINE, "vm=one mem=2M");
    wipe();
}

static const char *type(const char *command)
{
    wipe();
    monitor_command(&fake_hv, command);
    return screen;
}

#define SAYS(line, what) EXPECT(strstr(type(line), (what)))

/* ---- sums */

static void costs_add_up(void)
{
    struct cost a = {2, 30, 10, 20}, b = {1, 5, 5, 5}, none = {0};
    struct cost sum = cost_sum(&a, &b);

    EXPECT_EQ(sum.count, 3);
    EXPECT_EQ(sum.ticks, 35);
    EXPECT_EQ(sum.min, 5);
    EXPECT_EQ(sum.max, 20);
    EXPECT_EQ(cost_sum(&a, &none).min, 10);
    EXPECT_EQ(cost_sum(&none, &b).min, 5);
    EXPECT_EQ(cost_sum(&none, &none).count, 0);
    EXPECT_EQ(cost_ns(12345678901234ull), 12345678901234ull);
}

static struct cost by_kind(const struct costs *c)
{
    struct cost sum = {0};

    for (u32 i = 0; i <= EXIT_KINDS; i++)
        sum = cost_sum(&sum, &c->kind[i]);
    return sum;
}

static struct cost by_place(const struct costs *c)
{
    struct cost sum = c->others;

    for (u32 i = 0; i < COST_PLACES; i++)
        sum = cost_sum(&sum, &c->place[i / COST_WAYS][i % COST_WAYS].cost);
    return sum;
}

/* Exits 1..count, of which those that are to be measured are. */
static void run(struct costs *c, u64 count, u32 places)
{
    u32 random = 1;

    costs_init(c, 0, c->exact);
    for (u64 i = 1; i <= count; i++) {
        random = random * 1664525 + 1013904223;
        if (i == c->next)
            costs_note(c, i, (random >> 8) % EXIT_KINDS,
                       0xc0100000 + (random >> 12) % places * 3,
                       100 + random % 50);
    }
}

/* A hostile number of places: nothing that was measured is lost. */
static void no_sum_is_lost(void)
{
    static const u32 places[] = {1, 7, 200, 256, 5000, 1000000};
    struct costs c;

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct cost kinds, all;
        c.exact = i & 1;
        run(&c, 100000, places[i]);
        kinds = by_kind(&c);
        all = by_place(&c);
        EXPECT_EQ(kinds.count, all.count);
        EXPECT_EQ(kinds.ticks, all.ticks);
        EXPECT_EQ(kinds.min, all.min);
        EXPECT_EQ(kinds.max, all.max);
        if (places[i] <= 7)
            EXPECT_EQ(c.others.count, 0);
        if (places[i] >= 5000)
            EXPECT(c.others.count);
    }
}

static void exact_means_each(void)
{
    struct costs c = {.exact = true};

    run(&c, 1000, 10);
    EXPECT_EQ(c.samples, 1000);
    EXPECT_EQ(by_kind(&c).count, 1000);
    EXPECT_EQ(c.next, 1001);
}

/* First each, then fewer, and in the end one in 128; they stand for the whole
 * all the same. */
static void samples_thin_out_without_a_bias(void)
{
    struct costs c = {.exact = false};
    u64 count = 2000000, estimate;

    run(&c, 64, 10);
    EXPECT_EQ(c.samples, 64);
    EXPECT_EQ(by_kind(&c).count, 64);
    run(&c, count, 10);
    EXPECT_EQ(c.every, COST_EVERY);
    EXPECT(c.samples > count / COST_EVERY && c.samples < count / 100);
    estimate = by_kind(&c).count;
    EXPECT(estimate > count - count / 50 && estimate < count + count / 50);
}

/* A guest whose exits come in a rhythm does not hide from the sampling. */
static void a_rhythm_is_met(void)
{
    struct costs c;
    u64 count = 1280000, third;

    costs_init(&c, 0, false);
    for (u64 i = 1; i <= count; i++) {
        if (i == c.next)
            costs_note(&c, i, i % COST_EVERY == 3, 1, 1);
    }
    third = c.kind[1].count;
    EXPECT(third > count / COST_EVERY / 2 && third < count / COST_EVERY * 2);
}

static void a_dear_place_stays(void)
{
    struct costs c;
    bool found = false;

    costs_init(&c, 0, true);
    costs_note(&c, 1, 0, 0xdead, 1000000);
    for (u32 i = 2; i < 100000; i++)
        costs_note(&c, i, 0, i * 5, 1);
    for (u32 i = 0; i < COST_PLACES; i++)
        found |= c.place[i / COST_WAYS][i % COST_WAYS].eip == 0xdead;
    EXPECT(found);
    costs_note(&c, 100000, 0, 1, UINT64_MAX);
    EXPECT_EQ(by_kind(&c).max, UINT32_MAX);
}

/* ---- rows */

static void rows_come_by_cost(void)
{
    struct cost_rows rows;
    struct cost_row row;
    struct cost rest;

    start();
    cost_rows_init(&rows, vm);
    EXPECT(!cost_rows_next(&rows, &row));
    EXPECT_EQ(cost_rows_rest(&rows, &rest), 0);
    EXPECT_EQ(rest.count, 0);
    costs_init(&vm->costs, 0, true);
    costs_note(&vm->costs, 1, 0, 0x1000, 5);
    costs_note(&vm->costs, 2, 0, 0x2000, 50);
    costs_note(&vm->costs, 3, 0, 0x1000, 5);
    costs_note(&vm->costs, 4, 0, 0x3000, 0);
    costs_note(&vm->costs, 5, 0, 0x4000, 0);
    costs_note(&vm->costs, 6, 0, 0x4000, 0);
    vm->costs.others = (struct cost){7, 8, 1, 2};
    cost_rows_init(&rows, vm);
    EXPECT(cost_rows_next(&rows, &row));
    EXPECT_EQ(row.at, 0x2000);
    EXPECT(cost_rows_next(&rows, &row));
    EXPECT_EQ(row.at, 0x1000);
    EXPECT_EQ(row.cost.ticks, 10);
    EXPECT_EQ(row.name.len, 0);
    EXPECT_EQ(cost_rows_rest(&rows, &rest), 2);
    EXPECT_EQ(rest.count, 10);
    EXPECT(cost_rows_next(&rows, &row));
    EXPECT_EQ(row.at, 0x4000); /* met more often, at the same cost */
}

/* The smallest kernel with one function and a hostile name. */
static u8 named[sizeof(struct fake_image) + 4 * 40 + 3 * 16 + 32];

static void give_names(void)
{
    u32 shdrs = sizeof(struct fake_image), syms = shdrs + 4 * 40,
        strs = syms + 3 * 16;
    static const u32 fields[][2] = {
        {4, 1},  {8, 2},  {12, 0xc0100000}, {20, 0x1000}, {44, 2}, {56, 0},
        {60, 0}, {64, 3}, {84, 3},          {96, 0},      {100, 0}};

    memset(named, 0, sizeof(named));
    memcpy(named, &fake_image, sizeof(fake_image));
    put32(named + 32, shdrs);
    put32(named + 44, 1 | 40 << 16);
    put32(named + 48, 4);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        put32(named + shdrs + 40 + fields[i][0], fields[i][1]);
    put32(named + shdrs + 80 + 16, syms);
    put32(named + shdrs + 80 + 20, 3 * 16);
    put32(named + shdrs + 120 + 16, strs);
    put32(named + shdrs + 120 + 20, 32);
    put32(named + syms + 16, 1);
    put32(named + syms + 20, 0xc0100000);
    put32(named + syms + 24, 0x100);
    put32(named + syms + 28, 2 | 1 << 16);
    put32(named + syms + 32, 8);
    put32(named + syms + 36, 0xc0100100);
    put32(named + syms + 40, 0x100);
    put32(named + syms + 44, 2 | 1 << 16);
    strcpy((char *)named + strs + 1, "handle");
    strcpy((char *)named + strs + 8, "a\"b\\c");
    fake_other_image = named;
    fake_boot.module[0].size = sizeof(named);
    symbols_destroy(vm);
    symbols_init(vm);
    fake_other_image = NULL;
    fake_boot.module[0].size = sizeof(fake_image);
    EXPECT_EQ(vm->symbols.count, 2);
}

static void places_of_a_function_are_one_row(void)
{
    struct cost_rows rows;
    struct cost_row row;

    start();
    give_names();
    costs_init(&vm->costs, 0, true);
    costs_note(&vm->costs, 1, 0, 0xc0100010, 5);
    costs_note(&vm->costs, 2, 0, 0xc0100020, 6);
    costs_note(&vm->costs, 3, 0, 0xc0100120, 9);
    cost_rows_init(&rows, vm);
    EXPECT_EQ(rows.count, 2);
    EXPECT(cost_rows_next(&rows, &row));
    EXPECT(slice_eq(row.name, "handle"));
    EXPECT_EQ(row.at, 0xc0100000);
    EXPECT_EQ(row.cost.ticks, 11);
}

/* ---- what is shown */

static void an_exit_is_measured(void)
{
    start();
    vm->arch.vector = TRAP_BP;
    vm->cpu.eip = 0x123456;
    exit_handle(vm);
    EXPECT_EQ(vm->costs.samples, 1);
    EXPECT_EQ(vm->costs.kind[EXIT_EXCEPTION].count, 1);
    SAYS("stats fake", "\r\n  0x00123456                        1 100.0%");
}

static void stats_shows_costs(void)
{
    start();
    give_names();
    vm->exits = 8;
    vm->exit_count[EXIT_IRET] = 6;
    vm->exit_count[EXIT_IO] = 2;
    vm->interrupts = 5;
    vm->recorder.gate[14].reflected = 3;
    vm->recorder.gate[0x20].reflected = 4;
    costs_init(&vm->costs, 0, true);
    costs_note(&vm->costs, 1, EXIT_IRET, 0xc0100010, 100);
    costs_note(&vm->costs, 2, EXIT_IRET, 0xc0100014, 200);
    costs_note(&vm->costs, 3, EXIT_IO, 0xc0100110, 700);
    for (u32 i = 4; i < 24; i++)
        costs_note(&vm->costs, i, EXIT_IO, i, 0);
    EXPECT(!strstr(type("stats fake"), "interpreted"));
    vm->interpreted = 77;
    SAYS("stats fake", "fake: 8 exits in 0.000 ms of CPU time\r\n");
    EXPECT(strstr(screen, "fake: 77 instructions were interpreted\r\n"));
    EXPECT(strstr(screen, "  iret                              6  75.0%  "
                          "30.0%      100      150        200\r\n"));
    EXPECT(strstr(screen, "  softint                           0   0.0%\r\n"));
    EXPECT(strstr(screen, "fake: by place, from 23 samples, which are all of "
                          "the exits\r\n  a\"b\\c "));
    EXPECT(strstr(screen, "  handle                            2   8.6%  "
                          "30.0%      100      150        200\r\n"));
    EXPECT(strstr(screen, "  others                            6  26.0%   "
                          "0.0%        0        0          0\r\n"));
    EXPECT(strstr(screen, "fake: 5 interrupts injected; delivered by vector"
                          "\r\n  14 (#PF)                          3\r\n"
                          "  0x20                              4\r\n"));
}

static void a_way_to_measure_is_chosen(void)
{
    start();
    SAYS("stats fake exact", "fake: the cost of every exit is measured from "
                             "now on.\r\n");
    EXPECT(vm->costs.exact);
    SAYS("stats fake sampled", "the cost of some exits");
    EXPECT(!vm->costs.exact);
    SAYS("stats fake quickly", "\"quickly\" is no way to measure; `stats fake "
                               "exact`");
    SAYS("stats nobody", "There is no VM named \"nobody\"");
    SAYS("stats json nobody", "There is no VM named \"nobody\"");
}

static void shares_of_the_processor(void)
{
    start();
    type("create vm=two mem=2M weight=3");
    vm->run_ns = 3000000;
    hv_find(&fake_hv, "two")->run_ns = 1000000;
    SAYS("stats", "fake            running    25.0%   75.0%          3 ");
    EXPECT(strstr(screen, "two             running    75.0%   25.0%  "));
}

static void a_cap_is_all_that_is_due(void)
{
    start();
    vm->config.cap = 60;
    SAYS("stats", "fake            running    60.0%    0.0%");
    type("create vm=two mem=2M weight=1");
    SAYS("stats", "fake            running    50.0%    0.0%");
}

static void a_share_of_huge_numbers(void)
{
    start();
    vm->run_ns = UINT64_MAX / 2;
    SAYS("stats", " 100.0%  100.0% ");
}

/* ---- JSON */

/* Braces and brackets close in order, strings are closed and plain. */
static void expect_json(const char *at)
{
    char open[16];
    u32 depth = 0;
    bool string = false;

    for (; *at && *at != '\n'; at++) {
        if (string && *at == '\\')
            at++;
        else if (*at == '"')
            string = !string;
        else if (!string && (*at == '{' || *at == '['))
            open[depth++ % 16] = *at == '{' ? '}' : ']';
        else if (!string && (*at == '}' || *at == ']'))
            EXPECT(depth && open[--depth % 16] == *at);
        EXPECT(*at >= ' ' && *at <= '~');
    }
    EXPECT_EQ(depth, 0);
    EXPECT(!string);
    EXPECT_STR(at, "\n");
}

static const char *json(const struct vm *one)
{
    const struct sink out = {capture, NULL};

    wipe();
    stats_json(&fake_hv, one, &out);
    expect_json(screen);
    return screen;
}

static void json_has_everything(void)
{
    start();
    give_names();
    vm->exit_count[EXIT_IO] = 2;
    vm->recorder.gate[14].reflected = 3;
    vm->recorder.gate[3].reflected = 1;
    costs_init(&vm->costs, 0, true);
    costs_note(&vm->costs, 1, EXIT_IO, 0xc0100110, 700);
    for (u32 i = 2; i < 40; i++)
        costs_note(&vm->costs, i, EXIT_IO, i, 1);
    EXPECT(str_starts(json(NULL), "{\"version\":1,\"ns\":0,\"vms\":[{\"name\":"
                                  "\"fake\",\"slot\":0,\"state\":\"running\","
                                  "\"reason\":\"\""));
    EXPECT(strstr(screen, "\"io\":{\"count\":2,\"measured\":39,\"cost_ns\":738,"
                          "\"min_ns\":1,\"mean_ns\":18,\"max_ns\":700}"));
    EXPECT(strstr(screen, "{\"at\":3222274304,\"name\":\"a\\\"b\\\\c\","
                          "\"measured\":1,\"cost_ns\":700"));
    EXPECT(strstr(screen, "\"others\":{\"rows\":7,\"measured\":7,"));
    EXPECT(strstr(screen, "\"vectors\":{\"3\":1,\"14\":3}"));
    EXPECT(strstr(screen, "\"sampling\":{\"exact\":true,\"every\":1,"
                          "\"samples\":39}"));
    EXPECT(strstr(screen, "\"fatal\":{\"measured\":0,"));
}

static void json_of_one_and_of_none(void)
{
    start();
    type("create vm=two mem=2M");
    EXPECT(!strstr(json(vm), "\"two\""));
    EXPECT(strstr(json(NULL), "},{\"name\":\"two\""));
    type("destroy fake");
    type("destroy two");
    EXPECT_STR(json(NULL), "{\"version\":1,\"ns\":0,\"vms\":[]}\n");
}

static void json_escapes_what_it_must(void)
{
    start();
    vm_kill(vm, "%s", "a \"reason\"\x1b\xff\\");
    EXPECT(strstr(json(vm), "\"reason\":\"a \\\"reason\\\"\\u001b\\u00ff"
                            "\\\\\""));
}

/* On the console it is one line, whatever its length. */
static void json_is_one_line_of_the_console(void)
{
    char *line;

    start();
    console_prompt(&fake_hv.console);
    type("stats json fake");
    line = strstr(screen, "{\"version\"");
    EXPECT(line && strlen(line) > CONSOLE_PRINT);
    EXPECT_STR(strchr(line, '\r'), "\r\ntrapline> ");
}

/* ---- top */

static void top_shows_each_second(void)
{
    start();
    vm->run_ns = 5000000;
    vm->exits = 100;
    type("top");
    EXPECT(fake_hv.top.on);
    EXPECT_EQ(monitor_top_deadline(&fake_hv), 1000000000);
    wipe();
    monitor_top_turn(&fake_hv, 999999999);
    EXPECT_STR(screen, "");
    vm->run_ns += 7000000;
    vm->exits += 42;
    monitor_top_turn(&fake_hv, 1001000000);
    EXPECT(strstr(screen, "\x1b[H\x1b[JThe last 1.001 s; any key ends it.\r\n"
                          "NAME "));
    EXPECT(strstr(screen, " 100.0%  100.0%          7         42          0 "
                          "         0\r\nfake: by place"));
    EXPECT_EQ(monitor_top_deadline(&fake_hv), 2001000000);
    monitor_top_end(&fake_hv);
    EXPECT_EQ(monitor_top_deadline(&fake_hv), UINT64_MAX);
    wipe();
    monitor_top_turn(&fake_hv, 5000000000);
    EXPECT_STR(screen, "");
}

/* Another VM in the slot begins anew. */
static void top_of_a_vm_that_is_new(void)
{
    start();
    vm->exits = 100;
    type("top fake");
    type("destroy fake");
    type("create vm=two mem=2M");
    vm->exits = 5;
    wipe();
    monitor_top_turn(&fake_hv, 2000000000);
    EXPECT(strstr(screen, "two             running   100.0%    0.0%          0 "
                          "         5 "));
}

/* Who is not the console gets one picture. */
static void top_for_a_script(void)
{
    const struct sink out = {capture, NULL};

    start();
    type("create vm=two mem=2M");
    wipe();
    monitor_command_to(&fake_hv, "top two", &out);
    EXPECT(!fake_hv.top.on);
    EXPECT(str_starts(screen, "NAME "));
    EXPECT(strstr(screen, "two: by place") && !strstr(screen, "fake: by"));
    wipe();
    script_set(&fake_hv.script, slice_of("top fake; list"));
    script_turn(&fake_hv, 0);
    EXPECT(!fake_hv.top.on && strstr(screen, "fake: by place"));
}

static const struct unit_case cases[] = {
    CASE(costs_add_up),
    CASE(no_sum_is_lost),
    CASE(exact_means_each),
    CASE(samples_thin_out_without_a_bias),
    CASE(a_rhythm_is_met),
    CASE(a_dear_place_stays),
    CASE(rows_come_by_cost),
    CASE(places_of_a_function_are_one_row),
    CASE(an_exit_is_measured),
    CASE(stats_shows_costs),
    CASE(a_way_to_measure_is_chosen),
    CASE(shares_of_the_processor),
    CASE(a_cap_is_all_that_is_due),
    CASE(a_share_of_huge_numbers),
    CASE(json_has_everything),
    CASE(json_of_one_and_of_none),
    CASE(json_escapes_what_it_must),
    CASE(json_is_one_line_of_the_console),
    CASE(top_shows_each_second),
    CASE(top_of_a_vm_that_is_new),
    CASE(top_for_a_script),
};
UNIT_MAIN(cases)
