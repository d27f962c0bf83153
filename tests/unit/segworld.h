/* SPDX-License-Identifier: MIT
 *
 * A small world for the tests of segmentation and event delivery: 1 MiB of
 * linear memory without paging, with a GDT, an LDT, an IDT, a TSS and a stack
 * for each ring, and pages that can be told to fault. Counts what the code
 * under test asks of it, because the number of calls is part of the bar.
 *
 * Each test starts with world_ring(cpl), and changes what it is about.
 */
#ifndef TESTS_SEGWORLD_H
#define TESTS_SEGWORLD_H

#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/event.h"
#include "vmm/cpu/seg.h"

#define MEMORY (1u << 20)

enum {
    GDT_AT = 0x1000,
    LDT_AT = 0x2000,
    IDT_AT = 0x3000,
    TSS_AT = 0x4000,
    STACK_AT = 0x10000, /* ring r: grows down from STACK_TOP(r) */
    HANDLER = 0x7000,
    GDT_ENTRIES = 64,
    LDT_ENTRIES = 4,
};
#define STACK_TOP(r) (STACK_AT + 0x1000u * ((r) + 1))

/* Selectors of the GDT, without RPL. */
enum {
    CODE0 = 0x08, /* CODE(r) and DATA(r) follow each other by ring */
    DATA0 = 0x10,
    CONFORM0 = 0x48, /* conforming code by DPL, ring 0 and ring 3 */
    CONFORM3 = 0x50,
    TSS = 0x58,
    LDT = 0x60,
    SPARE = 0x80, /* the descriptor a case is about */
    SPARE2 = 0x88,
    BEYOND = GDT_ENTRIES * 8,
};
#define CODE(r) ((u16)(CODE0 + 0x10 * (r) + (r)))
#define DATA(r) ((u16)(DATA0 + 0x10 * (r) + (r)))

#define A_DPL(r) ((r) << ATTR_DPL_SHIFT)
#define A_DATA                                                                 \
    (ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_DB | ATTR_G)
#define A_RODATA (A_DATA & ~ATTR_WRITABLE)
#define A_CODE                                                                 \
    (ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE | ATTR_ACCESSED | ATTR_DB |   \
     ATTR_G)
#define A_XCODE (A_CODE & ~ATTR_READABLE)
#define A_CONF  (A_CODE | ATTR_CONFORM)
#define FLAT    0xfffff

struct world {
    struct cpu cpu;
    u8 mem[MEMORY];
    u8 no_read[MEMORY / PAGE_SIZE], no_write[MEMORY / PAGE_SIZE];
    bool stop;
    u32 reads, writes;
    u32 user_accesses;
    u32 loaded; /* bit per enum cpu_table */
};

static struct world w;
static struct fault f;
static struct cpu before;

static inline enum env_status world_touch(gva_t at, u32 size, u32 access,
                                          const u8 *blocked,
                                          struct fault *fault)
{
    bool user = w.cpu.cpl == 3 && !(access & ACC_SYSTEM);

    if (w.stop)
        return ENV_STOP;
    w.user_accesses += user;
    for (u32 i = 0; i < size; i++) {
        u32 a = at.v + i;
        if (a < MEMORY && !blocked[a / PAGE_SIZE])
            continue;
        *fault = fault_page(
            (access & ACC_WRITE ? PF_WRITE : 0) | (user ? PF_USER : 0), gva(a));
        return ENV_FAULT;
    }
    return ENV_OK;
}

static inline enum env_status world_read(void *ctx, gva_t at, void *buf,
                                         u32 size, u32 access,
                                         struct fault *fault)
{
    enum env_status status = world_touch(at, size, access, w.no_read, fault);
    if (status == ENV_OK)
        memcpy(buf, w.mem + at.v, size);
    w.reads++;
    return status;
}

static inline enum env_status world_write(void *ctx, gva_t at, const void *buf,
                                          u32 size, u32 access,
                                          struct fault *fault)
{
    enum env_status status = world_touch(at, size, access, w.no_write, fault);
    if (status == ENV_OK)
        memcpy(w.mem + at.v, buf, size);
    w.writes++;
    return status;
}

static inline void world_loaded(void *ctx, enum cpu_table table)
{
    w.loaded |= BIT(table);
}

static const struct cpu_env env = {
    .read = world_read, .write = world_write, .table_loaded = world_loaded};

static inline u32 mem32(u32 at)
{
    return get_le32(w.mem + at);
}

static inline u16 mem16(u32 at)
{
    return get_le16(w.mem + at);
}

