/* SPDX-License-Identifier: MIT
 *
 * A set of addresses as a short list of ranges.
 *
 * Firmware describes memory in pieces: unsorted, overlapping, split where
 * nothing changes. Kept as a set the pieces have one meaning, and neighbours
 * melt into one range, so that a long list stays short.
 *
 * Invariant: sorted, each range not empty, a gap between any two. A list
 * without room forgets its smallest range: a set that is full loses
 * addresses, and never has one that was not put in, nor keeps one that was
 * taken out.
 */
#ifndef BASE_RANGES_H
#define BASE_RANGES_H

#include "vmm/base/types.h"

#define RANGES_MAX 128

struct range {
    u64 start, end; /* end is the first address behind it */
};

struct ranges {
    struct range range[RANGES_MAX];
    u32 count;
    u32 lost; /* ranges forgotten for want of room */
};

/* Nothing happens when end is not above start. */
void ranges_add(struct ranges *set, u64 start, u64 end);
void ranges_remove(struct ranges *set, u64 start, u64 end);
/* Is any address of [start, end) in the set? */
bool ranges_touch(const struct ranges *set, u64 start, u64 end);
u64 ranges_sum(const struct ranges *set);
u64 ranges_top(const struct ranges *set); /* end of the last; 0: empty */

#endif
