/* SPDX-License-Identifier: MIT
 *
 * Registers and memory for an instruction whose bytes are there: memory
 * operands, stacks and strings are aimed at the data pages and their edges,
 * branches at the code page, selectors are of segments that both worlds have.
 *
 * Whatever is aimed lies in a window around the pages where this process has
 * nothing else, so no test can hurt the program that runs it.
 */
#include "arch/x86/defs/desc.h"
#include "tests/diff/make.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/exec_impl.h"
#include <string.h>

#define MIDDLE      0x1000u
#define FLAGS_START (EFLAGS_STATUS | EFLAGS_DF | EFLAGS_ID)
#define FIRST_EIP   0x200u

static const struct place *seg_place(const struct test *t, u32 s)
{
    return place_of(t->regs.seg[s]);
}

/* A linear address in the window, mostly with `size` bytes there. */
static u32 aim_linear(u32 size)
{
    static const u32 edges[] = {0, MIDDLE, DATA_SIZE, DATA_READ};

    if (one_in(16))
        return DATA_AT + edges[rnd_below(4)] - rnd_below(size + 4) +
               rnd_below(3);
    return DATA_AT + 0x400 + rnd_below(DATA_SIZE - 0x800);
}

/* Beyond FFFFFFFF an access wraps or faults, as the processor likes (SDM vol.
 * 3A 5.3): not there. */
static bool wraps(u32 offset)
{
    return offset + 0x400 < 0x800;
}

/* An offset in the place for an operand of that size. */
static u32 aim_once(const struct place *place, u32 size)
{
    u32 linear = aim_linear(size);

    if (place->base - CODE_AT + 256 < CODE_SIZE)
        return rnd_below(place->limit - size);
    if (one_in(16) && place->limit < 0x10000) {
        u32 edge = one_in(2) ? place_low(place) : place_high(place) + 1;
        u32 offset = edge - rnd_below(size + 3) + rnd_below(2);
        if (place->base + offset - (DATA_AT - HOLE) < 2 * HOLE)
            return offset;
    }
    return linear - place->base;
}

static u32 aim(const struct place *place, u32 size)
{
    u32 offset;

    do
        offset = aim_once(place, size);
    while (place_high(place) == 0xffffffff && wraps(offset));
    return offset;
}

static u32 imm_bytes(const struct insn *insn)
{
    u32 n = 0;

    for (int i = 0; i < 3; i++) {
        u8 kind = op_rows[insn->op].operand[i];
        if (kind == O_I || kind == O_J)
            n += insn->opsize;
        else if (kind == O_P)
            n += insn->opsize + 2;
        else if (kind & O_IMM)
            n += kind == O_IW ? 2 : kind == O_O ? 4 : 1;
    }
    return n;
}

static u32 ea_of(const struct test *t)
{
    struct cpu cpu;

    memcpy(cpu.gpr, t->regs.gpr, sizeof(cpu.gpr));
    return ea_offset(&cpu, &t->insn);
}

/* Bytes of displacement that a test can choose freely. */
static u32 disp_bytes(const struct insn *insn)
{
    u32 mod = insn->modrm >> 6, wide = insn->adsize;

    if (insn->has_modrm)
        return mod == 2 || (mod == 0 && insn->base < 0) ? wide : 0;
    return wide; /* moffs */
}

/* Makes the effective address `want`, by the displacement or a register. */
static bool set_ea(struct test *t, u32 want)
{
    struct insn *insn = &t->insn;
    u32 n = disp_bytes(insn), by = want - ea_of(t);
    u32 behind = insn->has_modrm ? imm_bytes(insn) : 0;

    if (n) {
        insn->disp += by;
        if (n == 2)
            put_le16(t->bytes + insn->len - behind - n, (u16)insn->disp);
        else
            put_le32(t->bytes + insn->len - behind - n, insn->disp);
        return true;
    }
    if (insn->base < 0 || insn->index == insn->base)
        return false;
    if (insn->adsize == 2)
        put_le16((u8 *)&t->regs.gpr[insn->base],
                 (u16)(t->regs.gpr[insn->base] + by));
    else
        t->regs.gpr[insn->base] += by;
    return true;
}

static bool has_kind(const struct test *t, u32 kind)
{
    const u8 *k = t->row->operand;

    return k[0] == kind || k[1] == kind || k[2] == kind;
}

/* With O_R modrm.mod means nothing. */
static bool has_memory(const struct test *t)
{
    if (t->insn.has_modrm)
        return t->insn.modrm >> 6 != 3 && !has_kind(t, O_R);
    return has_kind(t, O_O);
}

