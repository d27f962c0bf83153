/* SPDX-License-Identifier: MIT
 *
 * Arithmetic against a second opinion: every 8-bit pair for the eight binary
 * operations, counts by repetition for shifts and rotates, division's edges.
 * The real processor judges the rest (tests/diff).
 * LINKS: vmm/cpu vmm/base
 */
#include "arch/x86/defs/regs.h"
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/alu.h"

#define FLAG(cond, bit) ((cond) ? (bit) : 0)

static u32 parity_flag(u32 r)
{
    int ones = 0;
    for (int i = 0; i < 8; i++)
        ones += r >> i & 1;
    return FLAG(ones % 2 == 0, EFLAGS_PF);
}

/* By plain integers: the exact result, in range or not. */
static u32 sum_flags(int a, int b, int c, int sign)
{
    int wide = a + sign * (b + c);
    int narrow = (s8)a + sign * ((s8)b + c);
    int low = (a & 15) + sign * ((b & 15) + c);
    u32 r = wide & 0xff;

    return FLAG(wide < 0 || wide > 255, EFLAGS_CF) | parity_flag(r) |
           FLAG(low < 0 || low > 15, EFLAGS_AF) | FLAG(!r, EFLAGS_ZF) |
           FLAG(r & 0x80, EFLAGS_SF) |
           FLAG(narrow < -128 || narrow > 127, EFLAGS_OF);
}

static void sums_of_all_bytes(void)
{
    u32 bad = 0;

    for (int i = 0; i < 256 * 256 * 2; i++) {
        int a = i & 255, b = i >> 8 & 255, c = i >> 16;
        u32 f[4] = {(u32)c, (u32)c, (u32)c, (u32)c};
        bad += alu_binary(ALU_ADD, (u32)a, (u32)b, 1, &f[0]) != ((a + b) & 255);
        bad += f[0] != sum_flags(a, b, 0, 1);
        bad += alu_binary(ALU_ADC, (u32)a, (u32)b, 1, &f[1]) !=
               ((a + b + c) & 255);
        bad += f[1] != sum_flags(a, b, c, 1);
        bad += alu_binary(ALU_SUB, (u32)a, (u32)b, 1, &f[2]) != ((a - b) & 255);
        bad += f[2] != sum_flags(a, b, 0, -1);
        bad += alu_binary(ALU_SBB, (u32)a, (u32)b, 1, &f[3]) !=
               ((a - b - c) & 255);
        bad += f[3] != sum_flags(a, b, c, -1);
    }
    EXPECT_EQ(bad, 0);
}

static void other_bits_stay(void)
{
    u32 flags = EFLAGS_IF | EFLAGS_DF | EFLAGS_ONE | EFLAGS_CF | EFLAGS_OF;

    EXPECT_EQ(alu_binary(ALU_XOR, 0x1ff, 0xff, 1, &flags), 0);
    EXPECT_EQ(flags,
              EFLAGS_IF | EFLAGS_DF | EFLAGS_ONE | EFLAGS_ZF | EFLAGS_PF);
    flags = EFLAGS_CF;
    EXPECT_EQ(alu_unary(ALU_INC, 0xffffffff, 4, &flags), 0);
    EXPECT(flags & EFLAGS_CF);
    EXPECT_EQ(alu_unary(ALU_NOT, 0xf0, 1, &flags), 0x0f);
}

/* A shift by n is n shifts by one: result and carry. */
static void shifts_repeat(void)
{
    static const u32 values[] = {0, 1, 0x80, 0x8000, 0x80000001, 0xdeadbeef};

    for (u32 i = 0; i < 8 * 3 * 32 * ARRAY_LEN(values) * 2; i++) {
        u32 op = i & 7, size = 1u << (i >> 3) % 3, count = i / 24 & 31;
        u32 carry = i / 768 & 1, a = values[i / 1536];
        u32 once = a & mask_bytes(size), f1 = carry, f2 = carry;
        for (u32 n = 0; n < count; n++)
            once = alu_shift(op, once, 1, size, &f1);
        EXPECT_EQ(alu_shift(op, a, count + 32, size, &f2), once);
        EXPECT_EQ(f2 & EFLAGS_CF, f1 & EFLAGS_CF);
    }
}

static void count_zero_changes_nothing(void)
{
    u32 flags = EFLAGS_STATUS;

    EXPECT_EQ(alu_shift(ALU_SHL, 0x80000000, 32, 4, &flags), 0x80000000);
    EXPECT_EQ(alu_shift2(true, 5, 7, 0, 4, &flags), 5);
    EXPECT_EQ(flags, EFLAGS_STATUS);
}

