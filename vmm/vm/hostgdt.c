/* SPDX-License-Identifier: MIT
 *
 * See hostgdt.h. Encoding keeps the guest's own G bit, so that a segment
 * register's hidden part and the copy of the descriptor it came from encode
 * to the same eight bytes: equality of words is how the engine knows that a
 * selector still names what the register holds.
 */
#include "vmm/vm/hostgdt.h"
#include "arch/x86/defs/desc.h"

#define DPL(n) ((u32)(n) << ATTR_DPL_SHIFT)

static u64 encode(const struct segment *seg, u32 attr)
{
    u32 limit = attr & ATTR_G ? seg->limit >> PAGE_SHIFT : seg->limit;
    u32 lo = (limit & 0xffff) | seg->base << 16;
    u32 hi = (seg->base >> 16 & 0xff) | (seg->base & 0xff000000) |
             (limit & 0xf0000) | (attr & 0xf0ff) << 8;

    return (u64)hi << 32 | lo;
}

static u32 guest_dpl(const struct segment *seg)
{
    return (seg->attr & ATTR_DPL) >> ATTR_DPL_SHIFT;
}

u64 hostgdt_data(const struct segment *seg)
{
    u32 dpl = guest_dpl(seg);
    u32 attr = seg->attr & ~(ATTR_DPL | ATTR_L);

    if (!(seg->attr & ATTR_P) || !(seg->attr & ATTR_S))
        return 0;
    return encode(seg, attr | ATTR_ACCESSED | DPL(host_ring(dpl)));
}

u64 hostgdt_as_data(u64 copy)
{
    u32 lo = (u32)copy, hi = (u32)(copy >> 32);
    u32 type = (u32)(ATTR_CODE | ATTR_CONFORM | ATTR_READABLE)
               << DESC_TYPE_SHIFT;

    if (!(hi & ATTR_CODE << DESC_TYPE_SHIFT))
        return copy;
    if (hi & ATTR_CONFORM << DESC_TYPE_SHIFT)
        hi |= DESC_DPL;
    return (u64)(hi & ~type) << 32 | lo;
}

u64 hostgdt_running(const struct segment *seg, u32 cpl)
{
    u32 attr = seg->attr & ~(ATTR_DPL | ATTR_L);

    if (attr & ATTR_CODE)
        attr &= ~ATTR_CONFORM;
    return encode(seg, attr | ATTR_ACCESSED | DPL(host_ring(cpl)));
}

u64 hostgdt_copy(const struct segment *seg)
{
    bool code = (seg->attr & ATTR_CODE) != 0;

    if (guest_dpl(seg) == 1)
        return 0;
    if (code && ((seg->attr & ATTR_CONFORM) || guest_dpl(seg) != 0))
        return 0;
    return hostgdt_data(seg);
}

struct segment hostgdt_segment(u16 sel, u64 copy)
{
    u32 lo = (u32)copy, hi = (u32)(copy >> 32);
    struct segment seg = {.sel = sel, .attr = hi >> 8 & 0xf0ff};

    seg.base = lo >> 16 | (hi & 0xff) << 16 | (hi & 0xff000000);
    seg.limit = (lo & 0xffff) | (hi & 0xf0000);
    if (seg.attr & ATTR_G)
        seg.limit = seg.limit << PAGE_SHIFT | PAGE_MASK;
    if (guest_dpl(&seg) == 1)
        seg.attr &= ~ATTR_DPL;
    return seg;
}

bool hostgdt_runnable(const struct segment *cs, const struct segment *ss,
                      u32 cpl)
{
    u32 code = ATTR_P | ATTR_S | ATTR_CODE;
    u32 data = ATTR_P | ATTR_S | ATTR_WRITABLE;

    if (cpl != 0 && cpl != 3)
        return false;
    return (cs->attr & code) == code && (ss->attr & (data | ATTR_CODE)) == data;
}
