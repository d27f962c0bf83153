/* SPDX-License-Identifier: MIT
 *
 * The bus: claims, widths, straddling accesses, unclaimed addresses; the
 * saved bytes of a state; the exactness of clock conversions.
 * LINKS: drivers/bus vmm/base
 */
#include "drivers/bus/bus.h"
#include "drivers/bus/clock.h"
#include "drivers/bus/state.h"
#include "tests/unit/unit.h"

struct toy {
    u8 cell[16];
    u32 reads, writes, resets, last_size, last_offset;
};

static u32 toy_read(void *dev, u32 offset, u32 size)
{
    struct toy *toy = dev;
    u32 value = 0;

    toy->reads++;
    toy->last_size = size;
    toy->last_offset = offset;
    for (u32 i = 0; i < size; i++)
        value |= (u32)toy->cell[(offset + i) & 15] << 8 * i;
    return value | (size < 4 ? 0xffffffffu << 8 * size : 0); /* dirt above */
}

static void toy_write(void *dev, u32 offset, u32 size, u32 value)
{
    struct toy *toy = dev;

    toy->writes++;
    toy->last_size = size;
    toy->last_offset = offset;
    for (u32 i = 0; i < size; i++)
        toy->cell[(offset + i) & 15] = (u8)(value >> 8 * i);
}

static void toy_reset(void *dev)
{
    ((struct toy *)dev)->resets++;
}

static const struct dev_ops wide_ops = {
    .name = "wide", .read = toy_read, .write = toy_write, .reset = toy_reset};
static const struct dev_ops byte_ops = {.name = "bytes",
                                        .read = toy_read,
                                        .write = toy_write,
                                        .reset = toy_reset,
                                        .bytes_only = true};

static void claims_do_not_overlap(void)
{
    struct bus bus;
    struct toy a = {.cell = {0}};

    bus_init(&bus);
    EXPECT(bus_claim(&bus, BUS_PORT, 0x60, 4, 0, &wide_ops, &a));
    EXPECT(!bus_claim(&bus, BUS_PORT, 0x63, 1, 0, &wide_ops, &a));
    EXPECT(!bus_claim(&bus, BUS_PORT, 0x5f, 2, 0, &wide_ops, &a));
    EXPECT(!bus_claim(&bus, BUS_PORT, 0x50, 0x40, 0, &wide_ops, &a));
    EXPECT(!bus_claim(&bus, BUS_PORT, 0x70, 0, 0, &wide_ops, &a));
    EXPECT(!bus_claim(&bus, BUS_PORT, 0xffff, 2, 0, &wide_ops, &a));
    EXPECT(!bus_claim(&bus, BUS_MEMORY, 0xffffffff, 2, 0, &wide_ops, &a));
    EXPECT(bus_claim(&bus, BUS_PORT, 0xffff, 1, 0, &wide_ops, &a));
    EXPECT(bus_claim(&bus, BUS_MEMORY, 0x60, 4, 0, &wide_ops, &a));
    EXPECT(bus_claim(&bus, BUS_PORT, 0x5f, 1, 0, &wide_ops, &a));
    EXPECT(bus_claim(&bus, BUS_PORT, 0x64, 1, 0, &wide_ops, &a));
    EXPECT_EQ(bus.ranges, 5);
}

static void the_table_fills_up(void)
{
    struct bus bus;
    struct toy a = {.cell = {0}};

    bus_init(&bus);
    for (u32 i = 0; i < BUS_RANGES; i++)
        EXPECT(bus_claim(&bus, BUS_PORT, 0x1000 - 8 * i, 8, 0, &wide_ops, &a));
    EXPECT(!bus_claim(&bus, BUS_PORT, 0x4000, 1, 0, &wide_ops, &a));
    for (u32 i = 0; i < BUS_RANGES; i++) {
        bus_read(&bus, BUS_PORT, 0x1000 - 8 * i + i % 8, 1);
        EXPECT_EQ(a.last_offset, i % 8);
    }
    EXPECT_EQ(a.reads, BUS_RANGES);
    EXPECT_EQ(bus.unclaimed, 0);
    bus_reset(&bus);
    EXPECT_EQ(a.resets, 1);
}

static void widths_reach_the_device(void)
{
    struct bus bus;
    struct toy wide = {.cell = {1, 2, 3, 4}}, bytes = {.cell = {5, 6, 7, 8}};

    bus_init(&bus);
    bus_claim(&bus, BUS_PORT, 0x10, 4, 0, &wide_ops, &wide);
    bus_claim(&bus, BUS_PORT, 0x20, 4, 0, &byte_ops, &bytes);
    EXPECT_EQ(bus_read(&bus, BUS_PORT, 0x10, 4), 0x04030201);
    EXPECT_EQ(wide.reads, 1);
    EXPECT_EQ(bus_read(&bus, BUS_PORT, 0x11, 2), 0x0302);
    EXPECT_EQ(wide.last_size, 2);
    EXPECT_EQ(bus_read(&bus, BUS_PORT, 0x20, 4), 0x08070605);
    EXPECT_EQ(bytes.reads, 4);
    EXPECT_EQ(bytes.last_size, 1);
    bus_write(&bus, BUS_PORT, 0x20, 2, 0xaabbccdd);
    EXPECT_EQ(bytes.cell[0], 0xdd);
    EXPECT_EQ(bytes.cell[1], 0xcc);
    EXPECT_EQ(bytes.cell[2], 7);
    EXPECT_EQ(bus.unclaimed, 0);
    bus_write(&bus, BUS_PORT, 0x10, 4, 0x11223344);
    EXPECT_EQ(wide.writes, 1);
    EXPECT_EQ(wide.cell[3], 0x11);
}

