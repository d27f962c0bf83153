/* SPDX-License-Identifier: MIT
 *
 * Machine frames: who owns each one.
 *
 * One record per frame; a frame is reserved (firmware, VMM image, modules),
 * free, or owned by a VM for one use. base is where machine frame 0 appears
 * (the physmap on the machine, an arena in tests), so frame_ptr() is an
 * addition. Guest frames are handed out scattered over all free memory, by a
 * seeded walk, so that a bug that takes gfn for mfn cannot hide; uses of the
 * VMM itself come from the low end upwards.
 *
 * Invariant: frames->nfree is the number of FRAME_FREE records.
 */
#ifndef MM_FRAMES_H
#define MM_FRAMES_H

#include "vmm/base/fmt.h"

enum frame_use {
    FRAME_RESERVED,
    FRAME_FREE,
    FRAME_VMM,
    FRAME_GUEST,
    FRAME_SHADOW,
    FRAME_P2M,
    FRAME_CANARY, /* see canary.h */
    FRAME_BLOCK,  /* instructions decoded before: see cpu/block.h */
    FRAME_NAMES,  /* index of a guest's symbols: see vm/symbols.h */
    FRAME_PROBE,  /* probes and guards: see vm/probe_list.h, guards.h */
    FRAME_DISK,   /* what is on a guest's disk: see disk.h */
    FRAME_USES
};

#define FRAME_NO_OWNER 0xff

struct frame {
    u8 use;
    u8 owner; /* VM index or FRAME_NO_OWNER */
};

struct frames {
    u8 *base;
    struct frame *info;
    u32 count;
    u32 nfree;
    u32 next; /* where the low-end search goes on */
    u32 walk; /* state of the scattering walk */
};

/* All frames reserved; info has count records. */
void frames_init(struct frames *f, u8 *base, struct frame *info, u32 count);
/* Frees the whole frames inside [start, end) that are still reserved. */
void frames_add(struct frames *f, hpa_t start, hpa_t end);
/* Reserves again every frame that [start, end) touches. */
void frames_reserve(struct frames *f, hpa_t start, hpa_t end);
/* A zeroed frame, or false when none is free. */
bool frame_alloc(struct frames *f, enum frame_use use, u8 owner, mfn_t *out);
/* This very frame, as it is; false when it is not free. */
bool frame_take(struct frames *f, mfn_t m, enum frame_use use, u8 owner);
void frame_free(struct frames *f, mfn_t m);
u32 frames_owned(const struct frames *f, u8 owner, enum frame_use use);
/* Do the records add up, and does every frame of a VM belong to one of
 * `owners` (a bit each)? A sentence into sink (may be null) for each fault;
 * returns their number. */
u32 frames_audit(const struct frames *f, u32 owners, const struct sink *sink);

static inline void *frame_ptr(const struct frames *f, mfn_t m)
{
    return f->base + ((u64)m.v << PAGE_SHIFT);
}

#endif
