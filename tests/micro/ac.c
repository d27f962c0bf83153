/* SPDX-License-Identifier: MIT
 *
 * #AC: with CR0.AM and EFLAGS.AC a misaligned access faults in ring 3, with
 * error code 0, and never in ring 0. A machine that knows no alignment check
 * (QEMU's translator) is left alone.
 *
 * SDM vol. 3A 6.15 (interrupt 17).
 */
#include "tests/micro/lib/micro.h"

static u32 words[2];

static u32 misaligned(void)
{
    CATCH("movl (%0), %%eax", : "r"((u32)words + 1) : "eax");
    return caught.count;
}

static u32 aligned(void)
{
    CATCH("movl (%0), %%eax", : "r"(words) : "eax");
    return caught.count;
}

void test(void)
{
    EXPECT_EQ(ring3_flags(misaligned, EFLAGS_AC), 0,
              "faults in ring 3 with AC and without AM");
    write_cr0(read_cr0() | CR0_AM);
    EXPECT_EQ(ring3(misaligned), 0, "faults in ring 3 with AM, without AC");
    EXPECT_EQ(ring3_flags(aligned, EFLAGS_AC), 0, "faults of aligned reads");
    if (!ring3_flags(misaligned, EFLAGS_AC)) {
        note("this machine has no alignment check; #AC is not tested");
        return;
    }
    EXPECT_TRAP(TRAP_AC, 0, 0, "a misaligned read in ring 3");
    EXPECT(caught.f.eflags & EFLAGS_AC, "AC is 0 in the frame of #AC");
    __asm__ volatile("pushfl\n\t orl %0, (%%esp)\n\t popfl"
                     :
                     : "i"(EFLAGS_AC)
                     : "memory", "cc");
    EXPECT_EQ(misaligned(), 0, "faults in ring 0 with AC and AM");
}
