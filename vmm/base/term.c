/* SPDX-License-Identifier: MIT
 *
 * See term.h. Every byte is one step of a machine with three states; each
 * step touches the cursor's line, and a line feed on the last row one line
 * more. Cursor and parameters are cut to the screen before they are used, so
 * no text, however hostile, reaches beyond it.
 *
 * Colours: SGR counts red, green, blue as bits 0, 1, 2; VGA as 2, 1, 0. Bold
 * is bright. Reverse swaps when a character is written, so that colours can
 * change below it.
 *
 * LIMIT: bytes from 0x80 up are code page 437, not UTF-8. No tab stops but
 * every eighth column, no scrolling regions, no modes.
 *
 * ECMA-48, sections 8.3.9 (CHA), 8.3.18 to 8.3.22 (CUB, CUD, CUF, CUP, CUU),
 * 8.3.39 (ED), 8.3.41 (EL), 8.3.63 (HVP), 8.3.117 (SGR).
 */
#include "vmm/base/term.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"

#define BS        0x08
#define TAB       0x09
#define LF        0x0a
#define CR        0x0d
#define ESC       0x1b
#define DEL       0x7f
#define TAB_STOPS 8

/* Below it: intermediate bytes of an escape sequence of three or more. */
#define INTERMEDIATES_END '0'

#define PARAM_MAX 9999

#define FORE    0x0f
#define BACK    0x70
#define BACK_AT 4

static u16 *line_of(struct term *t, u32 row)
{
    return t->line[(t->top + row) % TERM_LINES];
}

static void blank(u16 *cell, u32 count, u16 with)
{
    for (u32 i = 0; i < count; i++)
        cell[i] = with;
}

void term_init(struct term *t, u32 columns, u32 rows)
{
    memset(t, 0, sizeof(*t));
    t->attr = CELL_NORMAL;
    for (u32 i = 0; i < TERM_LINES; i++)
        blank(t->line[i], GRID_COLUMNS, CELL_BLANK);
    t->columns = max_u32(1, min_u32(columns, GRID_COLUMNS));
    t->rows = max_u32(1, min_u32(rows, GRID_ROWS));
}

/* The first row becomes a kept line; the last one is the ring's oldest. */
static void scroll(struct term *t)
{
    t->top++;
    t->kept = min_u32(t->kept + 1, TERM_LINES - t->rows);
    if (t->back)
        t->back = min_u32(t->back + 1, t->kept);
    blank(line_of(t, t->rows - 1), GRID_COLUMNS, CELL_BLANK);
}

void term_resize(struct term *t, u32 columns, u32 rows)
{
    u32 up;

    columns = max_u32(1, min_u32(columns, GRID_COLUMNS));
    rows = max_u32(1, min_u32(rows, GRID_ROWS));
    t->columns = columns;
    t->column = min_u32(t->column, columns);
    t->back = 0;
    for (; t->row >= rows; t->row--) {
        t->top++;
        t->kept++;
    }
    up = rows > t->rows ? min_u32(t->kept, rows - t->rows) : 0;
    t->top -= up;
    t->kept = min_u32(t->kept - up, TERM_LINES - rows);
    t->row += up;
    t->rows = rows;
    for (u32 row = t->row + 1; row < rows; row++)
        blank(line_of(t, row), GRID_COLUMNS, CELL_BLANK);
}

static void line_feed(struct term *t)
{
    if (t->row + 1 < t->rows)
        t->row++;
    else
        scroll(t);
}

static u8 attribute(const struct term *t)
{
    u8 fore = t->attr & FORE, back = (t->attr & BACK) >> BACK_AT;

    if (!t->reverse)
        return t->attr | t->bright;
    return (u8)((fore & ~CELL_BRIGHT) << BACK_AT | back | t->bright);
}

static void put(struct term *t, u8 c)
{
    if (t->column >= t->columns) {
        t->column = 0;
        line_feed(t);
    }
    line_of(t, t->row)[t->column++] = (u16)(attribute(t) << 8 | c);
}

/* To the next stop; what is there stays. */
static void tab(struct term *t)
{
    u32 next = (t->column / TAB_STOPS + 1) * TAB_STOPS;

    t->column = min_u32(next, t->columns - 1);
}

static void control(struct term *t, u8 c)
{
    switch (c) {
    case CR:
        t->column = 0;
        break;
    case LF:
        line_feed(t);
        break;
    case BS:
        t->column -= t->column > 0;
        break;
    case TAB:
        tab(t);
        break;
    case ESC:
        t->state = TERM_ESCAPE;
        break;
    }
}

static void begin_csi(struct term *t)
{
    t->state = TERM_CSI;
    t->params = 0;
    t->private = 0;
    memset(t->param, 0, sizeof(t->param));
}

static u8 colour(u32 sgr)
{
    return (u8)((sgr & 1) << 2 | (sgr & 2) | sgr >> 2);
}

