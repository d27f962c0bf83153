/* SPDX-License-Identifier: MIT
 *
 * Hare's scheduling policies on the textbook's examples. A small machine of
 * whole ticks runs jobs as the kernel does, and writes down who had each
 * tick: a letter per job, a dot when nobody was ready. The charts and times
 * they are held to were worked out by hand, tick by tick. Behind them: parts
 * of a tick, odd calls, and random ones.
 * LINKS: guest/policy
 */
#include "guest/policy/sched.h"
#include "tests/unit/unit.h"

#define TICKS 256
#define JOBS  3

enum { FIFO, SJF, STCF, RR, MLFQ };

/* `bursts` bursts of `length` ticks, `wait` ticks between them. */
struct mix {
    u32 arrives, length, bursts, wait;
};

struct run {
    u32 wakes, left, bursts; /* at what time, of this burst, behind it */
    u32 response, turnaround;
    int ran;
};

static struct sched s;
static struct run run[JOBS];
static char chart[TICKS + 1];
static u32 sums[2]; /* of response and of turnaround */

static void start(u32 policy)
{
    sched_init(&s, sched_policy(policy));
    EXPECT(sched_set(&s, SCHED_BOOST, 0));
}

/* MLFQ of so many levels, each with the same slice and allotment. */
static void start_mlfq(u32 levels, u32 slice, u32 allot)
{
    start(MLFQ);
    EXPECT(sched_set(&s, SCHED_LEVEL_COUNT, levels));
    for (u32 i = 0; i < levels; i++) {
        EXPECT(sched_set(&s, SCHED_SLICE + i, slice));
        EXPECT(sched_set(&s, SCHED_ALLOT + i, allot));
    }
}

static void arrive(const struct mix *mix, u32 jobs, u32 now)
{
    for (u32 i = 0; i < jobs; i++) {
        if (!run[i].bursts || run[i].left || run[i].wakes > now)
            continue;
        run[i].left = mix[i].length;
        sched_ready(&s, i, mix[i].length);
    }
}

static void use_tick(const struct mix *mix, int who, u32 now)
{
    struct run *r = &run[who];

    if (!r->ran) {
        r->ran = 1;
        r->response = now - mix[who].arrives;
    }
    sched_charge(&s, (u32)who, SCHED_TICK);
    if (--r->left)
        return;
    r->bursts--;
    r->wakes = now + 1 + mix[who].wait;
    r->turnaround = now + 1 - mix[who].arrives;
    sched_block(&s, (u32)who);
}

static int all_done(u32 jobs)
{
    for (u32 i = 0; i < jobs; i++)
        if (run[i].bursts)
            return 0;
    return 1;
}

static void add_up(u32 jobs)
{
    memset(sums, 0, sizeof(sums));
    for (u32 i = 0; i < jobs; i++) {
        sums[0] += run[i].response;
        sums[1] += run[i].turnaround;
    }
}

static const char *simulate(const struct mix *mix, u32 jobs)
{
    u32 now = 0;
    int who = -1;

    memset(run, 0, sizeof(run));
    for (u32 i = 0; i < jobs; i++) {
        run[i].bursts = mix[i].bursts ? mix[i].bursts : 1;
        run[i].wakes = mix[i].arrives;
        sched_add(&s, i);
    }
    arrive(mix, jobs, 0);
    for (; now < TICKS && !all_done(jobs); now++) {
        if (who < 0 || !s.job[who].ready)
            who = sched_pick(&s);
        chart[now] = who < 0 ? '.' : (char)('A' + who);
        if (who >= 0)
            use_tick(mix, who, now);
        arrive(mix, jobs, now + 1);
        if (sched_tick(&s, who))
            who = sched_pick(&s);
    }
    chart[now] = 0;
    add_up(jobs);
    return chart;
}

