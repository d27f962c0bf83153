/* SPDX-License-Identifier: MIT
 *
 * See paint.h. A screen of pixels shows at least 80 by 25 characters where it
 * can, magnified by as much as still lets them fit, and more of them where
 * there is room beside; the picture stands in the middle. A cell is drawn
 * line by line: eight pixels, magnified, put together in a buffer and written
 * at once, `scale` times below one another.
 *
 * Scrolling changes all cells, but text is mostly air: a line of a glyph that
 * is empty before and after costs nothing, nor does a blank behind a blank.
 *
 * LIMIT: attribute bit 7 is ignored: nothing blinks. The colours are those of
 * a VGA's power-on palette, whatever a guest has loaded. A screen of fewer
 * than 640 by 400 pixels shows fewer than 80 by 25 characters.
 */
#include "vmm/base/paint.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"

#define USUAL_WIDTH  (80 * PAINT_GLYPH_WIDTH)
#define USUAL_HEIGHT (25 * PAINT_GLYPH_HEIGHT)
#define PIXEL_MAX    4u /* bytes */
#define LINE_MAX     (PAINT_GLYPH_WIDTH * PAINT_SCALE_MAX * PIXEL_MAX)
#define CURSOR_LINES 2
#define COLOUR_BITS  8

#define FORE(attr) ((attr)&0x0f)
#define BACK(attr) ((attr) >> 4 & 0x07)

/* 0xRRGGBB */
static const u32 palette[16] = {0x000000, 0x0000aa, 0x00aa00, 0x00aaaa,
                                0xaa0000, 0xaa00aa, 0xaa5500, 0xaaaaaa,
                                0x555555, 0x5555ff, 0x55ff55, 0x55ffff,
                                0xff5555, 0xff55ff, 0xffff55, 0xffffff};

static u32 channel(u32 rgb, u32 shift, struct screen_colour c)
{
    u32 value = rgb >> shift & 0xff;

    value = c.bits < COLOUR_BITS ? value >> (COLOUR_BITS - c.bits)
                                 : value << (c.bits - COLOUR_BITS);
    return value << c.at;
}

static u32 pixel_bytes(const struct screen_mode *mode)
{
    return (mode->depth + 7) / 8;
}

static u32 cell_width(const struct paint *p)
{
    return PAINT_GLYPH_WIDTH * p->scale;
}

static u32 cell_height(const struct paint *p)
{
    return PAINT_GLYPH_HEIGHT * p->scale;
}

static void write(struct paint *p, u64 offset, const void *from, u32 bytes)
{
    p->out.write(p->out.ctx, offset, from, bytes);
}

static void clear_pixels(struct paint *p)
{
    const struct screen_mode *m = &p->mode;
    static const u8 black[LINE_MAX];
    u32 width = m->width * pixel_bytes(m);

    for (u32 y = 0; y < m->height; y++) {
        for (u32 x = 0; x < width; x += LINE_MAX)
            write(p, (u64)y * m->pitch + x, black,
                  min_u32(LINE_MAX, width - x));
    }
    memset(p->shown, 0, sizeof(p->shown));
}

/* The margins are even and whole glyphs wide: aligned writes are quicker. */
static void lay_out_pixels(struct paint *p)
{
    const struct screen_mode *m = &p->mode;
    u32 fit = min_u32(m->width / USUAL_WIDTH, m->height / USUAL_HEIGHT);
    u32 left, above;

    p->scale = max_u32(1, min_u32(fit, PAINT_SCALE_MAX));
    p->columns = min_u32(m->width / cell_width(p), GRID_COLUMNS);
    p->rows = min_u32(m->height / cell_height(p), GRID_ROWS);
    left = (m->width - p->columns * cell_width(p)) / 2;
    above = (m->height - p->rows * cell_height(p)) / 2;
    left -= left % PAINT_GLYPH_WIDTH;
    p->origin = (u64)above * m->pitch + left * pixel_bytes(m);
}

static void init_pixels(struct paint *p)
{
    const struct screen_mode *m = &p->mode;

    for (u32 i = 0; i < ARRAY_LEN(palette); i++)
        p->pixel[i] = channel(palette[i], 16, m->red) |
                      channel(palette[i], 8, m->green) |
                      channel(palette[i], 0, m->blue);
    lay_out_pixels(p);
    clear_pixels(p);
}

