/* SPDX-License-Identifier: MIT
 *
 * See shadow.h. This is what both policies have in common.
 *
 * One PML4 and one PDPT serve a VM for life; a CR3 load re-points the PDPT's
 * four entries. All rights are in the leaves: upper levels grant everything,
 * a leaf has what both guest levels, the p2m and the traces allow together.
 *
 * What a leaf may say:
 *  - W only onto RAM without a trace reason, and only once the guest's D bit
 *    is set, so that the first write to a clean page is seen (SDM 4.8).
 *  - CR0.WP = 0 lets the guest kernel write pages that are read-only for its
 *    programs (4.6). The CPU runs with WP = 1, so such a page is mapped
 *    writable for the supervisor alone after a supervisor's write, and
 *    read-only for everybody after the next user access: one fault a change.
 *  - never NX, as 32-bit paging has none, but for a page whose fetches are
 *    guarded.
 *
 * A policy keeps at least SHADOW_PAGES_LEAST pages. One instruction can need
 * the pages of its code (2), of a string source and destination (2 and 2) or
 * of an operand and the stack (the same), that is six tables and four
 * directories: it always gets through, even if each fill drops all others'.
 *
 * LIMIT: the guest's cacheability bits are ignored, all RAM is write-back.
 */
#include "vmm/base/bits.h"
#include "vmm/base/check.h"
#include "vmm/base/str.h"
#include "vmm/mm/shadow_priv.h"

#define PML4_SHARED 256 /* entries from here on are the VMM's */

bool shadow_frame(struct shadow *s, mfn_t *out)
{
    return frame_alloc(s->frames, FRAME_SHADOW, s->owner, out);
}

void flush_note(struct shadow *s, gva_t at)
{
    struct shadow_flush *f = &s->flush;

    if (f->count == SHADOW_FLUSH_PAGES || !(s->opts & SHADOW_OPT_PAGE))
        f->all = true;
    else
        f->at[f->count++] = at;
}

void flush_note_all(struct shadow *s)
{
    s->flush.all = true;
}

void tell_traced(struct shadow *s)
{
    if (s->hw.traced)
        s->hw.traced(s->hw.ctx);
}

void tell_dropped(const struct shadow *s, gfn_t f)
{
    if (s->hw.dropped)
        s->hw.dropped(s->hw.ctx, false, f, (u32)s->stats.pages);
}

void tell_dropped_all(const struct shadow *s)
{
    if (s->hw.dropped)
        s->hw.dropped(s->hw.ctx, true, gfn(0), (u32)s->stats.pages);
}

void flush_now(struct shadow *s)
{
    struct shadow_flush *f = &s->flush;

    if (f->all) {
        s->hw.flush_all(s->hw.ctx);
    } else {
        for (u32 i = 0; i < f->count; i++)
            s->hw.flush_page(s->hw.ctx, f->at[i]);
    }
    f->all = false;
    f->count = 0;
}

bool cells_init(struct shadow *s, struct cells *c, u32 n)
{
    u32 frames = (n + CELLS_PER_FRAME - 1) / CELLS_PER_FRAME;

    CHECK(frames <= CELLS_FRAMES);
    for (c->frames = 0; c->frames < frames; c->frames++) {
        if (!shadow_frame(s, &c->frame[c->frames]))
            return false;
    }
    return true;
}

void cells_clear(const struct shadow *s, struct cells *c)
{
    for (u32 i = 0; i < c->frames; i++)
        memset(frame_ptr(s->frames, c->frame[i]), 0, PAGE_SIZE);
}

void cells_destroy(struct shadow *s, struct cells *c)
{
    while (c->frames)
        frame_free(s->frames, c->frame[--c->frames]);
}

/* PML4[0] -> PDPT for the guest, the upper half for the VMM. */
static void root_build(struct shadow *s)
{
    u64 *pml4 = frame_ptr(s->frames, s->root);

    s->pdpt = frame_ptr(s->frames, s->pdpt_frame);
    pml4[0] = shadow_link(s->pdpt_frame);
    if (s->host_pml4)
        memcpy(pml4 + PML4_SHARED, s->host_pml4 + PML4_SHARED,
               PAGE_SIZE - PML4_SHARED * sizeof(*pml4));
}

