/* SPDX-License-Identifier: MIT
 *
 * Formatting against the C library's, and what a cut buffer looks like.
 * LINKS: vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/fmt.h"

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

#define SAME(...)                                                              \
    do {                                                                       \
        char ours[200], theirs[200];                                           \
        size_t n = fmt_buf(ours, sizeof(ours), __VA_ARGS__);                   \
        size_t m = (size_t)snprintf(theirs, sizeof(theirs), __VA_ARGS__);      \
        EXPECT_STR(ours, theirs);                                              \
        EXPECT_EQ(n, m);                                                       \
    } while (0)

static void numbers(void)
{
    SAME("%d %i %u", -5, 2147483647, 4294967295u);
    SAME("%lld %llu", (long long)INT64_MIN, (unsigned long long)UINT64_MAX);
    SAME("%ld %lu %zu", -1L, 1UL, (size_t)77);
    SAME("%x %X %#x %08x %-8x| %8x", 0xabcu, 0xABCu, 255u, 0x1234u, 1u, 2u);
    SAME("%+d %05d %5d %-5d|", 3, -42, -42, -42);
    SAME("%016llx", 0x123456789abcdefull);
    SAME("%5d|%4d|%3d|%09u|%90d", 123, 1234, 1234, 190, 5);
    SAME("%hhu %hd", (unsigned char)7, (short)-8);
}

static void many_numbers(void)
{
    unsigned long long v = 1;
    for (int i = 0; i < 2000; i++) {
        SAME("%llu %llx %lld", v, v, (long long)v);
        v = v * 6364136223846793005ull + 1442695040888963407ull;
        v >>= i % 64;
    }
}

static void short_ones_are_cut_to_their_size(void)
{
    char b[40], cut[] = "%hhu %hhd %hx %hd";
    const char *format = cut;
    fmt_buf(b, sizeof(b), format, 0x1ff, 0xff, 0x12345, 0xffff);
    EXPECT_STR(b, "255 -1 2345 -1");
}

static void strings(void)
{
    SAME("%s|%10s|%-10s|%.2s|%c%%", "one", "two", "three", "four", 'x');
    SAME("%.*s|%*d", 3, "abcdef", 6, 42);
}

static void a_cut_text_is_terminated_and_measured(void)
{
    char b[4] = "zzz";
    EXPECT_EQ(fmt_buf(b, sizeof(b), "%s", "abcdef"), 6);
    EXPECT_STR(b, "abc");
    EXPECT_EQ(fmt_buf(b, 0, "%d", 12345), 5);
    EXPECT_STR(b, "abc");
}

static void odd_formats_show_themselves(void)
{
    char b[40], bad[] = "%q %";
    const char *format = bad;
    fmt_buf(b, sizeof(b), format);
    EXPECT_STR(b, "%q ");
}

static const struct unit_case cases[] = {
    CASE(numbers),
    CASE(many_numbers),
    CASE(short_ones_are_cut_to_their_size),
    CASE(strings),
    CASE(a_cut_text_is_terminated_and_measured),
    CASE(odd_formats_show_themselves),
};
UNIT_MAIN(cases)
