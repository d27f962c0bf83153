/* SPDX-License-Identifier: MIT
 *
 * The way into ring 0 with a bad stack in the TSS: #TS with the selector for
 * a wrong SS0, #SS for one not present. LTR refuses what is no free TSS and
 * marks the one it takes busy.
 *
 * While SS0 is bad no handler in ring 0 can be reached, so #TS and #SS have
 * gates to ring-3 code, which runs on the stack of ring 3.
 *
 * LIMIT: LTR of a null selector is not tried, as QEMU takes it.
 *
 * SDM vol. 3A 6.12.1, 6.15 (interrupts 10 to 12), 7.2.4.
 */
#include "tests/micro/lib/micro.h"

#define OTHER_TSS (GDT_FREE * 8)
#define ABSENT    (GDT_FREE * 8 + 8)
#define NOTHING   0xffff

static struct tss other;

u32 seen_error, user_home;

void ts_handler(void);
void ss_handler(void);
u32 trigger(void);

/* On the stack: error, EIP, CS, EFLAGS. The handlers end trigger(). */
__asm__(".text\n"
        "trigger:\n"
        "    movl %esp, user_home\n"
        "    int $0x41\n"
        "    movl $0xffff, %eax\n"
        "    ret\n"
        "ts_handler:\n"
        "    popl %eax\n"
        "    orl $0xa0000, %eax\n"
        "    movl user_home, %esp\n"
        "    ret\n"
        "ss_handler:\n"
        "    popl %eax\n"
        "    orl $0xc0000, %eax\n"
        "    movl user_home, %esp\n"
        "    ret\n");

static u32 ss0;

static u32 user(void)
{
    u32 good = tss.word[TSS32_SS0 / 4], got;

    tss.word[TSS32_SS0 / 4] = ss0;
    barrier();
    got = trigger();
    tss.word[TSS32_SS0 / 4] = good;
    barrier();
    return got;
}

static u32 with_ss0(u32 selector)
{
    ss0 = selector;
    return ring3(user);
}

static void look(struct frame *f)
{
}

static void stacks(void)
{
    gdt_set(ABSENT >> 3, 0, 0xfffff, (ATTR_KDATA & ~ATTR_P) | ATTR_G);
    idt_set(0x41, SYS_INT32, 3, KCODE, stubs[0x41]);
    handlers[0x41] = look;
    idt_set(TRAP_TS, SYS_INT32, 0, UCODE, (u32)ts_handler);
    idt_set(TRAP_SS, SYS_INT32, 0, UCODE, (u32)ss_handler);
    EXPECT_EQ(with_ss0(KDATA), NOTHING, "the trap by a good SS0");
    EXPECT_EQ(with_ss0(0), 0xa0000, "the trap by a null SS0");
    EXPECT_EQ(with_ss0(UDATA), 0xa0000 | (UDATA & ~SEL_RPL),
              "the trap by an SS0 of ring 3");
    EXPECT_EQ(with_ss0(KDATA | 1), 0xa0000 | KDATA,
              "the trap by an SS0 with RPL 1");
    EXPECT_EQ(with_ss0(KCODE), 0xa0000 | KCODE, "the trap by an SS0 of code");
    EXPECT_EQ(with_ss0(GDT_SIZE * 8), 0xa0000 | GDT_SIZE * 8,
              "the trap by an SS0 beyond the GDT");
    EXPECT_EQ(with_ss0(ABSENT) & 0xffff, ABSENT, /* QEMU: #TS, too */
              "the error code for an SS0 not present");
    EXPECT_EQ(with_ss0(KDATA), NOTHING, "the trap by a good SS0 again");
    idt_set(TRAP_TS, SYS_INT32, 0, KCODE, stubs[TRAP_TS]);
    idt_set(TRAP_SS, SYS_INT32, 0, KCODE, stubs[TRAP_SS]);
}

static void ltr(u32 selector)
{
    CATCH("ltr %w0", : "r"(selector));
}

void test(void)
{
    stacks();
    ltr(KDATA);
    EXPECT_TRAP(TRAP_GP, KDATA, 0, "LTR of a data segment");
    ltr(TSS_SEL);
    EXPECT_TRAP(TRAP_GP, TSS_SEL, 0, "LTR of a busy TSS");
    ltr(GDT_SIZE * 8);
    EXPECT_TRAP(TRAP_GP, GDT_SIZE * 8, 0, "LTR beyond the GDT");
    gdt_set(OTHER_TSS >> 3, (u32)&other, TSS32_SIZE - 1, SYS_TSS32_FREE);
    ltr(OTHER_TSS);
    EXPECT_TRAP(TRAP_NP, OTHER_TSS, 0, "LTR of a TSS not present");
    gdt[OTHER_TSS >> 3][1] |= DESC_P;
    other = tss;
    barrier();
    ltr(OTHER_TSS);
    EXPECT_NO_TRAP("LTR of a free TSS");
    EXPECT_EQ(*(volatile u32 *)&gdt[OTHER_TSS >> 3][1] >> DESC_TYPE_SHIFT & 15,
              SYS_TSS32_BUSY, "the type of the TSS in use");
    other.word[TSS32_ESP0 / 4] = (u32)stack_top - 4096;
    gdt[TSS_SEL >> 3][1] &= ~(0x2u << DESC_TYPE_SHIFT);
    barrier();
    ltr(TSS_SEL);
    EXPECT_NO_TRAP("LTR of the first TSS, made free");
}
