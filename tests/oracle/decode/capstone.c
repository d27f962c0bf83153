/* SPDX-License-Identifier: MIT
 *
 * Capstone's answer as facts (package libcapstone-dev, version 4 in Debian 12
 * and in Ubuntu 24.04). It is an assembler's decoder turned around: it names
 * default segments not at all, branch targets as addresses, far pointers as
 * two numbers, and it does not tell "undefined" from "too long". Its names
 * are the assembler's and are left out.
 */
#include "tests/oracle/decode/facts.h"
#include "vmm/base/bits.h"
#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static csh handles[2];
static cs_insn *insns[2];

void capstone_open(void)
{
    for (u32 i = 0; i < 2; i++) {
        if (cs_open(CS_ARCH_X86, i ? CS_MODE_32 : CS_MODE_16, &handles[i]) ||
            cs_option(handles[i], CS_OPT_DETAIL, CS_OPT_ON)) {
            fprintf(stderr, "Capstone's decoder cannot be opened.\n");
            exit(1);
        }
        insns[i] = cs_malloc(handles[i]);
    }
}

static struct reg_fact reg_of(x86_reg reg)
{
#define NAMED(class_, n, name) [X86_REG_##name] = { class_, (n) + 1 }
#define GPR(n, low, w)         NAMED(REG_8, n, low), NAMED(REG_16, n, w)
    static const struct reg_fact table[X86_REG_ENDING] = {
        GPR(0, AL, AX),        GPR(1, CL, CX),        GPR(2, DL, DX),
        GPR(3, BL, BX),        GPR(4, AH, SP),        GPR(5, CH, BP),
        GPR(6, DH, SI),        GPR(7, BH, DI),        NAMED(REG_32, 0, EAX),
        NAMED(REG_32, 1, ECX), NAMED(REG_32, 2, EDX), NAMED(REG_32, 3, EBX),
        NAMED(REG_32, 4, ESP), NAMED(REG_32, 5, EBP), NAMED(REG_32, 6, ESI),
        NAMED(REG_32, 7, EDI), NAMED(REG_SEG, 0, ES), NAMED(REG_SEG, 1, CS),
        NAMED(REG_SEG, 2, SS), NAMED(REG_SEG, 3, DS), NAMED(REG_SEG, 4, FS),
        NAMED(REG_SEG, 5, GS),
    };
    static const struct {
        u16 first;
        u8 class;
    } ranges[] = {
        {X86_REG_CR0, REG_CR}, {X86_REG_DR0, REG_DR},   {X86_REG_ST0, REG_ST},
        {X86_REG_MM0, REG_MM}, {X86_REG_XMM0, REG_XMM}, {X86_REG_FP0, REG_ST},
    };

    if (!reg)
        return (struct reg_fact){REG_NONE, 0};
    for (u32 i = 0; i < ARRAY_LEN(ranges); i++) {
        if (reg >= ranges[i].first && reg < ranges[i].first + 8u)
            return (struct reg_fact){ranges[i].class,
                                     (u8)(reg - ranges[i].first)};
    }
    if (!table[reg].class)
        return (struct reg_fact){REG_OTHER, (u8)reg};
    return (struct reg_fact){table[reg].class, (u8)(table[reg].number - 1)};
}

/* The segment that an address has without a prefix. */
static u8 default_segment(struct reg_fact base)
{
    return base.class && (base.number == ESP || base.number == EBP) ? SEG_SS
                                                                    : SEG_DS;
}

static void memory_fact(const cs_insn *insn, const cs_x86_op *op,
                        struct fact *f)
{
    f->kind = FACT_MEM;
    f->size = op->size;
    f->base = reg_of(op->mem.base);
    f->index = reg_of(op->mem.index);
    f->scale = op->mem.index ? (u8)op->mem.scale : 0;
    f->value = (u32)op->mem.disp & mask_bytes(insn->detail->x86.addr_size);
    f->seg = op->mem.segment ? reg_of(op->mem.segment).number
                             : default_segment(f->base);
    if (insn->id == X86_INS_LEA)
        f->seg = SEG_NONE;
}

static bool is_branch(const cs_insn *insn)
{
    const cs_detail *d = insn->detail;

    for (u32 i = 0; i < d->groups_count; i++) {
        if (d->groups[i] == X86_GRP_BRANCH_RELATIVE)
            return true;
    }
    return false;
}

static void operand_fact(const cs_insn *insn, const cs_x86_op *op,
                         struct fact *f)
{
    switch (op->type) {
    case X86_OP_REG:
        f->kind = FACT_REG;
        f->reg = reg_of(op->reg);
        break;
    case X86_OP_MEM:
        memory_fact(insn, op, f);
        break;
    default:
        f->kind = FACT_IMM;
        f->value = (u32)op->imm & mask_bytes(op->size);
    }
}

