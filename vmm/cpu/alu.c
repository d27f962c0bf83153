/* SPDX-License-Identifier: MIT
 *
 * See alu.h. Each operation works on zero-extended operands and a sign-bit
 * mask, so that one body serves all three sizes. Carries come from the
 * identity carries-in = a ^ b ^ result, which gives AF, CF and OF at once.
 *
 * For flags left undefined, whatever is simplest is done (mostly: cleared or
 * kept). Tests against a real processor mask them by the table.
 */
#include "vmm/cpu/alu.h"
#include "arch/x86/defs/regs.h"
#include "vmm/base/bits.h"

#define COUNT_MASK 31

static u32 sign_bit(u32 size)
{
    return 1u << (size * 8 - 1);
}

static s64 sign_extend(u64 a, u32 size)
{
    u32 unused = 64 - size * 8;
    return (s64)(a << unused) >> unused;
}

static u32 flag(bool on, u32 bit)
{
    return on ? bit : 0;
}

static void replace(u32 *eflags, u32 which, u32 value)
{
    *eflags = (*eflags & ~which) | value;
}

/* SF, ZF and PF of a result. */
static u32 flags_szp(u32 r, u32 size)
{
    u32 nibbles = (r ^ r >> 4) & 15;
    return flag(r & sign_bit(size), EFLAGS_SF) | flag(!r, EFLAGS_ZF) |
           flag(0x9669 >> nibbles & 1, EFLAGS_PF);
}

static u32 add_carry(u32 a, u32 b, u32 carry, u32 size, u32 *eflags)
{
    u32 r = (a + b + carry) & mask_bytes(size);
    u32 in = a ^ b ^ r, out = (a & b) | ((a | b) & ~r);

    replace(eflags, EFLAGS_STATUS,
            flags_szp(r, size) | flag(out & sign_bit(size), EFLAGS_CF) |
                flag(((in ^ out) & sign_bit(size)) != 0, EFLAGS_OF) |
                (in & EFLAGS_AF));
    return r;
}

static u32 sub_borrow(u32 a, u32 b, u32 borrow, u32 size, u32 *eflags)
{
    u32 r = (a - b - borrow) & mask_bytes(size);
    u32 in = a ^ b ^ r, out = (~a & b) | ((~a | b) & r);

    replace(eflags, EFLAGS_STATUS,
            flags_szp(r, size) | flag(out & sign_bit(size), EFLAGS_CF) |
                flag(((in ^ out) & sign_bit(size)) != 0, EFLAGS_OF) |
                (in & EFLAGS_AF));
    return r;
}

static u32 logic(u32 r, u32 size, u32 *eflags)
{
    replace(eflags, EFLAGS_STATUS, flags_szp(r, size));
    return r;
}

static u32 do_add(u32 a, u32 b, u32 size, u32 *eflags)
{
    return add_carry(a, b, 0, size, eflags);
}

static u32 do_adc(u32 a, u32 b, u32 size, u32 *eflags)
{
    return add_carry(a, b, *eflags & EFLAGS_CF, size, eflags);
}

static u32 do_sub(u32 a, u32 b, u32 size, u32 *eflags)
{
    return sub_borrow(a, b, 0, size, eflags);
}

static u32 do_sbb(u32 a, u32 b, u32 size, u32 *eflags)
{
    return sub_borrow(a, b, *eflags & EFLAGS_CF, size, eflags);
}

static u32 do_or(u32 a, u32 b, u32 size, u32 *eflags)
{
    return logic(a | b, size, eflags);
}

static u32 do_and(u32 a, u32 b, u32 size, u32 *eflags)
{
    return logic(a & b, size, eflags);
}

static u32 do_xor(u32 a, u32 b, u32 size, u32 *eflags)
{
    return logic(a ^ b, size, eflags);
}

