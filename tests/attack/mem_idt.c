/* SPDX-License-Identifier: MIT
 *
 * The IDT, the TSS and the stacks of events where they hurt: frames that the
 * processor pushes land in the page table of the stack itself, in the GDT, in
 * the IDT that is just in use, in device memory, and around the end of linear
 * space; gates and ESP0 lie in pages that alias, move and are absent; a walk
 * sets accessed and dirty bits in a gate.
 *
 * INT 0x60 goes to land_a or land_b, which note where the stack is and which
 * of them it was, and return on the stack of the caller.
 *
 * SDM vol. 3A 4.8, 6.10-6.12, 7.2.1.
 */
#include "tests/attack/mem.h"

ATTACK("It has the processor push its frames into page tables, descriptor "
       "tables and devices, and takes gates and stacks from pages that move.");

#define VECTOR      0x60
#define VECTOR_HIGH 0x90
#define PAGES       64u
#define TOP_PAGE    0xfffff000u
#define ROUNDS      200u
#define MARKED      (VECTOR * 2) /* word of the IDT where the gate begins */

static u32 window[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 top[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 spare[2][TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 moved[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 idts[2][TABLE] __attribute__((aligned(PAGE_SIZE)));

u32 land_esp, landed, seen_esp;
extern const u8 land_a[], land_b[];
void int_here(u32 esp);
void int_high(void);
void int_from_user(void);
void push_here(u32 esp, u32 low, u32 high);

/* land_a is 7 bytes into a page, land_b 0x60 bytes behind it: as the low word
 * of a table entry, 7 is present, writable, user, and 0x60 is A and D. */
__asm__(".text\n"
        "int_here:\n\t"
        "pushal\n\t"
        "movl %esp, land_esp\n\t"
        "movl 36(%esp), %esp\n\t"
        "int $0x60\n"
        "int_high:\n\t"
        "pushal\n\t"
        "movl %esp, land_esp\n\t"
        "int $0x90\n"
        "int_from_user:\n\t"
        "pushal\n\t"
        "movl %esp, land_esp\n\t"
        "pushl $0x23\n\t"
        "pushl $user_stack_top\n\t"
        "pushl $2\n\t"
        "pushl $0x1b\n\t"
        "pushl $1f\n\t"
        "iretl\n"
        "1: int $0x60\n"
        "push_here:\n\t"
        "pushal\n\t"
        "movl 40(%esp), %eax\n\t"
        "movl 44(%esp), %edx\n\t"
        "movl %esp, land_esp\n\t"
        "movl 36(%esp), %esp\n\t"
        "pushl %edx\n\t"
        "pushl %eax\n\t"
        "movl land_esp, %esp\n\t"
        "popal\n\t"
        "ret\n\t"
        ".balign 4096\n\t"
        ".skip 7\n"
        "land_a:\n\t"
        "movl $0xa, %ss:landed\n"
        "1:\n\t"
        "movl $0x10, %ecx\n\t"
        "movl %ecx, %ds\n\t"
        "movl %ecx, %es\n\t"
        "movl %esp, seen_esp\n\t"
        "movl land_esp, %esp\n\t"
        "popal\n\t"
        "ret\n\t"
        ".skip 0x60 - (. - land_a)\n"
        "land_b:\n\t"
        "movl $0xb, %ss:landed\n\t"
        "jmp 1b\n");

static void gate(u32 *table, u32 vector, const u8 *to, u32 dpl)
{
    u32 offset = (u32)to;

    table[vector * 2] = KCODE << 16 | (offset & 0xffff);
    table[vector * 2 + 1] = (offset & 0xffff0000) | DESC_P |
                            dpl << DESC_DPL_SHIFT |
                            SYS_INT32 << DESC_TYPE_SHIFT;
    barrier();
}

static void load_idt(u32 base, u32 limit)
{
    struct table_pointer p = {(u16)limit, base};

    attempt();
    __asm__ volatile("lidt %0" : : "m"(p) : "memory");
}

static void expect_landed(u32 where, u32 esp, const char *sentence)
{
    attempt();
    if (landed != where || seen_esp != esp)
        broken(sentence, seen_esp, landed);
    landed = 0;
}

static void map(u32 page, const void *frame)
{
    window[page] = (u32)frame | RIGHTS;
    invlpg(WINDOW + page * PAGE_SIZE);
}

/* Frames into the page that is just the page table, the GDT or the IDT. */
static void frames_into(u32 *page, u32 alias)
{
    for (u32 i = 0; i < ROUNDS; i++) {
        u32 word = 700 + i % 300, esp = alias + word * 4, low[3];
        for (u32 k = 0; k < 3; k++)
            low[k] = page[word - 3 + k];
        int_here(esp);
        expect_landed(0xa, esp - 12, "a frame went elsewhere");
        if (page[word - 2] != KCODE || !(page[word - 1] & EFLAGS_ONE))
            broken("a frame is not what was pushed", esp, page[word - 2]);
        for (u32 k = 0; k < 3; k++)
            page[word - 3 + k] = low[k];
        int_here(esp - 2); /* not aligned */
        expect_landed(0xa, esp - 14, "an unaligned frame went elsewhere");
        for (u32 k = 0; k < 3; k++)
            page[word - 3 + k] = low[k];
    }
}

static void frames_into_tables(void)
{
    map(1, window);
    frames_into(window, WINDOW + PAGE_SIZE);
    map(2, idts[0]);
    frames_into(idts[0], WINDOW + 2 * PAGE_SIZE);
    map(3, gdt);
    map(4, page_dir);
    frames_into(page_dir, WINDOW + 4 * PAGE_SIZE);
    map(5, (void *)VGA_TEXT);
    int_here(WINDOW + 5 * PAGE_SIZE + 0x100);
    expect_landed(0xa, WINDOW + 5 * PAGE_SIZE + 0xf4, "a frame in a screen");
}

/* The stack lies in its own page table, whose entry for it is overwritten. */
static void frame_over_its_own_entry(void)
{
    for (u32 i = 0; i < ROUNDS; i++) {
        u32 page = 8 + i % 32, esp = WINDOW + page * PAGE_SIZE + page * 4 + 8;
        map(page, window);
        int_here(esp);
        expect_landed(0xa, esp - 12, "a frame over its own mapping");
        if (window[page] != KCODE)
            broken("a frame over its own entry", esp, window[page]);
        window[page] = 0;
        invlpg(WINDOW + page * PAGE_SIZE);
        if (window[page + 1] & EFLAGS_ONE)
            window[page + 1] = window[page - 1] = 0;
    }
}

/* PUSH makes gates and descriptors, which count at once. */
static void pushed_gates(void)
{
    u32 made[2 * (VECTOR + 1)];

    map(2, idts[0]);
    for (u32 i = 0; i < ROUNDS; i++) {
        gate(made, VECTOR, i & 1 ? land_b : land_a, 3);
        push_here(WINDOW + 2 * PAGE_SIZE + VECTOR * 8 + 8, made[VECTOR * 2],
                  made[VECTOR * 2 + 1]);
        int_here((u32)spare[1]);
        expect_landed(i & 1 ? 0xb : 0xa, (u32)spare[1] - 12,
                      "a pushed gate is not taken");
        gate(idts[0], VECTOR, i & 1 ? land_a : land_b, 3);
        int_here((u32)spare[1]);
        expect_landed(i & 1 ? 0xa : 0xb, (u32)spare[1] - 12,
                      "a written gate is not taken");
    }
    gate(idts[0], VECTOR, land_a, 3);
}

/* The IDT is a page table, too: a walk through the gate marks it. */
static void marked_gates(void)
{
    u32 at = WINDOW + LARGE32_SIZE + MARKED * PAGE_SIZE, value;

    page_dir[(WINDOW >> 22) + 1] = (u32)idts[0] | RIGHTS;
    for (u32 i = 0; i < ROUNDS; i++) {
        gate(idts[0], VECTOR, land_a, 3);
        flush_all();
        int_here((u32)spare[1]);
        expect_landed(0xa, (u32)spare[1] - 12, "a gate that is a table entry");
        if (!(i & 1 ? user_store(at, i) : store(at, i)) || !load(at, &value) ||
            value != i)
            broken("a gate as a table entry", at, caught.f.error);
        if ((idts[0][MARKED] & (PTE_A | PTE_D)) != (PTE_A | PTE_D))
            broken("a gate that was a table entry is not marked", at,
                   idts[0][MARKED]);
        int_here((u32)spare[1]);
        expect_landed(0xb, (u32)spare[1] - 12, "a marked gate is as it was");
    }
    page_dir[(WINDOW >> 22) + 1] = 0;
    gate(idts[0], VECTOR, land_a, 3);
    flush_all();
}

/* Gates from 128 on lie in a page that is absent, foreign, and moves. */
static void half_absent(void)
{
    static const u32 frames[] = {0x000a0000, 0x000b8000, 0x000c0000,
                                 0x000f0000, 0x00800000, 0x10000000,
                                 0xfec00000, 0xfee00000, 0xfffff000};
    u32 half = TRAP_VECTORS / 2 * 8, base = WINDOW + 41 * PAGE_SIZE - half;

    page_copy(spare[0], idts[0]);
    for (u32 i = 0; i < half / 4; i++)
        idts[1][(PAGE_SIZE - half) / 4 + i] = spare[0][i];
    map(40, idts[1]);
    for (u32 i = 0; i < ROUNDS; i++) {
        window[41] = 0;
        flush_all();
        load_idt(base, TRAP_VECTORS * 8 - 1);
        TRY("int %0", : "i"(VECTOR_HIGH) : "memory");
        if (caught.f.vector != TRAP_PF || (caught.f.error & ~1u) ||
            caught.cr2 != base + VECTOR_HIGH * 8)
            broken("an absent gate", caught.f.vector, caught.f.error);
        map(41, (void *)frames[i % ARRAY_LEN(frames)]);
        TRY("int %0", : "i"(VECTOR_HIGH) : "memory");
        map(41, spare[0]); /* its first half has the gates 0 to 127 */
        gate(spare[0], VECTOR_HIGH - 128, i & 1 ? land_a : land_b, 0);
        int_high();
        if (landed != (i & 1 ? 0xa : 0xb))
            broken("a gate in a page that came", i, landed);
    }
    idt_load();
    load_idt((u32)idts[0], PAGE_SIZE - 1);
}

static void limits(void)
{
    for (u32 limit = 0x80; limit < 0x300; limit += 7) {
        load_idt((u32)idts[0], limit);
        TRY("int %0", : "i"(VECTOR - 1) : "memory");
        if (limit < VECTOR * 8 - 1 && (caught.f.vector != TRAP_GP ||
                                       caught.f.error != (VECTOR - 1) * 8 + 2))
            broken("a vector beyond the limit", limit, caught.f.error);
    }
    load_idt((u32)idts[0], PAGE_SIZE - 1);
}

/* From ring 3, on the stack that the TSS names now, in every odd place. */
static void inner_stack(u32 esp0, const char *sentence)
{
    tss.word[TSS32_ESP0 / 4] = esp0;
    int_from_user();
    expect_landed(0xa, esp0 - 20, sentence);
}

static void inner_stacks(void)
{
    top[1023] = (u32)spare[0] | RIGHTS;
    page_dir[1023] = (u32)top | RIGHTS;
    map(1, window);
    map(2, idts[0]);
    map(4, page_dir);
    map(5, (void *)VGA_TEXT);
    map(6, spare[0]);
    map(7, spare[1]);
    for (u32 i = 0; i < ROUNDS; i++) {
        inner_stack(WINDOW + PAGE_SIZE + 0xff0, "ESP0 in a page table");
        inner_stack(WINDOW + 2 * PAGE_SIZE + 0xff0, "ESP0 in the IDT");
        inner_stack(WINDOW + 4 * PAGE_SIZE + 0xfe0, "ESP0 in a directory");
        inner_stack(WINDOW + 5 * PAGE_SIZE + 0x100, "ESP0 in a screen");
        inner_stack(WINDOW + 7 * PAGE_SIZE + (i & 15), "ESP0 at a page's end");
        inner_stack(WINDOW + 6 * PAGE_SIZE + (i & 15), "ESP0 behind a screen");
        inner_stack(0, "ESP0 at the end of linear space");
        inner_stack(0u - (i & 15), "ESP0 before the end of linear space");
    }
    tss.word[TSS32_ESP0 / 4] = (u32)stack_top;
}

static void load_tr(u32 base)
{
    gdt_set(TSS_SEL >> 3, base, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    __asm__ volatile("ltr %w0" : : "r"(TSS_SEL) : "memory");
}

/* The TSS moves under the task register, and lies across two pages. */
static void moving_tss(void)
{
    map(50, spare[0]);
    for (u32 i = 0; i < ROUNDS; i++) {
        u32 esp0 = (u32)spare[1] + 0x100 + i * 4;
        u32 at = WINDOW + 51 * PAGE_SIZE - TSS32_ESP0 - (i & 7);
        map(51, idts[1]);
        poke(at + TSS32_ESP0, esp0);
        poke(at + TSS32_SS0, KDATA);
        load_tr(at);
        int_from_user();
        expect_landed(0xa, esp0 - 20, "ESP0 across two pages");
        page_copy(moved, idts[1]);
        map(51, moved); /* the same bytes, but now these count */
        poke(at + TSS32_ESP0, esp0 + 8);
        poke(at + TSS32_SS0, KDATA);
        int_from_user();
        expect_landed(0xa, esp0 - 12, "ESP0 of a TSS that moved");
    }
    map(5, (void *)VGA_TEXT);
    poke(VGA_TEXT + TSS32_ESP0, (u32)spare[1]);
    poke(VGA_TEXT + TSS32_SS0, KDATA);
    load_tr(WINDOW + 5 * PAGE_SIZE);
    int_from_user();
    expect_landed(0xa, (u32)spare[1] - 20, "a TSS in a screen");
    load_tr((u32)&tss);
}

void attack(void)
{
    paging_on();
    page_dir[WINDOW >> 22] = (u32)window | RIGHTS;
    page_copy(idts[0], idt);
    gate(idts[0], VECTOR, land_a, 3);
    load_idt((u32)idts[0], PAGE_SIZE - 1);
    frames_into_tables();
    frame_over_its_own_entry();
    pushed_gates();
    limits();
    half_absent();
    inner_stacks();
    moving_tss();
    marked_gates();
    idt_load();
}
