/* SPDX-License-Identifier: MIT
 *
 * x87, MMX and SSE in cpu_step(): who may run them, what is checked before
 * what, that a fault changes nothing, and vectors by hand. Millions of cases
 * against the real unit are in tests/diff.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/fake/flat.h"
#include "vmm/base/bits.h"

#define DATA 0x2000u

static void open_fpu(void)
{
    flat_reset(0);
    flat_cpu.cr0 |= CR0_NE | CR0_MP;
    flat_cpu.cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT;
}

static u32 fsw(void)
{
    return fpu_word(&flat_fpu, FX_FSW);
}

static u64 flat_quad(u32 at)
{
    return flat_word(at) | (u64)flat_word(at + 4) << 32;
}

#define EXPECT_NOTHING(status, trap, code)                                     \
    do {                                                                       \
        EXPECT_FAULT(status, trap, code);                                      \
        EXPECT(!memcmp(&flat_fpu, &flat_fpu_before, sizeof(flat_fpu)));        \
    } while (0)

static void a_sum_of_two_singles(void)
{
    open_fpu();
    flat_poke(DATA, 0x40490fdb);                             /* pi */
    flat_poke(DATA + 4, 0x402df854);                         /* e */
    EXPECT_EQ(FLAT_RUN(0xd9, 0x05, 0, 0x20, 0, 0), STEP_OK); /* fld */
    EXPECT_EQ(fpu_top(&flat_fpu), 7);
    EXPECT_EQ(flat_fpu.image[FX_FTW], 0x80);
    EXPECT_EQ(fpu_word(&flat_fpu, FX_FOP), 0x105);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_FIP), FLAT_CODE);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_FCS), flat_cpu.seg[SEG_CS].sel);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_FDP), DATA);
    EXPECT_EQ(FLAT_RUN(0xd8, 0x05, 4, 0x20, 0, 0), STEP_OK); /* fadd */
    EXPECT_EQ(fpu_long(&flat_fpu, FX_FDP), DATA + 4);
    EXPECT_EQ(FLAT_RUN(0xd9, 0x1d, 8, 0x20, 0, 0), STEP_OK); /* fstp */
    EXPECT_EQ(flat_word(DATA + 8), 0x40bb8418);
    EXPECT_EQ(fsw() & FPU_ERRORS, FPU_PE);
    EXPECT_EQ(flat_fpu.image[FX_FTW], 0);
    EXPECT_EQ(flat_fpu_runs, 3);
}

/* SDM vol. 3A table 2-2. */
static void ts_em_and_mp(void)
{
    for (u32 i = 0; i < 8; i++) {
        u32 ts = i & 1 ? CR0_TS : 0, em = i & 2 ? CR0_EM : 0;
        u32 mp = i & 4 ? CR0_MP : 0;
        open_fpu();
        flat_cpu.cr0 = CR0_PE | CR0_NE | ts | em | mp;
        if (ts || em)
            EXPECT_NOTHING(FLAT_RUN(0xdb, 0xe3), TRAP_NM, 0); /* fninit */
        else
            EXPECT_EQ(FLAT_RUN(0xdb, 0xe3), STEP_OK);
        if (ts && mp)
            EXPECT_NOTHING(FLAT_RUN(0x9b), TRAP_NM, 0);
        else
            EXPECT_EQ(FLAT_RUN(0x9b), STEP_OK);
    }
}

static void vector_instructions_want_em_clear_and_osfxsr(void)
{
    open_fpu();
    flat_cpu.cr0 |= CR0_EM | CR0_TS;
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0x58, 0xc1), TRAP_UD, 0); /* addps */
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xfc, 0xc1), TRAP_UD, 0); /* paddb mm */
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0x77), TRAP_UD, 0);       /* emms */
    flat_cpu.cr0 &= ~(u32)CR0_EM;
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0x58, 0xc1), TRAP_NM, 0);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xfc, 0xc1), TRAP_NM, 0);
    flat_cpu.cr4 &= ~(u32)CR4_OSFXSR;
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0x58, 0xc1), TRAP_UD, 0);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xae, 0x15, 0, 0x20, 0, 0), TRAP_UD, 0);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xfc, 0xc1), TRAP_NM, 0);
    flat_cpu.cr0 &= ~(u32)CR0_TS;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xfc, 0xc1), STEP_OK);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xe0, 0xc1), STEP_OK);          /* pavgb mm */
    EXPECT_EQ(FLAT_RUN(0x66, 0x0f, 0xfc, 0xc1), STEP_FAULT); /* xmm */
}

