/* SPDX-License-Identifier: MIT
 *
 * CR0.TS and CR0.EM: FPU instructions raise #NM in ring 0 and ring 3 while TS
 * or EM is set, run after CLTS, and the value in the FPU outlives it; WAIT
 * needs MP as well.
 *
 * SDM vol. 3A 2.5 (table 2-2), 6.15 (interrupt 7).
 */
#include "tests/micro/lib/micro.h"

static u32 out;

static u32 use_fpu(void)
{
    CATCH("fildl %0\n fistpl %1", : "m"((u32){42}), "m"(out) : "memory");
    return caught.count ? caught.f.vector : 0;
}

static u32 wait(void)
{
    CATCH("fwait", );
    return caught.count ? caught.f.vector : 0;
}

static void set_cr0(u32 clear, u32 set)
{
    write_cr0((read_cr0() & ~clear) | set);
}

void test(void)
{
    set_cr0(CR0_TS | CR0_EM, CR0_MP);
    __asm__ volatile("fninit");
    EXPECT_EQ(use_fpu(), 0, "the FPU in ring 0 with TS = 0");
    EXPECT_EQ(ring3(use_fpu), 0, "the FPU in ring 3 with TS = 0");
    __asm__ volatile("fldpi");
    set_cr0(0, CR0_TS);
    EXPECT(read_cr0() & CR0_TS, "TS reads back as 0");
    EXPECT_EQ(use_fpu(), TRAP_NM, "the FPU in ring 0 with TS = 1");
    EXPECT_TRAP(TRAP_NM, 0, 0, "FILD in ring 0 with TS = 1");
    EXPECT_EQ(ring3(use_fpu), TRAP_NM, "the FPU in ring 3 with TS = 1");
    EXPECT_EQ(wait(), TRAP_NM, "WAIT with TS = 1 and MP = 1");
    set_cr0(CR0_MP, 0);
    EXPECT_EQ(wait(), 0, "WAIT with TS = 1 and MP = 0");
    EXPECT_EQ(use_fpu(), TRAP_NM, "the FPU with TS = 1 and MP = 0");
    __asm__ volatile("clts");
    EXPECT(!(read_cr0() & CR0_TS), "TS reads back as 1 after CLTS");
    EXPECT_EQ(use_fpu(), 0, "the FPU after CLTS");
    __asm__ volatile(
        "fldpi\n\t fcompp\n\t fnstsw %%ax\n\t andl $0x4000, %%eax\n\t"
        "movl %%eax, %0"
        : "=m"(out)
        :
        : "eax");
    EXPECT_EQ(out, 0x4000, "pi as it stood in the FPU");
    set_cr0(0, CR0_EM);
    EXPECT_EQ(use_fpu(), TRAP_NM, "the FPU in ring 0 with EM = 1");
    EXPECT_EQ(ring3(use_fpu), TRAP_NM, "the FPU in ring 3 with EM = 1");
    set_cr0(CR0_EM, CR0_MP);
    EXPECT_EQ(ring3(use_fpu), 0, "the FPU in ring 3 once EM = 0 again");
}
