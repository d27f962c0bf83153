/* SPDX-License-Identifier: MIT
 *
 * Page directories without number. Every frame of the guest's spare memory
 * becomes a page directory in turn, different each time it comes round again,
 * and is loaded into CR3 and used for one access. A VMM that keeps shadows for
 * every directory it has ever seen runs out of memory; one that looks for old
 * ones in a list gets slower and slower.
 *
 * The directories map the first 8 MiB by the tables of paging_on() and one
 * window by a table of their own.
 *
 * SDM vol. 3A 4.3, 4.10.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It loads ever new page directories, as many as it can.");
ATTACK_ENDS("endless");

#define SPARE  0x200000u /* to 8 MiB: frames used as directories */
#define TOP    0x800000u
#define WINDOW 0x40000000u

static u32 window[1024] __attribute__((aligned(4096)));

static void one(u32 i)
{
    u32 frames = (TOP - SPARE) / PAGE_SIZE;
    u32 *dir = (u32 *)(SPARE + i % frames * PAGE_SIZE);
    u32 slot = (WINDOW >> 22) + i / frames % 512;

    dir[0] = page_dir[0];
    dir[1] = page_dir[1];
    dir[slot] = (u32)window | PTE_P | PTE_W | PTE_U;
    write_cr3((u32)dir);
    saw(slot << 22, peek(slot << 22));
    again();
}

void attack(void)
{
    paging_on();
    window[0] = (u32)window | PTE_P | PTE_W;
    for (u32 i = 0;; i++)
        one(i);
}
