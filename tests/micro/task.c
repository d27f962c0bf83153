/* SPDX-License-Identifier: MIT
 *
 * Hardware task switches: JMP and CALL to a TSS and through a task gate, IRET
 * with NT, exceptions through a task gate with the error code on the new
 * stack, a task in ring 3 with an LDT and page tables of its own. What is
 * saved, loaded, marked busy and linked; which faults the old task takes, and
 * which the new one.
 *
 * LIMIT: what QEMU does otherwise stands in Bochs's hands: it does not check
 * the limit of the old TSS, and raises no T-bit trap.
 *
 * SDM vol. 3A 7.2, 7.3, 7.4.
 */
#include "tests/micro/lib/micro.h"

#define TASK       (GDT_FREE * 8)
#define GATE       (GDT_FREE * 8 + 8)
#define TASK_LDT   (GDT_FREE * 8 + 16)
#define LDT_DATA   0x0f /* the second entry of an LDT, RPL 3 */
#define VECTOR     0x41
#define BUSY       (0x2u << DESC_TYPE_SHIFT)
#define NOTHING    0xffff
#define TEXT(n)    TEXT_OF(n)
#define TEXT_OF(n) #n
#define WORD(n)    (other.word[n])

enum { EIP = TSS32_EIP / 4, FLAGS, EAX_, ECX_, EDX_, EBX_, ESP_, EBP_ };
enum { ES_ = 18, CS_, SS_, DS_, FS_, GS_, LDT_ };

static struct tss other;
static u32 ldt[2][2];
static u8 other_stack[1024] __attribute__((aligned(16)));
static u32 root[1024] __attribute__((aligned(4096)));

/* What the other task saw. */
u32 seen[8], seen_error;
u32 far_tss[2], far_gate[2];

void other_task(void);
void other_user(void);

__asm__(".text\n"
        "other_task:\n" /* looks, and returns; again and again */
        "    movl %eax, seen\n"
        "    movl %ebp, seen+4\n"
        "    movl %esp, seen+8\n"
        "    str %ax\n"
        "    movzwl %ax, %eax\n"
        "    movl %eax, seen+12\n"
        "    movl %cr0, %eax\n"
        "    movl %eax, seen+16\n"
        "    pushfl\n"
        "    popl seen+20\n"
        "    movl %cr3, %eax\n"
        "    movl %eax, seen+24\n"
        "    clts\n"
        "    movl $0x4711, %ebx\n"
        "    iretl\n"
        "    jmp other_task\n"
        "other_user:\n" /* ring 3: reads through its LDT */
        "    movl %fs:(%ecx), %eax\n"
        "    movl %eax, seen\n"
        "    movw %cs, seen+4\n"
        "    iretl\n"
        "    jmp other_user\n");

