/* SPDX-License-Identifier: MIT
 *
 * See fpu.h. Registers hold numbers at which something changes: zeros,
 * denormals, the largest, infinities, NaNs of both kinds, integers, and
 * formats that the 387 no longer supports. Exceptions are masked mostly, so
 * that results are computed, and one in eight states has others.
 *
 * Of the pointers to the last instruction only FIP is compared: newer
 * processors do not keep the others as the P6 did (exec_fpu.c).
 */
#include "tests/diff/fpu.h"
#include <stdio.h>
#include <string.h>

#define SIGN     0x8000u
#define EXPONENT 0x7fffu

static void number80(u8 *to, u32 (*rnd)(void))
{
    static const u16 exponents[] = {0,      1,      0x3f81, 0x3c01, 0x3ffe,
                                    0x3fff, 0x4000, 0x401e, 0x403e, 0x407e,
                                    0x43fe, 0x7ffe, 0x7fff, 0x3ff0};
    u32 e = rnd() % 3 ? exponents[rnd() % ARRAY_LEN(exponents)]
                      : 0x3fe0 + rnd() % 0x60;
    u32 lo = rnd(), hi = rnd() | 0x80000000u;

    switch (rnd() % 6) {
    case 0:
        lo = 0;
        hi = 0x80000000u;
        break;
    case 1:
        lo = 0;
        break;
    case 2:
        lo = ~0u;
        hi = ~0u;
        break;
    case 3:
        if (rnd() % 4 == 0)
            hi &= 0x7fffffff; /* denormal, or a format not supported */
        break;
    }
    if (rnd() % 8 == 0)
        lo = hi = e = 0;
    if (e == 0 && hi)
        hi &= rnd() % 8 ? 0x7fffffff : ~0u;
    put_le32(to, lo);
    put_le32(to + 4, hi);
    put_le16(to + 8, (u16)(e | (rnd() & SIGN)));
}

static u32 number32(u32 (*rnd)(void))
{
    static const u32 some[] = {0,          1,          0x007fffff, 0x00800000,
                               0x3f800000, 0x7f7fffff, 0x7f800000, 0x7f800001,
                               0x7fc00000, 0x4f000000, 0x33800000, 0x00ffffff};

    if (rnd() % 2)
        return some[rnd() % ARRAY_LEN(some)] | (rnd() & 0x80000000);
    if (rnd() % 2)
        return (rnd() & 0x807fffff) | (0x3f000000 + (rnd() % 64 << 21));
    return rnd();
}

static u64 number64(u32 (*rnd)(void))
{
    static const u32 some[] = {0,          1,          0x000fffff, 0x00100000,
                               0x3ff00000, 0x7fefffff, 0x7ff00000, 0x7ff80000,
                               0x41e00000, 0x36a00000, 0x47efffff, 0x001fffff,
                               0x38000000, 0x37ffffff, 0x3e600000};
    u32 lo = rnd() % 3 ? (rnd() % 2 ? 0 : 0xffffffff) : rnd();
    u32 hi = rnd();

    if (rnd() % 2)
        hi = some[rnd() % ARRAY_LEN(some)] | (rnd() & 0x80000000);
    else if (rnd() % 2)
        hi = (hi & 0x800fffff) | (0x3fe00000 + (rnd() % 64 << 18));
    return (u64)hi << 32 | lo;
}

void fpu_random_number(u8 *to, u32 size, u32 (*rnd)(void))
{
    u64 wide;

    if (size == 10) {
        number80(to, rnd);
    } else if (size == 8) {
        wide = number64(rnd);
        put_le32(to, (u32)wide);
        put_le32(to + 4, (u32)(wide >> 32));
    } else {
        put_le32(to, number32(rnd));
    }
}

static void vector(u8 *to, u32 (*rnd)(void))
{
    u32 kind = rnd() % 4;

    for (u32 i = 0; i < 16; i += kind == 0 ? 8 : 4) {
        if (kind == 3)
            put_le32(to + i, rnd());
        else
            fpu_random_number(to + i, kind == 0 ? 8 : 4, rnd);
    }
}

static void words(struct fpu *fpu, u32 (*rnd)(void))
{
    u32 open = rnd() % 8 == 0 ? rnd() & FPU_ERRORS : 0, fcw, fsw;

    fcw = (rnd() & 0x0f00) | FCW_FIXED | (FPU_ERRORS & ~open);
    if (rnd() % 2)
        fcw |= 0x0300;
    fsw = rnd() & (FSW_TOP | 0x4700 | FPU_ERRORS | FSW_SF);
    if (rnd() % 4)
        fsw &= ~(u32)FSW_TOP;
    if (rnd() % 8) /* no error that waits */
        fsw &= ~open;
    if (fsw & open & FPU_ERRORS)
        fsw |= FSW_ES | FSW_B;
    fpu_set_word(fpu, FX_FCW, fcw);
    fpu_set_word(fpu, FX_FSW, fsw);
    fpu->image[FX_FTW] = (u8)(rnd() % 4 ? 0xff : rnd());
    if (rnd() % 4 == 0)
        fpu->image[FX_FTW] = 0;
}

void fpu_random(struct fpu *fpu, u32 (*rnd)(void))
{
    u32 open = rnd() % 4 == 0 ? rnd() & MXCSR_MASKS : 0;

    fpu_reset(fpu);
    words(fpu, rnd);
    for (u32 i = 0; i < 8; i++) {
        number80(fpu->image + FX_ST + i * FX_REG, rnd);
        vector(fpu_xmm(fpu, i), rnd);
    }
    fpu_set_long(fpu, FX_MXCSR, (rnd() & 0xe07f) | (MXCSR_MASKS & ~open));
    if (rnd() % 2)
        fpu_set_long(fpu, FX_MXCSR, fpu_long(fpu, FX_MXCSR) & ~0x8040u);
    fpu_set_long(fpu, FX_MXCSR_MASK, 0xffff);
    fpu_set_long(fpu, FX_FIP, rnd());
}

const char *fpu_differ(const struct fpu *a, const struct fpu *b,
                       const struct insn *insn)
{
    static char text[160];
    size_t at = 0;

    for (u32 i = 0; i < FX_XMM + 8 * FX_REG && at < sizeof(text) - 24; i++) {
        bool pointer = i / 2 == FX_FOP / 2 || (i >= FX_FCS && i < FX_MXCSR);
        bool reg = i >= FX_ST && i < FX_XMM && i % FX_REG >= FX_ST_BYTES;
        if (pointer || reg || a->image[i] == b->image[i] ||
            (i >= FX_MXCSR_MASK && i < FX_ST) || i == FX_FTW + 1)
            continue;
        at += (size_t)snprintf(text + at, sizeof(text) - at, " %u:%02x/%02x", i,
                               a->image[i], b->image[i]);
    }
    return at ? text : NULL;
}
