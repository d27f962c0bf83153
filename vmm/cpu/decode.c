/* SPDX-License-Identifier: MIT
 *
 * See decode.h. Two index tables of 256 entries, built from ops.def by the
 * compiler, lead from an opcode byte to a row, a group or a prefix. The row's
 * operands say what follows: a modrm byte, a displacement, immediates.
 *
 * An index entry is a row number (0: #UD), or PREFIXED_FIRST, GROUP_FIRST,
 * PREFIX_FIRST + the number of what chooses further: a mandatory prefix leads
 * to a row or a group, a group by modrm.reg (eight for memory, eight for
 * register operands) to a row or, by WHOLE_FIRST, to eight that go by rm.
 *
 * rows.c has the rows themselves. SDM vol. 2A 2.1 (formats, tables 2-1 to 2-3).
 */
#include "vmm/cpu/decode.h"
#include "vmm/base/bits.h"

#define WHOLE_FIRST    0x2000
#define GROUP_FIRST    0x4000
#define PREFIXED_FIRST 0x6000
#define PREFIX_FIRST   0x8000
#define PREFIX_F2      0xf2
#define PREFIX_F3      0xf3
#define SEG_DEFAULT    0xff
#define RM_SIB         4 /* 32-bit forms */
#define RM_DISP        5 /* with mod 0: no base, disp32 */
#define RM16_DISP      6 /* 16-bit forms, mod 0: disp16 */

/* The first six have the numbers of the segment registers. */
enum {
    PREFIX_ES,
    PREFIX_CS,
    PREFIX_SS,
    PREFIX_DS,
    PREFIX_FS,
    PREFIX_GS,
    PREFIX_OPSIZE,
    PREFIX_ADSIZE,
    PREFIX_LOCK,
    PREFIX_REP,
    PREFIX_ESCAPE,
};

enum {
#define GROUP(group, map, byte)     GROUP_##group,
#define XGROUP(group, byte, prefix) GROUP_##group,
#include "vmm/cpu/ops.def"
    GROUP_COUNT
};

enum {
#define WHOLE(group, reg) WHOLE_##group##_##reg,
#include "vmm/cpu/ops.def"
    WHOLE_COUNT
};

enum {
#define PREFIXED(byte) PREFIXED_##byte,
#include "vmm/cpu/ops.def"
    PREFIXED_COUNT
};

/* Mandatory prefixes: with F2 or F3, 66 is none. */
enum {
    MANDATORY_NP,
    MANDATORY_66,
    MANDATORY_F3,
    MANDATORY_F2,
    MANDATORY_COUNT
};

static const u16 index[512] = {
#define OP(map, byte, id, ...) [(map)*256 + (byte)] = OP_##id,
#define GROUP(group, map, byte)                                                \
    [(map)*256 + (byte)] = GROUP_FIRST + GROUP_##group,
#define GR(...)
#define GM(...)
#define GX(...)
#define GB(...)
#define XP(...)
#define PREFIXED(byte)     [256 + (byte)] = PREFIXED_FIRST + PREFIXED_##byte,
#define PREFIX(byte, kind) [byte] = PREFIX_FIRST + PREFIX_##kind,
#include "vmm/cpu/ops.def"
};