static void a_store_that_faults_pops_nothing(void)
{
    open_fpu();
    EXPECT_EQ(FLAT_RUN(0xd9, 0xe8), STEP_OK);                      /* fld1 */
    EXPECT_EQ(FLAT_RUN(0xdd, 0x1d, 0xfc, 0xff, 0, 0), STEP_FAULT); /* fstp */
    EXPECT_EQ(flat_step.fault.vector, TRAP_PF);
    EXPECT_EQ(flat_step.fault.cr2, FLAT_SIZE);
    EXPECT(!memcmp(&flat_fpu, &flat_fpu_before, sizeof(flat_fpu)));
    EXPECT(!memcmp(&flat_cpu, &flat_before, sizeof(flat_cpu)));
    EXPECT_EQ(FLAT_RUN(0xdd, 0x1d, 0xf8, 0xff, 0, 0), STEP_OK);
    EXPECT_EQ(flat_quad(0xfff8), 0x3ff0000000000000ull);
    EXPECT_EQ(flat_fpu.image[FX_FTW], 0);
}

/* 1/0 with ZM clear: nothing is stored or reported until the next waiting
 * instruction; those that do not wait run. */
static void an_unmasked_error_waits(void)
{
    open_fpu();
    flat_poke(DATA, 0x037b);
    EXPECT_EQ(FLAT_RUN(0xd9, 0x2d, 0, 0x20, 0, 0), STEP_OK); /* fldcw */
    FLAT_RUN(0xd9, 0xee);                                    /* fldz */
    FLAT_RUN(0xd9, 0xe8);                                    /* fld1 */
    EXPECT_EQ(FLAT_RUN(0xd8, 0xf1), STEP_OK);                /* fdiv st1 */
    EXPECT_EQ(fsw() & (FSW_ES | FSW_B | FPU_ERRORS), FSW_ES | FSW_B | FPU_ZE);
    EXPECT_NOTHING(FLAT_RUN(0xd9, 0xe8), TRAP_MF, 0);
    EXPECT_NOTHING(FLAT_RUN(0x9b), TRAP_MF, 0);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xfc, 0xc1), TRAP_MF, 0); /* paddb mm */
    EXPECT_EQ(FLAT_RUN(0x0f, 0x58, 0xc1), STEP_OK);         /* addps */
    EXPECT_EQ(FLAT_RUN(0xdf, 0xe0), STEP_OK);               /* fnstsw ax */
    EXPECT_EQ(flat_cpu.gpr[EAX], fsw());
    flat_cpu.cr0 &= ~(u32)CR0_NE;
    EXPECT_EQ(FLAT_RUN(0xd9, 0xe8), STEP_OK); /* held, and the wire pulled */
    EXPECT_EQ(flat_fpu_errors, 1);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE);
    EXPECT(!memcmp(&flat_fpu, &flat_fpu_before, sizeof(flat_fpu)));
    EXPECT_EQ(FLAT_RUN(0xdb, 0xe2), STEP_OK); /* fnclex */
    EXPECT_EQ(FLAT_RUN(0xd9, 0xe8), STEP_OK);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE + 2);
}

static void put_xmm(u32 n, u32 a, u32 b, u32 c, u32 d)
{
    u32 word[4] = {a, b, c, d};
    memcpy(fpu_xmm(&flat_fpu, n), word, sizeof(word));
}

static u32 xmm_word(u32 n, u32 i)
{
    return get_le32(fpu_xmm(&flat_fpu, n) + 4 * i);
}

