/* SPDX-License-Identifier: MIT
 *
 * The TSC's frequency out of CPUID: figures of processors as they are sold,
 * and leaves that say half of it or nothing.
 *
 * LINKS: vmm/base
 */
#include "arch/x86/boot/tschz.h"
#include "tests/unit/unit.h"

static void the_crystal_and_its_ratio(void)
{
    EXPECT_EQ(tsc_hz_said(2, 176, 24000000, 2100), 2112000000);
    EXPECT_EQ(tsc_hz_said(2, 104, 38400000, 2000), 1996800000);
    EXPECT_EQ(tsc_hz_said(3, 250, 19200000, 0), 1600000000);
    EXPECT_EQ(tsc_hz_said(1, 0xffffffff, 0xffffffff, 0), 0xfffffffe00000001);
}

static void without_the_crystal_the_base_frequency(void)
{
    EXPECT_EQ(tsc_hz_said(2, 250, 0, 3000), 3000000000);
    EXPECT_EQ(tsc_hz_said(2, 250, 0, 0xabcd0bb8), 3000000000);
    EXPECT_EQ(tsc_hz_said(2, 250, 0, 0), 0);
}

static void no_ratio_no_word(void)
{
    EXPECT_EQ(tsc_hz_said(0, 250, 24000000, 3000), 0);
    EXPECT_EQ(tsc_hz_said(2, 0, 24000000, 3000), 0);
    EXPECT_EQ(tsc_hz_said(0, 0, 0, 3000), 0);
}

static const struct unit_case cases[] = {
    CASE(the_crystal_and_its_ratio),
    CASE(without_the_crystal_the_base_frequency),
    CASE(no_ratio_no_word),
};
UNIT_MAIN(cases)
