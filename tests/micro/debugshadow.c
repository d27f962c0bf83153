/* SPDX-License-Identifier: MIT
 *
 * Debug exceptions that come late, or not: the shadow of MOV SS and POP SS
 * swallows a single step and holds a data breakpoint back for one
 * instruction, of two in a row the first alone; STI's shadow is not for
 * them, nor is there one behind LSS; a REP instruction traps behind each
 * iteration; the T bit of a TSS traps before the task's first instruction.
 *
 * QEMU's translator does most of it otherwise, so it is asked only where
 * segments are checked, which tells it from the others.
 *
 * SDM vol. 3A 6.8.3, 7.2.1; vol. 3B 17.3.1.
 */
#include "tests/micro/lib/micro.h"

#define MAX  16
#define TASK (GDT_FREE * 8)

static u32 count, at[MAX], dr6_seen[MAX];
static struct tss other;
static u8 other_stack[512] __attribute__((aligned(16)));

u32 stack_sel;          /* for SS */
u32 origin, task_at[2]; /* where the instructions begin; a far pointer */

static void on_debug(struct frame *f)
{
    u32 dr6;

    __asm__ volatile("movl %%dr6, %0" : "=r"(dr6));
    __asm__ volatile("movl %0, %%dr6" : : "r"(0));
    if (count < MAX) {
        at[count] = f->eip - origin;
        dr6_seen[count] = dr6 & (DR6_HITS | DR6_BS | DR6_BT);
    }
    count++;
}

/* The instructions with TF = 1, from the first of them on. */
#define STEP(code)                                                             \
    do {                                                                       \
        count = 0;                                                             \
        __asm__ volatile("movl $1f, origin\n\t"                                \
                         "pushfl\n\t orl %[tf], (%%esp)\n\t popfl\n"           \
                         "1: " code "\n\t"                                     \
                         "pushfl\n\t andl %[not_tf], (%%esp)\n\t popfl"        \
                         :                                                     \
                         : [tf] "i"(EFLAGS_TF), [not_tf] "i"(~EFLAGS_TF)       \
                         : "memory", "cc", "eax", "ecx", "esi", "edi");        \
    } while (0)

static void expect_at(u32 line, u32 n, const u32 *want)
{
    expect_equal(count, n + 3, line, "the number of steps");
    for (u32 i = 0; i < n && i < MAX; i++)
        expect_equal(at[i], want[i], line, "where a step ended");
}

#define EXPECT_STEPS(...)                                                      \
    expect_at(__LINE__, ARRAY_LEN(((u32[]){__VA_ARGS__})), (u32[]){__VA_ARGS__})

static void steps(void)
{
    STEP("movl %%ss, %%eax\n\t movl %%eax, %%ss\n\t nop\n\t nop");
    EXPECT_STEPS(2, 5, 6);
    STEP("pushl %%ss\n\t popl %%ss\n\t nop");
    EXPECT_STEPS(1, 3);
    STEP("movl %%ss, %%eax\n\t movl %%eax, %%ss\n\t movl %%eax, %%ss\n\t nop");
    EXPECT_STEPS(2, 6, 7);
    STEP("sti\n\t cli\n\t nop");
    EXPECT_STEPS(1, 2, 3);
    STEP("movl %%esp, %%esi\n\t movl $3, %%ecx\n\t rep lodsb\n\t nop");
    EXPECT_STEPS(2, 7, 7, 7, 9, 10);
}

/* mov ss, [stack_sel] with a breakpoint on that word. */
static void held_back(void)
{
    stack_sel = KDATA;
    barrier();
    __asm__ volatile("movl %0, %%dr1" : : "r"(&stack_sel));
    __asm__ volatile("movl %0, %%dr7" : : "r"(DR7_FIXED | 4 | 3u << 20));
    count = 0;
    __asm__ volatile("movl $1f, origin\n"
                     "1: movw stack_sel, %%ss\n\t"
                     "nop\n\t nop"
                     :
                     :
                     : "memory");
    __asm__ volatile("movl %0, %%dr7" : : "r"(DR7_FIXED));
}

static void breakpoints(void)
{
    held_back();
    EXPECT_EQ(count, 1, "hits of a breakpoint on what MOV SS reads");
    EXPECT_EQ(at[0], 7, "EIP of the trap behind MOV SS");
    EXPECT_EQ(dr6_seen[0], 2, "DR6 of the trap behind MOV SS");
}

void with_t(void);
__asm__("with_t:\n"
        "    nop\n"
        "    iretl\n");

static void t_bit(void)
{
    for (u32 i = 0; i < ARRAY_LEN(other.word); i++)
        other.word[i] = 0;
    other.word[TSS32_EIP / 4] = (u32)with_t;
    other.word[TSS32_EIP / 4 + 1] = EFLAGS_ONE;
    other.word[14] = (u32)other_stack + sizeof(other_stack);
    for (u32 s = 18; s < 24; s++)
        other.word[s] = s == 19 ? KCODE : KDATA;
    other.word[TSS32_TRAP / 4] = TSS32_T | TSS32_SIZE << 16;
    gdt_set(TASK >> 3, (u32)&other, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    task_at[1] = TASK;
    origin = (u32)with_t;
    count = 0;
    barrier();
    __asm__ volatile("lcall *task_at\n\t clts" : : : "memory", "cc");
    EXPECT_EQ(count, 1, "debug traps of a task with T");
    EXPECT_EQ(at[0], 0, "EIP of a task's debug trap");
    EXPECT_EQ(dr6_seen[0], DR6_BT, "DR6 of a task's debug trap");
}

void test(void)
{
    handlers[TRAP_DB] = on_debug;
    if (!checks_segments())
        return;
    steps();
    breakpoints();
    t_bit();
}
