/* SPDX-License-Identifier: MIT
 *
 * The processor's starting state for a guest that a multiboot loader starts
 * (Multiboot 0.6.96 section 3.2): flat protected mode, everything else off.
 * The hidden parts are there without any table behind them, as after a real
 * loader whose GDT the guest must not rely on.
 */
#include "vmm/cpu/cpu.h"
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "vmm/base/str.h"

#define FLAT_CODE                                                              \
    (ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_ACCESSED | ATTR_DB |   \
     ATTR_G)
#define FLAT_DATA                                                              \
    (ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_DB | ATTR_G)

void cpu_reset_flat(struct cpu *cpu, u32 eip)
{
    memset(cpu, 0, sizeof(*cpu));
    cpu->eip = eip;
    cpu->eflags = EFLAGS_ONE;
    cpu->cr0 = CR0_PE | CR0_ET | CR0_NE;
    cpu->dr[6] = DR6_FIXED;
    cpu->dr[7] = DR7_FIXED;
    for (unsigned s = 0; s < SEG_COUNT; s++)
        cpu->seg[s] = (struct segment){0x10, FLAT_DATA, 0, 0xffffffff};
    cpu->seg[SEG_CS] = (struct segment){0x08, FLAT_CODE, 0, 0xffffffff};
    cpu->seg_dirty = (1u << SEG_COUNT) - 1;
}
