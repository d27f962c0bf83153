/* SPDX-License-Identifier: MIT
 *
 * Eviction: when memory is short, a page of some program gives its frame up.
 *
 * Every frame has a record (replace.h) that says at which address programs
 * show it; with the table of processes that is enough to find every
 * page-table entry of it. The policy names a victim; it goes if those entries
 * are all its holders, that is, if nobody in the kernel is using it just now.
 *
 * Where it goes: a page that nobody wrote to since it came (no entry has D)
 * needs no disk, because its slot still has it, or because its region can make
 * it again. Any other page gets a slot and is written, while its entries say
 * already that it is there. So the dirty bit must never be lost while a page
 * is in memory: fork copies it, and writes by the kernel set it.
 *
 * Reference bits are gathered, and cleared, in one look at all tables behind
 * every LOOK_EVERY loads, for the policies that want them. RESERVE frames are
 * kept free for those who cannot wait. Pages of init stay: a disk that fails
 * must not take it. When there is no slot left either, or no disk at all, the
 * largest process is killed, and whoever needs memory waits for its frames; so
 * who takes all of it cannot starve init or a shell.
 */
#include "arch/x86/defs/pte.h"
#include "guest/kernel/kernel.h"
#include "guest/kernel/proc.h"
#include "guest/kernel/swap.h"

#define LOOK_EVERY 32
#define YOUNG      16 /* loads; more than one instruction needs */
#define RESERVE    16
#define SKIPS      16 /* pages in use that one eviction passes by */
#define ENTRIES    1024
#define LOST       1 /* no slot, and no region that could make it */
#define WAIT_TICKS 10
#define KILLED     (1u << SIG_KILL)

static struct page_set set;
static u32 *cached; /* per frame: its slot, LOST, or SWAP_NONE */
static u32 looked;  /* at how many loads */
static u32 evictions;
static int waiting;

int evict_init(void)
{
    u32 frames = frames_mib() << (20 - 12);

    set.page = frames_run(frames * sizeof(*set.page));
    cached = frames_run(frames * sizeof(*cached));
    if (!set.page || !cached || lab_init())
        return ERR_NOMEM;
    set.policy = replace_policy(1);
    set.seed = 1;
    set.young = YOUNG;
    set.pages = frames;
    return 0;
}

u32 evict_key(u32 va)
{
    return (u32)current->pid << 20 | va / PAGE_SIZE;
}

void swap_candidate(struct space *s, u32 va, u32 pa)
{
    u32 i = pa / PAGE_SIZE;

    if (!set.pages || !current || current->pid == INIT_PID ||
        lab_shown(s, va) || set.page[i].candidate)
        return;
    replace_coming(&set, evict_key(va));
    replace_loaded(&set, i, evict_key(va));
}

void evict_cache(u32 pa, u32 pte)
{
    cached[pa / PAGE_SIZE] = pte;
}

static void uncache(u32 i, u32 instead)
{
    if (pte_is_swapped(cached[i]))
        swap_drop(cached[i]);
    cached[i] = instead;
}

void swap_gone(u32 pa)
{
    if (set.pages) {
        uncache(pa / PAGE_SIZE, SWAP_NONE);
        replace_gone(&set, pa / PAGE_SIZE);
    }
    if (waiting)
        wake(&waiting);
}

static void look_at_table(u32 *table)
{
    for (u32 i = 0; i < ENTRIES; i++)
        if ((table[i] & (PTE_P | PTE_A)) == (PTE_P | PTE_A)) {
            set.page[table[i] / PAGE_SIZE].referenced = 1;
            table[i] &= ~(u32)PTE_A;
        }
}

static void look(void)
{
    looked = set.loads;
    for (u32 p = 0; p < PROCS; p++) {
        const u32 *dir = proc_at(p) ? proc_at(p)->space.dir : NULL;

        for (u32 i = 0; dir && i < KERNEL_PDE; i++)
            if (dir[i] & PTE_P)
                look_at_table(pa_to_va(dir[i] & PTE32_ADDR));
    }
    space_use(&current->space); /* the TLB forgets what it knew of A */
    replace_look(&set);
}

/* The space of a slot, if it shows the page at va; *flags: what it says. */
static struct space *shows(u32 slot, u32 va, u32 pa, u32 *flags)
{
    struct proc *p = proc_at(slot);
    const u32 *pte = p && p->space.dir ? paging_entry(p->space.dir, va) : NULL;

    if (!pte || !(*pte & PTE_P) || (*pte & PTE32_ADDR) != pa)
        return NULL;
    *flags |= *pte;
    return &p->space;
}

/* A slot for a frame whose bytes have changed: the one that it came from, if
 * nobody else needs what is in there, or a new one, or one that is only a copy
 * of some other page in memory. */
