/* SPDX-License-Identifier: MIT
 *
 * printf into a buffer or a sink: %d %i %u %x %X %c %s %p %%, with flags
 * '0' '-' '+' '#', a width (or *), a precision for %s (or .*), and the
 * lengths hh h l ll z. An unknown conversion prints itself, so that a bad
 * format is seen. No floating point.
 */
#ifndef BASE_FMT_H
#define BASE_FMT_H

#include "vmm/base/types.h"
#include <stdarg.h>

/* Where formatted text goes. A null put discards. */
struct sink {
    void (*put)(void *ctx, const char *text, size_t len);
    void *ctx;
};

/* Writes at most size-1 bytes and terminates (size 0 writes nothing);
 * returns the length the whole text would have had. */
size_t fmt_buf(char *buf, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t fmt_vbuf(char *buf, size_t size, const char *format, va_list args);
void fmt_sink(const struct sink *sink, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void fmt_vsink(const struct sink *sink, const char *format, va_list args);

#endif
