/* SPDX-License-Identifier: MIT
 *
 * The words of the cached policy: shadow pages, their roles, and references
 * to shadow entries. Private to vmm/mm.
 *
 * A shadow page is made for a key: the guest frame it was made from and a
 * role, everything else that its content depends on. Two guest directory
 * entries that point to one guest table with the same rights share its shadow
 * page; with different rights, or under a different CR0.WP or CR4.PSE, there
 * are two.
 *
 *   ROLE_TABLE            gfn is the guest table. A shadow table has 512
 *                         entries and a guest's 1024: the quadrant says which
 *                         half; for a directory, which quarter, as there each
 *                         guest entry (4 MiB) becomes two (2 MiB each).
 *   ROLE_LARGE            a leaf table for half of a 4 MiB guest page; gfn is
 *                         the first frame it maps
 *   neither               guest paging is off; gfn is the first frame mapped
 *
 * A leaf table for 2 MiB in which something is guarded serves that place alone
 * (ROLE_GUARDED and its number): guards are about linear addresses, and the
 * same guest table may be seen at others.
 *
 * The index of a page is from 1 on, so that 0 means none, also as a ref. A
 * ref names a shadow entry: page index and entry index.
 *
 * Each page has two frames: the one the CPU walks, and one with a struct link
 * for each entry, by which the reverse map chains the entries that point to
 * one machine frame. There is no pool that could run out.
 */
#ifndef MM_CACHED_H
#define MM_CACHED_H

#include "vmm/base/bits.h"
#include "vmm/mm/shadow_priv.h"

enum {
    ROLE_DIR = 1,   /* a directory; else a leaf table */
    ROLE_TABLE = 2, /* made from a guest table, which is traced */
    ROLE_LARGE = 4,
    ROLE_USER = 8,   /* leaf table: the directory entry's U */
    ROLE_WRITE = 16, /* leaf table: the directory entry's W */
    ROLE_DIRTY = 32, /* ROLE_LARGE: the directory entry's D */
    ROLE_WP = 64,    /* CR0.WP */
    ROLE_PSE = 128,  /* CR4.PSE */
    ROLE_PAE = 256,  /* nothing is ever made under it: see cached_enter() */
    ROLE_QUAD_SHIFT = 9,
    ROLE_QUAD_MASK = 3,
    ROLE_GUARDED = 2048, /* leaf table: for this region of 2 MiB only */
    ROLE_REGION_SHIFT = 12,
    ROLE_REGION_MASK = 2047,
};

struct key {
    gfn_t f;
    u32 role;
};

struct spage {
    mfn_t mfn;   /* the table itself */
    mfn_t links; /* 512 of struct link */
    struct key key;
    u32 next;    /* in the role chain, or in the free list */
    u16 present; /* entries that are */
    u16 writes;  /* of its guest table, since it was last used as one */
    bool used;
};

struct link {
    u32 next, prev; /* refs; prev 0: next of the chain's head */
};

#define SPAGES_PER_FRAME (PAGE_SIZE / (u32)sizeof(struct spage))
STATIC_ASSERT(SPAGES_PER_FRAME *SHADOW_META_FRAMES > SHADOW_CAPACITY);
STATIC_ASSERT(sizeof(struct link) * SHADOW_ENTRIES == PAGE_SIZE);

#define REF_SHIFT 9

static inline u32 ref_make(u32 page, u32 entry)
{
    return page << REF_SHIFT | entry;
}

static inline u32 ref_page(u32 ref)
{
    return ref >> REF_SHIFT;
}

static inline u32 ref_entry(u32 ref)
{
    return ref & SHADOW_INDEX;
}

static inline struct spage *page_at(const struct shadow *s, u32 page)
{
    struct spage *row = frame_ptr(s->frames, s->meta[page / SPAGES_PER_FRAME]);

    return &row[page % SPAGES_PER_FRAME];
}

static inline u64 *page_table(const struct shadow *s, const struct spage *p)
{
    return frame_ptr(s->frames, p->mfn);
}

static inline u64 *ref_at(const struct shadow *s, u32 ref)
{
    return &page_table(s, page_at(s, ref_page(ref)))[ref_entry(ref)];
}

static inline u32 role_quad(u32 role)
{
    return role >> ROLE_QUAD_SHIFT & ROLE_QUAD_MASK;
}

/* A directory's link carries the index of the page it points to in bits that
 * the CPU ignores: 11:9 and 62:52 (SDM vol. 3A table 4-18). */
#define LINK_LOW_SHIFT  9
#define LINK_LOW_MASK   7u
#define LINK_HIGH_SHIFT 52
#define LINK_HIGH_MASK  0x7ffu
#define LINK_LOW_BITS   3
STATIC_ASSERT(SHADOW_CAPACITY <= (LINK_HIGH_MASK + 1) * (LINK_LOW_MASK + 1));

static inline u64 link_make(mfn_t m, u32 page)
{
    return shadow_link(m) | (u64)(page & LINK_LOW_MASK) << LINK_LOW_SHIFT |
           (u64)(page >> LINK_LOW_BITS) << LINK_HIGH_SHIFT;
}

static inline u32 link_page(u64 entry)
{
    return (u32)(entry >> LINK_LOW_SHIFT & LINK_LOW_MASK) |
           (u32)(entry >> LINK_HIGH_SHIFT & LINK_HIGH_MASK) << LINK_LOW_BITS;
}

static inline u32 hash_cell(const struct cells *c, u32 word)
{
    u32 h = word * 0x9e3779b1u; /* 2^32 over the golden ratio */

    return (h ^ h >> 16) & (c->frames * CELLS_PER_FRAME - 1);
}

/* Reverse map: the shadow entries that point to m. */
void rmap_add(struct shadow *s, u32 ref, mfn_t m);
void rmap_remove(struct shadow *s, u32 ref, mfn_t m);
u32 rmap_first(const struct shadow *s, mfn_t m);
u32 rmap_next(const struct shadow *s, u32 ref, mfn_t m);

/* Puts an entry in place of an absent one. */
void entry_put(struct shadow *s, u32 ref, u64 entry);
/* Removes an entry, if present; notes what the CPU must forget. */
void entry_zap(struct shadow *s, u32 ref);
/* Takes write permission from every leaf that maps m. */
void leaves_protect(struct shadow *s, mfn_t m);
/* The linear addresses at which a leaf is visible now are to be flushed. */
void leaf_flush(struct shadow *s, u32 ref);

bool pages_init(struct shadow *s);
void pages_destroy(struct shadow *s);
/* Sees to it that n pages can be taken, if necessary by dropping all. */
void pages_reserve(struct shadow *s, u32 n);
/* The page for a key, made (and its guest table traced) when there is none. */
u32 page_get(struct shadow *s, struct key key);
u32 page_find(const struct shadow *s, struct key key);
void page_drop(struct shadow *s, u32 page);
/* Drops every page made from the guest table f. */
void pages_let_go(struct shadow *s, gfn_t f);
void pages_drop_all(struct shadow *s);
/* Walks the pages made from guest table f: after `page`, or from 0. */
u32 page_of_table(const struct shadow *s, gfn_t f, u32 page);

#endif
