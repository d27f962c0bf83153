/* SPDX-License-Identifier: MIT
 *
 * Segments of a program's own: its local descriptor table.
 *
 * Hare itself wants no segmentation. But base-and-bounds and segmentation are
 * where memory protection began, and the processor still has them; so a
 * program may ask for segments within its own part of memory, by index, and
 * gets the selector to load. Paging goes on underneath, so a segment opens
 * nothing that was closed. Every descriptor is built here, of ring 3, for data
 * or code; none is ever a gate or the system's.
 *
 * A segment is counted from its base upwards, or, as the textbook's stack,
 * downwards from it: then the valid offsets are the last `bytes` below 64 KiB
 * (a 16-bit expand-down segment, whose limit is the first offset that is
 * not). LIMIT: beyond 1 MiB a limit counts pages, so the size must, too.
 *
 * LIMIT: on the way to a 16-bit stack the processor loads half of ESP; the
 * upper half then shows a few bits of a kernel address.
 *
 * LLDT is done only when another table is to be used than the last time: it
 * is dear under a VMM. SDM vol. 3A 3.4.5.1, 3.5.1, 5.3.
 */
#include "arch/x86/defs/desc.h"
#include "guest/kernel/kernel.h"

#define LDT_ENTRIES (PAGE_SIZE / sizeof(u64))
#define DOWN_TOP    0x10000 /* offsets of a segment that grows down end here */
#define MIB         0x100000
#define USER_SEGMENT                                                           \
    (ATTR_P | ATTR_S | ATTR_DPL | ATTR_ACCESSED | ATTR_WRITABLE)

_Static_assert(SEGMENT_INDEX + 1 == LDT_ENTRIES, "one page of descriptors");

static u64 *used; /* by the processor */

void ldt_use(u64 *ldt)
{
    if (ldt == used)
        return;
    used = ldt;
    ldt_load(ldt);
}

static u64 up(u32 base, u32 bytes, u32 attributes)
{
    u32 limit = bytes - 1;

    if (bytes > MIB)
        return descriptor(base, limit / PAGE_SIZE, attributes | ATTR_G);
    return descriptor(base, limit, attributes);
}

static u64 build(u32 kind, u32 base, u32 bytes)
{
    if (kind & SEGMENT_DOWN)
        return descriptor(base - DOWN_TOP, DOWN_TOP - 1 - bytes,
                          USER_SEGMENT | ATTR_DOWN);
    if (kind & SEGMENT_CODE)
        return up(base, bytes, USER_SEGMENT | ATTR_DB | ATTR_CODE);
    return up(base, bytes, USER_SEGMENT | ATTR_DB);
}

static int is_sane(u32 kind, u32 base, u32 bytes)
{
    if (kind > SEGMENT_DOWN || base > KERNEL_BASE)
        return 0;
    if (kind == SEGMENT_DOWN)
        return bytes < DOWN_TOP && bytes <= base;
    return bytes <= KERNEL_BASE - base &&
           (bytes <= MIB || bytes % PAGE_SIZE == 0);
}

int space_segment(struct space *s, u32 what, u32 base, u32 bytes)
{
    u32 index = what & SEGMENT_INDEX, kind = what & ~(u32)SEGMENT_INDEX, pa;

    if (!is_sane(kind, base, bytes))
        return ERR_INVAL;
    if (!s->ldt) {
        pa = frame_obtain();
        if (!pa)
            return ERR_NOMEM;
        s->ldt = pa_to_va(pa);
        space_use(s);
    }
    s->ldt[index] = bytes ? build(kind, base, bytes) : 0;
    return (int)(index * sizeof(u64) | SEL_TI | SEL_RPL);
}

int ldt_fork(struct space *to, const struct space *from)
{
    u32 pa;

    if (!from->ldt)
        return 0;
    pa = frame_obtain();
    if (!pa)
        return ERR_NOMEM;
    to->ldt = pa_to_va(pa);
    memcpy(to->ldt, from->ldt, PAGE_SIZE);
    return 0;
}

void ldt_free(struct space *s)
{
    if (!s->ldt)
        return;
    if (used == s->ldt)
        ldt_use(NULL);
    frame_drop(va_to_pa(s->ldt));
    s->ldt = NULL;
}

/* Where an offset in a stack segment is, in linear memory; through a 16-bit
 * one only half of ESP counts. */
u32 ldt_linear(const struct space *s, u32 selector, u32 offset)
{
    u64 d;
    u32 base;

    if (!(selector & SEL_TI) || !s->ldt)
        return offset;
    d = s->ldt[(selector & SEL_INDEX) / sizeof(u64) % LDT_ENTRIES];
    base = (u32)(d >> 16 & 0xffffff) | (u32)(d >> 56) << 24;
    return base + (d >> 32 & DESC_DB ? offset : offset & 0xffff);
}