static void a_straddling_access_is_split(void)
{
    struct bus bus;
    struct toy a = {.cell = {0x11, 0x22}}, b = {.cell = {0x33}};

    bus_init(&bus);
    bus_claim(&bus, BUS_PORT, 0x10, 2, 0, &wide_ops, &a);
    bus_claim(&bus, BUS_PORT, 0x12, 1, 0, &wide_ops, &b);
    EXPECT_EQ(bus_read(&bus, BUS_PORT, 0x10, 4), 0xff332211);
    EXPECT_EQ(bus.unclaimed, 1);
    EXPECT_EQ(bus_read(&bus, BUS_PORT, 0xe, 4), 0x2211ffff);
    bus_write(&bus, BUS_PORT, 0x11, 4, 0xddccbbaa);
    EXPECT_EQ(a.cell[1], 0xaa);
    EXPECT_EQ(b.cell[0], 0xbb);
    EXPECT_EQ(bus.unclaimed, 3);
    EXPECT_EQ(bus.last_unclaimed, 0x11);
}

static void nobody_there_reads_ones(void)
{
    struct bus bus;

    bus_init(&bus);
    EXPECT_EQ(bus_read(&bus, BUS_PORT, 0x300, 1), 0xff);
    EXPECT_EQ(bus_read(&bus, BUS_PORT, 0x301, 2), 0xffff);
    EXPECT_EQ(bus_read(&bus, BUS_PORT, 0xffff, 4), 0xffffffff);
    bus_write(&bus, BUS_MEMORY, 0xfffffffe, 4, 0);
    EXPECT_EQ(bus.unclaimed, 4);
    EXPECT_EQ(bus.last_unclaimed, 0xfffffffe);
}

static void odd_sizes_are_harmless(void)
{
    struct bus bus;
    struct toy a = {.cell = {1, 2, 3, 4, 5, 6, 7, 8}};

    bus_init(&bus);
    bus_claim(&bus, BUS_PORT, 0, 8, 0, &wide_ops, &a);
    EXPECT_EQ(bus_read(&bus, BUS_PORT, 0, 0), 0);
    EXPECT_EQ(bus_read(&bus, BUS_PORT, 0, 3), 0x030201);
    EXPECT_EQ(bus_read(&bus, BUS_PORT, 0, 0xffffffff), 0x04030201);
    bus_write(&bus, BUS_PORT, 0, 0, 0);
    bus_write(&bus, BUS_PORT, 0, 77, 0);
    EXPECT_EQ(a.cell[0], 0);
    EXPECT_EQ(a.cell[4], 5);
}

static void a_second_range_has_its_offset(void)
{
    struct bus bus;
    struct toy a = {.cell = {0}};

    bus_init(&bus);
    bus_claim(&bus, BUS_PORT, 0x20, 2, 0, &byte_ops, &a);
    bus_claim(&bus, BUS_PORT, 0xa0, 2, 2, &byte_ops, &a);
    bus_write(&bus, BUS_PORT, 0xa1, 1, 0x55);
    EXPECT_EQ(a.cell[3], 0x55);
    bus_write(&bus, BUS_PORT, 0xa0, 2, 0x6677);
    EXPECT_EQ(a.cell[2], 0x77);
    EXPECT_EQ(a.cell[3], 0x66);
    bus_reset(&bus);
    EXPECT_EQ(a.resets, 1);
}

static void states_know_their_own_bytes(void)
{
    u32 state = 0x12345678, other = 0;
    u8 buf[16];

    EXPECT_EQ(state_save(7, &state, 4, buf, 0), 12);
    EXPECT_EQ(state_save(7, &state, 4, buf, 12), 12);
    EXPECT(!state_load(8, &other, 4, buf, 12));
    EXPECT(!state_load(7, &other, 4, buf, 11));
    EXPECT(!state_load(7, &other, 4, buf, 0));
    EXPECT_EQ(other, 0);
    EXPECT(state_load(7, &other, 4, buf, 12));
    EXPECT_EQ(other, 0x12345678);
}

static void ticks_and_times_are_inverse(void)
{
    static const u32 hz[] = {1193182, 32768};

    for (u32 k = 0; k < 2; k++) {
        u64 n = 0;

        for (u32 i = 0; i < 20000; i++, n = n * 33 / 32 + 1) {
            u64 at = tick_time(n, hz[k]);

            if (at == NEVER)
                break;
            EXPECT_EQ(ticks_at(at, hz[k]), n);
            EXPECT(!at || ticks_at(at - 1, hz[k]) == n - 1);
        }
        EXPECT(n > 1ull << 40);
        EXPECT_EQ(tick_time(NEVER, hz[k]), NEVER);
    }
}

static const struct unit_case cases[] = {
    CASE(claims_do_not_overlap),         CASE(the_table_fills_up),
    CASE(widths_reach_the_device),       CASE(a_straddling_access_is_split),
    CASE(nobody_there_reads_ones),       CASE(odd_sizes_are_harmless),
    CASE(a_second_range_has_its_offset), CASE(states_know_their_own_bytes),
    CASE(ticks_and_times_are_inverse),
};
UNIT_MAIN(cases)