static void test_fifo(void)
{
    static const struct mix equal[] = {{.length = 10},
                                       {.length = 10}, //
                                       {.length = 10}};

    start(FIFO);
    EXPECT_STR(simulate(equal, 3), "AAAAAAAAAABBBBBBBBBBCCCCCCCCCC");
    EXPECT_EQ(sums[1], 3 * 20);
    EXPECT_EQ(sums[0], 0 + 10 + 20);
}

static const struct mix convoy[] = {{.length = 100}, //
                                    {.length = 10},
                                    {.length = 10}};
static const struct mix late[] = {{.length = 100},
                                  {.arrives = 10, .length = 10},
                                  {.arrives = 10, .length = 10}};

static void test_convoy(void)
{
    start(FIFO);
    simulate(convoy, 3);
    EXPECT_EQ(sums[1], 100 + 110 + 120);
    start(SJF);
    simulate(convoy, 3);
    EXPECT_EQ(sums[1], 10 + 20 + 120);
}

static void test_late(void)
{
    start(SJF);
    simulate(late, 3);
    EXPECT_EQ(sums[1], 100 + 100 + 110);
    start(STCF);
    simulate(late, 3);
    EXPECT_EQ(run[0].turnaround, 120);
    EXPECT_EQ(run[1].turnaround, 10);
    EXPECT_EQ(run[2].turnaround, 20);
    EXPECT_EQ(sums[0], 0 + 0 + 10);
}

static void test_rr(void)
{
    static const struct mix equal[] = {{.length = 5},
                                       {.length = 5}, //
                                       {.length = 5}};

    start(RR);
    EXPECT_STR(simulate(equal, 3), "ABCABCABCABCABC");
    EXPECT_EQ(sums[0], 0 + 1 + 2);
    EXPECT_EQ(sums[1], 13 + 14 + 15);
    start(RR);
    EXPECT(sched_set(&s, SCHED_QUANTUM, 2));
    EXPECT_STR(simulate(equal, 3), "AABBCCAABBCCABC");
    start(SJF);
    EXPECT_STR(simulate(equal, 3), "AAAAABBBBBCCCCC");
    EXPECT_EQ(sums[0], 0 + 5 + 10);
}

/* A waits as long as it computes; the tick that ends a turn finds the
 * newcomer in the queue already. */
static void test_overlap(void)
{
    static const struct mix io[] = {{.length = 1, .bursts = 5, .wait = 1},
                                    {.length = 6}};

    start(STCF);
    EXPECT_STR(simulate(io, 2), "ABABABABABB");
    start(FIFO);
    EXPECT_STR(simulate(io, 2), "ABBBBBBA.A.A.A");
}

static void test_mlfq_sinks(void)
{
    static const struct mix one[] = {{.length = 20}};
    static const struct mix two[] = {{.length = 14},
                                     {.arrives = 10, .length = 2}};

    /* Each level has an allotment of its own. */
    start_mlfq(3, 1, 2);
    sched_add(&s, 0);
    sched_ready(&s, 0, 0);
    for (u32 t = 0; t < 8; t++) {
        EXPECT_EQ(s.job[0].level, t < 4 ? t / 2 : 2);
        sched_charge(&s, 0, SCHED_TICK);
        EXPECT_EQ(sched_tick(&s, 0), 0);
    }
    start_mlfq(3, 1, 1);
    EXPECT_STR(simulate(one, 1), "AAAAAAAAAAAAAAAAAAAA");
    start_mlfq(3, 1, 1);
    EXPECT_STR(simulate(two, 2), "AAAAAAAAAABBAAAA");
}

/* Slices of a level, turns within it, and the preempted goes on first. */
static void test_mlfq_slices(void)
{
    static const struct mix mix[] = {
        {.length = 6}, {.length = 6}, {.arrives = 7, .length = 1}};

    start_mlfq(2, 1, 2);
    EXPECT(sched_set(&s, SCHED_SLICE + 1, 3));
    /* Top: ABAB. Below: A has three ticks, B one, C comes at the top. */
    EXPECT_STR(simulate(mix, 3), "ABABAAACBBBAB");
}

