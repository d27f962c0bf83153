/* SPDX-License-Identifier: MIT
 *
 * See tlb.h. An epoch is 32 bits wide. When it would begin anew, entries of
 * the first one could still stand: they are wiped, once in four thousand
 * million flushes.
 */
#include "vmm/mm/tlb.h"
#include "vmm/base/str.h"

static void new_epoch(struct tlb *t, enum tlb_kind kind)
{
    if (!++t->epoch[kind])
        memset(t->entry[kind], 0, sizeof(t->entry[kind]));
}

void tlb_flush(struct tlb *t)
{
    for (u32 kind = 0; kind < TLB_KINDS; kind++)
        new_epoch(t, (enum tlb_kind)kind);
    t->flushes++;
    t->large = false;
}

void tlb_flush_page(struct tlb *t, gva_t at)
{
    u32 index = at.v >> PAGE_SHIFT & (TLB_ENTRIES - 1);

    if (t->large) {
        tlb_flush(t);
        return;
    }
    for (u32 kind = 0; kind < TLB_KINDS; kind++)
        t->entry[kind][index].tag = 0;
    t->flushes++;
}

void tlb_forget_stores(struct tlb *t)
{
    new_epoch(t, TLB_STORE);
}

void tlb_put(struct tlb *t, enum tlb_kind kind, gva_t at, bool user, u8 *page,
             bool large)
{
    t->large |= large;
    t->entry[kind][at.v >> PAGE_SHIFT & (TLB_ENTRIES - 1)] =
        (struct tlb_entry){tlb_tag(t, kind, at, user), page};
}
