/* SPDX-License-Identifier: MIT
 *
 * Address spaces: from a page's first touch to the end of its process.
 *
 * A page-table entry is one of four things: 0 (never touched, its region
 * says what it will be), a frame, a frame without PTE_W in a region that may
 * be written (shared since a fork: the next write copies it, or takes it
 * when nobody else is left), or a place on the disk (swap.h). A fault turns
 * one into another, here, one page at a time.
 *
 * Getting a frame may sleep, and while it does the swapper may change any
 * present entry. So nothing that was read from an entry is believed behind
 * frame_obtain(); where it no longer holds, the fault is simply left to
 * happen again. What never changes under a sleeper: the tables themselves,
 * and entries that are 0, which only their own process fills.
 *
 * Invariant: every entry that is not 0 lies in a region; `resident` and
 * `swapped` count them. SDM vol. 3A 4.3, 4.7, 4.10.4.
 */
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/traps.h"
#include "guest/kernel/file.h"
#include "guest/kernel/kernel.h"
#include "guest/kernel/swap.h"

#define ENTRIES  1024
#define PDE_SPAN (ENTRIES * PAGE_SIZE)

static u32 tables; /* of all spaces, with their directories */

u32 space_tables(void)
{
    return tables;
}

u32 space_shared(const struct space *s)
{
    u32 n = 0;

    for (u32 va = 0; va < KERNEL_BASE; va += PDE_SPAN) {
        const u32 *pte = paging_entry(s->dir, va);

        for (u32 i = 0; pte && i < ENTRIES; i++)
            n += pte[i] & PTE_P && frame_holders(pte[i] & PTE32_ADDR) > 1;
    }
    return n;
}

int space_new(struct space *s)
{
    u32 pa = frame_obtain();

    *s = (struct space){0};
    if (!pa)
        return ERR_NOMEM;
    tables++;
    s->dir = directory_new(pa);
    s->region[0] = (struct region){
        .start = USER_STACK_TOP - PAGE_SIZE,
        .end = USER_STACK_TOP,
        .flags = REGION_WRITE | REGION_STACK,
    };
    return 0;
}

void space_use(const struct space *s)
{
    directory_use(s->dir);
    ldt_use(s->ldt);
}

/* The entry of va, in a new table if need be; NULL: out of memory. */
static u32 *make_entry(struct space *s, u32 va)
{
    u32 *pte = paging_entry(s->dir, va), pa;

    if (pte)
        return pte;
    pa = frame_obtain();
    if (!pa)
        return NULL;
    tables++;
    s->tables++;
    return paging_add_table(s->dir, va, pa);
}

/* The page at va leaves the space: for nothing, or for the disk. */
static void forget(struct space *s, const struct region *r, u32 va, u32 *pte)
{
    u32 pa = *pte & PTE32_ADDR;

    if (pte_is_swapped(*pte)) {
        s->swapped--;
        swap_drop(*pte);
    } else {
        s->resident--;
        text_leave(r, va, pa);
        frame_drop(pa);
    }
    *pte = 0;
}

void space_evict(struct space *s, u32 va, u32 slot)
{
    u32 *pte = paging_entry(s->dir, va);

    forget(s, space_region(s, va), va, pte);
    *pte = slot;
    s->swapped += slot != 0;
    invlpg(va);
}

static void drop(struct space *s, const struct region *r, u32 va, u32 end)
{
    while (va < end) {
        u32 *pte = paging_entry(s->dir, va);

        if (!pte) {
            va = (va & ~(u32)(PDE_SPAN - 1)) + PDE_SPAN;
            continue;
        }
        if (*pte)
            forget(s, r, va, pte);
        va += PAGE_SIZE;
    }
}

void space_drop_pages(struct space *s, const struct region *r, u32 va, u32 end)
{
    drop(s, r, va, end);
    space_use(s);
}

void space_free(struct space *s)
{
    if (!s->dir)
        return;
    lab_end(s);
    for (struct region *r = s->region; r < s->region + SPACE_REGIONS; r++) {
        drop(s, r, r->start, r->end);
        if (r->file)
            inode_drop(r->file);
    }
    ldt_free(s);
    for (u32 i = 0; i < KERNEL_PDE; i++)
        if (s->dir[i] & PTE_P)
            frame_drop(s->dir[i] & PTE32_ADDR);
    frame_drop(va_to_pa(s->dir));
    tables -= s->tables + 1;
    *s = (struct space){0};
}

static void show(struct space *s, const struct region *r, u32 va, u32 pa)
{
    u32 writable = r->flags & REGION_WRITE ? PTE_W : 0;

    *paging_entry(s->dir, va) = pa | writable | PTE_P | PTE_U;
    s->resident++;
    swap_candidate(s, va, pa);
}

static int bring_zero(struct space *s, const struct region *r, u32 va)
{
    u32 pa = frame_obtain();

    if (!pa)
        return ERR_NOMEM;
    show(s, r, va, pa);
    s->zero_faults++;
    return 0;
}

