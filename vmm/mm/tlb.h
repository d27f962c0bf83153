/* SPDX-License-Identifier: MIT
 *
 * Translations that software has made, kept for the next access.
 *
 * An interpreted instruction makes two or three accesses, and each would walk
 * the guest's tables. Here are the last translations, by linear page: for
 * loads, stores and fetches apart, so that they do not put each other out,
 * and for supervisor and user apart. An entry says: this access, made now,
 * faults nowhere, finds A (and D) set, and nobody watches the frame.
 *
 * It is as true as the TLB of a processor: the guest's flushes empty it, and
 * a change of its tables without one may be seen late (SDM vol. 3A 4.10). But
 * a frame that becomes watched is not written through it any more: the owner
 * calls tlb_forget_stores() when a trace is put on.
 *
 * A flush changes the epoch that is part of every tag, and touches no entry.
 */
#ifndef MM_TLB_H
#define MM_TLB_H

#include "vmm/base/types.h"

#define TLB_ENTRIES 256u /* of each kind; a power of two */

enum tlb_kind { TLB_LOAD, TLB_STORE, TLB_FETCH, TLB_KINDS };

struct tlb_entry {
    u64 tag; /* epoch << 32 | linear page | user << 1 | 1 */
    u8 *page;
};

struct tlb {
    u32 epoch[TLB_KINDS];
    u32 flushes; /* of any kind: while it stays, so does every entry */
    bool large;  /* an entry may be part of a page above 4 KiB */
    struct tlb_entry entry[TLB_KINDS][TLB_ENTRIES];
};

/* All zeros is an empty TLB. */
void tlb_flush(struct tlb *t);
/* INVLPG: the page, and all of it if it may be a large one. */
void tlb_flush_page(struct tlb *t, gva_t at);
/* Some frame may not be written any more. */
void tlb_forget_stores(struct tlb *t);
/* page is where the first byte of the linear page at `at` lies. */
void tlb_put(struct tlb *t, enum tlb_kind kind, gva_t at, bool user, u8 *page,
             bool large);

static inline u64 tlb_tag(const struct tlb *t, enum tlb_kind kind, gva_t at,
                          bool user)
{
    return (u64)t->epoch[kind] << 32 | (at.v & ~PAGE_MASK) | (u32)user << 1 | 1;
}

/* The byte at `at`, null when it must be walked for. */
static inline u8 *tlb_find(const struct tlb *t, enum tlb_kind kind, gva_t at,
                           bool user)
{
    const struct tlb_entry *e =
        &t->entry[kind][at.v >> PAGE_SHIFT & (TLB_ENTRIES - 1)];

    if (e->tag != tlb_tag(t, kind, at, user))
        return NULL;
    return e->page + (at.v & PAGE_MASK);
}

#endif
