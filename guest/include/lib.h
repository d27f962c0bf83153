/* SPDX-License-Identifier: MIT
 *
 * The few library functions the kernel and the programs share: memory,
 * strings, and a formatter that hands its characters to a function.
 */
#ifndef HARE_LIB_H
#define HARE_LIB_H

#include "guest/include/types.h"
#include <stdarg.h>

void *memcpy(void *to, const void *from, u32 n);
void *memset(void *to, int byte, u32 n);
int memcmp(const void *a, const void *b, u32 n);
u32 strlen(const char *s);
int strcmp(const char *a, const char *b);
int starts_with(const char *s, const char *prefix);
void str_copy(char *to, const char *from, u32 size); /* always ends in 0 */
u32 parse_u32(const char *s); /* decimal; stops at the first other byte */

/* %s %c %d %u %x %08x %llu %% and widths; each byte goes to put(). */
typedef void put_fn(void *ctx, char c);
void format(put_fn *put, void *ctx, const char *f, va_list args);

#endif
