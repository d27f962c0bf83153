/* SPDX-License-Identifier: MIT
 *
 * The guest of the random probe test: paging, handlers, and code that is made
 * of a seed.
 *
 * The code is a row of slots, each of one or two instructions, that lie across
 * page ends. What faults is skipped by a handler, or restarted when it was a
 * page that comes on demand. Data is seen at several linear addresses: by two
 * directory entries for one table, by a large page, and by another CR3 that
 * has pages swapped.
 */
#ifndef TESTS_PROBEGUEST_H
#define TESTS_PROBEGUEST_H

#include "tests/unit/probeworld.h"
#include <stdarg.h>

#define SLOT      16u
#define SLOTS     500u
#define FIRST     (CODE_AT + 8)
#define HANDLERS  0x20a000u
#define PD_1      0x10000u
#define PT_1      0x11000u
#define PD_2      0x12000u
#define PT_2      0x13000u
#define PT_LOW    0x14000u
#define DATA      0x400000u /* linear; and at 0x800000, and in the large page */
#define DATA_PHYS 0x300000u
#define LARGE     0xc00000u
#define DATA_SIZE 0x6000u
#define USER_ESP  0xb000u
#define DEMAND    0x200u
#define VECTOR    0x20
#define SOFT      0x40

/* pf: fixes a page of DATA that comes on demand, else skips;
 * skip_err, skip: go on at the next slot; soft: IRET; irq: EOI, IRET. */
static const u8 handlers[] = {
    0x50, 0x53, 0x0f, 0x20, 0xd0, 0x89, 0xc3, 0xc1, 0xe8, 0x16, 0x48,
    0x83, 0xf8, 0x01, 0x77, 0x2a, 0xc1, 0xeb, 0x0c, 0x81, 0xe3, 0xff,
    0x03, 0x00, 0x00, 0x8b, 0x04, 0x9d, 0x00, 0x10, 0x01, 0x00, 0x25,
    0x01, 0x02, 0x00, 0x00, 0x3d, 0x00, 0x02, 0x00, 0x00, 0x75, 0x0e,
    0x83, 0x0c, 0x9d, 0x00, 0x10, 0x01, 0x00, 0x01, 0x5b, 0x58, 0x83,
    0xc4, 0x04, 0xcf, 0x5b, 0x58, 0x83, 0xc4, 0x04, 0x50, 0x8b, 0x44,
    0x24, 0x04, 0x83, 0xe8, 0x08, 0x83, 0xe0, 0xf0, 0x83, 0xc0, 0x18,
    0x89, 0x44, 0x24, 0x04, 0xff, 0x05, 0x00, 0x50, 0x00, 0x00, 0x58,
    0xcf, 0xcf, 0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf};
enum { AT_PF = 0, AT_SKIP_ERR = 0x3c, AT_SKIP = 0x3f, AT_SOFT = 0x59 };
enum { AT_IRQ = 0x5a };
static const u8 handler_insns[] = {0x00, 0x02, 0x05, 0x19, 0x2c, 0x39, 0x3c,
                                   0x3f, 0x40, 0x4d, 0x51, 0x58, 0x59, 0x5d};

static u32 state;

static u32 rnd(u32 below)
{
    state = state * 1664525u + 1013904223u;
    return (u32)((u64)state * below >> 32);
}

static bool chance(u32 percent)
{
    return rnd(100) < percent;
}

/* ---- the guest */

static u8 code[SLOT];
static u32 code_len;

static void emit(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    for (; *format; format++) {
        u32 v = va_arg(args, u32), n = *format == 'd' ? 4 : 1;
        for (u32 i = 0; i < n; i++)
            code[code_len++] = (u8)(v >> 8 * i);
    }
    va_end(args);
}

static u32 data_at(void)
{
    static const u32 base[] = {DATA, DATA, DATA, 0x800000, LARGE + DATA_PHYS};

    return base[rnd(ARRAY_LEN(base))] +
           (chance(30) ? (rnd(5) + 1) * 0x1000 - rnd(8) : 0x200 + rnd(0x5c00));
}

static u32 slot_at(u32 slot)
{
    return FIRST + slot * SLOT;
}

/* REP CMPS that faults gives back the flags it began with, and the model begins
 * with each iteration. */