/* C computes for long; A and B have a tick of work every other tick, and
 * their allotment of the top level lasts. */
static const struct mix starving[] = {
    {.arrives = 10, .length = 1, .bursts = 5, .wait = 1},
    {.arrives = 11, .length = 1, .bursts = 5, .wait = 1},
    {.length = 14},
};

static void test_starvation(void)
{
    start_mlfq(2, 1, 10);
    EXPECT_STR(simulate(starving, 3), "CCCCCCCCCCABABABABABCCCC");
    start_mlfq(2, 1, 10);
    EXPECT(sched_set(&s, SCHED_BOOST, 14));
    EXPECT_STR(simulate(starving, 3), "CCCCCCCCCCABABCABCABCABC");
}

/* A gives way one tick before its allotment is used up. */
static void test_gamer(void)
{
    static const struct mix mix[] = {{.length = 9, .bursts = 3, .wait = 1},
                                     {.length = 27}};

    start_mlfq(2, 10, 10);
    EXPECT_STR(simulate(mix, 2), "AAAAAAAAABBBBBBBBBBABBBBBBBBBB"
                                 "AAAAAAAABBBBBBBAAAAAAAAA");
}

/* It gives way just before every tick, and sinks all the same. */
static void test_parts_of_a_tick(void)
{
    start_mlfq(3, 1, 2);
    sched_add(&s, 0);
    sched_add(&s, 1);
    sched_ready(&s, 0, 0);
    for (u32 i = 0; i < 3; i++) {
        EXPECT_EQ(s.job[0].level, 0);
        EXPECT_EQ(sched_pick(&s), 0);
        sched_charge(&s, 0, 1000);
        sched_block(&s, 0);
        sched_ready(&s, 0, 0);
        EXPECT_EQ(sched_tick(&s, -1), 0);
    }
    EXPECT_EQ(s.job[0].level, 1);
    sched_ready(&s, 1, 0);
    EXPECT_EQ(sched_pick(&s), 1);
    /* Round-robin's quantum counts them, too: across preemption, not turns. */
    start(RR);
    sched_add(&s, 0);
    sched_add(&s, 1);
    sched_ready(&s, 0, 0);
    sched_ready(&s, 1, 0);
    sched_charge(&s, 0, SCHED_TICK - 1);
    EXPECT_EQ(sched_tick(&s, sched_pick(&s)), 0);
    sched_charge(&s, 0, 1);
    EXPECT_EQ(sched_tick(&s, 0), 1);
    EXPECT_EQ(sched_pick(&s), 1);
    EXPECT_EQ(s.job[0].slice, 0);
}

/* The book's row: a first guess of 10, bursts of 6, 4, 6, 4, 13, 13, 13. */
static void test_guess(void)
{
    static const u32 bursts[] = {6, 4, 6, 4, 13, 13, 13};
    static const u32 guesses[] = {8, 6, 6, 5, 9, 11, 12};

    start(SJF);
    sched_add(&s, 0);
    EXPECT_EQ(s.job[0].guess, 10 * SCHED_TICK);
    for (u32 i = 0; i < 7; i++) {
        sched_ready(&s, 0, 0);
        sched_charge(&s, 0, bursts[i] * SCHED_TICK);
        sched_block(&s, 0);
        EXPECT_EQ(s.job[0].guess, guesses[i] * SCHED_TICK);
    }
    sched_add(&s, 1); /* a first guess of 10 comes before one of 12 */
    sched_ready(&s, 0, 0);
    sched_ready(&s, 1, 0);
    EXPECT_EQ(sched_pick(&s), 1);
}

