/* SPDX-License-Identifier: MIT
 *
 * Which page gives way: the textbook's replacement policies as pure functions
 * over an array of page records.
 *
 * The kernel marks what may be evicted, says when a page was loaded, hands
 * over the reference bits that it gathered from the page tables, and asks for
 * a victim. A page is known by a key (process and page number); OPT finds
 * its next use in a recorded string of keys. Such a string is followed by the
 * loads alone: a page that is not in memory was not used since it left, so
 * its first place in the rest of the string is where the run is now.
 *
 * Policies that look at references are as good as the looks: with a look now
 * and then they are approximations, with replace_touch() at each reference
 * they are exact.
 */
#ifndef HARE_REPLACE_H
#define HARE_REPLACE_H

#include "guest/include/types.h"

struct page_record {
    u32 key;
    u8 candidate;  /* it may be evicted */
    u8 referenced; /* since it was last looked at */
    u8 chance;     /* seen referenced since the clock's hand came by */
    u32 loaded;    /* when, counted in loads */
    u32 used;      /* when a reference was last seen, counted in looks */
    u32 uses;      /* in how many looks a reference was seen */
    u32 next;      /* OPT: 1 + where it is used next; 0: find out */
};

struct replace_policy;

struct page_set {
    const struct replace_policy *policy;
    struct page_record *page;
    u32 pages;
    u32 hand;          /* of the clock */
    u32 loads, looks;  /* the two clocks */
    u32 seed;          /* of random */
    u32 young;         /* the last so many loads stay, while others can go */
    const u32 *future; /* the recorded reference string, of keys */
    u32 future_len, future_at;
};

struct replace_policy {
    const char *name;
    int looks;        /* it uses what replace_look() gathers */
    int needs_future; /* without a recorded string it is FIFO */
    /* Among candidates loaded up to `newest`: index, or -1: there is none. */
    int (*victim)(struct page_set *set, u32 newest);
};

/* NULL behind the last: fifo, clock, lru, lfu, mru, random, opt. */
const struct replace_policy *replace_policy(u32 i);

void replace_loaded(struct page_set *set, u32 i, u32 key);
void replace_gone(struct page_set *set, u32 i);
/* One look at all pages: those with `referenced` count as used now. */
void replace_look(struct page_set *set);
/* A look that saw this one reference. */
void replace_touch(struct page_set *set, u32 i);
/* OPT: the string to follow, and "key is about to be loaded". */
void replace_future(struct page_set *set, const u32 *string, u32 n);
void replace_coming(struct page_set *set, u32 key);
int replace_victim(struct page_set *set);

#endif
