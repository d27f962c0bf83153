/* SPDX-License-Identifier: MIT
 *
 * See make.h. Bytes come from the rows of ops.def, so a new row is tested as
 * soon as it is there: prefixes, opcode and modrm as the row wants them,
 * everything behind at random. make_state.c then gives the registers such
 * values that the instruction does something.
 *
 * LIMIT: not here are rows that leave the process or the kernel's promise:
 * system calls, SMSW, SGDT and their like, which the kernel plays itself
 * where the processor has UMIP, and virtual-8086 and real mode.
 */
#include "tests/diff/make.h"
#include "arch/x86/defs/desc.h"
#include "vmm/cpu/exec_impl.h"
#include <string.h>

enum {
#define GROUP(group, map, byte)     AT_##group = (map)*256 + (byte),
#define XGROUP(group, byte, prefix) AT_##group = 256 + (byte),
#include "vmm/cpu/ops.def"
};

enum { BYTE_NP = 0, BYTE_66 = 0x66, BYTE_F3 = 0xf3, BYTE_F2 = 0xf2 };

enum {
#define GROUP(group, map, byte)     PREFIX_OF_##group = 0,
#define XGROUP(group, byte, prefix) PREFIX_OF_##group = BYTE_##prefix,
#include "vmm/cpu/ops.def"
};