/* Whoever said "short" and was not loses the advantage. */
static void test_liar(void)
{
    start(STCF);
    sched_add(&s, 0);
    sched_add(&s, 1);
    sched_ready(&s, 0, 1);
    sched_ready(&s, 1, 3);
    for (u32 t = 0; t < 3; t++) {
        EXPECT_EQ(sched_pick(&s), 0);
        sched_charge(&s, 0, SCHED_TICK);
        EXPECT_EQ(sched_tick(&s, 0), 0);
    }
    sched_charge(&s, 0, SCHED_TICK);
    EXPECT_EQ(sched_left(&s, 0), 4 * SCHED_TICK);
    EXPECT_EQ(sched_tick(&s, 0), 1);
    EXPECT_EQ(sched_pick(&s), 1);
}

static void test_yield(void)
{
    for (u32 p = FIFO; p <= MLFQ; p++) {
        start(p);
        for (u32 i = 0; i < JOBS; i++) {
            sched_add(&s, i);
            sched_ready(&s, i, 5);
        }
        EXPECT_EQ(sched_pick(&s), 0);
        sched_pass(&s, 0);
        EXPECT_EQ(sched_pick(&s), 1);
        sched_pass(&s, 1);
        EXPECT_EQ(sched_pick(&s), 2);
        sched_pass(&s, 2);
        EXPECT_EQ(sched_pick(&s), 0);
    }
}

/* sjf lets the long job run on; a switch to stcf takes its turn at the next
 * tick, one to rr gives all of them turns, one to mlfq starts at the top. */
static void test_switching(void)
{
    start(SJF);
    sched_add(&s, 0);
    sched_add(&s, 1);
    sched_ready(&s, 0, 50);
    EXPECT_EQ(sched_pick(&s), 0);
    sched_ready(&s, 1, 5);
    sched_charge(&s, 0, SCHED_TICK);
    EXPECT_EQ(sched_tick(&s, 0), 0);
    EXPECT_EQ(sched_pick(&s), 0);
    sched_switch(&s, sched_policy(STCF));
    sched_charge(&s, 0, SCHED_TICK);
    EXPECT_EQ(sched_tick(&s, 0), 1);
    EXPECT_EQ(sched_pick(&s), 1);
    sched_switch(&s, sched_policy(RR));
    EXPECT_EQ(sched_pick(&s), 1);
    sched_charge(&s, 1, SCHED_TICK);
    EXPECT_EQ(sched_tick(&s, 1), 1);
    EXPECT_EQ(sched_pick(&s), 0);
    s.job[0].level = 2;
    s.job[0].allotted = 7;
    sched_switch(&s, sched_policy(MLFQ));
    EXPECT_EQ(s.job[0].level, 0);
    EXPECT_EQ(s.job[0].allotted, 0);
}

