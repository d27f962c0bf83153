/* SPDX-License-Identifier: MIT
 *
 * shadow_audit(): is the shadow what the guest's tables, the p2m and the
 * traces say it may be? This file has the checks that every policy shares,
 * and those of vtlb; audit_cached.c has the rest.
 *
 * Two kinds of property. Safety holds for each leaf whatever the guest did:
 * it maps a guest frame of this VM, not writable when somebody watches it.
 * Truth: it grants what the guest's tables grant now. For vtlb, truth is only
 * due after a flush, so audit_vtlb() asks for safety and audit_vtlb_exact()
 * for both.
 *
 * The audit trusts nothing: an entry that points to a frame that is not a
 * shadow frame of this VM is reported and not followed.
 */
#include "vmm/mm/audit.h"
#include "vmm/base/bits.h"

#define PML4_SHARED 256

void audit_say(struct audit *a, const char *format, ...)
{
    va_list args;

    a->count++;
    if (!a->sink)
        return;
    va_start(args, format);
    fmt_vsink(a->sink, format, args);
    va_end(args);
    fmt_sink(a->sink, ".\n");
}

static bool owned(const struct audit *a, mfn_t m, enum frame_use use)
{
    const struct frames *f = a->s->frames;

    return m.v < f->count && f->info[m.v].use == use &&
           f->info[m.v].owner == a->s->owner;
}

const u64 *audit_table(struct audit *a, const char *what, u32 at, u64 entry)
{
    mfn_t m = shadow_mfn(entry);

    if (!owned(a, m, FRAME_SHADOW)) {
        audit_say(a,
                  "The %s entry for 0x%08x points to machine frame 0x%x, "
                  "which is not a shadow frame of this VM",
                  what, at, m.v);
        return NULL;
    }
    if ((entry & (PTE_W | PTE_U)) != (PTE_W | PTE_U) || (entry & PTE64_NX))
        audit_say(a, "The %s entry for 0x%08x takes rights away", what, at);
    return frame_ptr(a->s->frames, m);
}

void audit_leaf(struct audit *a, u32 at, u64 leaf)
{
    mfn_t m = shadow_mfn(leaf);

    if (!owned(a, m, FRAME_GUEST))
        audit_say(a,
                  "The leaf for 0x%08x maps machine frame 0x%x, which is "
                  "not a guest frame of this VM",
                  at, m.v);
    if (leaf & PTE_G)
        audit_say(a, "The leaf for 0x%08x is global", at);
}

void audit_guards(struct audit *a, u32 at, u64 leaf)
{
    u32 what = guards_at(&a->s->guards, at >> PAGE_SHIFT);

    if (what & GUARD_READ)
        audit_say(a, "The leaf for 0x%08x maps a page that is guarded", at);
    if ((what & GUARD_WRITE) && (leaf & PTE_W))
        audit_say(a,
                  "The leaf for 0x%08x is writable, but writes of it are "
                  "guarded",
                  at);
    if (!(what & GUARD_FETCH) != !(leaf & PTE64_NX))
        audit_say(a, "The leaf for 0x%08x says %s, but fetches from it are %s",
                  at, leaf & PTE64_NX ? "NX" : "no NX",
                  what & GUARD_FETCH ? "guarded" : "not guarded");
}

/* The right frame, and writable only when nobody minds. */
static void check_target(struct audit *a, u32 at, u64 leaf, gfn_t f)
{
    struct p2m_entry to = p2m_lookup(a->s->p2m, f);

    if (to.kind != P2M_RAM && to.kind != P2M_ROM) {
        audit_say(a,
                  "The leaf for 0x%08x maps guest frame 0x%x, which has "
                  "no memory",
                  at, f.v);
        return;
    }
    if (to.mfn.v != shadow_mfn(leaf).v)
        audit_say(a,
                  "The leaf for 0x%08x maps machine frame 0x%x, but guest "
                  "frame 0x%x is machine frame 0x%x",
                  at, shadow_mfn(leaf).v, f.v, to.mfn.v);
    if ((leaf & PTE_W) && (to.kind == P2M_ROM || to.trace))
        audit_say(a,
                  "The leaf for 0x%08x is writable, but guest frame 0x%x "
                  "is %s (trace reasons 0x%x)",
                  at, f.v, to.kind == P2M_ROM ? "ROM" : "watched", to.trace);
}

void audit_granted(struct audit *a, u32 at, u64 leaf,
                   const struct audit_grant *grant)
{
    bool write = (leaf & PTE_W) != 0, user = (leaf & PTE_U) != 0;

    if (!grant->present) {
        audit_say(a,
                  "The leaf for 0x%08x is present, the guest's is not, or "
                  "has not been accessed",
                  at);
        return;
    }
    check_target(a, at, leaf, grant->f);
    if (user && !grant->user)
        audit_say(a,
                  "The leaf for 0x%08x is open to user programs, the "
                  "guest's is not",
                  at);
    if (write && !grant->dirty)
        audit_say(a,
                  "The leaf for 0x%08x is writable, but the guest's dirty "
                  "bit is clear",
                  at);
    if (write && !grant->write && (grant->wp || user))
        audit_say(a, "The leaf for 0x%08x is writable, the guest's is not", at);
}