static void make_task(u32 entry)
{
    other = (struct tss){0};
    WORD(TSS32_ESP0 / 4) = (u32)stack_top - 4096;
    WORD(TSS32_SS0 / 4) = KDATA;
    WORD(TSS32_CR3 / 4) = read_cr3();
    WORD(EIP) = entry;
    WORD(FLAGS) = EFLAGS_ONE;
    WORD(EAX_) = 0xaaaaaaaa;
    WORD(EBP_) = 0xbbbbbbbb;
    WORD(ESP_) = (u32)other_stack + sizeof(other_stack);
    for (u32 s = ES_; s <= GS_; s++)
        WORD(s) = s == CS_ ? KCODE : KDATA;
    other.word[TSS32_IOMAP / 4] = TSS32_SIZE << 16;
    gdt_set(TASK >> 3, (u32)&other, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    gdt_set(GATE >> 3, 0, 0, ATTR_P | SYS_TASK_GATE);
    gdt[GATE >> 3][0] = TASK << 16;
    far_tss[1] = TASK;
    far_gate[1] = GATE;
    for (u32 i = 0; i < 8; i++)
        seen[i] = 0;
    seen_error = NOTHING;
    barrier();
}

static u32 busy(u32 selector)
{
    return *(volatile u32 *)&gdt[selector >> 3][1] & BUSY;
}

/* Call the task, and see that it was another one that ran. */
#define CALL_IT(pointer)                                                       \
    CATCH("lcall *%0", : "m"(pointer) : "eax", "ebx", "memory")

static void expect_seen(const char *what)
{
    EXPECT_NO_TRAP(what);
    EXPECT_EQ(seen[0], 0xaaaaaaaa, "EAX of the new task");
    EXPECT_EQ(seen[1], 0xbbbbbbbb, "EBP of the new task");
    EXPECT_EQ(seen[2], (u32)other_stack + sizeof(other_stack),
              "ESP of the new task");
    EXPECT(seen[4] & CR0_TS, "CR0.TS is 0 behind a task switch");
    EXPECT(!busy(TASK), "the TSS that was left by IRET is busy");
    EXPECT(busy(TSS_SEL), "the TSS that was returned to is not busy");
    EXPECT_EQ(*(volatile u16 *)&WORD(0), TSS_SEL, "the back link");
    EXPECT_EQ(*(volatile u32 *)&WORD(EBX_), 0x4711,
              "EBX as saved by the task that returned");
    EXPECT(!(*(volatile u32 *)&WORD(FLAGS) & EFLAGS_NT),
           "NT as saved by the task that returned is 1");
}

static void calls(void)
{
    u32 esp, after;

    make_task((u32)other_task);
    __asm__ volatile("movl %%esp, %0" : "=r"(esp));
    CALL_IT(far_tss);
    __asm__ volatile("movl %%esp, %0" : "=r"(after));
    expect_seen("a CALL to a TSS");
    EXPECT_EQ(after, esp, "ESP behind a task that returned");
    EXPECT(seen[5] & EFLAGS_NT, "NT is 0 in a task that was called");
    __asm__ volatile("clts");
    make_task((u32)other_task);
    CALL_IT(far_gate);
    expect_seen("a CALL through a task gate");
    __asm__ volatile("clts");
    make_task((u32)other_task);
    idt_set(VECTOR, SYS_TASK_GATE, 0, TASK, 0);
    CATCH("int $0x41", : : "eax", "ebx", "memory");
    expect_seen("an INT through a task gate");
    __asm__ volatile("clts");
    /* once more: it goes on behind its IRET */
    CATCH("int $0x41", : : "eax", "ebx", "memory");
    EXPECT_NO_TRAP("a second INT through a task gate");
    EXPECT_EQ(seen[0], read_cr3(), "EAX of a task that goes on");
}

/* JMP there, and by another JMP back. */
void back_by_jmp(void);
__asm__("back_by_jmp:\n"
        "    pushfl\n"
        "    popl seen+20\n"
        "    ljmp $" TEXT(TSS_SEL) ", $0\n");

static void jumps(void)
{
    make_task((u32)back_by_jmp);
    WORD(0) = 0x1234;
    barrier();
    CATCH("ljmp *%0", : "m"(far_tss) : "memory");
    EXPECT_NO_TRAP("a JMP to a TSS and back");
    EXPECT(!(seen[5] & EFLAGS_NT), "NT is 1 in a task that was jumped to");
    EXPECT_EQ(*(volatile u32 *)&WORD(0), 0x1234, "the link of a JMP");
    EXPECT(!busy(TASK) && busy(TSS_SEL), "the busy bits behind two JMPs");
    EXPECT(read_cr0() & CR0_TS, "CR0.TS is 0 behind a JMP to a task");
    __asm__ volatile("clts");
}

/* The faulting instruction is restarted, so the task makes it harmless:
 * other_fix loads the selector of the retry. */
void other_fix(void);
u32 fix_saved_eip, fix_saved_flags;
__asm__("other_fix:\n"
        "    popl seen_error\n"
        "    movl tss+32, %eax\n"
        "    movl %eax, fix_saved_eip\n"
        "    movl tss+36, %eax\n"
        "    movl %eax, fix_saved_flags\n"
        "    movl $" TEXT(KDATA) ", tss+40\n" /* EAX */
                                 "    iretl\n"
                                 "    jmp other_fix\n");

u32 bad_load_at;

static void error_code(void)
{
    make_task((u32)other_fix);
    idt_set(TRAP_GP, SYS_TASK_GATE, 0, TASK, 0);
    __asm__ volatile("movl $1f, bad_load_at\n\t"
                     "movl %0, %%eax\n"
                     "1: movl %%eax, %%fs"
                     :
                     : "i"(TSS_SEL)
                     : "eax", "memory");
    idt_set(TRAP_GP, SYS_INT32, 0, KCODE, stubs[TRAP_GP]);
    EXPECT_EQ(seen_error, TSS_SEL, "the error code on the new task's stack");
    EXPECT_EQ(fix_saved_eip, bad_load_at, "EIP as saved by an exception");
    EXPECT_EQ(*(volatile u16 *)&WORD(0), TSS_SEL,
              "the back link of an exception");
    __asm__ volatile("clts");
}

/* A task in ring 3, with its own LDT and page tables. */
static void user_task(void)
{
    static u32 secret = 0x12345678;

    paging_on();
    tss.word[TSS32_CR3 / 4] = (u32)page_dir; /* a switch does not save it */
    make_task((u32)other_user);
    for (u32 i = 0; i < 1024; i++)
        root[i] = page_dir[i];
    ldt[1][0] = desc_lo(0, 0xfffff);
    ldt[1][1] = desc_hi(0, 0xfffff, ATTR_KDATA | ATTR_RING3 | ATTR_G);
    gdt_set(TASK_LDT >> 3, (u32)ldt, sizeof(ldt) - 1, ATTR_P | SYS_LDT);
    WORD(TSS32_CR3 / 4) = (u32)root;
    WORD(ECX_) = (u32)&secret;
    for (u32 s = ES_; s <= GS_; s++)
        WORD(s) = s == CS_ ? UCODE : UDATA;
    WORD(FS_) = LDT_DATA;
    WORD(LDT_) = TASK_LDT;
    barrier();
    CALL_IT(far_tss);
    EXPECT_NO_TRAP("a CALL to a task in ring 3");
    EXPECT_EQ(seen[0], 0x12345678, "a word read through the task's LDT");
    EXPECT_EQ(seen[1] & 0xffff, UCODE, "CS of a task in ring 3");
    EXPECT_EQ(read_cr3(), (u32)page_dir, "CR3 of the task returned to");
    paging_off();
    __asm__ volatile("clts");
}

static void refused(u32 vector, u32 error, const char *what)
{
    CALL_IT(far_tss);
    EXPECT_TRAP(vector, error, 0, what);
    EXPECT(busy(TSS_SEL), "the TSS is not busy behind a refused switch");
}

static void old_faults(void)
{
    make_task((u32)other_task);
    gdt[TASK >> 3][1] |= BUSY;
    barrier();
    refused(TRAP_GP, TASK, "a CALL to a busy TSS");
    make_task((u32)other_task);
    gdt[TASK >> 3][1] &= ~DESC_P;
    barrier();
    refused(TRAP_NP, TASK, "a CALL to a TSS not present");
    make_task((u32)other_task);
    gdt[TASK >> 3][0]--;
    barrier();
    refused(TRAP_TS, TASK, "a CALL to a TSS that is too short");
    make_task((u32)other_task);
    gdt[GATE >> 3][0] = KDATA << 16;
    barrier();
    CALL_IT(far_gate);
    EXPECT_TRAP(TRAP_GP, KDATA, 0, "a task gate to a data segment");
    tss.word[0] = TASK; /* free: nothing to return to */
    CATCH("pushfl\n\torl $0x4000, (%%esp)\n\tpopfl\n\tiretl",
          :
          : "memory", "cc");
    __asm__ volatile("pushfl\n\tandl $~0x4000, (%%esp)\n\tpopfl" : : : "cc");
    EXPECT(caught.f.vector == TRAP_TS && caught.f.error == TASK,
           "IRET to a free TSS is not #TS");
}

void test(void)
{
    calls();
    jumps();
    error_code();
    user_task();
    old_faults();
}
