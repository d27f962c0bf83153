/* SPDX-License-Identifier: MIT
 *
 * The state a multiboot guest starts in.
 * LINKS: vmm/cpu vmm/base
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "tests/unit/unit.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/seg.h"

static void reset_is_flat_protected_mode(void)
{
    struct cpu cpu;

    memset(&cpu, 0xaa, sizeof(cpu));
    cpu_reset_flat(&cpu, 0x100000);
    EXPECT_EQ(cpu.eip, 0x100000);
    EXPECT_EQ(cpu.cpl, 0);
    EXPECT_EQ(cpu.cr0 & (CR0_PE | CR0_PG), CR0_PE);
    EXPECT_EQ(cpu.eflags, EFLAGS_ONE);
    EXPECT_EQ(cpu.seg_dirty, 0x3f);
    for (int s = 0; s < SEG_COUNT; s++) {
        EXPECT_EQ(cpu.seg[s].limit, 0xffffffff);
        EXPECT_EQ(cpu.seg[s].base, 0);
        EXPECT_EQ(cpu.seg[s].sel, s == SEG_CS ? 0x08 : 0x10);
    }
}

/* Flat means: code can be fetched, data written, anywhere. */
static void reset_segments_are_usable(void)
{
    struct cpu cpu;
    struct fault fault;
    gva_t at;

    cpu_reset_flat(&cpu, 0);
    EXPECT_EQ(seg_linear(&cpu, SEG_CS, 0xfffffff0, 16, ACC_FETCH, &at, &fault),
              ENV_OK);
    EXPECT_EQ(at.v, 0xfffffff0);
    for (unsigned s = 0; s < SEG_COUNT; s++)
        EXPECT_EQ(seg_linear(&cpu, s, 0xfffffffc, 4, ACC_WRITE, &at, &fault),
                  s == SEG_CS ? ENV_FAULT : ENV_OK);
}

/* Nothing of the loader's tables may be relied on. */
static void reset_has_no_tables(void)
{
    struct cpu cpu;

    memset(&cpu, 0xaa, sizeof(cpu));
    cpu_reset_flat(&cpu, 0);
    EXPECT_EQ(cpu.gdtr.limit, 0);
    EXPECT_EQ(cpu.idtr.limit, 0);
    EXPECT_EQ(cpu.ldtr.attr & ATTR_P, 0);
    EXPECT_EQ(cpu.tr.attr & ATTR_P, 0);
    EXPECT_EQ(cpu.dr[6], DR6_FIXED);
    EXPECT_EQ(cpu.dr[7], DR7_FIXED);
}

static void faults_are_built(void)
{
    struct fault f = fault_plain(TRAP_UD);
    EXPECT_EQ(f.vector, TRAP_UD);
    EXPECT(!f.has_error);
    f = fault_error(TRAP_GP, 0x18);
    EXPECT(f.has_error);
    EXPECT_EQ(f.error, 0x18);
    f = fault_page(PF_WRITE, gva(0x1234));
    EXPECT_EQ(f.vector, TRAP_PF);
    EXPECT_EQ(f.error, PF_WRITE);
    EXPECT_EQ(f.cr2, 0x1234);
}

static const struct unit_case cases[] = {
    CASE(reset_is_flat_protected_mode),
    CASE(reset_segments_are_usable),
    CASE(reset_has_no_tables),
    CASE(faults_are_built),
};
UNIT_MAIN(cases)
