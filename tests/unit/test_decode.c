/* SPDX-License-Identifier: MIT
 *
 * The decoder: addressing forms, prefixes, immediates, lengths, and that it
 * is total: any prefix of any bytes gives an answer that fits.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/cpu/decode.h"

static struct insn insn;

#define DECODE(code32, ...)                                                    \
    insn_decode((const u8[INSN_MAX]){__VA_ARGS__}, INSN_MAX, code32, &insn)

static void addressing_32(void)
{
    EXPECT_EQ(DECODE(true, 0x8b, 0x44, 0x8b, 0xfc), DECODE_OK);
    EXPECT_EQ(insn.op, OP_MOV_GvEv);
    EXPECT_EQ(insn.len, 4);
    EXPECT_EQ(insn.base, EBX);
    EXPECT_EQ(insn.index, ECX);
    EXPECT_EQ(insn.scale, 2);
    EXPECT_EQ(insn.disp, 0xfffffffc);
    EXPECT_EQ(insn.seg, SEG_DS);
    EXPECT_EQ(DECODE(true, 0x8b, 0x04, 0x25, 1, 2, 3, 4), DECODE_OK);
    EXPECT(insn.base < 0 && insn.index < 0);
    EXPECT_EQ(insn.disp, 0x04030201);
    EXPECT_EQ(DECODE(true, 0x8b, 0x04, 0x24), DECODE_OK);
    EXPECT_EQ(insn.base, ESP);
    EXPECT_EQ(insn.seg, SEG_SS);
    EXPECT_EQ(DECODE(true, 0x8b, 0x45, 0x00), DECODE_OK);
    EXPECT_EQ(insn.seg, SEG_SS);
}

static void addressing_16(void)
{
    EXPECT_EQ(DECODE(false, 0x8b, 0x42, 0x80), DECODE_OK);
    EXPECT_EQ(insn.base, EBP);
    EXPECT_EQ(insn.index, ESI);
    EXPECT_EQ(insn.seg, SEG_SS);
    EXPECT_EQ(insn.opsize, 2);
    EXPECT_EQ(insn.disp, 0xffffff80);
    EXPECT_EQ(DECODE(false, 0x8b, 0x06, 0x34, 0x12), DECODE_OK);
    EXPECT(insn.base < 0);
    EXPECT_EQ((u16)insn.disp, 0x1234);
    EXPECT_EQ(insn.seg, SEG_DS);
    EXPECT_EQ(DECODE(false, 0x66, 0x67, 0x8b, 0x05, 1, 0, 0, 0), DECODE_OK);
    EXPECT_EQ(insn.opsize, 4);
    EXPECT_EQ(insn.adsize, 4);
    EXPECT_EQ(insn.len, 8);
}

static void prefixes(void)
{
    EXPECT_EQ(DECODE(true, 0x2e, 0x64, 0xf0, 0xf3, 0x00, 0x00), DECODE_OK);
    EXPECT_EQ(insn.seg, SEG_FS);
    EXPECT(insn.lock);
    EXPECT_EQ(insn.rep, 0xf3);
    EXPECT_EQ(insn.len, 6);
}

static void immediates(void)
{
    EXPECT_EQ(DECODE(true, 0x6a, 0x80), DECODE_OK);
    EXPECT_EQ(insn.imm, 0xffffff80);
    EXPECT_EQ(DECODE(true, 0xb0, 0x80), DECODE_OK);
    EXPECT_EQ(insn.imm, 0x80);
    EXPECT_EQ(DECODE(true, 0x9a, 1, 2, 3, 4, 5, 6), DECODE_OK);
    EXPECT_EQ(insn.imm, 0x04030201);
    EXPECT_EQ(insn.imm2, 0x0605);
    EXPECT_EQ(DECODE(true, 0x66, 0x9a, 1, 2, 3, 4), DECODE_OK);
    EXPECT_EQ(insn.imm2, 0x0403);
    EXPECT_EQ(DECODE(true, 0xc8, 0x34, 0x12, 7), DECODE_OK);
    EXPECT_EQ(insn.imm, 0x1234);
    EXPECT_EQ(insn.imm2, 7);
    EXPECT_EQ(DECODE(true, 0x67, 0xa1, 0x34, 0x12), DECODE_OK);
    EXPECT_EQ(insn.disp, 0x1234);
    EXPECT_EQ(DECODE(true, 0x66, 0x0f, 0x84, 0xfe, 0xff), DECODE_OK);
    EXPECT_EQ(insn.imm, 0xfffffffe);
}

static void groups_choose_by_reg_and_mod(void)
{
    EXPECT_EQ(DECODE(true, 0xf7, 0xd8), DECODE_OK);
    EXPECT_EQ(insn.op, OP_NEG_Ev);
    EXPECT_EQ(DECODE(true, 0x0f, 0x01, 0x10), DECODE_OK);
    EXPECT_EQ(insn.op, OP_LGDT);
    EXPECT_EQ(DECODE(true, 0x0f, 0x01, 0xd0), DECODE_UD);
    EXPECT_EQ(DECODE(true, 0x0f, 0xc7, 0xc8), DECODE_UD);
    EXPECT_EQ(DECODE(true, 0xff, 0xff), DECODE_UD);
}

/* MOV CR and MOV DR take no memory operand whatever mod says. */
static void mov_cr_ignores_mod(void)
{
    EXPECT_EQ(DECODE(true, 0x0f, 0x20, 0x04), DECODE_OK);
    EXPECT_EQ(insn.len, 3);
    EXPECT_EQ(insn.rm, ESP);
    EXPECT_EQ(DECODE(true, 0x66, 0x0f, 0x22, 0xd8), DECODE_OK);
    EXPECT_EQ(insn.opsize, 4);
}

