/* SPDX-License-Identifier: MIT
 *
 * Far CALL, RET and JMP: within ring 0, to ring 3 by RETF, within ring 3;
 * and what they refuse.
 *
 * SDM vol. 3A 5.8; vol. 2A CALL, JMP; vol. 2B RET.
 */
#include "tests/micro/lib/micro.h"

#define OTHER  (GDT_FREE * 8)     /* ring 0's code by another selector */
#define USER2  (GDT_FREE * 8 + 8) /* ring 3's */
#define ABSENT (GDT_FREE * 8 + 16)

static u32 pointer[2];

/* CS as the frame of an interrupt shows it. */
static u32 cs_now, esp_now;

static void look(struct frame *f)
{
    cs_now = f->cs;
    esp_now = f->esp;
}

static void call_and_return(u32 selector)
{
    pointer[1] = selector;
    __asm__ volatile("movl $2f, %0\n\t lcall *%0\n\t jmp 1f\n"
                     "2: int $0x41\n\t lret\n"
                     "1:"
                     : "+m"(pointer[0])
                     :
                     : "memory", "cc");
}

static void jump_and_back(u32 selector, u32 home)
{
    pointer[1] = selector;
    __asm__ volatile("movl $2f, %0\n\t ljmp *%0\n"
                     "2: int $0x41\n\t"
                     "pushl %1\n\t pushl $1f\n\t lret\n"
                     "1:"
                     : "+m"(pointer[0])
                     : "r"(home)
                     : "memory", "cc");
}

static void in_ring0(void)
{
    call_and_return(OTHER);
    EXPECT_EQ(cs_now, OTHER, "CS in a far call");
    __asm__ volatile("int $0x41" : : : "memory");
    EXPECT_EQ(cs_now, KCODE, "CS after it returned");
    jump_and_back(OTHER, KCODE);
    EXPECT_EQ(cs_now, OTHER, "CS after a far jump");
    __asm__ volatile("int $0x41" : : : "memory");
    EXPECT_EQ(cs_now, KCODE, "CS after RETF");
    __asm__ volatile("pushl $7\n\t pushl $7\n\t pushl %0\n\t pushl $1f\n\t"
                     "lret $8\n1:"
                     :
                     : "r"(KCODE)
                     : "memory");
}

static u32 in_ring3(void)
{
    call_and_return(USER2 | 3);
    EXPECT_EQ(cs_now, USER2 | 3, "CS in a far call in ring 3");
    jump_and_back(USER2 | 3, UCODE);
    EXPECT_EQ(cs_now, USER2 | 3, "CS after a far jump in ring 3");
    jump_and_back(USER2, UCODE);
    EXPECT_EQ(cs_now, USER2 | 3, "CS after a far jump with RPL 0 in ring 3");
    __asm__ volatile("int $0x41" : : : "memory");
    EXPECT_EQ(cs_now, UCODE, "CS after RETF in ring 3");
    return 0x5e;
}

static void jump_refused(u32 selector, u32 vector, u32 error, const char *what)
{
    pointer[0] = 0;
    pointer[1] = selector;
    CATCH("ljmp *%0", : "m"(pointer));
    EXPECT_TRAP(vector, error, 0, what);
    CATCH("lcall *%0", : "m"(pointer));
    EXPECT_TRAP(vector, error, 0, what);
}

static u32 refused_in_ring3(void)
{
    jump_refused(KCODE, TRAP_GP, KCODE, "ring 3 to ring 0's code");
    jump_refused(KCODE | 3, TRAP_GP, KCODE, "ring 3 to it with RPL 3");
    jump_refused(ABSENT | 3, TRAP_NP, ABSENT, "ring 3 to code not present");
    jump_refused(0, TRAP_GP, 0, "ring 3 to a null selector");
    CATCH("pushl %0\n pushl $0\n movl $1f, catch_at\n 1: lret", : "r"(KCODE));
    return 0;
}

static void refused(void)
{
    jump_refused(0, TRAP_GP, 0, "to a null selector");
    jump_refused(KDATA, TRAP_GP, KDATA, "to data");
    jump_refused(UCODE, TRAP_GP, UCODE & ~SEL_RPL, "to ring 3's code");
    jump_refused(GDT_SIZE * 8, TRAP_GP, GDT_SIZE * 8, "beyond the GDT");
    gdt[ABSENT >> 3][1] &= ~DESC_DPL;
    barrier();
    jump_refused(ABSENT, TRAP_NP, ABSENT, "to code not present");
    CATCH("pushl %0\n pushl $0\n movl $1f, catch_at\n 1: lret", : "r"(0));
    EXPECT_TRAP(TRAP_GP, 0, 0, "RETF to a null selector");
    CATCH("pushl %0\n pushl $0\n movl $1f, catch_at\n 1: lret",
          : "r"(KCODE | 3));
    EXPECT_TRAP(TRAP_GP, KCODE, 0, "RETF to ring 0's code with RPL 3");
}

/* RETF to ring 3, home by interrupt: ring3_end pops what is pushed first. */
static void retf_to_ring3(u32 release)
{
    __asm__ volatile("pushal\n\t pushl $1f\n\t"
                     "pushl %%ebp\n\t pushl %%ebx\n\t"
                     "pushl %%esi\n\t pushl %%edi\n\t"
                     "movl %%esp, ring3_home\n\t movl %%esp, tss + 4\n\t"
                     "pushl %[ss]\n\t pushl $user_stack_top - 64\n\t"
                     "testl %%eax, %%eax\n\t jz 3f\n\t"
                     "pushl $0\n\t pushl $0\n\t"
                     "pushl %[cs]\n\t pushl $2f\n\t lret $8\n"
                     "3: pushl %[cs]\n\t pushl $2f\n\t lret\n"
                     "2: int $0x41\n\t int %[home]\n"
                     "1: popal"
                     : "+a"(release)
                     : [ss] "i"(UDATA), [cs] "i"(UCODE), [home] "i"(VECTOR_HOME)
                     : "memory", "cc");
    EXPECT_EQ(cs_now, UCODE, "CS after RETF to ring 3");
}

void test(void)
{
    handlers[0x41] = look;
    idt_set(0x41, SYS_INT32, 3, KCODE, stubs[0x41]);
    gdt_set(OTHER >> 3, 0, 0xfffff, ATTR_KCODE | ATTR_G);
    gdt_set(USER2 >> 3, 0, 0xfffff, ATTR_KCODE | ATTR_G | ATTR_RING3);
    gdt_set(ABSENT >> 3, 0, 0xfffff,
            (ATTR_KCODE & ~ATTR_P) | ATTR_G | ATTR_RING3);
    in_ring0();
    EXPECT_EQ(ring3(in_ring3), 0x5e, "what the far calls in ring 3 return");
    refused();
    gdt[ABSENT >> 3][1] |= DESC_DPL;
    barrier();
    retf_to_ring3(0);
    EXPECT_EQ(esp_now, (u32)user_stack_top - 64, "ESP after RETF to ring 3");
    retf_to_ring3(8);
    EXPECT_EQ(esp_now, (u32)user_stack_top - 64 + 8,
              "ESP after RETF 8 to ring 3");
    ring3(refused_in_ring3);
    EXPECT_TRAP(TRAP_GP, KCODE, 0, "RETF from ring 3 to ring 0");
}
