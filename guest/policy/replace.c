/* SPDX-License-Identifier: MIT
 *
 * What happens to the pages of a set, and the policies that choose by it.
 *
 * Most policies are an order: of two candidates, which goes first? They share
 * one loop (first_by). The clock is a walk, and random a draw. Wherever the
 * order leaves two pages equal, the one that was loaded first goes, for MRU
 * the one that was loaded last; so every choice but random's is determined.
 *
 * The times are counters that may wrap around, so two of them are compared by
 * their difference (LIMIT: which must be less than 2^31).
 */
#include "guest/policy/replace.h"

#define NOT_IN_FUTURE (~0u)

typedef int(before_fn)(struct page_set *set, struct page_record *a,
                       struct page_record *b);

static int is_before(u32 a, u32 b)
{
    return (s32)(a - b) < 0;
}

static int may_go(const struct page_record *p, u32 newest)
{
    return p->candidate && !is_before(newest, p->loaded);
}

/* The candidate that comes before all others. */
static int first_by(struct page_set *set, u32 newest, before_fn *before)
{
    int best = -1;

    for (u32 i = 0; i < set->pages; i++)
        if (may_go(&set->page[i], newest) &&
            (best < 0 || before(set, &set->page[i], &set->page[best])))
            best = (int)i;
    return best;
}

static int loaded_first(struct page_set *set, struct page_record *a,
                        struct page_record *b)
{
    return is_before(a->loaded, b->loaded);
}

static int used_first(struct page_set *set, struct page_record *a,
                      struct page_record *b)
{
    if (a->used != b->used)
        return is_before(a->used, b->used);
    return loaded_first(set, a, b);
}

static int used_last(struct page_set *set, struct page_record *a,
                     struct page_record *b)
{
    return used_first(set, b, a);
}

static int used_least(struct page_set *set, struct page_record *a,
                      struct page_record *b)
{
    if (a->uses != b->uses)
        return a->uses < b->uses;
    return loaded_first(set, a, b);
}

/* One more than where the page is used next. What was found before holds
 * until the run has passed it, so over a whole run each page reads the string
 * about once. */
static u32 next_use(const struct page_set *set, struct page_record *p)
{
    u32 at = set->future_at;

    if (p->next > at)
        return p->next;
    while (at < set->future_len && set->future[at] != p->key)
        at++;
    p->next = at < set->future_len ? at + 1 : NOT_IN_FUTURE;
    return p->next;
}

static int needed_last(struct page_set *set, struct page_record *a,
                       struct page_record *b)
{
    u32 a_next = next_use(set, a), b_next = next_use(set, b);

    if (a_next != b_next)
        return a_next > b_next;
    return loaded_first(set, a, b);
}

static int fifo(struct page_set *set, u32 newest)
{
    return first_by(set, newest, loaded_first);
}

static int lru(struct page_set *set, u32 newest)
{
    return first_by(set, newest, used_first);
}

static int lfu(struct page_set *set, u32 newest)
{
    return first_by(set, newest, used_least);
}

static int mru(struct page_set *set, u32 newest)
{
    return first_by(set, newest, used_last);
}

static int opt(struct page_set *set, u32 newest)
{
    return first_by(set, newest, needed_last);
}

/* A page that was used since the hand's last visit gets a second chance; in
 * the second round nobody has one. */
static int clock(struct page_set *set, u32 newest)
{
    for (u32 n = 0; n < 2 * set->pages; n++) {
        u32 i = set->hand % set->pages;
        struct page_record *p = &set->page[i];

        set->hand = (i + 1) % set->pages;
        if (!may_go(p, newest))
            continue;
        if (!p->chance)
            return (int)i;
        p->chance = 0;
    }
    return -1;
}

/* Xorshift, Marsaglia 2003. */
static u32 draw(u32 *seed)
{
    u32 x = *seed ? *seed : 1;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *seed = x;
}

static int at_random(struct page_set *set, u32 newest)
{
    u32 candidates = 0, skip;

    for (u32 i = 0; i < set->pages; i++)
        candidates += (u32)may_go(&set->page[i], newest);
    if (!candidates)
        return -1;
    skip = draw(&set->seed) % candidates;
    for (u32 i = 0;; i++)
        if (may_go(&set->page[i], newest) && skip-- == 0)
            return (int)i;
}

static const struct replace_policy policies[] = {
    {"fifo", 0, 0, fifo}, {"clock", 1, 0, clock}, {"lru", 1, 0, lru},
    {"lfu", 1, 0, lfu},   {"mru", 1, 0, mru},     {"random", 0, 0, at_random},
    {"opt", 0, 1, opt},
};

const struct replace_policy *replace_policy(u32 i)
{
    if (i >= sizeof(policies) / sizeof(policies[0]))
        return 0;
    return &policies[i];
}

void replace_loaded(struct page_set *set, u32 i, u32 key)
{
    set->page[i] = (struct page_record){
        .key = key,
        .candidate = 1,
        .loaded = ++set->loads,
        .used = set->looks,
    };
}

void replace_gone(struct page_set *set, u32 i)
{
    set->page[i] = (struct page_record){0};
}

static void seen(const struct page_set *set, struct page_record *p)
{
    p->referenced = 0;
    p->chance = 1;
    p->used = set->looks;
    p->uses++;
}

void replace_look(struct page_set *set)
{
    set->looks++;
    for (u32 i = 0; i < set->pages; i++)
        if (set->page[i].referenced)
            seen(set, &set->page[i]);
}

void replace_touch(struct page_set *set, u32 i)
{
    set->looks++;
    seen(set, &set->page[i]);
}

void replace_future(struct page_set *set, const u32 *string, u32 n)
{
    set->future = string;
    set->future_len = n;
    set->future_at = 0;
    for (u32 i = 0; i < set->pages; i++)
        set->page[i].next = 0;
}

/* A key that is not in the rest of the string leaves the place as it is: the
 * run has left the record. */
void replace_coming(struct page_set *set, u32 key)
{
    for (u32 at = set->future_at; at < set->future_len; at++)
        if (set->future[at] == key) {
            set->future_at = at + 1;
            return;
        }
}

int replace_victim(struct page_set *set)
{
    int victim = set->policy->victim(set, set->loads - set->young);

    if (victim < 0)
        victim = set->policy->victim(set, set->loads);
    return victim;
}
