/* SPDX-License-Identifier: MIT
 *
 * Hardware task switches with everything in a TSS that a guest could wish
 * for: 64-bit, conforming and other code, stacks and LDTs that are none, LDTs
 * of 64 KiB at the end of the address space, flags with IOPL, TF and NT,
 * page directories that do not map the VMM's tables, TSSs across two pages,
 * in the GDT, in the page tables, where no memory is; by JMP, CALL, INT,
 * exceptions and IRET, from ring 0 and ring 3. At last the tasks that a VMM
 * of two rings cannot run, or nobody: ring 1, virtual-8086 mode, no page tables
 * at all.
 *
 * #TS, #SS and #DF lead to a rescue task, because a task that went wrong has
 * no stack for them.
 *
 * SDM vol. 3A 7.2, 7.3.
 */
#include "tests/attack/lib/leap.h"

ATTACK("It switches tasks in hardware, to wherever a TSS can lead.");
ATTACK_ENDS("done|killed");

#define TASK     (GDT_FREE * 8)
#define GATE     (TASK + 8)
#define RESCUE   (TASK + 16)
#define LDT_SEL  (TASK + 24)
#define LONG_SEL (TASK + 32)
#define CONF_SEL (TASK + 40)
#define R1_SEL   (TASK + 48)
#define VECTOR   0x40
#define CODE     (ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE)

enum { CR3_ = TSS32_CR3 / 4, EIP_ = TSS32_EIP / 4, FLAGS_, ESP_ = 14 };
enum { ES_ = 18, CS_, SS_, DS_, FS_, GS_, LDT_, TRAP_ };

static struct {
    u8 before[4096 - TSS32_SIZE / 2]; /* so that a page ends in it */
    struct tss task;
    u8 behind[4096];
} spread __attribute__((aligned(4096)));
static struct tss rescue;
static u8 stacks[2][2048] __attribute__((aligned(16)));
static u32 other_dir[1024] __attribute__((aligned(4096)));
u32 far_task[2], far_gate[2];

void rescued(void);
__asm__(".text\n"
        "rescued:\n\t"
        "movl leap_esp, %esp\n\t"
        "pushl $0\n\t"
        "popfl\n\t"
        "clts\n\t"
        "jmpl *leap_eip");

static void fill(struct tss *t, u32 eip, u32 cs, u32 ss, u8 *stack)
{
    for (u32 i = 0; i < ARRAY_LEN(t->word); i++)
        t->word[i] = 0;
    t->word[TSS32_ESP0 / 4] = tss.word[TSS32_ESP0 / 4];
    t->word[TSS32_SS0 / 4] = KDATA;
    t->word[CR3_] = read_cr3();
    t->word[EIP_] = eip;
    t->word[FLAGS_] = EFLAGS_ONE;
    t->word[ESP_] = (u32)stack + sizeof(stacks[0]);
    for (u32 s = ES_; s <= GS_; s++)
        t->word[s] = s == CS_ ? cs : ss;
    t->word[TSS32_IOMAP / 4] = TSS32_SIZE << 16;
}

/* A TSS that leads to landing, at `at`; every descriptor anew. */
static struct tss *fresh(u32 at)
{
    struct tss *t = (struct tss *)at;