/* Cells that stand in one row. */
static void put_text(struct paint *p, u32 index, const u16 *cell, u32 count)
{
    u32 row = index / p->columns, column = index % p->columns;

    write(p, (u64)row * p->mode.pitch + column * sizeof(*cell), cell,
          count * (u32)sizeof(*cell));
    memcpy(&p->shown[index], cell, count * sizeof(*cell));
}

static void init_text(struct paint *p)
{
    static const u16 blank = CELL_BLANK;

    p->columns = min_u32(p->mode.width, GRID_COLUMNS);
    p->rows = min_u32(p->mode.height, GRID_ROWS);
    for (u32 i = 0; i < p->columns * p->rows; i++)
        put_text(p, i, &blank, 1);
}

bool paint_init(struct paint *p, const struct screen_mode *mode,
                const paint_glyph *font, struct paint_out out)
{
    memset(p, 0, sizeof(*p));
    p->mode = *mode;
    p->out = out;
    p->font = font;
    p->cursor = GRID_NONE;
    if (mode->kind == SCREEN_TEXT)
        init_text(p);
    else if (mode->kind == SCREEN_PIXELS)
        init_pixels(p);
    return p->columns && p->rows;
}

/* Line y of a cell: which pixels, in which colours. */
struct line {
    u8 bits, fore, back;
};

static struct line line_of(const struct paint *p, u16 cell, bool cursor, u32 y)
{
    u8 bits = p->font[cell & 0xff][y];
    u8 attr = (u8)(cell >> 8);

    if (cursor && y >= PAINT_GLYPH_HEIGHT - CURSOR_LINES)
        bits = 0xff;
    return (struct line){bits, FORE(attr), BACK(attr)};
}

static bool alike(struct line a, struct line b)
{
    return a.bits == b.bits && (a.fore == b.fore || a.bits == 0) &&
           (a.back == b.back || a.bits == 0xff);
}

static void draw_line(struct paint *p, u64 at, struct line line)
{
    u32 size = pixel_bytes(&p->mode), bytes = cell_width(p) * size;
    u8 buffer[LINE_MAX];
    u8 *to = buffer;

    for (u32 x = 0; x < PAINT_GLYPH_WIDTH; x++) {
        u32 colour = p->pixel[line.bits << x & 0x80 ? line.fore : line.back];
        for (u32 i = 0; i < p->scale; i++, to += size) {
            for (u32 b = 0; b < size; b++)
                to[b] = (u8)(colour >> 8 * b);
        }
    }
    for (u32 i = 0; i < p->scale; i++)
        write(p, at + (u64)i * p->mode.pitch, buffer, bytes);
}

static void draw_cell(struct paint *p, u32 index, u16 cell, bool was, bool is)
{
    u64 at = p->origin +
             (u64)(index / p->columns) * cell_height(p) * p->mode.pitch +
             (u64)(index % p->columns) * cell_width(p) * pixel_bytes(&p->mode);
    u64 step = (u64)p->scale * p->mode.pitch;

    for (u32 y = 0; y < PAINT_GLYPH_HEIGHT; y++) {
        struct line line = line_of(p, cell, is, y);
        if (!alike(line_of(p, p->shown[index], was, y), line))
            draw_line(p, at + y * step, line);
    }
    p->shown[index] = cell;
}

/* Neighbours that have changed are written at once. */
static void show_text(struct paint *p, const struct grid *grid)
{
    for (u32 i = 0, n; i < p->columns * p->rows; i += max_u32(n, 1)) {
        u32 rest = p->columns - i % p->columns;
        for (n = 0; n < rest && p->shown[i + n] != grid->cell[i + n];)
            n++;
        if (n)
            put_text(p, i, &grid->cell[i], n);
    }
}

static void show_pixels(struct paint *p, const struct grid *grid)
{
    for (u32 i = 0; i < p->columns * p->rows; i++) {
        bool was = i == p->cursor, is = i == grid->cursor;
        if (p->shown[i] != grid->cell[i] || was != is)
            draw_cell(p, i, grid->cell[i], was, is);
    }
    p->cursor = grid->cursor;
}

void paint_show(struct paint *p, const struct grid *grid)
{
    if (grid->columns != p->columns || grid->rows != p->rows)
        return;
    if (p->mode.kind == SCREEN_TEXT)
        show_text(p, grid);
    else if (p->mode.kind == SCREEN_PIXELS)
        show_pixels(p, grid);
}
