/* SPDX-License-Identifier: MIT
 *
 * See bootmem.h. Lists of ranges, first fit from the low end. A list that is
 * full forgets the smaller half of a split or the new range: that loses
 * memory, and never hands out any twice.
 */
#include "arch/x86/boot/bootmem.h"
#include "arch/x86/layout.h"
#include "vmm/base/bits.h"

static void append(struct bootmem_range *list, u32 *count, u64 start, u64 end)
{
    if (*count < BOOTMEM_RANGES && start < end)
        list[(*count)++] = (struct bootmem_range){start, end};
}

void bootmem_add(struct bootmem *m, hpa_t start, hpa_t end)
{
    u64 from = align_up(start.v, PAGE_SIZE);
    u64 to = align_down(min_u64(end.v, PHYSMAP_MAX), PAGE_SIZE);

    if (from < start.v || from >= to)
        return;
    bootmem_reserve(m, hpa(from), hpa(to)); /* maps with overlaps exist */
    append(m->ram, &m->rams, from, to);
    append(m->free, &m->frees, from, to);
}

void bootmem_reserve(struct bootmem *m, hpa_t start, hpa_t end)
{
    u64 from = align_down(start.v, PAGE_SIZE);
    u64 to = align_up(end.v, PAGE_SIZE);
    u32 count = m->frees;

    if (start.v >= end.v)
        return;
    for (u32 i = 0; i < count; i++) {
        struct bootmem_range *r = &m->free[i];
        u64 old_end = r->end;
        if (r->end <= from || r->start >= to)
            continue;
        if (r->start < from) {
            r->end = from;
            append(m->free, &m->frees, to, old_end);
        } else {
            r->start = min_u64(to, old_end);
        }
    }
}

bool bootmem_alloc(struct bootmem *m, u64 bytes, hpa_t *out)
{
    u64 size = align_up(bytes, PAGE_SIZE);

    for (u32 i = 0; i < m->frees; i++) {
        struct bootmem_range *r = &m->free[i];
        if (r->start >= LOW_4G || min_u64(r->end, LOW_4G) - r->start < size)
            continue;
        *out = hpa(r->start);
        r->start += size;
        return true;
    }
    return false;
}

bool bootmem_is_ram(const struct bootmem *m, hpa_t start, hpa_t end)
{
    for (u32 i = 0; i < m->rams; i++) {
        if (m->ram[i].start < end.v && m->ram[i].end > start.v)
            return true;
    }
    return false;
}

u64 bootmem_total(const struct bootmem *m)
{
    u64 sum = 0;

    for (u32 i = 0; i < m->rams; i++)
        sum += m->ram[i].end - m->ram[i].start;
    return sum;
}

hpa_t bootmem_top(const struct bootmem *m)
{
    u64 top = 0;

    for (u32 i = 0; i < m->rams; i++)
        top = max_u64(top, m->ram[i].end);
    return hpa(top);
}
