/* SPDX-License-Identifier: MIT
 *
 * The shadow MMU: page tables the real CPU walks, from VPN straight to
 * machine frame, true to the guest's own tables, the p2m and the traces.
 *
 * Two policies behind one struct. `vtlb` treats the shadow as a TLB: filled
 * on fault, dropped on a CR3 load, one page dropped on INVLPG. `cached` keeps
 * shadow pages across CR3 loads, keyed by a role, and keeps them true by
 * write-protecting (tracing) the guest page tables they came from.
 *
 * Shape of a shadow space: PML4 (upper half shared with the VMM) -> PDPT
 * with 4 entries -> 4 directories -> leaf tables of 512; all 4 GiB of the
 * guest, nothing of the VMM. Guest ring 0 runs in ring 1, a supervisor ring,
 * so U/S is the hardware's own and one root serves kernel and user.
 *
 * Guards (a debugger's, vm/probe.h) keep linear pages out of the shadow, for
 * reads, writes or fetches, in every address space: what happens there is
 * answered with SHADOW_GUARDED, and someone who can look must do it.
 *
 * Invariant (shadow_audit): every present shadow leaf maps the machine frame
 * that guest tables and p2m give now (or gave, for entries that the guest
 * changed and has not flushed yet: vtlb only), with no more rights than they
 * allow, and never writable onto a frame that has a trace reason, a frame
 * that is not this VM's, or a page whose guest D bit is clear; and it grants
 * nothing that is guarded.
 */
#ifndef MM_SHADOW_H
#define MM_SHADOW_H

#include "vmm/base/fmt.h"
#include "vmm/mm/walk.h"

enum shadow_policy_id { SHADOW_VTLB, SHADOW_CACHED };

enum shadow_answer {
    SHADOW_FILLED,      /* go on; the access will work now */
    SHADOW_GUEST_FAULT, /* the guest's own #PF: out->error */
    SHADOW_MMIO,        /* no RAM there: emulate; out->at */
    SHADOW_TRACED,      /* a write to a traced frame or ROM: emulate; out->at */
    SHADOW_GUARDED,     /* the guest may, but it is guarded: emulate */
};

/* What made the shadow give something up. */
enum shadow_reason {
    SHADOW_BY_CR3,     /* CR3 was loaded */
    SHADOW_BY_MODE,    /* CR0 or CR4 changed */
    SHADOW_BY_INVLPG,  /* the guest said so */
    SHADOW_BY_MEMORY,  /* frame numbers changed their meaning (A20) */
    SHADOW_BY_FILL,    /* another entry took the place */
    SHADOW_BY_WRITE,   /* a guest page table was written */
    SHADOW_BY_FLOOD,   /* ... as often as data are */
    SHADOW_BY_REAP,    /* nothing leads there any more */
    SHADOW_BY_WATCH,   /* writes to a frame must be seen from now on */
    SHADOW_BY_LET_GO,  /* what looked like a page table is data */
    SHADOW_BY_NO_ROOM, /* all shadow pages were in use */
    SHADOW_REASONS
};

struct shadow_result {
    u32 error; /* for the guest's #PF */
    gpa_t at;
    u64 leaf; /* SHADOW_FILLED: the entry */
};

/* What the shadow needs of the real CPU. */
struct shadow_hw {
    void *ctx;
    void (*flush_page)(void *ctx, gva_t at);
    void (*flush_all)(void *ctx); /* also when the root has changed */
    /* A walk has set A or D bits in frames traced as GDT, IDT or LDT: called
     * for the word of each level. */
    void (*marked)(void *ctx, gpa_t at);
    /* A frame has its first trace reason: who has kept where its bytes lie
     * may write them no more. Null: nobody keeps that. */
    void (*traced)(void *ctx);
    /* A shadow page made from guest frame f was dropped, or (all) every one;
     * pages: in use behind it, or before it. May be null. */
    void (*dropped)(void *ctx, bool all, gfn_t f, u32 pages);
};

struct shadow_stats {
    u64 fills;       /* leaf entries written on a fault */
    u64 true_faults; /* reflected to the guest */
    u64 drops;       /* whole-space drops */
    u64 invlpgs;
    u64 cr3_loads;
    u64 root_hits; /* cached: CR3 load found its root */
    u64 traced;    /* writes to traced page tables */
    u64 pages;     /* shadow pages in use now */
};

