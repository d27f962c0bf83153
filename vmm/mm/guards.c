/* SPDX-License-Identifier: MIT
 *
 * See guards.h: the table, and the comparison of two.
 *
 * A group's word is LEAF and the number of the frame with its bytes, or the
 * bits that all of its pages have. It becomes a leaf when a range ends within
 * it, and never the other way round: the table is made anew when probes change
 * (probe_install() of vm/probe.c), and compared with the one in use, as most
 * changes are none: what a debugger takes out for a step it puts back.
 */
#include "vmm/mm/guards.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"

#define GROUPS       256u
#define GROUP_PAGES  4096u
#define REGIONS      2048u
#define REGION_PAGES 512u
#define WORD_PAGES   8u          /* bytes compared at once */
#define SAME         0x01010101u /* one bit in each byte */
#define LEAF         0x80000000u /* with a frame number, or the bits */

struct top {
    u32 group[GROUPS];
    u8 region[REGIONS];
};

STATIC_ASSERT(sizeof(struct top) <= PAGE_SIZE && GROUP_PAGES == PAGE_SIZE);

static struct top *top_of(const struct guards *g)
{
    return frame_ptr(g->frames, g->top);
}

static u8 *leaf_of(const struct guards *g, u32 group)
{
    return frame_ptr(g->frames, mfn(group & ~LEAF));
}

void guards_init(struct guards *g, struct frames *frames, u8 owner)
{
    *g = (struct guards){.frames = frames, .owner = owner};
}

void guards_destroy(struct guards *g)
{
    for (u32 i = 0; g->table && i < GROUPS; i++) {
        u32 group = top_of(g)->group[i];
        if (group & LEAF)
            frame_free(g->frames, mfn(group & ~LEAF));
    }
    if (g->table)
        frame_free(g->frames, g->top);
    g->table = false;
    g->all = 0;
}

static void mark_regions(struct top *top, u32 first, u32 last, u8 what)
{
    for (u32 i = first / REGION_PAGES; i <= last / REGION_PAGES; i++)
        top->region[i] |= what;
}

/* A frame for a group that is to differ within itself. */
static bool give_leaf(struct guards *g, u32 *group)
{
    mfn_t m;

    if (!frame_alloc(g->frames, FRAME_PROBE, g->owner, &m))
        return false;
    memset(frame_ptr(g->frames, m), (int)*group, PAGE_SIZE);
    *group = LEAF | m.v;
    return true;
}

/* Pages first to last of group i. */
static void mark(struct guards *g, u32 i, u32 first, u32 last, u8 what)
{
    u32 *group = &top_of(g)->group[i];
    u32 base = i * GROUP_PAGES;
    u8 *leaf;

    if (!(*group & LEAF) && !(what & ~*group))
        return;
    if (!(*group & LEAF) &&
        ((first == 0 && last == GROUP_PAGES - 1) || !give_leaf(g, group))) {
        *group |= what;
        mark_regions(top_of(g), base, base + GROUP_PAGES - 1, what);
        return;
    }
    leaf = leaf_of(g, *group);
    for (u32 page = first; page <= last; page++)
        leaf[page] |= what;
    mark_regions(top_of(g), base + first, base + last, what);
}

void guards_add(struct guards *g, u32 first, u32 last, u8 what)
{
    if (!g->table)
        g->table = frame_alloc(g->frames, FRAME_PROBE, g->owner, &g->top);
    if (!g->table) {
        g->all |= what;
        return;
    }
    for (u32 i = first / GROUP_PAGES; i <= last / GROUP_PAGES; i++) {
        u32 base = i * GROUP_PAGES;
        mark(g, i, max_u32(first, base) - base,
             min_u32(last - base, GROUP_PAGES - 1), what);
    }
}

u8 guards_at(const struct guards *g, u32 page)
{
    u32 group;

    if (!g->table)
        return g->all;
    group = top_of(g)->group[page / GROUP_PAGES];
    if (group & LEAF)
        group = leaf_of(g, group)[page % GROUP_PAGES];
    return (u8)(group | g->all);
}

u8 guards_in(const struct guards *g, u32 region)
{
    return g->table ? top_of(g)->region[region] | g->all : g->all;
}

/* The bytes of eight pages. */
static u64 eight(const struct guards *g, u32 page)
{
    const u64 same = (u64)SAME << 32 | SAME;
    u64 word = 0;
    u32 group = g->table ? top_of(g)->group[page / GROUP_PAGES] : 0;

    if (group & LEAF)
        memcpy(&word, leaf_of(g, group) + page % GROUP_PAGES, sizeof(word));
    else
        word = group * same;
    return word | g->all * same;
}

static bool has_leaf(const struct guards *g, u32 i)
{
    return g->table && (top_of(g)->group[i] & LEAF);
}

bool guards_cover(const struct guards *g, const struct guards *of)
{
    for (u32 i = 0; i < GROUPS; i++) {
        u32 pages = has_leaf(g, i) || has_leaf(of, i) ? GROUP_PAGES : 1;
        u32 base = i * GROUP_PAGES;
        for (u32 page = 0; page < pages; page += WORD_PAGES) {
            if (eight(of, base + page) & ~eight(g, base + page))
                return false;
        }
    }
    return true;
}

u32 guards_frames(const struct guards *g)
{
    u32 frames = g->table;

    for (u32 i = 0; i < GROUPS; i++)
        frames += has_leaf(g, i);
    return frames;
}
