/* SPDX-License-Identifier: MIT
 *
 * Shadow pages: made for a key, found by it, dropped one by one or all.
 *
 * Records are numbered 1..made; made grows as pages are needed, up to
 * max_pages, and a page keeps its two frames until the shadow is destroyed.
 * Pages that are not in use are in the free list, all zeros. When no page is
 * left everything is dropped: simple, rare, and what is needed comes back
 * fault by fault.
 *
 * Pages in use are chained by a hash of the guest frame alone, so that one
 * walk finds all pages made from a guest table that was written.
 *
 * Invariant: a frame has TRACE_PAGE_TABLE exactly while a page with
 * ROLE_TABLE made from it is in use.
 */
#include "vmm/base/check.h"
#include "vmm/base/str.h"
#include "vmm/mm/cached.h"

static u32 *chain_of(const struct shadow *s, gfn_t f)
{
    return cell(s, &s->roles, hash_cell(&s->roles, f.v));
}

static bool key_eq(struct key a, struct key b)
{
    return a.f.v == b.f.v && a.role == b.role;
}

u32 page_find(const struct shadow *s, struct key key)
{
    u32 page = *chain_of(s, key.f);

    while (page && !key_eq(page_at(s, page)->key, key))
        page = page_at(s, page)->next;
    return page;
}

u32 page_of_table(const struct shadow *s, gfn_t f, u32 page)
{
    page = page ? page_at(s, page)->next : *chain_of(s, f);
    for (; page; page = page_at(s, page)->next) {
        struct key key = page_at(s, page)->key;
        if (key.f.v == f.v && (key.role & ROLE_TABLE))
            break;
    }
    return page;
}

static void free_push(struct shadow *s, u32 page)
{
    struct spage *p = page_at(s, page);

    p->used = false;
    p->present = 0;
    p->next = s->free;
    s->free = page;
}

/* One more record with its frames. */
static bool grow(struct shadow *s)
{
    struct spage *p;
    mfn_t table, links;

    if (s->made == s->max_pages || !shadow_frame(s, &table))
        return false;
    if (!shadow_frame(s, &links)) {
        frame_free(s->frames, table);
        return false;
    }
    p = page_at(s, ++s->made);
    *p = (struct spage){.mfn = table, .links = links};
    free_push(s, s->made);
    return true;
}

void pages_reserve(struct shadow *s, u32 n)
{
    while (s->made - s->stats.pages < n) {
        if (grow(s))
            continue;
        s->why = SHADOW_BY_NO_ROOM;
        pages_drop_all(s);
        return;
    }
}

static void trace(struct shadow *s, gfn_t f)
{
    struct p2m_entry entry = p2m_lookup(s->p2m, f);

    p2m_set_trace(s->p2m, f, entry.trace | TRACE_PAGE_TABLE);
    if (entry.kind != P2M_RAM || entry.trace)
        return;
    leaves_protect(s, entry.mfn);
    tell_traced(s);
}

static void untrace(struct shadow *s, gfn_t f)
{
    u32 reasons = p2m_lookup(s->p2m, f).trace;

    p2m_set_trace(s->p2m, f, reasons & ~(u32)TRACE_PAGE_TABLE);
}

u32 page_get(struct shadow *s, struct key key)
{
    u32 page = page_find(s, key), *chain = chain_of(s, key.f);
    struct spage *p;

    if (page)
        return page;
    page = s->free;
    CHECK(page);
    p = page_at(s, page);
    s->free = p->next;
    *p = (struct spage){.mfn = p->mfn,
                        .links = p->links,
                        .key = key,
                        .next = *chain,
                        .used = true};
    *chain = page;
    s->stats.pages++;
    if (key.role & ROLE_TABLE)
        trace(s, key.f);
    return page;
}

static void unchain(struct shadow *s, u32 page)
{
    u32 *at = chain_of(s, page_at(s, page)->key.f);

    while (*at != page)
        at = &page_at(s, *at)->next;
    *at = page_at(s, page)->next;
}

/* Nothing leads to the page any more. */
static void unlink_parents(struct shadow *s, u32 page)
{
    struct spage *p = page_at(s, page);
    u32 quad = role_quad(p->key.role), ref;

    if (p->key.role & ROLE_DIR) {
        if (s->dir[quad] != page)
            return;
        s->dir[quad] = 0;
        s->pdpt[quad] = 0;
        flush_note_all(s);
        return;
    }
    while ((ref = rmap_first(s, p->mfn)))
        entry_zap(s, ref);
}

void page_drop(struct shadow *s, u32 page)
{
    struct spage *p = page_at(s, page);
    struct key key = p->key;

    unlink_parents(s, page);
    for (u32 i = 0; i < SHADOW_ENTRIES && p->present; i++)
        entry_zap(s, ref_make(page, i));
    unchain(s, page);
    s->stats.pages--;
    tell_dropped(s, key.f);
    free_push(s, page);
    if ((key.role & ROLE_TABLE) && !page_of_table(s, key.f, 0))
        untrace(s, key.f);
}

void pages_let_go(struct shadow *s, gfn_t f)
{
    u32 page;

    while ((page = page_of_table(s, f, 0)))
        page_drop(s, page);
}

void pages_drop_all(struct shadow *s)
{
    tell_dropped_all(s);
    memset(s->pdpt, 0, SHADOW_DIRS * sizeof(*s->pdpt));
    memset(s->dir, 0, sizeof(s->dir));
    cells_clear(s, &s->rmap);
    cells_clear(s, &s->lengths);
    cells_clear(s, &s->roles);
    for (u32 i = 1; i <= s->made; i++) {
        struct spage *p = page_at(s, i);
        if (!p->used)
            continue;
        if (p->present)
            memset(page_table(s, p), 0, PAGE_SIZE);
        if (p->key.role & ROLE_TABLE)
            untrace(s, p->key.f);
        free_push(s, i);
    }
    s->stats.pages = 0;
    s->stats.drops++;
    flush_note_all(s);
}

/* Cells for n things, a power of two of frames, as hash_cell() wants it. */
static u32 cells_for(u32 n, u32 most)
{
    u32 cells = CELLS_PER_FRAME;

    while (cells < n && cells < most)
        cells *= 2;
    return cells;
}

bool pages_init(struct shadow *s)
{
    u32 most = CELLS_FRAMES * CELLS_PER_FRAME;
    u32 chains = cells_for(s->p2m->ram_frames, most);

    s->max_pages = min_u32(s->max_pages, SHADOW_CAPACITY - 1);
    if (!cells_init(s, &s->rmap, chains) ||
        !cells_init(s, &s->lengths, chains) ||
        !cells_init(s, &s->roles, cells_for(s->max_pages, most)))
        return false;
    while (s->meta_frames * SPAGES_PER_FRAME <= s->max_pages) {
        if (!shadow_frame(s, &s->meta[s->meta_frames]))
            return false;
        s->meta_frames++;
    }
    while (s->made < SHADOW_PAGES_LEAST) {
        if (!grow(s))
            return false;
    }
    return true;
}

void pages_destroy(struct shadow *s)
{
    pages_drop_all(s);
    for (; s->made; s->made--) {
        frame_free(s->frames, page_at(s, s->made)->links);
        frame_free(s->frames, page_at(s, s->made)->mfn);
    }
    while (s->meta_frames)
        frame_free(s->frames, s->meta[--s->meta_frames]);
    cells_destroy(s, &s->roles);
    cells_destroy(s, &s->lengths);
    cells_destroy(s, &s->rmap);
}