static const u16 prefixed[PREFIXED_COUNT][MANDATORY_COUNT] = {
#define OP(...)
#define GR(...)
#define GM(...)
#define GX(...)
#define GB(...)
#define XP(byte, prefix, id, ...)                                              \
    [PREFIXED_##byte][MANDATORY_##prefix] = OP_##id,
#define XGROUP(group, byte, prefix)                                            \
    [PREFIXED_##byte][MANDATORY_##prefix] = GROUP_FIRST + GROUP_##group,
#include "vmm/cpu/ops.def"
};

static const u16 groups[GROUP_COUNT][16] = {
#define OP(...)
#define GB(...)
#define XP(...)
#define GX(group, reg, id, ...) [GROUP_##group][8 + (reg)] = OP_##id,
#define WHOLE(group, reg)                                                      \
    [GROUP_##group][8 + (reg)] = WHOLE_FIRST + WHOLE_##group##_##reg,
#define GM(group, reg, id, ...) [GROUP_##group][reg] = OP_##id,
#define GR(group, reg, id, ...)                                                \
    [GROUP_##group][reg] = OP_##id, [GROUP_##group][8 + (reg)] = OP_##id,
#include "vmm/cpu/ops.def"
};

static const u16 wholes[WHOLE_COUNT][8] = {
#define OP(...)
#define GR(...)
#define GM(...)
#define GX(...)
#define XP(...)
#define GB(group, reg, rm, id, ...) [WHOLE_##group##_##reg][rm] = OP_##id,
#include "vmm/cpu/ops.def"
};

/* The bytes, and how many of them are used. */
struct cursor {
    const u8 *at;
    u32 count, used;
};

static bool take(struct cursor *c, u32 n, u32 *out)
{
    const u8 *p = c->at + c->used;

    if (c->used + n > c->count)
        return false;
    c->used += n;
    if (n == 4)
        *out = get_le32(p);
    else
        *out = n == 2 ? get_le16(p) : n ? p[0] : 0;
    return true;
}

static u8 default_size(bool code32)
{
    return code32 ? 4 : 2;
}

static u32 sign_extend8(u32 v)
{
    return (u32)(s32)(s8)v;
}

static u32 sign_extend16(u32 v)
{
    return (u32)(s32)(s16)v;
}

static void prefix(struct insn *insn, u32 kind, u32 byte, bool code32)
{
    if (kind <= PREFIX_GS)
        insn->seg = (u8)kind;
    else if (kind == PREFIX_OPSIZE)
        insn->opsize = code32 ? 2 : 4;
    else if (kind == PREFIX_ADSIZE)
        insn->adsize = code32 ? 2 : 4;
    else if (kind == PREFIX_LOCK)
        insn->lock = true;
    else
        insn->rep = (u8)byte;
}

/* Prefixes and opcode bytes; *entry is the index entry they lead to. */
static bool take_opcode(struct cursor *c, struct insn *insn, bool code32,
                        u32 *entry)
{
    u32 byte;

    for (;;) {
        if (!take(c, 1, &byte))
            return false;
        *entry = index[byte];
        if (*entry < PREFIX_FIRST)
            break;
        if (*entry == PREFIX_FIRST + PREFIX_ESCAPE) {
            if (!take(c, 1, &byte))
                return false;
            *entry = index[256 + byte];
            break;
        }
        prefix(insn, *entry - PREFIX_FIRST, byte, code32);
    }
    insn->opcode = (u8)byte;
    insn->reg = byte & 7;
    return true;
}

static bool take_disp(struct cursor *c, u32 size, struct insn *insn)
{
    if (!take(c, size, &insn->disp))
        return false;
    if (size == 1)
        insn->disp = sign_extend8(insn->disp);
    else if (size == 2)
        insn->disp = sign_extend16(insn->disp);
    return true;
}

static bool take_ea16(struct cursor *c, struct insn *insn)
{
    static const s8 base[] = {EBX, EBX, EBP, EBP, ESI, EDI, EBP, EBX};
    static const s8 index16[] = {ESI, EDI, ESI, EDI, -1, -1, -1, -1};
    u32 mod = insn->modrm >> 6;

    if (mod == 0 && insn->rm == RM16_DISP)
        return take_disp(c, 2, insn);
    insn->base = base[insn->rm];
    insn->index = index16[insn->rm];
    return take_disp(c, mod, insn);
}

static bool take_sib(struct cursor *c, struct insn *insn)
{
    u32 sib;

    if (!take(c, 1, &sib))
        return false;
    insn->scale = (u8)(sib >> 6);
    insn->index = (s8)(sib >> 3 & 7);
    if (insn->index == ESP)
        insn->index = -1;
    insn->base = sib & 7;
    return true;
}

static bool take_ea32(struct cursor *c, struct insn *insn)
{
    u32 mod = insn->modrm >> 6;

    insn->base = (s8)insn->rm;
    if (insn->rm == RM_SIB && !take_sib(c, insn))
        return false;
    if (mod == 0 && insn->base == RM_DISP) {
        insn->base = -1;
        return take_disp(c, 4, insn);
    }
    return take_disp(c, mod == 2 ? 4 : mod, insn);
}

static bool take_modrm(struct cursor *c, struct insn *insn)
{
    u32 modrm;

    if (!take(c, 1, &modrm))
        return false;
    insn->has_modrm = true;
    insn->modrm = (u8)modrm;
    insn->reg = modrm >> 3 & 7;
    insn->rm = modrm & 7;
    return true;
}

/* The memory operand behind a modrm byte. MOV CR and MOV DR have none
 * whatever mod says (SDM vol. 2B MOV). */
static bool take_ea(struct cursor *c, struct insn *insn,
                    const struct op_row *row)
{
    if (is_register(insn) || row->operand[0] == O_R || row->operand[1] == O_R)
        return true;
    return insn->adsize == 2 ? take_ea16(c, insn) : take_ea32(c, insn);
}

static u32 imm_size(u32 kind, const struct insn *insn)
{
    switch (kind) {
    case O_I:
    case O_J:
        return insn->opsize;
    case O_O:
        return insn->adsize;
    case O_IW:
        return 2;
    default:
        return 1;
    }
}

static bool take_far(struct cursor *c, struct insn *insn)
{
    return take(c, insn->opsize, &insn->imm) && take(c, 2, &insn->imm2);
}

static bool take_imm(struct cursor *c, struct insn *insn, u32 kind)
{
    u32 size = imm_size(kind, insn), v;

    if (kind == O_P)
        return take_far(c, insn);
    if (!take(c, size, &v))
        return false;
    if (kind == O_O)
        insn->disp = v;
    else if (kind == O_IL)
        insn->imm2 = v;
    else if (kind == O_IS || kind == O_JB)
        insn->imm = sign_extend8(v);
    else if (kind == O_J && size == 2)
        insn->imm = sign_extend16(v);
    else
        insn->imm = v;
    return true;
}

static bool take_operands(struct cursor *c, struct insn *insn,
                          const struct op_row *row)
{
    if (insn->has_modrm && !take_ea(c, insn, row))
        return false;
    for (int i = 0; i < 3 && (row->shape & O_IMM); i++) {
        if ((row->operand[i] & O_IMM) && !take_imm(c, insn, row->operand[i]))
            return false;
    }
    if (insn->seg == SEG_DEFAULT)
        insn->seg = insn->base == ESP || insn->base == EBP ? SEG_SS : SEG_DS;
    return true;
}

/* The entry for a mandatory prefix. */
static u32 by_prefix(struct insn *insn, u32 entry, bool code32)
{
    static const u8 bytes[] = {0, 0x66, PREFIX_F3, PREFIX_F2};
    u32 mandatory = MANDATORY_NP;

    if (insn->rep)
        mandatory = insn->rep == PREFIX_F3 ? MANDATORY_F3 : MANDATORY_F2;
    else if (insn->opsize != default_size(code32))
        mandatory = MANDATORY_66;
    insn->mandatory = bytes[mandatory];
    return prefixed[entry - PREFIXED_FIRST][mandatory];
}

/* The entry for a modrm byte. */
static u32 by_modrm(const struct insn *insn, u32 entry)
{
    u32 member = insn->reg + (is_register(insn) ? 8u : 0u);

    entry = groups[entry - GROUP_FIRST][member];
    return entry < WHOLE_FIRST ? entry : wholes[entry - WHOLE_FIRST][insn->rm];
}

/* From the opcode's entry to a row. */
static bool choose(struct cursor *c, struct insn *insn, u32 *entry, bool code32)
{
    if (*entry >= PREFIXED_FIRST)
        *entry = by_prefix(insn, *entry, code32);
    if (*entry < GROUP_FIRST)
        return true;
    if (!take_modrm(c, insn))
        return false;
    *entry = by_modrm(insn, *entry);
    return true;
}

static enum decode_status decode(struct cursor *c, struct insn *insn,
                                 bool code32)
{
    const struct op_row *row;
    u32 entry;

    if (!take_opcode(c, insn, code32, &entry))
        return DECODE_SHORT;
    if (entry >= GROUP_FIRST && !choose(c, insn, &entry, code32))
        return DECODE_SHORT;
    if (!entry)
        return DECODE_UD;
    insn->op = (u16)entry;
    row = &op_rows[entry];
    if (row->width)
        insn->opsize = row->width;
    if (!insn->has_modrm && (row->shape & O_MODRM) && !take_modrm(c, insn))
        return DECODE_SHORT;
    if (!take_operands(c, insn, row))
        return DECODE_SHORT;
    insn->len = (u8)c->used;
    return DECODE_OK;
}

enum decode_status insn_decode(const u8 *bytes, u32 count, bool code32,
                               struct insn *out)
{
    struct cursor c = {bytes, min_u32(count, INSN_MAX), 0};
    enum decode_status status;
    u8 size = default_size(code32);

    *out = (struct insn){.opsize = size,
                         .adsize = size,
                         .seg = SEG_DEFAULT,
                         .base = -1,
                         .index = -1};
    status = decode(&c, out, code32);
    if (status == DECODE_SHORT && count >= INSN_MAX)
        return DECODE_LONG;
    return status;
}
