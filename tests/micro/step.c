/* SPDX-License-Identifier: MIT
 *
 * Single steps: TF set by POPF or IRET traps behind each instruction, also
 * behind those a VMM must emulate (CLI, STI, OUT, MOV CR3, INVLPG), with BS in
 * DR6 and TF in the frame; a handler runs without TF; ring 3 is stepped too.
 *
 * SDM vol. 3B 17.3.1.4.
 */
#include "tests/micro/lib/micro.h"

#define MAX 24

static u32 count, at[MAX], flags_seen;

u32 first; /* where the instructions under STEP() begin */

static void on_step(struct frame *f)
{
    u32 dr6;

    if (count < MAX)
        at[count] = f->eip - first;
    if (!count++)
        flags_seen = f->eflags;
    __asm__ volatile("movl %%dr6, %0" : "=r"(dr6));
    EXPECT(dr6 & DR6_BS, "a single step without BS in DR6");
    __asm__ volatile("movl %0, %%dr6" : : "r"(0));
}

/* Runs the instructions with TF = 1 from the second on, and back. */
#define STEP(code, ...)                                                        \
    do {                                                                       \
        count = 0;                                                             \
        __asm__ volatile(                                                      \
            "movl $1f, first\n\t"                                              \
            "pushfl\n\t orl %[tf], (%%esp)\n\t popfl\n"                        \
            "1: " code "\n\t"                                                  \
            "pushfl\n\t andl %[not_tf], (%%esp)\n\t popfl"                     \
            :                                                                  \
            : [tf] "i"(EFLAGS_TF), [not_tf] "i"(~EFLAGS_TF)__VA_ARGS__         \
            : "memory", "cc", "eax", "ecx");                                   \
    } while (0)

static void expect_steps(u32 line, u32 n, const u32 *want)
{
    /* the three instructions that end the stepping are steps as well */
    expect_equal(count, n + 3, line, "the number of steps");
    for (u32 i = 0; i < n && i < MAX; i++)
        expect_equal(at[i], want[i], line, "where a step ended");
}

#define EXPECT_STEPS(...)                                                      \
    expect_steps(__LINE__, ARRAY_LEN(((u32[]){__VA_ARGS__})),                  \
                 (u32[]){__VA_ARGS__})

static u32 user(void)
{
    STEP("nop\n\t nop\n\t movl $1, %%eax\n\t nop");
    return count;
}

static void emulated(void)
{
    STEP("nop\n\t cli\n\t nop");
    EXPECT_STEPS(1, 2, 3);
    STEP("sti\n\t nop\n\t cli\n\t nop"); /* QEMU: no step behind STI */
    EXPECT(count == 3 + 3 || count == 4 + 3, "the steps over STI and CLI");
    STEP("outb %%al, $0x80\n\t nop");
    EXPECT_STEPS(2, 3);
    STEP("inb $0x80, %%al\n\t inb $0x61, %%al");
    EXPECT_STEPS(2, 4);
    STEP("movl %%cr0, %%eax\n\t movl %%eax, %%cr0\n\t nop");
    EXPECT_STEPS(3, 6, 7);
    STEP("movl %%cr3, %%eax\n\t movl %%eax, %%cr3\n\t nop");
    EXPECT_STEPS(3, 6, 7);
    STEP("invlpg (%%esp)\n\t clts\n\t nop");
    EXPECT_STEPS(4, 6, 7);
    STEP("movl $0xb8000, %%eax\n\t movl (%%eax), %%ecx\n\t nop");
    EXPECT_STEPS(5, 7, 8);
}

void test(void)
{
    handlers[TRAP_DB] = on_step;
    STEP("nop\n\t movl $1, %%eax\n\t incl %%eax\n\t nop");
    EXPECT_STEPS(1, 6, 7, 8);
    EXPECT(flags_seen & EFLAGS_TF, "TF is 0 in a step's frame");
    STEP("jmp 2f\n 3: nop\n 2: call 4f\n jmp 5f\n 4: ret\n 5: nop");
    EXPECT_EQ(count, 5 + 3, "steps over jumps and a call");
    STEP("movl %%ds, %%eax\n\t movl %%eax, %%es\n\t nop");
    EXPECT_STEPS(2, 4, 5);
    emulated();
    EXPECT_EQ(ring3(user), 4 + 3, "steps in ring 3");
    count = 0;
    __asm__ volatile("pushl %0\n\t pushl %1\n\t pushl $1f\n\t iretl\n"
                     "1: nop\n\t nop\n\t"
                     "pushfl\n\t andl %2, (%%esp)\n\t popfl"
                     :
                     : "i"(EFLAGS_ONE | EFLAGS_TF), "i"(KCODE), "i"(~EFLAGS_TF)
                     : "memory", "cc");
    EXPECT_EQ(count, 5, "steps behind IRET with TF");
}
