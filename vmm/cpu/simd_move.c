/* SPDX-License-Identifier: MIT
 *
 * See exec_simd.h. A move is five numbers: from which byte of the source, to
 * which of the destination, how many, and whether the rest becomes zero (or
 * does so for a source in memory). The destination's width is its own.
 *
 * SDM vol. 2A and 2B under each name.
 */
#include "arch/x86/defs/regs.h"
#include "vmm/base/str.h"
#include "vmm/cpu/exec_simd.h"

struct move {
    u8 from, to, size;
    u8 zero; /* the rest becomes zero: ZERO_ */
};

enum { ZERO_NEVER, ZERO_ALWAYS, ZERO_MEMORY, ZERO_REGISTER };

static const struct move moves[OP_COUNT] = {
    [OP_MOVUPS_VW] = {0, 0, 16, 0},
    [OP_MOVUPD_VW] = {0, 0, 16, 0},
    [OP_MOVSS_VW] = {0, 0, 4, ZERO_MEMORY},
    [OP_MOVSD_VW] = {0, 0, 8, ZERO_MEMORY},
    [OP_MOVUPS_WV] = {0, 0, 16, 0},
    [OP_MOVUPD_WV] = {0, 0, 16, 0},
    [OP_MOVSS_WV] = {0, 0, 4, 0},
    [OP_MOVSD_WV] = {0, 0, 8, 0},
    [OP_MOVLPS_VW] = {0, 0, 8, 0},
    [OP_MOVLPD_VM] = {0, 0, 8, 0},
    [OP_MOVLPS_MV] = {0, 0, 8, 0},
    [OP_MOVLPD_MV] = {0, 0, 8, 0},
    [OP_MOVHPS_VW] = {0, 8, 8, 0},
    [OP_MOVHPD_VM] = {0, 8, 8, 0},
    [OP_MOVHPS_MV] = {8, 0, 8, 0},
    [OP_MOVHPD_MV] = {8, 0, 8, 0},
    [OP_MOVAPS_VW] = {0, 0, 16, 0},
    [OP_MOVAPD_VW] = {0, 0, 16, 0},
    [OP_MOVAPS_WV] = {0, 0, 16, 0},
    [OP_MOVAPD_WV] = {0, 0, 16, 0},
    [OP_MOVNTPS] = {0, 0, 16, 0},
    [OP_MOVNTPD] = {0, 0, 16, 0},
    [OP_MOVD_PE] = {0, 0, 4, ZERO_ALWAYS},
    [OP_MOVD_VE] = {0, 0, 4, ZERO_ALWAYS},
    [OP_MOVD_EP] = {0, 0, 4, 0},
    [OP_MOVD_EV] = {0, 0, 4, 0},
    [OP_MOVQ_PQ] = {0, 0, 8, 0},
    [OP_MOVQ_QP] = {0, 0, 8, 0},
    [OP_MOVQ_VW] = {0, 0, 8, ZERO_ALWAYS},
    [OP_MOVQ_WV] = {0, 0, 8, ZERO_REGISTER},
    [OP_MOVDQA_VW] = {0, 0, 16, 0},
    [OP_MOVDQU_VW] = {0, 0, 16, 0},
    [OP_MOVDQA_WV] = {0, 0, 16, 0},
    [OP_MOVDQU_WV] = {0, 0, 16, 0},
    [OP_MOVQ2DQ] = {0, 0, 8, ZERO_ALWAYS},
    [OP_MOVDQ2Q] = {0, 0, 8, 0},
    [OP_MOVNTQ] = {0, 0, 8, 0},
    [OP_MOVNTDQ] = {0, 0, 16, 0},
};

static void move(const struct insn *insn, struct fpu_op *op, struct move m)
{
    u8 rest = is_register(insn) ? ZERO_REGISTER : ZERO_MEMORY;

    if (insn->op == OP_MOVLPS_VW && is_register(insn))
        m.from = 8; /* MOVHLPS */
    if (m.zero == ZERO_ALWAYS || m.zero == rest)
        memset(op->a, 0, sizeof(op->a));
    memcpy(op->a + m.to, op->b + m.from, m.size);
    op->gpr = get_le32(op->a);
}

/* Words [at, at + 4) are chosen among the same four of the source; the rest
 * is the source's. */
static void shuffle_words(const struct insn *insn, struct fpu_op *op, u32 at)
{
    memcpy(op->a, op->b, sizeof(op->a));
    for (u32 i = 0; i < 4; i++)
        memcpy(op->a + 2 * (at + i),
               op->b + 2 * (at + (insn->imm >> 2 * i & 3)), 2);
}

static void shuffle_longs(const struct insn *insn, struct fpu_op *op)
{
    for (u32 i = 0; i < 4; i++)
        memcpy(op->a + 4 * i, op->b + 4 * (insn->imm >> 2 * i & 3), 4);
}

/* SHUFPS and SHUFPD: the lower half of the result comes from the
 * destination, the upper from the source. */
static void shuffle_two(const struct insn *insn, struct fpu_op *op, u32 size)
{
    u32 count = 16 / size, bits = size == 4 ? 2 : 1;
    u8 old[16];

    memcpy(old, op->a, sizeof(old));
    for (u32 i = 0; i < count; i++) {
        u32 choice = insn->imm >> bits * i & (count - 1);
        const u8 *from = i < count / 2 ? old : op->b;
        memcpy(op->a + i * size, from + choice * size, size);
    }
}

static void shift_bytes(const struct insn *insn, struct fpu_op *op)
{
    u32 by = min_u32(insn->imm & 0xff, 16);
    u8 old[16];

    memcpy(old, op->a, sizeof(old));
    memset(op->a, 0, sizeof(op->a));
    if (insn->op == OP_PSRLDQ_UI)
        memcpy(op->a, old + by, 16 - by);
    else
        memcpy(op->a + by, old, 16 - by);
}

static bool shuffle(const struct insn *insn, struct fpu_op *op)
{
    switch (insn->op) {
    case OP_PSHUFW:
    case OP_PSHUFLW:
        shuffle_words(insn, op, 0);
        return true;
    case OP_PSHUFHW:
        shuffle_words(insn, op, 4);
        return true;
    case OP_PSHUFD:
        shuffle_longs(insn, op);
        return true;
    case OP_SHUFPS:
        shuffle_two(insn, op, 4);
        return true;
    case OP_SHUFPD:
        shuffle_two(insn, op, 8);
        return true;
    case OP_PSRLDQ_UI:
    case OP_PSLLDQ_UI:
        shift_bytes(insn, op);
        return true;
    default:
        return false;
    }
}

/* PINSRW and PEXTRW: one word of eight, or of four. */
static bool one_word(const struct insn *insn, struct fpu_op *op)
{
    switch (insn->op) {
    case OP_PINSRW_PE:
        memcpy(op->a + 2 * (insn->imm & 3), op->b, 2);
        return true;
    case OP_PINSRW_VE:
        memcpy(op->a + 2 * (insn->imm & 7), op->b, 2);
        return true;
    case OP_PEXTRW_GN:
        op->gpr = get_le16(op->b + 2 * (insn->imm & 3));
        return true;
    case OP_PEXTRW_GU:
        op->gpr = get_le16(op->b + 2 * (insn->imm & 7));
        return true;
    default:
        return false;
    }
}

bool simd_move(const struct insn *insn, struct fpu_op *op)
{
    struct move m = moves[insn->op];

    if (!m.size)
        return shuffle(insn, op) || one_word(insn, op);
    move(insn, op, m);
    return true;
}
