/* SPDX-License-Identifier: MIT
 *
 * Memory of programs: address spaces, the frames in them, and faults.
 *
 * An address space is a page directory and a list of regions that say what a
 * page will be on its first touch: zeroes, or bytes of a file. A region's
 * pages come one by one, by faults. Fork shares every page, read-only where
 * it may be written, until one of the sharers writes (copy on write). A page
 * that is shared by fork, and a page of program text, is at one and the same
 * virtual address in all of its sharers: so `va` of a frame and the table of
 * processes are enough to find every page-table entry that shows it.
 *
 * May sleep: frame_obtain(), space_fault(), space_fork(), user_read(),
 * user_write(), and whatever calls them. Behind such a call every page-table
 * entry may have changed: look again.
 */
#ifndef HARE_SPACE_H
#define HARE_SPACE_H

#include "guest/include/abi.h"

#define SPACE_REGIONS 16

struct inode;

#define REGION_WRITE 1
#define REGION_STACK 2 /* grows down, to USER_STACK_PAGES */
#define REGION_HEAP  4 /* SBRK moves its end */
#define REGION_MAP   8 /* by MMAP */

struct region {
    u32 start, end; /* end 0: no region */
    u32 flags;
    struct inode *file;    /* NULL: zeroes */
    u32 offset, file_size; /* bytes from the file; zeroes behind them */
};

struct space {
    u32 *dir;
    struct region region[SPACE_REGIONS];
    u32 tables;            /* page tables, without the directory */
    u32 resident, swapped; /* user pages */
    u32 zero_faults, copy_faults, file_faults, swap_faults;
    u64 *ldt; /* a page, or NULL */
};

/* frames.c: physical pages, each with a count of its holders. */
u32 frame_alloc(void);  /* never sleeps; zeroed, one holder; 0: none is free */
u32 frame_obtain(void); /* may sleep to swap others out (swap.c) */
void *frames_run(u32 bytes); /* zeroed, in a row, for ever; or NULL */
void frame_hold(u32 pa);
void frame_drop(u32 pa); /* the last one frees it */
u32 frame_holders(u32 pa);

/* space.c: faults, and what is there */
int space_new(struct space *s); /* with a stack */
void space_free(struct space *s);
int space_fork(struct space *to, struct space *from); /* from: the current */
void space_use(const struct space *s);                /* CR3 and LDT */
/* Makes va usable for reading or writing: 0, or ERR_FAULT (nothing is there,
 * or not for this), ERR_NOMEM or ERR_IO. error is the page fault's. */
int space_fault(struct space *s, u32 va, u32 error);
/* The kernel's address of a user byte, up to the end of its page, until
 * somebody sleeps; or NULL. */
u8 *space_byte(struct space *s, u32 va, int write);
/* The page shown at va gives way to a swapped entry, or to 0 where it can be
 * read from its file again. */
void space_evict(struct space *s, u32 va, u32 slot);
/* s is the current one; r covers the range, or is empty: anonymous pages */
void space_drop_pages(struct space *s, const struct region *r, u32 va, u32 end);
u32 space_shared(const struct space *s); /* pages that others show, too */
u32 space_tables(void); /* page tables and directories of all */

/* region.c: what is promised */
struct region *space_region(struct space *s, u32 va); /* or NULL */
struct region *region_between(struct space *s, u32 start, u32 end);
struct region *region_reach(struct space *s, u32 va); /* the stack grows */
struct region *region_new(struct space *s);           /* a free one, or NULL */
u32 space_mapped(const struct space *s);              /* pages, there or not */
int space_sbrk(struct space *s, s32 bytes);
int space_map(struct space *s, u32 bytes); /* address, or an error */
int space_unmap(struct space *s, u32 va, u32 bytes);

/* text.c: read-only pages of files that are shown somewhere */
u32 text_find(const struct region *r, u32 va); /* held for the caller, or 0 */
void text_offer(const struct region *r, u32 va, u32 pa);
void text_leave(const struct region *r, u32 va, u32 pa); /* before a drop */
void text_forget(struct inode *i);                       /* it changes */
u32 text_frames(void);

/* ldt.c: s is the current one, but in ldt_fork(). */
int space_segment(struct space *s, u32 what, u32 base,
                  u32 bytes);                             /* may sleep */
int ldt_fork(struct space *to, const struct space *from); /* it, too */
void ldt_free(struct space *s);
void ldt_use(u64 *ldt);
/* Of a flat selector: the offset itself. */
u32 ldt_linear(const struct space *s, u32 selector, u32 offset);

/* elf.c: s is new, or has its stack only; 0 or an error */
int elf_load(struct space *s, struct inode *file, u32 *entry);

#endif
