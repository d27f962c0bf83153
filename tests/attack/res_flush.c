/* SPDX-License-Identifier: MIT
 *
 * Flushes: INVLPG of every page, CR3 with the same value, CR4.PGE back and
 * forth. Each is one instruction, and each makes the VMM throw something away
 * that the next access makes again.
 *
 * SDM vol. 3A 4.10.4.1.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It flushes translations as fast as it goes.");
ATTACK_ENDS("endless");

void attack(void)
{
    paging_on();
    for (u32 i = 0;; i++) {
        invlpg(i << PAGE_SHIFT);
        if (i % 4 == 0)
            write_cr3((u32)page_dir);
        if (i % 16 == 0)
            write_cr4(read_cr4() ^ CR4_PGE);
        TRY("movl (%0), %%eax",
            : "r"(i % (PAGED_MIB << 8) << PAGE_SHIFT)
            : "eax", "memory");
        again();
    }
}
