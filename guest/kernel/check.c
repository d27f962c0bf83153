/* SPDX-License-Identifier: MIT
 *
 * The self-check: what the kernel relies on, each property tried for real
 * and told in one line. It runs at boot and from the shell.
 *
 * A check causes an event and compares what the kernel saw of it (`caught`)
 * with what the processor manual promises. Two helpers make that safe:
 * expect() runs one instruction that may fault and goes on behind it, and
 * down() runs a few bytes in ring 3 until they trap. Pages for it are taken
 * from the pool and given back, at addresses nobody else uses.
 *
 * The same binary must print the same lines bare and deprivileged; so this
 * is also the test of a VMM, by a guest that depends on the answers.
 * SDM vol. 3A 4.6-4.8, 4.10, 5.9, 6.4, 6.8, 6.12-6.15; vol. 2 CLI, HLT, INT.
 */
#include "arch/x86/defs/cpuid.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "guest/kernel/irqs.h"
#include "guest/kernel/kernel.h"

#define PAGE_A   CHECK_BASE
#define CODE     (CHECK_BASE + 1 * PAGE_SIZE)
#define UNMAPPED (CHECK_BASE + 2 * PAGE_SIZE)
#define PATIENCE 2000000000

/* Runs one instruction; an exception resumes behind it. */
#define expect(instruction, ...)                                               \
    asm volatile("movl $1f, trap_resume\n\t" instruction "\n"                  \
                 "1:\tmovl $0, trap_resume"                                    \
                 :                                                             \
                 : __VA_ARGS__                                                 \
                 : "eax", "edx", "cc", "memory")

static u8 ring3_stack[PAGE_SIZE]; /* where ring 3 lands when it traps */

static u32 *pte_of(u32 va)
{
    return paging_entry(paging_kernel_directory(), va);
}

static void show(u32 va, u32 pa, u32 flags)
{
    *pte_of(va) = pa | flags;
    invlpg(va);
}

static volatile u32 *at(u32 va)
{
    return (volatile u32 *)va;
}

static int was(u32 vector, u32 error, u32 address)
{
    return caught.vector == vector && caught.error == error &&
           caught.address == address;
}

/* Runs code in ring 3, in a page of its own, until it traps. */
static void down(const u8 *code, u32 bytes)
{
    u32 page = frame_alloc(), before = tss_stack();

    memcpy(pa_to_va(page), code, bytes);
    show(CODE, page, PTE_P | PTE_U);
    tss_set_stack((u32)ring3_stack + sizeof(ring3_stack));
    caught = (struct caught){0};
    ring3_enter(CODE, CODE);
    tss_set_stack(before);
    show(CODE, 0, 0);
    frame_drop(page);
}

static int check_int3(void)
{
    u32 before = caught.count, behind;

    asm volatile("movl $1f, %0\n\tint3\n1:" : "=r"(behind) : : "memory");
    return caught.count == before + 1 && caught.vector == TRAP_BP &&
           caught.eip == behind;
}

static int check_divide(void)
{
    caught = (struct caught){0};
    expect("xor %%edx, %%edx; divl %0", "r"(0));
    return caught.count == 1 && was(TRAP_DE, 0, 0);
}

static int check_pf_missing(void)
{
    show(UNMAPPED, 0, 0);
    expect("movl (%0), %%eax", "r"(UNMAPPED));
    if (!was(TRAP_PF, 0, UNMAPPED))
        return 0;
    expect("movl %%eax, (%0)", "r"(UNMAPPED));
    return was(TRAP_PF, PF_WRITE, UNMAPPED);
}

static int check_pf_readonly(void)
{
    u32 page = frame_alloc();

    show(PAGE_A, page, PTE_P);
    expect("movl %%eax, (%0)", "r"(PAGE_A));
    show(PAGE_A, 0, 0);
    frame_drop(page);
    return was(TRAP_PF, PF_PRESENT | PF_WRITE, PAGE_A);
}

static int check_pf_user(void)
{
    static const u8 code[] = {0xa1, 0x00, 0x00, 0x10, 0xc0}; /* mov (..),%eax */

    down(code, sizeof(code));
    return was(TRAP_PF, PF_PRESENT | PF_USER, KERNEL_BASE + HIGH_MEMORY);
}

