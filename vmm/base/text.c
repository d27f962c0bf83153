/* SPDX-License-Identifier: MIT
 *
 * See text.h. The length is that of the text that is there, never what it
 * would have been: once the buffer is full, a piece finds room for its
 * terminator alone.
 */
#include "vmm/base/text.h"
#include "vmm/base/fmt.h"

struct text text_of(char *at, size_t size)
{
    at[0] = 0;
    return (struct text){at, size, 0};
}

void text_add(struct text *t, const char *format, ...)
{
    size_t room = t->size - t->len;
    va_list args;
    size_t len;

    va_start(args, format);
    len = fmt_vbuf(t->at + t->len, room, format, args);
    va_end(args);
    t->len += len < room ? len : room - 1;
}