static u32 operand_size(const struct test *t)
{
    u32 size = 0;

    for (u32 i = 0; i < 3; i++)
        size = max_u32(size, operand_bytes(&t->insn, t->row->operand[i]));
    return size ? size : 8;
}

/* A bit string must not reach further than the pages do. */
static bool aim_bit(struct test *t)
{
    u32 reg = t->insn.reg;

    if (t->row->class != CLASS_BIT || t->row->operand[1] != O_G)
        return true;
    if ((s8)reg == t->insn.base || (s8)reg == t->insn.index)
        return false;
    t->regs.gpr[reg] = rnd_below(8000) - 4000;
    return true;
}

/* Atomic accesses across cache lines stop the whole machine, and some kernels
 * punish that. */
static bool is_locked(const struct test *t)
{
    u32 op = t->insn.op;

    return t->insn.lock || op == OP_XCHG_EbGb || op == OP_XCHG_EvGv;
}

static bool aim_operand(struct test *t)
{
    const struct place *place = seg_place(t, t->insn.seg);
    u32 size = operand_size(t), want = aim(place, size);

    if (t->insn.op == OP_LEA || t->row->class == CLASS_NOP)
        return true;
    if (!aim_bit(t))
        return false;
    if (t->insn.base == ESP && t->insn.index >= 0) /* a stack all the same */
        t->regs.gpr[t->insn.index] = rnd_below(64);
    if (is_locked(t) || !one_in(3))
        want -= (want + place->base) % (size > 8 ? 16 : 8);
    if ((t->row->arg & FPU_ALIGNED) && t->with_fpu && one_in(16))
        want++;
    if (t->insn.adsize == 2 && place->base < DATA_AT - HOLE && one_in(2))
        return false;
    if (t->insn.adsize == 2)
        want &= 0xffff;
    return set_ea(t, want);
}

/* ---- where branches go */

/* An offset in a code segment, not inside the instruction itself, nor where
 * this process has code. */
static u32 aim_code(const struct test *t, const struct place *place)
{
    u32 here = seg_place(t, SEG_CS)->base + t->regs.eip, at;

    do {
        at = CODE_AT + rnd_below(CODE_SIZE);
        if (one_in(12))
            at = CODE_AT + CODE_SIZE + rnd_below(64) - 8;
        if (place->base && one_in(16))
            at = place->base + (rnd() & 0xffff);
    } while (at - here < INSN_MAX);
    return at - place->base;
}

static bool lands_inside(const struct test *t, u32 offset)
{
    return offset - t->regs.eip < t->insn.len;
}

static bool aim_branch(struct test *t)
{
    const struct place *cs = seg_place(t, SEG_CS);
    u32 next = t->regs.eip + t->insn.len;

    if (has_kind(t, O_J)) {
        u32 by = aim_code(t, cs) - next;
        u8 *at = t->bytes + t->insn.len - t->insn.opsize;
        if (t->insn.opsize == 4)
            put_le32(at, by);
        else
            put_le16(at, (u16)by);
        return t->insn.opsize == 4 || !lands_inside(t, (next + by) & 0xffff);
    }
    if (has_kind(t, O_JB)) {
        u32 to = next + t->insn.imm;
        return !lands_inside(t, to) && !lands_inside(t, to & 0xffff);
    }
    return true;
}

/* ---- what lies in memory */

static u8 *data_at(struct test *t, const struct place *place, u32 offset,
                   u32 size)
{
    u32 at = place->base + offset - DATA_AT;

    return at <= DATA_SIZE - size ? t->data + at : NULL;
}

static u32 any_selector(void)
{
    u32 sel = places[rnd_below(PLACES)].sel;

    if (one_in(8))
        sel ^= rnd_below(4);
    return one_in(12) ? rnd_below(4) : sel;
}

static u32 code_selector(void)
{
    u32 n = rnd_below(PLACES);

    if (!one_in(8)) {
        while (!(places[n].use & USE_CODE))
            n = rnd_below(PLACES);
    }
    return places[n].sel;
}

/* What POPF and IRET may find: not TF, for that trap is the next
 * instruction's. */
static u32 any_flags(void)
{
    return rnd() & ~(u32)EFLAGS_TF;
}

/* Target, selector, flags, and a segment's far pointer likewise. */
static void put_pointer(struct test *t, u8 *to, u32 size, bool code)
{
    u32 sel = code ? code_selector() : any_selector();
    u32 offset = aim_code(t, place_of(sel));

    if (size == 4) {
        put_le32(to, offset);
        put_le32(to + 4, (rnd() & 0xffff0000) | sel);
        put_le32(to + 8, any_flags());
    } else {
        put_le16(to, (u16)offset);
        put_le16(to + 2, (u16)sel);
        put_le16(to + 4, (u16)any_flags());
    }
}