static void too_few_and_too_many(void)
{
    const u8 mov[] = {0xc7, 0x05, 1, 2, 3, 4, 5, 6, 7, 8};
    const u8 far[] = {0xea, 1, 2, 3, 4, 5, 6};
    u8 longest[16];

    for (u32 n = 0; n < sizeof(far); n++)
        EXPECT_EQ(insn_decode(far, n, true, &insn), DECODE_SHORT);
    EXPECT_EQ(insn_decode(far, sizeof(far), true, &insn), DECODE_OK);
    for (u32 n = 0; n < sizeof(mov); n++)
        EXPECT_EQ(insn_decode(mov, n, true, &insn), DECODE_SHORT);
    EXPECT_EQ(insn_decode(mov, sizeof(mov), true, &insn), DECODE_OK);
    memset(longest, 0x26, sizeof(longest));
    longest[14] = 0x90;
    EXPECT_EQ(insn_decode(longest, 15, true, &insn), DECODE_OK);
    EXPECT_EQ(insn.len, 15);
    longest[14] = 0x26;
    longest[15] = 0x90;
    EXPECT_EQ(insn_decode(longest, 15, true, &insn), DECODE_LONG);
    EXPECT_EQ(insn_decode(longest, 16, true, &insn), DECODE_LONG);
    EXPECT_EQ(insn_decode(longest, 14, true, &insn), DECODE_SHORT);
}

/* The x87's register forms go by modrm.reg, some by all of modrm. */
static void x87_forms(void)
{
    EXPECT_EQ(DECODE(true, 0xd8, 0x05, 1, 2, 3, 4), DECODE_OK);
    EXPECT_EQ(insn.op, OP_FADD_M32);
    EXPECT_EQ(operand_bytes(&insn, op_rows[insn.op].operand[0]), 4);
    EXPECT_EQ(DECODE(true, 0xdc, 0xe3), DECODE_OK);
    EXPECT_EQ(insn.op, OP_FSUBR_i0);
    EXPECT_EQ(insn.rm, 3);
    EXPECT_EQ(DECODE(true, 0xd9, 0xfb), DECODE_OK);
    EXPECT_EQ(insn.op, OP_FSINCOS);
    EXPECT_EQ(DECODE(true, 0xd9, 0xd0), DECODE_OK);
    EXPECT_EQ(insn.op, OP_FNOP);
    EXPECT_EQ(DECODE(true, 0xd9, 0xd1), DECODE_UD);
    EXPECT_EQ(DECODE(true, 0xde, 0xd8), DECODE_UD);
    EXPECT_EQ(DECODE(true, 0x66, 0xdd, 0x30), DECODE_OK);
    EXPECT_EQ(insn.op, OP_FNSAVE);
    EXPECT_EQ(operand_bytes(&insn, op_rows[insn.op].operand[0]), 94);
}

