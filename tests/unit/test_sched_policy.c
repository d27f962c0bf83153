/* SPDX-License-Identifier: MIT
 *
 * The policies beside round-robin, by a clock that a small loop turns: the
 * rules of MLFQ and the ways around them, stride's shares, the textbook's
 * three for jobs, caps, and the figures.
 * LINKS: vmm/vm vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/vm/sched_impl.h"

#define MS 1000000ull

static struct sched s;
static u64 now;

static void start(const struct sched_policy *policy, u32 entries)
{
    now = 0;
    sched_init(&s, policy);
    for (u32 i = 0; i < entries; i++) {
        sched_add(&s, i, 1);
        sched_set_runnable(&s, i, true);
    }
}

static void spend(u32 slot, u64 ns)
{
    now += ns;
    sched_clock(&s, now);
    sched_charge(&s, slot, ns);
}

/* One turn of the loop; an idle one lasts a millisecond. */
static int turn(void)
{
    int slot = sched_pick(&s);

    if (slot >= 0)
        spend((u32)slot, sched_slice(&s, (u32)slot));
    else
        sched_clock(&s, now += MS);
    return slot;
}

static void run_for(u64 ns)
{
    u64 end = now + ns;

    while (now < end)
        turn();
}

/* Runs whoever is picked until it has used ns, then it halts. */
static void run_burst(int wanted, u64 ns)
{
    EXPECT_EQ(sched_pick(&s), wanted);
    spend((u32)wanted, ns);
    sched_set_runnable(&s, (u32)wanted, false);
}

static bool about(u64 a, u64 b, u64 within)
{
    return a <= b + within && b <= a + within;
}

/* ---- every policy */

static void the_names_are_all_there(void)
{
    static const char *const names[] = {"rr",   "mlfq", "stride",
                                        "fifo", "sjf",  "stcf"};
    for (u32 i = 0; i < ARRAY_LEN(names); i++) {
        EXPECT_STR(sched_policy(i)->name, names[i]);
        EXPECT_EQ(sched_policy(i)->fair, i < 3);
    }
    EXPECT(!sched_policy(ARRAY_LEN(names)));
}

static void nobody_is_nobody_everywhere(void)
{
    for (u32 i = 0; sched_policy(i); i++) {
        start(sched_policy(i), 0);
        EXPECT_EQ(sched_pick(&s), -1);
        sched_add(&s, SCHED_SLOTS - 1, 1);
        EXPECT_EQ(sched_pick(&s), -1);
        sched_set_runnable(&s, SCHED_SLOTS - 1, true);
        EXPECT_EQ(sched_pick(&s), SCHED_SLOTS - 1);
        EXPECT(sched_slice(&s, SCHED_SLOTS - 1) > 0);
        sched_remove(&s, SCHED_SLOTS - 1);
        EXPECT_EQ(sched_pick(&s), -1);
    }
}

/* A quarter of the time, alone or not, in turns of any length. */
static void a_cap_holds_under_every_policy(void)
{
    for (u32 i = 0; sched_policy(i); i++) {
        start(sched_policy(i), 2);
        sched_set(&s, 0, 1, 25, 0);
        run_for(4000 * MS);
        EXPECT(s.entry[0].used_ns <= 1000 * MS);
        sched_set_runnable(&s, 1, false);
        run_for(4000 * MS);
        EXPECT(s.entry[0].used_ns <= 2000 * MS);
        EXPECT(s.entry[0].used_ns >= 980 * MS);
    }
}

static void who_is_held_is_waited_for(void)
{
    start(&sched_round_robin, 1);
    EXPECT_EQ(sched_deadline(&s), UINT64_MAX);
    sched_set(&s, 0, 1, 1, 0);
    EXPECT_EQ(turn(), 0);
    EXPECT_EQ(sched_pick(&s), -1);
    EXPECT_EQ(sched_deadline(&s), 100 * MS);
    sched_clock(&s, 100 * MS);
    EXPECT_EQ(sched_pick(&s), 0);
    EXPECT_EQ(sched_slice(&s, 0), MS);
    sched_charge(&s, 0, 3 * MS); /* three times its share */
    sched_clock(&s, 300 * MS);
    EXPECT_EQ(sched_pick(&s), -1);
    sched_clock(&s, 400 * MS);
    EXPECT_EQ(sched_pick(&s), 0);
    sched_set(&s, 0, 1, 100, 0);
    EXPECT_EQ(sched_slice(&s, 0), 10 * MS - 4 * MS);
}

