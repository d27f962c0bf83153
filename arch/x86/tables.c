/* SPDX-License-Identifier: MIT
 *
 * GDT, LDT, IDT and TSS of the real machine.
 *
 * Each VM has a whole GDT of 8192 slots, because guest selectors are used as
 * they are; the VMM's own descriptors stand at the top of every one, at the
 * same place, so that traps find them whichever is loaded:
 *
 *   ARCH_GDT_OWN + 0  nothing (a gap between the guest's and ours)
 *                + 1  VMM code, 64-bit     + 2  VMM data
 *                + 3  TSS (two slots)      + 5  LDT of this VM (two slots)
 *   ARCH_GDT_HIDDEN   hidden parts of guest segment registers
 *
 * One more GDT of the same layout serves while no VM is loaded. The TSS
 * gives the stacks for traps and has no I/O permission map: every IN and OUT
 * of a guest traps. All gates have DPL 0, so INT n traps as #GP, and are
 * interrupt gates, so the VMM runs with interrupts off.
 *
 * SDM vol. 3A 3.5.2, 6.14, 7.2.3, 7.7; vol. 1 19.5.2 (I/O permission).
 */
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/traps.h"
#include "arch/x86/layout.h"
#include "arch/x86/machine.h"
#include "arch/x86/offsets.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"

#define GDT_BYTES (ARCH_GDT_SLOTS * 8)
#define NO_VM     ARCH_VMS /* index of the VMM's own GDT */

/* Present code and data of ring 0 (SDM vol. 3A 3.4.5.1), accessed already. */
#define CODE64_HI (DESC_P | DESC_S | DESC_L | 0xb << DESC_TYPE_SHIFT)
#define DATA_HI   (DESC_P | DESC_S | 0x3 << DESC_TYPE_SHIFT)

struct tss64 {
    u32 unused0;
    u64 rsp[3];
    u64 unused1;
    u64 ist[7]; /* ist[0] is IST 1 */
    u64 unused2;
    u16 unused3;
    u16 iomap;
} __attribute__((packed));
STATIC_ASSERT(sizeof(struct tss64) == 104);

enum { IST_NONE, IST_NMI, IST_DF, IST_MC };

struct gate64 {
    u32 word[4];
};

static u64 host_gdt[ARCH_VMS + 1][ARCH_GDT_SLOTS]
    __attribute__((aligned(PAGE_SIZE)));
static u64 host_ldt[ARCH_VMS][ARCH_GDT_SLOTS]
    __attribute__((aligned(PAGE_SIZE)));
static struct gate64 idt[TRAP_VECTORS] __attribute__((aligned(16)));
static struct tss64 tss __attribute__((aligned(16)));

/* A system descriptor takes two slots in 64-bit mode. */
static void set_system(u64 *slot, const void *base, u32 limit, u32 type)
{
    u64 b = (u64)base;

    slot[0] = (limit & 0xffff) | (b & 0xffffff) << 16 |
              (u64)(DESC_P | type << DESC_TYPE_SHIFT) << 32 |
              (u64)(limit & 0xf0000) << 32 | (b >> 24 & 0xff) << 56;
    slot[1] = b >> 32;
}

/* The table may be in use, and an NMI come at any time: the VMM's own code is
 * there at each moment. */
static void set_own(u64 *gdt)
{
    u32 hidden = (ARCH_GDT_SLOTS - ARCH_GDT_HIDDEN) * sizeof(*gdt);

    memset(gdt, 0, ARCH_GDT_OWN * sizeof(*gdt));
    memset(gdt + ARCH_GDT_HIDDEN, 0, hidden);
    gdt_ldt(gdt, NULL, 0);
    gdt[ARCH_SEL_CODE >> 3] = (u64)CODE64_HI << 32;
    gdt[ARCH_SEL_DATA >> 3] = (u64)DATA_HI << 32;
    set_system(&gdt[ARCH_SEL_TSS >> 3], &tss, sizeof(tss) - 1, SYS_TSS32_FREE);
}

static void set_gate(u32 vector, u32 ist)
{
    u64 at = (u64)trap_stubs + vector * STUB_SIZE;
    struct gate64 *g = &idt[vector];

    g->word[0] = (u32)ARCH_SEL_CODE << 16 | (at & 0xffff);
    g->word[1] =
        (at & 0xffff0000) | DESC_P | SYS_INT32 << DESC_TYPE_SHIFT | ist;
    g->word[2] = (u32)(at >> 32);
    g->word[3] = 0;
}

static void load_code_selector(void)
{
    __asm__ volatile("pushq %0\n\t"
                     "lea 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:"
                     :
                     : "i"(ARCH_SEL_CODE)
                     : "rax", "memory");
}

void gdt_init(void)
{
    tss.rsp[0] = (u64)trap_stack_top;
    tss.ist[IST_NMI - 1] = (u64)nmi_stack_top;
    tss.ist[IST_DF - 1] = (u64)df_stack_top;
    tss.ist[IST_MC - 1] = (u64)mc_stack_top;
    tss.iomap = sizeof(tss);
    for (u32 v = 0; v < TRAP_VECTORS; v++)
        set_gate(v, IST_NONE);
    set_gate(TRAP_NMI, IST_NMI);
    set_gate(TRAP_DF, IST_DF);
    set_gate(TRAP_MC, IST_MC);
    set_own(host_gdt[NO_VM]);
    gdt_load_own();
    load_code_selector();
    ltr(ARCH_SEL_TSS);
    lldt(0);
    lidt(idt, sizeof(idt));
}

void gdt_vm(u32 index, u64 **gdt, u64 **ldt)
{
    *gdt = host_gdt[index];
    *ldt = host_ldt[index];
    set_own(*gdt);
    memset(*ldt, 0, GDT_BYTES);
}

void gdt_ldt(u64 *gdt, const u64 *ldt, u32 entries)
{
    u64 *slot = &gdt[ARCH_SEL_LDT >> 3];

    slot[0] = slot[1] = 0;
    if (entries)
        set_system(slot, ldt, entries * 8 - 1, SYS_LDT);
}

void gdt_load(const u64 *gdt)
{
    lgdt(gdt, GDT_BYTES);
}

void gdt_load_own(void)
{
    lgdt(host_gdt[NO_VM], GDT_BYTES);
}
