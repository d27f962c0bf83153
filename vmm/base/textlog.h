/* SPDX-License-Identifier: MIT
 *
 * The last so many bytes of a text that grows for ever, to be read again by
 * lines: what the VMM has said, for whoever comes later.
 *
 * Bytes go into a ring; the oldest are overwritten. What is left of a line
 * whose beginning is gone is not shown. All zeros is an empty log.
 */
#ifndef BASE_TEXTLOG_H
#define BASE_TEXTLOG_H

#include "vmm/base/fmt.h"

#define TEXTLOG_SIZE 16384u /* a power of two */
#define TEXTLOG_LINE 800u   /* longer lines come in pieces */

struct textlog {
    u64 end; /* bytes that were ever written */
    char text[TEXTLOG_SIZE];
};

/* Carriage returns are left out, so that a line ends in "\n" alone. */
void textlog_put(struct textlog *log, const char *text, size_t len);
/* The last `lines` lines, oldest first, each in one piece with its "\n"; a
 * last line without one gets it. Returns how many. */
u32 textlog_show(const struct textlog *log, u32 lines, const struct sink *out);

#endif
