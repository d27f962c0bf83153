/* SPDX-License-Identifier: MIT
 *
 * The laboratory: one region of one process under observation.
 *
 * A textbook's run of a replacement policy has three or four frames and sees
 * each reference. Here it is real: at most `limit` pages of the region are in
 * memory, chosen by the policy that rules at the start, and all but the page
 * used last are hidden: their entries are there, without PTE_U. So the next
 * reference to another page faults, is noted, and shows that page instead of
 * the one before. (A row of references to the same page counts as one: under
 * no policy would a later one of them fault.)
 *
 * An instruction that needs two pages would never end that way. When the same
 * instruction faults twice in a row, the pages stay shown, it is stepped with
 * TF, and #DB behind it hides them again.
 *
 * The references make a string of keys, which OPT follows in the next run;
 * without a limit the region is just recorded, and the string is for all of
 * the swapper.
 *
 * LIMIT: one region at a time in the whole machine, REFERENCES of them, and
 * an instruction that needs more pages than `limit` never ends (it can be
 * killed). One that needs two may not end either, under a policy that gives
 * up the page that came last (MRU, LFU). SDM vol. 3A 17.3.1.4 (single step),
 * 4.6 (U).
 */
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/regs.h"
#include "guest/kernel/kernel.h"
#include "guest/kernel/proc.h"
#include "guest/kernel/swap.h"

#define FRAMES     32
#define SHOWN      8 /* at once */
#define REFERENCES 16384

static struct {
    const struct space *space; /* NULL: nobody is observed */
    u32 start, end;
    int limited, following;
    u32 faults;
    u32 shown[SHOWN], shown_count; /* addresses; the last one is the newest */
    u32 eip;                       /* of the last reference */
    int stepping;
    struct page_set set;
    struct page_record page[FRAMES];
} lab;

static u32 *string; /* of the last run; REFERENCES have room */
static u32 string_length;

static int covers(const struct space *s, u32 va)
{
    return lab.space == s && va >= lab.start && va < lab.end;
}

static u32 *entry(u32 va)
{
    u32 *pte = paging_entry(lab.space->dir, va);

    return pte && *pte & PTE_P ? pte : NULL;
}

static void set_user(u32 va, u32 user)
{
    u32 *pte = entry(va);

    if (!pte || (*pte & PTE_U) == user)
        return;
    *pte = (*pte & ~(u32)PTE_U) | user;
    invlpg(va);
}

/* All but the newest `keep`. */
static void hide(u32 keep)
{
    u32 n = lab.shown_count > keep ? lab.shown_count - keep : 0;

    for (u32 i = 0; i < n; i++)
        set_user(lab.shown[i], 0);
    for (u32 i = n; i < lab.shown_count; i++)
        lab.shown[i - n] = lab.shown[i];
    lab.shown_count -= n;
}

static void show(u32 va)
{
    struct frame *f = proc_frame(current);

    if (f->eip == lab.eip && lab.shown_count) {
        lab.stepping = 1;
        f->eflags |= EFLAGS_TF;
    }
    if (!lab.stepping)
        hide(0);
    hide(SHOWN - 1);
    lab.eip = f->eip;
    lab.shown[lab.shown_count++] = va;
    set_user(va, PTE_U);
}

int lab_stepped(struct frame *f)
{
    if (!lab.stepping || lab.space != &current->space)
        return 0;
    lab.stepping = 0;
    f->eflags &= ~(u32)EFLAGS_TF;
    hide(1);
    return 1;
}

/* The record of a page, or of none yet. */
static struct page_record *record(u32 key, u8 candidate)
{
    for (u32 i = 0; i < lab.set.pages; i++)
        if (lab.page[i].candidate == candidate &&
            (!candidate || lab.page[i].key == key))
            return &lab.page[i];
    return NULL;
}

static void note(u32 va)
{
    u32 key = evict_key(va);
    struct page_record *p = record(key, 1);

    if (p)
        replace_touch(&lab.set, (u32)(p - lab.page));
    if (!lab.following && string_length < REFERENCES &&
        (!string_length || string[string_length - 1] != key))
        string[string_length++] = key;
    show(va);
}

