/* SPDX-License-Identifier: MIT
 *
 * As much shadow memory as a guest can ask for: two page directories, each
 * with a page table behind all of its 1,024 entries, every table in a frame of
 * its own, and one page touched below each of them, round and round. Each
 * table wants a shadow table, and there are more of them than the VMM grants.
 *
 * SDM vol. 3A 4.3.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It wants more shadow page tables than it has memory itself.");
ATTACK_ENDS("endless");

#define TABLES_AT 0x200000u /* and 4 MiB up from there */
#define ENTRIES   1024u

static u32 second[ENTRIES] __attribute__((aligned(4096)));

static void fill(u32 *dir, u32 turn)
{
    for (u32 i = 2; i < ENTRIES; i++) {
        u32 *table = (u32 *)(TABLES_AT + i * PAGE_SIZE);
        table[turn] = (u32)second | PTE_P | PTE_W | PTE_U;
        dir[i] = (u32)table | PTE_P | PTE_W | PTE_U;
    }
    dir[0] = page_dir[0];
    dir[1] = page_dir[1];
}

static void round_of(u32 *dir, u32 turn)
{
    write_cr3((u32)dir);
    for (u32 i = 2; i < ENTRIES; i++) {
        u32 at = i << 22 | turn << PAGE_SHIFT;
        TRY("movl (%0), %%eax", : "r"(at) : "eax", "memory");
        again();
    }
}

void attack(void)
{
    paging_on();
    for (u32 turn = 0;; turn = (turn + 1) % ENTRIES) {
        fill(page_dir, turn);
        fill(second, turn);
        round_of(page_dir, turn);
        round_of(second, turn);
    }
}