static bool is_near(u32 op)
{
    return op == OP_RET || op == OP_RET_Iw || op == OP_CALL_Ev ||
           op == OP_JMP_Ev;
}

static void put_near(const struct test *t, u8 *to)
{
    u32 target = aim_code(t, seg_place(t, SEG_CS));

    if (t->insn.opsize == 4)
        put_le32(to, target);
    else
        put_le16(to, (u16)target);
}

static void fill_stack(struct test *t)
{
    const struct place *ss = seg_place(t, SEG_SS);
    u32 mask = ss->attr & ATTR_DB ? 0xffffffff : 0xffff, op = t->insn.op;
    u8 *top = data_at(t, ss, t->regs.gpr[ESP] & mask, 12);

    if (!top)
        return;
    if (is_near(op))
        put_near(t, top);
    else if (op == OP_POPF)
        put_le32(top, any_flags());
    else if (t->row->class == CLASS_IRET || op == OP_RETF || op == OP_RETF_Iw)
        put_pointer(t, top, t->insn.opsize, true);
    else if (t->row->class == CLASS_SENSITIVE)
        put_le32(top, (rnd() & 0xffff0000) | any_selector());
}

/* Numbers that compare equal now and then. */
static void match_accumulator(struct test *t, const u8 *at)
{
    u32 op = t->insn.op;

    if (op != OP_CMPXCHG_EbGb && op != OP_CMPXCHG_EvGv && op != OP_CMPXCHG8B)
        return;
    if (one_in(2) || t->insn.base == EAX || t->insn.index == EAX ||
        t->insn.base == EDX || t->insn.index == EDX)
        return;
    t->regs.gpr[EAX] = get_le32(at);
    if (op == OP_CMPXCHG8B)
        t->regs.gpr[EDX] = get_le32(at + 4);
}

static void put_limits(const struct test *t, u8 *at)
{
    u32 lower = rnd_value() >> 1, upper = lower + (rnd_value() >> 1);

    if (t->insn.opsize == 4) {
        put_le32(at, lower);
        put_le32(at + 4, upper);
    } else {
        put_le16(at, (u16)lower);
        put_le16(at + 2, (u16)(lower + (upper & 0x3fff)));
    }
}

static void fill_operand(struct test *t)
{
    u32 op = t->insn.op;
    u8 *at = data_at(t, seg_place(t, t->insn.seg), ea_of(t), 16);

    if (!at)
        return;
    if (t->with_fpu)
        make_fpu_operand(t, at, DATA_SIZE - (u32)(at - t->data));
    else if (!one_in(3))
        put_le32(at, rnd_value());
    match_accumulator(t, at);
    if (is_near(op))
        put_near(t, at);
    else if (op == OP_BOUND)
        put_limits(t, at);
    else if (t->row->operand[0] == O_MP)
        put_pointer(t, at, t->insn.opsize, true);
    else if (t->row->operand[1] == O_MP)
        put_pointer(t, at, t->insn.opsize, false);
    else if (t->row->class == CLASS_SENSITIVE)
        put_le32(at, (rnd() & 0xffff0000) | any_selector());
}

/* The same in registers. */
static void fill_register(struct test *t)
{
    u32 rm = t->insn.rm, op = t->insn.op;

    if (is_near(op))
        t->regs.gpr[rm] = aim_code(t, seg_place(t, SEG_CS));
    else if (t->row->class == CLASS_SENSITIVE)
        t->regs.gpr[rm] = (rnd() & 0xffff0000) | any_selector();
    if (op == OP_ARPL)
        t->regs.gpr[t->insn.reg] = rnd();
}

static void fill_immediate(struct test *t)
{
    if (has_kind(t, O_P)) {
        u8 *at = t->bytes + t->insn.len - t->insn.opsize - 2;
        u32 sel = code_selector(), to = aim_code(t, place_of(sel));
        if (t->insn.opsize == 4)
            put_le32(at, to);
        else
            put_le16(at, (u16)to);
        put_le16(at + t->insn.opsize, (u16)sel);
    }
    if (t->insn.op == OP_ENTER && one_in(2))
        t->bytes[t->insn.len - 2] &= 3;
}

/* ---- registers that an instruction uses as addresses without naming them */

static void aim_strings(struct test *t)
{
    u32 *gpr = t->regs.gpr;
    bool wide = t->insn.adsize == 4;

    gpr[ESI] = aim(seg_place(t, t->insn.seg), 4) | (wide ? 0 : rnd() << 16);
    gpr[EDI] = aim(seg_place(t, SEG_ES), 4) | (wide ? 0 : rnd() << 16);
    if (!t->insn.rep)
        return;
    gpr[ECX] = one_in(12) && !(t->row->flags & (OPF_REPCC & ~OPF_REP))
                   ? rnd_below(900)
                   : rnd_below(24);
    if (!wide)
        gpr[ECX] |= rnd() << 16;
}

