/* SPDX-License-Identifier: MIT
 *
 * x87, MMX and SSE registers, and numbers in memory: zeros, infinities, NaNs
 * of both kinds, denormals, the unsupported encodings of the extended format,
 * the edges of every integer, packed decimals; control words with exceptions
 * unmasked; sometimes an error that waits.
 */
#include "tests/diff/make.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/exec_impl.h"
#include <string.h>

static u32 any_single(void)
{
    static const u32 edges[] = {
        0x00000000, 0x80000000, 0x00000001, 0x007fffff, 0x00800000, 0x3f800000,
        0xbf800000, 0x3fc00000, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00000,
        0xffc00000, 0x7f800001, 0xff8fffff, 0x4f000000, 0xcf000000, 0x4effffff,
        0x5f000000, 0x33800000, 0x46fffe00, 0xc7000000, 0x3f000000, 0x40490fdb};

    if (one_in(2))
        return edges[rnd_below(ARRAY_LEN(edges))];
    if (one_in(3))
        return rnd();
    return (rnd() & 0x807fffff) | (107 + rnd_below(40)) << 23;
}

static u64 any_quad(void)
{
    return (u64)rnd() << 32 | rnd();
}

static u64 any_double(void)
{
    static const u64 edges[] = {
        0x0000000000000000, 0x8000000000000000, 0x0000000000000001,
        0x000fffffffffffff, 0x0010000000000000, 0x3ff0000000000000,
        0xbff0000000000000, 0x3ff8000000000000, 0x7fefffffffffffff,
        0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
        0xfff8000000000000, 0x7ff0000000000001, 0x41dfffffffc00000,
        0x41e0000000000000, 0xc1e0000000000000, 0x43e0000000000000,
        0xc3e0000000000000, 0x3810000000000000, 0x36a0000000000000,
        0x47efffffe0000000, 0x400921fb54442d18, 0x3fe0000000000000};

    if (one_in(2))
        return edges[rnd_below(ARRAY_LEN(edges))];
    if (one_in(3))
        return any_quad();
    return (any_quad() & 0x800fffffffffffff) | (u64)(1003 + rnd_below(40))
                                                   << 52;
}

static void put_quad(u8 *to, u64 value)
{
    put_le32(to, (u32)value);
    put_le32(to + 4, (u32)(value >> 32));
}

/* Ten bytes. */
static void any_extended(u8 *to)
{
    static const u64 fractions[] = {
        0x0000000000000000, 0x8000000000000000, 0x0000000000000001,
        0x7fffffffffffffff, 0xc000000000000000, 0xffffffffffffffff,
        0xa000000000000000, 0x8000000000000001, 0xc90fdaa22168c235};
    static const u16 exponents[] = {0,      1,      0x7fff, 0x7ffe, 0x3fff,
                                    0x3ffe, 0x4000, 0x401e, 0x403e, 0x3fbf,
                                    0x3f81, 0x3c01, 0x43fe, 0x407e};
    u64 fraction = one_in(2) ? fractions[rnd_below(ARRAY_LEN(fractions))]
                             : any_quad() | (one_in(16) ? 0 : BIT64(63));
    u32 exponent = one_in(2) ? exponents[rnd_below(ARRAY_LEN(exponents))]
                             : 0x3fff - 30 + rnd_below(70);

    put_quad(to, fraction);
    put_le16(to + 8, (u16)(exponent | (rnd() & 0x8000)));
}

/* Eighteen digits, sometimes not decimal ones. */
static void any_decimal(u8 *to)
{
    for (u32 i = 0; i < 9; i++)
        to[i] = (u8)(rnd_below(10) | rnd_below(10) << 4);
    to[9] = one_in(2) ? 0x80 : 0;
    if (one_in(16))
        to[rnd_below(10)] = (u8)rnd();
}

static void any_vector(u8 *to)
{
    u32 kind = rnd_below(3);

    for (u32 i = 0; i < 16; i += 8) {
        if (kind == 0) {
            put_le32(to + i, any_single());
            put_le32(to + i + 4, any_single());
        } else {
            put_quad(to + i, kind == 1 ? any_double() : any_quad());
        }
    }
}

