/* SPDX-License-Identifier: MIT
 *
 * Swapping: pages of programs on a disk, and who goes there.
 *
 * A page-table entry of a page on disk is not present, and says where:
 *
 *   31            12 11                1 0
 *   slot              0 ... 0  1 (bit 1) 0
 *
 * A slot counts its holders as a frame does, so fork shares it. Requests are
 * served by the disk in the order in which they were made; so a page that is
 * still being written can be asked for again at once.
 */
#ifndef HARE_SWAP_H
#define HARE_SWAP_H

#include "guest/kernel/space.h"

#define SWAP_PTE 2 /* with bit 0 clear */

static inline int pte_is_swapped(u32 pte)
{
    return (pte & 3) == SWAP_PTE;
}

void swap_init(void); /* finds the disk; says what it found */
/* The page of a swapped entry is brought in, into a frame that the caller
 * then maps; 0: no memory, or the disk failed. May sleep. */
u32 swap_read(u32 pte);
void swap_hold(u32 pte);
void swap_drop(u32 pte);
/* An anonymous page is shown at va from now on (or a read-only one of a
 * file, which needs no disk to give way): it may be evicted. */
void swap_candidate(const struct space *s, u32 va, u32 pa);
void swap_gone(u32 pa); /* by frame_drop(), when the last holder left */

/* ide.c: one disk, by PIO and interrupts. Pages of the kernel only. */
int disk_init(void);                              /* 0, or ERR_ */
u32 disk_sectors(void);                           /* 0: there is no disk */
int disk_read(u32 sector, void *to, u32 sectors); /* may sleep; 0 or ERR_IO */
int disk_write(u32 sector, const void *from, u32 sectors);
void disk_interrupt(void);

#endif
