/* SPDX-License-Identifier: MIT
 *
 * Without a disk nobody gives way: a frame is there, or it is not. These are
 * the places where swapping will come in; until there is a driver for the
 * disk, no page-table entry is ever a swapped one, and so nobody gets here
 * but for a frame.
 */
#include "guest/kernel/swap.h"

u32 frame_obtain(void)
{
    return frame_alloc();
}

u32 swap_read(u32 pte)
{
    return 0;
}

void swap_hold(u32 pte)
{
}

void swap_drop(u32 pte)
{
}

void swap_candidate(const struct space *s, u32 va, u32 pa)
{
}

void swap_gone(u32 pa)
{
}
