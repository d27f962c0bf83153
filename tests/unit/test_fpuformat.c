/* SPDX-License-Identifier: MIT
 *
 * The forms in which the FPU's state leaves the processor and comes back:
 * FNSTENV and FNSAVE in 16 and 32 bits, in protected, real and virtual-8086
 * mode (SDM vol. 1 figures 8-9 to 8-12), tags, FXSAVE's layout (table 10-2).
 * The 32-bit protected form is compared with the processor's by tests/diff.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/fake/flat.h"
#include "vmm/base/bits.h"

#define AT 0x2000u

static u32 word(u32 at)
{
    return flat_word(AT + at) & 0xffff;
}

/* A state with something in each field. */
static void start(void)
{
    flat_reset(0);
    flat_cpu.cr4 |= CR4_OSFXSR;
    for (u32 i = 0; i < 8; i++) {
        put_le32(flat_fpu.image + FX_ST + i * FX_REG, 0x11111111 * i);
        put_le32(flat_fpu.image + FX_ST + i * FX_REG + 4, 0x80000000 + i);
        put_le16(flat_fpu.image + FX_ST + i * FX_REG + 8, 0x4000);
        memset(fpu_xmm(&flat_fpu, i), 0xa0 + (int)i, 16);
    }
    fpu_set_word(&flat_fpu, FX_FCW, 0x027f);
    fpu_set_word(&flat_fpu, FX_FSW, 3 << FSW_TOP_LSB | FPU_PE);
    flat_fpu.image[FX_FTW] = 0xff;
    fpu_set_word(&flat_fpu, FX_FOP, 0x5a5);
    fpu_set_long(&flat_fpu, FX_FIP, 0x00012345);
    fpu_set_long(&flat_fpu, FX_FCS, 0x1230);
    fpu_set_long(&flat_fpu, FX_FDP, 0x00056789);
    fpu_set_long(&flat_fpu, FX_FDS, 0x4560);
}

/* fnstenv [AT], then fldenv of the same: all is as before but the masks. */
static void and_back(const u8 *load, u32 count)
{
    struct fpu before = flat_fpu_before;

    EXPECT_EQ(flat_bytes(load, count), STEP_OK);
    EXPECT(!memcmp(flat_fpu.image, before.image, FX_FOP));
    EXPECT(!memcmp(flat_fpu.image + FX_ST, before.image + FX_ST, 128));
}

static void protected_32(void)
{
    start();
    EXPECT_EQ(FLAT_RUN(0xd9, 0x35, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(flat_word(AT), 0xffff027f);
    EXPECT_EQ(flat_word(AT + 4), 0xffff0000 | 3 << FSW_TOP_LSB | FPU_PE);
    EXPECT_EQ(flat_word(AT + 8), 0xffff0000);
    EXPECT_EQ(flat_word(AT + 12), 0x00012345);
    EXPECT_EQ(flat_word(AT + 16), 0x05a51230);
    EXPECT_EQ(flat_word(AT + 20), 0x00056789);
    EXPECT_EQ(flat_word(AT + 24), 0xffff4560);
    EXPECT_EQ(fpu_word(&flat_fpu, FX_FCW), 0x027f);
    and_back((u8[]){0xd9, 0x25, 0, 0x20, 0, 0}, 6);
    EXPECT(!memcmp(flat_fpu.image, flat_fpu_before.image, FX_SIZE));
}

static void protected_16(void)
{
    start();
    EXPECT_EQ(FLAT_RUN(0x66, 0xd9, 0x35, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(word(0), 0x027f);
    EXPECT_EQ(word(2), 3 << FSW_TOP_LSB | FPU_PE);
    EXPECT_EQ(word(4), 0);
    EXPECT_EQ(word(6), 0x2345);
    EXPECT_EQ(word(8), 0x1230);
    EXPECT_EQ(word(10), 0x6789);
    EXPECT_EQ(word(12), 0x4560);
    EXPECT_EQ(word(14), 0);
    and_back((u8[]){0x66, 0xd9, 0x25, 0, 0x20, 0, 0}, 7);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_FIP), 0x2345);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_FCS), 0x1230);
}

/* Linear addresses: 0x1230:0x12345 is 0x24645, 0x4560:0x56789 0x9bd89. */
static void real_32(void)
{
    start();
    fpu_env_get(&flat_fpu, FPU_FORMAT_32 | FPU_FORMAT_REAL, flat_memory + AT);
    EXPECT_EQ(flat_word(AT + 12), 0xffff4645);
    EXPECT_EQ(flat_word(AT + 16), 0x2 << 12 | 0x5a5);
    EXPECT_EQ(flat_word(AT + 20), 0xffffbd89);
    EXPECT_EQ(flat_word(AT + 24), 0x9 << 12);
    fpu_env_put(&flat_fpu, FPU_FORMAT_32 | FPU_FORMAT_REAL, flat_memory + AT);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_FIP), 0x24645);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_FCS), 0);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_FDP), 0x9bd89);
    EXPECT_EQ(fpu_word(&flat_fpu, FX_FOP), 0x5a5);
}

