/* SPDX-License-Identifier: MIT
 *
 * What the shadow's files share: the policy table, and the common part's
 * helpers for policies.
 *
 * A policy owns the directories and leaf tables below the four PDPT entries.
 * The common part decides what a leaf says; a policy decides where it is
 * kept and for how long.
 */
#ifndef MM_SHADOW_PRIV_H
#define MM_SHADOW_PRIV_H

#include "vmm/mm/shadow.h"

/* Upper-level shadow entries: all rights, which the leaves then take away. */
#define SHADOW_LINK (PTE_P | PTE_W | PTE_U | PTE_A)
/* A leaf's A and D are set at once, so that the CPU never writes them. */
#define SHADOW_LEAF (PTE_P | PTE_A | PTE_D)

/* A leaf entry, and its name for the policy that gave it. */
struct shadow_slot {
    u64 *entry;
    u32 ref;
};

struct shadow_policy {
    bool (*init)(struct shadow *s);
    /* Gives back what init and the rest allocated; init may have failed. */
    void (*destroy)(struct shadow *s);
    /* mode (and g_cr3) is new; the PDPT must follow. */
    void (*enter)(struct shadow *s);
    void (*invlpg)(struct shadow *s, gva_t at);
    /* The leaf for a translation, tables made on the way: pages that are
     * needed are there, at worst after dropping all. */
    struct shadow_slot (*slot)(struct shadow *s, gva_t at,
                               const struct walk *walk);
    void (*set)(struct shadow *s, gva_t at, struct shadow_slot slot, u64 leaf);
    /* f has its first trace reason: no writable mapping of it may stay. */
    void (*protect)(struct shadow *s, gfn_t f);
    /* Bytes of a traced guest page table changed. */
    void (*written)(struct shadow *s, gpa_t at, u32 size);
    /* Nothing that is kept was made from f as a guest page table. */
    void (*let_go)(struct shadow *s, gfn_t f);
    u32 (*audit)(const struct shadow *s, const struct sink *sink);
};

extern const struct shadow_policy shadow_vtlb, shadow_cached;

/* A zeroed FRAME_SHADOW frame. */
bool shadow_frame(struct shadow *s, mfn_t *out);
void flush_note(struct shadow *s, gva_t at);
void flush_note_all(struct shadow *s);
void flush_now(struct shadow *s);
/* For whoever listens: one shadow page is gone; all of them go. */
void tell_dropped(const struct shadow *s, gfn_t f);
void tell_dropped_all(const struct shadow *s);
/* A frame has its first trace reason. */
void tell_traced(struct shadow *s);

/* An array of at least n zeroed cells; on false, cells_destroy() is due. */
bool cells_init(struct shadow *s, struct cells *c, u32 n);
void cells_clear(const struct shadow *s, struct cells *c);
void cells_destroy(struct shadow *s, struct cells *c);

static inline u32 *cell(const struct shadow *s, const struct cells *c, u32 i)
{
    u32 *cells = frame_ptr(s->frames, c->frame[i / CELLS_PER_FRAME]);

    return &cells[i % CELLS_PER_FRAME];
}

static inline u64 shadow_link(mfn_t m)
{
    return mfn_to_hpa(m).v | SHADOW_LINK;
}

static inline mfn_t shadow_mfn(u64 entry)
{
    return hpa_to_mfn(hpa(entry & PTE64_ADDR));
}

#endif
