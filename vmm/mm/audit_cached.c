/* SPDX-License-Identifier: MIT
 *
 * The audit of the cached policy: every page in use is checked, whether or
 * not the current directories lead to it, because a CR3 load may bring it
 * back without a look at the guest's tables.
 *
 *  - each leaf and each link is what the guest's word grants now;
 *  - a page is found by its key, and its guest table is traced; no frame is
 *    traced as a page table for which there is no page;
 *  - the reverse map holds each present entry once, in the right chain, and
 *    nothing else;
 *  - a leaf table of a region with guards serves that region alone, and its
 *    leaves keep what is guarded;
 *  - pages, free list and frames add up.
 */
#include "vmm/mm/audit.h"
#include "vmm/mm/cached.h"

#define FLOATING_BUS 0xffffffffu

struct cached_audit {
    struct audit a;
    u32 used, entries, tables;
};

/* Guest word `index` of table f, and whether its frame is RAM. */
static u32 word_of(const struct shadow *s, gfn_t f, u32 index, bool *ram)
{
    const u8 *at = p2m_ptr(s->p2m, gpa(gfn_to_gpa(f).v + index * 4));

    *ram = p2m_lookup(s->p2m, f).kind == P2M_RAM;
    return at ? get_le32(at) : FLOATING_BUS;
}

static struct audit_grant table_grant(const struct shadow *s, struct key key,
                                      u32 entry)
{
    bool ram;
    u32 pte = word_of(s, key.f, role_quad(key.role) * 512 + entry, &ram);

    return (struct audit_grant){
        .present = (pte & PTE_P) && ((pte & PTE_A) || !ram) &&
                   !((pte & PTE32_PAT) && (key.role & ROLE_PSE)),
        .user = (pte & PTE_U) && (key.role & ROLE_USER),
        .write = (pte & PTE_W) && (key.role & ROLE_WRITE),
        .dirty = (pte & PTE_D) || !ram,
        .wp = (key.role & ROLE_WP) != 0,
        .f = gfn(pte >> PAGE_SHIFT),
    };
}

/* A large page, or all rights when paging is off. */
static struct audit_grant run_grant(struct key key, u32 entry)
{
    bool large = (key.role & ROLE_LARGE) != 0;

    return (struct audit_grant){
        .present = true,
        .user = !large || (key.role & ROLE_USER),
        .write = !large || (key.role & ROLE_WRITE),
        .dirty = !large || (key.role & ROLE_DIRTY),
        .wp = (key.role & ROLE_WP) != 0,
        .f = gfn(key.f.v + entry),
    };
}

/* What says in a role that a table may serve this region. */
static u32 region_bits(const struct shadow *s, u32 region)
{
    for (u32 i = 0; guards_any(&s->guards) && i < SHADOW_ENTRIES; i++) {
        if (guards_at(&s->guards, region * SHADOW_ENTRIES + i))
            return ROLE_GUARDED | region << ROLE_REGION_SHIFT;
    }
    return 0;
}

/* Is `child` the page for half `half` of this guest directory entry? */
static bool child_fits(const struct shadow *s, struct key child, u32 dir_role,
                       u32 pde, u32 half, bool ram)
{
    u32 modes = ROLE_WP | ROLE_PSE;
    bool large = (pde & PTE_PS) && (dir_role & ROLE_PSE);

    if (!(pde & PTE_P) || (ram && !(pde & PTE_A)))
        return false;
    if ((child.role & modes) != (dir_role & modes))
        return false;
    if (!(child.role & ROLE_USER) != !(pde & PTE_U) ||
        !(child.role & ROLE_WRITE) != !(pde & PTE_W))
        return false;
    if (!large)
        return (child.role & ROLE_TABLE) &&
               child.f.v == p2m_frame(s->p2m, gpa(pde)).v &&
               role_quad(child.role) == half;
    if ((pde & 0x003ff000) ||
        ((child.role & ROLE_DIRTY) && ram && !(pde & PTE_D)))
        return false;
    return (child.role & ROLE_LARGE) &&
           child.f.v == (pde >> PAGE_SHIFT) + half * 512;
}

static bool link_fits(const struct shadow *s, struct key dir, u32 entry,
                      struct key child)
{
    u32 quad = role_quad(dir.role), pde, bits;
    bool ram;

