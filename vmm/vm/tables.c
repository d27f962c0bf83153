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
#include "vmm/vm/direct.h"
#include "vmm/vm/env.h"
#include "vmm/vm/hostgdt.h"
#include "vmm/vm/vm.h"

#define ENTRY 8

/* Copies that take as long as an interpreted instruction or two. */
#define COPIES_A_WORK 64

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

/* A running CS or SS keeps what it was loaded with, though the entry it was
 * loaded from changes; each way into the guest loads it anew. */
static void keep_running(struct vm *vm, enum cpu_table which, u32 index)
{
    u32 sel = index * ENTRY | (which == TABLE_LDT ? SEL_TI : 0);

    if ((vm->direct.cs & ~(u32)SEL_RPL) == sel ||
        (vm->direct.ss & ~(u32)SEL_RPL) == sel)
        vm->cpu.seg_dirty |= BIT(SEG_CS) | BIT(SEG_SS);
}

static void install(struct vm *vm, u32 vector, u64 raw)
{
    const struct record_gate *gate = &vm->recorder.gate[vector];
    u64 old = (u64)gate->hi << 32 | gate->lo;
    u32 lo = (u32)raw, hi = (u32)(raw >> 32);

    if (old == raw)
        return;
    TRACE(vm, GATE, vector, TRACE_64(old), TRACE_64(raw),
          gate_decode(lo, hi).offset);
    recorder_gate(&vm->recorder, vector, lo, hi, vm_now(vm), vm->cpu.eip);
}

/* One entry of the guest's table is `raw` now: copy or record it. What the
 * guest itself loaded from the old copy is read before that changes. */
static void mirror(struct vm *vm, enum cpu_table which, u32 index, u64 raw)
{
    u64 *host = which == TABLE_GDT ? vm->arch.gdt : vm->arch.ldt, copy;

    fast_forget_segs(&vm->fast);
    if (which == TABLE_IDT) {
        if (index < TRAP_VECTORS)
            install(vm, index, raw);
        return;
    }
    if ((index == 0 && which == TABLE_GDT) || index >= ARCH_GDT_OWN)
        return;
    copy = host_copy(index, raw);
    if (host[index] == copy)
        return;
    if (&host[index] == vm->direct.open)
        vm->direct.open = NULL;
    keep_running(vm, which, index);
    direct_sync(vm);
    host[index] = copy;
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
    vm->work += count / COPIES_A_WORK;
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
    if (which == TABLE_IDT && cpu_mode(cpu) == MODE_REAL)
        *bytes = 0;
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

/* The entries that a write touches, one after the other: a frame can lie
 * under every page of every table at once. */
struct touch {
    u32 kind, page; /* where to look next */
    u32 index, end; /* entries of the page before that are still to come */
};

static void touch_entries(const struct table *t, u32 page, gpa_t at, u32 size,
                          struct touch *out)
{
    s64 first =
        (s64)page * PAGE_SIZE + (at.v & PAGE_MASK) - (t->base & PAGE_MASK);
    s64 last = first + size - 1;

    out->index = out->end = 0;
    if (!t->page[page].mapped || t->page[page].frame.v != gpa_to_gfn(at).v ||
        last < 0)
        return;
    out->index = first < 0 ? 0 : (u32)first / ENTRY;
    out->end = min_u32((u32)last / ENTRY + 1, t->bytes / ENTRY);
}

/* Makes t stand at an entry, if it does not yet; false: there are no more. */
static bool touch_find(const struct vm *vm, gpa_t at, u32 size, struct touch *t)
{
    while (t->index >= t->end) {
        if (t->kind == TABLE_KINDS)
            return false;
        if (t->page == pages_of(&vm->table[t->kind])) {
            t->kind++;
            t->page = 0;
            continue;
        }
        touch_entries(&vm->table[t->kind], t->page, at, size, t);
        t->page++;
    }
    return true;
}

void tables_before(const struct vm *vm, gpa_t at, u32 size,
                   struct table_old *old)
{
    old->count = 0;
    for (struct touch t = {0}; touch_find(vm, at, size, &t); t.index++) {
        if (old->count == ARRAY_LEN(old->value))
            return;
        old->value[old->count++] = table_entry(vm, &vm->table[t.kind], t.index);
    }
}

void tables_after(struct vm *vm, gpa_t at, u32 size,
                  const struct table_old *old)
{
    u32 n = 0;

    for (struct touch t = {0}; touch_find(vm, at, size, &t); t.index++, n++) {
        enum cpu_table which = (enum cpu_table)t.kind;
        u64 now = table_entry(vm, &vm->table[which], t.index);
        if (n < old->count && now == old->value[n])
            continue;
        mirror(vm, which, t.index, now);
        if (which == TABLE_IDT || n >= old->count)
            continue;
        TRACE(vm, DESCRIPTOR, which, t.index, TRACE_64(old->value[n]),
              TRACE_64(now));
        recorder_desc(&vm->recorder, record_of[which], t.index, old->value[n],
                      now, vm_now(vm), vm->cpu.eip);
    }
}

void tables_marked(struct vm *vm, gpa_t at)
{
    struct table_old unknown = {.count = 0};

    tables_after(vm, at, sizeof(u32), &unknown);
}

void tables_reset(struct vm *vm)
{
    for (u32 k = 0; k < TABLE_KINDS; k++)
        vm->table[k] = (struct table){0};
}

void tables_suspend(struct vm *vm)
{
    for (u32 k = 0; k < TABLE_KINDS; k++) {
        trace_pages(vm, (enum cpu_table)k, false);
        vm->table[k].bytes = 0;
    }
}

void tables_resume(struct vm *vm)
{
    for (u32 k = 0; k < TABLE_KINDS; k++)
        tables_load(vm, (enum cpu_table)k);
}
