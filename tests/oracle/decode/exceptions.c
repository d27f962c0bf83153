/* SPDX-License-Identifier: MIT
 *
 * The agreed exceptions: where a foreign decoder says something else, and the
 * manual says that we are right, or that it leaves the point open. Each has
 * the narrowest condition that covers it; the first that applies is counted,
 * and the test prints every count.
 *
 * LIMIT: Capstone 4 is wrong about mandatory prefixes, and so about
 * most of SSE; there Zydis alone is the judge.
 */
#include "tests/oracle/decode/compare.h"
#include "vmm/base/bits.h"
#include <string.h>

#define OP_ESCAPE 0x0f

/* Which prefixes stand before the opcode, and what that is. */
struct shape {
    bool opsize, rep;
    u8 at;       /* of the first byte that is no prefix */
    bool behind; /* ... 0F */
    u8 opcode;
};

static bool is_plain_prefix(u8 byte)
{
    return byte == 0x67 || byte == 0xf0 || (byte & 0xe7) == 0x26 ||
           byte == 0x64 || byte == 0x65;
}

static struct shape shape_of(const struct sample *s)
{
    struct shape shape = {0};

    for (; shape.at < INSN_MAX; shape.at++) {
        u8 byte = s->bytes[shape.at];
        if (byte == 0x66)
            shape.opsize = true;
        else if (byte == 0xf2 || byte == 0xf3)
            shape.rep = true;
        else if (!is_plain_prefix(byte))
            break;
    }
    shape.behind = s->bytes[shape.at] == OP_ESCAPE;
    shape.opcode = s->bytes[shape.at + shape.behind];
    return shape;
}

static bool answers(const struct dispute *d, u32 ours, u32 theirs)
{
    return d->ours->answer == ours && d->theirs->answer == theirs;
}

static bool is_hint(const struct insn *insn)
{
    return op_rows[insn->op].class == CLASS_NOP && insn->op != OP_NOP;
}

static bool too_long_and_undefined(const struct dispute *d)
{
    return answers(d, ANSWER_UD, ANSWER_LONG) ||
           answers(d, ANSWER_LONG, ANSWER_UD);
}

/* Opcodes that are later extensions and nothing else, which Capstone does not
 * say of all: behind 0F SSSE3 and SSE4 (38, 3A), PadLock (A6, A7), of 01 the
 * register forms and member 5 (CET); LES, LDS, BOUND of a register (AVX). */
static bool in_later_map(const struct dispute *d)
{
    struct shape s = shape_of(d->sample);
    u8 op = s.opcode, modrm = d->sample->bytes[s.at + 1 + s.behind];

    if (!answers(d, ANSWER_UD, ANSWER_OK))
        return false;
    if (!s.behind)
        return (op == 0xc4 || op == 0xc5 || op == 0x62) && modrm >> 6 == 3;
    return op == 0x38 || op == 0x3a || (op & 0xfe) == 0xa6 ||
           (op == 1 && (modrm >> 6 == 3 || (modrm >> 3 & 7) == 5));
}

static bool later(const struct dispute *d)
{
    if (d->oracle == ORACLE_CAPSTONE && in_later_map(d))
        return true;
    return answers(d, ANSWER_UD, ANSWER_LATER) ||
           answers(d, ANSWER_LONG, ANSWER_LATER);
}

static bool undefined_by_row(const struct dispute *d)
{
    if (d->ours->answer != ANSWER_OK || d->theirs->answer == ANSWER_OK)
        return false;
    return d->insn->op == OP_SYSCALL || d->insn->op == OP_SYSRET;
}

/* PREFETCHW, PREFETCHI and their like. */
static bool other_hint(const struct dispute *d)
{
    bool other = d->theirs->answer == ANSWER_LATER || d->insn->opcode == 0x0d;

    return other && d->ours->answer == ANSWER_OK && is_hint(d->insn) &&
           d->ours->len == d->theirs->len;
}

static bool order_of_xchg(const struct dispute *d)
{
    const struct fact *a = d->ours->operand, *b = d->theirs->operand;

    return d->kind == DIFF_OPERANDS && d->insn->op >= OP_XCHG_AZ_1 &&
           d->insn->op <= OP_XCHG_AZ_7 && same_operand(&a[0], &b[1]) &&
           same_operand(&a[1], &b[0]);
}