/* Shows one page, then another, and flushes in between. */
static int two_pages(int by_cr3)
{
    u32 a = frame_alloc(), b = frame_alloc(), first, second;

    *(u32 *)pa_to_va(a) = 'a';
    *(u32 *)pa_to_va(b) = 'b';
    show(PAGE_A, a, PTE_P | PTE_W);
    first = *at(PAGE_A);
    *pte_of(PAGE_A) = b | PTE_P | PTE_W;
    if (by_cr3)
        write_cr3(read_cr3());
    else
        invlpg(PAGE_A);
    second = *at(PAGE_A);
    *at(PAGE_A) = 'c';
    show(PAGE_A, 0, 0);
    first = first == 'a' && *(u32 *)pa_to_va(a) == 'a';
    second = second == 'b' && *(u32 *)pa_to_va(b) == 'c';
    frame_drop(a);
    frame_drop(b);
    return first && second;
}

static int check_invlpg(void)
{
    return two_pages(0);
}

static int check_cr3(void)
{
    return two_pages(1);
}

static int check_accessed_dirty(void)
{
    u32 page = frame_alloc(), idle, read, written;

    show(PAGE_A, page, PTE_P | PTE_W);
    idle = *pte_of(PAGE_A) & (PTE_A | PTE_D);
    (void)*at(PAGE_A);
    read = *pte_of(PAGE_A) & (PTE_A | PTE_D);
    *at(PAGE_A) = 1;
    written = *pte_of(PAGE_A) & (PTE_A | PTE_D);
    show(PAGE_A, 0, 0);
    frame_drop(page);
    return idle == 0 && read == PTE_A && written == (PTE_A | PTE_D);
}

static int check_timer(void)
{
    u32 before = pit_ticks(), n = 0, flags = irqs_open();

    while (pit_ticks() - before < 2 && n++ < PATIENCE)
        ;
    irqs_restore(flags);
    return pit_ticks() - before >= 2;
}

/* With interrupts off the line is raised, and nothing happens until STI. */
static int check_pending(void)
{
    u32 before = pit_ticks(), n = 0, quiet, flags;

    while (!pic_is_requested(IRQ_TIMER) && n++ < PATIENCE)
        ;
    quiet = pit_ticks() == before;
    flags = irqs_open();
    asm volatile("nop\n\tnop");
    irqs_restore(flags);
    return quiet && pit_ticks() != before;
}

static int check_ring3_gp(void)
{
    static const u8 codes[][2] = {
        {0xf4, 0x90} /* hlt */,
        {0xfa, 0x90} /* cli */,
        {0xe6, 0x80} /* out %al,$0x80 */,
        {0x0f, 0x06} /* clts */,
    };

    for (u32 i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        down(codes[i], sizeof(codes[i]));
        if (!was(TRAP_GP, 0, 0) || caught.eip != CODE)
            return 0;
    }
    return 1;
}

static int check_syscall(void)
{
    static const u8 code[] = {
        0x31, 0xc0,                         /* xor %eax,%eax: SYS_NULL */
        0xbb, 0x29,       0x00, 0x00, 0x00, /* mov $41,%ebx */
        0xcd, SYS_VECTOR,                   /* int $0x80 */
        0x0f, 0x0b,                         /* ud2: back to the check */
    };

    down(code, sizeof(code));
    return was(TRAP_UD, 0, 0) && caught.eax == 42;
}

/* Reads and writes a page, from ring 3 and as the kernel, while directory and
 * table allow this much of it. What counts is what both allow. */