u32 alu_binary(u32 op, u32 a, u32 b, u32 size, u32 *eflags)
{
    static u32 (*const ops[])(u32, u32, u32, u32 *) = {
        [ALU_ADD] = do_add, [ALU_OR] = do_or,   [ALU_ADC] = do_adc,
        [ALU_SBB] = do_sbb, [ALU_AND] = do_and, [ALU_SUB] = do_sub,
        [ALU_XOR] = do_xor,
    };
    u32 mask = mask_bytes(size);
    return ops[op](a & mask, b & mask, size, eflags);
}

u32 alu_unary(u32 op, u32 a, u32 size, u32 *eflags)
{
    u32 carry = *eflags & EFLAGS_CF;

    a &= mask_bytes(size);
    if (op == ALU_NOT)
        return ~a & mask_bytes(size);
    if (op == ALU_NEG)
        return sub_borrow(0, a, 0, size, eflags);
    a = op == ALU_INC ? add_carry(a, 1, 0, size, eflags)
                      : sub_borrow(a, 1, 0, size, eflags);
    replace(eflags, EFLAGS_CF, carry);
    return a;
}

/* CF and OF of a rotate: OF is the XOR of the two bits that SDM names. */
static void rotate_flags(u32 *eflags, bool cf, bool of)
{
    replace(eflags, EFLAGS_CF | EFLAGS_OF,
            flag(cf, EFLAGS_CF) | flag(of, EFLAGS_OF));
}

static u32 do_rol(u32 a, u32 count, u32 size, u32 *eflags)
{
    u32 bits = size * 8, n = count % bits, r = a;

    if (n)
        r = (a << n | a >> (bits - n)) & mask_bytes(size);
    rotate_flags(eflags, r & 1, (r & 1) ^ (r >> (bits - 1)));
    return r;
}

static u32 do_ror(u32 a, u32 count, u32 size, u32 *eflags)
{
    u32 bits = size * 8, n = count % bits, r = a;

    if (n)
        r = (a >> n | a << (bits - n)) & mask_bytes(size);
    rotate_flags(eflags, r >> (bits - 1),
                 (r >> (bits - 1) ^ r >> (bits - 2)) & 1);
    return r;
}

/* The carry is one more bit, above the operand. */
static u32 do_rcl(u32 a, u32 count, u32 size, u32 *eflags)
{
    u32 bits = size * 8, n = count % (bits + 1);
    u64 wide = a | (u64)(*eflags & EFLAGS_CF) << bits;
    bool cf;

    if (n)
        wide = wide << n | wide >> (bits + 1 - n);
    cf = wide >> bits & 1;
    a = (u32)wide & mask_bytes(size);
    rotate_flags(eflags, cf, cf ^ (a >> (bits - 1)));
    return a;
}

static u32 do_rcr(u32 a, u32 count, u32 size, u32 *eflags)
{
    u32 bits = size * 8, n = count % (bits + 1);
    u64 wide = a | (u64)(*eflags & EFLAGS_CF) << bits;

    if (n)
        wide = wide >> n | wide << (bits + 1 - n);
    a = (u32)wide & mask_bytes(size);
    rotate_flags(eflags, wide >> bits & 1,
                 (a >> (bits - 1) ^ a >> (bits - 2)) & 1);
    return a;
}

static u32 shift_flags(u32 r, bool cf, bool of, u32 size, u32 *eflags)
{
    replace(eflags, EFLAGS_STATUS,
            flags_szp(r, size) | flag(cf, EFLAGS_CF) | flag(of, EFLAGS_OF));
    return r;
}

static u32 do_shl(u32 a, u32 count, u32 size, u32 *eflags)
{
    u64 wide = (u64)a << count;
    u32 r = (u32)wide & mask_bytes(size);
    bool cf = wide >> size * 8 & 1;

    return shift_flags(r, cf, cf ^ !!(r & sign_bit(size)), size, eflags);
}

static u32 do_shr(u32 a, u32 count, u32 size, u32 *eflags)
{
    return shift_flags(a >> count, a >> (count - 1) & 1, a & sign_bit(size),
                       size, eflags);
}

