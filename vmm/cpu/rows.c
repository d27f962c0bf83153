/* SPDX-License-Identifier: MIT
 *
 * The rows of ops.def as data, and what follows from a row and an instruction
 * alone: how many bytes an operand has in memory, which registers exist.
 *
 * Facts that an operand's kind implies, like "memory only", are worked out
 * here once, by the compiler, so that the trap path tests a bit.
 *
 * SDM vol. 1 appendix A (undefined flags), vol. 2A 3.1.1.3 (sizes).
 */
#include "arch/x86/defs/regs.h"
#include "vmm/cpu/alu.h"
#include "vmm/cpu/decode.h"
#include "vmm/cpu/exec_string.h"

#define UNDEF_NONE    0
#define UNDEF_LOGIC   EFLAGS_AF
#define UNDEF_ROT_1   0
#define UNDEF_ROT_N   EFLAGS_OF
#define UNDEF_SHIFT_1 EFLAGS_AF
#define UNDEF_SHIFT_N (EFLAGS_AF | EFLAGS_OF)
#define UNDEF_MUL     (EFLAGS_SF | EFLAGS_ZF | EFLAGS_AF | EFLAGS_PF)
#define UNDEF_DIV     EFLAGS_STATUS
#define UNDEF_DAA     EFLAGS_OF
#define UNDEF_AAA     (EFLAGS_OF | EFLAGS_SF | EFLAGS_ZF | EFLAGS_PF)
#define UNDEF_AAM     (EFLAGS_OF | EFLAGS_AF | EFLAGS_CF)
#define UNDEF_BIT     (EFLAGS_OF | EFLAGS_SF | EFLAGS_AF | EFLAGS_PF)
#define UNDEF_SCAN    (EFLAGS_STATUS & ~EFLAGS_ZF)

/* The operands that exist in memory only. */
#define IN_MEMORY(kind)                                                        \
    ((kind) == O_M || (kind) == O_MP || (kind) == O_MA ||                      \
     ((kind) >= O_M8 && (kind) <= O_M512))
#define IN_REGISTER(kind) ((kind) == O_NQ || (kind) == O_UX)
#define IS_NAMED(kind)    ((kind) == O_S || (kind) == O_CR)
#define FORM_FLAGS(a, b)                                                       \
    ((IN_MEMORY(a) || IN_MEMORY(b) ? OPF_MEMORY : 0) |                         \
     (IN_REGISTER(a) || IN_REGISTER(b) ? OPF_REGISTER : 0) |                   \
     (IS_NAMED(a) || IS_NAMED(b) ? OPF_NAMED : 0))
#define SHAPE(a, b, c) (((a) | (b) | (c)) & (O_MODRM | O_IMM))

const struct op_row op_rows[OP_COUNT] = {
#define ROW(id, name_, a, b, c, width_, class_, rule_, undef_, flag, fn, arg_) \
    [OP_##id] = {.name = name_,                                                \
                 .undef = UNDEF_##undef_,                                      \
                 .operand = {O_##a, O_##b, O_##c},                             \
                 .shape = SHAPE(O_##a, O_##b, O_##c),                          \
                 .width = WIDTH_##width_,                                      \
                 .class = CLASS_##class_,                                      \
                 .rule = RULE_##rule_,                                         \
                 .flags = OPF_##flag | FORM_FLAGS(O_##a, O_##b),               \
                 .arg = arg_},
#include "vmm/cpu/ops.def"
};

u32 operand_bytes(const struct insn *insn, u32 kind)
{
    switch (kind) {
    case O_EB:
    case O_M8:
        return 1;
    case O_EW:
    case O_EV:
    case O_M16:
        return 2;
    case O_QD:
    case O_WD:
    case O_M32:
        return 4;
    case O_QQ:
    case O_WQ:
    case O_M64:
        return 8;
    case O_M80:
        return 10;
    case O_WX:
    case O_M128:
        return 16;
    case O_ENV:
        return insn->opsize == 2 ? 14 : 28;
    case O_STATE:
        return insn->opsize == 2 ? 94 : 108;
    case O_M512:
        return 512;
    case O_MP:
        return insn->opsize + 2;
    case O_MA:
        return insn->opsize * 2;
    case O_E:
    case O_O:
        return insn->opsize;
    default:
        return 0;
    }
}

/* CS is not loaded by MOV; there are six segment registers, and CR0, CR2, CR3
 * and CR4 (SDM vol. 2B MOV). */
bool insn_register_exists(const struct insn *insn)
{
    const struct op_row *row = &op_rows[insn->op];

    if (row->operand[0] == O_S)
        return insn->reg < SEG_COUNT && insn->reg != SEG_CS;
    if (row->operand[1] == O_S)
        return insn->reg < SEG_COUNT;
    return insn->reg < 5 && insn->reg != 1;
}
