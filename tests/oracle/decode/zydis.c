/* SPDX-License-Identifier: MIT
 *
 * Zydis's answer as facts (package libzydis-dev). It is told to decode what
 * our processor lacks as such processors do, where it knows how: MPX and CET
 * as NOP, LZCNT and TZCNT as BSR and BSF (SDM vol. 2A, each under its name).
 */
#include "tests/oracle/decode/facts.h"
#include "vmm/base/bits.h"
#include <Zydis/Zydis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ZydisDecoder decoders[2];

static void open_one(ZydisDecoder *d, ZydisMachineMode mode,
                     ZydisStackWidth width)
{
    static const ZydisDecoderMode off[] = {
        ZYDIS_DECODER_MODE_MPX,      ZYDIS_DECODER_MODE_CET,
        ZYDIS_DECODER_MODE_LZCNT,    ZYDIS_DECODER_MODE_TZCNT,
        ZYDIS_DECODER_MODE_WBNOINVD, ZYDIS_DECODER_MODE_CLDEMOTE,
    };

    if (!ZYAN_SUCCESS(ZydisDecoderInit(d, mode, width))) {
        fprintf(stderr, "Zydis's decoder cannot be opened.\n");
        exit(1);
    }
    for (u32 i = 0; i < ARRAY_LEN(off); i++)
        ZydisDecoderEnableMode(d, off[i], ZYAN_FALSE);
}

void zydis_open(void)
{
    open_one(&decoders[0], ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
    open_one(&decoders[1], ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
}

static struct reg_fact reg_of(ZydisRegister reg)
{
    static const u8 classes[] = {
        [ZYDIS_REGCLASS_GPR8] = REG_8,      [ZYDIS_REGCLASS_GPR16] = REG_16,
        [ZYDIS_REGCLASS_GPR32] = REG_32,    [ZYDIS_REGCLASS_X87] = REG_ST,
        [ZYDIS_REGCLASS_MMX] = REG_MM,      [ZYDIS_REGCLASS_XMM] = REG_XMM,
        [ZYDIS_REGCLASS_SEGMENT] = REG_SEG, [ZYDIS_REGCLASS_CONTROL] = REG_CR,
        [ZYDIS_REGCLASS_DEBUG] = REG_DR,
    };
    u32 class = ZydisRegisterGetClass(reg);
    u8 ours = class < ARRAY_LEN(classes) ? classes[class] : 0;

    if (!reg)
        return (struct reg_fact){REG_NONE, 0};
    return (struct reg_fact){ours ? ours : REG_OTHER,
                             (u8)ZydisRegisterGetId(reg)};
}

static void memory_fact(const ZydisDecodedInstruction *insn,
                        const ZydisDecodedOperand *op, struct fact *f)
{
    f->kind = FACT_MEM;
    f->size = op->size / 8;
    f->seg = op->mem.type == ZYDIS_MEMOP_TYPE_AGEN
                 ? SEG_NONE
                 : (u8)ZydisRegisterGetId(op->mem.segment);
    if (op->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
        f->access |= FPU_LOAD;
    if (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
        f->access |= FPU_STORE;
    f->base = reg_of(op->mem.base);
    f->index = reg_of(op->mem.index);
    f->scale = op->mem.scale;
    f->value = (u32)op->mem.disp.value & mask_bytes(insn->address_width / 8u);
}

static void operand_fact(const ZydisDecodedInstruction *insn,
                         const ZydisDecodedOperand *op, struct fact *f)
{
    switch (op->type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
        f->kind = FACT_REG;
        f->reg = reg_of(op->reg.value);
        break;
    case ZYDIS_OPERAND_TYPE_MEMORY:
        memory_fact(insn, op, f);
        break;
    case ZYDIS_OPERAND_TYPE_POINTER:
        f->kind = FACT_FAR;
        f->value = op->ptr.offset;
        f->selector = op->ptr.segment;
        break;
    default:
        f->kind = op->imm.is_relative ? FACT_REL : FACT_IMM;
        f->value = (u32)op->imm.value.u;
        if (!op->imm.is_relative)
            f->value &= mask_bytes(insn->operand_width / 8u);
    }
}

/* The instruction sets that the processor of ops.def has. By name, for a
 * later Zydis has more of them (FCOMI since 4.1). */
static bool is_later(ZydisISASet set)
{
    static const char *const ours[] = {
        "I86",          "I186",     "I286PROTECTED", "I286REAL",     "I386",
        "I486",         "I486REAL", "PENTIUMREAL",   "PENTIUMMMX",   "PPRO",
        "RDPMC",        "CMOV",     "FCMOV",         "FCOMI",        "FAT_NOP",
        "PREFETCH_NOP", "LAHF",     "X87",           "FXSAVE",       "SSE",
        "SSE2",         "SSE2MMX",  "SSEMXCSR",      "SSE_PREFETCH", "CLFSH",
        "PAUSE",
    };
    const char *name = ZydisISASetGetString(set);

    for (u32 i = 0; i < ARRAY_LEN(ours); i++) {
        if (!strcmp(name, ours[i]))
            return false;
    }
    return true;
}

static bool is_string(const ZydisDecodedInstruction *insn)
{
    return insn->meta.category == ZYDIS_CATEGORY_STRINGOP ||
           insn->meta.category == ZYDIS_CATEGORY_IOSTRINGOP;
}

/* String instructions hide their operands; of those the memory is wanted. */
static bool is_shown(const ZydisDecodedInstruction *insn,
                     const ZydisDecodedOperand *op)
{
    if (op->visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN)
        return true;
    return is_string(insn) && op->type == ZYDIS_OPERAND_TYPE_MEMORY;
}

static enum answer refusal(ZyanStatus status)
{
    return status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG ? ANSWER_LONG
                                                       : ANSWER_UD;
}

void zydis_facts(const struct sample *s, struct facts *f)
{
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
    ZydisDecodedInstruction insn;
    ZyanStatus status = ZydisDecoderDecodeFull(&decoders[s->code32], s->bytes,
                                               STRING_BYTES, &insn, ops);

    memset(f, 0, sizeof(*f));
    if (!ZYAN_SUCCESS(status)) {
        f->answer = refusal(status);
        return;
    }
    f->len = insn.length;
    if (is_later(insn.meta.isa_set)) {
        f->answer = ANSWER_LATER;
        f->later = ZydisISASetGetString(insn.meta.isa_set);
    }
    for (u32 i = 0; i < insn.operand_count && f->count < OPERANDS_MAX; i++) {
        if (is_shown(&insn, &ops[i]))
            operand_fact(&insn, &ops[i], &f->operand[f->count++]);
    }
    snprintf(f->name, sizeof(f->name), "%s",
             ZydisMnemonicGetString(insn.mnemonic));
}