static u32 do_sar(u32 a, u32 count, u32 size, u32 *eflags)
{
    s64 wide = sign_extend(a, size);

    return shift_flags((u32)(wide >> count) & mask_bytes(size),
                       wide >> (count - 1) & 1, false, size, eflags);
}

u32 alu_shift(u32 op, u32 a, u32 count, u32 size, u32 *eflags)
{
    static u32 (*const ops[])(u32, u32, u32, u32 *) = {
        [ALU_ROL] = do_rol, [ALU_ROR] = do_ror, [ALU_RCL] = do_rcl,
        [ALU_RCR] = do_rcr, [ALU_SHL] = do_shl, [ALU_SHR] = do_shr,
        [ALU_SAL] = do_shl, [ALU_SAR] = do_sar,
    };

    a &= mask_bytes(size);
    count &= COUNT_MASK;
    return count ? ops[op](a, count, size, eflags) : a;
}

/* Operands side by side in 64 bits; a word is followed by fill and itself
 * again, for the counts above 16 whose result is undefined. */
static u32 shift2_left(u32 a, u32 fill, u32 count, u32 size, bool *cf)
{
    u64 wide = size == 4 ? (u64)a << 32 | fill
                         : (u64)a << 48 | (u64)fill << 32 | (u64)a << 16;

    *cf = wide << (count - 1) >> 63;
    return (u32)(wide << count >> (64 - size * 8));
}

static u32 shift2_right(u32 a, u32 fill, u32 count, u32 size, bool *cf)
{
    u64 wide =
        size == 4 ? (u64)fill << 32 | a : (u64)a << 32 | (u64)fill << 16 | a;

    *cf = wide >> (count - 1) & 1;
    return (u32)(wide >> count) & mask_bytes(size);
}

u32 alu_shift2(bool right, u32 a, u32 fill, u32 count, u32 size, u32 *eflags)
{
    u32 r;
    bool cf;

    a &= mask_bytes(size);
    fill &= mask_bytes(size);
    count &= COUNT_MASK;
    if (!count)
        return a;
    r = right ? shift2_right(a, fill, count, size, &cf)
              : shift2_left(a, fill, count, size, &cf);
    return shift_flags(r, cf, (a ^ r) & sign_bit(size), size, eflags);
}

u64 alu_mul(bool is_signed, u32 a, u32 b, u32 size, u32 *eflags)
{
    u32 bits = size * 8;
    u64 r;
    bool wide;

    a &= mask_bytes(size);
    b &= mask_bytes(size);
    r = is_signed ? (u64)(sign_extend(a, size) * sign_extend(b, size))
                  : (u64)a * b;
    wide = is_signed ? sign_extend(r, size) != (s64)r : r >> bits != 0;
    shift_flags((u32)r & mask_bytes(size), wide, wide, size, eflags);
    return r;
}

static bool div_unsigned(u64 value, u64 by, u64 max, u64 *quotient,
                         u64 *remainder)
{
    if (!by || value / by > max)
        return false;
    *quotient = value / by;
    *remainder = value % by;
    return true;
}

bool alu_div(bool is_signed, u64 value, u32 by, u32 size, u32 *quotient,
             u32 *remainder)
{
    u64 divisor = by & mask_bytes(size), max = mask_bytes(size), q, r;
    bool minus = false, value_minus = false;

    if (is_signed) {
        s64 v = sign_extend(value, size * 2), d = sign_extend(divisor, size);
        value_minus = v < 0;
        minus = value_minus != (d < 0);
        value = value_minus ? -(u64)v : (u64)v;
        divisor = d < 0 ? -(u64)d : (u64)d;
        max = sign_bit(size) - !minus;
    }
    if (!div_unsigned(value, divisor, max, &q, &r))
        return false;
    *quotient = (u32)(minus ? -q : q) & mask_bytes(size);
    *remainder = (u32)(value_minus ? -r : r) & mask_bytes(size);
    return true;
}

