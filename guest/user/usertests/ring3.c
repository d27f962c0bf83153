/* SPDX-License-Identifier: MIT
 *
 * Instructions that are not a program's: each must trap, and become a signal.
 *
 * The bytes are put into a page of the heap and called. A handler notes the
 * signal and goes on behind the call, with the segments as they should be.
 * An instruction that comes back by itself was let through. Which of #GP, #UD
 * and #TS it is depends on the processor; that it is one of them does not.
 *
 * SDM vol. 3A 5.9 (privileged instructions), 6.12.1 (gates), 7.3 (NT).
 */
#include "guest/user/usertests/tests.h"

#define USER_DATA 0x23
#define FLAG_IF   0x200
#define RET       0xc3

#define BYTES(...)                                                             \
    {                                                                          \
        (u8[]){__VA_ARGS__}, sizeof((u8[]){__VA_ARGS__})                       \
    }

struct bytes {
    const u8 *at;
    u32 count;
};

static const struct bytes interrupts[] = {
    BYTES(0xfa), BYTES(0xfb), BYTES(0xf4), /* CLI, STI, HLT */
};

static const struct bytes ports[] = {
    BYTES(0xe4, 0x60), BYTES(0xec),
    BYTES(0xe6, 0x80), BYTES(0xee), /* IN, OUT */
    BYTES(0x6c),       BYTES(0x6e), /* INS, OUTS */
};

static const struct bytes tables[] = {
    BYTES(0x0f, 0x01, 0x14, 0x24), /* LGDT (%esp) */
    BYTES(0x0f, 0x01, 0x1c, 0x24), /* LIDT (%esp) */
    BYTES(0x0f, 0x00, 0xd0),       /* LLDT %ax */
    BYTES(0x0f, 0x00, 0xd8),       /* LTR %ax */
};

static const struct bytes control[] = {
    BYTES(0x0f, 0x20, 0xc0),       /* MOV %cr0, %eax */
    BYTES(0x0f, 0x22, 0xc0),       /* MOV %eax, %cr0 */
    BYTES(0x0f, 0x20, 0xd8),       /* MOV %cr3, %eax */
    BYTES(0x0f, 0x22, 0xd8),       /* MOV %eax, %cr3 */
    BYTES(0x0f, 0x22, 0xe0),       /* MOV %eax, %cr4 */
    BYTES(0x0f, 0x01, 0xf0),       /* LMSW %ax */
    BYTES(0x0f, 0x06),             /* CLTS */
    BYTES(0x0f, 0x08),             /* INVD */
    BYTES(0x0f, 0x09),             /* WBINVD */
    BYTES(0x0f, 0x01, 0x3c, 0x24), /* INVLPG (%esp) */
};

static const struct bytes registers[] = {
    BYTES(0x0f, 0x21, 0xf8), BYTES(0x0f, 0x23, 0xf8), /* MOV with %dr7 */
    BYTES(0x0f, 0x32),       BYTES(0x0f, 0x30),       /* RDMSR, WRMSR */
    BYTES(0x0f, 0x33),                                /* RDPMC */
};

static const struct bytes gates[] = {
    BYTES(0xcd, 0x00),                               /* INT 0, a fault's */
    BYTES(0xcd, 0x08),                               /* INT 8 */
    BYTES(0xcd, 0x0e),                               /* INT 14 */
    BYTES(0xcd, 0x20),                               /* INT 32, the timer's */
    BYTES(0xcd, 0xff),                               /* INT 255 */
    BYTES(0x9a, 0, 0, 0, 0, 0x08, 0),                /* LCALL $8, $0 */
    BYTES(0xea, 0, 0, 0, 0, 0x08, 0),                /* LJMP $8, $0 */
    BYTES(0x9a, 0, 0, 0, 0, 0x28, 0),                /* LCALL to the TSS */
    BYTES(0xea, 0, 0, 0, 0, 0x2b, 0),                /* LJMP to the TSS */
    BYTES(0x6a, 0x08, 0x6a, 0x00, 0xcb),             /* LRET to ring 0 */
    BYTES(0x9c, 0x6a, 0x08, 0x6a, 0x00, 0xcf),       /* IRET to ring 0 */
    BYTES(0xb8, 0x10, 0x00, 0x00, 0x00, 0x8e, 0xd0), /* MOV $0x10, %ss */
    BYTES(0xb8, 0x10, 0x00, 0x00, 0x00, 0x8e, 0xd8), /* MOV $0x10, %ds */
    BYTES(0xb8, 0x00, 0x00, 0x00, 0x00, 0x8e, 0xd0), /* MOV $0, %ss */
    /* PUSHF, ORL $NT, (%esp), POPF, IRET: back to the task before */
    BYTES(0x9c, 0x81, 0x0c, 0x24, 0, 0x40, 0, 0, 0x9d, 0xcf),
};

