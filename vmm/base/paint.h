/* SPDX-License-Identifier: MIT
 *
 * Brings a grid of characters to a screen, of text or of pixels.
 *
 * The screen is far away: a frame buffer may be uncached, where a read costs
 * a microsecond and a write a tenth of it. So the painter keeps what it has
 * shown, writes only the lines of those glyphs that look different now, and
 * never reads the screen. It has no pointer to it either: all that it wants
 * written goes through paint_out, in whole lines of a glyph.
 */
#ifndef BASE_PAINT_H
#define BASE_PAINT_H

#include "vmm/base/grid.h"
#include "vmm/base/screen.h"

#define PAINT_GLYPH_WIDTH  8u
#define PAINT_GLYPH_HEIGHT 16u
#define PAINT_SCALE_MAX    8u

/* Each byte is a line of the glyph, the leftmost pixel in bit 7. */
typedef u8 paint_glyph[PAINT_GLYPH_HEIGHT];

struct paint_out {
    /* `offset` counts bytes from mode.at on. */
    void (*write)(void *ctx, u64 offset, const void *from, u32 bytes);
    void *ctx;
};

struct paint {
    struct screen_mode mode;
    struct paint_out out;
    const paint_glyph *font; /* 256 of them */
    u32 columns, rows;       /* what fits, at most GRID_COLUMNS, GRID_ROWS */
    u32 scale;               /* a pixel of the font is so many, squared */
    u64 origin;              /* of the first cell, in bytes */
    u32 pixel[16];           /* VGA's colours, as this screen has them */
    u32 cursor;
    u16 shown[GRID_CELLS];
};

/* Clears the screen. False: it is none, or too small for a character. */
bool paint_init(struct paint *p, const struct screen_mode *mode,
                const paint_glyph *font, struct paint_out out);
/* grid: exactly p->columns by p->rows. */
void paint_show(struct paint *p, const struct grid *grid);

#endif