const struct form forms[] = {
#define OP(map, byte, id, ...) {OP_##id, (map)*256 + (byte), 0, -1, -1, 0},
#define XP(byte, prefix, id, ...)                                              \
    {OP_##id, 256 + (byte), BYTE_##prefix, -1, -1, 0},
#define GR(group, reg, id, ...)                                                \
    {OP_##id, AT_##group, PREFIX_OF_##group, reg, -1, 0},
#define GM(group, reg, id, ...)                                                \
    {OP_##id, AT_##group, PREFIX_OF_##group, reg, -1, FORM_MEMORY},
#define GX(group, reg, id, ...)                                                \
    {OP_##id, AT_##group, PREFIX_OF_##group, reg, -1, FORM_REGISTER},
#define GB(group, reg, rm, id, ...)                                            \
    {OP_##id, AT_##group, PREFIX_OF_##group, reg, rm, FORM_REGISTER},
#include "vmm/cpu/ops.def"
};
const u32 form_count = ARRAY_LEN(forms);

/* Opcodes that have one more meaning with F2 or F3 (vol. 2D A.3), or after
 * SSE2: there, no prefix that does not belong. */
static bool takes_no_rep(const struct form *form)
{
    static const u16 ats[] = {0x101, 0x109, 0x11a, 0x11b, 0x11c, 0x11e,
                              0x1ae, 0x1b8, 0x1bc, 0x1bd, 0x1c7};

    for (u32 i = 0; i < ARRAY_LEN(ats); i++) {
        if (form->at == ats[i])
            return true;
    }
    return false;
}

static u64 state;

u32 rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (u32)(state >> 16);
}

u32 rnd_below(u32 n)
{
    return (u32)((u64)rnd() * n >> 32);
}

bool one_in(u32 n)
{
    return !rnd_below(n);
}

/* Numbers at which carries and signs change are worth more than others. */
u32 rnd_value(void)
{
    static const u32 edges[] = {0,          1,          0x7f,      0x80,
                                0xff,       0x7fff,     0x8000,    0xffff,
                                0x7fffffff, 0x80000000, 0xffffffff};
    u32 kind = rnd_below(4);

    if (kind == 0)
        return edges[rnd_below(ARRAY_LEN(edges))];
    if (kind == 1)
        return rnd_below(40);
    return rnd();
}

bool make_wanted(u32 op)
{
    switch (op) {
    case OP_SYSENTER:
    case OP_SYSCALL:
    case OP_SYSRET:
    case OP_SGDT:
    case OP_SIDT:
    case OP_SLDT:
    case OP_STR:
    case OP_SMSW:
        return false;
    default:
        return true;
    }
}

static bool is_vector(const struct test *t)
{
    u32 class = t->row->class;

    return class == CLASS_MMX || class == CLASS_SSE || t->form->prefix;
}

static u32 put_prefixes(struct test *t)
{
    bool vector = is_vector(t), repeats = t->row->flags & OPF_REP;
    static const u8 segments[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
    u32 at = 0;

    if (!vector && one_in(t->row->width == WIDTH_V ? 3 : 16))
        t->bytes[at++] = 0x66;
    if (repeats ? !one_in(3) : !vector && one_in(32) && !takes_no_rep(t->form))
        t->bytes[at++] = one_in(2) ? 0xf2 : 0xf3;
    if (one_in(6))
        t->bytes[at++] = 0x67;
    if (one_in(6))
        t->bytes[at++] = segments[rnd_below(6)];
    if (one_in((t->row->flags & OPF_LOCK) ? 6 : 64))
        t->bytes[at++] = 0xf0;
    if (t->form->prefix)
        t->bytes[at++] = t->form->prefix;
    return at;
}

/* LES, LDS and BOUND, whose register forms are VEX and EVEX prefixes now. */
static bool is_vex(u32 at)
{
    return at == 0xc4 || at == 0xc5 || at == 0x62;
}

static u8 any_modrm(const struct test *t)
{
    const struct form *form = t->form;
    u32 modrm = rnd() & 0xff;
    bool memory = modrm < 0xc0;

    if (form->where == FORM_MEMORY || (t->row->flags & OPF_MEMORY))
        memory = !one_in(32) || form->where == FORM_MEMORY || is_vex(form->at);
    else if (form->where == FORM_REGISTER || (t->row->flags & OPF_REGISTER))
        memory = false;
    else if (one_in(3))
        memory = true;
    modrm = memory ? rnd_below(3) << 6 | (modrm & 63) : modrm | 0xc0;
    if (form->reg >= 0)
        modrm = (modrm & 0xc7) | (u32)form->reg << 3;
    if (form->rm >= 0)
        modrm = (modrm & 0xf8) | (u32)form->rm;
    return (u8)modrm;
}

static void make_bytes(struct test *t)
{
    u32 at;

    for (u32 i = 0; i < INSN_MAX; i++)
        t->bytes[i] = (u8)rnd();
    at = put_prefixes(t);
    if (t->form->at >= 256)
        t->bytes[at++] = 0x0f;
    t->bytes[at++] = (u8)t->form->at;
    if ((t->row->shape & O_MODRM) || t->form->reg >= 0)
        t->bytes[at] = any_modrm(t);
}

static bool decodes(struct test *t)
{
    bool code32 = place_of(t->regs.seg[SEG_CS])->attr & ATTR_DB;

    return insn_decode(t->bytes, INSN_MAX, code32, &t->insn) == DECODE_OK &&
           t->insn.op == t->form->op;
}

static u32 pick_segment(u32 use)
{
    u32 n;

    do
        n = rnd_below(PLACES);
    while (!(places[n].use & use));
    return places[n].sel;
}

/* Flat, or not: then the test goes the long way. */
static void make_segments(struct test *t)
{
    u32 *seg = t->regs.seg;

    for (u32 s = 0; s < SEG_COUNT; s++)
        seg[s] = places[PLACE_DATA].sel;
    seg[SEG_CS] = places[PLACE_CODE].sel;
    if (!t->far)
        return;
    for (u32 s = 0; s < SEG_COUNT; s++) {
        if (!one_in(3))
            seg[s] = pick_segment(s == SEG_CS   ? USE_CODE
                                  : s == SEG_SS ? USE_STACK
                                                : USE_DATA);
    }
}

/* Rows that may lead elsewhere, or that show or load segment registers. */
static bool goes_far(const struct op_row *row)
{
    switch (row->class) {
    case CLASS_CONTROL:
    case CLASS_SENSITIVE:
    case CLASS_INT:
    case CLASS_IRET:
        return true;
    default:
        return false;
    }
}

bool make_test(struct test *t, const struct form *form, u64 seed)
{
    state = seed | 1;
    for (u32 i = 0; i < 4; i++)
        rnd();
    t->form = form;
    t->row = &op_rows[form->op];
    t->far = goes_far(t->row) || one_in(5);
    make_segments(t);
    make_bytes(t);
    if (!decodes(t))
        return false;
    if (t->insn.seg != SEG_DS && t->insn.seg != SEG_SS && !t->far)
        return false;
    t->with_fpu = t->row->class >= CLASS_X87;
    if (t->with_fpu)
        make_fpu(t);
    return make_state(t) && decodes(t);
}
