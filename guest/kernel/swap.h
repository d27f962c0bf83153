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
#include "guest/policy/replace.h"

struct frame;

#define SWAP_PTE  2 /* with bit 0 clear */
#define SWAP_NONE 0 /* no slot */

static inline int pte_is_swapped(u32 pte)
{
    return (pte & 3) == SWAP_PTE;
}

/* swap.c: the area on the disk, and its slots. A slot is named by the entry
 * that says so. */
void swap_init(int format); /* finds the disk; says what it found */
/* The page of a swapped entry is brought in, into a frame that the caller
 * then maps; 0: no memory, or the disk failed. May sleep. */
u32 swap_read(u32 pte);
void swap_write(u32 pte, u32 pa); /* may sleep; if it fails, reads will, too */
u32 swap_take(void);              /* a free slot, or SWAP_NONE */
void swap_hold(u32 pte);
void swap_drop(u32 pte);
u32 swap_holders(u32 pte);
int swap_is_bad(u32 pte); /* it could not be written or read */
void swap_tell(struct swap_info *info);

/* evict.c: which frames show what, and who gives way */
int evict_init(void); /* 0, or ERR_NOMEM */
/* An anonymous page is shown at va from now on (or a read-only one of a
 * file, which needs no disk to give way): it may be evicted. */
void swap_candidate(struct space *s, u32 va, u32 pa);
void swap_gone(u32 pa); /* by frame_drop(), when the last holder left */
void evict_cache(u32 pa, u32 pte);             /* the slot has the same bytes */
int evict_page(const struct space *s, u32 va); /* may sleep; 0 or an error */
u32 evict_key(u32 va);                         /* for policies */
const struct replace_policy *evict_policy(void);
int evict_set_policy(const char *name); /* 0, or ERR_NOENT */
void evict_future(const u32 *string, u32 n);
void evict_tell(struct swap_info *info);

/* lab.c: one region under observation */
int lab_init(void); /* 0, or ERR_NOMEM */
/* The region at va, of which `frames` pages stay in memory; 0: all may. May
 * sleep. */
int lab_begin(struct space *s, u32 va, u32 frames);
int lab_end(struct space *s); /* its page faults, or ERR_SRCH; fork ends it */
/* First thing of a fault: 1 when that was all there was to it. May sleep. */
int lab_fault(const struct space *s, u32 va, const u32 *pte);
int lab_shown(const struct space *s, u32 va); /* 1: it is the lab's to evict */
int lab_stepped(struct frame *f); /* #DB of a program: was it ours? */
u32 lab_recorded(void);

/* ide.c: one disk, by PIO and interrupts. Pages of the kernel only. */
#define DISK_REQUEST 128                          /* sectors at most */
int disk_init(void);                              /* 0, or ERR_ */
u32 disk_sectors(void);                           /* 0: there is no disk */
int disk_read(u32 sector, void *to, u32 sectors); /* may sleep; 0 or ERR_IO */
int disk_write(u32 sector, const void *from, u32 sectors);
void disk_interrupt(void);

#endif