/* Nobody is shut out for ever, whatever was charged. */
static void debts_of_caps_are_bounded(void)
{
    start(&sched_round_robin, 1);
    sched_set(&s, 0, 1, 50, 0);
    sched_charge(&s, 0, UINT64_MAX);
    sched_charge(&s, 0, UINT64_MAX);
    sched_clock(&s, 130 * s.knobs.period);
    EXPECT_EQ(sched_pick(&s), 0);
}

static void a_fair_policy_starves_nobody(void)
{
    for (u32 i = 0; i < 3; i++) {
        start(sched_policy(i), SCHED_SLOTS);
        for (u32 e = 1; e < SCHED_SLOTS; e++)
            sched_set(&s, e, 100, 0, 0);
        run_for(60000 * MS);
        EXPECT(s.entry[0].used_ns >= 20 * MS);
        EXPECT(sched_longest_wait(&s, 0) <= 16 * 1000 * MS);
    }
}

/* ---- the figures */

static void figures_are_those_of_the_textbook(void)
{
    start(&sched_fifo, 3);
    run_burst(0, 100 * MS);
    run_burst(1, 10 * MS);
    EXPECT_EQ(sched_longest_wait(&s, 2), 110 * MS);
    run_burst(2, 10 * MS);
    EXPECT_EQ(s.entry[0].response_ns, 0);
    EXPECT_EQ(s.entry[1].response_ns, 100 * MS);
    EXPECT_EQ(s.entry[2].response_ns, 110 * MS);
    EXPECT_EQ((s.entry[0].turnaround + s.entry[1].turnaround +
               s.entry[2].turnaround) /
                  3,
              110 * MS);
    for (u32 i = 0; i < 3; i++) {
        EXPECT_EQ(s.entry[i].bursts, 1);
        EXPECT_EQ(s.entry[i].turns, 1);
    }
    EXPECT_EQ(sched_longest_wait(&s, 2), 110 * MS);
}

/* ---- jobs: the textbook's 100, 10, 10 */

static void sjf_takes_the_short_ones_first(void)
{
    start(&sched_sjf, 3);
    sched_set(&s, 0, 1, 0, 100 * MS);
    sched_set(&s, 1, 1, 0, 10 * MS);
    sched_set(&s, 2, 1, 0, 10 * MS);
    run_burst(1, 10 * MS);
    run_burst(2, 10 * MS);
    run_burst(0, 100 * MS);
    EXPECT_EQ((s.entry[0].turnaround + s.entry[1].turnaround +
               s.entry[2].turnaround) /
                  3,
              50 * MS);
}

/* A at 0, B and C at 10: the mean turnaround is 103.33 without preemption
 * and 50 with it. */
static void late_arrivals(const struct sched_policy *policy)
{
    start(policy, 1);
    sched_set(&s, 0, 1, 0, 100 * MS);
    EXPECT_EQ(sched_pick(&s), 0);
    spend(0, 10 * MS);
    for (u32 i = 1; i < 3; i++) {
        sched_add(&s, i, 1);
        sched_set(&s, i, 1, 0, 10 * MS);
        sched_set_runnable(&s, i, true);
    }
}

static void sjf_does_not_preempt(void)
{
    late_arrivals(&sched_sjf);
    run_burst(0, 90 * MS);
    run_burst(1, 10 * MS);
    run_burst(2, 10 * MS);
    EXPECT_EQ(s.entry[0].turnaround + s.entry[1].turnaround +
                  s.entry[2].turnaround,
              310 * MS);
}