static void an_unmasked_simd_error_is_xm_or_ud(void)
{
    open_fpu();
    put_xmm(0, 0x3f800000, 0x3f800000, 0x7f7fffff, 0);
    put_xmm(1, 0, 0x40400000, 0x00800000, 0x3f800000);
    fpu_set_long(&flat_fpu, FX_MXCSR, MXCSR_INIT);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x5e, 0xc1), STEP_OK); /* divps */
    EXPECT_EQ(xmm_word(0, 0), 0x7f800000);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_MXCSR),
              MXCSR_INIT | FPU_ZE | FPU_OE | FPU_PE);
    put_xmm(0, 0x3f800000, 0x3f800000, 0x7f7fffff, 0);
    fpu_set_long(&flat_fpu, FX_MXCSR, MXCSR_INIT & ~0x200); /* ZM clear */
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x5e, 0xc1), TRAP_XM, 0);
    EXPECT_EQ(xmm_word(0, 0), 0x3f800000);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_MXCSR), (MXCSR_INIT & ~0x200) | FPU_ZE);
    flat_cpu.cr4 &= ~(u32)CR4_OSXMMEXCPT;
    EXPECT_FAULT(FLAT_RUN(0x0f, 0x5e, 0xc1), TRAP_UD, 0);
}

/* Unmasked, a result out of range is inexact only if its digits are: neither
 * twice the largest number nor 2^-140 of 24 digits is; the third is. */
static void out_of_range_is_not_inexact(void)
{
    u32 open = MXCSR_INIT & ~((FPU_OE | FPU_UE) << MXCSR_MASKS_LSB);

    open_fpu();
    put_xmm(0, 0x7f7fffff, 0, 0, 0);
    put_xmm(1, 0x7f7fffff, 0, 0, 0);
    fpu_set_long(&flat_fpu, FX_MXCSR, open);
    EXPECT_FAULT(FLAT_RUN(0xf3, 0x0f, 0x58, 0xc1), TRAP_XM, 0); /* addss */
    EXPECT_EQ(fpu_long(&flat_fpu, FX_MXCSR), open | FPU_OE);
    put_xmm(1, 0x20000000, 0x37300000, 0, 0);
    fpu_set_long(&flat_fpu, FX_MXCSR, open);
    EXPECT_FAULT(FLAT_RUN(0xf2, 0x0f, 0x5a, 0xc1), TRAP_XM, 0); /* cvtsd2ss */
    EXPECT_EQ(fpu_long(&flat_fpu, FX_MXCSR), open | FPU_UE);
    put_xmm(1, 0x30000000, 0x37300000, 0, 0);
    fpu_set_long(&flat_fpu, FX_MXCSR, open);
    EXPECT_FAULT(FLAT_RUN(0xf2, 0x0f, 0x5a, 0xc1), TRAP_XM, 0);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_MXCSR), open | FPU_UE | FPU_PE);
    put_xmm(1, 0x7f7fffff, 0, 0, 0);
    put_xmm(0, 0x40000001, 0, 0, 0);
    fpu_set_long(&flat_fpu, FX_MXCSR, open);
    EXPECT_FAULT(FLAT_RUN(0xf3, 0x0f, 0x59, 0xc1), TRAP_XM, 0); /* mulss */
    EXPECT_EQ(fpu_long(&flat_fpu, FX_MXCSR), open | FPU_OE | FPU_PE);
    put_xmm(0, 0x00000001, 0, 0, 0); /* half of it: exact, tiny */
    put_xmm(1, 0x3f000000, 0, 0, 0);
    fpu_set_long(&flat_fpu, FX_MXCSR, open);
    EXPECT_FAULT(FLAT_RUN(0xf3, 0x0f, 0x59, 0xc1), TRAP_XM, 0);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_MXCSR), open | FPU_UE | FPU_DE);
    put_xmm(0, 0xff800000, 0x80000000, 0, 0); /* FTZ does not count */
    put_xmm(1, 0x00000000, 0x000fffff, 0, 0);
    fpu_set_long(&flat_fpu, FX_MXCSR, open | MXCSR_FTZ);
    EXPECT_FAULT(FLAT_RUN(0xf2, 0x0f, 0x5c, 0xc1), TRAP_XM, 0); /* subsd */
    EXPECT_EQ(fpu_long(&flat_fpu, FX_MXCSR),
              open | MXCSR_FTZ | FPU_UE | FPU_DE);
}

