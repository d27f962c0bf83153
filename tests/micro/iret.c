/* SPDX-License-Identifier: MIT
 *
 * IRET between rings: to ring 3 it takes ESP and SS from the frame and
 * empties data registers that held ring-0 segments; what the frame says wrong
 * raises #GP or #NP with the selector, at the IRET itself.
 *
 * SDM vol. 2A IRET; vol. 3A 5.8.6.
 */
#include "tests/micro/lib/micro.h"

u32 got_ds, got_es, got_fs, got_gs, got_esp;

static __attribute__((used)) void look(void)
{
    __asm__ volatile("movl %%ds, %%eax\n\t movl %%eax, %%ss:got_ds\n\t"
                     "movl %%es, %%eax\n\t movl %%eax, %%ss:got_es\n\t"
                     "movl %%fs, %%eax\n\t movl %%eax, %%ss:got_fs\n\t"
                     "movl %%gs, %%eax\n\t movl %%eax, %%ss:got_gs\n\t"
                     "movl %%esp, %%ss:got_esp"
                     :
                     :
                     : "eax", "memory");
}

/* IRET to look() in ring 3 with these in the four data registers. */
static void enter_with(u32 ds, u32 es, u32 fs, u32 gs)
{
    __asm__ volatile(
        "pushal\n\t"
        "pushl $1f\n\t" /* the frame ring3_end leaves by */
        "pushl %%ebp\n\t pushl %%ebx\n\t"
        "pushl %%esi\n\t pushl %%edi\n\t"
        "movl %%esp, ring3_home\n\t"
        "movl %%esp, tss + 4\n\t"
        "pushl %[ss]\n\t pushl $user_stack_top - 64\n\t"
        "pushl $2\n\t pushl %[cs]\n\t pushl $2f\n\t"
        "movl %%eax, %%fs\n\t movl %%ebx, %%gs\n\t"
        "movl %%ecx, %%es\n\t movl %%edx, %%ds\n\t"
        "iretl\n"
        "2: call look\n\t int %[home]\n"
        "1: popal\n\t"
        "movl %%ds, %%eax\n\t"
        "movl %%eax, %%fs\n\t movl %%eax, %%gs"
        : "+a"(fs)
        : "b"(gs), "c"(es),
          "d"(ds), [ss] "i"(UDATA), [cs] "i"(UCODE), [home] "i"(VECTOR_HOME)
        : "memory", "cc");
}

static void emptied_registers(void)
{
    enter_with(KDATA, UDATA, KDATA, 0);
    EXPECT_EQ(got_ds, 0, "DS in ring 3 that held ring 0's data");
    EXPECT_EQ(got_es, UDATA, "ES in ring 3 that held ring 3's data");
    EXPECT_EQ(got_fs, 0, "FS in ring 3 that held ring 0's data");
    EXPECT_EQ(got_gs, 0, "GS in ring 3 that was empty");
    EXPECT_EQ(got_esp, (u32)user_stack_top - 64 - 4, "ESP in ring 3");
    enter_with(UDATA, KDATA, UDATA, KCODE);
    EXPECT_EQ(got_ds, UDATA, "DS in ring 3 that held ring 3's data");
    EXPECT_EQ(got_es, 0, "ES in ring 3 that held ring 0's data");
    EXPECT_EQ(got_fs, UDATA, "FS in ring 3 that held ring 3's data");
    EXPECT_EQ(got_gs, 0, "GS in ring 3 that held ring 0's code");
}

/* IRET with this frame, which must fault. */
static void bad_iret(u32 cs, u32 ss)
{
    CATCH("pushl %1\n pushl $0x5000\n pushl $2\n pushl %0\n"
          " pushl $0\n movl %%esp, %%ecx\n movl $1f, catch_at\n 1: iretl",
          : "r"(cs), "r"(ss)
          : "ecx");
}

static void bad_frames(void)
{
    gdt_set(GDT_FREE, 0, 0xfffff, ATTR_KCODE | ATTR_G | ATTR_RING3);
    gdt[GDT_FREE][1] &= ~DESC_P;
    bad_iret(0, 0);
    EXPECT_TRAP(TRAP_GP, 0, 0, "IRET to a null CS");
    bad_iret(GDT_SIZE * 8 | 3, UDATA);
    EXPECT_TRAP(TRAP_GP, GDT_SIZE * 8, 0, "IRET to CS beyond the GDT");
    bad_iret(UDATA, UDATA);
    EXPECT_TRAP(TRAP_GP, UDATA & ~SEL_RPL, 0, "IRET to CS in a data segment");
    bad_iret(GDT_FREE * 8 | 3, UDATA);
    EXPECT_TRAP(TRAP_NP, GDT_FREE * 8, 0, "IRET to CS not present");
    bad_iret(KCODE | 3, UDATA);
    EXPECT_TRAP(TRAP_GP, KCODE, 0, "IRET to ring 3 in ring 0's code");
    bad_iret(UCODE & ~SEL_RPL, UDATA);
    EXPECT_TRAP(TRAP_GP, UCODE & ~SEL_RPL, 0, "IRET to ring 0 in ring 3's");
    bad_iret(UCODE, 0);
    EXPECT_TRAP(TRAP_GP, 0, 0, "IRET to ring 3 with a null SS");
    bad_iret(UCODE, KDATA);
    EXPECT_TRAP(TRAP_GP, KDATA, 0, "IRET to ring 3 with ring 0's stack");
    bad_iret(UCODE, UCODE);
    EXPECT_TRAP(TRAP_GP, UCODE & ~SEL_RPL, 0, "IRET with SS a code segment");
}

void test(void)
{
    emptied_registers();
    bad_frames();
}
