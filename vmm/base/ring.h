/* SPDX-License-Identifier: MIT
 *
 * A byte queue of fixed size: console input, a UART's FIFO, key codes.
 * The storage is the caller's; its size is a power of two. head and tail run
 * freely and are masked on use, so full and empty differ.
 */
#ifndef BASE_RING_H
#define BASE_RING_H

#include "vmm/base/types.h"

struct ring {
    u8 *data;
    u32 size; /* a power of two */
    u32 head; /* next to read */
    u32 tail; /* next to write */
};

static inline void ring_init(struct ring *r, u8 *data, u32 size)
{
    *r = (struct ring){data, size, 0, 0};
}

static inline u32 ring_count(const struct ring *r)
{
    return r->tail - r->head;
}

static inline u32 ring_room(const struct ring *r)
{
    return r->size - ring_count(r);
}

static inline bool ring_put(struct ring *r, u8 byte)
{
    if (!ring_room(r))
        return false;
    r->data[r->tail++ & (r->size - 1)] = byte;
    return true;
}

static inline bool ring_get(struct ring *r, u8 *byte)
{
    if (!ring_count(r))
        return false;
    *byte = r->data[r->head++ & (r->size - 1)];
    return true;
}

/* The oldest byte, which must be there, and its end. */
static inline u8 ring_peek(const struct ring *r)
{
    return r->data[r->head & (r->size - 1)];
}

static inline void ring_drop(struct ring *r)
{
    r->head++;
}

static inline void ring_clear(struct ring *r)
{
    r->head = r->tail;
}

#endif
