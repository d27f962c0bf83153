/* SPDX-License-Identifier: MIT
 *
 * malloc() and free() over SBRK: a list of free blocks in the order of their
 * addresses.
 *
 * Every block begins with its size. The first free block that is large
 * enough is taken, its rest stays free; when none is, the heap grows by at
 * least GROW bytes. A block that comes back is joined with the free blocks
 * that touch it on either side, so the list never holds two neighbours.
 *
 * LIMIT: the heap never shrinks, and a search looks at every free block.
 */
#include "guest/user/user.h"

#define UNIT 16 /* sizes and addresses are multiples of it */
#define GROW 16384

struct block {
    u32 size; /* with this header */
    struct block *next;
    u32 pad[2]; /* what malloc() gives begins behind a whole unit */
};

_Static_assert(sizeof(struct block) == UNIT, "a header is one unit");

static struct block *first; /* free */

static struct block *end_of(struct block *b)
{
    return (struct block *)((char *)b + b->size);
}

/* Joins b with the block behind it, if they touch. */
static void join(struct block *b)
{
    if (!b->next || end_of(b) != b->next)
        return;
    b->size += b->next->size;
    b->next = b->next->next;
}

static void put_back(struct block *b)
{
    struct block *before = NULL, *at = first;

    while (at && at < b) {
        before = at;
        at = at->next;
    }
    b->next = at;
    if (before)
        before->next = b;
    else
        first = b;
    join(b);
    if (before)
        join(before);
}

/* More heap, as a free block; 0 when the kernel has none. */
static int grow(u32 size)
{
    u32 bytes = size < GROW ? GROW : size;
    u32 pad = (0u - (u32)sys(SYS_SBRK, 0, 0, 0)) & (UNIT - 1);
    int at = sys(SYS_SBRK, bytes + pad, 0, 0);
    struct block *b = (struct block *)((u32)at + pad);

    if (is_error(at))
        return 0;
    b->size = bytes;
    put_back(b);
    return 1;
}

static void *take(struct block **link, u32 size)
{
    struct block *b = *link, *rest;

    if (b->size > size) {
        rest = (struct block *)((char *)b + size);
        *rest = (struct block){.size = b->size - size, .next = b->next};
        b->size = size;
        *link = rest;
    } else {
        *link = b->next;
    }
    return b + 1;
}

void *malloc(u32 bytes)
{
    u32 size = (bytes + 2 * UNIT - 1) & ~(u32)(UNIT - 1);

    if (size < bytes || (s32)(size + GROW) < 0)
        return NULL;
    do
        for (struct block **link = &first; *link; link = &(*link)->next)
            if ((*link)->size >= size)
                return take(link, size);
    while (grow(size));
    return NULL;
}

void free(void *memory)
{
    if (memory)
        put_back((struct block *)memory - 1);
}