static const struct shadow_policy *const policies[] = {
    [SHADOW_VTLB] = &shadow_vtlb,
    [SHADOW_CACHED] = &shadow_cached,
};

bool shadow_init(struct shadow *s, enum shadow_policy_id policy,
                 struct frames *frames, struct p2m *p2m, u8 owner,
                 const u64 *host_pml4, const struct shadow_hw *hw,
                 u32 max_pages)
{
    *s = (struct shadow){
        .base = frames->base,
        .frames = frames,
        .p2m = p2m,
        .owner = owner,
        .host_pml4 = host_pml4,
        .hw = *hw,
        .opts = SHADOW_OPT_ALL,
        .policy = policies[policy],
        .max_pages = min_u32(max_pages, SHADOW_CAPACITY),
    };
    if (max_pages < SHADOW_PAGES_LEAST || !shadow_frame(s, &s->root))
        return false;
    if (!shadow_frame(s, &s->pdpt_frame)) {
        frame_free(frames, s->root);
        return false;
    }
    root_build(s);
    s->ready = true;
    if (s->policy->init(s))
        return true;
    shadow_destroy(s);
    return false;
}

void shadow_destroy(struct shadow *s)
{
    if (!s->ready)
        return;
    s->policy->destroy(s);
    guards_destroy(&s->guards);
    frame_free(s->frames, s->pdpt_frame);
    frame_free(s->frames, s->root);
    *s = (struct shadow){.ready = false};
}

hpa_t shadow_root(const struct shadow *s)
{
    return mfn_to_hpa(s->root);
}

void shadow_set_mode(struct shadow *s, const struct paging *mode)
{
    s->why = SHADOW_BY_MODE;
    s->mode = *mode;
    s->policy->enter(s);
    flush_now(s);
}

void shadow_load_cr3(struct shadow *s, u32 g_cr3)
{
    s->why = SHADOW_BY_CR3;
    s->stats.cr3_loads++;
    s->mode.g_cr3 = g_cr3;
    s->policy->enter(s);
    flush_now(s);
}

void shadow_invlpg(struct shadow *s, gva_t at)
{
    s->why = SHADOW_BY_INVLPG;
    s->stats.invlpgs++;
    s->policy->invlpg(s, at);
    flush_now(s);
}

void shadow_forget(struct shadow *s)
{
    u32 opts = s->opts;

    s->why = SHADOW_BY_MEMORY;
    s->opts &= ~(u32)SHADOW_OPT_KEEP;
    s->policy->enter(s);
    s->opts = opts;
    flush_now(s);
}

void shadow_set_guards(struct shadow *s, const struct guards *guards)
{
    guards_destroy(&s->guards);
    s->guards = *guards;
    shadow_forget(s);
}

bool shadow_is_guarded(const struct shadow *s, gva_t at, u32 access)
{
    u32 kept = GUARD_READ;

    if (access & PF_WRITE)
        kept |= GUARD_WRITE;
    if (access & PF_FETCH)
        kept |= GUARD_FETCH;
    return guards_at(&s->guards, at.v >> PAGE_SHIFT) & kept;
}

/* Sets A and D; a page table that is a descriptor table too tells so. */
static void make_marks(struct shadow *s, struct walk *w, u32 access)
{
    walk_mark(s->p2m, &s->mode, w, (access & PF_WRITE) != 0);
    if (!w->watched)
        return;
    s->hw.marked(s->hw.ctx, w->pde_at);
    if (!w->large)
        s->hw.marked(s->hw.ctx, w->pte_at);
}

/* The leaf for a walk whose A and D marks are made. */
static u64 leaf_make(const struct shadow *s, gva_t at, const struct walk *w,
                     u32 access)
{
    u32 kept = guards_at(&s->guards, at.v >> PAGE_SHIFT);
    struct p2m_entry to = p2m_lookup(s->p2m, gpa_to_gfn(w->at));
    bool user = w->user, write = w->write;
    u64 leaf = mfn_to_hpa(to.mfn).v | SHADOW_LEAF;

    if (!write && access == PF_WRITE && !s->mode.wp) {
        write = true;
        user = false;
    }
    if (user)
        leaf |= PTE_U;
    if (write && w->dirty && to.kind == P2M_RAM && !to.trace &&
        !(kept & GUARD_WRITE))
        leaf |= PTE_W;
    if (kept & GUARD_FETCH)
        leaf |= PTE64_NX;
    return leaf;
}