static const struct bytes others[] = {
    BYTES(0x0f, 0x0b),
    BYTES(0x0f, 0xaa), /* UD2, RSM */
    BYTES(0x0f, 0x34),
    BYTES(0x0f, 0x35), /* SYSENTER, SYSEXIT */
    BYTES(0x0f, 0x05),
    BYTES(0x0f, 0x07), /* SYSCALL, SYSRET */
    BYTES(0x0f, 0x01, 0xc1),
    BYTES(0x0f, 0x01, 0xd9), /* VMCALL, VMMCALL */
    BYTES(0x0f, 0x28, 0xc0),
    BYTES(0xd9, 0xe8), /* MOVAPS, FLD1 */
    BYTES(0xcc),
    BYTES(0xf1), /* INT3, INT1 */
};

static const struct {
    const struct bytes *list;
    u32 count;
} groups[] = {
#define GROUP(list)                                                            \
    {                                                                          \
        list, sizeof(list) / sizeof((list)[0])                                 \
    }
    GROUP(interrupts), GROUP(ports), GROUP(tables), GROUP(control),
    GROUP(registers),  GROUP(gates), GROUP(others),
};

static volatile u32 caught, back_eip, back_esp;

static void note_and_leave(int signal, struct sigframe *f)
{
    caught = (u32)signal;
    f->eip = back_eip;
    f->esp = back_esp;
    f->ds = f->es = f->ss = USER_DATA;
}

/* The signal that running it at `code` ends with; 0: it came back. */
static u32 attempt(u8 *code, const struct bytes *b)
{
    memcpy(code, b->at, b->count);
    code[b->count] = RET;
    caught = 0;
    asm volatile("pusha\n\t"
                 "movl $1f, %0\n\t"
                 "movl %%esp, %1\n\t"
                 "call *%2\n"
                 "1:\tpopa"
                 : "=m"(back_eip), "=m"(back_esp)
                 : "a"(code)
                 : "memory", "cc");
    return caught;
}

static void not_yours(u32 which)
{
    u8 *code = (u8 *)sys(SYS_SBRK, PAGE_SIZE, 0, 0);

    for (int s = SIG_SEGV; s <= SIG_ILL; s++)
        signal(s, note_and_leave);
    for (u32 i = 0; i < groups[which].count; i++) {
        const struct bytes *b = &groups[which].list[i];

        if (attempt(code, b))
            continue;
        printf("usertests: 0x%02x 0x%02x was let through.\n", b->at[0],
               b->at[1]);
        exit(1);
    }
}

/* POPF leaves IF and IOPL as they are, and traps not at all. */
static void flags(u32 unused)
{
    u32 tick = (u32)sys(SYS_TIME, 0, 0, 0), before, after;

    asm volatile("pushf\n\tpop %0\n\t"
                 "pushf\n\txorl $0x3200, (%%esp)\n\tpopf\n\t"
                 "pushf\n\tpop %1"
                 : "=&r"(before), "=&r"(after)
                 :
                 : "cc", "memory");
    expect((after & FLAG_IF) && before == after, "POPF changes no such flag");
    while ((u32)sys(SYS_TIME, 0, 0, 0) == tick)
        continue;
}

/* A program that steps itself gets a signal for each step. */
static void step(u32 unused)
{
    signal(SIG_ILL, (handler_fn *)SIG_IGNORE);
    asm volatile("pushf\n\torl $0x100, (%%esp)\n\tpopf\n\tnop" : : : "cc");
}

static void steps(u32 unused)
{
    expect_is(outcome(step, 0), STATUS_KILLED - SIG_ILL, "its status");
}

const struct test ring3_tests[] = {
    {"ring3-interrupts", not_yours, 0}, {"ring3-ports", not_yours, 1},
    {"ring3-tables", not_yours, 2},     {"ring3-control", not_yours, 3},
    {"ring3-registers", not_yours, 4},  {"ring3-gates", not_yours, 5},
    {"ring3-others", not_yours, 6},     {"ring3-flags", flags, 0},
    {"ring3-steps", steps, 0},          {NULL, NULL, 0},
};