static int protects(u32 *pde, u32 *pte, u32 upper, u32 lower)
{
    static const u8 code[] = {
        0xa1, 0x00, 0x00, 0x40, 0xff, /* mov CHECK_LARGE,%eax */
        0xa3, 0x00, 0x00, 0x40, 0xff, /* mov %eax,CHECK_LARGE */
        0x0f, 0x0b,                   /* ud2: back to the check */
    };
    u32 both = upper & lower, ok;

    *pde = (*pde & ~(u32)(PTE_W | PTE_U)) | upper;
    *pte = (*pte & ~(u32)(PTE_W | PTE_U)) | lower;
    invlpg(CHECK_LARGE);
    down(code, sizeof(code));
    if (!(both & PTE_U))
        ok = was(TRAP_PF, PF_PRESENT | PF_USER, CHECK_LARGE);
    else if (!(both & PTE_W))
        ok = was(TRAP_PF, PF_PRESENT | PF_USER | PF_WRITE, CHECK_LARGE);
    else
        ok = was(TRAP_UD, 0, 0);
    caught = (struct caught){0};
    expect("movl %%eax, (%0)", "r"(CHECK_LARGE));
    if (both & PTE_W)
        return ok && caught.count == 0;
    return ok && was(TRAP_PF, PF_PRESENT | PF_WRITE, CHECK_LARGE);
}

/* All four kinds of directory entry over all four kinds of table entry. */
static int check_protection(void)
{
    static const u32 bits[] = {0, PTE_W, PTE_U, PTE_W | PTE_U};
    u32 *dir = pa_to_va(read_cr3() & PTE32_ADDR), ok = 1;
    u32 table = frame_alloc(), page = frame_alloc();
    u32 *pte = paging_add_table(dir, CHECK_LARGE, table);

    *pte = page | PTE_P;
    for (u32 i = 0; i < 16 && ok; i++)
        ok = (u32)protects(&dir[CHECK_LARGE >> 22], pte, bits[i / 4],
                           bits[i % 4]);
    dir[CHECK_LARGE >> 22] = 0;
    write_cr3(read_cr3());
    frame_drop(page);
    frame_drop(table);
    return (int)ok;
}

static int check_large_page(void)
{
    u32 *dir = pa_to_va(read_cr3() & PTE32_ADDR);
    u32 *pde = &dir[CHECK_LARGE >> 22];
    volatile u32 *seen = at(CHECK_LARGE + va_to_pa(ring3_stack));
    u32 ok;

    if (!(cpuid_edx(CPUID_FEATURES) & CPUID_1D_PSE))
        return 1;
    *pde = 0 | PTE_P | PTE_W | PTE_PS;
    invlpg(CHECK_LARGE);
    *at((u32)ring3_stack) = 'x';
    ok = *seen == 'x';
    *seen = 'y';
    ok = ok && *at((u32)ring3_stack) == 'y' && *pde & PTE_A && *pde & PTE_D;
    *pde = 0;
    write_cr3(read_cr3());
    return (int)ok;
}

static const struct {
    const char *property;
    int (*holds)(void);
} checks[] = {
    {"segment tables and task register are loaded", gdt_is_loaded},
    {"int3 is handled and returns behind itself", check_int3},
    {"divide fault is taken and recovered", check_divide},
    {"page-fault error code of a missing page", check_pf_missing},
    {"page-fault error code of a read-only page (CR0.WP)", check_pf_readonly},
    {"page-fault error code of a user access", check_pf_user},
    {"page-table write and INVLPG change a translation", check_invlpg},
    {"page-table write and CR3 reload change a translation", check_cr3},
    {"accessed and dirty bits are set", check_accessed_dirty},
#if HARE_PUSHF
    {"PUSHF and POPF show and change the interrupt flag", irqs_are_seen},
#endif
    {"timer ticks arrive", check_timer},
    {"interrupts stay pending under CLI until STI", check_pending},
    {"privileged instructions fault in ring 3", check_ring3_gp},
    {"a system call goes in and comes back", check_syscall},
    {"a page allows what directory and table both allow", check_protection},
    {"a 4 MiB page translates", check_large_page},
};

void check_run(int quiet)
{
    for (u32 i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (!checks[i].holds())
            panic("the check \"%s\" failed: vector %u, error 0x%x, address "
                  "0x%08x.",
                  checks[i].property, caught.vector, caught.error,
                  caught.address);
        if (!quiet)
            printf("check: %s: ok\n", checks[i].property);
    }
    printf("hare: all checks passed\n");
}
