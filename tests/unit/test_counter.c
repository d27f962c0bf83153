/* SPDX-License-Identifier: MIT
 *
 * Edges and outputs of one 8254 counter agree with one another: a rising edge
 * is where OUT is high after it was low, whoever looks how often.
 * LINKS: drivers/model drivers/bus vmm/base
 */
#include "drivers/bus/clock.h"
#include "drivers/model/counter.h"
#include "tests/unit/unit.h"

#define CONTROL(mode) (ACCESS_BOTH << 4 | (mode) << 1)

static void load(struct counter *c, u32 mode, u32 count, u64 tick)
{
    memset(c, 0, sizeof(*c));
    c->gate = 1;
    counter_control(c, (u8)CONTROL(mode));
    counter_write(c, (u8)count, tick);
    counter_write(c, (u8)(count >> 8), tick);
}

static void edges_are_where_out_rises(void)
{
    for (u32 mode = 0; mode < 6; mode++)
        for (u32 count = 2; count < 20; count++) {
            struct counter every, once;
            u64 rises = 0, handed = 0, next;
            bool before;

            load(&every, mode, count, 100);
            load(&once, mode, count, 100);
            before = counter_out(&every, 100);
            next = counter_next_edge(&every);
            for (u64 t = 101; t < 400; t++) {
                bool now = counter_out(&every, t);
                bool rise = now && !before;

                EXPECT_EQ(rise, t == next);
                rises += rise;
                handed += counter_settle(&every, t);
                next = counter_next_edge(&every);
                EXPECT(next > t);
                before = now;
            }
            EXPECT_EQ(handed, rises);
            EXPECT_EQ(counter_settle(&once, 399), rises);
            EXPECT_EQ(counter_settle(&once, 399), 0);
        }
}

static void a_stopped_counter_has_no_edge(void)
{
    struct counter c;

    load(&c, 0, 100, 0);
    counter_settle(&c, 40);
    counter_set_gate(&c, false, 40);
    EXPECT_EQ(counter_next_edge(&c), NEVER);
    EXPECT_EQ(counter_settle(&c, 100000), 0);
    counter_set_gate(&c, true, 1000);
    EXPECT_EQ(counter_next_edge(&c), 1060);
    EXPECT_EQ(counter_settle(&c, 1059), 0);
    EXPECT_EQ(counter_settle(&c, 1060), 1);
    counter_write(&c, 5, 2000); /* half a count stops mode 0 */
    EXPECT_EQ(counter_next_edge(&c), NEVER);
    EXPECT(!counter_out(&c, 3000));
}

static void a_switch_of_periods_loses_no_edge(void)
{
    for (u32 at = 0; at < 30; at++) {
        struct counter c;
        u64 edges;

        load(&c, MODE_RATE, 10, 0);
        edges = counter_settle(&c, at);
        counter_write(&c, 7, at);
        counter_write(&c, 0, at);
        edges += counter_settle(&c, 1000);
        EXPECT_EQ(edges, at / 10 + 1 + (1000 - (at / 10 + 1) * 10) / 7);
    }
}

static void nonsense_is_not_sane(void)
{
    struct counter c;

    load(&c, MODE_SQUARE, 1000, 5);
    EXPECT(counter_sane(&c));
    c.mode = 6;
    EXPECT(!counter_sane(&c));
    load(&c, MODE_SQUARE, 1000, 5);
    c.count = COUNTER_WRAP + 1;
    EXPECT(!counter_sane(&c));
    load(&c, MODE_SQUARE, 1000, 5);
    c.start = TIME_MAX;
    EXPECT(!counter_sane(&c));
    load(&c, MODE_SQUARE, 1000, 5);
    c.next = 0;
    EXPECT(!counter_sane(&c));
    load(&c, MODE_SQUARE, 1000, 5);
    c.edges = NEVER;
    EXPECT(!counter_sane(&c));
    load(&c, MODE_SQUARE, 1000, 5);
    c.second = 2;
    EXPECT(!counter_sane(&c));
    load(&c, MODE_SQUARE, 1000, 5);
    c.bcd = 2;
    EXPECT(!counter_sane(&c));
    load(&c, MODE_SQUARE, 1000, 5);
    c.access = ACCESS_BOTH + 1;
    EXPECT(!counter_sane(&c));
    load(&c, MODE_SQUARE, 1000, 5);
    c.latched = 3;
    EXPECT(!counter_sane(&c));
    counter_control(&c, (u8)CONTROL(0));
    EXPECT(counter_sane(&c)); /* not loaded yet */
}

/* Modes 1 and 5 count from a rising edge of GATE ("Mode Definitions"). */
static void a_triggered_counter_has_no_edge_of_its_own(void)
{
    struct counter c;

    load(&c, 1, 10, 0);
    EXPECT(counter_out(&c, 5));
    counter_set_gate(&c, false, 5);
    counter_set_gate(&c, true, 6);
    EXPECT_EQ(counter_next_edge(&c), NEVER);
    EXPECT(!counter_out(&c, 7));
    counter_set_gate(&c, false, 8); /* a falling edge is nothing to it */
    EXPECT(!counter_out(&c, 15));
    EXPECT(counter_out(&c, 16));
}

/* "A new count written during counting is loaded on the next CLK pulse"
 * (mode 4). */
static void a_strobe_is_put_off_by_a_new_count(void)
{
    struct counter c;

    load(&c, 4, 10, 0);
    counter_write(&c, 10, 5);
    counter_write(&c, 0, 5);
    EXPECT(counter_out(&c, 10));
    EXPECT(!counter_out(&c, 15));
    EXPECT(counter_out(&c, 16));
}

/* "A COUNT of 1 is illegal in mode 2": OUT has no clock to be low in. */
static void a_rate_of_one_stays_high(void)
{
    struct counter c;

    load(&c, MODE_RATE, 1, 0);
    for (u64 t = 0; t < 5; t++)
        EXPECT(counter_out(&c, t));
}

/* NULL COUNT: what was written is not in the counting element yet
 * ("Read-Back Command"). */
static void null_count_ends_with_the_period(void)
{
    struct counter c;

    load(&c, MODE_RATE, 10, 0);
    counter_latch_status(&c, 3);
    EXPECT_EQ(counter_read(&c, 3) & 0x40, 0);
    counter_write(&c, 10, 4); /* the same count, written again */
    counter_write(&c, 0, 4);
    counter_latch_status(&c, 5);
    EXPECT_EQ(counter_read(&c, 5) & 0x40, 0x40);
    counter_settle(&c, 11);
    counter_latch_status(&c, 11);
    EXPECT_EQ(counter_read(&c, 11) & 0x40, 0);
}

static const struct unit_case cases[] = {
    CASE(a_triggered_counter_has_no_edge_of_its_own),
    CASE(a_strobe_is_put_off_by_a_new_count),
    CASE(a_rate_of_one_stays_high),
    CASE(null_count_ends_with_the_period),
    CASE(edges_are_where_out_rises),
    CASE(a_stopped_counter_has_no_edge),
    CASE(a_switch_of_periods_loses_no_edge),
    CASE(nonsense_is_not_sane),
};
UNIT_MAIN(cases)
