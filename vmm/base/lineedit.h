/* SPDX-License-Identifier: MIT
 *
 * A line being typed: editing, history, and its picture on a terminal.
 *
 * Bytes of a keyboard go in, one at a time; the picture is kept up to date
 * through a sink. It takes one row and never wraps: a line that is longer than
 * the row is shown in part, as a window that follows the cursor. So whoever
 * prints above it erases one row and draws it again below (lineedit_draw()).
 *
 * The keys are those of a shell: arrows, Home, End, Delete; Ctrl-A E B F D H K
 * U W Y P N L C, and with Alt B F D and Backspace. What a terminal sends for
 * them is a sequence of ECMA-48 (or of xterm, rxvt, the Linux console); any
 * other sequence is swallowed. Bytes that are no ASCII are not taken.
 */
#ifndef BASE_LINEEDIT_H
#define BASE_LINEEDIT_H

#include "vmm/base/fmt.h"

#define LINE_SIZE    512u /* with the 0 at its end */
#define LINE_HISTORY 16u
#define LINE_COLUMNS 80u /* of a terminal that nobody can ask */

enum lineedit_did {
    LINE_EDITED,
    LINE_DONE,     /* text is the line, until the next key; it is empty now */
    LINE_COMPLETE, /* Tab: somebody should offer what could come here */
};

struct lineedit {
    const char *prompt;
    char text[LINE_SIZE];
    u32 len, cursor;
    u32 first; /* the first character that is shown */
    char killed[LINE_SIZE];
    u32 killed_len;
    char draft[LINE_SIZE]; /* what was typed before history was looked at */
    char history[LINE_HISTORY][LINE_SIZE];
    u32 lines; /* that history has ever had */
    u32 back;  /* how many of them up; 0: the draft itself */
    u8 state;  /* of the sequence that comes in */
    u8 number; /* its last parameter ... */
    bool two;  /* ... of more than one */
    bool cr;   /* the last byte was CR: an LF behind it is the same key */
};

void lineedit_init(struct lineedit *e, const char *prompt);
enum lineedit_did lineedit_key(struct lineedit *e, u8 byte,
                               const struct sink *out);
/* Prompt and line, on an empty row; the cursor ends where it belongs. */
void lineedit_draw(const struct lineedit *e, const struct sink *out);
/* Puts text in at the cursor, as if it was typed; what is too much is not. */
void lineedit_insert(struct lineedit *e, const char *text, size_t len,
                     const struct sink *out);

#endif
