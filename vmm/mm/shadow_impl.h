/* SPDX-License-Identifier: MIT
 *
 * The shadow's own state, laid open only so that struct vm can hold it and
 * shadow_peek() can be inlined. Included by shadow.h alone.
 *
 * What grows with the number of shadow pages lies in frames of its own
 * (FRAME_SHADOW), reached through two small tables of frame numbers: cells
 * are plain u32 arrays over frames, meta holds struct spage records.
 */
#ifndef MM_SHADOW_IMPL_H
#define MM_SHADOW_IMPL_H

#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/traps.h"
#include "vmm/mm/guards.h"

/* Optional parts of the cached policy; clear a bit and it still works. */
enum {
    SHADOW_OPT_KEEP = 1,  /* keep shadow pages across CR3 loads */
    SHADOW_OPT_PAGE = 2,  /* flush single pages where that is enough */
    SHADOW_OPT_SAME = 4,  /* a write that changes no right leaves the entry */
    SHADOW_OPT_FLOOD = 8, /* a table that is written as data is let go */
    SHADOW_OPT_REAP = 16, /* a table that nothing refers to is let go */
    SHADOW_OPT_ALL = 31,
};

#define SHADOW_DIRS        4 /* directories, 1 GiB each */
#define SHADOW_DIR_SHIFT   30
#define SHADOW_TABLE_SHIFT 21
#define SHADOW_ENTRIES     512u
#define SHADOW_INDEX       511u

#define SHADOW_PAGES_LEAST 16     /* one instruction's worth: see shadow.c */
#define SHADOW_CAPACITY    16384u /* shadow pages a VM can have */
#define SHADOW_META_FRAMES 192
#define CELLS_PER_FRAME    (PAGE_SIZE / 4)
#define CELLS_FRAMES       64

struct cells {
    mfn_t frame[CELLS_FRAMES];
    u32 frames;
};

/* Linear addresses to flush when the operation is done. */
#define SHADOW_FLUSH_PAGES 8
struct shadow_flush {
    gva_t at[SHADOW_FLUSH_PAGES];
    u32 count;
    bool all;
};

struct shadow_policy;

struct shadow {
    u8 *base;  /* = frames->base */
    u64 *pdpt; /* the one and only: its 4 entries are the current space */
    struct frames *frames;
    struct p2m *p2m;
    const struct shadow_policy *policy;
    const u64 *host_pml4;
    struct shadow_hw hw;
    struct paging mode;
    struct shadow_flush flush;
    struct shadow_stats stats;
    mfn_t root, pdpt_frame;
    u32 opts;               /* SHADOW_OPT_ */
    enum shadow_reason why; /* of what is given up now */
    u8 owner;
    bool ready;
    struct guards guards;
    u32 max_pages;
    u32 made;             /* pages that have frames: records 0..made-1 */
    u32 free;             /* cached: list of pages that are not in use */
    u32 dir[SHADOW_DIRS]; /* cached: the pages behind pdpt */
    struct cells pages;   /* vtlb: frame of each page */
    struct cells rmap;    /* cached: heads of the reverse map */
    struct cells lengths; /* cached: of the reverse map's chains */
    struct cells roles;   /* cached: heads of the role table */
    u32 meta_frames;
    mfn_t meta[SHADOW_META_FRAMES]; /* cached: struct spage records */
};

STATIC_ASSERT(sizeof(struct shadow) < PAGE_SIZE);

/* The table (or page) that a shadow entry points to. */
static inline u64 *shadow_table(const struct shadow *s, u64 entry)
{
    return (u64 *)(void *)(s->base + (entry & PTE64_ADDR));
}

#endif