static void mandatory_prefix_chooses(void)
{
    EXPECT_EQ(DECODE(true, 0x0f, 0x58, 0xc1), DECODE_OK);
    EXPECT_EQ(insn.op, OP_ADDPS);
    EXPECT_EQ(insn.mandatory, 0);
    EXPECT_EQ(DECODE(true, 0x66, 0x0f, 0x58, 0xc1), DECODE_OK);
    EXPECT_EQ(insn.op, OP_ADDPD);
    EXPECT_EQ(insn.mandatory, 0x66);
    EXPECT_EQ(DECODE(false, 0x66, 0xf3, 0x0f, 0x58, 0xc1), DECODE_OK);
    EXPECT_EQ(insn.op, OP_ADDSS);
    EXPECT_EQ(insn.mandatory, 0xf3);
    EXPECT_EQ(DECODE(true, 0xf3, 0xf2, 0x66, 0x0f, 0x58, 0xc1), DECODE_OK);
    EXPECT_EQ(insn.op, OP_ADDSD);
    EXPECT_EQ(DECODE(true, 0xf3, 0x0f, 0x60, 0xc1), DECODE_UD);
    EXPECT_EQ(DECODE(true, 0x66, 0x0f, 0x73, 0xd9, 3), DECODE_OK);
    EXPECT_EQ(insn.op, OP_PSRLDQ_UI);
    EXPECT_EQ(insn.imm, 3);
    EXPECT_EQ(DECODE(true, 0x0f, 0x73, 0xd9, 3), DECODE_UD);
    EXPECT_EQ(DECODE(true, 0x0f, 0xae, 0xe8), DECODE_OK);
    EXPECT_EQ(insn.op, OP_LFENCE);
}

static void forms_that_are_undefined(void)
{
    EXPECT_EQ(DECODE(true, 0x0f, 0xc3, 0xc0), DECODE_OK); /* movnti reg */
    EXPECT(!insn_valid(&insn));
    EXPECT_EQ(DECODE(true, 0x0f, 0x50, 0x00), DECODE_OK); /* movmskps mem */
    EXPECT(!insn_valid(&insn));
    EXPECT_EQ(DECODE(true, 0xf0, 0x01, 0xc0), DECODE_OK); /* lock, register */
    EXPECT(!insn_valid(&insn));
    EXPECT_EQ(DECODE(true, 0xf0, 0x01, 0x00), DECODE_OK);
    EXPECT(insn_valid(&insn));
    EXPECT_EQ(DECODE(true, 0xf0, 0xd8, 0x00), DECODE_OK); /* lock fadd */
    EXPECT(!insn_valid(&insn));
}

/* CS is loaded by no MOV, and there is no CR1, CR5 or segment register 6. */
static void registers_that_are_none(void)
{
    static const struct {
        u8 bytes[3];
        bool valid;
    } moves[] = {
        {{0x8e, 0xc8}, false},       {{0x8c, 0xc8}, true},
        {{0x8e, 0xd0}, true},        {{0x8e, 0xf0}, false},
        {{0x8c, 0xf8}, false},       {{0x0f, 0x20, 0xc0}, true},
        {{0x0f, 0x20, 0xc8}, false}, {{0x0f, 0x22, 0xd0}, true},
        {{0x0f, 0x22, 0xe8}, false}, {{0x0f, 0x22, 0xe0}, true},
        {{0x0f, 0x23, 0xe0}, true},
    };

    for (u32 i = 0; i < ARRAY_LEN(moves); i++) {
        EXPECT_EQ(insn_decode(moves[i].bytes, 3, true, &insn), DECODE_OK);
        EXPECT_EQ(insn_valid(&insn), moves[i].valid);
    }
}

static u32 bytes_of(u32 n)
{
    return operand_bytes(&insn, op_rows[insn.op].operand[n]);
}