    bits = region_bits(s, quad * SHADOW_ENTRIES + entry);
    if ((child.role & ROLE_DIR) ||
        (child.role & ~(BIT(ROLE_QUAD_SHIFT + 2) - 1)) != bits)
        return false;
    if (!(dir.role & ROLE_TABLE))
        return child.role == bits && child.f.v == (quad * 512 + entry) * 512;
    pde = word_of(s, dir.f, quad * 256 + entry / 2, &ram);
    return child_fits(s, child, dir.role, pde, entry % 2, ram);
}

static void check_link(struct cached_audit *c, const struct spage *p, u32 entry,
                       u64 link)
{
    u32 child = link_page(link);
    u32 at = role_quad(p->key.role) << SHADOW_DIR_SHIFT |
             entry << SHADOW_TABLE_SHIFT;

    if (!audit_table(&c->a, "directory", at, link))
        return;
    if (!child || child > c->a.s->made || !page_at(c->a.s, child)->used ||
        page_at(c->a.s, child)->mfn.v != shadow_mfn(link).v)
        audit_say(&c->a,
                  "The directory entry for 0x%08x names page %u, which "
                  "is not the one it points to",
                  at, child);
    else if (!link_fits(c->a.s, p->key, entry, page_at(c->a.s, child)->key))
        audit_say(&c->a,
                  "The directory entry for 0x%08x, made from guest "
                  "frame 0x%x, leads to a table of guest frame 0x%x "
                  "and role 0x%x that it should not lead to",
                  at, p->key.f.v, page_at(c->a.s, child)->key.f.v,
                  page_at(c->a.s, child)->key.role);
}

static void check_leaf(struct cached_audit *c, const struct spage *p, u32 entry,
                       u64 leaf)
{
    struct audit_grant g = p->key.role & ROLE_TABLE
                               ? table_grant(c->a.s, p->key, entry)
                               : run_grant(p->key, entry);

    u32 at = entry << PAGE_SHIFT;

    if (p->key.role & ROLE_GUARDED)
        at |= p->key.role >> ROLE_REGION_SHIFT << SHADOW_TABLE_SHIFT;
    audit_leaf(&c->a, at, leaf);
    if (p->key.role & ROLE_GUARDED)
        audit_guards(&c->a, at, leaf);
    else if (leaf & PTE64_NX)
        audit_say(&c->a, "The leaf for 0x%08x says NX without a guard", at);
    audit_granted(&c->a, at, leaf, &g);
}

/* A present entry is linked to neighbours that are linked back. */
static void check_chain(struct cached_audit *c, u32 page, u32 entry, u64 value)
{
    const struct shadow *s = c->a.s;
    const struct link *links = frame_ptr(s->frames, page_at(s, page)->links);
    u32 ref = ref_make(page, entry), before;

    if (links[entry].prev) {
        const struct link *row = frame_ptr(
            s->frames, page_at(s, ref_page(links[entry].prev))->links);
        before = row[ref_entry(links[entry].prev)].next;
    } else {
        before = *cell(s, &s->rmap, hash_cell(&s->rmap, shadow_mfn(value).v));
    }
    if (before != ref)
        audit_say(&c->a, "Entry %u of page %u is not in the reverse map", entry,
                  page);
}

static void check_entries(struct cached_audit *c, u32 page)
{
    const struct spage *p = page_at(c->a.s, page);
    const u64 *table = page_table(c->a.s, p);
    u32 present = 0;

    for (u32 i = 0; i < SHADOW_ENTRIES; i++) {
        if (!(table[i] & PTE_P)) {
            if (table[i])
                audit_say(&c->a, "Entry %u of page %u is not clean", i, page);
            continue;
        }
        present++;
        check_chain(c, page, i, table[i]);
        if (p->key.role & ROLE_DIR)
            check_link(c, p, i, table[i]);
        else
            check_leaf(c, p, i, table[i]);
    }
    c->entries += present;
    if (present != p->present)
        audit_say(&c->a, "Page %u has %u entries, %u are counted", page,
                  present, p->present);
}