void audit_root(struct audit *a)
{
    const struct shadow *s = a->s;
    const u64 *pml4 = frame_ptr(s->frames, s->root);

    if (!(pml4[0] & PTE_P) || shadow_mfn(pml4[0]).v != s->pdpt_frame.v ||
        frame_ptr(s->frames, s->pdpt_frame) != s->pdpt)
        audit_say(a, "PML4 entry 0 does not point to the PDPT");
    for (u32 i = 1; i < SHADOW_ENTRIES; i++) {
        u64 want = 0;
        if (i >= PML4_SHARED && s->host_pml4)
            want = s->host_pml4[i];
        if ((pml4[i] ^ want) & ~(u64)PTE_A)
            audit_say(a, "PML4 entry %u differs from the VMM's", i);
    }
    for (u32 i = SHADOW_DIRS; i < SHADOW_ENTRIES; i++) {
        if (s->pdpt[i])
            audit_say(a, "PDPT entry %u, above 4 GiB, is not empty", i);
    }
}

void audit_frames(struct audit *a, u32 want)
{
    u32 got = frames_owned(a->s->frames, a->s->owner, FRAME_SHADOW);

    if (got != want)
        audit_say(a, "%u shadow frames are owned, %u are accounted for", got,
                  want);
}

/* vtlb */

#define WATCHED_MAX 64 /* LIMIT: further watched frames are not looked for */

struct vtlb_audit {
    struct audit a;
    bool exact;
    u32 watched;
    mfn_t watched_mfn[WATCHED_MAX];
};

static void collect_watched(struct vtlb_audit *v)
{
    const struct p2m *p = v->a.s->p2m;

    for (gfn_t f = gfn(0); p2m_next_traced(p, TRACE_ALL, &f); f.v++) {
        if (v->watched < WATCHED_MAX)
            v->watched_mfn[v->watched++] = p2m_lookup(p, f).mfn;
    }
}

static bool in_ram(const struct shadow *s, gpa_t at)
{
    return p2m_lookup(s->p2m, gpa_to_gfn(at)).kind == P2M_RAM;
}

/* What the guest's tables say about a page now. No access is made, so the
 * walk asks for no right; marks cannot be made outside RAM. */
static struct audit_grant grant_now(const struct shadow *s, u32 at)
{
    struct audit_grant g = {.wp = s->mode.wp};
    struct walk w;
    u32 leaf;

    if (walk_guest(s->p2m, &s->mode, gva(at), 0, &w) != WALK_OK)
        return g;
    leaf = w.large ? w.g_pde : w.g_pte;
    g.present = !s->mode.on || (w.g_pde & leaf & PTE_A) ||
                !in_ram(s, w.pde_at) || (!w.large && !in_ram(s, w.pte_at));
    g.user = w.user;
    g.write = w.write;
    g.dirty = w.dirty || !in_ram(s, w.large ? w.pde_at : w.pte_at);
    g.f = gpa_to_gfn(w.at);
    return g;
}

static void vtlb_leaf(struct vtlb_audit *v, u32 at, u64 leaf)
{
    struct audit_grant g;

    audit_leaf(&v->a, at, leaf);
    audit_guards(&v->a, at, leaf);
    for (u32 i = 0; i < v->watched; i++) {
        if ((leaf & PTE_W) && shadow_mfn(leaf).v == v->watched_mfn[i].v)
            audit_say(&v->a,
                      "The leaf for 0x%08x maps a watched frame "
                      "writable",
                      at);
    }
    if (!v->exact)
        return;
    g = grant_now(v->a.s, at);
    audit_granted(&v->a, at, leaf, &g);
}

static void vtlb_table(struct vtlb_audit *v, u32 at, const u64 *table)
{
    for (u32 i = 0; i < SHADOW_ENTRIES; i++, at += PAGE_SIZE) {
        if (table[i] & PTE_P)
            vtlb_leaf(v, at, table[i]);
    }
}

/* Returns the number of tables in and below one directory. */
static u32 vtlb_dir(struct vtlb_audit *v, u32 at, const u64 *dir)
{
    u32 tables = 1;

    for (u32 i = 0; i < SHADOW_ENTRIES; i++, at += BIT(SHADOW_TABLE_SHIFT)) {
        const u64 *table = NULL;
        if (dir[i] & PTE_P)
            table = audit_table(&v->a, "directory", at, dir[i]);
        if (!table)
            continue;
        tables++;
        vtlb_table(v, at, table);
    }
    return tables;
}

static u32 vtlb_audit(const struct shadow *s, const struct sink *sink,
                      bool exact)
{
    struct vtlb_audit v = {.a = {.s = s, .sink = sink}, .exact = exact};
    u32 tables = 0;

    collect_watched(&v);
    audit_root(&v.a);
    for (u32 i = 0; i < SHADOW_DIRS; i++) {
        u32 at = i << SHADOW_DIR_SHIFT;
        const u64 *dir = NULL;
        if (s->pdpt[i] & PTE_P)
            dir = audit_table(&v.a, "PDPT", at, s->pdpt[i]);
        if (dir)
            tables += vtlb_dir(&v, at, dir);
    }
    if (tables != s->stats.pages)
        audit_say(&v.a, "%u tables are linked, %u are counted", tables,
                  (u32)s->stats.pages);
    audit_frames(&v.a, 2 + s->pages.frames + s->made);
    return v.a.count;
}

u32 audit_vtlb(const struct shadow *s, const struct sink *sink)
{
    return vtlb_audit(s, sink, false);
}

u32 audit_vtlb_exact(const struct shadow *s, const struct sink *sink)
{
    return vtlb_audit(s, sink, true);
}
