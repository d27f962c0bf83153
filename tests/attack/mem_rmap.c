/* SPDX-License-Identifier: MIT
 *
 * One frame mapped as often as the shadow can bear, under directories that
 * are current and that are not; then, again and again, whatever makes the VMM
 * look for all mappings of a frame: the frame becomes a page table, a GDT, an
 * IDT, data again, and the directory entries above it are rewritten.
 *
 * What the VMM does for one instruction must stay short, else the witness
 * waits.
 *
 * SDM vol. 3A 4.10.
 */
#include "tests/attack/mem.h"

ATTACK("It maps one frame a hundred thousand times, then makes it a page "
       "table and a descriptor table over and over.");

#define TABLES 56u /* a guest table makes two shadow tables for each right */
#define FIRST  16u /* directory entries below are the guest's own */
#define ROUNDS 60u

static u32 tables[TABLES][TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 dirs[2][TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 victim[TABLE] __attribute__((aligned(PAGE_SIZE)));

static void map_everywhere(void)
{
    for (u32 t = 0; t < TABLES; t++) {
        for (u32 i = 0; i < TABLE; i++)
            tables[t][i] = (u32)victim | RIGHTS | PTE_A | PTE_D;
    }
    page_copy(dirs[0], page_dir);
    page_copy(dirs[1], page_dir);
    for (u32 t = 0; t < TABLES; t++) {
        dirs[0][FIRST + t] = (u32)tables[t] | RIGHTS | PTE_A;
        dirs[0][FIRST + TABLES + t] = (u32)tables[t] | PTE_P | PTE_W | PTE_A;
    }
}

static void touch_all(void)
{
    for (u32 at = FIRST << 22; at < (FIRST + 2 * TABLES) << 22; at += PAGE_SIZE)
        poke(at + 4000, at);
    attempts(2 * TABLES * TABLE);
}

static void load_tables(u32 base)
{
    struct table_pointer p = {0x2f, base};

    attempt();
    __asm__ volatile("lgdt %0" : : "m"(p) : "memory");
}

/* Tables come to the frame and go. */
static void become_a_table(void)
{
    for (u32 i = 0; i < 6; i++) {
        victim[2 * i] = gdt[i][0];
        victim[2 * i + 1] = gdt[i][1];
    }
    for (u32 i = 0; i < ROUNDS; i++) {
        load_tables((u32)victim);
        load_tables((u32)gdt);
    }
}

/* A page table, by one access through it, and data again. */
static void become_a_page_table(void)
{
    u32 value;

    for (u32 i = 0; i < ROUNDS; i++) {
        u32 entry = FIRST + 2 * TABLES + i;
        dirs[0][entry] = dirs[1][entry] = (u32)victim | RIGHTS;
        victim[1000] = (u32)victim | RIGHTS;
        load((entry << 22) + (1000 << PAGE_SHIFT), &value);
        dirs[0][entry] = dirs[1][entry] = 0;
        victim[1000] = 0;
    }
}

/* Every directory entry is written: each time the VMM looks who else refers
 * to the table below. */
static void rewrite_directory(void)
{
    u32 *to = &dirs[0][FIRST], count = 2 * TABLES, zero = 0;

    attempts(count);
    __asm__ volatile("cld; rep stosl"
                     : "+D"(to), "+c"(count)
                     : "a"(zero)
                     : "memory");
    invlpg(FIRST << 22);
    if (load(FIRST << 22, &zero))
        broken("what was unmapped is still there", FIRST << 22, zero);
}

void attack(void)
{
    paging_on();
    for (u32 round = 0; round < 2; round++) {
        map_everywhere();
        write_cr3((u32)dirs[0]);
        touch_all();
        become_a_table();
        write_cr3((u32)dirs[1]);
        become_a_table();
        become_a_page_table();
        write_cr3((u32)dirs[0]);
        become_a_page_table();
        touch_all();
        rewrite_directory();
        write_cr3((u32)page_dir);
    }
}
