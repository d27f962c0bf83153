/* SPDX-License-Identifier: MIT
 *
 * Our decoder's answer as facts: struct insn and its row, spelt out. What the
 * decoder refuses, and the forms that insn_valid() refuses, are #UD alike: so
 * the two of them together are what the judges judge.
 */
#include "tests/oracle/decode/facts.h"
#include "vmm/base/bits.h"
#include <string.h>

static struct reg_fact gpr(u32 number, u32 size)
{
    u8 class = size == 1 ? REG_8 : size == 2 ? REG_16 : REG_32;
    return (struct reg_fact){class, (u8)number};
}

static struct fact reg_fact(u8 class, u32 number)
{
    return (struct fact){.kind = FACT_REG, .reg = {class, (u8)number}};
}

static struct fact gpr_fact(u32 number, u32 size)
{
    return (struct fact){.kind = FACT_REG, .reg = gpr(number, size)};
}

static struct fact value_fact(u8 kind, u32 value)
{
    return (struct fact){.kind = kind, .value = value};
}

/* LEA's operand has none; the others are pointers to descriptor tables. */
static u32 memory_size(const struct insn *insn, u32 kind)
{
    if (kind != O_M)
        return operand_bytes(insn, kind);
    return insn->op == OP_LEA ? 0 : 6;
}

#define ACCESS_FORGOTTEN 0xff

/* The rows of the FPU say which way their memory operand goes. MOVNTI and its
 * like are of other classes. */
static u8 access_of(const struct insn *insn)
{
    const struct op_row *row = &op_rows[insn->op];

    if (row->class < CLASS_X87)
        return 0;
    return row->arg & (FPU_LOAD | FPU_STORE) ?: ACCESS_FORGOTTEN;
}

/* LEA computes an address in no segment. */
static struct fact memory_fact(const struct insn *insn, u32 size)
{
    struct fact f = {.kind = FACT_MEM, .size = (u16)size, .seg = insn->seg};

    if (insn->op == OP_LEA)
        f.seg = SEG_NONE;
    f.access = access_of(insn);
    if (insn->base >= 0)
        f.base = gpr((u32)insn->base, insn->adsize);
    if (insn->index >= 0) {
        f.index = gpr((u32)insn->index, insn->adsize);
        f.scale = (u8)(1 << insn->scale);
    }
    f.value = insn->disp & mask_bytes(insn->adsize);
    return f;
}

static struct fact string_fact(const struct insn *insn, u32 seg, u32 reg)
{
    return (struct fact){.kind = FACT_MEM,
                         .size = insn->opsize,
                         .seg = (u8)seg,
                         .base = gpr(reg, insn->adsize)};
}

static struct fact rm_fact(const struct insn *insn, u32 kind)
{
    u32 size = insn->opsize;

    if (insn->modrm >> 6 != 3)
        return memory_fact(insn, memory_size(insn, kind));
    if (kind >= O_VX && kind <= O_WD)
        return reg_fact(REG_XMM, insn->rm);
    if (kind >= O_PQ && kind <= O_QD)
        return reg_fact(REG_MM, insn->rm);
    if (kind == O_EB)
        size = 1;
    if (kind == O_EW)
        size = 2;
    return gpr_fact(insn->rm, size);
}

static struct fact far_fact(const struct insn *insn)
{
    return (struct fact){
        .kind = FACT_FAR, .value = insn->imm, .selector = insn->imm2};
}

static struct fact imm_fact(const struct insn *insn, u32 kind)
{
    switch (kind) {
    case O_J:
    case O_JB:
        return value_fact(FACT_REL, insn->imm);
    case O_P:
        return far_fact(insn);
    case O_O:
        return memory_fact(insn, insn->opsize);
    case O_IL:
        return value_fact(FACT_IMM, insn->imm2);
    default:
        return value_fact(FACT_IMM, insn->imm & mask_bytes(insn->opsize));
    }
}

static struct fact fixed_fact(const struct insn *insn, u32 kind)
{
    switch (kind) {
    case O_Z:
        return gpr_fact(insn->reg, insn->opsize);
    case O_A:
        return gpr_fact(EAX, insn->opsize);
    case O_CL:
        return gpr_fact(ECX, 1);
    case O_ONE:
        return value_fact(FACT_IMM, 1);
    case O_DX:
        return gpr_fact(EDX, 2);
    case O_X:
        return string_fact(insn, insn->seg, ESI);
    case O_Y:
        return string_fact(insn, SEG_ES, EDI);
    case O_AX:
        return gpr_fact(EAX, 2);
    case O_ST:
        return reg_fact(REG_ST, 0);
    case O_STI:
        return reg_fact(REG_ST, insn->rm);
    default:
        return reg_fact(REG_SEG, kind - O_ES);
    }
}

static struct fact operand_fact(const struct insn *insn, u32 kind)
{
    if (kind & O_IMM)
        return imm_fact(insn, kind);
    if (!(kind & O_MODRM))
        return fixed_fact(insn, kind);
    switch (kind) {
    case O_G:
        return gpr_fact(insn->reg, insn->opsize);
    case O_R:
        return gpr_fact(insn->rm, insn->opsize);
    case O_S:
        return reg_fact(REG_SEG, insn->reg);
    case O_CR:
        return reg_fact(REG_CR, insn->reg);
    case O_DR:
        return reg_fact(REG_DR, insn->reg);
    case O_PQ:
        return reg_fact(REG_MM, insn->reg);
    case O_VX:
        return reg_fact(REG_XMM, insn->reg);
    default:
        return rm_fact(insn, kind);
    }
}

/* Of a string instruction, its memory. */
static bool is_shown(const struct insn *insn, u32 kind)
{
    return !(op_rows[insn->op].flags & OPF_REP) || kind == O_X || kind == O_Y;
}

static enum answer answer_of(enum decode_status status, const struct insn *insn)
{
    switch (status) {
    case DECODE_OK:
        return insn_valid(insn) ? ANSWER_OK : ANSWER_UD;
    case DECODE_UD:
        return ANSWER_UD;
    default:
        return ANSWER_LONG;
    }
}

void ours_facts(const struct sample *s, struct insn *insn, struct facts *f)
{
    const u8 *kinds;

    memset(f, 0, sizeof(*f));
    f->answer =
        answer_of(insn_decode(s->bytes, INSN_MAX, s->code32, insn), insn);
    if (f->answer != ANSWER_OK)
        return;
    f->len = insn->len;
    kinds = op_rows[insn->op].operand;
    for (u32 i = 0; i < 3 && kinds[i]; i++) {
        if (is_shown(insn, kinds[i]))
            f->operand[f->count++] = operand_fact(insn, kinds[i]);
    }
    insn_mnemonic(insn, f->name, sizeof(f->name));
}