static void test_knobs(void)
{
    static const u32 wrong[][2] = {
        {SCHED_QUANTUM, 0},
        {SCHED_QUANTUM, 1000001},
        {SCHED_LEVEL_COUNT, 0},
        {SCHED_LEVEL_COUNT, SCHED_LEVELS + 1},
        {4, 1},
        {7, 1},
        {SCHED_SLICE + 16, 1},
        {SCHED_SLICE, 0},
        {SCHED_ALLOT, ~0u},
        {~0u, 1},
        {SCHED_BOOST, 1u << 31},
        {SCHED_GUESS, 0},
    };

    start(MLFQ);
    for (u32 i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        EXPECT_EQ(sched_set(&s, wrong[i][0], wrong[i][1]), 0);
    EXPECT(sched_set(&s, SCHED_GUESS, 7));
    sched_add(&s, 3);
    EXPECT_EQ(s.job[3].guess, 7 * SCHED_TICK);
    EXPECT(sched_set(&s, SCHED_LEVEL_COUNT, 8));
    s.job[3].level = 7;
    EXPECT(sched_set(&s, SCHED_LEVEL_COUNT, 2));
    EXPECT_EQ(s.job[3].level, 1);
    EXPECT(sched_set(&s, SCHED_LEVEL_COUNT, 1));
    EXPECT_EQ(s.job[3].level, 0);
    EXPECT(sched_set(&s, SCHED_ALLOT + 7, 1000000));
    EXPECT_EQ(s.knobs.allot[7], 1000000);
    EXPECT_EQ(sched_policy(5) == NULL, 1);
    EXPECT_STR(sched_policy(MLFQ)->name, "mlfq");
}

/* Calls for slots that are not there, twice, or in the wrong state. */
static void test_odd_calls(void)
{
    start(RR);
    sched_add(&s, SCHED_JOBS);
    sched_ready(&s, SCHED_JOBS, 1);
    sched_ready(&s, 5, 1);
    sched_block(&s, ~0u);
    sched_charge(&s, ~0u, 1);
    sched_remove(&s, SCHED_JOBS);
    EXPECT_EQ(sched_tick(&s, SCHED_JOBS), 0);
    EXPECT_EQ(sched_pick(&s), -1);
    EXPECT_EQ(s.end, 0);
    sched_add(&s, SCHED_JOBS - 1);
    sched_ready(&s, SCHED_JOBS - 1, ~0u);
    EXPECT_EQ(s.job[SCHED_JOBS - 1].length, SCHED_LENGTH);
    EXPECT_EQ(sched_pick(&s), SCHED_JOBS - 1);
    sched_charge(&s, SCHED_JOBS - 1, ~0u);
    sched_charge(&s, SCHED_JOBS - 1, ~0u);
    EXPECT_EQ(s.job[SCHED_JOBS - 1].burst, ~0u);
    sched_ready(&s, SCHED_JOBS - 1, 1); /* is ready: nothing begins */
    EXPECT_EQ(s.job[SCHED_JOBS - 1].burst, ~0u);
    sched_add(&s, SCHED_JOBS - 1); /* a new job in the slot */
    EXPECT_EQ(s.turn, -1);
    sched_remove(&s, SCHED_JOBS - 1);
    EXPECT_EQ(s.end, 0);
}

static u32 seed = 1;

static u32 chance(u32 n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static void random_call(void)
{
    u32 slot = chance(8);

    switch (chance(8)) {
    case 0:
        sched_add(&s, slot);
        break;
    case 1:
        sched_remove(&s, slot);
        break;
    case 2:
    case 3:
        sched_ready(&s, slot, chance(4));
        break;
    case 4:
        sched_block(&s, slot);
        break;
    case 5:
        sched_pass(&s, slot);
        break;
    case 6:
        sched_charge(&s, slot, chance(3000));
        break;
    default:
        sched_switch(&s, sched_policy(chance(5)));
    }
}

/* Whatever was called: a ready job is picked if there is one, asking twice
 * changes nothing, and nobody else of a smaller rank is passed over by a
 * preemptive policy. */
static void test_random(void)
{
    start(MLFQ);
    EXPECT(sched_set(&s, SCHED_BOOST, 5));
    for (u32 round = 0; round < 20000; round++) {
        int any = 0, who;

        random_call();
        sched_tick(&s, (int)chance(9) - 1);
        who = sched_pick(&s);
        for (u32 i = 0; i < SCHED_JOBS; i++) {
            any |= s.job[i].ready;
            if (s.job[i].ready && who >= 0 && s.policy->preemptive)
                EXPECT(s.policy->rank(&s, i) >= s.policy->rank(&s, (u32)who));
        }
        EXPECT_EQ(who >= 0, any);
        EXPECT(who < 0 || (s.job[who].used && s.job[who].ready));
        EXPECT_EQ(sched_pick(&s), who);
    }
}

static const struct unit_case cases[] = {
    CASE(test_fifo),        CASE(test_convoy),
    CASE(test_late),        CASE(test_rr),
    CASE(test_overlap),     CASE(test_mlfq_sinks),
    CASE(test_mlfq_slices), CASE(test_starvation),
    CASE(test_gamer),       CASE(test_parts_of_a_tick),
    CASE(test_guess),       CASE(test_liar),
    CASE(test_yield),       CASE(test_switching),
    CASE(test_knobs),       CASE(test_odd_calls),
    CASE(test_random),
};

UNIT_MAIN(cases)
