/* SPDX-License-Identifier: MIT
 *
 * Shadow entries and the reverse map: from a machine frame to every shadow
 * entry that points to it, be it a leaf that maps a guest frame or a
 * directory's link to a shadow table (its "parent").
 *
 * Heads are hashed by machine frame; the entry itself says which frame it is
 * about, so a chain needs no more than next and prev, which lie beside the
 * entry's page. Adding and removing are O(1); finding is O(chain), and chains
 * are about as long as a frame has mappings.
 *
 * Flushing: the CPU has only seen what can be reached through the current
 * four directories, and forgets all of that on a CR3 load. So an entry that
 * is not under a current directory needs no flush, and a leaf needs one for
 * each current link to its table. Removing a link flushes everything: it may
 * stand for 512 pages, and paging-structure caches remember it (SDM vol. 3A
 * 4.10.3).
 *
 * A guest may map one frame as often as it has shadow entries, and every look
 * for mappings would then take so long that the other guests notice. So a
 * chain that has CHAIN_MOST entries is emptied before it gets one more; what
 * is needed of it comes back by faults.
 */
#include "vmm/base/check.h"
#include "vmm/mm/cached.h"

/* A table may have thousands of parents, all of other spaces, and a frame
 * thousands of leaves: looking at every pair would stop the machine for
 * seconds. After so many parents, all is flushed without a look. */
#define FLUSH_PARENTS 16

static struct link *link_of(const struct shadow *s, u32 ref)
{
    struct link *row = frame_ptr(s->frames, page_at(s, ref_page(ref))->links);

    return &row[ref_entry(ref)];
}

#define CHAIN_MOST 512

static u32 *head_of(const struct shadow *s, mfn_t m)
{
    return cell(s, &s->rmap, hash_cell(&s->rmap, m.v));
}

static u32 *length_of(const struct shadow *s, mfn_t m)
{
    return cell(s, &s->lengths, hash_cell(&s->lengths, m.v));
}

void rmap_add(struct shadow *s, u32 ref, mfn_t m)
{
    u32 *head = head_of(s, m);
    struct link *link = link_of(s, ref);

    *link = (struct link){.next = *head};
    if (*head)
        link_of(s, *head)->prev = ref;
    *head = ref;
    ++*length_of(s, m);
}

void rmap_remove(struct shadow *s, u32 ref, mfn_t m)
{
    const struct link *link = link_of(s, ref);

    if (link->next)
        link_of(s, link->next)->prev = link->prev;
    if (link->prev)
        link_of(s, link->prev)->next = link->next;
    else
        *head_of(s, m) = link->next;
    --*length_of(s, m);
}

/* The first from ref on that is about m: a chain may hold several frames. */
static u32 about(const struct shadow *s, u32 ref, mfn_t m)
{
    while (ref && shadow_mfn(*ref_at(s, ref)).v != m.v)
        ref = link_of(s, ref)->next;
    return ref;
}

u32 rmap_first(const struct shadow *s, mfn_t m)
{
    return about(s, *head_of(s, m), m);
}

u32 rmap_next(const struct shadow *s, u32 ref, mfn_t m)
{
    return about(s, link_of(s, ref)->next, m);
}

static void chain_empty(struct shadow *s, mfn_t m)
{
    const u32 *head = head_of(s, m);

    flush_note_all(s);
    while (*head)
        entry_zap(s, *head);
}

void entry_put(struct shadow *s, u32 ref, u64 entry)
{
    u64 *at = ref_at(s, ref);

    CHECK(!(*at & PTE_P));
    if (*length_of(s, shadow_mfn(entry)) == CHAIN_MOST)
        chain_empty(s, shadow_mfn(entry));
    *at = entry;
    page_at(s, ref_page(ref))->present++;
    rmap_add(s, ref, shadow_mfn(entry));
}

static bool dir_is_current(const struct shadow *s, u32 page)
{
    return s->dir[role_quad(page_at(s, page)->key.role)] == page;
}

void leaf_flush(struct shadow *s, u32 ref)
{
    mfn_t table = page_at(s, ref_page(ref))->mfn;
    u32 up, seen = 0;

    if (s->flush.all)
        return;
    up = rmap_first(s, table);
    for (; up && !s->flush.all; up = rmap_next(s, up, table)) {
        u32 dir = ref_page(up);
        if (++seen > FLUSH_PARENTS)
            flush_note_all(s);
        if (dir_is_current(s, dir))
            flush_note(s, gva(role_quad(page_at(s, dir)->key.role)
                                  << SHADOW_DIR_SHIFT |
                              ref_entry(up) << SHADOW_TABLE_SHIFT |
                              ref_entry(ref) << PAGE_SHIFT));
    }
}

void entry_zap(struct shadow *s, u32 ref)
{
    struct spage *page = page_at(s, ref_page(ref));
    u64 *at = ref_at(s, ref);

    if (!(*at & PTE_P))
        return;
    if (!(page->key.role & ROLE_DIR))
        leaf_flush(s, ref);
    else if (dir_is_current(s, ref_page(ref)))
        flush_note_all(s);
    rmap_remove(s, ref, shadow_mfn(*at));
    *at = 0;
    page->present--;
}

void leaves_protect(struct shadow *s, mfn_t m)
{
    for (u32 ref = rmap_first(s, m); ref; ref = rmap_next(s, ref, m)) {
        u64 *at = ref_at(s, ref);
        if (!(*at & PTE_W))
            continue;
        *at &= ~(u64)PTE_W;
        leaf_flush(s, ref);
    }
}