static void real_16(void)
{
    start();
    fpu_env_get(&flat_fpu, FPU_FORMAT_16 | FPU_FORMAT_REAL, flat_memory + AT);
    EXPECT_EQ(word(6), 0x4645);
    EXPECT_EQ(word(8), 0x2 << 12 | 0x5a5);
    EXPECT_EQ(word(10), 0xbd89);
    EXPECT_EQ(word(12), 0x9 << 12);
    fpu_env_put(&flat_fpu, FPU_FORMAT_16 | FPU_FORMAT_REAL, flat_memory + AT);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_FIP), 0x24645);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_FDP), 0x9bd89);
}

/* The mode chooses the form: real-address and virtual-8086 mode. */
static void modes_choose_the_form(void)
{
    for (u32 real = 0; real < 2; real++) {
        start();
        if (real)
            flat_cpu.cr0 &= ~(u32)CR0_PE;
        else
            flat_cpu.eflags |= EFLAGS_VM;
        EXPECT_EQ(FLAT_RUN(0xd9, 0x35, 0, 0x20, 0, 0), STEP_OK);
        EXPECT_EQ(flat_word(AT + 16) & 0xf7ff, 0x2 << 12 | 0x5a5);
    }
}

static void tags_follow_the_contents(void)
{
    u8 *st = flat_fpu.image + FX_ST;

    start();
    put_le16(st + 1 * FX_REG + 8, 0x7fff); /* ST1, R4: infinity */
    memset(st + 2 * FX_REG, 0, FX_REG);    /* ST2, R5: zero */
    st[3 * FX_REG + 7] = 0x01;             /* ST3, R6: not supported */
    put_le16(st + 4 * FX_REG + 8, 0x8000); /* ST4, R7: denormal */
    flat_fpu.image[FX_FTW] = 0xfe;         /* R0 is empty */
    EXPECT_EQ(FLAT_RUN(0xd9, 0x35, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(word(8), 0xa603); /* 10 10 01 10 00 00 00 11 */
}

static void fnsave_stores_ten_bytes_a_register_and_starts_anew(void)
{
    start();
    EXPECT_EQ(FLAT_RUN(0xdd, 0x35, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(flat_word(AT + 28), 0);
    EXPECT_EQ(flat_word(AT + 38), 0x11111111);
    EXPECT_EQ(flat_word(AT + 42), 0x80000001);
    EXPECT_EQ(word(46), 0x4000);
    EXPECT_EQ(flat_word(AT + 108), 0);
    EXPECT_EQ(fpu_word(&flat_fpu, FX_FCW), FCW_INIT);
    EXPECT_EQ(fpu_word(&flat_fpu, FX_FSW), 0);
    EXPECT_EQ(flat_fpu.image[FX_FTW], 0);
    EXPECT_EQ(FLAT_RUN(0xdd, 0x25, 0, 0x20, 0, 0), STEP_OK); /* frstor */
    EXPECT_EQ(fpu_top(&flat_fpu), 3);
    EXPECT_EQ(get_le32(flat_fpu.image + FX_ST + FX_REG), 0x11111111);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_FIP), 0x12345);
}

static void fnstenv_masks_and_fldenv_unmasks(void)
{
    start();
    fpu_set_word(&flat_fpu, FX_FSW, FPU_ZE);
    fpu_load_control(&flat_fpu, 0x037b);
    EXPECT(fpu_error_waits(&flat_fpu));
    flat_cpu.cr0 |= CR0_NE;
    EXPECT_EQ(FLAT_RUN(0xd9, 0x35, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(word(0), 0x037b);
    EXPECT_EQ(fpu_word(&flat_fpu, FX_FCW), 0x037f);
    EXPECT(!fpu_error_waits(&flat_fpu));
    EXPECT_EQ(FLAT_RUN(0xd9, 0x25, 0, 0x20, 0, 0), STEP_OK);
    EXPECT(fpu_error_waits(&flat_fpu));
    EXPECT_FAULT(FLAT_RUN(0xd9, 0x25, 0, 0x20, 0, 0), TRAP_MF, 0);
}

static void fxsave_leaves_what_is_reserved(void)
{
    start();
    memset(flat_memory + AT, 0x77, 512);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xae, 0x05, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(flat_word(AT), 0x027f | (3 << FSW_TOP_LSB | FPU_PE) << 16);
    EXPECT_EQ(flat_word(AT + 4), 0x05a500ff);
    EXPECT_EQ(flat_word(AT + 8), 0x12345);
    EXPECT_EQ(flat_word(AT + 12), 0x1230);
    EXPECT_EQ(flat_word(AT + FX_MXCSR), MXCSR_INIT);
    EXPECT_EQ(flat_word(AT + FX_XMM + 112), 0xa7a7a7a7);
    EXPECT_EQ(flat_word(AT + FX_WRITTEN), 0x77777777);
    EXPECT_EQ(flat_word(AT + 508), 0x77777777);
    flat_cpu.cr4 = 0;
    memset(flat_memory + AT, 0x77, 512);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xae, 0x05, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(flat_word(AT + FX_XMM), 0x77777777);
    EXPECT_EQ(flat_word(AT + 12), 0x1230);
}

static void fxrstor_checks_mxcsr_and_keeps_the_mask(void)
{
    start();
    fpu_set_long(&flat_fpu, FX_MXCSR_MASK, 0xffff);
    memset(flat_memory + AT, 0, 512);
    flat_poke(AT + FX_MXCSR, 0x10000);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0xae, 0x0d, 0, 0x20, 0, 0), TRAP_GP, 0);
    EXPECT(!memcmp(&flat_fpu, &flat_fpu_before, sizeof(flat_fpu)));
    flat_poke(AT + FX_MXCSR, 0x1fc0);
    flat_poke(AT + FX_XMM + 4, 0xabcdef);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xae, 0x0d, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_MXCSR), 0x1fc0);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_MXCSR_MASK), 0xffff);
    EXPECT_EQ(get_le32(fpu_xmm(&flat_fpu, 0) + 4), 0xabcdef);
    flat_cpu.cr4 = 0; /* the vector part stays */
    flat_poke(AT + FX_MXCSR, 0x10000);
    flat_poke(AT + FX_XMM + 4, 0);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xae, 0x0d, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(fpu_long(&flat_fpu, FX_MXCSR), 0x1fc0);
    EXPECT_EQ(get_le32(fpu_xmm(&flat_fpu, 0) + 4), 0xabcdef);
}

