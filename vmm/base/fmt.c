/* SPDX-License-Identifier: MIT
 *
 * See fmt.h. One pass over the format: literal runs go to the sink as they
 * are, each conversion is parsed into a struct spec, turned into text in a
 * small buffer, and handed on with its padding. A buffer is a sink like any
 * other, one that counts what it had no room for.
 */
#include "vmm/base/fmt.h"
#include "vmm/base/str.h"

#define DIGITS_MAX 24 /* 64 bits in decimal */

struct spec {
    bool zero, left, plus, alternate;
    bool has_precision;
    u32 width, precision;
    u32 longs;  /* 0: int, 1: long, 2: long long */
    u32 shorts; /* 1: short, 2: char */
};

struct args {
    va_list list;
};

static void emit(const struct sink *out, const char *text, size_t len)
{
    if (out->put && len)
        out->put(out->ctx, text, len);
}

static void pad(const struct sink *out, char c, u32 count)
{
    for (; count; count--)
        emit(out, &c, 1);
}

static void field(const struct sink *out, const struct spec *spec,
                  const char *prefix, const char *text, size_t len)
{
    size_t total = str_len(prefix) + len;
    u32 fill = spec->width > total ? spec->width - (u32)total : 0;
    bool zeros = spec->zero && !spec->left;

    if (!spec->left && !zeros)
        pad(out, ' ', fill);
    emit(out, prefix, str_len(prefix));
    if (zeros)
        pad(out, '0', fill);
    emit(out, text, len);
    if (spec->left)
        pad(out, ' ', fill);
}

/* Long division, sixteen bits at a time: a 32-bit build has no 64-bit
 * division without a library. */
static u64 divide_by_ten(u64 v, u32 *digit)
{
    u64 quotient = 0;
    u32 rest = 0;

    for (int shift = 48; shift >= 0; shift -= 16) {
        u32 part = rest << 16 | (u16)(v >> shift);
        quotient = quotient << 16 | part / 10;
        rest = part % 10;
    }
    *digit = rest;
    return quotient;
}

static void number(const struct sink *out, const struct spec *spec, u64 v,
                   char conversion, const char *prefix)
{
    const char *digits =
        conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    bool hex = conversion != 'u';
    char text[DIGITS_MAX];
    u32 at = sizeof(text), digit;

    do {
        if (hex) {
            digit = v & 15;
            v >>= 4;
        } else {
            v = divide_by_ten(v, &digit);
        }
        text[--at] = digits[digit];
    } while (v);
    field(out, spec, prefix, text + at, sizeof(text) - at);
}

static u64 take_unsigned(struct args *args, const struct spec *spec)
{
    if (spec->longs >= 2)
        return va_arg(args->list, unsigned long long);
    if (spec->longs == 1)
        return va_arg(args->list, unsigned long);
    if (spec->shorts >= 2)
        return (u8)va_arg(args->list, unsigned);
    if (spec->shorts == 1)
        return (u16)va_arg(args->list, unsigned);
    return va_arg(args->list, unsigned);
}

static s64 take_signed(struct args *args, const struct spec *spec)
{
    if (spec->longs >= 2)
        return va_arg(args->list, long long);
    if (spec->longs == 1)
        return va_arg(args->list, long);
    if (spec->shorts >= 2)
        return (s8)va_arg(args->list, int);
    if (spec->shorts == 1)
        return (s16)va_arg(args->list, int);
    return va_arg(args->list, int);
}

static const char *parse_flags(const char *f, struct spec *spec)
{
    for (;; f++) {
        if (*f == '0')
            spec->zero = true;
        else if (*f == '-')
            spec->left = true;
        else if (*f == '+')
            spec->plus = true;
        else if (*f == '#')
            spec->alternate = true;
        else
            return f;
    }
}

static const char *parse_count(const char *f, u32 *count, struct args *args)
{
    if (*f == '*') {
        int given = va_arg(args->list, int);
        *count = given > 0 ? (u32)given : 0;
        return f + 1;
    }
    for (; *f >= '0' && *f <= '9'; f++)
        *count = *count * 10 + (u32)(*f - '0');
    return f;
}

static const char *parse(const char *f, struct spec *spec, struct args *args)
{
    f = parse_flags(f, spec);
    f = parse_count(f, &spec->width, args);
    if (*f == '.') {
        spec->has_precision = true;
        f = parse_count(f + 1, &spec->precision, args);
    }
    for (; *f == 'l' || *f == 'z' || *f == 'h'; f++) {
        spec->longs += *f != 'h';
        spec->shorts += *f == 'h';
    }
    return f;
}

static void text_field(const struct sink *out, struct spec *spec,
                       const char *text)
{
    size_t len = 0;

    if (!text)
        text = "(null)";
    while ((!spec->has_precision || len < spec->precision) && text[len])
        len++;
    spec->zero = false;
    field(out, spec, "", text, len);
}

static void signed_field(const struct sink *out, const struct spec *spec, s64 v)
{
    if (v < 0)
        number(out, spec, 0 - (u64)v, 'u', "-");
    else
        number(out, spec, (u64)v, 'u', spec->plus ? "+" : "");
}

static void convert(const struct sink *out, char c, struct spec *spec,
                    struct args *args)
{
    char one;

    switch (c) {
    case 'd':
    case 'i':
        signed_field(out, spec, take_signed(args, spec));
        break;
    case 'u':
        number(out, spec, take_unsigned(args, spec), 'u', "");
        break;
    case 'x':
    case 'X':
        number(out, spec, take_unsigned(args, spec), c,
               spec->alternate ? "0x" : "");
        break;
    case 'p':
        number(out, spec, (uintptr_t)va_arg(args->list, void *), 'x', "0x");
        break;
    case 'c':
        one = (char)va_arg(args->list, int);
        spec->zero = false;
        field(out, spec, "", &one, 1);
        break;
    case 's':
        text_field(out, spec, va_arg(args->list, const char *));
        break;
    default:
        emit(out, "%", 1);
        if (c != '%')
            emit(out, &c, 1);
    }
}

void fmt_vsink(const struct sink *sink, const char *format, va_list list)
{
    struct args args;

    va_copy(args.list, list);
    while (*format) {
        struct spec spec = {0};
        size_t run = 0;
        while (format[run] && format[run] != '%')
            run++;
        emit(sink, format, run);
        format += run;
        if (!*format)
            break;
        format = parse(format + 1, &spec, &args);
        if (!*format)
            break;
        convert(sink, *format++, &spec, &args);
    }
    va_end(args.list);
}

void fmt_sink(const struct sink *sink, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fmt_vsink(sink, format, args);
    va_end(args);
}

struct buffer {
    char *at;
    size_t size, len;
};

static void buffer_put(void *ctx, const char *text, size_t len)
{
    struct buffer *b = ctx;

    for (size_t i = 0; i < len; i++, b->len++) {
        if (b->len + 1 < b->size)
            b->at[b->len] = text[i];
    }
}

size_t fmt_vbuf(char *buf, size_t size, const char *format, va_list args)
{
    struct buffer b = {buf, size, 0};
    struct sink out = {buffer_put, &b};

    fmt_vsink(&out, format, args);
    if (size)
        buf[b.len < size ? b.len : size - 1] = 0;
    return b.len;
}

size_t fmt_buf(char *buf, size_t size, const char *format, ...)
{
    va_list args;
    size_t len;

    va_start(args, format);
    len = fmt_vbuf(buf, size, format, args);
    va_end(args);
    return len;
}