/* The target from address 0, of which it keeps 16 bits in 16-bit code and
 * behind the prefixes 66 and 67, whatever these are together. */
static void branch_fact(const cs_insn *insn, bool code32, struct fact *f)
{
    const cs_x86 *x = &insn->detail->x86;

    f->kind = FACT_REL;
    f->value = (u32)x->operands[0].imm - insn->size;
    f->size = code32 && !x->prefix[2] && !x->prefix[3] ? 4 : 2;
}

static bool is_far(const cs_insn *insn)
{
    const cs_x86 *x = &insn->detail->x86;

    return x->op_count == 2 &&
           (insn->id == X86_INS_LCALL || insn->id == X86_INS_LJMP);
}

static void far_fact(const cs_x86 *x, struct fact *f)
{
    f->kind = FACT_FAR;
    f->selector = (u16)x->operands[0].imm;
    f->value = (u32)x->operands[1].imm;
}

static bool is_string(const cs_x86 *x)
{
    u8 op = x->opcode[0];

    return (op >= 0x6c && op <= 0x6f) || (op >= 0xa4 && op <= 0xa7) ||
           (op >= 0xaa && op <= 0xaf);
}

static void operand_facts(const cs_insn *insn, bool code32, struct facts *f)
{
    const cs_x86 *x = &insn->detail->x86;

    if (is_branch(insn) || is_far(insn)) {
        f->count = 1;
        if (is_far(insn))
            far_fact(x, &f->operand[0]);
        else
            branch_fact(insn, code32, &f->operand[0]);
        return;
    }
    for (u32 i = 0; i < x->op_count && f->count < OPERANDS_MAX; i++) {
        if (!is_string(x) || x->operands[i].type == X86_OP_MEM)
            operand_fact(insn, &x->operands[i], &f->operand[f->count++]);
    }
}

/* The extensions that Capstone knows as groups, but for those we have. */
static const char *later_group(const cs_insn *insn)
{
    const cs_detail *d = insn->detail;

    for (u32 i = 0; i < d->groups_count; i++) {
        switch (d->groups[i]) {
        case X86_GRP_CMOV:
        case X86_GRP_MMX:
        case X86_GRP_MODE32:
        case X86_GRP_SSE1:
        case X86_GRP_SSE2:
        case X86_GRP_16BITMODE:
        case X86_GRP_NOT64BITMODE:
        case X86_GRP_FPU:
            break;
        default:
            if (d->groups[i] >= X86_GRP_VM)
                return cs_group_name(handles[0], d->groups[i]);
        }
    }
    return NULL;
}

/* ... and those that it knows by name alone, or by many: MPX (BND...), some of
 * AVX (V..., which VERR and VERW are not). */
static const char *later_name(const cs_insn *insn)
{
    static const char *const names[] = {
        "popcnt",     "lzcnt",   "tzcnt",   "movbe",      "crc32",    "rdrand",
        "rdseed",     "rdtscp",  "monitor", "mwait",      "monitorx", "mwaitx",
        "xsave",      "xrstor",  "xgetbv",  "xsetbv",     "xsaveopt", "xsavec",
        "xsaves",     "xrstors", "clwb",    "clflushopt", "pcommit",  "clzero",
        "clac",       "stac",    "getsec",  "invpcid",    "invept",   "invvpid",
        "skinit",     "swapgs",  "rdpru",   "rdpid",      "wbnoinvd", "femms",
        "fisttp",     "xstore",  "montmul", "encls",      "enclu",    "vmcall",
        "cmpxchg16b", "rdpkru",  "wrpkru",  "xabort",     "xbegin",   "xend",
        "xtest",
    };

    if (!strncmp(insn->mnemonic, "bnd", 3) && insn->mnemonic[3] != ' ')
        return "mpx";
    if (insn->mnemonic[0] == 'v' && insn->mnemonic[1] != 'e')
        return "avx";
    for (u32 i = 0; i < ARRAY_LEN(names); i++) {
        if (!strcmp(insn->mnemonic, names[i]))
            return names[i];
    }
    return NULL;
}

void capstone_facts(const struct sample *s, struct facts *f)
{
    cs_insn *insn = insns[s->code32];
    const u8 *at = s->bytes;
    size_t left = STRING_BYTES;
    uint64_t address = 0;

    memset(f, 0, sizeof(*f));
    f->answer = ANSWER_UD;
    if (!cs_disasm_iter(handles[s->code32], &at, &left, &address, insn))
        return;
    f->answer = insn->size > INSN_MAX ? ANSWER_LONG : ANSWER_OK;
    f->len = (u8)insn->size;
    f->later = later_group(insn);
    if (!f->later)
        f->later = later_name(insn);
    if (f->later)
        f->answer = ANSWER_LATER;
    operand_facts(insn, s->code32, f);
}
