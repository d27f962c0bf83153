/* SPDX-License-Identifier: MIT
 *
 * See fpu.h. The formats in which the FPU's state leaves the processor, and
 * the small operations on control, status and tag word.
 *
 * The image has one bit a register for "empty"; FNSTENV's tag word has two,
 * which every processor since the 486 makes of the register's contents.
 * Pointers to the last instruction are a selector and an offset inside; in
 * real and virtual-8086 mode the linear address of 20 or 32 bits is stored.
 * ES and B are not stored bits but follow from flags and masks.
 *
 * SDM vol. 1 8.1 (words, figures 8-9 to 8-12), 8.1.10, vol. 3A 12.2 (MMX).
 */
#include "vmm/cpu/fpu.h"
#include "vmm/base/str.h"

#define EXPONENT_ONES 0x7fff
#define EXPONENT_AT   8 /* in a register: sign and exponent */
#define INTEGER_BIT   0x80
#define TAG_VALID     0
#define TAG_ZERO      1
#define TAG_SPECIAL   2
#define FOP_BITS      0x07ff
#define RESERVED_ONES 0xffff0000u

/* ES and B as flags and masks want them. */
static void summarise(struct fpu *fpu)
{
    u32 fsw = fpu_word(fpu, FX_FSW) & ~(u32)(FSW_ES | FSW_B);

    if (fsw & ~(u32)fpu_word(fpu, FX_FCW) & FPU_ERRORS)
        fsw |= FSW_ES | FSW_B;
    fpu_set_word(fpu, FX_FSW, fsw);
}

void fpu_load_control(struct fpu *fpu, u32 fcw)
{
    fpu_set_word(fpu, FX_FCW, (fcw & FCW_DEFINED) | FCW_FIXED);
    summarise(fpu);
}

void fpu_clear_errors(struct fpu *fpu)
{
    u32 keep = ~(u32)(FPU_ERRORS | FSW_SF | FSW_ES | FSW_B);

    fpu_set_word(fpu, FX_FSW, fpu_word(fpu, FX_FSW) & keep);
}

/* Makes R(0) what ST(by) was; the registers move, TOP is the caller's. */
static void rotate(struct fpu *fpu, u32 by)
{
    u8 old[8 * FX_REG];

    memcpy(old, fpu->image + FX_ST, sizeof(old));
    for (u32 i = 0; i < 8; i++)
        memcpy(fpu->image + FX_ST + i * FX_REG, old + ((i + by) & 7) * FX_REG,
               FX_REG);
}

/* Another TOP for the same registers. */
static void set_top(struct fpu *fpu, u32 top)
{
    u32 fsw = fpu_word(fpu, FX_FSW);

    rotate(fpu, top - fpu_top(fpu));
    fpu_set_word(fpu, FX_FSW, (fsw & ~(u32)FSW_TOP) | top << FSW_TOP_LSB);
}

void fpu_init(struct fpu *fpu)
{
    set_top(fpu, 0);
    memset(fpu->image, 0, FX_MXCSR);
    fpu_set_word(fpu, FX_FCW, FCW_INIT);
}

void fpu_reset(struct fpu *fpu)
{
    memset(fpu->image, 0, sizeof(fpu->image));
    fpu_set_word(fpu, FX_FCW, FCW_INIT);
    fpu_set_long(fpu, FX_MXCSR, MXCSR_INIT);
}

void fpu_to_mmx(struct fpu *fpu)
{
    set_top(fpu, 0);
    fpu->image[FX_FTW] = 0xff;
}

static u32 tag_of(const u8 *reg)
{
    u32 exponent = get_le16(reg + EXPONENT_AT) & EXPONENT_ONES;
    u64 significand = get_le64(reg);

    if (exponent && exponent != EXPONENT_ONES && (reg[7] & INTEGER_BIT))
        return TAG_VALID;
    return exponent || significand ? TAG_SPECIAL : TAG_ZERO;
}

static u32 tag_word(const struct fpu *fpu)
{
    u32 word = 0;

    for (u32 n = 0; n < 8; n++) {
        u32 st = (n - fpu_top(fpu)) & 7, tag = FTW_EMPTY;
        if (fpu->image[FX_FTW] & BIT(n))
            tag = tag_of(fpu->image + FX_ST + st * FX_REG);
        word |= tag << 2 * n;
    }
    return word;
}

static u8 short_tags(u32 word)
{
    u32 tags = 0;

    for (u32 n = 0; n < 8; n++) {
        if ((word >> 2 * n & 3) != FTW_EMPTY)
            tags |= BIT(n);
    }
    return (u8)tags;
}

/* The seven fields, each in as many bits as its place in the format has:
 * FCW FSW FTW, then either FIP, FCS and FOP, FDP, FDS, or in real mode the
 * linear addresses, whose upper part shares a field with FOP. */
