/* SPDX-License-Identifier: MIT
 *
 * A picture made of characters: what a terminal or a guest wants shown, and
 * what a painter shows. A cell is VGA's: the character in the low byte (code
 * page 437), above it the attribute, foreground in bits 0-3, background in
 * bits 4-6. Bit 7 of the attribute blinks on a real VGA.
 */
#ifndef BASE_GRID_H
#define BASE_GRID_H

#include "vmm/base/types.h"

#define GRID_COLUMNS 160u
#define GRID_ROWS    64u
#define GRID_CELLS   (GRID_COLUMNS * GRID_ROWS)
#define GRID_NONE    0xffffffffu /* the cursor is nowhere */

#define CELL_NORMAL 0x07 /* light grey on black */
#define CELL_BRIGHT 0x08
#define CELL_BLANK  0x0720

/* Sizes up to the two constants; cells row by row, without gaps. */
struct grid {
    u32 columns, rows;
    u32 cursor; /* an index into cell[], or beyond them: none */
    u16 cell[GRID_CELLS];
};

/* Into grid, whose size is set, a picture of another size; the rest of the
 * grid is blank but for the title. */
void grid_place(struct grid *grid, const u16 *cells, u32 columns, u32 rows,
                u32 cursor, const char *title);

#endif