    fill(t, (u32)soft_landing, KCODE, KDATA, stacks[0]);
    fill(&rescue, (u32)rescued, KCODE, KDATA, stacks[1]);
    tss.word[CR3_] = read_cr3();
    gdt_set(TASK >> 3, at, TSS32_SIZE - 1,
            ATTR_P | SYS_TSS32_FREE | ATTR_RING3);
    gdt_set(RESCUE >> 3, (u32)&rescue, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    gdt_set(TSS_SEL >> 3, (u32)&tss, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    gdt_set(GATE >> 3, 0, 0, ATTR_P | SYS_TASK_GATE | ATTR_RING3);
    gdt[GATE >> 3][0] = TASK << 16;
    idt_set(VECTOR, SYS_TASK_GATE, 3, TASK, 0);
    idt_set(TRAP_TS, SYS_TASK_GATE, 0, RESCUE, 0);
    idt_set(TRAP_SS, SYS_TASK_GATE, 0, RESCUE, 0);
    idt_set(TRAP_DF, SYS_TASK_GATE, 0, RESCUE, 0);
    gdt_load();
    __asm__ volatile("clts");
    __asm__ volatile("lldt %w0\n\tltr %w1" : : "r"(0), "r"(TSS_SEL));
    barrier();
    return t;
}

#define WAYS 9

/* IRET with NT: the task is a busy one that the TSS links to. */
static void by_return(void)
{
    gdt[TASK >> 3][1] |= 0x2u << DESC_TYPE_SHIFT;
    tss.word[TSS32_LINK / 4] = TASK;
    barrier();
    LEAP("pushfl\n\torl $0x4000, (%%esp)\n\tpopfl\n\tiretl", "i"(0));
}

static void by_exception(void)
{
    idt_set(TRAP_UD, SYS_TASK_GATE, 0, TASK, 0);
    LEAP("ud2", "i"(0));
    idt_set(TRAP_UD, SYS_INT32, 0, KCODE, stubs[TRAP_UD]);
}

static void go(u32 way)
{
    switch (way) {
    case 0:
        LEAP("ljmpl *%0", "m"(far_task));
        break;
    case 1:
        LEAP("lcall *%0", "m"(far_task));
        break;
    case 2:
        LEAP("ljmpl *%0", "m"(far_gate));
        break;
    case 3:
        LEAP("lcall *%0", "m"(far_gate));
        break;
    case 4:
        LEAP("int $0x40", "i"(0));
        break;
    case 5:
        LEAP(RING3 "lcall *%0", "m"(far_task));
        break;
    case 6:
        LEAP(RING3 "int $0x40", "i"(0));
        break;
    case 7:
        by_return();
        break;
    default:
        by_exception();
        break;
    }
    leaped(true);
}

/* What one word of the TSS may be. */
static const struct {
    u8 word;
    u32 value;
} wishes[] = {
    {EIP_, 0},
    {EIP_, 0xffffffff},
    {EIP_, 0x00800000},
    {FLAGS_, 0},
    {FLAGS_, EFLAGS_IOPL},
    {FLAGS_, EFLAGS_TF},
    {FLAGS_, EFLAGS_IF},
    {FLAGS_, EFLAGS_NT},
    {FLAGS_, EFLAGS_RF},
    {FLAGS_, EFLAGS_AC | EFLAGS_VIF | EFLAGS_VIP},
    {FLAGS_, 0xfffdffff},
    {ESP_, 0},
    {ESP_, 1},
    {ESP_, 0xfffffffe},
    {CS_, 0},
    {CS_, LONG_SEL},
    {CS_, CONF_SEL},
    {CS_, UCODE},
    {CS_, KDATA},
    {CS_, LDT_SEL},
    {CS_, 0xfff8},
    {CS_, 0x0c},
    {CS_, CONF_SEL | 3},
    {SS_, 0},
    {SS_, KCODE},
    {SS_, UDATA},
    {SS_, LONG_SEL},
    {SS_, 0xfff8},
    {SS_, 0x0c},
    {DS_, KCODE},
    {ES_, LONG_SEL},
    {FS_, CONF_SEL},
    {GS_, 0xfff8},
    {FS_, 0x0c},
    {DS_, TSS_SEL},
    {LDT_, LDT_SEL},
    {LDT_, LDT_SEL | 4},
    {LDT_, TASK},
    {LDT_, 0xfff8},
    {LDT_, KDATA},
    {TRAP_, 1},
    {TRAP_, 0xffffffff},
    {TSS32_ESP0 / 4, 0},
    {TSS32_SS0 / 4, 0},
};

static void wish_all(u32 at)
{
    for (u32 i = 0; i < ARRAY_LEN(wishes); i++) {
        for (u32 way = 0; way < WAYS; way++) {
            struct tss *t = fresh(at);
            t->word[wishes[i].word] = wishes[i].value;
            if (wishes[i].word == CS_ && wishes[i].value == UCODE)
                t->word[SS_] = UDATA;
            barrier();
            go(way);
        }
    }
    fresh(at);
}

/* TSSs where there is none to be had. */
static void odd_places(void)
{
    static const u32 places[] = {
        0xfffff000,
        0xffffffc0,
        0x00800000 - 50,
        0x7fff0000,
    };

    for (u32 i = 0; i < ARRAY_LEN(places); i++) {
        for (u32 way = 0; way < WAYS; way++) {
            fresh((u32)&spread.task);
            gdt_set(TASK >> 3, places[i], 0xfffff,
                    ATTR_P | SYS_TSS32_FREE | ATTR_RING3 | ATTR_G);
            barrier();
            go(way);
        }
    }
    for (u32 way = 0; way < WAYS; way++) { /* the old state overwrites it */
        fresh((u32)&spread.task);
        gdt_set(TASK >> 3, (u32)&tss, TSS32_SIZE - 1,
                ATTR_P | SYS_TSS32_FREE | ATTR_RING3);
        barrier();
        go(way);
    }
    fresh((u32)&spread.task);
}

/* Another root, and with it everything. */
static void other_roots(void)
{
    for (u32 i = 0; i < 1024; i++)
        other_dir[i] = page_dir[i];
    for (u32 way = 0; way < WAYS; way++) {
        struct tss *t = fresh((u32)&spread.task);
        t->word[CR3_] = (u32)other_dir | (way & 1 ? 0x18 : 0);
        barrier();
        go(way);
        write_cr3((u32)page_dir);
    }
    fresh((u32)&spread.task);
}

/* A task that a task gate of #DB interrupts, for ever. */
static void nests(void)
{
    struct tss *t = fresh((u32)&spread.task);

    idt_set(TRAP_DB, SYS_TASK_GATE, 0, RESCUE, 0);
    t->word[TRAP_] = rescue.word[TRAP_] = 1;
    barrier();
    go(0);
    fresh((u32)&spread.task);
    idt_set(TRAP_DB, SYS_INT32, 0, KCODE, stubs[TRAP_DB]);
}

/* Each of these may be the end of it: no page tables, a TSS in the memory of
 * the screen, which has none either, virtual-8086 mode, ring 1. */
static void last(u32 which)
{
    struct tss *t = fresh((u32)&spread.task);

    if (which == 0)
        t->word[CR3_] = 0xfffff000;
    else if (which == 1)
        gdt_set(TASK >> 3, 0xb8000, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    else if (which == 2)
        t->word[FLAGS_] = EFLAGS_VM;
    else
        t->word[CS_] = R1_SEL | 1;
    barrier();
    go(0);
}

void attack(void)
{
    u32 tsc;

    paging_on();
    leap_init();
    far_task[1] = TASK;
    far_gate[1] = GATE;
    gdt_set(LDT_SEL >> 3, 0xffff8000, 0xffff, ATTR_P | SYS_LDT);
    gdt_set(LONG_SEL >> 3, 0, 0xfffff, CODE | ATTR_L | ATTR_G);
    gdt_set(CONF_SEL >> 3, 0, 0xfffff, CODE | ATTR_CONFORM | ATTR_DB | ATTR_G);
    gdt_set(R1_SEL >> 3, 0, 0xfffff,
            CODE | ATTR_DB | ATTR_G | 1 << ATTR_DPL_SHIFT);
    wish_all((u32)&spread.task);
    odd_places();
    other_roots();
    world_check();
    nests();
    world_check();
    tell();
    __asm__ volatile("rdtsc" : "=a"(tsc) : : "edx");
    for (u32 i = 0; i < 4; i++)
        last(((tsc >> 8) + i) % 4);
}