static void stcf_does(void)
{
    late_arrivals(&sched_stcf);
    run_burst(1, 10 * MS);
    run_burst(2, 10 * MS);
    run_burst(0, 90 * MS);
    EXPECT_EQ(s.entry[0].turnaround + s.entry[1].turnaround +
                  s.entry[2].turnaround,
              150 * MS);
}

static void a_length_is_predicted_from_the_last_ones(void)
{
    start(&sched_sjf, 1);
    EXPECT_EQ(s.entry[0].guess, 10 * MS);
    run_burst(0, 30 * MS);
    sched_set_runnable(&s, 0, true);
    EXPECT_EQ(s.entry[0].guess, 20 * MS);
    run_burst(0, 4 * MS);
    sched_set_runnable(&s, 0, true);
    EXPECT_EQ(s.entry[0].guess, 12 * MS);
    sched_add(&s, 1, 1);
    sched_set_runnable(&s, 1, true);
    EXPECT_EQ(sched_pick(&s), 1); /* 10 and not 12 */
}

/* Two that declare a millisecond and run for ever share the processor; an
 * honest one goes before them. */
static void liars_gain_nothing_under_stcf(void)
{
    start(&sched_stcf, 3);
    sched_set(&s, 0, 1, 0, MS);
    sched_set(&s, 1, 1, 0, MS);
    sched_set(&s, 2, 1, 0, 50 * MS);
    run_for(200 * MS);
    EXPECT_EQ(s.entry[2].used_ns, 50 * MS + 10 * MS);
    EXPECT(about(s.entry[0].used_ns, s.entry[1].used_ns, 10 * MS));
}

static void fifo_goes_by_waking(void)
{
    start(&sched_fifo, 2);
    run_burst(0, 5 * MS);
    sched_set_runnable(&s, 0, true);
    EXPECT_EQ(sched_pick(&s), 1);
    spend(1, 1000 * MS);
    EXPECT_EQ(sched_pick(&s), 1);
    EXPECT_EQ(s.entry[0].used_ns, 5 * MS);
    EXPECT_EQ(sched_longest_wait(&s, 0), 1000 * MS);
}

/* ---- MLFQ */

static void a_long_job_sinks_level_by_level(void)
{
    static const u64 ends[] = {10, 30, 70};
    start(&sched_mlfq, 1);
    for (u32 i = 0; i < ARRAY_LEN(ends); i++) {
        EXPECT_EQ(s.entry[0].level, i);
        run_for(ends[i] * MS - now);
    }
    run_for(999 * MS - now);
    EXPECT_EQ(s.entry[0].level, 3);
    sched_clock(&s, 1000 * MS);
    EXPECT_EQ(sched_pick(&s), 0);
    EXPECT_EQ(s.entry[0].level, 0); /* the boost */
}

static void the_higher_level_goes_first(void)
{
    start(&sched_mlfq, 1);
    run_for(200 * MS);
    sched_add(&s, 1, 1);
    sched_set_runnable(&s, 1, true);
    EXPECT_EQ(turn(), 1); /* in the midst of the other's 80 ms */
    EXPECT_EQ(s.entry[1].level, 1);
    EXPECT_EQ(turn(), 1);
}

static void equals_take_turns(void)
{
    start(&sched_mlfq, 3);
    EXPECT_EQ(turn(), 0);
    EXPECT_EQ(turn(), 1);
    EXPECT_EQ(turn(), 2);
    EXPECT_EQ(turn(), 0);
    EXPECT_EQ(turn(), 0); /* 20 ms, a quantum at a time */
    EXPECT_EQ(turn(), 1);
}

/* Gives way just before each turn is over, and wakes at once. */
static void giving_way_in_time_is_no_way_to_stay_up(void)
{
    start(&sched_mlfq, 2);
    s.knobs.boost = 0;
    for (int i = 0; i < 200; i++) {
        int slot = sched_pick(&s);
        if (slot) {
            spend(1, sched_slice(&s, 1));
            continue;
        }
        spend(0, sched_slice(&s, 0) * 99 / 100);
        sched_set_runnable(&s, 0, false);
        sched_set_runnable(&s, 0, true);
    }
    EXPECT_EQ(s.entry[0].level, 3);
    EXPECT(s.entry[0].used_ns < 6 * s.entry[1].used_ns);
}

