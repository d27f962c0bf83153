/* SPDX-License-Identifier: MIT
 *
 * Instructions that exit and that the emulator does not know, for they are
 * newer than it: undefined to the guest, but a store to what was a page table
 * is left to the processor. The FPU's are known.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/unit/exitsworld.h"

/* One that is newer than the processor in ops.def, on MMIO, say. */
static void an_unknown_instruction_is_undefined(void)
{
    start("\x0f\x38\x00\x00", 4); /* pshufb mm0, [eax] */
    trap(TRAP_GP, 0);
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT_EQ(stack_word(0), CODE_AT);
}

/* An operand that is not aligned, say. */
static void an_unknown_instruction_of_ring_3_is_reflected(void)
{
    u32 tss[26] = {[TSS32_ESP0 / 4] = STACK, [TSS32_SS0 / 4] = 16};

    start("\x66\x0f\x38\x00\x00", 5); /* pshufb xmm0, [eax] */
    poke(0x5000, tss, sizeof(tss));
    vm->cpu.tr = (struct segment){0x28, ATTR_P | SYS_TSS32_BUSY, 0x5000, 103};
    vm->cpu.cpl = 3;
    trap(TRAP_GP, 0);
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT_EQ(vm->cpu.cpl, 0);
    EXPECT_EQ(stack_word(0), 0);
    EXPECT_EQ(stack_word(1), CODE_AT);
}

/* Into a page table that is watched: fistp dword [LEAF], and a store that the
 * emulator does not know, movdiri [LEAF], eax. */
#define DIR  0x10000
#define LEAF 0x11000
#define PAGE 0x12000

#define FISTP   "\xdb\x1d\x00\x10\x01\x00"
#define MOVDIRI "\x0f\x38\xf9\x05\x00\x10\x01\x00"

static void start_at_store(const char *code, u32 size)
{
    vm = fake_vm(0x400000, SHADOW_CACHED);
    poke(CODE_AT, code, size);
    poke(DIR, &(u32){LEAF | PTE_P | PTE_W}, 4);
    for (u32 at = 0; at < 0x400000; at += PAGE_SIZE)
        poke(LEAF + at / PAGE_SIZE * 4, &(u32){at | PTE_P | PTE_W}, 4);
    vm->cpu.eip = CODE_AT;
    vm->cpu.cr3 = DIR;
    vm->cpu.cr0 |= CR0_PG | CR0_WP;
    shadow_set_mode(&vm->shadow,
                    &(struct paging){.on = true, .wp = true, .g_cr3 = DIR});
}

static void fault_at(u32 at, u32 error)
{
    vm->arch.fault_at = at;
    trap(TRAP_PF, error);
}

static void an_fpu_store_to_a_live_page_table_is_seen(void)
{
    u32 entry = 0;

    start_at_store(FISTP, 6);
    fpu_set_word(&fake_fpu, FX_FCW, FCW_INIT);
    fake_fpu.image[FX_FTW] = 1; /* ST0 is 0 */
    fault_at(LEAF, PF_WRITE);   /* it is filled */
    fault_at(LEAF, PF_WRITE);   /* ... and watched */
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 6);
    p2m_read(&vm->p2m, gpa(LEAF), &entry, 4);
    EXPECT_EQ(entry, 0);
    EXPECT_EQ(fake_fpu.image[FX_FTW], 0);
    EXPECT_EQ(shadow_audit(&vm->shadow, NULL), 0);
}

/* The table maps itself, so each new try watches it again. */
static void an_unknown_store_to_a_live_page_table_ends(void)
{
    int tries = 0;

    start_at_store(MOVDIRI, 8);
    for (; vm->state == VM_RUNNING && tries < 20; tries++)
        fault_at(LEAF, PF_WRITE);
    EXPECT_EQ(vm->state, VM_KILLED);
    EXPECT(tries > 2 && tries < 8);
    EXPECT(strstr(vm->reason, "triple fault: vector 6"));
    EXPECT_EQ(shadow_audit(&vm->shadow, NULL), 0);
}

static void an_unknown_store_to_a_former_page_table_is_let_through(void)
{
    start_at_store(MOVDIRI, 8);
    fault_at(PAGE, PF_WRITE); /* LEAF is a page table from now on */
    EXPECT(p2m_lookup(&vm->p2m, gfn(LEAF >> PAGE_SHIFT)).trace);
    vm->cpu.cr0 &= ~(u32)CR0_PG;
    shadow_set_mode(&vm->shadow, &(struct paging){.on = false});
    fault_at(LEAF, PF_WRITE);
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT_EQ(vm->cpu.eip, CODE_AT);
    EXPECT(!p2m_lookup(&vm->p2m, gfn(LEAF >> PAGE_SHIFT)).trace);
    fault_at(LEAF, PF_WRITE);
    EXPECT(shadow_peek(&vm->shadow, gva(LEAF), PF_WRITE));
    EXPECT_EQ(shadow_audit(&vm->shadow, NULL), 0);
}

static const struct unit_case cases[] = {
    CASE(an_unknown_instruction_is_undefined),
    CASE(an_fpu_store_to_a_live_page_table_is_seen),
    CASE(an_unknown_instruction_of_ring_3_is_reflected),
    CASE(an_unknown_store_to_a_live_page_table_ends),
    CASE(an_unknown_store_to_a_former_page_table_is_let_through),
};

UNIT_MAIN(cases)
