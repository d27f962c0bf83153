/* SPDX-License-Identifier: MIT
 *
 * INT3, INTO, BOUND and INT n: INT3 and INTO are traps (EIP behind them),
 * BOUND is a fault; none has an error code. INT n through a trap gate keeps
 * IF in the handler's frames, through an interrupt gate it does not.
 *
 * SDM vol. 3A 6.4.4, 6.12.1.2, 6.15.
 */
#include "tests/micro/lib/micro.h"

static const s32 bounds[2] = {3, 9};

static u32 user(void)
{
    CATCH("int3", );
    EXPECT_TRAP(TRAP_BP, 0, 1, "INT3 in ring 3");
    CATCH(".byte 0xcd, 0x03", ); /* as the assembler would not */
    EXPECT_TRAP(TRAP_BP, 0, 2, "INT 3 of two bytes in ring 3");
    CATCH("movb $0x7f, %%al\n addb %%al, %%al\n into", : : "eax");
    EXPECT_TRAP(TRAP_OF, 0, 5, "INTO with OF in ring 3");
    CATCH("bound %0, %1", : "r"(10), "m"(bounds));
    EXPECT_TRAP(TRAP_BR, 0, 0, "BOUND beyond the bounds in ring 3");
    CATCH("int $0x80", );
    EXPECT_TRAP(0x80, 0, 2, "INT 0x80 of DPL 3");
    EXPECT_EQ(caught.f.cs, UCODE, "CS in the frame of INT 0x80");
    return 0;
}

static u32 inner_flags, outer_flags;

/* Sees its own IF in the frame of another interrupt. */
static void nested(struct frame *f)
{
    outer_flags = f->eflags;
    __asm__ volatile("int $0x42" : : : "memory");
}

static void inner(struct frame *f)
{
    inner_flags = f->eflags;
}

static void gates(void)
{
    handlers[0x41] = nested;
    handlers[0x42] = inner;
    idt_set(0x41, SYS_INT32, 0, KCODE, stubs[0x41]);
    __asm__ volatile("sti\n\t nop\n\t int $0x41\n\t cli" : : : "memory");
    EXPECT(outer_flags & EFLAGS_IF, "INT n behind STI saves IF = 0");
    EXPECT(!(inner_flags & EFLAGS_IF), "an interrupt gate leaves IF = 1");
    idt_set(0x41, SYS_TRAP32, 0, KCODE, stubs[0x41]);
    __asm__ volatile("sti\n\t nop\n\t int $0x41\n\t cli" : : : "memory");
    EXPECT(inner_flags & EFLAGS_IF, "a trap gate clears IF");
    __asm__ volatile("int $0x41" : : : "memory");
    EXPECT(!(inner_flags & EFLAGS_IF), "a trap gate sets IF");
    handlers[0x41] = handlers[0x42] = 0;
}

void test(void)
{
    CATCH("int3", );
    EXPECT_TRAP(TRAP_BP, 0, 1, "INT3");
    CATCH("movb $0x7f, %%al\n addb %%al, %%al\n into", : : "eax");
    EXPECT_TRAP(TRAP_OF, 0, 5, "INTO with OF");
    CATCH("xorl %%eax, %%eax\n into", : : "eax");
    EXPECT_NO_TRAP("INTO without OF");
    CATCH("bound %0, %1", : "r"(2), "m"(bounds));
    EXPECT_TRAP(TRAP_BR, 0, 0, "BOUND below the bounds");
    CATCH("bound %0, %1", : "r"(9), "m"(bounds));
    EXPECT_NO_TRAP("BOUND within the bounds");
    CATCH("nop\n int $0x77", );
    EXPECT_TRAP(0x77, 0, 3, "INT 0x77");
    gates();
    idt_set(0x80, SYS_TRAP32, 3, KCODE, stubs[0x80]);
    ring3(user);
}
