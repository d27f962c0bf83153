/* SPDX-License-Identifier: MIT
 *
 * Round-robin with weights: shares, order, halting, removal.
 * LINKS: vmm/vm vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/vm/sched.h"

static struct sched s;

static void start(int entries)
{
    sched_init(&s, &sched_round_robin);
    for (int i = 0; i < entries; i++) {
        sched_add(&s, (u32)i, 1);
        sched_set_runnable(&s, (u32)i, true);
    }
}

/* Runs the choice for its slice, in pieces of at most `piece` ns. */
static void run(u32 turns, u64 piece)
{
    while (turns--) {
        int slot = sched_pick(&s);
        u64 slice = sched_slice(&s, (u32)slot);
        sched_charge(&s, (u32)slot, slice < piece ? slice : piece);
    }
}

static void equal_weights_get_equal_shares(void)
{
    start(3);
    run(3000, UINT64_MAX);
    EXPECT_EQ(s.entry[0].used_ns, s.entry[1].used_ns);
    EXPECT_EQ(s.entry[1].used_ns, s.entry[2].used_ns);
}

static void weights_are_shares(void)
{
    start(2);
    s.entry[1].weight = 3;
    run(4000, UINT64_MAX);
    EXPECT_EQ(s.entry[1].used_ns, 3 * s.entry[0].used_ns);
}

static void interruptions_do_not_lengthen_a_turn(void)
{
    start(2);
    run(20000, SCHED_QUANTUM / 100);
    EXPECT_EQ(s.entry[0].used_ns, s.entry[1].used_ns);
}

static void a_halted_entry_gives_its_turn_away(void)
{
    start(2);
    EXPECT_EQ(sched_pick(&s), 1);
    sched_charge(&s, 1, 1000);
    sched_set_runnable(&s, 1, false);
    EXPECT_EQ(sched_pick(&s), 0);
    sched_set_runnable(&s, 0, false);
    EXPECT_EQ(sched_pick(&s), -1);
    sched_set_runnable(&s, 1, true);
    EXPECT_EQ(sched_pick(&s), 1);
}

static void a_removed_entry_is_never_picked(void)
{
    start(2);
    sched_remove(&s, 1);
    for (int i = 0; i < 10; i++) {
        EXPECT_EQ(sched_pick(&s), 0);
        sched_charge(&s, 0, UINT64_MAX);
    }
}

/* Slot 0 takes half as long again as it is given. */
static void an_overdrawn_turn_is_paid_back(void)
{
    start(2);
    for (int i = 0; i < 3000; i++) {
        int slot = sched_pick(&s);
        u64 slice = sched_slice(&s, (u32)slot);
        sched_charge(&s, (u32)slot, slot ? slice : slice * 3 / 2);
    }
    EXPECT(s.entry[0].used_ns <= s.entry[1].used_ns + SCHED_QUANTUM);
    EXPECT(s.entry[1].used_ns <= s.entry[0].used_ns + SCHED_QUANTUM);
}

static void work_done_for_another_is_its_debt(void)
{
    start(2);
    for (int i = 0; i < 3000; i++) {
        int slot = sched_pick(&s);
        sched_charge(&s, (u32)slot, SCHED_QUANTUM / 2);
        sched_charge(&s, 0, SCHED_QUANTUM / 8);
    }
    EXPECT(s.entry[0].used_ns <= s.entry[1].used_ns + SCHED_QUANTUM);
    EXPECT(s.entry[1].used_ns <= s.entry[0].used_ns + SCHED_QUANTUM);
}

static void a_debt_is_bounded_and_alone_it_is_no_matter(void)
{
    int turns = 0;

    start(2);
    sched_charge(&s, 0, UINT64_MAX);
    sched_charge(&s, 0, UINT64_MAX);
    for (; turns < 1000 && sched_pick(&s) == 1; turns++)
        sched_charge(&s, 1, SCHED_QUANTUM);
    EXPECT(turns > 60 && turns < 70);
    EXPECT_EQ(sched_slice(&s, 0), SCHED_QUANTUM);
    sched_charge(&s, 0, UINT64_MAX);
    sched_set_runnable(&s, 1, false);
    EXPECT_EQ(sched_pick(&s), 0);
}

static void charging_more_than_the_slice_does_not_end_it(void)
{
    start(1);
    sched_charge(&s, 0, UINT64_MAX / 2);
    EXPECT_EQ(sched_pick(&s), 0);
    EXPECT_EQ(sched_slice(&s, 0), SCHED_QUANTUM);
}

static void time_adds_up(void)
{
    start(3);
    for (int i = 0; i < 3000; i++)
        sched_charge(&s, (u32)sched_pick(&s), SCHED_QUANTUM / 4);
    EXPECT_EQ(s.entry[0].used_ns + s.entry[1].used_ns + s.entry[2].used_ns,
              3000 * (SCHED_QUANTUM / 4));
    EXPECT_EQ(s.entry[0].used_ns, s.entry[2].used_ns);
}

static void nobody_there_is_nobody(void)
{
    start(0);
    EXPECT_EQ(sched_pick(&s), -1);
    sched_add(&s, SCHED_SLOTS - 1, 2);
    EXPECT_EQ(sched_pick(&s), -1);
    sched_set_runnable(&s, SCHED_SLOTS - 1, true);
    EXPECT_EQ(sched_pick(&s), SCHED_SLOTS - 1);
    EXPECT_EQ(sched_slice(&s, SCHED_SLOTS - 1), 2 * SCHED_QUANTUM);
}

static void a_change_of_policy_starts_turns_anew(void)
{
    start(2);
    EXPECT_EQ(sched_pick(&s), 1);
    sched_switch(&s, &sched_round_robin);
    EXPECT_EQ(s.entry[1].left, 0);
    EXPECT_EQ(sched_pick(&s), 1);
    EXPECT_EQ(sched_slice(&s, 1), SCHED_QUANTUM);
}

static void a_spinner_cannot_keep_a_sleeper_waiting(void)
{
    int turns = 0;
    start(2);
    sched_set_runnable(&s, 0, false);
    EXPECT_EQ(sched_pick(&s), 1);
    sched_charge(&s, 1, 1000);
    sched_set_runnable(&s, 0, true);
    while (sched_pick(&s) == 1 && turns < 100) {
        sched_charge(&s, 1, SCHED_QUANTUM / 10);
        turns++;
    }
    EXPECT(turns <= 10);
}

static const struct unit_case cases[] = {
    CASE(equal_weights_get_equal_shares),
    CASE(weights_are_shares),
    CASE(interruptions_do_not_lengthen_a_turn),
    CASE(a_halted_entry_gives_its_turn_away),
    CASE(a_removed_entry_is_never_picked),
    CASE(time_adds_up),
    CASE(nobody_there_is_nobody),
    CASE(a_change_of_policy_starts_turns_anew),
    CASE(a_spinner_cannot_keep_a_sleeper_waiting),
    CASE(an_overdrawn_turn_is_paid_back),
    CASE(work_done_for_another_is_its_debt),
    CASE(a_debt_is_bounded_and_alone_it_is_no_matter),
    CASE(charging_more_than_the_slice_does_not_end_it),
};
UNIT_MAIN(cases)