/* Pages that left by themselves (MUNMAP) make room, too. */
static void make_room(u32 va)
{
    replace_coming(&lab.set, evict_key(va));
    for (u32 i = 0; i < lab.set.pages; i++)
        if (lab.page[i].candidate && !entry(lab.page[i].key * PAGE_SIZE))
            replace_gone(&lab.set, i);
    if (!record(0, 0)) {
        u32 victim = (u32)replace_victim(&lab.set);

        evict_page(lab.space, lab.page[victim].key * PAGE_SIZE);
        replace_gone(&lab.set, victim);
    }
}

int lab_fault(const struct space *s, u32 va, const u32 *pte)
{
    if (!covers(s, va))
        return 0;
    if (*pte & PTE_P) {
        if (*pte & PTE_U)
            return 0;
        note(va);
        return 1;
    }
    lab.faults++;
    if (lab.limited)
        make_room(va);
    return 0;
}

int lab_shown(const struct space *s, u32 va)
{
    u32 key = evict_key(va);
    struct page_record *p;

    if (!covers(s, va))
        return 0;
    if (lab.limited && !record(key, 1)) {
        p = record(0, 0);
        if (p)
            replace_loaded(&lab.set, (u32)(p - lab.page), key);
    }
    note(va);
    return lab.limited;
}

static void show_all(void)
{
    for (u32 va = lab.start; va < lab.end; va += PAGE_SIZE)
        set_user(va, PTE_U);
    lab.shown_count = 0;
}

/* The pages are the swapper's again, also those that stayed beyond the limit
 * because there was no slot for them. */
static void release(struct space *s)
{
    show_all();
    lab.space = NULL;
    for (u32 va = lab.start; va < lab.end; va += PAGE_SIZE) {
        const u32 *pte = paging_entry(s->dir, va);

        if (pte && *pte & PTE_P)
            swap_candidate(s, va, *pte & PTE32_ADDR);
    }
}

int lab_end(struct space *s)
{
    if (lab.space != s)
        return ERR_SRCH;
    release(s);
    if (!lab.limited)
        evict_future(string, string_length);
    return (int)lab.faults;
}

/* What lab_begin() may refuse. */
static int check(const struct region *r, u32 frames,
                 const struct replace_policy *policy)
{
    if (!string)
        return ERR_NOENT;
    if (!r || !(r->flags & REGION_MAP) || frames > FRAMES)
        return ERR_INVAL;
    if (frames && policy->needs_future && !string_length)
        return ERR_INVAL;
    return lab.space ? ERR_EXIST : 0;
}

/* With a limit the pages begin on the disk, without one they are hidden. */
static int hide_all(void)
{
    int error = 0;

    for (u32 va = lab.start; va < lab.end && !error; va += PAGE_SIZE)
        if (lab.limited)
            error = evict_page(lab.space, va);
        else
            set_user(va, 0);
    return error;
}

int lab_begin(struct space *s, u32 va, u32 frames)
{
    const struct replace_policy *policy = evict_policy();
    const struct region *r = space_region(s, va);
    int error = check(r, frames, policy);

    if (error)
        return error;
    memset(&lab, 0, sizeof(lab));
    lab.space = s;
    lab.start = r->start;
    lab.end = r->end;
    lab.limited = frames != 0;
    lab.following = frames && policy->needs_future;
    lab.set = (struct page_set){
        .policy = policy, .page = lab.page, .pages = frames, .seed = 1};
    error = hide_all();
    if (error)
        lab.space = NULL;
    if (lab.following)
        replace_future(&lab.set, string, string_length);
    else
        string_length = 0;
    return error;
}

int lab_init(void)
{
    string = frames_run(REFERENCES * sizeof(*string));
    return string ? 0 : ERR_NOMEM;
}

u32 lab_recorded(void)
{
    return string_length;
}
