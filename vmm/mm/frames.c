/* SPDX-License-Identifier: MIT
 *
 * See frames.h.
 *
 * Guest frames: a linear congruential walk (full period modulo 2^32; the
 * constants are those of Numerical Recipes) is scaled to the number of frames.
 * A few tries find a free frame unless memory is nearly full; then a linear
 * search from the last try ends it. The seed is fixed: two runs of the same
 * machine lay their guests out alike, so that a bug stays where it was.
 *
 * Everything else comes from the low end; next is a frame below which none is
 * free.
 *
 * LIMIT: the linear searches are O(frames). They happen when a VM is made or
 * when memory is nearly full, never on a guest's everyday path.
 */
#include "vmm/mm/frames.h"
#include "vmm/base/bits.h"
#include "vmm/base/check.h"
#include "vmm/base/str.h"

#define WALK_MULTIPLIER 1664525u
#define WALK_INCREMENT  1013904223u
#define WALK_SEED       0x7261696cu
#define WALK_TRIES      64

void frames_init(struct frames *f, u8 *base, struct frame *info, u32 count)
{
    *f = (struct frames){
        .base = base, .info = info, .count = count, .walk = WALK_SEED};
    for (u32 i = 0; i < count; i++)
        info[i] = (struct frame){FRAME_RESERVED, FRAME_NO_OWNER};
}

void frames_add(struct frames *f, hpa_t start, hpa_t end)
{
    u64 first = start.v / PAGE_SIZE + (start.v % PAGE_SIZE != 0);
    u64 last = min_u64(end.v / PAGE_SIZE, f->count);

    for (u64 i = first; i < last; i++) {
        if (f->info[i].use != FRAME_RESERVED)
            continue;
        f->info[i].use = FRAME_FREE;
        f->nfree++;
        f->next = min_u32(f->next, (u32)i);
    }
}

void frames_reserve(struct frames *f, hpa_t start, hpa_t end)
{
    u64 last = end.v / PAGE_SIZE + (end.v % PAGE_SIZE != 0);

    if (start.v >= end.v)
        return;
    for (u64 i = start.v / PAGE_SIZE; i < min_u64(last, f->count); i++) {
        if (f->info[i].use != FRAME_FREE)
            continue;
        f->info[i].use = FRAME_RESERVED;
        f->nfree--;
    }
}

/* The first free frame from `from` on, round the end. One must exist. */
static u32 first_free(const struct frames *f, u32 from)
{
    u32 i = from < f->count ? from : 0;

    for (u32 seen = 0; seen < f->count; seen++) {
        if (f->info[i].use == FRAME_FREE)
            return i;
        i = i + 1 < f->count ? i + 1 : 0;
    }
    CHECK(!"nfree counts the free frames");
    return 0;
}

static u32 scattered_free(struct frames *f)
{
    u32 i = 0;

    for (u32 tries = 0; tries < WALK_TRIES; tries++) {
        f->walk = f->walk * WALK_MULTIPLIER + WALK_INCREMENT;
        i = (u32)((u64)f->walk * f->count >> 32);
        if (f->info[i].use == FRAME_FREE)
            return i;
    }
    return first_free(f, i);
}

static u32 lowest_free(struct frames *f)
{
    u32 i = first_free(f, f->next);

    f->next = i + 1;
    return i;
}

static void hand_out(struct frames *f, u32 i, enum frame_use use, u8 owner)
{
    f->info[i] = (struct frame){(u8)use, owner};
    f->nfree--;
}

bool frame_alloc(struct frames *f, enum frame_use use, u8 owner, mfn_t *out)
{
    u32 i;

    CHECK(use != FRAME_RESERVED && use != FRAME_FREE);
    if (!f->nfree)
        return false;
    i = use == FRAME_GUEST ? scattered_free(f) : lowest_free(f);
    hand_out(f, i, use, owner);
    *out = mfn(i);
    memset(frame_ptr(f, *out), 0, PAGE_SIZE);
    return true;
}

bool frame_take(struct frames *f, mfn_t m, enum frame_use use, u8 owner)
{
    CHECK(m.v < f->count);
    if (f->info[m.v].use != FRAME_FREE)
        return false;
    hand_out(f, m.v, use, owner);
    return true;
}

void frame_free(struct frames *f, mfn_t m)
{
    CHECK(m.v < f->count);
    CHECK(f->info[m.v].use != FRAME_FREE);
    CHECK(f->info[m.v].use != FRAME_RESERVED);
    f->info[m.v] = (struct frame){FRAME_FREE, FRAME_NO_OWNER};
    f->nfree++;
    f->next = min_u32(f->next, m.v);
}

u32 frames_owned(const struct frames *f, u8 owner, enum frame_use use)
{
    u32 n = 0;

    for (u32 i = 0; i < f->count; i++)
        n += f->info[i].use == use && f->info[i].owner == owner;
    return n;
}

/* What is wrong with one record; null when nothing is. */
static const char *record_fault(const struct frame *r, u32 owners)
{
    if (r->use >= FRAME_USES)
        return "has a use that there is not";
    if (r->use <= FRAME_FREE)
        return r->owner == FRAME_NO_OWNER ? NULL
                                          : "is nobody's but has an "
                                            "owner";
    if (r->use == FRAME_VMM)
        return NULL;
    return r->owner < 32 && (owners >> r->owner & 1)
               ? NULL
               : "belongs to a VM that there is not";
}

u32 frames_audit(const struct frames *f, u32 owners, const struct sink *sink)
{
    u32 faults = 0, nfree = 0;

    for (u32 i = 0; i < f->count; i++) {
        const struct frame *r = &f->info[i];
        const char *fault = record_fault(r, owners);
        nfree += r->use == FRAME_FREE;
        if (!fault)
            continue;
        faults++;
        if (sink)
            fmt_sink(sink, "Machine frame 0x%x (use %u, owner %u) %s.\n", i,
                     r->use, r->owner, fault);
    }
    if (nfree == f->nfree)
        return faults;
    if (sink)
        fmt_sink(sink, "%u machine frames are free, %u are counted.\n", nfree,
                 f->nfree);
    return faults + 1;
}
