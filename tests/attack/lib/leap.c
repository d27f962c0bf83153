/* SPDX-License-Identifier: MIT
 *
 * See leap.h. The stack of the handler is the one the trap left it: the
 * interrupted stack in ring 0, the TSS's from ring 3. Neither is needed any
 * more when the frame has been copied.
 */
#include "tests/attack/lib/leap.h"

#define STACK_SIZE 4096

volatile struct leap leap;
u32 leap_esp, leap_eip;
static u8 trap_stack[STACK_SIZE] __attribute__((aligned(16)));
static struct {
    u32 cr0, cr3, cr4;
} at_start;

#define LANDING_SIZE (u32)(landing_end - landing)
#define SOFT_LANDING (u32)(soft_landing - landing)
extern const u8 landing_end[];

__asm__(".text\n"
        ".globl landing, soft_landing\n"
        "landing:\n\t"
        "xorl %eax, %eax\n\t"
        ".byte 0x48\n\t" /* DEC EAX, or a REX prefix */
        "nop\n\t"
        "movl %cr3, %ebx\n\t" LANDED "\n"
        "soft_landing:\n\t"
        "xorl %eax, %eax\n\t"
        ".byte 0x48\n\t"
        "nop\n\t" LANDED "\n"
        "landing_end:");

static _Noreturn void go_home(void)
{
    __asm__ volatile("movl %0, %%ds\n\t"
                     "movl %0, %%es\n\t"
                     "movl %0, %%fs\n\t"
                     "movl %0, %%gs\n\t"
                     "movl %0, %%ss\n\t"
                     "movl leap_esp, %%esp\n\t"
                     "pushl $0\n\t"
                     "popfl\n\t"
                     "cld\n\t"
                     "jmpl *leap_eip"
                     :
                     : "r"(KDATA)
                     : "memory");
    __builtin_unreachable();
}

static void come_home(struct frame *f)
{
    leap.f = *f;
    if (f->vector == VECTOR_IRQ)
        pic_eoi(0);
    go_home();
}

void leap_init(void)
{
    for (u32 v = 0; v < TRAP_VECTORS; v++)
        handlers[v] = v == VECTOR_PRINT ? handlers[v] : come_home;
    idt_set(VECTOR_LANDED, SYS_INT32, 3, KCODE, stubs[VECTOR_LANDED]);
    tss.word[TSS32_ESP0 / 4] = (u32)trap_stack + STACK_SIZE;
    at_start.cr0 = read_cr0();
    at_start.cr3 = read_cr3();
    at_start.cr4 = read_cr4();
}

void leaped(bool ring0_is_fine)
{
    const volatile struct frame *f = &leap.f;
    u32 at = f->eip - (u32)landing;

    if (f->vector != VECTOR_LANDED)
        return;
    if ((f->cs & SEL_RPL) == 0 && !ring0_is_fine)
        broken("ring 0 was reached", f->eip, f->cs);
    if (at > LANDING_SIZE)
        return;
    if ((f->eax & 0xffff) != 0xffff) /* 16-bit code decrements AX */
        broken("64-bit code ran", f->eip, f->eax);
    if (at > SOFT_LANDING)
        return;
    if (f->cs & SEL_RPL)
        broken("CR3 can be read outside of ring 0", f->eip, f->ebx);
    if (f->ebx != at_start.cr3)
        broken("the real CR3 can be read", f->eip, f->ebx);
}

static void must_be(u32 got, u32 want, const char *sentence)
{
    if (got != want)
        broken(sentence, want, got);
}

/* The last leap ended by this trap in this ring? */
static void must_trap(u32 vector, u32 cs, const char *sentence)
{
    must_be(leap.f.vector, vector, sentence);
    must_be(leap.f.cs, cs, sentence);
    must_be(EXACT_FLAGS(leap.f.eflags) & ~EFLAGS_IF, EFLAGS_ONE, sentence);
}

void world_check(void)
{
    gdt_load();
    idt_load();
    must_be(read_cr3(), at_start.cr3, "CR3 changed by itself");
    must_be(read_cr0(), at_start.cr0, "CR0 changed by itself");
    must_be(read_cr4(), at_start.cr4, "CR4 changed by itself");
    LEAP("ud2", "i"(0));
    must_trap(TRAP_UD, KCODE, "UD2 in ring 0 does not trap as it should");
    LEAP(RING3 "ud2", "i"(0));
    must_trap(TRAP_UD, UCODE, "UD2 in ring 3 does not trap as it should");
    must_be(leap.f.ss, UDATA, "the stack of ring 3 is not its own");
    must_be(leap.f.esp, (u32)user_stack_top, "ESP of ring 3 is not its own");
    LEAP(RING3 "cli", "i"(0));
    must_trap(TRAP_GP, UCODE, "CLI in ring 3 does not trap as it should");
    LEAP(RING3 "movl %%cr3, %%eax", "i"(0));
    must_trap(TRAP_GP, UCODE, "CR3 can be read in ring 3");
}
