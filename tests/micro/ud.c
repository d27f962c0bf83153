/* SPDX-License-Identifier: MIT
 *
 * #UD: UD2 and an invalid encoding are faults without an error code, in
 * ring 0 and in ring 3; the frame's flags, CS and registers are exact.
 *
 * SDM vol. 3A 6.15 (interrupt 6).
 */
#include "tests/micro/lib/micro.h"

static u32 user(void)
{
    CATCH("ud2", );
    return caught.count;
}

void test(void)
{
    CATCH("ud2", );
    EXPECT_TRAP(TRAP_UD, 0, 0, "UD2 in ring 0");
    EXPECT_EQ(caught.f.cs, KCODE, "CS in the frame of UD2 in ring 0");
    EXPECT_EQ(EXACT_FLAGS(caught.f.eflags), EFLAGS_ONE,
              "the flags in the frame of UD2 in ring 0");
    CATCH("stc\n sti\n nop\n movl $0x1234, %%eax\n ud2\n", : : "eax");
    cli();
    EXPECT_TRAP(TRAP_UD, 0, 8, "UD2 behind STI");
    EXPECT_EQ(caught.f.eflags & (EFLAGS_CF | EFLAGS_IF), EFLAGS_CF | EFLAGS_IF,
              "CF and IF in the frame of UD2 behind STI");
    EXPECT_EQ(caught.f.eax, 0x1234, "EAX in the frame of UD2");
    CATCH(".byte 0x8e, 0xc8", ); /* MOV to CS */
    EXPECT_TRAP(TRAP_UD, 0, 0, "MOV to CS");
    EXPECT_EQ(ring3(user), 1, "traps caught in ring 3");
    EXPECT_TRAP(TRAP_UD, 0, 0, "UD2 in ring 3");
    EXPECT_EQ(caught.f.cs, UCODE, "CS in the frame of UD2 in ring 3");
    EXPECT_EQ(caught.f.ss, UDATA, "SS in the frame of UD2 in ring 3");
}
