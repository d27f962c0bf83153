/* SPDX-License-Identifier: MIT
 *
 * Paging goes on and off, CR4.PSE and CR0.WP with it, in every order, with an
 * access after each change: each of them makes every shadow worthless.
 *
 * SDM vol. 3A 2.5, 4.1.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It turns paging, large pages and write protection on and off without "
       "end.");
ATTACK_ENDS("endless");

static void one(u32 i)
{
    u32 cr0 = read_cr0() & ~(CR0_PG | CR0_WP);

    if (i & 2)
        write_cr4(read_cr4() ^ CR4_PSE);
    write_cr0(cr0 | (i & 1 ? CR0_PG : 0) | (i & 4 ? CR0_WP : 0));
    TRY("movl 0x200000, %%eax", : : "eax", "memory");
    again();
}

void attack(void)
{
    paging_on();
    for (u32 i = 0;; i++)
        one(i);
}
