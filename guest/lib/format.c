/* SPDX-License-Identifier: MIT
 *
 * A small printf. It knows no device: each byte goes to put(), which is the
 * console in the kernel and a buffer in a program.
 *
 * A directive is %[0][width][ll]letter, the letter one of s c d u x or %.
 * 64-bit numbers are divided in two steps, high word first, because the
 * compiler's own 64-bit division is a library call that the guest does not
 * link.
 */
#include "guest/include/lib.h"

struct spec {
    char pad;
    u32 width;
    int wide; /* ll */
};

/* Divides *n by the base and gives the remainder. */
static u32 take_digit(u64 *n, u32 base)
{
    u32 high = (u32)(*n >> 32), low = (u32)*n, quotient, rest;

    rest = high % base;
    asm("divl %4"
        : "=a"(quotient), "=d"(rest)
        : "0"(low), "1"(rest), "rm"(base)
        : "cc");
    *n = ((u64)(high / base) << 32) | quotient;
    return rest;
}

static void put_text(put_fn *put, void *ctx, const char *s, struct spec spec)
{
    for (u32 n = strlen(s); n < spec.width; n++)
        put(ctx, spec.pad);
    while (*s)
        put(ctx, *s++);
}

static void put_number(put_fn *put, void *ctx, u64 n, u32 base, int negative,
                       struct spec spec)
{
    char digits[24];
    u32 at = sizeof(digits);

    digits[--at] = 0;
    do
        digits[--at] = "0123456789abcdef"[take_digit(&n, base)];
    while (n);
    if (negative)
        digits[--at] = '-';
    put_text(put, ctx, digits + at, spec);
}

static const char *parse_spec(const char *f, struct spec *spec)
{
    *spec = (struct spec){.pad = ' '};
    if (*f == '0')
        spec->pad = *f++;
    for (; *f >= '0' && *f <= '9'; f++)
        spec->width = spec->width * 10 + (u32)(*f - '0');
    for (; *f == 'l'; f++)
        spec->wide++;
    return f;
}

void format(put_fn *put, void *ctx, const char *f, va_list args)
{
    struct spec spec;
    char letter[2] = {0, 0};

    for (; *f; f++) {
        if (*f != '%') {
            put(ctx, *f);
            continue;
        }
        f = parse_spec(f + 1, &spec);
        if (*f == 's') {
            put_text(put, ctx, va_arg(args, const char *), spec);
        } else if (*f == 'd') {
            s32 n = va_arg(args, s32);
            put_number(put, ctx, n < 0 ? 0u - (u32)n : (u32)n, 10, n < 0, spec);
        } else if (*f == 'u' || *f == 'x') {
            u64 n = spec.wide ? va_arg(args, u64) : va_arg(args, u32);
            put_number(put, ctx, n, *f == 'x' ? 16 : 10, 0, spec);
        } else {
            letter[0] = *f == 'c' ? (char)va_arg(args, int) : *f;
            put_text(put, ctx, letter, spec);
        }
    }
}