/* Text that another process shows already, or by now, is shown here, too. */
static int bring_file(struct space *s, const struct region *r, u32 va)
{
    u32 at = va - r->start, pa = text_find(r, va), n, fresh;

    if (!pa) {
        fresh = frame_obtain();
        if (!fresh)
            return ERR_NOMEM;
        pa = text_find(r, va);
        if (pa)
            frame_drop(fresh);
    }
    if (!pa) {
        pa = fresh;
        n = r->file_size - at < PAGE_SIZE ? r->file_size - at : PAGE_SIZE;
        inode_read(r->file, r->offset + at, pa_to_va(pa), n);
        text_offer(r, va, pa);
    }
    show(s, r, va, pa);
    s->file_faults++;
    return 0;
}

static int bring_swapped(struct space *s, const struct region *r, u32 va)
{
    u32 slot = *paging_entry(s->dir, va), pa = swap_read(slot);

    if (!pa)
        return swap_is_bad(slot) ? ERR_IO : ERR_NOMEM;
    show(s, r, va, pa);
    s->swapped--;
    s->swap_faults++;
    swap_drop(slot);
    return 0;
}

/* A write to a page that was shared by fork. */
static int copy(struct space *s, u32 va, u32 *pte)
{
    u32 old = *pte & PTE32_ADDR, pa;

    if (frame_holders(old) > 1) {
        pa = frame_obtain();
        if (!pa)
            return ERR_NOMEM;
        if ((*pte & (PTE32_ADDR | PTE_P)) != (old | PTE_P)) {
            frame_drop(pa); /* it went to the disk meanwhile */
            return 0;
        }
        memcpy(pa_to_va(pa), pa_to_va(old), PAGE_SIZE);
        *pte = pa | PTE_P | PTE_W | PTE_U | PTE_D; /* unlike its region */
        frame_drop(old);
        swap_candidate(s, va, pa);
        s->copy_faults++;
    }
    *pte |= PTE_W;
    invlpg(va);
    return 0;
}

int space_fault(struct space *s, u32 va, u32 error)
{
    struct region *r = region_reach(s, va);
    u32 *pte;

    va &= ~(u32)PAGE_MASK;
    if (!r || (error & PF_WRITE && !(r->flags & REGION_WRITE)))
        return ERR_FAULT;
    pte = make_entry(s, va);
    if (!pte)
        return ERR_NOMEM;
    if (lab_fault(s, va, pte))
        return 0;
    if (*pte & PTE_P)
        return error & PF_WRITE && !(*pte & PTE_W) ? copy(s, va, pte) : 0;
    if (pte_is_swapped(*pte))
        return bring_swapped(s, r, va);
    if (r->file && va - r->start < r->file_size)
        return bring_file(s, r, va);
    return bring_zero(s, r, va);
}

/* A store into a page table may trap under a VMM: only where it changes it. */
u8 *space_byte(struct space *s, u32 va, int write)
{
    u32 need = PTE_P | PTE_U | (write ? PTE_W : 0);
    u32 mark = PTE_A | (write ? PTE_D : 0);

    for (;;) {
        u32 *pte = va < KERNEL_BASE ? paging_entry(s->dir, va) : NULL;

        if (pte && (*pte & need) == need) {
            if ((*pte & mark) != mark)
                *pte |= mark;
            return (u8 *)pa_to_va(*pte & PTE32_ADDR) + (va & PAGE_MASK);
        }
        if (space_fault(s, va, write ? PF_WRITE : 0))
            return NULL;
    }
}

/* One table's worth; nothing in here sleeps. */
static void fork_table(struct space *to, struct space *from, u32 va, u32 *copy)
{
    u32 *pte = paging_entry(from->dir, va);

    for (u32 i = 0; i < ENTRIES; i++) {
        if (pte[i] & PTE_P) {
            pte[i] &= ~(u32)PTE_W;
            frame_hold(pte[i] & PTE32_ADDR);
            to->resident++;
        } else if (pte_is_swapped(pte[i])) {
            swap_hold(pte[i]);
            to->swapped++;
        }
        copy[i] = pte[i];
    }
}

int space_fork(struct space *to, struct space *from)
{
    int error = space_new(to);

    if (error)
        return error;
    lab_end(from);
    memcpy(to->region, from->region, sizeof(to->region));
    for (u32 i = 0; i < SPACE_REGIONS; i++)
        if (to->region[i].file)
            inode_hold(to->region[i].file);
    error = ldt_fork(to, from);
    for (u32 va = 0; va < KERNEL_BASE && !error; va += PDE_SPAN) {
        u32 *copy;

        if (!paging_entry(from->dir, va))
            continue;
        copy = make_entry(to, va);
        if (copy)
            fork_table(to, from, va, copy);
        else
            error = ERR_NOMEM;
    }
    if (error)
        space_free(to);
    space_use(from); /* what it might write to has changed */
    return error;
}
