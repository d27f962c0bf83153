/* SPDX-License-Identifier: MIT
 *
 * See tables.h. Reads go page by page through the frames found when the table
 * was loaded, so that a write to a frame and the entry it lands in are matched
 * without another walk. An entry may straddle two frames; it is then read
 * byte by byte.
 *
 * The guest can load a table of 8192 entries a thousand times a second: the
 * work is bounded by the table's size and charged to the guest.
 */
#include "vmm/vm/tables.h"
#include "arch/x86/defs/desc.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/seg.h"
#include "vmm/vm/env.h"
#include "vmm/vm/hostgdt.h"
#include "vmm/vm/vm.h"

#define ENTRY 8

static const u32 trace_of[TABLE_KINDS] = {
    [TABLE_GDT] = TRACE_GDT,
    [TABLE_IDT] = TRACE_IDT,
    [TABLE_LDT] = TRACE_LDT,
};

static const enum record_kind record_of[TABLE_KINDS] = {
    [TABLE_GDT] = RECORD_GDT_ENTRY,
    [TABLE_IDT] = RECORD_IDT_GATE,
    [TABLE_LDT] = RECORD_LDT_ENTRY,
};

/* Offset into the page run of the table's byte `offset`. */
static u32 page_of(const struct table *t, u32 offset, u32 *in_page)
{
    u32 from_start = (t->base & PAGE_MASK) + offset;

    *in_page = from_start & PAGE_MASK;
    return from_start >> PAGE_SHIFT;
}

static bool table_byte(const struct vm *vm, const struct table *t, u32 offset,
                       u8 *out)
{
    u32 in_page;
    const struct table_page *page = &t->page[page_of(t, offset, &in_page)];
    const u8 *at;

    if (!page->mapped)
        return false;
    at = p2m_ptr(&vm->p2m, gpa(gfn_to_gpa(page->frame).v + in_page));
    if (!at)
        return false;
    *out = *at;
    return true;
}

/* An entry as it stands in guest memory; 0 (absent) where nothing is. */
static u64 table_entry(const struct vm *vm, const struct table *t, u32 index)
{
    u8 raw[ENTRY];
    u32 in_page, offset = index * ENTRY;
    const struct table_page *page = &t->page[page_of(t, offset, &in_page)];

    if (in_page <= PAGE_SIZE - ENTRY) {
        const u8 *at = NULL;
        if (page->mapped)
            at = p2m_ptr(&vm->p2m, gpa(gfn_to_gpa(page->frame).v + in_page));
        return at ? get_le64(at) : 0;
    }
    for (u32 i = 0; i < ENTRY; i++) {
        if (!table_byte(vm, t, offset + i, &raw[i]))
            return 0;
    }
    return get_le64(raw);
}

u64 tables_entry(const struct vm *vm, enum cpu_table which, u32 index)
{
    return table_entry(vm, &vm->table[which], index);
}

static u64 host_copy(u32 index, u64 raw)
{
    struct desc d = {(u32)raw, (u32)(raw >> 32)};
    struct segment seg = desc_segment((u16)(index * ENTRY), d);

    return hostgdt_copy(&seg);
}

/* One entry of the guest's table is `raw` now: copy or record it. */
static void mirror(struct vm *vm, enum cpu_table which, u32 index, u64 raw)
{
    u64 *host = which == TABLE_GDT ? vm->arch.gdt : vm->arch.ldt;

    fast_forget_segs(&vm->fast);
    if (which == TABLE_IDT) {
        if (index < TRAP_VECTORS)
            recorder_gate(&vm->recorder, index, (u32)raw, (u32)(raw >> 32),
                          vm_now(vm), vm->cpu.eip);
        return;
    }
    if (index == 0 || index >= ARCH_GDT_OWN)
        return;
    if (&host[index] == vm->direct.open) {
        vm->direct.open = NULL;
        vm->cpu.seg_dirty |= BIT(SEG_CS);
    }
    host[index] = host_copy(index, raw);
}

static void find_pages(struct vm *vm, struct table *t)
{
    struct paging mode = env_paging(&vm->cpu);
    u32 last, in_page;

    if (!t->bytes)
        return;
    last = page_of(t, t->bytes - 1, &in_page);
    for (u32 i = 0; i <= last; i++) {
        gva_t at = gva((t->base & ~PAGE_MASK) + i * PAGE_SIZE);
        struct walk walk;
        t->page[i].mapped =
            walk_guest(&vm->p2m, &mode, at, 0, &walk) == WALK_OK;
        t->page[i].frame = gpa_to_gfn(walk.at);
    }
}

static u32 pages_of(const struct table *t)
{
    u32 in_page;

    return t->bytes ? page_of(t, t->bytes - 1, &in_page) + 1 : 0;
}

