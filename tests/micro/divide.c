/* SPDX-License-Identifier: MIT
 *
 * #DE is a fault: EIP names the DIV, also with a memory operand and for a
 * quotient too large, in ring 0 and ring 3; the registers are unchanged.
 *
 * SDM vol. 3A 6.15 (interrupt 0).
 */
#include "tests/micro/lib/micro.h"

static u32 zero;

static u32 user(void)
{
    CATCH("nop\n divl %0", : "m"(zero) : "eax", "edx");
    return caught.f.cs;
}

void test(void)
{
    CATCH("movl $7, %%eax\n cltd\n xorl %%ecx, %%ecx\n divl %%ecx",
          :
          : "eax", "ecx", "edx");
    EXPECT_TRAP(TRAP_DE, 0, 8, "division by zero");
    EXPECT_EQ(caught.f.eax, 7, "EAX in the frame of #DE");
    CATCH("movl $1, %%edx\n movl $1, %%ecx\n divl %%ecx",
          :
          : "eax", "ecx", "edx");
    EXPECT_TRAP(TRAP_DE, 0, 10, "a quotient of 33 bits");
    CATCH("idivl %0", : "m"(zero) : "eax", "edx");
    EXPECT_TRAP(TRAP_DE, 0, 0, "IDIV by zero in memory");
    CATCH("movb $0, %%cl\n aam $0", : : "eax", "ecx");
    EXPECT_TRAP(TRAP_DE, 0, 2, "AAM 0");
    EXPECT_EQ(ring3(user), UCODE, "CS in the frame of #DE in ring 3");
    EXPECT_TRAP(TRAP_DE, 0, 1, "division by zero in ring 3");
}