/* Short jobs without end, as the textbook has them. */
static u64 share_of_the_long_one(u64 boost)
{
    start(&sched_mlfq, 3);
    s.knobs.boost = boost;
    while (now < 4000 * MS) {
        int slot = sched_pick(&s);
        if (!slot) {
            spend(0, sched_slice(&s, 0));
            continue;
        }
        spend((u32)slot, MS);
        sched_remove(&s, (u32)slot); /* another takes its place */
        sched_add(&s, (u32)slot, 1);
        sched_set_runnable(&s, (u32)slot, true);
    }
    return s.entry[0].used_ns;
}

static void starving_and_its_cure(void)
{
    EXPECT_EQ(share_of_the_long_one(0), 10 * MS);
    EXPECT(share_of_the_long_one(100 * MS) >= 390 * MS);
}

/* A boost in each turn neither keeps one in front nor stops the others. */
static void a_boost_in_each_turn_is_round_robin(void)
{
    start(&sched_mlfq, 3);
    s.knobs.boost = MS;
    run_for(3000 * MS);
    EXPECT(about(s.entry[0].used_ns, s.entry[1].used_ns, 10 * MS));
    EXPECT(about(s.entry[1].used_ns, s.entry[2].used_ns, 10 * MS));
}

static void overdrawing_and_work_for_others_is_paid_back(void)
{
    start(&sched_mlfq, 2);
    for (int i = 0; i < 3000; i++) {
        u32 slot = (u32)sched_pick(&s);
        spend(slot, sched_slice(&s, slot) * (slot ? 2 : 3) / 2);
        sched_charge(&s, 0, MS);
    }
    EXPECT(about(s.entry[0].used_ns, s.entry[1].used_ns, 500 * MS));
    sched_charge(&s, 0, UINT64_MAX);
    EXPECT(sched_pick(&s) >= 0);
}

static void who_owes_a_turn_goes_behind_the_others(void)
{
    start(&sched_mlfq, 2);
    s.knobs.levels = 1;
    sched_charge(&s, 0, 30 * MS);
    EXPECT_EQ(turn(), 1);
    EXPECT_EQ(turn(), 1);
    sched_set_runnable(&s, 1, false);
    EXPECT_EQ(turn(), 0); /* alone it is no matter */
}

static void weights_multiply_turns(void)
{
    start(&sched_mlfq, 2);
    sched_set(&s, 1, 3, 0, 0);
    s.knobs.boost = 0;
    run_for(8000 * MS);
    EXPECT(about(s.entry[1].used_ns, 3 * s.entry[0].used_ns, 400 * MS));
}

/* ---- stride */

static void strides_are_shares(void)
{
    static const u32 weight[] = {1, 3, 7, 89};
    start(&sched_stride, 4);
    for (u32 i = 0; i < 4; i++)
        sched_set(&s, i, weight[i], 0, 0);
    run_for(100000 * MS);
    for (u32 i = 0; i < 4; i++)
        EXPECT(about(s.entry[i].used_ns, weight[i] * 1000 * MS, 20 * MS));
}

static void sleep_earns_nothing(void)
{
    start(&sched_stride, 2);
    sched_set_runnable(&s, 0, false);
    run_for(10000 * MS);
    sched_set_runnable(&s, 0, true);
    run_for(1000 * MS);
    EXPECT(about(s.entry[0].used_ns, 500 * MS, 10 * MS));
}

static void a_turn_is_not_cut_by_interruptions(void)
{
    start(&sched_stride, 2);
    EXPECT_EQ(sched_pick(&s), 0);
    spend(0, MS);
    EXPECT_EQ(sched_pick(&s), 0);
    spend(0, 9 * MS);
    EXPECT_EQ(sched_pick(&s), 1);
}