static void trace_pages(struct vm *vm, enum cpu_table which, bool on)
{
    struct table *t = &vm->table[which];

    for (u32 i = 0; i < pages_of(t); i++) {
        if (!t->page[i].mapped)
            continue;
        if (on)
            shadow_trace(&vm->shadow, t->page[i].frame, trace_of[which]);
        else
            shadow_untrace(&vm->shadow, t->page[i].frame, trace_of[which]);
    }
}

static void mirror_all(struct vm *vm, enum cpu_table which)
{
    struct table *t = &vm->table[which];
    u32 count = t->bytes / ENTRY;

    if (which == TABLE_IDT)
        count = min_u32(count, TRAP_VECTORS);
    for (u32 i = 0; i < count; i++)
        mirror(vm, which, i, table_entry(vm, t, i));
    for (u32 i = count; i < t->copies; i++)
        mirror(vm, which, i, 0);
    t->copies = count;
    if (which == TABLE_LDT)
        arch_set_ldt(&vm->arch, count);
}

static void table_extent(const struct cpu *cpu, enum cpu_table which, u32 *base,
                         u32 *bytes)
{
    const struct table_reg *reg = which == TABLE_GDT ? &cpu->gdtr : &cpu->idtr;

    if (which == TABLE_LDT) {
        *base = cpu->ldtr.base;
        *bytes = cpu->ldtr.attr & ATTR_P
                     ? (min_u32(cpu->ldtr.limit, 0xffff) + 1) & ~7u
                     : 0;
        return;
    }
    *base = reg->base;
    *bytes = ((u32)reg->limit + 1) & ~7u;
}

void tables_load(struct vm *vm, enum cpu_table which)
{
    struct table *t = &vm->table[which];

    trace_pages(vm, which, false);
    table_extent(&vm->cpu, which, &t->base, &t->bytes);
    find_pages(vm, t);
    trace_pages(vm, which, true);
    mirror_all(vm, which);
}

static bool moved(const struct vm *vm, const struct table *t)
{
    struct paging mode = env_paging(&vm->cpu);

    for (u32 i = 0; i < pages_of(t); i++) {
        gva_t at = gva((t->base & ~PAGE_MASK) + i * PAGE_SIZE);
        struct walk walk;
        bool mapped = walk_guest(&vm->p2m, &mode, at, 0, &walk) == WALK_OK;
        if (mapped != t->page[i].mapped)
            return true;
        if (mapped && gpa_to_gfn(walk.at).v != t->page[i].frame.v)
            return true;
    }
    return false;
}

void tables_recheck(struct vm *vm)
{
    for (u32 k = 0; k < TABLE_KINDS; k++) {
        if (moved(vm, &vm->table[k]))
            tables_load(vm, (enum cpu_table)k);
    }
}

/* Adds the entries of page `page` of table k that [at, at+size) touches. */
static void remember(struct vm *vm, u32 k, u32 page, gpa_t at, u32 size,
                     struct table_old *old)
{
    const struct table *t = &vm->table[k];
    s64 first =
        (s64)page * PAGE_SIZE + (at.v & PAGE_MASK) - (t->base & PAGE_MASK);
    s64 last = first + size - 1;

    for (s64 i = first < 0 ? 0 : first / ENTRY; i * ENTRY <= last; i++) {
        if (i >= t->bytes / ENTRY || old->count == ARRAY_LEN(old->entry))
            return;
        old->entry[old->count].kind = (u8)k;
        old->entry[old->count].index = (u32)i;
        old->entry[old->count++].value = table_entry(vm, t, (u32)i);
    }
}

void tables_before(struct vm *vm, gpa_t at, u32 size, struct table_old *old)
{
    old->count = 0;
    for (u32 k = 0; k < TABLE_KINDS; k++) {
        const struct table *t = &vm->table[k];
        for (u32 i = 0; i < pages_of(t); i++) {
            if (t->page[i].mapped && t->page[i].frame.v == gpa_to_gfn(at).v)
                remember(vm, k, i, at, size, old);
        }
    }
}

void tables_after(struct vm *vm, const struct table_old *old)
{
    for (u32 i = 0; i < old->count; i++) {
        enum cpu_table which = (enum cpu_table)old->entry[i].kind;
        u32 index = old->entry[i].index;
        u64 now = table_entry(vm, &vm->table[which], index);
        if (now == old->entry[i].value)
            continue;
        mirror(vm, which, index, now);
        if (which != TABLE_IDT)
            recorder_desc(&vm->recorder, record_of[which], index,
                          old->entry[i].value, now, vm_now(vm), vm->cpu.eip);
    }
}

void tables_reset(struct vm *vm)
{
    for (u32 k = 0; k < TABLE_KINDS; k++)
        vm->table[k] = (struct table){0};
}