static void emit_string(void)
{
    static const u8 op[] = {0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad, 0xa6, 0xae};
    u32 which = rnd(sizeof(op));

    emit("bdbd", 0xbe, data_at(), 0xbf, data_at());
    emit("bbb", 0x6a, rnd(40), 0x59);
    if (which < 6 && chance(80))
        emit("b", chance(70) ? 0xf3 : 0xf2);
    emit("b", op[which]);
}

static void emit_data(void)
{
    u32 at = data_at(), which = rnd(12);

    if ((which == 1 || which == 9) && chance(50)) /* its own code */
        at = CODE_AT + rnd(0x1f00);
    switch (which) {
    case 0:
        emit("bd", 0xa3, at);
        break;
    case 1:
        emit("bd", 0xa1, at);
        break;
    case 2:
        emit("bbdb", 0x83, 0x05, at, rnd(256));
        break;
    case 3:
        emit("bbdb", 0xc6, 0x05, at, rnd(256));
        break;
    case 4:
        emit("bbd", 0x66, 0xa3, at);
        break;
    case 5:
        emit("bbd", 0x87, 0x1d, at); /* xchg */
        break;
    case 6:
        emit("bbbd", 0x0f, 0xb1, 0x0d, at); /* cmpxchg */
        break;
    case 7:
        emit("bbd", 0xff, 0x35, at); /* push */
        break;
    case 8:
        emit("bbd", 0x8f, 0x05, at); /* pop */
        break;
    case 9:
        emit("bbd", 0x3b, 0x05, at); /* cmp */
        break;
    case 10:
        emit("bbbdb", 0x0f, 0xba, 0x2d, at, rnd(32)); /* bts */
        break;
    default:
        emit_string();
    }
}

static void emit_jump(u32 slot)
{
    u32 to = rnd(SLOTS), from = slot_at(slot);

    switch (rnd(4)) {
    case 0:
        emit("bbd", 0x0f, 0x80 + rnd(16), slot_at(to) - from - 6);
        break;
    case 1:
        emit("bd", 0xe8, slot_at(to) - from - 5);
        break;
    case 2:
        emit("bdbb", 0xb8, slot_at(to) + (chance(50) ? LARGE : 0), 0xff, 0xe0);
        break;
    default:
        emit("bb", 0xcd, SOFT);
    }
}

static void emit_system(bool user)
{
    u32 pte = PT_1 + (chance(50) ? 2 : 5) * 4;

    switch (user ? 2 + rnd(6) : rnd(8)) { /* no flush in ring 3 */
    case 0:
        emit("bdbbb", 0xb8, chance(50) ? PD_1 : PD_2, 0x0f, 0x22, 0xd8);
        break;
    case 1: /* a page comes on demand once more */
        emit("bbdb", 0x83, 0x25, pte, 0xfe);
        emit("bbbbbb", 0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8);
        break;
    case 2:
        emit("b", chance(50) ? 0xfa : 0xfb); /* cli, sti */
        break;
    case 3:
        emit("bbb", 0x0f, 0x20, 0xd0); /* mov eax, cr2 */
        break;
    case 4:
        emit("bb", 0x0f, 0x0b);
        break;
    case 5:
        emit("bd", 0xa1, 0x1000000 + rnd(0x1000000));
        break;
    case 6:
        emit("bbbb", 0x31, 0xc9, 0xf7, 0xf1); /* div by zero */
        break;
    default:
        emit("bbb", 0x8e, 0xd0 + 8 * rnd(2), 0x90); /* mov ss or ds, ax */
    }
}

static void emit_plain(bool user)
{
    switch (rnd(7)) {
    case 0:
        emit("bd", 0xbc, user ? USER_ESP : STACK); /* mov esp */
        break;
    case 1:
        emit("b", 0x60); /* pusha */
        break;
    case 2:
        emit("b", chance(50) ? 0xfc : 0xfd);
        break;
    case 3:
        emit("bd", 0x68, rnd(0x7fffffff));
        break;
    case 4:
        emit("b", 0x58 + (chance(50) ? 0 : 3)); /* pop eax, ebx */
        break;
    case 5:
        emit("bd", 0xb8 + rnd(4), rnd(0x7fffffff));
        break;
    default:
        emit("bb", 0x01 + 8 * rnd(7), 0xc0 + rnd(4) * 9); /* alu */
    }
}

