/* SPDX-License-Identifier: MIT
 *
 * A text that is put together piece by piece, in a buffer of fixed size. It
 * never overruns and is always terminated; what does not fit is cut, and what
 * comes behind a cut is left out.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "vmm/base/types.h"

struct text {
    char *at;
    size_t size, len; /* len < size */
};

/* Empties the buffer, which has room for one byte at least. */
struct text text_of(char *at, size_t size);
void text_add(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