/* A register that is not read, or a second operand where the manual has one.
 * The memory operand, which counts for the length, is the same. */
static bool operands_of_hint(const struct dispute *d)
{
    struct facts theirs = *d->theirs;

    if (d->kind != DIFF_OPERANDS || !is_hint(d->insn))
        return false;
    theirs.count = (u8)min_u32(theirs.count, 1);
    return d->insn->modrm >> 6 == 3 || same_but_size(d->ours, &theirs);
}

static bool size_of_line(const struct dispute *d)
{
    return d->kind == DIFF_OPERANDS && d->insn->op == OP_CLFLUSH &&
           same_but_size(d->ours, d->theirs);
}

static void drop_st0(struct facts *f)
{
    u32 kept = 0;

    for (u32 i = 0; i < f->count; i++) {
        const struct fact *at = &f->operand[i];
        if (at->kind != FACT_REG || at->reg.class != REG_ST || at->reg.number)
            f->operand[kept++] = *at;
    }
    f->count = (u8)kept;
}

/* The operands but ST(0), in order, are the same. */
static bool implied_st0(const struct dispute *d)
{
    struct facts a = *d->ours, b = *d->theirs;

    if (d->kind != DIFF_OPERANDS || insn_class(d->insn->op) != CLASS_X87)
        return false;
    drop_st0(&a);
    drop_st0(&b);
    return same_operands(&a, &b);
}

/* Opcodes that a mandatory prefix chooses, with one of them present. */
static bool mandatory_prefix(const struct dispute *d)
{
    struct shape s = shape_of(d->sample);
    u8 op = s.opcode;

    if (!s.behind || !(s.opsize || s.rep))
        return false;
    return (op >= 0x10 && op <= 0x17) || (op >= 0x28 && op <= 0x2f) ||
           (op >= 0x50 && op <= 0x7f) || op == 0xae || op == 0xb8 ||
           (op >= 0xc2 && op <= 0xc7) || op >= 0xd0;
}

static bool lock_is_refused(const struct dispute *d)
{
    return answers(d, ANSWER_UD, ANSWER_OK) &&
           memchr(d->sample->bytes, 0xf0, shape_of(d->sample).at);
}

static bool register_is_none(const struct dispute *d)
{
    return answers(d, ANSWER_UD, ANSWER_OK) &&
           (op_rows[d->insn->op].flags & OPF_NAMED);
}

static bool hint_unknown(const struct dispute *d)
{
    return answers(d, ANSWER_OK, ANSWER_UD) && is_hint(d->insn);
}

static bool falls_back(const struct dispute *d)
{
    u16 op = d->insn->op;

    return answers(d, ANSWER_OK, ANSWER_LATER) && d->insn->rep &&
           (op == OP_BSF || op == OP_BSR || op == OP_WBINVD);
}

static bool idle_rep(const struct dispute *d)
{
    return answers(d, ANSWER_OK, ANSWER_UD) && d->insn->rep &&
           !(op_rows[d->insn->op].flags & OPF_REP);
}

static bool x87_alias(const struct dispute *d)
{
    return answers(d, ANSWER_OK, ANSWER_UD) && d->insn->modrm >> 6 == 3 &&
           insn_class(d->insn->op) == CLASS_X87;
}

static bool rcl_by_one(const struct dispute *d)
{
    return d->kind == DIFF_OPERANDS &&
           (d->insn->op == OP_RCL_Eb1 || d->insn->op == OP_RCL_Ev1);
}

static bool opsize_with_rep(const struct dispute *d)
{
    struct shape s = shape_of(d->sample);

    return s.opsize && s.rep &&
           (d->kind != DIFF_ANSWER || answers(d, ANSWER_OK, ANSWER_UD));
}

static bool size_in_memory(const struct dispute *d)
{
    return d->kind == DIFF_OPERANDS && same_but_size(d->ours, d->theirs);
}

static bool wide_immediate(const struct dispute *d)
{
    const struct fact *a = d->ours->operand, *b = d->theirs->operand;

    return d->kind == DIFF_OPERANDS && a->kind == FACT_IMM &&
           b->kind == FACT_IMM && (u16)a->value == (u16)b->value &&
           (d->insn->op == OP_ENTER || d->insn->op == OP_RETF_Iw ||
            d->insn->op == OP_RET_Iw);
}