static inline u32 desc_at(u16 sel)
{
    return (sel & SEL_TI ? LDT_AT : GDT_AT) + (sel & SEL_INDEX);
}

static inline void put_desc(u16 sel, u32 base, u32 limit, u32 attr)
{
    u8 *p = w.mem + desc_at(sel);
    put_le32(p, base << 16 | (limit & 0xffff));
    put_le32(p + 4, (base & 0xff000000) | (base >> 16 & 0xff) |
                        (limit & 0xf0000) | attr << 8);
}

static inline u8 type_byte(u16 sel)
{
    return w.mem[desc_at(sel) + 5];
}

static inline void put_gate_at(u32 at, u16 sel, u32 offset, u8 type, u8 dpl,
                               u8 params)
{
    put_le32(w.mem + at, (u32)sel << 16 | (offset & 0xffff));
    put_le32(w.mem + at + 4, (offset & 0xffff0000) | DESC_P |
                                 (u32)dpl << DESC_DPL_SHIFT |
                                 (u32)type << DESC_TYPE_SHIFT | params);
}

static inline void put_idt(u8 vector, u16 sel, u32 offset, u8 type, u8 dpl)
{
    put_gate_at(IDT_AT + vector * 8u, sel, offset, type, dpl, 0);
}

static inline struct segment seg_of(u16 sel)
{
    struct desc d = {mem32(desc_at(sel)), mem32(desc_at(sel) + 4)};
    return desc_segment(sel, d);
}

static inline void world_tables(void)
{
    for (u32 r = 0; r < 4; r++) {
        put_desc(CODE(r), 0, FLAT, A_CODE | A_DPL(r));
        put_desc(DATA(r), 0, FLAT, A_DATA | A_DPL(r));
    }
    put_desc(CONFORM0, 0, FLAT, A_CONF);
    put_desc(CONFORM3, 0, FLAT, A_CONF | A_DPL(3));
    put_desc(TSS, TSS_AT, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_BUSY);
    put_desc(LDT, LDT_AT, LDT_ENTRIES * 8 - 1, ATTR_P | SYS_LDT);
    for (u32 v = 0; v < TRAP_VECTORS; v++)
        put_idt((u8)v, CODE0, HANDLER + v, SYS_INT32, 0);
    for (u32 r = 0; r < 3; r++) {
        put_le32(w.mem + TSS_AT + TSS32_ESP0 + r * 8, STACK_TOP(r));
        put_le32(w.mem + TSS_AT + TSS32_SS0 + r * 8, DATA(r));
    }
}

/* Everything afresh, the processor in ring cpl. */
static inline void world_ring(u8 cpl)
{
    memset(&w, 0, sizeof(w));
    world_tables();
    cpu_reset_flat(&w.cpu, 0x123456);
    for (unsigned s = 0; s < SEG_COUNT; s++)
        w.cpu.seg[s] = seg_of(s == SEG_CS ? CODE(cpl) : DATA(cpl));
    w.cpu.cpl = cpl;
    w.cpu.gpr[ESP] = STACK_TOP(cpl) - 0x100;
    w.cpu.gdtr = (struct table_reg){GDT_AT, GDT_ENTRIES * 8 - 1};
    w.cpu.idtr = (struct table_reg){IDT_AT, TRAP_VECTORS * 8 - 1};
    w.cpu.tr = seg_of(TSS);
    w.cpu.ldtr = seg_of(LDT);
    w.cpu.eflags = EFLAGS_ONE | EFLAGS_IF | EFLAGS_CF;
    w.cpu.seg_dirty = 0;
    memset(&f, 0xee, sizeof(f));
    before = w.cpu;
}

static inline void push32(u32 value)
{
    w.cpu.gpr[ESP] -= 4;
    put_le32(w.mem + w.cpu.gpr[ESP], value);
}

static inline void push16(u16 value)
{
    w.cpu.gpr[ESP] -= 2;
    put_le16(w.mem + w.cpu.gpr[ESP], value);
}

static inline bool untouched(void)
{
    return !memcmp(&before, &w.cpu, sizeof(before));
}

/* The call faults as it should and leaves the processor alone. */
#define EXPECT_RAISES(call, want_vector, want_error)                           \
    do {                                                                       \
        before = w.cpu;                                                        \
        EXPECT_EQ(call, ENV_FAULT);                                            \
        EXPECT_EQ(f.vector, want_vector);                                      \
        EXPECT(f.has_error);                                                   \
        EXPECT_EQ(f.error, want_error);                                        \
        EXPECT(untouched());                                                   \
    } while (0)

#define EXPECT_OK(call) EXPECT_EQ(call, ENV_OK)

#endif
