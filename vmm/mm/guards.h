/* SPDX-License-Identifier: MIT
 *
 * Guards: which linear pages are kept out of the shadow, and from what. Any
 * number of ranges of any size, asked about for each fill and each access
 * that goes a long way round, so an answer is a look or two into a table
 * whatever there is elsewhere.
 *
 * One byte a page has the GUARD_ bits. 4096 pages (16 MiB) are a group, whose
 * bytes lie in a frame of their own; a group that is the same throughout has
 * none, so a range takes two such frames at most and all of them together
 * 256. Beside the groups, one byte a region (2 MiB, what a shadow table maps)
 * says what is guarded anywhere in it. No guards take no frame.
 *
 * A guard that is missing would be a watch that is not met; one too many only
 * costs time. So where memory has run out a guard covers more than it should,
 * its group or everything, and nothing here ever fails.
 *
 * Invariant: a region's byte is the union of those of its pages.
 */
#ifndef MM_GUARDS_H
#define MM_GUARDS_H

#include "vmm/mm/frames.h"

/* A page that may not be read is not mapped at all, x86 has no other way. */
enum { GUARD_READ = 1, GUARD_WRITE = 2, GUARD_FETCH = 4 };

/* All zeros: none, and no frames. */
struct guards {
    struct frames *frames;
    u8 owner;
    bool table; /* it has a frame */
    u8 all;     /* guarded everywhere, for want of one */
    mfn_t top;
};

void guards_init(struct guards *g, struct frames *frames, u8 owner);
void guards_destroy(struct guards *g);
/* Linear pages first to last are kept from `what` as well. */
void guards_add(struct guards *g, u32 first, u32 last, u8 what);
/* GUARD_ bits of a linear page; of a region: of any page in it. */
u8 guards_at(const struct guards *g, u32 page);
u8 guards_in(const struct guards *g, u32 region);
/* Is all that `of` guards guarded by g, too? */
bool guards_cover(const struct guards *g, const struct guards *of);
/* Frames of FRAME_PROBE that it takes. */
u32 guards_frames(const struct guards *g);

static inline bool guards_any(const struct guards *g)
{
    return g->table || g->all;
}

#endif
