/* SPDX-License-Identifier: MIT
 *
 * Page-table thrash: entries of eight page tables change all the time, each
 * change is followed by an access through it, and the tables are those that a
 * VMM which keeps shadows has to watch. Every third change is flushed by
 * INVLPG, every hundredth by CR3, the others rest on entries that were not
 * present before.
 *
 * SDM vol. 3A 4.10.4.
 */
#include "tests/attack/lib/attack.h"

ATTACK(
    "It changes page-table entries as fast as it goes and uses each of them.");
ATTACK_ENDS("endless");

#define TABLES 8
#define WINDOW 0x40000000u
#define FRAMES 2048u /* its own 8 MiB */

static u32 table[TABLES][1024] __attribute__((aligned(4096)));

static void one(u32 i)
{
    u32 t = i % TABLES, slot = i / TABLES * 7 % 1024;
    u32 at = WINDOW + (t << 22) + (slot << PAGE_SHIFT);

    table[t][slot] =
        i % FRAMES << PAGE_SHIFT | PTE_P | PTE_U | (i & 1 ? PTE_W : 0);
    if (i % 3 == 0)
        invlpg(at);
    if (i % 100 == 0)
        write_cr3((u32)page_dir);
    TRY("movl (%0), %%eax", : "r"(at) : "eax", "memory");
    table[t][(slot + 512) % 1024] = 0;
}

void attack(void)
{
    paging_on();
    for (u32 t = 0; t < TABLES; t++)
        page_dir[(WINDOW >> 22) + t] = (u32)table[t] | PTE_P | PTE_W | PTE_U;
    for (u32 i = 0;; i++) {
        one(i);
        again();
    }
}
