/* SPDX-License-Identifier: MIT
 *
 * Shadow pages that outlive CR3 loads, kept true by watching guest tables.
 *
 * A guest table that is shadowed is traced: writing it faults, the VMM does
 * the write and calls written(), and the shadow entries made from the words
 * that changed go (they come back by a fault). So a shadow entry is never
 * stale, INVLPG has nothing to do but on the CPU, and a CR3 load finds its
 * four directories by their key.
 *
 * Only the VMM itself changes guest tables behind the traces' back, when it
 * sets A and D bits. That never takes rights away, so entries stay true.
 *
 * Tables come and go: the guest frees one and the frame becomes data, which
 * would then be written by trap for ever. Two ways out. A leaf table that no
 * directory refers to after a directory entry was written is dropped
 * (SHADOW_OPT_REAP). A table written FLOOD_WRITES times without being used
 * for a fill in between is dropped, too (SHADOW_OPT_FLOOD); if it is a table
 * after all, the next fault makes it again.
 */
#include "vmm/mm/audit.h"
#include "vmm/mm/cached.h"

#define FLOOD_WRITES    8
#define GUEST_QUARTER   256u /* guest entries that a shadow directory covers */
#define GUEST_HALF      512u /* guest entries that a shadow table covers */
#define SHADOWS_PER_PDE 2u

/* The directory for a quarter of the linear space. */
static struct key dir_key(const struct shadow *s, u32 quad)
{
    struct key key = {.role = ROLE_DIR | quad << ROLE_QUAD_SHIFT};

    if (!s->mode.on)
        return key;
    key.f = p2m_frame(s->p2m, gpa(s->mode.g_cr3));
    if (s->mode.pae)
        key.role |= ROLE_PAE;
    key.role |=
        ROLE_TABLE | (s->mode.wp ? ROLE_WP : 0) | (s->mode.pse ? ROLE_PSE : 0);
    return key;
}

static u32 region_role(const struct shadow *s, u32 region)
{
    if (!guards_in(&s->guards, region))
        return 0;
    return ROLE_GUARDED | region << ROLE_REGION_SHIFT;
}

/* The leaf table for half of a guest directory entry, that of this region,
 * under the modes of the directory's role. */
static struct key table_key(const struct shadow *s, u32 dir_role, u32 g_pde,
                            u32 region)
{
    struct key key = {.role = dir_role & (ROLE_WP | ROLE_PSE)};
    u32 half = region % SHADOWS_PER_PDE;

    key.role |= region_role(s, region);
    key.role |= g_pde & PTE_U ? ROLE_USER : 0;
    key.role |= g_pde & PTE_W ? ROLE_WRITE : 0;
    if ((g_pde & PTE_PS) && (dir_role & ROLE_PSE)) {
        key.f = gfn((g_pde & PDE32_LARGE) >> PAGE_SHIFT);
        key.f.v += half * SHADOW_ENTRIES;
        key.role |= ROLE_LARGE | (g_pde & PTE_D ? ROLE_DIRTY : 0);
    } else {
        key.f = p2m_frame(s->p2m, gpa(g_pde));
        key.role |= ROLE_TABLE | half << ROLE_QUAD_SHIFT;
    }
    return key;
}

static struct key leaf_key(const struct shadow *s, gva_t at,
                           const struct walk *walk)
{
    u32 region = at.v >> SHADOW_TABLE_SHIFT;
    u32 dir_role;

    if (!s->mode.on)
        return (struct key){gfn(region * SHADOW_ENTRIES),
                            region_role(s, region)};
    dir_role = dir_key(s, at.v >> SHADOW_DIR_SHIFT).role;
    return table_key(s, dir_role, walk->g_pde, region);
}

static void point(struct shadow *s, u32 quad, u32 page)
{
    s->dir[quad] = page;
    s->pdpt[quad] = page ? shadow_link(page_at(s, page)->mfn) : 0;
}

static void cached_enter(struct shadow *s)
{
    bool hit = false;

    if (!(s->opts & SHADOW_OPT_KEEP))
        pages_drop_all(s);
    for (u32 quad = 0; quad < SHADOW_DIRS; quad++) {
        u32 page = page_find(s, dir_key(s, quad));
        point(s, quad, page);
        if (!page)
            continue;
        page_at(s, page)->writes = 0;
        hit = true;
    }
    s->stats.root_hits += hit;
    flush_note_all(s);
}

static void cached_invlpg(struct shadow *s, gva_t at)
{
    flush_note(s, at);
}

/* The leaf table that a directory's entry should link to, linked. */
static u32 table_linked(struct shadow *s, u32 ref, struct key key)
{
    u32 page = page_get(s, key);
    u64 link = link_make(page_at(s, page)->mfn, page);

    if (shadow_mfn(*ref_at(s, ref)).v == page_at(s, page)->mfn.v)
        return page;
    entry_zap(s, ref);
    entry_put(s, ref, link);
    page_at(s, ref_page(ref))->writes = 0;
    return page;
}

static struct shadow_slot cached_slot(struct shadow *s, gva_t at,
                                      const struct walk *walk)
{
    u32 quad = at.v >> SHADOW_DIR_SHIFT, ref, page;

    pages_reserve(s, 2);
    if (!s->dir[quad])
        point(s, quad, page_get(s, dir_key(s, quad)));
    ref = ref_make(s->dir[quad], at.v >> SHADOW_TABLE_SHIFT & SHADOW_INDEX);
    page = table_linked(s, ref, leaf_key(s, at, walk));
    ref = ref_make(page, at.v >> PAGE_SHIFT & SHADOW_INDEX);
    return (struct shadow_slot){ref_at(s, ref), ref};
}