/* Returns the leaf. */
static u64 fill(struct shadow *s, gva_t at, u32 access, struct walk *w)
{
    struct shadow_slot slot;
    u64 leaf;

    s->why = SHADOW_BY_FILL;
    make_marks(s, w, access);
    slot = s->policy->slot(s, at, w);
    /* Only now: making tables may have traced the page itself. */
    leaf = leaf_make(s, at, w, access);
    s->policy->set(s, at, slot, leaf);
    s->stats.fills++;
    return leaf;
}

/* The whole walk: the guest's own fault, or what is at its end. */
static __attribute__((noinline)) enum shadow_answer
fault_walk(struct shadow *s, gva_t at, u32 error, struct shadow_result *out)
{
    u32 access = error & (PF_WRITE | PF_USER);
    struct p2m_entry to;
    struct walk w;

    if (walk_guest(s->p2m, &s->mode, at, access, &w) != WALK_OK) {
        s->stats.true_faults++;
        out->error = w.error;
        return SHADOW_GUEST_FAULT;
    }
    out->at = w.at;
    to = p2m_lookup(s->p2m, gpa_to_gfn(w.at));
    if (to.kind != P2M_RAM && to.kind != P2M_ROM)
        return SHADOW_MMIO;
    if ((access & PF_WRITE) && (to.kind == P2M_ROM || to.trace))
        return SHADOW_TRACED;
    if (guards_any(&s->guards) &&
        shadow_is_guarded(s, at, access | (error & PF_FETCH)))
        return SHADOW_GUARDED;
    out->leaf = fill(s, at, access, &w);
    flush_now(s);
    return SHADOW_FILLED;
}

enum shadow_answer shadow_fault(struct shadow *s, gva_t at, u32 error,
                                struct shadow_result *out)
{
    out->error = error & (PF_WRITE | PF_USER);
    if (!walk_absent(s->p2m, &s->mode, at))
        return fault_walk(s, at, error, out);
    s->stats.true_faults++;
    return SHADOW_GUEST_FAULT;
}

enum walk_status shadow_translate(struct shadow *s, gva_t at, u32 access,
                                  struct walk *out)
{
    if (walk_guest(s->p2m, &s->mode, at, access, out) != WALK_OK)
        return WALK_FAULT;
    make_marks(s, out, access);
    return WALK_OK;
}

void shadow_written(struct shadow *s, gpa_t at, u32 size)
{
    s->why = SHADOW_BY_WRITE;
    s->stats.traced++;
    s->policy->written(s, at, size);
    flush_now(s);
}

void shadow_trace(struct shadow *s, gfn_t f, u32 reason)
{
    u32 old = p2m_lookup(s->p2m, f).trace;

    p2m_set_trace(s->p2m, f, old | reason);
    if (old)
        return;
    s->why = SHADOW_BY_WATCH;
    s->policy->protect(s, f);
    tell_traced(s);
    flush_now(s);
}

void shadow_untrace(struct shadow *s, gfn_t f, u32 reason)
{
    p2m_set_trace(s->p2m, f, p2m_lookup(s->p2m, f).trace & ~reason);
}

bool shadow_let_go(struct shadow *s, gfn_t f)
{
    struct p2m_entry entry;

    s->why = SHADOW_BY_LET_GO;
    s->policy->let_go(s, f);
    flush_now(s);
    entry = p2m_lookup(s->p2m, f);
    return entry.kind == P2M_RAM && !entry.trace;
}

u32 shadow_audit(const struct shadow *s, const struct sink *sink)
{
    return s->policy->audit(s, sink);
}

const struct shadow_stats *shadow_stats(const struct shadow *s)
{
    return &s->stats;
}
