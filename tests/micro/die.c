/* SPDX-License-Identifier: MIT
 *
 * Ways to die. The word on the guest's command line says which; tests/boot/
 * test_blackbox.py and tests/hosted/test_deaths.py hold what the black box
 * says of each against tests/micro/die.txt. Without a word it lives.
 *
 * Each is a mistake that people make who write their first kernel, made on
 * purpose and alone: everything else is in order, so that the sentence has
 * one thing to find. The names of the functions are part of what is checked.
 *
 * A page of its own is what most of them need: pages[] are the last of the
 * image, mapped one to one like the rest until a case takes one away.
 */
#include "arch/x86/defs/multiboot.h"
#include "tests/micro/lib/micro.h"

#define NOWHERE    0xdeadb000
#define BAD        0xdeadbeef
#define SPARE      GDT_FREE
#define OTHER      (GDT_FREE + 1)
#define SEL(n)     ((u32)(n)*8)
#define VECTOR     0x80
#define FIXED_CODE 0x1f1338
#define NAMED      static __attribute__((noinline, used))

enum { PAGE_STACK_GUARD, PAGE_STACK, PAGE_TABLE, PAGE_CODE, PAGE_SPARE, PAGES };
static u8 pages[PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static struct tss other;

void bad_handler(void);
void only_iret(void);
void pop_iret(void);

/* A handler that the compiler has no part in; where a page can be taken away
 * from under it. */
__asm__(".text\n"
        "bad_handler: movl $0, 0xdead0000\n"
        "    iret\n"
        "only_iret: iret\n"
        "pop_iret: addl $4, %esp\n"
        "    iret\n"
        ".section .data\n"
        ".balign 4096\n"
        ".global far_handler\n"
        "far_handler: iret\n"
        ".balign 4096\n"
        ".text\n");
extern u8 far_handler[];

/* ---- tools */

static u32 page(u32 n)
{
    return (u32)pages[n];
}

static void unmap(u32 address)
{
    *pte_of(address) = 0;
    invlpg(address);
}

static void gate_absent(u32 vector)
{
    idt[vector][1] &= ~DESC_P;
    barrier();
}

static void all_gates(u32 selector)
{
    for (u32 v = 0; v < TRAP_EXCEPTIONS; v++)
        idt_set(v, SYS_INT32, 0, selector, stubs[v]);
}

static void idt_limit(u32 limit)
{
    struct table_pointer p = {(u16)limit, (u32)idt};

    __asm__ volatile("lidt %0" : : "m"(p) : "memory");
}

NAMED void write_byte(u32 at)
{
    *(volatile u8 *)at = 1;
}

NAMED void invalid(void)
{
    __asm__ volatile("ud2");
}

static void load_tss(u32 limit)
{
    other = tss;
    gdt_set(SPARE, (u32)&other, limit, ATTR_P | SYS_TSS32_FREE);
    __asm__ volatile("ltr %w0" : : "r"(SEL(SPARE)) : "memory");
}

/* ---- ring 3 */

static u32 user_syscall(void)
{
    __asm__ volatile("int $0x80" : : : "memory");
    return 0;
}

static u32 user_invalid(void)
{
    invalid();
    return 0;
}

static u32 user_cli(void)
{
    cli();
    return 0;
}

/* ---- the IDT */

static void die_noidt(void)
{
    struct table_pointer none = {0, 0};

    __asm__ volatile("lidt %0" : : "m"(none) : "memory");
    invalid();
}

static void die_shortidt(void)
{
    idt_limit(6 * 8 - 1);
    invalid();
}

static void die_absent(void)
{
    paging_on();
    gate_absent(TRAP_PF);
    gate_absent(TRAP_DF);
    write_byte(BAD);
}

static void die_empty(void)
{
    for (u32 v = 0; v < TRAP_EXCEPTIONS; v++)
        idt[v][0] = idt[v][1] = 0;
    invalid();
}

static void die_gatetype(void)
{
    for (u32 v = 0; v < TRAP_EXCEPTIONS; v++)
        idt_set(v, SYS_CALL32, 0, KCODE, stubs[v]);
    invalid();
}

static void die_idtpage(void)
{
    struct table_pointer p = {2047, page(PAGE_TABLE)};

    __builtin_memcpy(pages[PAGE_TABLE], idt, sizeof(idt));
    paging_on();
    __asm__ volatile("lidt %0" : : "m"(p) : "memory");
    unmap(page(PAGE_TABLE));
    invalid();
}

static void die_int80dpl(void)
{
    idt_set(VECTOR, SYS_INT32, 0, KCODE, stubs[VECTOR]);
    gate_absent(TRAP_GP);
    gate_absent(TRAP_DF);
    ring3(user_syscall);
}

static void die_timer(void)
{
    gate_absent(VECTOR_IRQ);
    gate_absent(TRAP_NP);
    gate_absent(TRAP_DF);
    pit_start(1000);
    pic_unmask(0);
    sti();
    for (;;)
        barrier();
}

/* ---- the code segment */

static void die_csnull(void)
{
    all_gates(0);
    invalid();
}

static void die_cslimit(void)
{
    all_gates(SEL(GDT_SIZE + 8));
    invalid();
}

static void die_csdata(void)
{
    all_gates(KDATA);
    invalid();
}

static void die_csabsent(void)
{
    gdt_set(SPARE, 0, 0xfffff, (ATTR_KCODE & ~ATTR_P) | ATTR_G);
    all_gates(SEL(SPARE));
    invalid();
}

static void die_gdtpage(void)
{
    struct table_pointer p = {sizeof(gdt) - 1, page(PAGE_TABLE)};

    paging_on();
    __builtin_memcpy(pages[PAGE_TABLE], gdt, sizeof(gdt));
    __asm__ volatile("lgdt %0" : : "m"(p) : "memory");
    unmap(page(PAGE_TABLE));
    invalid();
}

/* ---- the stack */

static void die_tssshort(void)
{
    load_tss(7);
    ring3(user_invalid);
}

static void with_stack(u32 ss0, u32 esp0)
{
    tss.word[TSS32_SS0 / 4] = ss0;
    if (esp0)
        tss.word[TSS32_ESP0 / 4] = esp0;
    barrier();
}

/* ring3() itself sets ESP0: what is wrong with the TSS is done in ring 3,
 * which may write the whole image. */
static u32 want_ss0, want_esp0;

static u32 user_with_stack(void)
{
    with_stack(want_ss0, want_esp0);
    invalid();
    return 0;
}

static void die_ss0null(void)
{
    ring3(user_with_stack);
}

static void die_ss0user(void)
{
    want_ss0 = UDATA;
    ring3(user_with_stack);
}

static void die_ss0code(void)
{
    want_ss0 = KCODE;
    ring3(user_with_stack);
}

static void die_esp0page(void)
{
    paging_on();
    want_ss0 = KDATA;
    want_esp0 = NOWHERE;
    ring3(user_with_stack);
}

static void die_esp0readonly(void)
{
    paging_on();
    write_cr0(read_cr0() | CR0_WP);
    *pte_of(page(PAGE_STACK)) &= ~(u32)PTE_W;
    invlpg(page(PAGE_STACK));
    want_ss0 = KDATA;
    want_esp0 = page(PAGE_STACK) + PAGE_SIZE;
    ring3(user_with_stack);
}

NAMED u32 deeper(u32 n)
{
    volatile u32 room[16];

    room[n & 15] = n;
    if (!n)
        return 0;
    return deeper(n + 1) + room[n & 15];
}

static void die_overflow(void)
{
    paging_on();
    unmap(page(PAGE_STACK_GUARD));
    __asm__ volatile("movl %0, %%esp\n\tpushl $1\n\tcall deeper"
                     :
                     : "r"(page(PAGE_STACK) + PAGE_SIZE)
                     : "memory");
}

static void die_sslimit(void)
{
    gdt_set(SPARE, 0, 0xf, ATTR_KDATA);
    __asm__ volatile("movl %0, %%ss\n\tpushl $0" : : "r"(SEL(SPARE)));
}

/* ---- the handler */

/* Takes the guard page away and goes on with the stack above it. */
#define ON_SMALL_STACK(code)                                                   \
    do {                                                                       \
        paging_on();                                                           \
        unmap(page(PAGE_STACK_GUARD));                                         \
        __asm__ volatile("movl %0, %%esp\n\t" code                             \
                         :                                                     \
                         : "r"(page(PAGE_STACK) + PAGE_SIZE)                   \
                         : "memory");                                          \
    } while (0)

static void die_handlerpage(void)
{
    idt_set(TRAP_PF, SYS_INT32, 0, KCODE, (u32)far_handler);
    paging_on();
    unmap((u32)far_handler);
    unmap(page(PAGE_STACK_GUARD));
    __asm__ volatile("movl %0, %%esp\n\tmovl $0, 0xdead0000"
                     :
                     : "r"(page(PAGE_STACK) + PAGE_SIZE)
                     : "memory");
}

static void die_syscallpage(void)
{
    idt_set(VECTOR, SYS_INT32, 3, KCODE, (u32)far_handler);
    paging_on();
    unmap((u32)far_handler);
    gate_absent(TRAP_PF);
    gate_absent(TRAP_DF);
    __asm__ volatile("int $0x80" : : : "memory");
}

static void die_handlerfaults(void)
{
    idt_set(TRAP_PF, SYS_INT32, 0, KCODE, (u32)bad_handler);
    ON_SMALL_STACK("movl $0, 0xdead0000");
}

static void die_doublefaults(void)
{
    gate_absent(TRAP_PF);
    idt_set(TRAP_DF, SYS_INT32, 0, KCODE, (u32)bad_handler);
    ON_SMALL_STACK("movl $0, 0xdead1000");
}

static void die_taskgate(void)
{
    gate_absent(TRAP_UD);
    gate_absent(TRAP_NP);
    idt_set(TRAP_DF, SYS_TASK_GATE, 0, KDATA, 0);
    invalid();
}

static void die_taskcode(void)
{
    gate_absent(TRAP_UD);
    gate_absent(TRAP_NP);
    other.word[TSS32_EIP / 4] = (u32)invalid;
    other.word[TSS32_EIP / 4 + 1] = EFLAGS_ONE;
    other.word[(TSS32_EIP + 24) / 4] = (u32)pages[PAGE_STACK + 1];
    for (u32 s = 0; s < 6; s++)
        other.word[(TSS32_EIP + 40) / 4 + s] = KDATA;
    gdt_set(OTHER, (u32)&other, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    idt_set(TRAP_DF, SYS_TASK_GATE, 0, SEL(OTHER), 0);
    invalid();
}

/* ---- where the code is */

static void no_trap_helps(void)
{
    gate_absent(TRAP_PF);
    gate_absent(TRAP_GP);
    gate_absent(TRAP_DF);
}

static void die_nowhere(void)
{
    void (*volatile nowhere)(void) = (void (*)(void))NOWHERE;

    paging_on();
    no_trap_helps();
    nowhere();
    barrier(); /* a call, and no jump */
}

NAMED void switch_to(u32 cr3)
{
    write_cr3(cr3);
}

static void die_wrongcr3(void)
{
    paging_on();
    switch_to(page(PAGE_SPARE));
}

static void die_noidentity(void)
{
    write_cr3(page(PAGE_SPARE));
    write_cr0(read_cr0() | CR0_PG);
}

static void die_iretcs(void)
{
    no_trap_helps();
    __asm__ volatile("pushl $2\n\tpushl $0x1338\n\tpushl $0x12345678\n\tiret");
}

static void die_iretss(void)
{
    no_trap_helps();
    __asm__ volatile("pushl $0x10\n\tpushl $0x8000\n\tpushl $2\n\t"
                     "pushl $0x1b\n\tpushl $0x100000\n\tiret");
}

/* Its handler forgets the error code of the page fault. The code stands where
 * its address makes the same selector each time. */
static void die_errorcode(void)
{
    static const u8 code[] = {0xc6, 0x05, 0, 0, 0xad, 0xde, 1};

    __builtin_memcpy((void *)FIXED_CODE, code, sizeof(code));
    idt_set(TRAP_PF, SYS_INT32, 0, KCODE, (u32)only_iret);
    paging_on();
    gate_absent(TRAP_GP);
    gate_absent(TRAP_DF);
    ((void (*)(void))FIXED_CODE)();
}

/* Its handler drops an error code that there is none of. */
static void die_wordoff(void)
{
    idt_set(VECTOR, SYS_INT32, 0, KCODE, (u32)pop_iret);
    gate_absent(TRAP_GP);
    gate_absent(TRAP_DF);
    __asm__ volatile("pushl $0x246\n\tpushl $2\n\tpopfl\n\tint $0x80"
                     :
                     :
                     : "memory");
}

static void die_nullcall(void)
{
    void (*volatile nowhere)(void) = NULL;

    paging_on();
    unmap(0);
    no_trap_helps();
    nowhere();
    barrier(); /* a call, and no jump */
}

static void die_nullwrite(void)
{
    paging_on();
    unmap(0);
    no_trap_helps();
    write_byte(8);
}

/* As the BIOS leaves the interrupt controller. */
static void die_pic(void)
{
    static const u8 words[] = {TRAP_DF, 4, 1, 0xfe};

    gate_absent(TRAP_NP);
    gate_absent(TRAP_DF);
    out8(PORT_PIC1_CMD, 0x11);
    for (u32 i = 0; i < sizeof(words); i++)
        out8(PORT_PIC1_DATA, words[i]);
    pit_start(1000);
    sti();
    for (;;)
        barrier();
}

static void die_usercli(void)
{
    no_trap_helps();
    ring3(user_cli);
}

static void die_badsegment(void)
{
    no_trap_helps();
    __asm__ volatile("movl %0, %%ds" : : "a"(SEL(GDT_SIZE)));
}

/* ---- what an engine cannot do, and the guest's own verdict */

static void die_pae(void)
{
    write_cr4(read_cr4() | CR4_PAE);
    no_trap_helps();
    invalid();
}

static void die_real(void)
{
    struct table_pointer none = {0, 0};

    __asm__ volatile("lidt %0" : : "m"(none) : "memory");
    write_cr0(read_cr0() & ~CR0_PE);
    invalid();
}

NAMED void assert_failed(const char *what)
{
    print(what);
    __asm__ volatile("outl %0, %1" : : "a"(0x11), "Nd"((u16)0xf4));
}

static void die_assert(void)
{
    assert_failed("assertion failed: 1 == 2\n");
}

static const struct {
    const char *name;
    void (*die)(void);
} ways[] = {
    {"noidt", die_noidt},
    {"shortidt", die_shortidt},
    {"absent", die_absent},
    {"empty", die_empty},
    {"gatetype", die_gatetype},
    {"idtpage", die_idtpage},
    {"int80dpl", die_int80dpl},
    {"timer", die_timer},
    {"csnull", die_csnull},
    {"cslimit", die_cslimit},
    {"csdata", die_csdata},
    {"csabsent", die_csabsent},
    {"gdtpage", die_gdtpage},
    {"tssshort", die_tssshort},
    {"ss0null", die_ss0null},
    {"ss0user", die_ss0user},
    {"ss0code", die_ss0code},
    {"esp0page", die_esp0page},
    {"esp0readonly", die_esp0readonly},
    {"overflow", die_overflow},
    {"sslimit", die_sslimit},
    {"handlerpage", die_handlerpage},
    {"syscallpage", die_syscallpage},
    {"handlerfaults", die_handlerfaults},
    {"doublefaults", die_doublefaults},
    {"taskgate", die_taskgate},
    {"taskcode", die_taskcode},
    {"nowhere", die_nowhere},
    {"wrongcr3", die_wrongcr3},
    {"noidentity", die_noidentity},
    {"iretcs", die_iretcs},
    {"iretss", die_iretss},
    {"errorcode", die_errorcode},
    {"wordoff", die_wordoff},
    {"nullcall", die_nullcall},
    {"nullwrite", die_nullwrite},
    {"pic", die_pic},
    {"usercli", die_usercli},
    {"badsegment", die_badsegment},
    {"pae", die_pae},
    {"real", die_real},
    {"assert", die_assert},
};

/* The last word of the command line. */
static const char *chosen(void)
{
    const char *line = (const char *)peek(boot_words + MB1_CMDLINE);
    const char *word = line;

    if (!(peek(boot_words + MB1_FLAGS) & MB1_INFO_CMDLINE))
        return "";
    for (; *line; line++) {
        if (*line == ' ')
            word = line + 1;
    }
    return word;
}

static bool same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

void test(void)
{
    const char *word = chosen();

    for (u32 i = 0; i < ARRAY_LEN(ways); i++) {
        if (!same(word, ways[i].name))
            continue;
        ways[i].die();
        EXPECT(false, "it lives");
    }
}
