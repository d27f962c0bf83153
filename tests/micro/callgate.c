/* SPDX-License-Identifier: MIT
 *
 * A 32-bit call gate from ring 3 to ring 0: the stack of the TSS, the copied
 * parameters, the return address with ring 3's CS, and RETF home; a gate of
 * DPL 0 refuses ring 3.
 *
 * SDM vol. 3A 5.8.3-5.8.6.
 */
#include "tests/micro/lib/micro.h"

#define GATE       (GDT_FREE * 8)
#define PARAMETERS 2

u32 seen_cs, seen_ss, seen_esp, seen[PARAMETERS], seen_eip;
static u32 wanted_eip, inner_cs;

void gate_target(void);

/* Stack: eip cs parameters esp ss. Ring 0's CS is read from a frame. */
__asm__(".text\n"
        "gate_target:\n"
        "    movl 0(%esp), %ecx\n movl %ecx, %ss:seen_eip\n"
        "    movl 4(%esp), %ecx\n movl %ecx, %ss:seen_cs\n"
        "    movl 8(%esp), %ecx\n movl %ecx, %ss:seen\n"
        "    movl 12(%esp), %ecx\n movl %ecx, %ss:seen + 4\n"
        "    movl 16(%esp), %ecx\n movl %ecx, %ss:seen_esp\n"
        "    movl 20(%esp), %ecx\n movl %ecx, %ss:seen_ss\n"
        "    int $0x41\n"
        "    lret $8\n");

static void look(struct frame *f)
{
    inner_cs = f->cs;
}

static u32 user(void)
{
    u32 before, after;

    __asm__ volatile("movl %%esp, %0\n\t"
                     "pushl $0x1111\n\t pushl $0x2222\n\t"
                     "lcall %3, $0\n"
                     "1: movl $1b, %2\n\t movl %%esp, %1"
                     : "=&r"(before), "=&r"(after), "=m"(wanted_eip)
                     : "i"(GATE | 3)
                     : "ecx", "memory", "cc");
    EXPECT_EQ(after, before, "ESP after the gate's RETF 8");
    return before;
}

static u32 refused(void)
{
    CATCH("lcall %0, $0", : "i"(GATE | 3));
    return 0;
}

void test(void)
{
    u32 esp;

    handlers[0x41] = look;
    gdt[GATE >> 3][0] = KCODE << 16 | ((u32)gate_target & 0xffff);
    gdt[GATE >> 3][1] = ((u32)gate_target & 0xffff0000) | DESC_P | DESC_DPL |
                        SYS_CALL32 << DESC_TYPE_SHIFT | PARAMETERS;
    barrier();
    esp = ring3(user);
    EXPECT_EQ(seen_cs, UCODE, "CS on the gate's stack");
    EXPECT_EQ(seen_eip, wanted_eip, "EIP on the gate's stack");
    EXPECT_EQ(seen_ss, UDATA, "SS on the gate's stack");
    EXPECT_EQ(seen_esp, esp - 8, "ESP on the gate's stack");
    EXPECT_EQ(seen[0], 0x2222, "the last parameter");
    EXPECT_EQ(seen[1], 0x1111, "the first parameter");
    EXPECT_EQ(inner_cs, KCODE, "CS behind the gate");
    gdt[GATE >> 3][1] &= ~DESC_DPL;
    barrier();
    ring3(refused);
    EXPECT_TRAP(TRAP_GP, GATE, 0, "ring 3 by a gate of DPL 0");
    gdt[GATE >> 3][1] |= DESC_DPL;
    gdt[GATE >> 3][1] &= ~DESC_P;
    barrier();
    ring3(refused);
    EXPECT_TRAP(TRAP_NP, GATE, 0, "ring 3 by a gate not present");
}
