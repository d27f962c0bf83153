/* SPDX-License-Identifier: MIT
 *
 * The monitor's commands about a guest's screen and keyboard.
 *
 * `screen` prints the VGA text of a guest, so that it can be read over a
 * serial line as well, and turns the real screen to it. The cells are the
 * guest's: what is no plain character is printed as a point, or as the ASCII
 * that is nearest to a line. `type` presses keys of a US keyboard; they wait
 * in the queue before the guest's keyboard, and a text that is longer than
 * that is cut at a whole key, with a sentence that says where.
 */
#include "vmm/vm/monitor_impl.h"

#define PRINTABLE 0x20
#define DELETE    0x7f

/* Lines and boxes of code page 437 from 0xb0 to 0xdf, in ASCII. */
static const char lines[] = "...|++++++|+++++"
                            "++++-++++++++-++"
                            "+++++++++++#_||-";
#define LINES_FIRST 0xb0

static char ascii(u16 cell)
{
    u8 c = (u8)cell;

    if (c >= PRINTABLE && c < DELETE)
        return (char)c;
    if (c >= LINES_FIRST && c - LINES_FIRST < (int)sizeof(lines) - 1)
        return lines[c - LINES_FIRST];
    return c == 0 || c == 0xff ? ' ' : '.';
}

/* A row without the blanks at its end; how long it is. */
static u32 row_text(const u16 *cells, char *text)
{
    u32 len = 0;

    for (u32 i = 0; i < VGA_COLUMNS; i++) {
        text[i] = ascii(cells[i]);
        if (text[i] != ' ')
            len = i + 1;
    }
    return len;
}

/* Empty rows at the end are left out. */
static void print_screen(const struct monitor_args *args)
{
    u16 cells[VGA_CELLS];
    char text[VGA_COLUMNS];
    u32 rows = 0;

    vga_screen(&args->vm->pc.vga, cells);
    for (u32 i = 0; i < VGA_ROWS; i++) {
        if (row_text(cells + i * VGA_COLUMNS, text))
            rows = i + 1;
    }
    for (u32 i = 0; i < rows; i++) {
        u32 len = row_text(cells + i * VGA_COLUMNS, text);
        say(args, "%.*s", len ? (int)len : 1, text); /* nothing is no line */
    }
    if (!rows)
        say(args, "The screen of %s is empty.", args->vm->config.name);
}

void monitor_screen(const struct monitor_args *args)
{
    if (args->vm)
        print_screen(args);
    view_show(args->hv, args->vm ? args->vm->slot + 1 : VIEW_CONSOLE);
}

/* The next character of the text; \n and \\ are one. */
static char next_char(struct slice *text)
{
    bool escape = text->len > 1 && text->at[0] == '\\';
    char c = text->at[escape];

    text->at += 1 + escape;
    text->len -= 1 + escape;
    return escape && c == 'n' ? '\n' : c;
}

void monitor_type(const struct monitor_args *args)
{
    struct slice text = {args->rest.at + 1, args->rest.len - 1};

    while (text.len) {
        struct slice before = text;
        if (view_type(args->hv, args->vm->slot, next_char(&text)))
            continue;
        say(args,
            "The keyboard of %s holds no more; it did not get \"%.*s\". Type "
            "the rest when the guest has read its keys.",
            args->vm->config.name, (int)before.len, before.at);
        return;
    }
}
