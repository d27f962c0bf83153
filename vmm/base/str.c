/* SPDX-License-Identifier: MIT
 *
 * Strings and slices: see str.h. Nothing here allocates, and nothing walks
 * beyond the length it was given. Numbers are strict: a digit too many or a
 * stray letter makes the whole word "not a number", so that a typing error in
 * a module line is an error and never a silently different value.
 */
#include "vmm/base/str.h"

size_t str_len(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

bool str_eq(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

bool str_starts(const char *s, const char *prefix)
{
    while (*prefix && *s == *prefix)
        s++, prefix++;
    return !*prefix;
}

bool str_copy(char *to, size_t size, const char *from)
{
    return slice_copy(to, size, slice_of(from));
}

struct slice slice_of(const char *s)
{
    return (struct slice){s, str_len(s)};
}

bool slice_eq(struct slice s, const char *text)
{
    return str_len(text) == s.len && !memcmp(s.at, text, s.len);
}

bool slice_word(struct slice *rest, struct slice *word)
{
    size_t i = 0, n = 0;

    while (i < rest->len && rest->at[i] == ' ')
        i++;
    while (i + n < rest->len && rest->at[i + n] != ' ')
        n++;
    *word = (struct slice){rest->at + i, n};
    *rest = (struct slice){rest->at + i + n, rest->len - i - n};
    return n != 0;
}

bool slice_split(struct slice s, char c, struct slice *key, struct slice *value)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] != c)
            continue;
        *key = (struct slice){s.at, i};
        *value = (struct slice){s.at + i + 1, s.len - i - 1};
        return true;
    }
    *key = s;
    *value = (struct slice){s.at + s.len, 0};
    return false;
}

bool slice_copy(char *to, size_t size, struct slice s)
{
    size_t n = s.len < size - 1 ? s.len : size - 1;

    memcpy(to, s.at, n);
    to[n] = 0;
    return n == s.len;
}

static int digit(char c, u32 base)
{
    int v = -1;

    if (c >= '0' && c <= '9')
        v = c - '0';
    else if ((c | 32) >= 'a' && (c | 32) <= 'f')
        v = (c | 32) - 'a' + 10;
    return v < (int)base ? v : -1;
}

bool slice_number(struct slice s, u64 *out)
{
    u32 base = 10;
    u64 value = 0;

    if (s.len > 2 && s.at[0] == '0' && (s.at[1] | 32) == 'x') {
        base = 16;
        s = (struct slice){s.at + 2, s.len - 2};
    }
    if (!s.len)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        int d = digit(s.at[i], base);
        if (d < 0 || value > (UINT64_MAX - (u64)d) / base)
            return false;
        value = value * base + (u64)d;
    }
    *out = value;
    return true;
}

bool slice_bytes(struct slice s, u64 *out)
{
    u32 shift = 0;

    if (!s.len)
        return false;
    switch (s.at[s.len - 1] | 32) {
    case 'k':
        shift = 10;
        break;
    case 'm':
        shift = 20;
        break;
    case 'g':
        shift = 30;
        break;
    }
    if (shift)
        s.len--;
    if (!slice_number(s, out) || *out > UINT64_MAX >> shift)
        return false;
    *out <<= shift;
    return true;
}

bool slice_time(struct slice s, u64 *out_ns)
{
    static const struct {
        const char *unit;
        u64 ns;
    } units[] = {{"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
    struct slice number = s;

    while (number.len && (number.at[number.len - 1] | 0x20) >= 'a')
        number.len--;
    for (u32 i = 0; i < ARRAY_LEN(units); i++) {
        struct slice unit = {s.at + number.len, s.len - number.len};
        if (!slice_eq(unit, units[i].unit))
            continue;
        if (!slice_number(number, out_ns) || *out_ns > UINT64_MAX / units[i].ns)
            return false;
        *out_ns *= units[i].ns;
        return true;
    }
    return false;
}