/* CMPEQPS for CMPPS 0, AAM for AAM 10. */
static bool immediate_in_name(const struct dispute *d)
{
    struct facts a = *d->ours;

    if (d->kind != DIFF_OPERANDS || a.count != d->theirs->count + 1 ||
        a.operand[d->theirs->count].kind != FACT_IMM)
        return false;
    a.count--;
    return same_but_size(&a, d->theirs);
}

static bool selector_register(const struct dispute *d)
{
    u16 op = d->insn->op;

    return d->kind == DIFF_OPERANDS && d->insn->modrm >> 6 == 3 &&
           (op == OP_MOV_SwEw || op == OP_MOV_EvSw || op == OP_LAR ||
            op == OP_LSL || op == OP_SLDT || op == OP_STR || op == OP_SMSW);
}

static bool undefined_has_modrm(const struct dispute *d)
{
    return d->kind != DIFF_OPERANDS &&
           (d->insn->op == OP_UD0 || d->insn->op == OP_UD1);
}

const struct exception exceptions[] = {
    {"more than 15 bytes and undefined: which fault comes is open", "3A 6.9",
     ORACLE_BOTH, too_long_and_undefined},
    {"an extension that our CPUID does not announce is #UD", "1 chapter 5",
     ORACLE_BOTH, later},
    {"SYSCALL and SYSRET, in our table only to be #UD in 32-bit code",
     "2B SYSCALL", ORACLE_BOTH, undefined_by_row},
    {"PREFETCHW and other hints with names are NOP r/m", "2B PREFETCHW",
     ORACLE_BOTH, other_hint},
    {"XCHG has no order of operands", "2D XCHG", ORACLE_BOTH, order_of_xchg},
    {"a hint's operands: NOP r/m has one, which nobody reads", "2B NOP",
     ORACLE_BOTH, operands_of_hint},
    {"CLFLUSH's operand is a byte, or its whole line", "2A CLFLUSH",
     ORACLE_BOTH, size_of_line},
    {"ST(0) is implied where it is the only choice", "2D A.5", ORACLE_BOTH,
     implied_st0},
    {"mandatory prefixes that Capstone misses", "2A 2.1.2", ORACLE_CAPSTONE,
     mandatory_prefix},
    {"LOCK where it is refused, or on a register", "2A LOCK", ORACLE_CAPSTONE,
     lock_is_refused},
    {"control and segment registers that do not exist", "2B MOV",
     ORACLE_CAPSTONE, register_is_none},
    {"hints and fences whose forms Capstone does not know", "2B NOP, 2A LFENCE",
     ORACLE_CAPSTONE, hint_unknown},
    {"LZCNT, TZCNT, WBNOINVD are BSR, BSF, WBINVD where not announced",
     "2A LZCNT, 2D TZCNT, WBNOINVD", ORACLE_CAPSTONE, falls_back},
    {"F2 and F3 are idle before what they do not repeat (Capstone 5)",
     "2A 2.1.1", ORACLE_CAPSTONE, idle_rep},
    {"undocumented x87 forms (Capstone 5)", "2D A.5", ORACLE_CAPSTONE,
     x87_alias},
    {"RCL by 1, not by 0 (Capstone 5)", "2B RCL", ORACLE_CAPSTONE, rcl_by_one},
    {"66 together with F2 or F3 changes the operand size all the same",
     "2A 2.1.1", ORACLE_CAPSTONE, opsize_with_rep},
    {"sizes in memory: Zydis has the manual's", "2A 3.1.1.3", ORACLE_CAPSTONE,
     size_in_memory},
    {"an immediate that Capstone has in the name", "2A CMPPS, 2A AAM",
     ORACLE_CAPSTONE, immediate_in_name},
    {"imm16 is not sign-extended", "2A ENTER, 2B RET", ORACLE_CAPSTONE,
     wide_immediate},
    {"a selector's register: 16 of its bits count", "2B MOV, 2A LAR",
     ORACLE_CAPSTONE, selector_register},
    {"UD0 and UD1 have a modrm byte", "2D UD", ORACLE_CAPSTONE,
     undefined_has_modrm},
};

const u32 exception_count = ARRAY_LEN(exceptions);

u32 exception_for(const struct dispute *d)
{
    u32 i = 0;

    while (i < exception_count &&
           !((exceptions[i].oracle & d->oracle) && exceptions[i].applies(d)))
        i++;
    return i;
}
