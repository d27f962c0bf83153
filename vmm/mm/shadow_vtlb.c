/* SPDX-License-Identifier: MIT
 *
 * The shadow as a TLB in software, the textbook way.
 *
 * The architecture lets a TLB be stale until the guest flushes it (SDM vol.
 * 3A 4.10). So a shadow that starts empty, is filled fault by fault, and is
 * dropped whenever the guest would flush its TLB, is a right shadow. Guest
 * page tables need not be watched at all. The price is a fault for each page
 * touched after each CR3 load.
 *
 * Tables come from one row of pages. `used` of them (stats.pages) are linked;
 * a drop sets that to zero and clears the four PDPT entries, nothing more: a
 * page is cleaned when it is taken again. When the row is full and cannot
 * grow, everything is dropped.
 *
 * INVLPG drops all entries of the page that holds the address, and the page
 * may have been large when they were filled, whatever the guest's tables say
 * now. A fill from a large page therefore marks the directory entry of its
 * 2 MiB with FROM_LARGE, and INVLPG then empties both tables of the 4 MiB.
 */
#include "vmm/base/bits.h"
#include "vmm/base/str.h"
#include "vmm/mm/audit.h"
#include "vmm/mm/shadow_priv.h"

#define FROM_LARGE BIT64(9) /* a bit the CPU ignores (SDM table 4-18) */

static void drop(struct shadow *s)
{
    tell_dropped_all(s);
    memset(s->pdpt, 0, SHADOW_DIRS * sizeof(*s->pdpt));
    s->stats.pages = 0;
    s->stats.drops++;
    flush_note_all(s);
}

/* Gives page number s->made a frame. */
static bool grow(struct shadow *s)
{
    mfn_t m;

    if (s->made == s->max_pages || !shadow_frame(s, &m))
        return false;
    *cell(s, &s->pages, s->made++) = m.v;
    return true;
}

static bool vtlb_init(struct shadow *s)
{
    if (!cells_init(s, &s->pages, s->max_pages))
        return false;
    while (s->made < SHADOW_PAGES_LEAST) {
        if (!grow(s))
            return false;
    }
    return true;
}

static void vtlb_destroy(struct shadow *s)
{
    while (s->made)
        frame_free(s->frames, mfn(*cell(s, &s->pages, --s->made)));
    cells_destroy(s, &s->pages);
}

/* The table behind an upper-level entry, made when it is absent. The caller
 * has seen to it that a page is there. */
static u64 *table_behind(struct shadow *s, u64 *entry)
{
    mfn_t m;

    if (*entry & PTE_P)
        return shadow_table(s, *entry);
    m = mfn(*cell(s, &s->pages, (u32)s->stats.pages++));
    memset(frame_ptr(s->frames, m), 0, PAGE_SIZE);
    *entry = shadow_link(m);
    return shadow_table(s, *entry);
}

/* Two more pages, a directory and a table, else an empty shadow. */
static void make_room(struct shadow *s)
{
    while (s->stats.pages + 2 > s->made) {
        if (!grow(s)) {
            s->why = SHADOW_BY_NO_ROOM;
            drop(s);
            return;
        }
    }
}

static u64 *dir_entry(struct shadow *s, gva_t at)
{
    u64 *dir = table_behind(s, &s->pdpt[at.v >> SHADOW_DIR_SHIFT]);

    return &dir[at.v >> SHADOW_TABLE_SHIFT & SHADOW_INDEX];
}

static struct shadow_slot vtlb_slot(struct shadow *s, gva_t at,
                                    const struct walk *walk)
{
    u64 *entry, *table;

    make_room(s);
    entry = dir_entry(s, at);
    table = table_behind(s, entry);
    if (walk->large)
        *entry |= FROM_LARGE;
    return (struct shadow_slot){&table[at.v >> PAGE_SHIFT & SHADOW_INDEX], 0};
}

static void vtlb_set(struct shadow *s, gva_t at, struct shadow_slot slot,
                     u64 leaf)
{
    if (*slot.entry & PTE_P)
        flush_note(s, at);
    *slot.entry = leaf;
}

/* The directory entry for at, null when there is no directory. */
static u64 *dir_find(const struct shadow *s, gva_t at)
{
    u64 e = s->pdpt[at.v >> SHADOW_DIR_SHIFT];

    if (!(e & PTE_P))
        return NULL;
    return &shadow_table(s, e)[at.v >> SHADOW_TABLE_SHIFT & SHADOW_INDEX];
}

static void empty_table(struct shadow *s, u64 *entry)
{
    if (*entry & PTE_P)
        memset(shadow_table(s, *entry), 0, PAGE_SIZE);
    *entry &= ~FROM_LARGE;
}

static void vtlb_invlpg(struct shadow *s, gva_t at)
{
    u64 *half = dir_find(s, gva((u32)align_down(at.v, LARGE32_SIZE)));
    u64 *entry = dir_find(s, at);

    flush_note(s, at);
    if (!half)
        return;
    if ((half[0] | half[1]) & FROM_LARGE) {
        empty_table(s, &half[0]);
        empty_table(s, &half[1]);
        flush_note_all(s);
    } else if (*entry & PTE_P) {
        shadow_table(s, *entry)[at.v >> PAGE_SHIFT & SHADOW_INDEX] = 0;
    }
}

static void vtlb_protect(struct shadow *s, gfn_t f)
{
    drop(s);
}

/* Page tables are not traced: the guest's flush will come. */
static void vtlb_written(struct shadow *s, gpa_t at, u32 size)
{
}

static void vtlb_let_go(struct shadow *s, gfn_t f)
{
}

const struct shadow_policy shadow_vtlb = {
    .init = vtlb_init,
    .destroy = vtlb_destroy,
    .enter = drop,
    .invlpg = vtlb_invlpg,
    .slot = vtlb_slot,
    .set = vtlb_set,
    .protect = vtlb_protect,
    .written = vtlb_written,
    .let_go = vtlb_let_go,
    .audit = audit_vtlb,
};