static void set_fore(struct term *t, u32 value)
{
    t->attr = (u8)((t->attr & ~FORE) | value);
}

static void set_back(struct term *t, u32 value)
{
    t->attr = (u8)((t->attr & ~BACK) | value << BACK_AT);
}

static void rendition(struct term *t, u32 n)
{
    if (n == 0) {
        t->attr = CELL_NORMAL;
        t->reverse = t->bright = 0;
    } else if (n == 1 || n == 22) {
        t->bright = n == 1 ? CELL_BRIGHT : 0;
    } else if (n == 7 || n == 27) {
        t->reverse = n == 7;
    } else if (n >= 30 && n <= 37) {
        set_fore(t, colour(n - 30));
    } else if (n == 39) {
        set_fore(t, CELL_NORMAL);
    } else if (n >= 40 && n <= 47) {
        set_back(t, colour(n - 40));
    } else if (n == 49) {
        set_back(t, 0);
    } else if (n >= 90 && n <= 97) {
        set_fore(t, colour(n - 90) | CELL_BRIGHT);
    }
}

/* What follows 38 and 48 is a colour of a larger palette. */
static void renditions(struct term *t)
{
    for (u32 i = 0; i <= t->params; i++) {
        if (t->param[i] == 38 || t->param[i] == 48)
            return;
        rendition(t, t->param[i]);
    }
}

/* From cell `from` of the screen to `to`, exclusive. */
static void erase(struct term *t, u32 from, u32 to)
{
    for (u32 i = from; i < to; i++)
        line_of(t, i / t->columns)[i % t->columns] = CELL_BLANK;
}

static void erase_part(struct term *t, u32 how, u32 first, u32 end)
{
    u32 here = t->row * t->columns + min_u32(t->column, t->columns - 1);

    if (how == 0)
        erase(t, here, end);
    else if (how == 1)
        erase(t, first, here + 1);
    else if (how == 2)
        erase(t, first, end);
}

static void move_to(struct term *t, u32 row, u32 column)
{
    t->row = min_u32(row, t->rows - 1);
    t->column = min_u32(column, t->columns - 1);
}

static u32 less(u32 a, u32 b)
{
    return a > b ? a - b : 0;
}

/* The sequence is complete: `final` says which it is. */
static void finish_csi(struct term *t, u8 final)
{
    u32 n = max_u32(t->param[0], 1), row = t->row, column = t->column;

    switch (final) {
    case 'A':
        move_to(t, less(row, n), column);
        break;
    case 'B':
        move_to(t, row + n, column);
        break;
    case 'C':
        move_to(t, row, column + n);
        break;
    case 'D':
        move_to(t, row, less(min_u32(column, t->columns - 1), n));
        break;
    case 'G':
        move_to(t, row, n - 1);
        break;
    case 'H':
    case 'f':
        move_to(t, n - 1, max_u32(t->param[1], 1) - 1);
        break;
    case 'J':
        erase_part(t, t->param[0], 0, t->rows * t->columns);
        break;
    case 'K':
        erase_part(t, t->param[0], row * t->columns, (row + 1) * t->columns);
        break;
    case 'm':
        renditions(t);
        break;
    }
}

static void csi_byte(struct term *t, u8 c)
{
    u32 *param = &t->param[t->params];

    if (c >= '0' && c <= '9') {
        *param = min_u32(*param * 10 + (c - '0'), PARAM_MAX);
    } else if (c == ';' && t->params < TERM_PARAMS - 1) {
        t->params++;
    } else if (c >= '@') {
        t->state = TERM_TEXT;
        if (!t->private)
            finish_csi(t, c);
    } else {
        t->private = 1;
    }
}

static void byte_in(struct term *t, u8 c)
{
    if (c < ' ') {
        t->state = TERM_TEXT;
        control(t, c);
        return;
    }
    switch (t->state) {
    case TERM_ESCAPE:
        if (c == '[')
            begin_csi(t);
        else if (c >= INTERMEDIATES_END)
            t->state = TERM_TEXT;
        break;
    case TERM_CSI:
        csi_byte(t, c);
        break;
    default:
        if (c != DEL)
            put(t, c);
    }
}

void term_write(struct term *t, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        byte_in(t, (u8)text[i]);
}

void term_back(struct term *t, int lines)
{
    int back = (int)t->back + lines;

    t->back = back < 0 ? 0 : min_u32((u32)back, t->kept);
}

void term_show(const struct term *t, struct grid *grid)
{
    u32 row = t->row + t->back;

    grid->columns = t->columns;
    grid->rows = t->rows;
    for (u32 i = 0; i < t->rows; i++)
        memcpy(&grid->cell[i * t->columns],
               t->line[(t->top - t->back + i) % TERM_LINES],
               t->columns * sizeof(u16));
    grid->cursor = row < t->rows
                       ? row * t->columns + min_u32(t->column, t->columns - 1)
                       : GRID_NONE;
}
