/* SPDX-License-Identifier: MIT
 *
 * Descriptor tables that lie badly: all 16 pages of a GDT, an LDT and an IDT
 * on one frame, so that each write changes many descriptors; tables over
 * absent, read-only and foreign pages, across the end of linear space, in
 * page tables and under large pages; each moved while it is loaded.
 *
 * Which descriptor the processor takes is seen by a load of FS: page number
 * `base` of the row behind it reads as its own number.
 *
 * SDM vol. 3A 2.4, 3.5, 4.10.4.
 */
#include "tests/attack/mem.h"

ATTACK("It lays its GDT, LDT and IDT over aliased, absent, foreign and moving "
       "pages, and loads what it writes there.");

#define PAGES      16u /* of a table with limit 0xffff */
#define PER_PAGE   (PAGE_SIZE / 8)
#define LIMIT_MOST 0xffffu
#define LDT_INDEX  GDT_FREE
#define FIRST_FREE (GDT_FREE + 2)
#define MARKS      32u
#define BIG        0xc0000000u /* linear address of a large page */
#define TOP_PAGE   0xfffff000u
#define ATTR_LDT   (ATTR_P | SYS_LDT)

static u32 one[PER_PAGE][2] __attribute__((aligned(PAGE_SIZE)));
static u32 other[PER_PAGE][2] __attribute__((aligned(PAGE_SIZE)));
static u32 window[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 top[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 mark[MARKS][4];

static void set(u32 (*entry)[2], u32 n)
{
    (*entry)[0] = desc_lo((u32)mark[n], sizeof(mark[n]) - 1);
    (*entry)[1] =
        desc_hi((u32)mark[n], sizeof(mark[n]) - 1, ATTR_KDATA | ATTR_ACCESSED);
    barrier();
}

/* The mark that a selector reaches, or all ones. */
static u32 through(u32 sel)
{
    u32 value = ~0u;

    TRY("movw %w1, %%fs\n\tmovl %%fs:0, %0", "=&r"(value) : "q"(sel));
    if (caught.count)
        return ~0u;
    __asm__ volatile("movw %w0, %%fs" : : "q"(0));
    return value;
}

static void expect(u32 sel, u32 n, const char *sentence)
{
    u32 got = through(sel);

    saw(sel, got);
    if (got != n)
        broken(sentence, sel, got);
}

static void load_gdt(u32 base, u32 limit)
{
    struct table_pointer p = {(u16)limit, base};

    attempt();
    __asm__ volatile("lgdt %0" : : "m"(p) : "memory");
}

static void load_idt(u32 base, u32 limit)
{
    struct table_pointer p = {(u16)limit, base};

    attempt();
    __asm__ volatile("lidt %0" : : "m"(p) : "memory");
}

/* The window's first pages, all on one frame. */
static void spread(void *frame, u32 pages)
{
    for (u32 i = 0; i < pages; i++)
        window[i] = (u32)frame | RIGHTS;
    flush_all();
}

static void kernel_entries(u32 (*table)[2])
{
    for (u32 i = 0; i < FIRST_FREE; i++) {
        table[i][0] = gdt[i][0];
        table[i][1] = gdt[i][1];
    }
}

/* Two neighbours at once, by a write that lies across them. */
static void set_across(u32 index, u32 n)
{
    u32 left[2], right[2];

    set(&left, n);
    set(&right, n + 1);
    one[index][0] = left[0];
    one[index + 1][1] = right[1];
    TRY("movl %0, %%ebx; movl %1, %%ecx; movl (%2), %%eax; movl 4(%2), %%edx;"
        "cmpxchg8b (%2)",
        : "m"(left[1]), "m"(right[0]), "r"(&one[index][1])
        : "eax", "ebx", "ecx", "edx", "memory");
}

/* The longest instruction there is: each of its stores changes dozens of
 * descriptors, and the witness must not wait for the end of it. */
static void wipe_slowly(void)
{
    u32 to = WINDOW + 64 * 8, size = PAGE_SIZE - 64 * 8;

    attempts(4 * size);
    for (u32 page = 0; page < 4; page++) {
        u32 at = to + page * PAGE_SIZE, bytes = size;
        __asm__ volatile("cld; rep stosb"
                         : "+D"(at), "+c"(bytes)
                         : "a"(page + 1)
                         : "memory", "cc");
    }
}

/* Every page of three tables is one frame. */
static void all_on_one(void)
{
    page_clear(one);
    kernel_entries(one);
    spread(one, PAGES);
    gdt_set(LDT_INDEX, WINDOW, LIMIT_MOST, ATTR_LDT);
    one[LDT_INDEX][0] = gdt[LDT_INDEX][0];
    one[LDT_INDEX][1] = gdt[LDT_INDEX][1];
    load_gdt(WINDOW, LIMIT_MOST);
    __asm__ volatile("lldt %w0" : : "r"(LDT_INDEX << 3));
    for (u32 round = 0; round < 8; round++) {
        u32 index = FIRST_FREE + 2 + round * 3, n = round * 2;
        set_across(index, n);
        for (u32 page = 0; page < PAGES - 1; page++) {
            u32 sel = (page * PER_PAGE + index) << 3;
            expect(sel, n, "a GDT entry is not what was written");
            expect(sel + 8, n + 1, "a GDT entry's neighbour is stale");
            expect(sel | SEL_TI, n, "an LDT entry is not what was written");
            expect((sel + 8) | SEL_TI, n + 1, "an LDT entry is stale");
        }
    }
    wipe_slowly();
    __asm__ volatile("lldt %w0" : : "r"(0));
}

/* The table's second page comes and goes. */
static void half_absent(void)
{
    u32 sel = (PER_PAGE + 5) << 3;

    page_clear(other);
    for (u32 n = 0; n < MARKS; n++) {
        window[1] = 0;
        flush_all();
        load_gdt(WINDOW, 2 * PAGE_SIZE - 1);
        set(&other[5], n);
        if (through(sel) != ~0u || caught.f.vector != TRAP_PF)
            broken("an absent descriptor loads", sel, caught.f.vector);
        window[1] = (u32)other | RIGHTS; /* no INVLPG: it was absent */
        expect(sel, n, "a descriptor that has come is not seen");
        set(&other[5], (n + 1) % MARKS);
        expect(sel, (n + 1) % MARKS, "a change of what has come is lost");
    }
}

/* The second page is remapped under the loaded table. */
static void moving(void)
{
    u32 sel = (PER_PAGE + 9) << 3;

    spread(one, 2);
    load_gdt(WINDOW, LIMIT_MOST);
    set(&one[9], 1);
    set(&other[9], 2);
    for (u32 i = 0; i < 64; i++) {
        window[1] = (u32)(i & 1 ? one : other) | RIGHTS;
        invlpg(WINDOW + PAGE_SIZE);
        expect(sel, i & 1 ? 1 : 2, "the descriptor of a page that has moved");
        set(i & 1 ? &one[9] : &other[9], 3);
        expect(sel, 3, "a change of the table where it is now");
        set(&one[9], 1);
        set(&other[9], 2);
    }
}

/* A table below a large page: INVLPG of any address of it moves the table. */
static void under_large(void)
{
    u32 at = BIG + ((u32)one & (LARGE32_SIZE - 1)), sel = 9 << 3;
    u32 small = (u32)window | RIGHTS;

    write_cr4(read_cr4() | CR4_PSE);
    page_copy(other, one);
    set(&one[9], 1);
    set(&other[9], 2);
    window[((u32)one >> PAGE_SHIFT) & 1023] = (u32)other | RIGHTS;
    page_dir[BIG >> 22] = ((u32)one & PDE32_LARGE) | RIGHTS | PTE_PS;
    invlpg(at);
    load_gdt(at, PAGE_SIZE - 1);
    for (u32 i = 0; i < 32; i++) {
        expect(sel, 1, "the descriptor below a large page");
        page_dir[BIG >> 22] = small;
        invlpg(BIG + (i << PAGE_SHIFT)); /* the same large page */
        expect(sel, 2, "the descriptor where the large page was");
        page_dir[BIG >> 22] = ((u32)one & PDE32_LARGE) | RIGHTS | PTE_PS;
        flush_all();
    }
    gdt_load();
    write_cr4(read_cr4() & ~CR4_PSE);
}

/* From the last page of linear space on into the first. */
static void around_the_end(void)
{
    u32 first = *pte_of(0), base = TOP_PAGE + PAGE_SIZE / 2;
    u32 in_top = PAGE_SIZE / 2 / 8, sel = (in_top + 7) << 3;

    page_clear(one);
    for (u32 i = 0; i < FIRST_FREE; i++) {
        one[in_top + i][0] = gdt[i][0];
        one[in_top + i][1] = gdt[i][1];
    }
    top[1023] = (u32)one | RIGHTS;
    page_dir[1023] = (u32)top | RIGHTS;
    set(&one[7], 4);
    set(&other[7], 5);
    for (u32 i = 0; i < 32; i++) {
        *pte_of(0) = (u32)one | RIGHTS;
        flush_all();
        load_gdt(base, LIMIT_MOST);
        expect(sel, 4, "a descriptor behind the end of linear space");
        *pte_of(0) = (u32)other | RIGHTS;
        invlpg(0);
        expect(sel, 5, "a descriptor that moved behind the end");
    }
    gdt_load();
    *pte_of(0) = first;
    page_dir[1023] = 0;
    flush_all();
}

/* The page behind the kernel's descriptors is anything. */
static void foreign(void)
{
    static const u32 frames[] = {0x000a0000, 0x000b8000, 0x000c0000, 0x000f0000,
                                 0x007ff000, 0x00800000, 0x10000000, 0xfec00000,
                                 0xfee00000, 0xfffff000, 0xffc00000};

    kernel_entries(one);
    spread(one, 2);
    for (u32 i = 0; i < ARRAY_LEN(frames); i++) {
        for (u32 page = 1; page < PAGES; page++)
            window[page] = (frames[i] + (page - 1) * PAGE_SIZE) | RIGHTS;
        flush_all();
        load_gdt(WINDOW, LIMIT_MOST);
        load_idt((u32)idt, LIMIT_MOST);
        for (u32 at = PER_PAGE; at < PAGES * PER_PAGE; at += 37)
            saw(at, through(at << 3));
        idt_load();
    }
    gdt_load();
}

/* The table lies in a page table, the page table in the table. */
static void in_page_tables(void)
{
    u32 sel = 9 << 3;

    kernel_entries(one);
    for (u32 i = 0; i < MARKS; i++) {
        page_dir[WINDOW >> 22] = (u32)one | RIGHTS; /* the GDT as a table */
        flush_all();
        load_gdt((u32)one, PAGE_SIZE - 1);
        set(&one[9], i);
        expect(sel, i, "a descriptor in a page table");
        /* entry 20 as a table entry: the table maps itself */
        one[20][0] = (u32)one | RIGHTS;
        invlpg(WINDOW + (40 << PAGE_SHIFT));
        if (!store(WINDOW + (40 << PAGE_SHIFT) + 9 * 8, 0) || one[9][0])
            broken("a table cannot write itself", i, one[9][0]);
        if (through(sel) == i)
            broken("a descriptor written through its own table", sel, i);
    }
    gdt_load();
    page_dir[WINDOW >> 22] = (u32)window | RIGHTS;
    flush_all();
}

/* Segment registers keep what they were loaded with (SDM vol. 3A 3.4.3). */
static void under_the_feet(void)
{
    static const u32 index[] = {KCODE >> 3, KDATA >> 3};
    static const u32 high[] = {0, 0x00cf9b01, 0x00cf1b00, 0x0000fa00};

    spread(one, 1);
    kernel_entries(one);
    load_gdt(WINDOW, PAGE_SIZE - 1);
    for (u32 i = 0; i < ARRAY_LEN(high) * ARRAY_LEN(index); i++) {
        u32 *entry = one[index[i % ARRAY_LEN(index)]], old = entry[1];
        attempt();
        entry[1] = high[i / ARRAY_LEN(index)];
        for (u32 k = 0; k < 50; k++) {
            invlpg(WINDOW);
            write_cr3(read_cr3());
            if (peek((u32)mark[7]) != 7)
                broken("a register follows its descriptor", i, k);
        }
        entry[1] = old;
    }
    gdt_load();
}

static void limits(void)
{
    static const u16 limit[] = {0x2f, 0x30, 0x37, 0x38, 0x3f, 0x7ff, 0xfff};

    spread(one, PAGES);
    page_clear(one);
    kernel_entries(one);
    set(&one[9], 6);
    for (u32 i = 0; i < ARRAY_LEN(limit); i++) {
        load_gdt(WINDOW, limit[i]);
        if ((through(9 << 3) == 6) != (limit[i] >= 9 * 8 + 7))
            broken("a limit of the GDT is not kept", limit[i], caught.count);
    }
    for (u32 i = 0; i < 8; i++)
        load_gdt(WINDOW + i * PAGE_SIZE, i); /* no descriptor at all */
    gdt_load();
}

void attack(void)
{
    for (u32 n = 0; n < MARKS; n++)
        mark[n][0] = n;
    paging_on();
    write_cr0(read_cr0() | CR0_WP);
    page_dir[WINDOW >> 22] = (u32)window | RIGHTS;
    all_on_one();
    half_absent();
    moving();
    under_large();
    limits();
    under_the_feet();
    around_the_end();
    foreign();
    in_page_tables();
}