/* struct shadow: everything about one VM's shadow. The caller owns it; what
 * is in it is private to mm. All zeros is a shadow that was destroyed. */
#include "vmm/mm/shadow_impl.h"

/* Paging starts off (shadow_set_mode() turns it on). host_pml4 is a page whose
 * entries 256..511 every root shares (null in tests: zeros). max_pages bounds
 * shadow pages; a few are taken at once, so that a fill never fails later.
 * False: no memory, or fewer than SHADOW_PAGES_LEAST. */
bool shadow_init(struct shadow *s, enum shadow_policy_id policy,
                 struct frames *frames, struct p2m *p2m, u8 owner,
                 const u64 *host_pml4, const struct shadow_hw *hw,
                 u32 max_pages);
void shadow_destroy(struct shadow *s);

/* The root to load into the real CR3. */
hpa_t shadow_root(const struct shadow *s);

/* CR0.PG/WP, CR4.PSE/PGE or CR3 was written: mode is the new state. A CR3
 * write with the same value is a flush all the same. */
void shadow_set_mode(struct shadow *s, const struct paging *mode);
void shadow_load_cr3(struct shadow *s, u32 g_cr3);
void shadow_invlpg(struct shadow *s, gva_t at);
/* What a frame number stands for changes (A20): all of it is made anew. */
void shadow_forget(struct shadow *s);

/* A hardware page fault at `at`; error as the hardware pushed it (guest
 * ring 0 shows as supervisor). On SHADOW_FILLED guest A/D bits are set. */
enum shadow_answer shadow_fault(struct shadow *s, gva_t at, u32 error,
                                struct shadow_result *out);

/* The VMM is about to let software access `at` on the guest's behalf (step,
 * event delivery): guest walk with A/D marking, no shadow fill. access is
 * PF_WRITE/PF_USER/PF_FETCH. WALK_FAULT: out->error. */
enum walk_status shadow_translate(struct shadow *s, gva_t at, u32 access,
                                  struct walk *out);

/* The shadow's own view for a fast path: the VMM address of a byte that the
 * current shadow maps for this access without any fault, else null. */
static inline u8 *shadow_peek(const struct shadow *s, gva_t at, u32 access);

/* size bytes at guest-physical `at` were just written by software (emulated
 * store, event frame, loader). Must be called for writes to frames traced
 * with TRACE_PAGE_TABLE; the new bytes are already in memory. */
void shadow_written(struct shadow *s, gpa_t at, u32 size);

/* Adds or removes a reason to see writes to a frame. Adding removes write
 * permission from every mapping of it. */
void shadow_trace(struct shadow *s, gfn_t f, u32 reason);
void shadow_untrace(struct shadow *s, gfn_t f, u32 reason);

/* Forgets what was made from a frame as a guest page table, so that the guest
 * may write it until it is walked again. False: other reasons remain. */
bool shadow_let_go(struct shadow *s, gfn_t f);

/* These guards, and no others, from now on; everything is made anew. They are
 * the shadow's then, which gives their frames back. */
void shadow_set_guards(struct shadow *s, const struct guards *guards);
/* Is this access (PF_ bits) to the page kept from everybody? */
bool shadow_is_guarded(const struct shadow *s, gva_t at, u32 access);

/* Recomputes everything; prints each violation as a sentence into sink (may
 * be null) and returns their number. */
u32 shadow_audit(const struct shadow *s, const struct sink *sink);

const struct shadow_stats *shadow_stats(const struct shadow *s);

/* Rights are in the leaves alone (see shadow.c), so one word is checked. */
static inline u8 *shadow_peek(const struct shadow *s, gva_t at, u32 access)
{
    u64 need = PTE_P | (access & PF_WRITE ? PTE_W : 0) |
               (access & PF_USER ? PTE_U : 0);
    u64 not = access & PF_FETCH ? PTE64_NX : 0;
    u64 e = s->pdpt[at.v >> SHADOW_DIR_SHIFT];

    if (!(e & PTE_P))
        return NULL;
    e = shadow_table(s, e)[at.v >> SHADOW_TABLE_SHIFT & SHADOW_INDEX];
    if (!(e & PTE_P))
        return NULL;
    e = shadow_table(s, e)[at.v >> PAGE_SHIFT & SHADOW_INDEX];
    if ((e & (need | not )) != need)
        return NULL;
    return (u8 *)shadow_table(s, e) + (at.v & PAGE_MASK);
}

#endif
