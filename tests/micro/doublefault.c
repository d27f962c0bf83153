/* SPDX-License-Identifier: MIT
 *
 * Faults on the way to a handler: a gate that is not present is #NP with the
 * vector in the error code; #GP through a gate that is not present is a
 * double fault with error code 0.
 *
 * SDM vol. 3A 6.13, table 6-5.
 */
#include "tests/micro/lib/micro.h"

#define GATE(v) ((v)*8 | TRAP_ERR_IDT)

static u32 user(void)
{
    CATCH("hlt", );
    return caught.f.cs;
}

void test(void)
{
    idt[0x44][1] &= ~DESC_P;
    CATCH("int $0x44", );
    EXPECT_TRAP(TRAP_NP, GATE(0x44), 0, "INT n through an absent gate");
    idt[TRAP_UD][1] &= ~DESC_P;
    CATCH("ud2", );
    caught.f.error &= ~TRAP_ERR_EXT; /* set by processors, not by QEMU */
    EXPECT_TRAP(TRAP_NP, GATE(TRAP_UD), 0, "UD2 with an absent gate");
    idt[TRAP_GP][1] &= ~DESC_P;
    CATCH("movl %0, %%ds", : "r"(GDT_SIZE * 8));
    EXPECT_EQ(caught.f.vector, TRAP_DF, "#GP with an absent gate");
    EXPECT_EQ(caught.f.error, 0, "the error code of #DF");
    EXPECT_EQ(caught.f.cs, KCODE, "CS in the frame of #DF");
    EXPECT_EQ(ring3(user), UCODE, "CS of a double fault in ring 3");
    EXPECT_EQ(caught.f.vector, TRAP_DF, "#GP in ring 3 with an absent gate");
    idt[TRAP_GP][1] |= DESC_P;
    CATCH("movl %0, %%ds", : "r"(GDT_SIZE * 8));
    EXPECT_TRAP(TRAP_GP, GDT_SIZE * 8, 0, "DS beyond the GDT");
}
