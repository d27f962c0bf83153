/* SPDX-License-Identifier: MIT
 *
 * See ranges.h. Sets of some dozen ranges: everything is a walk from the low
 * end, and inserting moves what is behind. Adding takes out all that the new
 * range touches and puts one range in their place; removing cuts, and a cut
 * in the middle is the only thing besides adding that needs room.
 */
#include "vmm/base/ranges.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"

static void drop(struct ranges *set, u32 at, u32 count)
{
    struct range *r = &set->range[at];

    memmove(r, r + count, (set->count - at - count) * sizeof(*r));
    set->count -= count;
}

static u32 smallest(const struct ranges *set)
{
    u32 best = 0;

    for (u32 i = 1; i < set->count; i++) {
        if (set->range[i].end - set->range[i].start <
            set->range[best].end - set->range[best].start)
            best = i;
    }
    return best;
}

/* Before the range with number `at`, which may be none. */
static void insert(struct ranges *set, u32 at, struct range new)
{
    if (set->count == RANGES_MAX) {
        u32 victim = smallest(set);
        const struct range *v = &set->range[victim];
        set->lost++;
        if (v->end - v->start >= new.end - new.start)
            return;
        drop(set, victim, 1);
        at -= victim < at;
    }
    memmove(&set->range[at + 1], &set->range[at],
            (set->count - at) * sizeof(new));
    set->range[at] = new;
    set->count++;
}

void ranges_add(struct ranges *set, u64 start, u64 end)
{
    u32 first = 0, behind;

    if (start >= end)
        return;
    while (first < set->count && set->range[first].end < start)
        first++;
    for (behind = first; behind < set->count && set->range[behind].start <= end;
         behind++) {
        start = min_u64(start, set->range[behind].start);
        end = max_u64(end, set->range[behind].end);
    }
    drop(set, first, behind - first);
    insert(set, first, (struct range){start, end});
}

void ranges_remove(struct ranges *set, u64 start, u64 end)
{
    if (start >= end)
        return;
    for (u32 i = 0; i < set->count;) {
        struct range *r = &set->range[i];
        struct range above = {max_u64(end, r->start), r->end};
        r->end = min_u64(r->end, start);
        if (above.start >= above.end) { /* nothing of it lies above */
            if (r->start < r->end)
                i++;
            else
                drop(set, i, 1);
        } else if (r->start < r->end) {
            insert(set, i + 1, above);
            return;
        } else {
            *r = above;
            return;
        }
    }
}

bool ranges_touch(const struct ranges *set, u64 start, u64 end)
{
    for (u32 i = 0; i < set->count; i++) {
        if (set->range[i].start < end && set->range[i].end > start)
            return true;
    }
    return false;
}

u64 ranges_sum(const struct ranges *set)
{
    u64 sum = 0;

    for (u32 i = 0; i < set->count; i++)
        sum += set->range[i].end - set->range[i].start;
    return sum;
}

u64 ranges_top(const struct ranges *set)
{
    return set->count ? set->range[set->count - 1].end : 0;
}
