/* SPDX-License-Identifier: MIT
 *
 * See bootscreen.h. Pixels must be of 15, 16, 24 or 32 bits with a place for
 * each of three colours; a palette would have to be programmed into a VGA
 * that may not be there, so it counts as no screen. Text is what VGA has:
 * two bytes a cell.
 *
 * Without a word from the loader the BIOS data area tells the video mode that
 * was set last: 2, 3 and 7 are text of 80 columns, the last one on a
 * monochrome adapter. It says how many rows there are too, in a byte younger
 * than the others, so that only plausible values are taken.
 *
 * Multiboot 0.6.96 section 3.3; Multiboot2 2.0 section 3.6.12; IBM VGA XGA
 * Technical Reference, section 2 (modes); IBM PS/2 and PC BIOS Interface
 * Technical Reference, BIOS data area 40:49, 40:84.
 */
#include "vmm/vm/bootscreen.h"
#include "arch/x86/defs/multiboot.h"
#include "arch/x86/defs/ports.h"
#include "vmm/base/bits.h"

#define SIDE_MAX   16384 /* pixels or cells in a row or column */
#define PITCH_MAX  (1u << 18)
#define ADDR_MAX   BIT64(52) /* SDM vol. 3A 4.1.4: no processor has more */
#define CELL_BYTES 2
#define COLOUR_MAX 16

#define BDA_MODE   0x449
#define BDA_ROWS   0x484 /* the last row's number: EGA and later */
#define MODE_BW80  2
#define MODE_CO80  3
#define MODE_MONO  7
#define TEXT_WIDTH 80
#define TEXT_ROWS  25
#define ROWS_MIN   25
#define ROWS_MAX   60
#define TEXT_PITCH (TEXT_WIDTH * CELL_BYTES)

static const struct screen_mode none;

static bool fits(const struct screen_mode *s, u32 cell)
{
    u64 size = (u64)s->pitch * s->height;

    return s->width && s->width <= SIDE_MAX && s->height &&
           s->height <= SIDE_MAX && s->pitch <= PITCH_MAX &&
           s->pitch >= s->width * cell && s->at.v && s->at.v < ADDR_MAX &&
           size <= ADDR_MAX - s->at.v;
}

static bool colour(struct screen_colour *c, const u8 *rgb, u32 depth)
{
    *c = (struct screen_colour){rgb[0], rgb[1]};
    return c->bits && c->bits <= COLOUR_MAX && c->at + c->bits <= depth;
}

static bool overlap(struct screen_colour a, struct screen_colour b)
{
    return a.at < b.at + b.bits && b.at < a.at + a.bits;
}

static bool colours(struct screen_mode *s, const u8 *rgb)
{
    if (!rgb || !colour(&s->red, rgb, s->depth) ||
        !colour(&s->green, rgb + 2, s->depth) ||
        !colour(&s->blue, rgb + 4, s->depth))
        return false;
    return !overlap(s->red, s->green) && !overlap(s->green, s->blue) &&
           !overlap(s->red, s->blue);
}

static struct screen_mode pixels(struct screen_mode s, const u8 *rgb)
{
    s.kind = SCREEN_PIXELS;
    if (s.depth != 15 && s.depth != 16 && s.depth != 24 && s.depth != 32)
        return none;
    return fits(&s, (s.depth + 7) / 8) && colours(&s, rgb) ? s : none;
}

/* The loader's depth is that of a cell, which nobody needs. */
static struct screen_mode text(struct screen_mode s)
{
    s.kind = SCREEN_TEXT;
    s.depth = 0;
    return fits(&s, CELL_BYTES) ? s : none;
}

struct screen_mode bootscreen_named(const u8 *fields, const u8 *rgb)
{
    struct screen_mode s = {
        .at = hpa(get_le64(fields + MB_SCREEN_AT)),
        .pitch = get_le32(fields + MB_SCREEN_PITCH),
        .width = get_le32(fields + MB_SCREEN_WIDTH),
        .height = get_le32(fields + MB_SCREEN_HEIGHT),
        .depth = fields[MB_SCREEN_DEPTH],
    };

    switch (fields[MB_SCREEN_TYPE]) {
    case MB_TYPE_RGB:
        return pixels(s, rgb);
    case MB_TYPE_TEXT:
        return text(s);
    }
    return none;
}

struct screen_mode bootscreen_guess(const struct boot_view *view)
{
    const u8 *mode = view->at(view->ctx, hpa(BDA_MODE), 1);
    const u8 *last = view->at(view->ctx, hpa(BDA_ROWS), 1);
    u32 rows = last ? *last + 1u : TEXT_ROWS;

    if (!mode ||
        (*mode != MODE_BW80 && *mode != MODE_CO80 && *mode != MODE_MONO))
        return none;
    return (struct screen_mode){
        .kind = SCREEN_TEXT,
        .at = hpa(*mode == MODE_MONO ? VGA_TEXT_MONO : VGA_TEXT),
        .width = TEXT_WIDTH,
        .height = rows >= ROWS_MIN && rows <= ROWS_MAX ? rows : TEXT_ROWS,
        .pitch = TEXT_PITCH,
    };
}