/* Words that go into an image, an environment or a register alike. */
static u32 any_fcw(void)
{
    u32 fcw = FCW_INIT;

    if (one_in(2))
        fcw = (fcw & ~0xf00u) | (rnd() & 0xf00);
    if (one_in(4))
        fcw = (fcw & ~(u32)FPU_ERRORS) | (rnd() & FPU_ERRORS);
    return fcw;
}

static u32 any_fsw(u32 fcw)
{
    u32 fsw = rnd() & (FSW_TOP | 0x4700);

    if (one_in(3))
        fsw |= rnd() & (FPU_ERRORS | FSW_SF);
    if (!one_in(8))
        fsw &= fcw | ~(u32)FPU_ERRORS;
    if (fsw & ~fcw & FPU_ERRORS)
        fsw |= FSW_ES | FSW_B;
    return fsw;
}

static u32 any_mxcsr(void)
{
    u32 mxcsr = MXCSR_INIT;

    if (one_in(3))
        mxcsr |= rnd() & (0x6000 | MXCSR_FTZ | MXCSR_DAZ | FPU_ERRORS);
    if (one_in(4))
        mxcsr &= ~(rnd() & MXCSR_MASKS);
    return mxcsr;
}

/* An image as FXRSTOR takes it. */
static void any_image(u8 *image, u32 mask)
{
    u32 fcw = any_fcw();

    memset(image, 0, FX_SIZE);
    put_le16(image + FX_FCW, (u16)fcw);
    put_le16(image + FX_FSW, (u16)any_fsw(fcw));
    image[FX_FTW] = one_in(2) ? 0xff : (u8)rnd();
    put_le32(image + FX_MXCSR, any_mxcsr());
    put_le32(image + FX_MXCSR_MASK, mask);
    for (u32 i = 0; i < 8; i++) {
        any_extended(image + FX_ST + i * FX_REG);
        any_vector(image + FX_XMM + i * FX_REG);
    }
}

static u32 host_mask(void)
{
    static struct fpu image;

    if (!get_le32(image.image + FX_MXCSR_MASK))
        __asm__ volatile("fxsave %0" : "=m"(image));
    return get_le32(image.image + FX_MXCSR_MASK);
}

void make_fpu(struct test *t)
{
    any_image(t->fpu.image, host_mask());
}

/* FLDENV's and FRSTOR's, as FNSTENV and FNSAVE write it. */
static void any_environment(u8 *at, u32 opsize)
{
    u32 fcw = any_fcw(), by = opsize;

    put_le16(at, (u16)fcw);
    put_le16(at + by, (u16)any_fsw(fcw));
    put_le16(at + 2 * by, one_in(2) ? 0 : (u16)rnd());
    for (u32 i = 0; i < 8; i++)
        any_extended(at + (opsize == 4 ? 28 : 14) + i * FX_ST_BYTES);
}

void make_fpu_operand(struct test *t, u8 *at, u32 room)
{
    u32 kind = t->row->operand[0];

    if (t->row->class != CLASS_X87 && kind != O_M512 && kind != O_M32) {
        any_vector(at);
        return;
    }
    if (kind == O_M512 && room >= FX_SIZE)
        any_image(at, rnd());
    if (kind == O_M512 && room >= FX_SIZE)
        at[FX_FTW + 1] = (u8)rnd(); /* reserved */
    if (kind == O_M512 && room >= FX_SIZE && one_in(8))
        put_le32(at + FX_MXCSR, rnd());
    if ((kind == O_ENV || kind == O_STATE) && room >= FPU_STATE_MAX)
        any_environment(at, t->insn.opsize);
    if (kind == O_M80 && t->insn.reg == 4)
        any_decimal(at);
    else if (kind == O_M80)
        any_extended(at);
    if (kind == O_M64)
        put_quad(at, one_in(2) ? any_double() : any_quad());
    if (kind == O_M32)
        put_le32(at, one_in(2) ? any_single() : rnd_value());
    if (t->insn.op == OP_LDMXCSR)
        put_le32(at, one_in(4) ? rnd() : any_mxcsr());
    if (kind == O_M16)
        put_le16(at,
                 t->insn.op == OP_FLDCW ? (u16)any_fcw() : (u16)rnd_value());
}
