/* SPDX-License-Identifier: MIT
 *
 * Words, numbers and sizes as module lines hold them.
 * LINKS: vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"

static bool num(const char *s, u64 *v)
{
    return slice_number(slice_of(s), v);
}

static bool bytes(const char *s, u64 *v)
{
    return slice_bytes(slice_of(s), v);
}

static void numbers_are_strict(void)
{
    static const char *const bad[] = {
        "",    "-1",   "0x",    "12a",
        "1 ",  "0xg",  "+3",    "18446744073709551616",
        "1x5", "00x1", "0x0x1", "0x10000000000000000",
        "@",   "`",    "/",     ":"};
    u64 v = 7;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        EXPECT(!num(bad[i], &v));
    EXPECT(num("0", &v) && v == 0);
    EXPECT(num("0x1F", &v) && v == 31);
    EXPECT(num("0xaAfF09", &v) && v == 0xaaff09);
    EXPECT(num("18446744073709551615", &v) && v == UINT64_MAX);
}

static void sizes_take_a_suffix(void)
{
    u64 v = 0;
    EXPECT(bytes("32M", &v) && v == 32u << 20);
    EXPECT(bytes("1g", &v) && v == 1u << 30);
    EXPECT(bytes("640K", &v) && v == 640u << 10);
    EXPECT(bytes("4096", &v) && v == 4096);
    EXPECT(!bytes("M", &v));
    EXPECT(!bytes("", &v));
    EXPECT(!bytes("99999999999999999G", &v));
    EXPECT(!bytes("1MM", &v));
    EXPECT(bytes("17179869183G", &v) && v == 17179869183ull << 30);
    EXPECT(!bytes("17179869184G", &v));
    EXPECT(bytes("0x10K", &v) && v == 16384);
}

static bool time(const char *s, u64 *ns)
{
    return slice_time(slice_of(s), ns);
}

static void times_have_a_unit(void)
{
    u64 ns = 0;
    EXPECT(time("500us", &ns) && ns == 500000);
    EXPECT(time("20ms", &ns) && ns == 20000000);
    EXPECT(time("3s", &ns) && ns == 3000000000);
    EXPECT(time("0s", &ns) && ns == 0);
    EXPECT(!time("", &ns) && !time("20", &ns) && !time("ms", &ns));
    EXPECT(!time("20h", &ns) && !time("2 s", &ns) && !time("20Ms", &ns));
    EXPECT(time("18446744073s", &ns) && ns == 18446744073000000000ull);
    EXPECT(!time("18446744074s", &ns));
}

static void words_and_keys(void)
{
    struct slice rest = slice_of("  vm=a=b  mem "), word, key, value;
    EXPECT(slice_word(&rest, &word));
    EXPECT(slice_split(word, '=', &key, &value));
    EXPECT(slice_eq(key, "vm"));
    EXPECT(slice_eq(value, "a=b"));
    EXPECT(slice_word(&rest, &word));
    EXPECT(!slice_split(word, '=', &key, &value));
    EXPECT(slice_eq(key, "mem"));
    EXPECT_EQ(value.len, 0);
    EXPECT(!slice_word(&rest, &word));
}

static void copies_are_cut_and_terminated(void)
{
    char b[4];
    EXPECT(str_copy(b, sizeof(b), "abc"));
    EXPECT_STR(b, "abc");
    EXPECT(!str_copy(b, sizeof(b), "abcd"));
    EXPECT_STR(b, "abc");
}

static void comparisons(void)
{
    EXPECT(str_eq("", ""));
    EXPECT(!str_eq("a", "ab"));
    EXPECT(!str_eq("ab", "a"));
    EXPECT(str_starts("abc", "ab"));
    EXPECT(str_starts("abc", ""));
    EXPECT(!str_starts("ab", "abc"));
    EXPECT(!slice_eq(slice_of("abc"), "abd"));
    EXPECT(!slice_eq(slice_of("ab"), "abd"));
}

static void little_endian_bytes(void)
{
    u8 b[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    EXPECT_EQ(get_le16(b), 0x0201);
    EXPECT_EQ(get_le32(b), 0x04030201);
    EXPECT_EQ(get_le64(b), 0x0807060504030201ull);
    put_le32(b + 1, 0xaabbccdd);
    EXPECT_EQ(get_le32(b + 1), 0xaabbccdd);
    EXPECT_EQ(align_up(4097, 4096), 8192);
    EXPECT_EQ(align_down(4097, 4096), 4096);
}

static const struct unit_case cases[] = {
    CASE(numbers_are_strict),
    CASE(sizes_take_a_suffix),
    CASE(words_and_keys),
    CASE(times_have_a_unit),
    CASE(copies_are_cut_and_terminated),
    CASE(comparisons),
    CASE(little_endian_bytes),
};
UNIT_MAIN(cases)