/* A double word with a selector may be moved as a word (vol. 2B PUSH, POP). */
static bool moves_selector(const struct test *t)
{
    u32 op = t->insn.op;

    return t->row->class == CLASS_IRET || op == OP_RETF || op == OP_RETF_Iw ||
           op == OP_PUSH_ES || op == OP_PUSH_CS || op == OP_PUSH_SS ||
           op == OP_PUSH_DS || op == OP_PUSH_FS || op == OP_PUSH_GS ||
           op == OP_POP_ES || op == OP_POP_SS || op == OP_POP_DS ||
           op == OP_POP_FS || op == OP_POP_GS;
}

static void aim_stack(struct test *t)
{
    const struct place *ss = seg_place(t, SEG_SS);
    u32 *gpr = t->regs.gpr, op = t->insn.op;

    gpr[ESP] = aim(ss, 8);
    if (!one_in(4) || moves_selector(t))
        gpr[ESP] -= gpr[ESP] % 4;
    if (op == OP_LEAVE || op == OP_ENTER) {
        gpr[EBP] = aim(ss, 8);
        if (!one_in(4))
            gpr[EBP] -= gpr[EBP] % 4;
    }
    if (ss->attr & ATTR_DB)
        return;
    gpr[ESP] = (gpr[ESP] & 0xffff) | rnd() << 16;
    gpr[EBP] = (gpr[EBP] & 0xffff) | rnd() << 16;
}

static void aim_implied(struct test *t)
{
    static const u32 leaves[] = {0,          2,          0x80000000,
                                 0x80000002, 0x80000003, 0x80000004};
    u32 op = t->insn.op;

    aim_stack(t);
    if (t->row->flags & OPF_REP)
        aim_strings(t);
    if (op == OP_MASKMOVQ || op == OP_MASKMOVDQU)
        t->regs.gpr[EDI] = aim(seg_place(t, t->insn.seg), 16);
    if (op == OP_XLAT)
        t->regs.gpr[EBX] = aim(seg_place(t, t->insn.seg), 256);
    if (op == OP_CPUID)
        t->regs.gpr[EAX] = leaves[rnd_below(ARRAY_LEN(leaves))];
}

/* What no test can be: a system call, a result that the manual leaves open
 * (BSWAP of a word), a stack on the code page. */
static bool is_refused(const struct test *t)
{
    u32 op = t->insn.op;

    if (op >= OP_BSWAP_0 && op <= OP_BSWAP_7)
        return t->insn.opsize == 2;
    if (op == OP_CALL_Ev)
        return t->insn.modrm >> 6 == 3 && t->insn.rm == ESP;
    return op == OP_INT && t->insn.imm == 0x80;
}

static void place_code_bytes(struct test *t)
{
    const struct place *cs = seg_place(t, SEG_CS);
    u32 at = CODE_AT + FIRST_EIP + rnd_below(CODE_SIZE - 2 * FIRST_EIP);

    if (one_in(64) && t->far)
        at = CODE_AT + CODE_SIZE - 1 - rnd_below(t->insn.len + 1);
    t->regs.eip = at - cs->base;
}

/* Old random bytes from somewhere else will do. */
static void fill_data(struct test *t)
{
    static u8 pool[DATA_SIZE + 4096];
    u32 value = 1;

    for (u32 i = 0; !pool[1] && i < sizeof(pool); i++) {
        value = value * 1664525 + 1013904223;
        pool[(i + 2) % sizeof(pool)] = (u8)(value >> 24);
    }
    memcpy(t->data, pool + rnd_below(4096), DATA_SIZE);
}

bool make_state(struct test *t)
{
    const u32 nt = t->row->class == CLASS_IRET ? 0 : EFLAGS_NT;

    if (is_refused(t))
        return false;
    fill_data(t);
    for (u32 r = 0; r < GPR_COUNT; r++)
        t->regs.gpr[r] = rnd_value();
    t->regs.eflags = EFLAGS_ONE | EFLAGS_IF | (rnd() & (FLAGS_START | nt));
    t->regs.eflags |= one_in(4) ? EFLAGS_AC : 0;
    place_code_bytes(t);
    aim_implied(t);
    if (has_memory(t) && !aim_operand(t))
        return false;
    if (!aim_branch(t))
        return false;
    fill_stack(t);
    fill_immediate(t);
    if (has_memory(t))
        fill_operand(t);
    else if (t->insn.has_modrm)
        fill_register(t);
    return true;
}
