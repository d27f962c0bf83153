/* SPDX-License-Identifier: MIT
 *
 * Bytes to instruction. The decoder is total and stateless: any 15 bytes
 * give a row of ops.def with its operands, or say that they are too few, too
 * many, or in no row. It knows nothing of memory or of the processor's state
 * but the default operand size.
 *
 * SDM vol. 2A chapter 2, vol. 2D appendix A.
 */
#ifndef CPU_DECODE_H
#define CPU_DECODE_H

#include "vmm/cpu/cpu.h"

#define INSN_MAX 15

enum decode_status {
    DECODE_OK,
    DECODE_SHORT,   /* the instruction goes on behind the bytes given */
    DECODE_LONG,    /* more than 15 bytes: #GP(0) */
    DECODE_UNKNOWN, /* no row for it */
};

struct insn {
    u16 op;     /* row number in ops.def: OP_ */
    u8 len;     /* bytes, prefixes and all */
    u8 opsize;  /* operand size in bytes: 1, 2 or 4 */
    u8 adsize;  /* address size: 2 or 4 */
    u8 seg;     /* segment of the memory operand, override applied */
    u8 rep;     /* 0, 0xf2 or 0xf3 */
    bool lock;
    bool has_modrm;
    u8 modrm;   /* whole byte; mod == 3: register form */
    u8 reg;     /* modrm bits 5:3, or the register in the opcode's low bits */
    u8 rm;      /* modrm bits 2:0 */
    s8 base;    /* register of the effective address, -1: none */
    s8 index;   /* the same; 16-bit forms use base and index too */
    u8 scale;   /* 0..3 */
    u32 disp;   /* sign-extended displacement, or moffs */
    u32 imm;    /* sign-extended where the row says so */
    u32 imm2;   /* far pointer's selector, ENTER's level */
};

enum decode_status insn_decode(const u8 *bytes, u32 count, bool code32,
                               struct insn *out);

/* Instruction as text, Intel syntax; returns its length. eip is the
 * address of the instruction, for branch targets. */
size_t insn_print(const struct insn *insn, u32 eip, char *buf, size_t size);
const char *insn_name(u16 op);

#endif
