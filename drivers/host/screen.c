/* SPDX-License-Identifier: MIT
 *
 * The screen: the console's text, or a guest's VGA, in cells or pixels.
 *
 * Text is kept in a terminal of its own from the first byte on, whether there
 * is a screen yet or not. It is painted at once while the VMM boots, so that a
 * boot that stops says where. When the first tick has come, others will, and
 * from then on they paint: a guest that prints a thousand lines between two
 * ticks costs one painting. After the last word (power-off, panic) the screen
 * is painted anew from nothing, once, whatever it showed and wherever a
 * painting was interrupted. A panic that is longer than the screen shows its
 * beginning, where the cause is.
 *
 * A loader that names no screen may still have left one: a VGA in text mode
 * is recognised by its registers.
 *
 * LIMIT: a VGA that was in a graphics mode without the loader saying so
 * stays dark.
 *
 * IBM VGA technical reference: CRT controller, graphics controller.
 */
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/layout.h"
#include "drivers/host/host.h"
#include "vmm/base/str.h"
#include "vmm/base/term.h"

#define PORT_MISC_READ 0x3cc
#define PORT_GFX_INDEX 0x3ce
#define PORT_GFX_DATA  0x3cf
#define GFX_MISC       6
#define GFX_GRAPHICS   0x01
#define CRTC_CURSOR_1  0x0a /* first line; bit 5 hides it */
#define CRTC_CURSOR_2  0x0b
#define CRTC_START     0x0c /* and the next */
#define CRTC_CURSOR    0x0e /* and the next */
#define CURSOR_FIRST   14
#define CURSOR_LAST    15
#define ABSENT         0xff

#define USUAL_COLUMNS 80
#define USUAL_ROWS    25
#define PAINT_NS      15000000ull /* between two paintings of the console */

static struct term term;
static struct paint paint;
static struct grid grid;
static struct screen_mode mode;
static u8 *memory;
static bool known;   /* host_screen_init() was there */
static bool present; /* `paint` can paint */
static bool ticking; /* ticks come: paint when they do */
static bool stale;   /* the console has text that is not painted */
static bool away;    /* a guest is shown */
static bool over;    /* nothing will be painted any more */
static u64 painted;  /* when */
static bool panic;   /* a panic has begun, ... */
static u32 cause;    /* ... on this line of the terminal */

static void write(void *ctx, u64 offset, const void *from, u32 bytes)
{
    memcpy(memory + offset, from, bytes);
}

static void crtc(u8 index, u8 value)
{
    outb(PORT_CRTC_INDEX, index);
    outb(PORT_CRTC_DATA, value);
}

static void crtc_pair(u8 index, u16 value)
{
    crtc(index, (u8)(value >> 8));
    crtc(index + 1, (u8)value);
}

/* The painter draws cells; the cursor of a text mode is the card's. */
static void show(void)
{
    paint_show(&paint, &grid);
    if (mode.kind == SCREEN_TEXT)
        crtc_pair(CRTC_CURSOR, (u16)(grid.cursor < paint.columns * paint.rows
                                         ? grid.cursor
                                         : paint.columns * paint.rows));
}

static void show_console(void)
{
    stale = false;
    if (!present || over)
        return;
    painted = ticking ? arch_now_ns() : 0;
    term_show(&term, &grid);
    show();
}

static void need_term(void)
{
    if (!term.columns)
        term_init(&term, USUAL_COLUMNS, USUAL_ROWS);
}

static bool vga_in_text_mode(void)
{
    if (inb(PORT_MISC_READ) == ABSENT)
        return false;
    outb(PORT_GFX_INDEX, GFX_MISC);
    return !(inb(PORT_GFX_DATA) & GFX_GRAPHICS);
}

static void start(void)
{
    if (mode.kind == SCREEN_TEXT) {
        crtc_pair(CRTC_START, 0);
        crtc(CRTC_CURSOR_1, CURSOR_FIRST);
        crtc(CRTC_CURSOR_2, CURSOR_LAST);
    }
    present =
        paint_init(&paint, &mode, host_font, (struct paint_out){write, NULL});
}

void host_screen_init(const struct screen_mode *found, void *where)
{
    known = true;
    mode = *found;
    memory = where;
    if (mode.kind == SCREEN_NONE && vga_in_text_mode()) {
        mode = (struct screen_mode){.kind = SCREEN_TEXT,
                                    .at = hpa(VGA_TEXT),
                                    .width = USUAL_COLUMNS,
                                    .height = USUAL_ROWS,
                                    .pitch = USUAL_COLUMNS * sizeof(u16)};
        memory = physmap(mode.at);
    }
    start();
    if (!present)
        return;
    need_term();
    term_resize(&term, paint.columns, paint.rows);
    show_console();
}

/* "\n" in the VMM's own text is a new line. */
void host_screen_write(const char *text, size_t len)
{
    static char last;

    need_term();
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' && last != '\r')
            term_write(&term, "\r", 1);
        last = text[i];
        term_write(&term, &last, 1);
    }
    stale = true;
    if (!ticking && !away)
        show_console();
}

void host_screen_tick(void)
{
    ticking = true;
    if (stale && !away && arch_now_ns() - painted >= PAINT_NS)
        show_console();
}

/* A panic may come before the screen was looked for. */
void host_screen_last(void)
{
    static const struct screen_mode none;

    if (over)
        return;
    over = true; /* a fault in here ends here as well */
    if (!known)
        host_screen_init(&none, NULL);
    if (!present)
        return;
    start();
    need_term();
    term_resize(&term, paint.columns, paint.rows);
    if (panic)
        term_back(&term, (int)(term.top - cause));
    term_show(&term, &grid);
    show();
}

void arch_screen_panic(void)
{
    need_term();
    panic = true;
    cause = term.top + term.row;
}

void arch_screen_show(const u16 *cells, u32 cursor, const char *title)
{
    away = cells;
    if (!away) {
        show_console();
        return;
    }
    if (!present || over)
        return;
    grid.columns = paint.columns;
    grid.rows = paint.rows;
    grid_place(&grid, cells, USUAL_COLUMNS, USUAL_ROWS, cursor, title);
    show();
}

void arch_screen_back(int lines)
{
    term_back(&term, lines);
    if (!away)
        show_console();
}
