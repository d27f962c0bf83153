/* SPDX-License-Identifier: MIT
 *
 * The recorder's gates and ring.
 * LINKS: vmm/vm vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/vm/recorder.h"

static struct recorder r;

static void a_gate_keeps_when_and_from_where(void)
{
    recorder_reset(&r);
    recorder_gate(&r, 14, 0x81234, 0xc0108e00, 500, 0xc0100042);
    EXPECT_EQ(r.gate[14].lo, 0x81234);
    EXPECT_EQ(r.gate[14].hi, 0xc0108e00);
    EXPECT_EQ(r.gate[14].installed_ns, 500);
    EXPECT_EQ(r.gate[14].installed_eip, 0xc0100042);
    EXPECT_EQ(r.records, 1);
    EXPECT_EQ(r.ring[0].kind, RECORD_IDT_GATE);
    EXPECT_EQ(r.ring[0].new, 0xc0108e0000081234ull);
}

static void the_same_gate_again_is_no_change(void)
{
    recorder_reset(&r);
    recorder_gate(&r, 3, 1, 2, 500, 1);
    recorder_gate(&r, 3, 1, 2, 900, 7);
    EXPECT_EQ(r.records, 1);
    EXPECT_EQ(r.gate[3].installed_ns, 500);
    recorder_gate(&r, 3, 1, 3, 900, 7);
    EXPECT_EQ(r.records, 2);
    EXPECT_EQ(r.ring[1].old, 0x200000001ull);
}

static void a_gate_installed_at_time_zero_counts(void)
{
    recorder_reset(&r);
    recorder_gate(&r, 3, 1, 2, 0, 1);
    EXPECT(r.gate[3].installed_ns != 0);
}

static void the_ring_keeps_the_newest(void)
{
    recorder_reset(&r);
    for (u32 i = 0; i < RECORD_RING + 10; i++)
        recorder_load(&r, RECORD_LIDT, 0, i, i, i);
    EXPECT_EQ(r.records, RECORD_RING + 10);
    EXPECT_EQ(r.ring[(r.records - 1) % RECORD_RING].eip, RECORD_RING + 9);
    EXPECT_EQ(r.ring[r.records % RECORD_RING].eip, 10);
}

static const struct unit_case cases[] = {
    CASE(a_gate_keeps_when_and_from_where),
    CASE(the_same_gate_again_is_no_change),
    CASE(a_gate_installed_at_time_zero_counts),
    CASE(the_ring_keeps_the_newest),
};
UNIT_MAIN(cases)