static void vectors_in_memory_are_aligned(void)
{
    open_fpu();
    put_xmm(3, 1, 2, 3, 4);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x29, 0x1d, 0, 0x20, 0, 0), STEP_OK); /* movaps */
    EXPECT_EQ(flat_word(DATA + 12), 4);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0x29, 0x1d, 8, 0x20, 0, 0), TRAP_GP, 0);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0x58, 0x1d, 4, 0x20, 0, 0), TRAP_GP, 0);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x11, 0x1d, 9, 0x20, 0, 0), STEP_OK); /* movups */
    EXPECT_EQ(flat_word(DATA + 9), 1);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xae, 0x05, 8, 0x20, 0, 0), TRAP_GP, 0);
}

static void mmx_takes_the_x87_registers(void)
{
    open_fpu();
    FLAT_RUN(0xd9, 0xe8); /* fld1: R7 */
    flat_cpu.gpr[ECX] = 0x12345678;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x6e, 0xd1), STEP_OK); /* movd mm2, ecx */
    EXPECT_EQ(fpu_top(&flat_fpu), 0);
    EXPECT_EQ(flat_fpu.image[FX_FTW], 0xff);
    EXPECT_EQ(get_le64(flat_fpu.image + FX_ST + 2 * FX_REG), 0x12345678);
    EXPECT_EQ(get_le16(flat_fpu.image + FX_ST + 2 * FX_REG + 8), 0xffff);
    EXPECT_EQ(get_le64(flat_fpu.image + FX_ST + 7 * FX_REG), 1ull << 63);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x62, 0xd2), STEP_OK); /* punpckldq mm2, mm2 */
    EXPECT_EQ(FLAT_RUN(0x0f, 0x7f, 0x15, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(flat_quad(DATA), 0x1234567812345678ull);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x77), STEP_OK); /* emms */
    EXPECT_EQ(flat_fpu.image[FX_FTW], 0);
}

static void compares_set_the_flags(void)
{
    open_fpu();
    flat_cpu.eflags |= EFLAGS_STATUS;
    FLAT_RUN(0xd9, 0xe8);                     /* fld1 */
    FLAT_RUN(0xd9, 0xee);                     /* fldz */
    EXPECT_EQ(FLAT_RUN(0xdb, 0xf1), STEP_OK); /* fcomi st1: 0 < 1 */
    EXPECT_EQ(flat_cpu.eflags & EFLAGS_STATUS, EFLAGS_CF);
    put_xmm(0, 0x7fc00000, 0, 0, 0);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x2e, 0xc1), STEP_OK); /* ucomiss */
    EXPECT_EQ(flat_cpu.eflags & EFLAGS_STATUS,
              EFLAGS_ZF | EFLAGS_PF | EFLAGS_CF);
    EXPECT_EQ(FLAT_RUN(0xda, 0xc1), STEP_OK); /* fcmovb st1 */
    EXPECT_EQ(get_le64(flat_fpu.image + FX_ST), 1ull << 63);
}

static void mxcsr_refuses_reserved_bits(void)
{
    open_fpu();
    flat_poke(DATA, 0x10000);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xae, 0x15, 0, 0x20, 0, 0), TRAP_GP, 0);
    flat_poke(DATA, 0x40); /* DAZ, which this unit's mask lacks */
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xae, 0x15, 0, 0x20, 0, 0), TRAP_GP, 0);
    flat_poke(DATA, 0x9fbf);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xae, 0x15, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xae, 0x1d, 4, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(flat_word(DATA + 4), 0x9fbf);
}

static const struct unit_case cases[] = {
    CASE(a_sum_of_two_singles),
    CASE(ts_em_and_mp),
    CASE(vector_instructions_want_em_clear_and_osfxsr),
    CASE(a_store_that_faults_pops_nothing),
    CASE(an_unmasked_error_waits),
    CASE(an_unmasked_simd_error_is_xm_or_ud),
    CASE(out_of_range_is_not_inexact),
    CASE(vectors_in_memory_are_aligned),
    CASE(mmx_takes_the_x87_registers),
    CASE(compares_set_the_flags),
    CASE(mxcsr_refuses_reserved_bits),
};

UNIT_MAIN(cases)
