/* SPDX-License-Identifier: MIT
 *
 * Regions: what an address space promises, before any page is there.
 *
 *   0x08048000  the program: a region for each segment of its file
 *   behind it   the heap, whose end SBRK moves, to MAP_BASE at most
 *   0x60000000  pages asked for by MMAP, first fit, to MAP_TOP
 *   STACK_LOW   a page below the stack that is never there
 *   0xbffff000  the end of the stack
 *
 * The stack's region begins as one page and reaches down to whatever was
 * touched, USER_STACK_PAGES at most. Neighbours made by MMAP are one region,
 * and MUNMAP may cut one in two. LIMIT: SPACE_REGIONS of them.
 *
 * A region's end need not be the end of a page, and yet all of its last page
 * belongs to it: the hardware protects nothing smaller.
 */
#include "guest/kernel/kernel.h"

#define MAP_BASE  (KERNEL_BASE / 2)
#define MAP_TOP   0x80000000
#define STACK_LOW (USER_STACK_TOP - USER_STACK_PAGES * PAGE_SIZE)

static u32 page_up(u32 va)
{
    return (va + PAGE_MASK) & ~(u32)PAGE_MASK;
}

static int overlaps(const struct region *r, u32 start, u32 end)
{
    return r->end && r->start < end && start < page_up(r->end);
}

struct region *region_between(struct space *s, u32 start, u32 end)
{
    for (struct region *r = s->region; r < s->region + SPACE_REGIONS; r++)
        if (overlaps(r, start, end))
            return r;
    return NULL;
}

struct region *space_region(struct space *s, u32 va)
{
    return region_between(s, va, va + 1);
}

struct region *region_new(struct space *s)
{
    for (struct region *r = s->region; r < s->region + SPACE_REGIONS; r++)
        if (!r->end)
            return r;
    return NULL;
}

u32 space_mapped(const struct space *s)
{
    u32 pages = 0;

    for (u32 i = 0; i < SPACE_REGIONS; i++)
        pages += (page_up(s->region[i].end) - s->region[i].start) / PAGE_SIZE;
    return pages;
}

static struct region *region_with(struct space *s, u32 flag)
{
    for (struct region *r = s->region; r < s->region + SPACE_REGIONS; r++)
        if (r->end && r->flags & flag)
            return r;
    return NULL;
}

struct region *region_reach(struct space *s, u32 va)
{
    struct region *r;

    if (va < STACK_LOW || va >= USER_STACK_TOP)
        return space_region(s, va);
    r = region_with(s, REGION_STACK);
    if (r && va < r->start)
        r->start = va & ~(u32)PAGE_MASK;
    return r;
}

int space_sbrk(struct space *s, s32 bytes)
{
    struct region *r = region_with(s, REGION_HEAP);
    u32 old, new;

    if (!r)
        return ERR_NOMEM;
    old = r->end;
    new = old + (u32)bytes;
    if (new < r->start || new > MAP_BASE || (bytes < 0) != (new < old))
        return ERR_NOMEM;
    if (new < old)
        space_drop_pages(s, r, page_up(new), old);
    r->end = new;
    return (int)old;
}

/* The first address from MAP_BASE on with so much room, or 0. */
static u32 find_room(const struct space *s, u32 bytes)
{
    u32 at = MAP_BASE, i = 0;

    while (i < SPACE_REGIONS && at < MAP_TOP && bytes <= MAP_TOP - at) {
        if (!overlaps(&s->region[i], at, at + bytes)) {
            i++;
            continue;
        }
        at = page_up(s->region[i].end);
        i = 0;
    }
    return i == SPACE_REGIONS ? at : 0;
}

static struct region *mapped_at(struct space *s, u32 va)
{
    struct region *r = space_region(s, va);

    return r && r->flags & REGION_MAP ? r : NULL;
}

/* One region with its neighbours, so that holes that are filled again do not
 * use up the regions. */
static int add_mapped(struct space *s, u32 start, u32 end)
{
    struct region *below = mapped_at(s, start - 1);
    struct region *above = mapped_at(s, end);
    struct region *r = below ? below : above ? above : region_new(s);

    if (!r)
        return ERR_NOMEM;
    if (below)
        start = below->start;
    if (above) {
        end = above->end;
        *above = (struct region){0};
    }
    *r = (struct region){
        .start = start, .end = end, .flags = REGION_WRITE | REGION_MAP};
    return 0;
}

int space_map(struct space *s, u32 bytes)
{
    u32 at;

    if (bytes == 0 || bytes > MAP_TOP - MAP_BASE)
        return bytes ? ERR_NOMEM : ERR_INVAL;
    bytes = page_up(bytes);
    at = find_room(s, bytes);
    if (!at || add_mapped(s, at, at + bytes))
        return ERR_NOMEM;
    return (int)at;
}

static int cut(struct space *s, struct region *r, u32 from, u32 to)
{
    struct region *rest = region_new(s);

    if (from <= r->start) {
        r->start = to;
    } else if (to < r->end) {
        if (!rest)
            return ERR_NOMEM;
        *rest = *r;
        rest->start = to;
        r->end = from;
    } else {
        r->end = from;
    }
    if (r->start >= r->end)
        *r = (struct region){0};
    return 0;
}

int space_unmap(struct space *s, u32 va, u32 bytes)
{
    u32 end = va + page_up(bytes);
    int error = 0, found = 0;

    if (va & PAGE_MASK || bytes == 0 || bytes > MAP_TOP - MAP_BASE ||
        va < MAP_BASE || va >= MAP_TOP || end > MAP_TOP)
        return ERR_INVAL;
    for (u32 i = 0; i < SPACE_REGIONS && !error; i++) {
        struct region *r = &s->region[i];
        u32 from = r->start > va ? r->start : va;
        u32 to = r->end < end ? r->end : end;

        if (!(r->flags & REGION_MAP) || from >= to)
            continue;
        found = 1;
        error = cut(s, r, from, to);
        if (!error)
            space_drop_pages(s, &(struct region){0}, from, to);
    }
    return found ? error : ERR_INVAL;
}