static void passes_stay_together_and_wrap(void)
{
    start(&sched_stride, 2);
    sched_charge(&s, 0, UINT64_MAX);
    sched_charge(&s, 0, UINT64_MAX);
    run_for(64 * 10 * MS + 20 * MS);
    EXPECT(sched_pick(&s) == 0 || turn() == 0 || turn() == 0);
    s.pass = s.entry[0].pass = s.entry[1].pass = UINT64_MAX - 5;
    s.entry[0].used_ns = s.entry[1].used_ns = 0;
    run_for(1000 * MS);
    EXPECT(about(s.entry[0].used_ns, s.entry[1].used_ns, 20 * MS));
}

/* ---- changes while running */

static void policies_can_be_changed_at_any_time(void)
{
    start(&sched_round_robin, 4);
    for (u32 i = 0; i < 60; i++) {
        sched_switch(&s, sched_policy(i % 6));
        for (int n = 0; n < 7; n++)
            EXPECT(turn() >= 0);
        sched_set_runnable(&s, i % 4, i % 3);
    }
}

/* Who owed much with a great weight can still be picked with a small one, and
 * who is alone is not taken for nobody. */
static void debts_shrink_with_the_weight(void)
{
    start(&sched_round_robin, 1);
    sched_set(&s, 0, 100, 0, 0);
    sched_charge(&s, 0, UINT64_MAX);
    sched_set(&s, 0, 1, 0, 0);
    EXPECT_EQ(sched_pick(&s), 0);
}

/* A slot's next VM is not the one that had it. */
static void a_slot_is_used_again(void)
{
    start(&sched_stride, 1);
    s.pass = s.entry[0].pass = 1ull << 63;
    EXPECT_EQ(turn(), 0);
    sched_remove(&s, 0);
    sched_add(&s, 0, 1);
    EXPECT_EQ(s.entry[0].pass, s.pass);
    sched_set_runnable(&s, 0, true);
    EXPECT_EQ(turn(), 0);
    EXPECT_EQ(s.entry[0].turns, 1);
}

static void time_does_not_go_back(void)
{
    start(&sched_mlfq, 1);
    sched_clock(&s, 5 * MS);
    sched_clock(&s, 4 * MS);
    EXPECT_EQ(s.now, 5 * MS);
    sched_clock(&s, UINT64_MAX / 2);
    EXPECT(s.now - s.period_start < s.knobs.period);
}

static const struct unit_case cases[] = {
    CASE(the_names_are_all_there),
    CASE(nobody_is_nobody_everywhere),
    CASE(a_cap_holds_under_every_policy),
    CASE(who_is_held_is_waited_for),
    CASE(debts_of_caps_are_bounded),
    CASE(a_fair_policy_starves_nobody),
    CASE(figures_are_those_of_the_textbook),
    CASE(sjf_takes_the_short_ones_first),
    CASE(sjf_does_not_preempt),
    CASE(stcf_does),
    CASE(a_length_is_predicted_from_the_last_ones),
    CASE(liars_gain_nothing_under_stcf),
    CASE(fifo_goes_by_waking),
    CASE(a_long_job_sinks_level_by_level),
    CASE(the_higher_level_goes_first),
    CASE(equals_take_turns),
    CASE(giving_way_in_time_is_no_way_to_stay_up),
    CASE(starving_and_its_cure),
    CASE(a_boost_in_each_turn_is_round_robin),
    CASE(overdrawing_and_work_for_others_is_paid_back),
    CASE(who_owes_a_turn_goes_behind_the_others),
    CASE(weights_multiply_turns),
    CASE(strides_are_shares),
    CASE(sleep_earns_nothing),
    CASE(a_turn_is_not_cut_by_interruptions),
    CASE(passes_stay_together_and_wrap),
    CASE(policies_can_be_changed_at_any_time),
    CASE(debts_shrink_with_the_weight),
    CASE(a_slot_is_used_again),
    CASE(time_does_not_go_back),
};
UNIT_MAIN(cases)