static void cached_set(struct shadow *s, gva_t at, struct shadow_slot slot,
                       u64 leaf)
{
    u64 old = *slot.entry;

    page_at(s, ref_page(slot.ref))->writes = 0;
    if (!(old & PTE_P) || shadow_mfn(old).v != shadow_mfn(leaf).v) {
        entry_zap(s, slot.ref);
        entry_put(s, slot.ref, leaf);
        return;
    }
    *slot.entry = leaf;
    if (old & ~leaf & (PTE_W | PTE_U))
        leaf_flush(s, slot.ref);
}

static void cached_protect(struct shadow *s, gfn_t f)
{
    struct p2m_entry entry = p2m_lookup(s->p2m, f);

    if (entry.kind == P2M_RAM)
        leaves_protect(s, entry.mfn);
}

static u32 guest_word(const struct shadow *s, gfn_t f, u32 index)
{
    return get_le32(p2m_ptr(s->p2m, gpa(gfn_to_gpa(f).v + index * 4)));
}

/* Does a leaf grant no more than its guest entry's new value? */
static bool leaf_holds(const struct shadow *s, u32 role, u64 leaf, u32 g_pte)
{
    bool write = (g_pte & PTE_W) && (role & ROLE_WRITE);

    if (!(g_pte & PTE_P) || !(g_pte & PTE_A))
        return false;
    if ((role & ROLE_PSE) && (g_pte & PTE32_PAT))
        return false;
    if ((leaf & PTE_U) && !(g_pte & PTE_U))
        return false;
    if ((leaf & PTE_W) && !(g_pte & PTE_D))
        return false;
    if ((leaf & PTE_W) && !write && ((role & ROLE_WP) || (leaf & PTE_U)))
        return false;
    return p2m_ptr(s->p2m, gpa(g_pte & PTE32_ADDR)) ==
           (u8 *)shadow_table(s, leaf);
}

static void leaf_written(struct shadow *s, u32 page, u32 index)
{
    struct key key = page_at(s, page)->key;
    u32 ref = ref_make(page, index % GUEST_HALF);

    if (index / GUEST_HALF != role_quad(key.role) || !(*ref_at(s, ref) & PTE_P))
        return;
    if ((s->opts & SHADOW_OPT_SAME) &&
        leaf_holds(s, key.role, *ref_at(s, ref), guest_word(s, key.f, index)))
        return;
    entry_zap(s, ref);
}

/* Does a link lead where the guest's new directory entry says? */
static bool link_holds(const struct shadow *s, u32 role, u64 link, u32 g_pde,
                       u32 region)
{
    struct key is = page_at(s, link_page(link))->key;
    struct key want = table_key(s, role, g_pde, region);

    if (!(g_pde & PTE_P) || !(g_pde & PTE_A))
        return false;
    if ((want.role & ROLE_LARGE) &&
        (g_pde & (PDE32_RSVD | PDE32_PSE36 | PDE32_PAT)))
        return false;
    return is.f.v == want.f.v && is.role == want.role;
}

static void link_zap(struct shadow *s, u32 ref)
{
    u32 child = link_page(*ref_at(s, ref));

    entry_zap(s, ref);
    if (!(s->opts & SHADOW_OPT_REAP) || rmap_first(s, page_at(s, child)->mfn))
        return;
    s->why = SHADOW_BY_REAP;
    page_drop(s, child);
    s->why = SHADOW_BY_WRITE;
}

static void dir_written(struct shadow *s, u32 page, u32 index)
{
    struct key key = page_at(s, page)->key;

    if (index / GUEST_QUARTER != role_quad(key.role))
        return;
    for (u32 half = 0; half < SHADOWS_PER_PDE; half++) {
        u32 region = index * SHADOWS_PER_PDE + half;
        u32 ref = ref_make(page, region & SHADOW_INDEX);
        u64 link = *ref_at(s, ref);
        if (!(link & PTE_P))
            continue;
        if ((s->opts & SHADOW_OPT_SAME) &&
            link_holds(s, key.role, link, guest_word(s, key.f, index), region))
            continue;
        link_zap(s, ref);
    }
}

static void page_written(struct shadow *s, u32 page, u32 first, u32 last)
{
    bool dir = (page_at(s, page)->key.role & ROLE_DIR) != 0;

    for (u32 i = first; i <= last; i++) {
        if (dir)
            dir_written(s, page, i);
        else
            leaf_written(s, page, i);
    }
}

/* The bytes [from, to] of one guest table changed. */
static void table_written(struct shadow *s, gfn_t f, u32 from, u32 to)
{
    bool flood = false;

    for (u32 page = 0; (page = page_of_table(s, f, page));) {
        struct spage *p = page_at(s, page);
        flood |= p->writes++ >= FLOOD_WRITES;
        page_written(s, page, from / 4, to / 4);
    }
    if (!flood || !(s->opts & SHADOW_OPT_FLOOD))
        return;
    s->why = SHADOW_BY_FLOOD;
    pages_let_go(s, f);
}

static void cached_written(struct shadow *s, gpa_t at, u32 size)
{
    for (u32 i = 0, n; i < size; i += n) {
        gpa_t from = gpa(at.v + i);
        u32 byte = from.v & PAGE_MASK;
        n = min_u32(size - i, PAGE_SIZE - byte);
        if (p2m_ptr(s->p2m, from))
            table_written(s, gpa_to_gfn(from), byte, byte + n - 1);
    }
}

const struct shadow_policy shadow_cached = {
    .init = pages_init,
    .destroy = pages_destroy,
    .enter = cached_enter,
    .invlpg = cached_invlpg,
    .slot = cached_slot,
    .set = cached_set,
    .protect = cached_protect,
    .written = cached_written,
    .let_go = pages_let_go,
    .audit = audit_cached,
};
