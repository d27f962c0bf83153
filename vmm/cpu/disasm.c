/* SPDX-License-Identifier: MIT
 *
 * Instructions as text, Intel syntax, from the same rows that execute them:
 *   rep movsd            lock add dword ptr fs:[eax+ecx*4-0x10], 0x1
 *
 * Branch targets are absolute addresses. Memory operands carry their size
 * when no register tells it. Text is cut, never overrun, when buf is short;
 * the length returned is what the whole text needs.
 */
#include "vmm/base/bits.h"
#include "vmm/cpu/decode.h"

#define REP_NE 0xf2

struct text {
    char *buf;
    size_t size, len;
};

static void put_char(struct text *t, char c)
{
    if (t->len + 1 < t->size)
        t->buf[t->len] = c;
    t->len++;
}

static void put(struct text *t, const char *s)
{
    while (*s)
        put_char(t, *s++);
}

static void end(struct text *t)
{
    if (t->size)
        t->buf[t->len < t->size ? t->len : t->size - 1] = 0;
}

static void put_hex(struct text *t, u32 value)
{
    int shift = 28;

    put(t, "0x");
    while (shift && !(value >> shift))
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        put_char(t, "0123456789abcdef"[value >> shift & 15]);
}

static const char *reg_name(u32 reg, u32 size)
{
    static const char *const names[3][8] = {
        {"al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"},
        {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"},
        {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"},
    };
    return names[size >> 1][reg & 7];
}

static const char *seg_name(u32 seg)
{
    static const char *const names[] = {"es", "cs", "ss", "ds", "fs", "gs"};
    return seg < SEG_COUNT ? names[seg] : "?s";
}

/* The part of "word|dword" that this operand size has. */
static void put_name(struct text *t, const char *name, bool wide)
{
    const char *bar = name;

    while (*bar && *bar != '|')
        bar++;
    if (*bar && wide) {
        put(t, bar + 1);
        return;
    }
    while (name < bar)
        put_char(t, *name++);
}

static void put_disp(struct text *t, const struct insn *insn)
{
    bool alone = insn->base < 0 && insn->index < 0;
    bool minus = !alone && (s32)insn->disp < 0;
    u32 disp = insn->adsize == 2 && alone ? (u16)insn->disp : insn->disp;

    if (!disp && !alone)
        return;
    if (!alone)
        put_char(t, minus ? '-' : '+');
    put_hex(t, minus ? -disp : disp);
}

static u32 default_segment(const struct insn *insn)
{
    return insn->base == ESP || insn->base == EBP ? SEG_SS : SEG_DS;
}

static void put_address(struct text *t, const struct insn *insn)
{
    if (insn->seg != default_segment(insn)) {
        put(t, seg_name(insn->seg));
        put_char(t, ':');
    }
    put_char(t, '[');
    if (insn->base >= 0)
        put(t, reg_name((u32)insn->base, insn->adsize));
    if (insn->base >= 0 && insn->index >= 0)
        put_char(t, '+');
    if (insn->index >= 0)
        put(t, reg_name((u32)insn->index, insn->adsize));
    if (insn->index >= 0 && insn->scale) {
        put_char(t, '*');
        put_char(t, (char)('0' + (1 << insn->scale)));
    }
    put_disp(t, insn);
    put_char(t, ']');
}

/* Only memory operands whose size no register tells have this. */
static void put_size(struct text *t, u32 bytes)
{
    static const char *const names[] = {
        [1] = "byte ptr ",     [2] = "word ptr ",  [4] = "dword ptr ",
        [6] = "fword ptr ",    [8] = "qword ptr ", [10] = "tbyte ptr ",
        [16] = "xmmword ptr ",
    };

    if (bytes < ARRAY_LEN(names) && names[bytes])
        put(t, names[bytes]);
}

static void put_numbered(struct text *t, const char *name, u32 n)
{
    put(t, name);
    put_char(t, (char)('0' + n));
}

static bool is_xmm(u32 kind)
{
    return kind >= O_VX && kind <= O_WD;
}

static bool is_mmx(u32 kind)
{
    return kind >= O_PQ && kind <= O_QD;
}

static void put_rm(struct text *t, const struct insn *insn, u32 kind)
{
    if (!is_register(insn)) {
        put_size(t, operand_bytes(insn, kind));
        put_address(t, insn);
    } else if (is_xmm(kind)) {
        put_numbered(t, "xmm", insn->rm);
    } else if (is_mmx(kind)) {
        put_numbered(t, "mm", insn->rm);
    } else {
        put(t, reg_name(insn->rm, kind == O_EB   ? 1
                                  : kind == O_EW ? 2
                                                 : insn->opsize));
    }
}

static void put_far(struct text *t, const struct insn *insn)
{
    put_hex(t, insn->imm2);
    put_char(t, ':');
    put_hex(t, insn->imm);
}

static void put_immediate(struct text *t, const struct insn *insn, u32 eip,
                          u32 kind)
{
    u32 target = eip + insn->len + insn->imm;

    if (kind == O_J || kind == O_JB)
        put_hex(t, target & mask_bytes(insn->opsize));
    else if (kind == O_P)
        put_far(t, insn);
    else if (kind == O_O)
        put_address(t, insn);
    else if (kind == O_IL)
        put_hex(t, insn->imm2);
    else
        put_hex(t, insn->imm & mask_bytes(insn->opsize));
}

static void put_st(struct text *t, const struct insn *insn, u32 kind)
{
    put(t, "st");
    if (kind == O_ST)
        return;
    put_numbered(t, "(", insn->rm);
    put_char(t, ')');
}

static void put_fixed(struct text *t, const struct insn *insn, u32 kind)
{
    if (kind == O_ST || kind == O_STI)
        put_st(t, insn, kind);
    else if (kind == O_AX)
        put(t, reg_name(EAX, 2));
    else if (kind >= O_ES && kind <= O_GS)
        put(t, seg_name(kind - O_ES));
    else if (kind == O_Z)
        put(t, reg_name(insn->reg, insn->opsize));
    else if (kind == O_A)
        put(t, reg_name(EAX, insn->opsize));
    else
        put(t, kind == O_CL ? "cl" : kind == O_DX ? "dx" : "1");
}

static void put_operand(struct text *t, const struct insn *insn, u32 eip,
                        u32 kind)
{
    if (kind & O_IMM)
        put_immediate(t, insn, eip, kind);
    else if (!(kind & O_MODRM))
        put_fixed(t, insn, kind);
    else if (kind == O_G)
        put(t, reg_name(insn->reg, insn->opsize));
    else if (kind == O_R)
        put(t, reg_name(insn->rm, insn->opsize));
    else if (kind == O_S)
        put(t, seg_name(insn->reg));
    else if (kind == O_VX || kind == O_PQ)
        put_numbered(t, kind == O_VX ? "xmm" : "mm", insn->reg);
    else if (kind == O_CR || kind == O_DR)
        put_numbered(t, kind == O_CR ? "cr" : "dr", insn->reg);
    else
        put_rm(t, insn, kind);
}

static void put_prefixes(struct text *t, const struct insn *insn,
                         const struct op_row *row)
{
    if (insn->lock)
        put(t, "lock ");
    if (!insn->rep || !(row->flags & OPF_REP))
        return;
    if ((row->flags & OPF_REPCC) == OPF_REPCC)
        put(t, insn->rep == REP_NE ? "repne " : "repe ");
    else
        put(t, "rep ");
}

/* Strings have no operands but, if overridden, their source's segment. */
static bool is_string(const struct op_row *row)
{
    return row->flags & OPF_REP;
}

/* Names go by the operand size, but for these. */
static bool name_is_wide(const struct insn *insn)
{
    switch (insn->op) {
    case OP_JCXZ:
        return insn->adsize == 4;
    case OP_NOP:
        return insn->rep == 0xf3;
    case OP_MOVLPS_VW:
    case OP_MOVHPS_VW:
        return !is_register(insn);
    default:
        return insn->opsize == 4;
    }
}

size_t insn_mnemonic(const struct insn *insn, char *buf, size_t size)
{
    struct text t = {buf, size, 0};

    put_name(&t, insn_name(insn->op), name_is_wide(insn));
    end(&t);
    return t.len;
}

size_t insn_print(const struct insn *insn, u32 eip, char *buf, size_t size)
{
    const struct op_row *row = &op_rows[insn->op];
    struct text t = {buf, size, 0};

    put_prefixes(&t, insn, row);
    if (is_string(row) && insn->seg != SEG_DS) {
        put(&t, seg_name(insn->seg));
        put_char(&t, ' ');
    }
    put_name(&t, insn_name(insn->op), name_is_wide(insn));
    for (int i = 0; i < 3 && row->operand[i] && !is_string(row); i++) {
        put(&t, i ? ", " : " ");
        put_operand(&t, insn, eip, row->operand[i]);
    }
    end(&t);
    return t.len;
}

const char *insn_name(u16 op)
{
    return op && op < OP_COUNT ? op_rows[op].name : "(unknown)";
}
