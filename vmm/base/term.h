/* SPDX-License-Identifier: MIT
 *
 * A terminal without a screen: bytes go in, a grid of cells comes out.
 *
 * It understands what the console and simple programs on a serial line send:
 * text, CR, LF, BS, TAB, BEL, and of the escape sequences (ECMA-48) cursor
 * movement, erasing and colours. Anything else of that form is swallowed. A
 * line that just fills the width does not wrap until more text comes, as on
 * every terminal since the VT100.
 *
 * Lines live in a ring; scrolling moves its start and copies nothing. Lines
 * that have left the screen stay in the ring for a while: term_back() looks
 * at them again.
 */
#ifndef BASE_TERM_H
#define BASE_TERM_H

#include "vmm/base/grid.h"

#define TERM_LINES  256u /* a power of two, more than GRID_ROWS */
#define TERM_PARAMS 8u

enum term_state { TERM_TEXT, TERM_ESCAPE, TERM_CSI };

struct term {
    u32 columns, rows;
    u32 top;    /* the ring's line that is row 0; runs freely */
    u32 kept;   /* lines above it that are still there */
    u32 back;   /* of those, how many are being looked at */
    u32 row;    /* of the cursor, below top */
    u32 column; /* `columns`: the line is full, the next character wraps */
    u8 attr;
    u8 bright; /* CELL_BRIGHT or 0 */
    u8 reverse;
    u8 state; /* enum term_state */
    u8 params;
    u8 private; /* the sequence has a byte that makes it somebody's own */
    u32 param[TERM_PARAMS];
    u16 line[TERM_LINES][GRID_COLUMNS];
};

/* Sizes are cut to what a grid holds. */
void term_init(struct term *t, u32 columns, u32 rows);
/* Another size of screen; the text stays. */
void term_resize(struct term *t, u32 columns, u32 rows);
/* Text: "\n" alone is LF, which keeps the column. */
void term_write(struct term *t, const char *text, size_t len);
/* So many lines further back (or forth, when negative) in what is kept. */
void term_back(struct term *t, int lines);
void term_show(const struct term *t, struct grid *grid);

#endif
