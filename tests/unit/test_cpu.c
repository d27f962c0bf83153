/* SPDX-License-Identifier: MIT
 *
 * The state a multiboot guest starts in.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/unit/unit.h"
#include "arch/x86/defs/regs.h"
#include "vmm/cpu/cpu.h"

static void reset_is_flat_protected_mode(void)
{
    struct cpu cpu;
    cpu_reset_flat(&cpu, 0x100000);
    EXPECT_EQ(cpu.eip, 0x100000);
    EXPECT_EQ(cpu.cr0 & (CR0_PE | CR0_PG), CR0_PE);
    EXPECT_EQ(cpu.eflags & EFLAGS_IF, 0);
    for (int s = 0; s < SEG_COUNT; s++)
        EXPECT_EQ(cpu.seg[s].limit, 0xffffffff);
}

static const struct unit_case cases[] = {
    CASE(reset_is_flat_protected_mode),
};
UNIT_MAIN(cases)