static void double_shifts(void)
{
    u32 flags = 0;

    EXPECT_EQ(alu_shift2(false, 0x80000001, 0xf0000000, 4, 4, &flags), 0x1f);
    EXPECT_EQ(flags & EFLAGS_CF, 0);
    EXPECT_EQ(alu_shift2(true, 0x18, 0x3, 4, 2, &flags), 0x3001);
    EXPECT(flags & EFLAGS_CF);
    EXPECT_EQ(alu_shift2(false, 0x1234, 0xabcd, 16, 2, &flags), 0xabcd);
}

static void division_edges(void)
{
    u32 q, r;

    EXPECT(!alu_div(false, 5, 0, 4, &q, &r));
    EXPECT(!alu_div(false, 1ull << 32, 1, 4, &q, &r));
    EXPECT(alu_div(false, ~0ull - 0xffffffffull - 1, 0xffffffff, 4, &q, &r));
    EXPECT(!alu_div(true, 1ull << 63, ~0u, 4, &q, &r));
    EXPECT(!alu_div(true, 0x80, 1, 1, &q, &r));
    EXPECT(alu_div(true, (u64)-128 & 0xffff, 1, 1, &q, &r));
    EXPECT_EQ(q, 0x80);
    EXPECT(!alu_div(true, (u64)-128 & 0xffff, 0xff, 1, &q, &r));
    EXPECT(alu_div(true, (u64)-7, 2, 4, &q, &r));
    EXPECT_EQ(q, (u32)-3);
    EXPECT_EQ(r, (u32)-1);
}

static void products(void)
{
    u32 flags = 0;

    EXPECT_EQ(alu_mul(false, ~0u, ~0u, 4, &flags), 0xfffffffe00000001ull);
    EXPECT_EQ(flags & (EFLAGS_CF | EFLAGS_OF), EFLAGS_CF | EFLAGS_OF);
    EXPECT_EQ(alu_mul(true, ~0u, ~0u, 4, &flags), 1);
    EXPECT_EQ(flags & (EFLAGS_CF | EFLAGS_OF), 0);
}

static void decimal(void)
{
    u32 flags = EFLAGS_AF;

    EXPECT_EQ(alu_bcd(ALU_DAA, 0x12, 0, &flags), 0x18);
    flags = 0;
    EXPECT_EQ(alu_bcd(ALU_DAA, 0x9a, 0, &flags), 0);
    EXPECT(flags & EFLAGS_CF);
    flags = 0;
    EXPECT_EQ(alu_bcd(ALU_AAA, 0x0f, 0, &flags), 0x105);
    EXPECT_EQ(alu_bcd(ALU_AAM, 99, 10, &flags), 0x909);
    EXPECT_EQ(alu_bcd(ALU_AAD, 0x909, 10, &flags), 99);
}

static void conditions_come_in_pairs(void)
{
    for (u32 flags = 0; flags < 0x1000; flags++) {
        for (u32 cc = 0; cc < 16; cc += 2)
            EXPECT(alu_condition(cc, flags) != alu_condition(cc + 1, flags));
    }
    EXPECT(alu_condition(12, EFLAGS_SF));
    EXPECT(!alu_condition(12, EFLAGS_SF | EFLAGS_OF));
    EXPECT(alu_condition(14, EFLAGS_ZF));
    EXPECT(alu_condition(6, EFLAGS_CF));
}

static void scans(void)
{
    u32 bit = 77, flags = 0;

    EXPECT(!alu_bit_scan(false, 0x10000, 2, &bit, &flags));
    EXPECT_EQ(bit, 77);
    EXPECT(flags & EFLAGS_ZF);
    EXPECT(alu_bit_scan(true, 0x18, 4, &bit, &flags));
    EXPECT_EQ(bit, 4);
    EXPECT(alu_bit_scan(false, 0x18, 4, &bit, &flags));
    EXPECT_EQ(bit, 3);
    EXPECT_EQ(alu_bit(ALU_BTC, 4, 2, &flags), 0);
    EXPECT(flags & EFLAGS_CF);
}

static const struct unit_case cases[] = {
    CASE(sums_of_all_bytes),
    CASE(other_bits_stay),
    CASE(shifts_repeat),
    CASE(count_zero_changes_nothing),
    CASE(double_shifts),
    CASE(division_edges),
    CASE(products),
    CASE(decimal),
    CASE(conditions_come_in_pairs),
    CASE(scans),
};
UNIT_MAIN(cases)