static u32 slot_for(u32 i)
{
    u32 slot = cached[i];

    if (pte_is_swapped(slot) && swap_holders(slot) == 1)
        return slot;
    slot = swap_take();
    for (u32 k = 0; slot == SWAP_NONE && k < set.pages; k++) {
        if (!pte_is_swapped(cached[k]) || swap_holders(cached[k]) > 1)
            continue;
        uncache(k, LOST);
        slot = swap_take();
    }
    if (slot != SWAP_NONE)
        uncache(i, slot);
    return slot;
}

/* Takes the page out of all tables. 0: its frame was freed; a slot: the frame
 * is the caller's, who writes it there; or ERR_AGAIN, ERR_NOMEM. */
static int leave(u32 pa, u32 va)
{
    u32 i = pa / PAGE_SIZE, n = 0, flags = 0, slot;
    int write;

    for (u32 p = 0; p < PROCS; p++)
        n += shows(p, va, pa, &flags) != NULL;
    if (n == 0 || n != frame_holders(pa))
        return ERR_AGAIN;
    write = flags & PTE_D || cached[i] == LOST;
    slot = write ? slot_for(i) : cached[i];
    if (write && slot == SWAP_NONE)
        return ERR_NOMEM;
    cached[i] = SWAP_NONE; /* the frame's hold is ours now */
    replace_gone(&set, i);
    if (write)
        frame_hold(pa);
    for (u32 p = 0; p < PROCS; p++) {
        struct space *s = shows(p, va, pa, &flags);

        if (!s)
            continue;
        if (slot != SWAP_NONE)
            swap_hold(slot);
        space_evict(s, va, slot);
    }
    evictions++;
    if (write)
        return (int)slot;
    if (slot != SWAP_NONE)
        swap_drop(slot);
    return 0;
}

static int finish(u32 pa, int slot)
{
    if (slot <= 0)
        return slot;
    swap_write((u32)slot, pa);
    swap_drop((u32)slot);
    frame_drop(pa);
    return 0;
}

int evict_page(const struct space *s, u32 va)
{
    const u32 *pte = paging_entry(s->dir, va);
    u32 pa;

    if (!pte || !(*pte & PTE_P))
        return 0;
    pa = *pte & PTE32_ADDR;
    return finish(pa, leave(pa, va));
}

/* One page gives way: 0, or an error: none can. */
static int evict(void)
{
    u32 skipped[SKIPS], n = 0, pa = 0;
    int answer = ERR_AGAIN;

    if (set.policy->looks && set.loads - looked >= LOOK_EVERY)
        look();
    while (answer < 0 && n < SKIPS) {
        int i = replace_victim(&set);

        if (i < 0)
            break;
        pa = (u32)i * PAGE_SIZE;
        answer = leave(pa, set.page[i].key * PAGE_SIZE);
        if (answer < 0) {
            set.page[i].candidate = 0;
            skipped[n++] = (u32)i;
        }
    }
    while (n)
        set.page[skipped[--n]].candidate = 1;
    return finish(pa, answer);
}

static struct proc *largest(void)
{
    struct proc *best = NULL;
    u32 most = 0;

    for (u32 i = 0; i < PROCS; i++) {
        struct proc *p = proc_at(i);

        if (!p || !p->space.dir || p->pid <= INIT_PID ||
            p->space.resident + p->space.swapped <= most)
            continue;
        most = p->space.resident + p->space.swapped;
        best = p;
    }
    return best;
}

/* 1: the largest process is ending, and its frames will be free. 0: that is
 * the current one. */
static int kill_largest(void)
{
    struct proc *p = largest();

    if (!p || current->pending & KILLED)
        return 0;
    if (!(p->pending & KILLED)) {
        printf("hare: %s (pid %d) was stopped: memory %s full, and it has the "
               "most pages.\n",
               p->name, p->pid, set.pages ? "and swap are" : "is");
        signal_send(p, SIG_KILL);
    }
    if (p == current)
        return 0;
    waiting++;
    sleep_hard_for(&waiting, WAIT_TICKS);
    waiting--;
    return 1;
}

u32 frame_obtain(void)
{
    u32 pa;

    if (!current)
        return frame_alloc();
    for (;;) {
        while (set.pages && frames_free_count() < RESERVE && evict() == 0)
            ;
        pa = frame_alloc();
        if (pa || !kill_largest())
            return pa;
    }
}

const struct replace_policy *evict_policy(void)
{
    return set.policy;
}

int evict_set_policy(const char *name)
{
    for (u32 i = 0; replace_policy(i); i++)
        if (strcmp(replace_policy(i)->name, name) == 0) {
            set.policy = replace_policy(i);
            return 0;
        }
    return ERR_NOENT;
}

void evict_future(const u32 *string, u32 n)
{
    replace_future(&set, string, n);
}

void evict_tell(struct swap_info *info)
{
    info->evictions = evictions;
    for (u32 i = 0; i < set.pages; i++)
        info->candidates += set.page[i].candidate;
    if (set.pages)
        str_copy(info->policy, set.policy->name, NAME_SIZE);
}