static void pointer_fields(const struct fpu *fpu, u32 format, u32 field[7])
{
    u32 fop = fpu_word(fpu, FX_FOP) & FOP_BITS;
    u32 fip = fpu_long(fpu, FX_FIP), fcs = fpu_word(fpu, FX_FCS);
    u32 fdp = fpu_long(fpu, FX_FDP), fds = fpu_word(fpu, FX_FDS);

    if (!(format & FPU_FORMAT_REAL)) {
        field[3] = fip;
        field[4] = fcs | (format & FPU_FORMAT_32 ? fop << 16 : 0);
        field[5] = fdp;
        field[6] = fds | RESERVED_ONES;
        return;
    }
    fip += fcs << 4;
    fdp += fds << 4;
    field[3] = (fip & 0xffff) | RESERVED_ONES;
    field[4] = (fip >> 16 & 0xffff) << 12 | fop;
    field[5] = (fdp & 0xffff) | RESERVED_ONES;
    field[6] = (fdp >> 16 & 0xffff) << 12;
}

void fpu_env_get(const struct fpu *fpu, u32 format, u8 *to)
{
    u32 field[7] = {fpu_word(fpu, FX_FCW) | RESERVED_ONES,
                    fpu_word(fpu, FX_FSW) | RESERVED_ONES,
                    tag_word(fpu) | RESERVED_ONES};

    pointer_fields(fpu, format, field);
    for (u32 i = 0; i < ARRAY_LEN(field); i++) {
        if (format & FPU_FORMAT_32)
            put_le32(to + 4 * i, field[i]);
        else
            put_le16(to + 2 * i, (u16)field[i]);
    }
}

static void put_pointers(struct fpu *fpu, u32 format, const u32 field[7])
{
    bool wide = format & FPU_FORMAT_32, real = format & FPU_FORMAT_REAL;
    u32 fip = field[3], fcs = field[4], fdp = field[5], fds = field[6];
    u32 fop = wide ? field[4] >> 16 : 0;

    if (real) {
        fop = field[4];
        fip = (field[3] & 0xffff) | (field[4] >> 12 & 0xffff) << 16;
        fdp = (field[5] & 0xffff) | (field[6] >> 12 & 0xffff) << 16;
        fcs = fds = 0;
    }
    fpu_set_word(fpu, FX_FOP, fop & FOP_BITS);
    fpu_set_long(fpu, FX_FIP, fip);
    fpu_set_long(fpu, FX_FCS, fcs & 0xffff);
    fpu_set_long(fpu, FX_FDP, fdp);
    fpu_set_long(fpu, FX_FDS, fds & 0xffff);
}

/* The registers stay where they are: another TOP names them anew. */
void fpu_env_put(struct fpu *fpu, u32 format, const u8 *from)
{
    u32 field[7], top;

    for (u32 i = 0; i < ARRAY_LEN(field); i++)
        field[i] = format & FPU_FORMAT_32 ? get_le32(from + 4 * i)
                                          : get_le16(from + 2 * i);
    top = (field[1] & FSW_TOP) >> FSW_TOP_LSB;
    set_top(fpu, top);
    fpu_set_word(fpu, FX_FSW, field[1]);
    fpu->image[FX_FTW] = short_tags(field[2]);
    put_pointers(fpu, format, field);
    fpu_load_control(fpu, field[0]);
}

void fpu_stack_get(const struct fpu *fpu, u8 *to)
{
    for (u32 i = 0; i < 8; i++)
        memcpy(to + i * FX_ST_BYTES, fpu->image + FX_ST + i * FX_REG,
               FX_ST_BYTES);
}

void fpu_stack_put(struct fpu *fpu, const u8 *from)
{
    for (u32 i = 0; i < 8; i++)
        memcpy(fpu->image + FX_ST + i * FX_REG, from + i * FX_ST_BYTES,
               FX_ST_BYTES);
}

u32 fpu_mxcsr_mask(const struct fpu *fpu)
{
    u32 mask = fpu_long(fpu, FX_MXCSR_MASK);

    return mask ? mask : MXCSR_MASK_DEFAULT;
}

void fpu_fxsave(const struct fpu *fpu, bool simd, u8 *to)
{
    memcpy(to, fpu->image, simd ? FX_WRITTEN : FX_XMM);
    to[FX_FTW + 1] = 0;
    for (u32 i = 0; i < 8; i++)
        memset(to + FX_ST + i * FX_REG + FX_ST_BYTES, 0, FX_REG - FX_ST_BYTES);
}

void fpu_fxrstor(struct fpu *fpu, bool simd, const u8 *from)
{
    u32 fsw = get_le16(from + FX_FSW);
    u8 mxcsr[FX_ST - FX_MXCSR];

    memcpy(mxcsr, fpu->image + FX_MXCSR, sizeof(mxcsr));
    memcpy(fpu->image, from, simd ? FX_WRITTEN : FX_XMM);
    fpu->image[FX_FTW + 1] = 0; /* reserved, and FXSAVE writes it so */
    memcpy(fpu->image + FX_MXCSR, simd ? from + FX_MXCSR : mxcsr, 4);
    memcpy(fpu->image + FX_MXCSR_MASK, mxcsr + 4, 4);
    fpu_set_word(fpu, FX_FSW, fsw);
    fpu_load_control(fpu, fpu_word(fpu, FX_FCW));
}
