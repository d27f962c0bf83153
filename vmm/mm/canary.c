/* SPDX-License-Identifier: MIT
 *
 * See canary.h. A word of the pattern is a product with an odd constant (the
 * golden ratio of 64 bits), so that no two frames share a word and a page
 * that is copied over another one shows.
 */
#include "vmm/mm/canary.h"
#include "vmm/base/bits.h"

#define WORDS        (PAGE_SIZE / sizeof(u64))
#define GOLDEN_RATIO 0x9e3779b97f4a7c15u

static u64 pattern(u32 frame, u8 owner, u32 word)
{
    return ((u64)frame << 24 | (u64)owner << 16 | word) * GOLDEN_RATIO;
}

static void plant(struct frames *f, u32 frame, u8 owner)
{
    u64 *words;

    if (frame >= f->count || !frame_take(f, mfn(frame), FRAME_CANARY, owner))
        return;
    words = frame_ptr(f, mfn(frame));
    for (u32 i = 0; i < WORDS; i++)
        words[i] = pattern(frame, owner, i);
}

static void plant_beside(struct frames *f, u32 frame, u8 owner)
{
    if (frame)
        plant(f, frame - 1, owner);
    plant(f, frame + 1, owner);
}

void canary_plant(struct frames *f, u8 owner)
{
    u32 guests = 0, last = 0;

    for (u32 i = 0; i < f->count; i++) {
        const struct frame *r = &f->info[i];
        if (r->owner != owner || r->use == FRAME_CANARY)
            continue;
        if (r->use == FRAME_GUEST)
            last = i;
        if (r->use != FRAME_GUEST || guests++ % CANARY_EVERY == 0)
            plant_beside(f, i, owner);
    }
    if (guests)
        plant_beside(f, last, owner);
}

static bool is_canary(const struct frames *f, u32 frame, u8 owner)
{
    return f->info[frame].use == FRAME_CANARY && f->info[frame].owner == owner;
}

/* The first word that has changed, WORDS when none has. */
static u32 first_changed(const struct frames *f, u32 frame, u8 owner)
{
    const u64 *words = frame_ptr(f, mfn(frame));
    u32 i = 0;

    while (i < WORDS && words[i] == pattern(frame, owner, i))
        i++;
    return i;
}

static void say_changed(const struct frames *f, u32 frame, u32 word,
                        const struct sink *sink)
{
    const u64 *words = frame_ptr(f, mfn(frame));

    if (sink)
        fmt_sink(sink,
                 "The canary in machine frame 0x%x has changed: its word at "
                 "0x%x is 0x%016llx.\n",
                 frame, word * (u32)sizeof(u64),
                 (unsigned long long)words[word]);
}

u32 canary_check(const struct frames *f, u8 owner, const struct sink *sink)
{
    u32 dead = 0;

    for (u32 i = 0; i < f->count; i++) {
        u32 word;
        if (!is_canary(f, i, owner))
            continue;
        word = first_changed(f, i, owner);
        if (word == WORDS)
            continue;
        say_changed(f, i, word, sink);
        dead++;
    }
    return dead;
}

void canary_remove(struct frames *f, u8 owner)
{
    for (u32 i = 0; i < f->count; i++) {
        if (is_canary(f, i, owner))
            frame_free(f, mfn(i));
    }
}
