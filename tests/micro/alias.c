/* SPDX-License-Identifier: MIT
 *
 * Page tables are memory: written through a second mapping, through a page
 * directory that maps itself, by wide, narrow and string instructions, and
 * from ring 3 too, they mean what they then hold.
 *
 * SDM vol. 3A 4.10.2.
 */
#include "tests/micro/lib/micro.h"

static u8 pages[4 * PAGE_SIZE] __attribute__((aligned(4096)));
static u32 table[1024] __attribute__((aligned(4096)));
static u32 alias_table[1024] __attribute__((aligned(4096)));
static u32 image[4];

#define PAGE(n)  ((u32)pages + (n)*PAGE_SIZE)
#define WINDOW   0x40000000
#define ALIAS    0x50000000
#define SELF     0xffc00000 /* the tables, when slot 1023 is the directory */
#define SELF_DIR 0xfffff000
#define OPEN     (PTE_P | PTE_W | PTE_U)

static void expect_pages(u32 a, u32 b, const char *what)
{
    write_cr3(read_cr3());
    EXPECT_EQ(peek(WINDOW), a, what);
    EXPECT_EQ(peek(WINDOW + PAGE_SIZE), b, what);
}

static u32 user_writes(void)
{
    poke(ALIAS, PAGE(3) | OPEN);
    poke(ALIAS + 4, PAGE(2) | OPEN);
    return 0;
}

static void by_alias(void)
{
    poke(ALIAS, PAGE(0) | OPEN);
    poke(ALIAS + 4, PAGE(1) | OPEN);
    expect_pages(0, 1, "pages mapped by writes through an alias");
    ring3(user_writes);
    expect_pages(3, 2, "pages mapped by ring 3 through an alias");
    *(volatile u8 *)(ALIAS + 1) = (u8)((PAGE(1) | OPEN) >> 8);
    *(volatile u16 *)(ALIAS + 4) = (u16)(PAGE(0) | OPEN);
    *(volatile u16 *)(ALIAS + 6) = (u16)(PAGE(0) >> 16);
    expect_pages(1, 0, "pages mapped by byte and word writes");
    __asm__ volatile("xchgl %0, (%1)"
                     :
                     : "r"(PAGE(2) | OPEN), "r"(ALIAS)
                     : "memory");
    __asm__ volatile("lock orl $0, (%0)\n\t lock addl %1, (%0)"
                     :
                     : "r"(ALIAS + 4), "r"(PAGE_SIZE)
                     : "memory", "cc");
    expect_pages(2, 1, "pages mapped by XCHG and ADD");
}

static void by_strings(void)
{
    u32 to = ALIAS, from = (u32)image, count = 2;

    image[0] = PAGE(3) | OPEN;
    image[1] = PAGE(0) | OPEN;
    __asm__ volatile("rep movsl"
                     : "+D"(to), "+S"(from), "+c"(count)
                     :
                     : "memory");
    expect_pages(3, 0, "pages mapped by REP MOVS");
    to = ALIAS;
    count = 8;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0) : "memory");
    write_cr3(read_cr3());
    CATCH("movl (%0), %%eax", : "r"(WINDOW) : "eax");
    EXPECT_TRAP(TRAP_PF, 0, 0, "reading a window emptied by REP STOS");
}

static void by_itself(void)
{
    u32 tables = SELF + (WINDOW >> 10);

    page_dir[1023] = (u32)page_dir | PTE_P | PTE_W;
    EXPECT_EQ(peek(SELF_DIR + 4 * 1023) & PTE32_ADDR, (u32)page_dir,
              "the directory as it sees itself");
    EXPECT_EQ(peek(SELF_DIR + (WINDOW >> 20)) & PTE32_ADDR, (u32)table,
              "a slot of the directory as it sees itself");
    for (u32 i = 0; i < 40; i++) {
        poke(tables, PAGE(i & 3) | OPEN);
        invlpg(WINDOW);
        poke(tables + 4, PAGE(~i & 3) | OPEN);
        invlpg(WINDOW + PAGE_SIZE);
        EXPECT_EQ(peek(WINDOW), i & 3, "a page mapped by the self-map");
        EXPECT_EQ(peek(WINDOW + PAGE_SIZE), ~i & 3, "its neighbour");
        EXPECT(peek(tables) & PTE_A, "A as the self-map shows it");
    }
    poke(SELF_DIR + (WINDOW >> 20), 0);
    write_cr3(read_cr3());
    CATCH("movl (%0), %%eax", : "r"(WINDOW) : "eax");
    EXPECT_TRAP(TRAP_PF, 0, 0, "reading under a slot the self-map emptied");
    poke(SELF_DIR + (WINDOW >> 20), (u32)table | OPEN);
    EXPECT_EQ(peek(WINDOW), 39 & 3, "the slot filled again");
}

void test(void)
{
    paging_on();
    for (u32 i = 0; i < 4; i++)
        poke(PAGE(i), i);
    page_dir[WINDOW >> 22] = (u32)table | OPEN;
    page_dir[ALIAS >> 22] = (u32)alias_table | OPEN;
    alias_table[0] = (u32)table | OPEN;
    by_alias();
    by_strings();
    by_itself();
}