static void a_limit_cuts_off_whole_states(void)
{
    start();
    flat_cpu.seg[SEG_DS].limit = AT + 107;
    EXPECT_EQ(FLAT_RUN(0xdd, 0x35, 0, 0x20, 0, 0), STEP_OK);
    flat_cpu.seg[SEG_DS].limit = AT + 106;
    EXPECT_FAULT(FLAT_RUN(0xdd, 0x35, 0, 0x20, 0, 0), TRAP_GP, 0);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0xae, 0x05, 0, 0x20, 0, 0), TRAP_GP, 0);
    flat_cpu.seg[SEG_DS].limit = AT + 510;
    EXPECT_FAULT(FLAT_RUN(0x0f, 0xae, 0x05, 0, 0x20, 0, 0), TRAP_GP, 0);
    EXPECT(!memcmp(&flat_fpu, &flat_fpu_before, sizeof(flat_fpu)));
    flat_cpu.seg[SEG_DS].limit = AT + 511;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xae, 0x05, 0, 0x20, 0, 0), STEP_OK);
}

/* The comparison with the real CPU: all 512 bytes must be there, though FXSAVE
 * writes fewer; and byte 5 is not what memory had. */
static void fxsave_wants_the_whole_page(void)
{
    start();
    EXPECT_EQ(FLAT_RUN(0x0f, 0xae, 0x05, 0, 0xfe, 0, 0), STEP_OK);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0xae, 0x05, 0x10, 0xfe, 0, 0), TRAP_PF,
                 PF_WRITE);
    memset(flat_memory + AT, 0, 512);
    flat_memory[AT + FX_FTW + 1] = 0x4e;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xae, 0x0d, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_EQ(flat_fpu.image[FX_FTW + 1], 0);
}

static const struct unit_case cases[] = {
    CASE(protected_32),
    CASE(protected_16),
    CASE(real_32),
    CASE(real_16),
    CASE(modes_choose_the_form),
    CASE(tags_follow_the_contents),
    CASE(fnsave_stores_ten_bytes_a_register_and_starts_anew),
    CASE(fnstenv_masks_and_fldenv_unmasks),
    CASE(fxsave_leaves_what_is_reserved),
    CASE(fxrstor_checks_mxcsr_and_keeps_the_mask),
    CASE(a_limit_cuts_off_whole_states),
    CASE(fxsave_wants_the_whole_page),
};

UNIT_MAIN(cases)