static void make_code(bool user)
{
    for (u32 slot = 0; slot < SLOTS; slot++) {
        u32 kind = rnd(10);
        code_len = 0;
        if (slot + 1 == SLOTS)
            emit("bd", 0xe9, FIRST - slot_at(slot) - 5);
        else if (kind < 4)
            emit_data();
        else if (kind < 5)
            emit_jump(slot);
        else if (kind < 6)
            emit_system(user);
        else
            emit_plain(user);
        if (code_len + 2 <= SLOT)
            emit("bb", 0xeb, SLOT - code_len - 2);
        while (code_len < SLOT)
            emit("b", 0x90);
        poke(slot_at(slot), code, SLOT);
    }
}

static void entry(u32 at, u32 value)
{
    poke(at, &value, sizeof(value));
}

static void make_paging(void)
{
    for (u32 i = 0; i < 1024; i++)
        entry(PT_LOW + i * 4, i << 12 | 7);
    for (u32 i = 0; i < 8; i++) {
        entry(PT_1 + i * 4, (DATA_PHYS + i * 0x1000) | (i == 3 ? 5 : 7));
        entry(PT_2 + i * 4, (DATA_PHYS + (i ^ 1) * 0x1000) | 7);
    }
    entry(PT_1 + 2 * 4, (DATA_PHYS + 2 * 0x1000) | DEMAND | 6);
    entry(PT_1 + 5 * 4, (DATA_PHYS + 5 * 0x1000) | DEMAND | 6);
    for (u32 pd = PD_1; pd <= PD_2; pd += PD_2 - PD_1) {
        entry(pd, PT_LOW | 7);
        entry(pd + 4, (pd == PD_1 ? PT_1 : PT_2) | 7);
        entry(pd + 8, PT_1 | 7);
        entry(pd + 12, 0x87);
    }
}

static void gate(u32 vector, u32 at)
{
    u64 raw = (u64)((HANDLERS + at) & 0xffff0000) << 32 | 0xee00ull << 32 |
              8 << 16 | ((HANDLERS + at) & 0xffff);

    poke(IDT_AT + vector * 8, &raw, sizeof(raw));
}

static void make_handlers(void)
{
    poke(HANDLERS, handlers, sizeof(handlers));
    for (u32 v = 0; v < TRAP_EXCEPTIONS; v++)
        gate(v, TRAP_HAS_ERROR >> v & 1 ? AT_SKIP_ERR : AT_SKIP);
    gate(TRAP_PF, AT_PF);
    gate(VECTOR, AT_IRQ);
    gate(SOFT, AT_SOFT);
}

static void to_ring3(void)
{
    struct cpu *cpu = &vm->cpu;

    for (u32 s = 0; s < SEG_COUNT; s++) {
        cpu->seg[s].sel = s == SEG_CS ? 0x1b : 0x23;
        cpu->seg[s].attr |= ATTR_DPL;
    }
    cpu->cpl = 3;
    cpu->gpr[ESP] = USER_ESP;
}

/* The same guest for the same seed. */
static void guest(u32 seed, enum way way, enum shadow_policy_id policy)
{
    bool user = seed & 1;
    u32 old_cr0, old_cr4;
    struct cpu_env env;

    world(way, policy);
    state = seed * 7919 + 1;
    make_paging();
    make_handlers();
    make_code(user);
    env = env_of(vm);
    env.table_loaded(vm, TABLE_IDT);
    old_cr0 = vm->cpu.cr0;
    old_cr4 = vm->cpu.cr4;
    vm->cpu.cr3 = PD_1;
    vm->cpu.cr4 |= CR4_PSE;
    env.cr_written(vm, 4, old_cr4);
    vm->cpu.cr0 |= CR0_PG | (seed & 2 ? CR0_WP : 0);
    env.cr_written(vm, 0, old_cr0);
    vm->cpu.eip = FIRST;
    vm->cpu.eflags |= EFLAGS_IF;
    for (u32 s = 0; s < SEG_COUNT; s++)
        vm->cpu.seg[s].sel = s == SEG_CS ? 8 : 16;
    if (user)
        to_ring3();
    vm->cpu.seg_dirty = 0x3f;
}

#endif