/* The page is found by its key, and watched. */
static void check_page(struct cached_audit *c, u32 page)
{
    const struct shadow *s = c->a.s;
    const struct spage *p = page_at(s, page);
    struct p2m_entry entry = p2m_lookup(s->p2m, p->key.f);
    bool memory = entry.kind == P2M_RAM || entry.kind == P2M_ROM;

    if (page_find(s, p->key) != page)
        audit_say(&c->a, "Page %u is not found by its key", page);
    if (!(p->key.role & ROLE_TABLE) || !memory)
        return;
    if (!(entry.trace & TRACE_PAGE_TABLE))
        audit_say(&c->a,
                  "Guest frame 0x%x is a page table with a shadow, but "
                  "is not watched",
                  p->key.f.v);
    if (page_of_table(s, p->key.f, 0) == page)
        c->tables++;
}

static void check_pages(struct cached_audit *c)
{
    const struct shadow *s = c->a.s;

    for (u32 i = 1; i <= s->made; i++) {
        if (!page_at(s, i)->used)
            continue;
        c->used++;
        check_page(c, i);
        check_entries(c, i);
    }
}

/* The current directories are those of the current mode. */
static void check_current(struct cached_audit *c)
{
    const struct shadow *s = c->a.s;

    for (u32 quad = 0; quad < SHADOW_DIRS; quad++) {
        u32 page = s->dir[quad], want = ROLE_DIR | quad << ROLE_QUAD_SHIFT;
        gfn_t f = p2m_frame(s->p2m, gpa(s->mode.on ? s->mode.g_cr3 : 0));
        if (s->mode.on)
            want |= ROLE_TABLE | (s->mode.wp ? ROLE_WP : 0) |
                    (s->mode.pse ? ROLE_PSE : 0) | (s->mode.pae ? ROLE_PAE : 0);
        if (!page && !s->pdpt[quad])
            continue;
        if (!page || !page_at(s, page)->used ||
            page_at(s, page)->mfn.v != shadow_mfn(s->pdpt[quad]).v ||
            page_at(s, page)->key.f.v != f.v ||
            page_at(s, page)->key.role != want)
            audit_say(&c->a,
                      "PDPT entry %u does not lead to the directory of "
                      "the current mode",
                      quad);
        else
            audit_table(&c->a, "PDPT", quad << SHADOW_DIR_SHIFT, s->pdpt[quad]);
    }
}

/* Sums over everything: chains, free list, watched tables, frames. */
static void check_sums(struct cached_audit *c)
{
    const struct shadow *s = c->a.s;
    u32 chained = 0, idle = 0, watched = 0;

    for (u32 i = 0; i < s->rmap.frames * CELLS_PER_FRAME; i++) {
        u32 ref = *cell(s, &s->rmap, i), before = chained;
        while (ref && chained <= c->entries) {
            const struct link *row =
                frame_ptr(s->frames, page_at(s, ref_page(ref))->links);
            chained++;
            ref = row[ref_entry(ref)].next;
        }
        if (chained - before != *cell(s, &s->lengths, i))
            audit_say(&c->a, "Chain %u has %u entries, %u are counted", i,
                      chained - before, *cell(s, &s->lengths, i));
    }
    for (u32 i = s->free; i && idle <= s->made; i = page_at(s, i)->next)
        idle++;
    for (gfn_t f = gfn(0); p2m_next_traced(s->p2m, TRACE_PAGE_TABLE, &f); f.v++)
        watched++;
    if (chained != c->entries)
        audit_say(&c->a, "The reverse map holds %u entries, %u are present",
                  chained, c->entries);
    if (c->used != s->stats.pages || c->used + idle != s->made)
        audit_say(&c->a, "%u pages are in use and %u free, of %u", c->used,
                  idle, s->made);
    if (watched != c->tables)
        audit_say(&c->a, "%u frames are watched as page tables, %u are",
                  watched, c->tables);
}

u32 audit_cached(const struct shadow *s, const struct sink *sink)
{
    struct cached_audit c = {.a = {.s = s, .sink = sink}};

    audit_root(&c.a);
    check_current(&c);
    check_pages(&c);
    check_sums(&c);
    audit_frames(&c.a, 2 + s->meta_frames + s->rmap.frames + s->lengths.frames +
                           s->roles.frames + 2 * s->made);
    return c.a.count;
}
