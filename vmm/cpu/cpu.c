/* SPDX-License-Identifier: MIT
 *
 * The processor's two starting states. After RESET it is in real-address
 * mode, 16 bytes below 4 GiB, because CS has a base that no selector of that
 * mode can give it; the first far jump loses it. For a guest that a multiboot
 * loader starts (Multiboot 0.6.96 section 3.2): flat protected mode,
 * everything else off. The hidden parts are there without any table behind
 * them, as after a real loader whose GDT the guest must not rely on.
 *
 * SDM vol. 3A 9.1.1, table 9-1.
 */
#include "vmm/cpu/cpu.h"
#include "arch/x86/defs/desc.h"
#include "vmm/base/str.h"

#define FLAT_CODE                                                              \
    (ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_ACCESSED | ATTR_DB |   \
     ATTR_G)
#define FLAT_DATA                                                              \
    (ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_DB | ATTR_G)

#define REAL_DATA (ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED)

#define RESET_CS   0xf000
#define RESET_BASE 0xffff0000
#define RESET_EIP  0xfff0

static void reset_common(struct cpu *cpu)
{
    memset(cpu, 0, sizeof(*cpu));
    cpu->eflags = EFLAGS_ONE;
    cpu->dr[6] = DR6_FIXED;
    cpu->dr[7] = DR7_FIXED;
    cpu->seg_dirty = (1u << SEG_COUNT) - 1;
}

void cpu_reset_power_on(struct cpu *cpu, u32 signature)
{
    reset_common(cpu);
    cpu->eip = RESET_EIP;
    cpu->gpr[EDX] = signature;
    cpu->cr0 = CR0_CD | CR0_NW | CR0_ET;
    for (unsigned s = 0; s < SEG_COUNT; s++)
        cpu->seg[s] = (struct segment){0, REAL_DATA, 0, 0xffff};
    cpu->seg[SEG_CS].sel = RESET_CS;
    cpu->seg[SEG_CS].base = RESET_BASE;
    cpu->gdtr.limit = cpu->idtr.limit = 0xffff;
    cpu->ldtr = (struct segment){0, ATTR_P | SYS_LDT, 0, 0xffff};
    cpu->tr = (struct segment){0, ATTR_P | SYS_TSS32_BUSY, 0, 0xffff};
}

void cpu_reset_flat(struct cpu *cpu, u32 eip)
{
    reset_common(cpu);
    cpu->eip = eip;
    cpu->cr0 = CR0_PE | CR0_ET | CR0_NE;
    for (unsigned s = 0; s < SEG_COUNT; s++)
        cpu->seg[s] = (struct segment){0x10, FLAT_DATA, 0, 0xffffffff};
    cpu->seg[SEG_CS] = (struct segment){0x08, FLAT_CODE, 0, 0xffffffff};
}
