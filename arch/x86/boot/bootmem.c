/* SPDX-License-Identifier: MIT
 *
 * See bootmem.h. Two sets of ranges; RAM is rounded inwards to whole pages,
 * what is reserved outwards. Allocation is first fit from the low end, because
 * the low end is where every machine has RAM.
 */
#include "arch/x86/boot/bootmem.h"
#include "arch/x86/layout.h"
#include "vmm/base/bits.h"

void bootmem_add(struct bootmem *m, hpa_t start, hpa_t end)
{
    u64 from = align_up(start.v, PAGE_SIZE);
    u64 to = align_down(min_u64(end.v, PHYSMAP_MAX), PAGE_SIZE);

    if (from < start.v) /* the last page there is */
        return;
    ranges_add(&m->ram, from, to);
    ranges_add(&m->free, from, to);
}

/* What rounds up to beyond the last address is of no use to anybody. */
void bootmem_reserve(struct bootmem *m, hpa_t start, hpa_t end)
{
    u64 to = align_up(end.v, PAGE_SIZE);

    if (start.v < end.v)
        ranges_remove(&m->free, align_down(start.v, PAGE_SIZE),
                      to < end.v ? UINT64_MAX : to);
}

bool bootmem_alloc(struct bootmem *m, u64 bytes, hpa_t *out)
{
    u64 size = align_up(bytes, PAGE_SIZE);

    for (u32 i = 0; i < m->free.count; i++) {
        u64 start = m->free.range[i].start;
        u64 end = min_u64(m->free.range[i].end, LOW_4G);
        if (start >= end || end - start < size)
            continue;
        ranges_remove(&m->free, start, start + size);
        *out = hpa(start);
        return true;
    }
    return false;
}

bool bootmem_is_ram(const struct bootmem *m, hpa_t start, hpa_t end)
{
    return ranges_touch(&m->ram, start.v, end.v);
}

u64 bootmem_total(const struct bootmem *m)
{
    return ranges_sum(&m->ram);
}

hpa_t bootmem_top(const struct bootmem *m)
{
    return hpa(ranges_top(&m->ram));
}