static void sizes_in_memory(void)
{
    static const struct {
        u8 bytes[4];
        u16 operand, size;
    } cases_[] = {
        {{0x88, 0x00}, 0, 1},             /* mov byte */
        {{0x0f, 0xb6, 0x00}, 1, 1},       /* movzx byte */
        {{0x0f, 0xb7, 0x00}, 1, 2},       /* movzx word */
        {{0x66, 0x89, 0x00}, 0, 2},       /* mov word */
        {{0xa1}, 1, 4},                   /* mov eax, moffs */
        {{0xc4, 0x00}, 1, 6},             /* les */
        {{0x66, 0xff, 0x18}, 0, 4},       /* call far 16:16 */
        {{0x62, 0x00}, 1, 8},             /* bound */
        {{0x0f, 0xc7, 0x08}, 0, 8},       /* cmpxchg8b */
        {{0x0f, 0x01, 0x38}, 0, 1},       /* invlpg */
        {{0x0f, 0x01, 0x10}, 0, 0},       /* lgdt: its handler knows */
        {{0xd9, 0x28}, 0, 2},             /* fldcw */
        {{0xdb, 0x28}, 0, 10},            /* fld m80 */
        {{0xdd, 0x20}, 0, 108},           /* frstor */
        {{0x66, 0xd9, 0x20}, 0, 14},      /* fldenv, 16-bit */
        {{0xd9, 0x20}, 0, 28},            /* fldenv */
        {{0x0f, 0x60, 0x00}, 1, 4},       /* punpcklbw mm */
        {{0x0f, 0x6f, 0x00}, 1, 8},       /* movq mm */
        {{0x0f, 0x28, 0x00}, 1, 16},      /* movaps */
        {{0x0f, 0x2b, 0x00}, 0, 16},      /* movntps */
        {{0xf3, 0x0f, 0x10, 0x00}, 1, 4}, /* movss */
        {{0xf2, 0x0f, 0x10, 0x00}, 1, 8}, /* movsd */
        {{0x0f, 0xae, 0x00}, 0, 512},     /* fxsave */
        {{0x0f, 0xc4, 0x00}, 1, 2},       /* pinsrw */
    };

    for (u32 i = 0; i < ARRAY_LEN(cases_); i++) {
        u8 bytes[INSN_MAX] = {0};
        memcpy(bytes, cases_[i].bytes, sizeof(cases_[i].bytes));
        EXPECT_EQ(insn_decode(bytes, INSN_MAX, true, &insn), DECODE_OK);
        EXPECT_EQ(bytes_of(cases_[i].operand), cases_[i].size);
    }
}

/* What came after SSE2 is undefined too. */
static void undefined_is_said(void)
{
    EXPECT_EQ(DECODE(true, 0x0f, 0x38, 0x00, 0xc0), DECODE_UD);
    EXPECT_EQ(DECODE(true, 0xf3, 0x0f, 0xb8, 0xc0), DECODE_UD);
    EXPECT_EQ(DECODE(true, 0xdb, 0x08), DECODE_UD); /* fisttp */
    EXPECT_EQ(insn_class(OP_IRET), CLASS_IRET);
    EXPECT_EQ(insn_class(OP_OUT_DXAl), CLASS_IO);
}

/* A decoded length is reached with exactly that many bytes, never fewer. */
static void length_is_exact(void)
{
    u32 seed = 7;

    for (u32 i = 0; i < 60000; i++) {
        u8 bytes[INSN_MAX];
        struct insn all;
        for (u32 k = 0; k < INSN_MAX; k++) {
            seed = seed * 1664525 + 1013904223;
            bytes[k] = (u8)(seed >> 24);
        }
        if (insn_decode(bytes, INSN_MAX, i & 1, &all) != DECODE_OK)
            continue;
        EXPECT(all.len >= 1 && all.len <= INSN_MAX);
        EXPECT_EQ(insn_decode(bytes, all.len, i & 1, &insn), DECODE_OK);
        EXPECT_EQ(insn_decode(bytes, all.len - 1u, i & 1, &insn), DECODE_SHORT);
    }
}

static const struct unit_case cases[] = {
    CASE(addressing_32),
    CASE(addressing_16),
    CASE(prefixes),
    CASE(immediates),
    CASE(groups_choose_by_reg_and_mod),
    CASE(mov_cr_ignores_mod),
    CASE(too_few_and_too_many),
    CASE(x87_forms),
    CASE(mandatory_prefix_chooses),
    CASE(forms_that_are_undefined),
    CASE(registers_that_are_none),
    CASE(sizes_in_memory),
    CASE(undefined_is_said),
    CASE(length_is_exact),
};
UNIT_MAIN(cases)