/* DAA and DAS: sign is +1 or -1. */
static u32 decimal_adjust(u32 al, u32 sign, u32 *eflags)
{
    u32 old = al, cf = *eflags & EFLAGS_CF, carry = 0, af = 0;

    if ((al & 15) > 9 || (*eflags & EFLAGS_AF)) {
        carry = cf | ((al + sign * 6) >> 8 & 1);
        al += sign * 6;
        af = EFLAGS_AF;
    }
    if (old > 0x99 || cf) {
        al += sign * 0x60;
        carry = 1;
    }
    al &= 0xff;
    replace(eflags, EFLAGS_STATUS, flags_szp(al, 1) | af | carry);
    return al;
}

/* AAA and AAS: AL and AH move together. */
static u32 ascii_adjust(u32 ax, u32 sign, u32 *eflags)
{
    u32 flags = 0;

    if ((ax & 15) > 9 || (*eflags & EFLAGS_AF)) {
        ax += sign * 0x106;
        flags = EFLAGS_AF | EFLAGS_CF;
    }
    ax &= 0xff0f;
    replace(eflags, EFLAGS_STATUS, flags_szp(ax & 0xff, 1) | flags);
    return ax;
}

static u32 ascii_multiply(u32 ax, u32 base, u32 *eflags)
{
    u32 al = ax & 0xff;

    ax = (al / base) << 8 | al % base;
    return (ax & 0xff00) | logic(ax & 0xff, 1, eflags);
}

static u32 ascii_divide(u32 ax, u32 base, u32 *eflags)
{
    return logic((ax + (ax >> 8) * base) & 0xff, 1, eflags);
}

u32 alu_bcd(u32 op, u32 ax, u32 base, u32 *eflags)
{
    ax &= 0xffff;
    switch (op) {
    case ALU_DAA:
        return (ax & 0xff00) | decimal_adjust(ax & 0xff, 1, eflags);
    case ALU_DAS:
        return (ax & 0xff00) | decimal_adjust(ax & 0xff, -1u, eflags);
    case ALU_AAA:
        return ascii_adjust(ax, 1, eflags);
    case ALU_AAS:
        return ascii_adjust(ax, -1u, eflags);
    case ALU_AAM:
        return ascii_multiply(ax, base, eflags);
    default:
        return ascii_divide(ax, base, eflags);
    }
}

u32 alu_bit(u32 op, u32 a, u32 bit, u32 *eflags)
{
    u32 mask = BIT(bit);

    replace(eflags, EFLAGS_CF, flag(a & mask, EFLAGS_CF));
    switch (op) {
    case ALU_BTS:
        return a | mask;
    case ALU_BTR:
        return a & ~mask;
    case ALU_BTC:
        return a ^ mask;
    default:
        return a;
    }
}

bool alu_bit_scan(bool reverse, u32 a, u32 size, u32 *out, u32 *eflags)
{
    a &= mask_bytes(size);
    replace(eflags, EFLAGS_ZF, flag(!a, EFLAGS_ZF));
    if (!a)
        return false;
    *out = (u32)(reverse ? 31 - __builtin_clz(a) : __builtin_ctz(a));
    return true;
}

/* Conditions come in pairs; the odd one is the negation. */
bool alu_condition(u32 cc, u32 eflags)
{
    bool less = !(eflags & EFLAGS_SF) != !(eflags & EFLAGS_OF), holds;

    if (cc >> 1 == 6 || cc >> 1 == 7) {
        holds = less || (cc >> 1 == 7 && (eflags & EFLAGS_ZF));
    } else {
        static const u32 any[] = {EFLAGS_OF, EFLAGS_CF,
                                  EFLAGS_ZF, EFLAGS_CF | EFLAGS_ZF,
                                  EFLAGS_SF, EFLAGS_PF};
        holds = (eflags & any[cc >> 1]) != 0;
    }
    return holds != (cc & 1);
}
