/* SPDX-License-Identifier: MIT
 *
 * Sets of addresses against the simplest model of one, a bit for each
 * address, over random sequences; and what a full list may do: lose, never
 * gain.
 * LINKS: vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/ranges.h"

#define WORLD 600u /* addresses of the model */

static struct ranges set;
static bool model[WORLD];
static u32 seed;

static u32 chance(u32 n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static void start(u32 with)
{
    memset(&set, 0, sizeof(set));
    memset(model, 0, sizeof(model));
    seed = with;
}

/* Sorted, not empty, with gaps between. */
static bool is_sound(void)
{
    u64 last = 0;

    if (set.count > RANGES_MAX)
        return false;
    for (u32 i = 0; i < set.count; i++) {
        const struct range *r = &set.range[i];
        if (r->start >= r->end || (i && r->start <= last))
            return false;
        last = r->end;
    }
    return true;
}

static void step(u32 longest)
{
    u64 from = chance(WORLD), to = from + chance(longest);
    bool add = chance(2);

    if (to > WORLD)
        to = WORLD;
    if (add)
        ranges_add(&set, from, to);
    else
        ranges_remove(&set, from, to);
    for (u64 i = from; i < to; i++)
        model[i] = add;
}

static void random_steps_match_the_model(void)
{
    for (u32 round = 0; round < 300; round++) {
        start(round);
        for (u32 i = 0; i < 60; i++)
            step(round % 50 + 2);
        EXPECT(is_sound());
        EXPECT_EQ(set.lost, 0);
        for (u32 at = 0; at < WORLD; at++)
            EXPECT_EQ(ranges_touch(&set, at, at + 1), model[at]);
    }
}

/* More pieces than fit: each address that is in the set must be in the
 * model, and something must be left. */
static void a_full_set_only_loses(void)
{
    u32 lost = 0;

    for (u32 round = 0; round < 60; round++) {
        start(round);
        ranges_add(&set, 0, WORLD);
        memset(model, 1, sizeof(model));
        for (u32 i = 0; i < 1500; i++)
            step(3);
        EXPECT(is_sound());
        EXPECT(ranges_sum(&set) > WORLD / 8);
        lost += set.lost;
        for (u32 at = 0; at < WORLD; at++)
            EXPECT(model[at] || !ranges_touch(&set, at, at + 1));
    }
    EXPECT(lost);
}

static void the_smallest_is_forgotten(void)
{
    start(1);
    for (u64 i = 0; i < RANGES_MAX; i++)
        ranges_add(&set, i * 100, i * 100 + (i == 7 ? 5 : 10));
    EXPECT_EQ(set.count, RANGES_MAX);
    ranges_add(&set, 90000, 90005); /* no larger than the smallest */
    EXPECT(!ranges_touch(&set, 90000, 90005));
    EXPECT(ranges_touch(&set, 700, 705));
    ranges_add(&set, 90000, 90006);
    EXPECT(ranges_touch(&set, 90000, 90001));
    EXPECT(!ranges_touch(&set, 700, 705));
    EXPECT_EQ(set.lost, 2);
    EXPECT_EQ(set.count, RANGES_MAX);
    ranges_remove(&set, 1204, 1206); /* a split, into 4 and 4 */
    EXPECT(!ranges_touch(&set, 1204, 1206));
    EXPECT_EQ(set.lost, 3);
    EXPECT(is_sound());
    ranges_add(&set, 0, 100000); /* all of them melt */
    EXPECT_EQ(set.count, 1);
}

static void edges_of_the_address_space(void)
{
    start(1);
    ranges_add(&set, 0, UINT64_MAX);
    EXPECT_EQ(ranges_top(&set), UINT64_MAX);
    ranges_remove(&set, 10, UINT64_MAX);
    EXPECT_EQ(ranges_top(&set), 10);
    ranges_add(&set, 30, 20);
    ranges_add(&set, 5, 5);
    ranges_remove(&set, 9, 3);
    EXPECT_EQ(ranges_sum(&set), 10);
    ranges_remove(&set, 0, UINT64_MAX);
    EXPECT_EQ(set.count, 0);
    EXPECT_EQ(ranges_top(&set), 0);
}

static const struct unit_case cases[] = {
    CASE(random_steps_match_the_model),
    CASE(a_full_set_only_loses),
    CASE(the_smallest_is_forgotten),
    CASE(edges_of_the_address_space),
};
UNIT_MAIN(cases)
