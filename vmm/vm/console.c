/* SPDX-License-Identifier: MIT
 *
 * See console.h. The terminal's last line is in one of three states: empty
 * (cursor in column 0), the monitor's prompt with what was typed, or the
 * unfinished line of one guest. Whoever wants to print first brings it to
 * "empty": the prompt is erased, to be redrawn behind the output; a guest's
 * unfinished line is ended, and will be repeated whole when it goes on.
 *
 * Attached, the guest's own bytes go straight out; lines of the others still
 * come whole, on lines of their own.
 */
#include "vmm/vm/console.h"
#include "vmm/base/bits.h"
#include "vmm/base/check.h"
#include "vmm/base/str.h"

#define PROMPT    "trapline> "
#define ERASE     "\r\x1b[K"
#define BACKSPACE 0x08
#define DELETE    0x7f
#define CTRL_C    0x03
#define CTRL_U    0x15
#define PRINTABLE 0x20
#define SHOWN     UINT64_MAX /* a line's `since` when nothing waits */

static void put(struct console *c, const char *text, size_t len)
{
    c->out.put(c->out.ctx, text, len);
}

static void put_text(struct console *c, const char *text)
{
    put(c, text, str_len(text));
}

void console_init(struct console *c, struct sink out)
{
    memset(c, 0, sizeof(*c));
    c->out = out;
    c->attached = -1;
    c->last = -1;
}

/* The cursor to column 0 of an empty line. */
static void clear_last(struct console *c)
{
    if (c->prompt)
        put_text(c, ERASE);
    if (c->last >= 0) {
        c->line[c->last].shown = 0;
        put_text(c, "\r\n");
    }
    c->last = -1;
}

static void redraw(struct console *c)
{
    if (!c->prompt)
        return;
    put_text(c, PROMPT);
    put(c, c->input, c->input_len);
}

void console_prompt(struct console *c)
{
    clear_last(c);
    c->prompt = true;
    redraw(c);
}

void console_write(struct console *c, const char *text, size_t len)
{
    clear_last(c);
    for (size_t i = 0, n; i < len; i += n) {
        for (n = 0; i + n < len && text[i + n] != '\n';)
            n++;
        put(c, text + i, n);
        put_text(c, "\r\n");
        n += i + n < len;
    }
    redraw(c);
}

void console_print(struct console *c, const char *format, ...)
{
    char text[600];
    va_list args;
    size_t len;

    va_start(args, format);
    len = fmt_vbuf(text, sizeof(text), format, args);
    va_end(args);
    console_write(c, text, min_u64(len, sizeof(text) - 1));
}

void console_add(struct console *c, u32 slot, const char *name)
{
    struct console_line *l = &c->line[slot];

    CHECK(slot < CONSOLE_SLOTS);
    *l = (struct console_line){.used = true, .since = SHOWN};
    str_copy(l->name, sizeof(l->name), name);
}

/* Shows the line as far as it has come; what is on the screen stays. */
static void show(struct console *c, u32 slot)
{
    struct console_line *l = &c->line[slot];

    if (c->last != (int)slot) {
        clear_last(c);
        fmt_sink(&c->out, "[%s] ", l->name);
        l->shown = 0;
    }
    put(c, l->text + l->shown, l->len - l->shown);
    l->shown = l->len;
    l->since = SHOWN;
    c->last = (int)slot;
}

static void end_line(struct console *c, u32 slot)
{
    struct console_line *l = &c->line[slot];

    show(c, slot);
    put_text(c, "\r\n");
    c->last = -1;
    l->len = l->shown = 0;
    redraw(c);
}

void console_remove(struct console *c, u32 slot)
{
    CHECK(slot < CONSOLE_SLOTS);
    if (c->attached == (int)slot)
        console_detach(c);
    if (c->line[slot].len)
        end_line(c, slot);
    c->line[slot].used = false;
}

/* A byte into the line buffer, in a form that cannot move the cursor. */
static void collect(struct console_line *l, u8 byte)
{
    static const char hex[] = "0123456789abcdef";

    if (byte >= PRINTABLE && byte != DELETE) {
        l->text[l->len++] = (char)byte;
        return;
    }
    l->text[l->len++] = '\\';
    l->text[l->len++] = 'x';
    l->text[l->len++] = hex[byte >> 4];
    l->text[l->len++] = hex[byte & 15];
}

static void erase_one(struct console *c, u32 slot)
{
    struct console_line *l = &c->line[slot];

    if (!l->len)
        return;
    l->len--;
    if (c->last == (int)slot && l->shown > l->len) {
        l->shown = l->len;
        put_text(c, "\b \b");
    }
}

void console_guest(struct console *c, u32 slot, u8 byte, u64 now)
{
    struct console_line *l = &c->line[slot];

    CHECK(slot < CONSOLE_SLOTS);
    if (c->attached == (int)slot) {
        char raw = (char)byte;
        if (c->last >= 0)
            clear_last(c);
        put(c, &raw, 1);
        return;
    }
    switch (byte) {
    case '\r':
        return;
    case '\n':
        end_line(c, slot);
        return;
    case BACKSPACE:
        erase_one(c, slot);
        return;
    case '\t':
        byte = ' ';
        break;
    }
    if (l->since == SHOWN)
        l->since = now;
    collect(l, byte);
    if (l->len > CONSOLE_LINE - 5)
        end_line(c, slot);
}

/* The unfinished line as a line of its own, above the prompt. */
static void show_above(struct console *c, u32 slot)
{
    struct console_line *l = &c->line[slot];

    clear_last(c);
    fmt_sink(&c->out, "[%s] %.*s\r\n", l->name, (int)l->len, l->text);
    l->since = SHOWN;
    redraw(c);
}

void console_tick(struct console *c, u64 now)
{
    for (u32 i = 0; i < CONSOLE_SLOTS; i++) {
        const struct console_line *l = &c->line[i];
        if (!l->used || l->since == SHOWN ||
            now < l->since + CONSOLE_PARTIAL_NS)
            continue;
        if (c->prompt || c->attached >= 0)
            show_above(c, i);
        else
            show(c, i);
    }
}

u64 console_deadline(const struct console *c)
{
    u64 first = UINT64_MAX;

    for (u32 i = 0; i < CONSOLE_SLOTS; i++) {
        const struct console_line *l = &c->line[i];
        if (l->used && l->since != SHOWN)
            first = min_u64(first, l->since + CONSOLE_PARTIAL_NS);
    }
    return first;
}

void console_attach(struct console *c, u32 slot)
{
    struct console_line *l = &c->line[slot];

    CHECK(slot < CONSOLE_SLOTS);
    clear_last(c);
    c->prompt = false;
    c->attached = (int)slot;
    fmt_sink(&c->out, "attached to %s; Ctrl-] leaves\r\n", l->name);
    put(c, l->text, l->len);
    l->len = l->shown = 0;
    l->since = SHOWN;
}

void console_detach(struct console *c)
{
    c->attached = -1;
    put_text(c, "\r\n");
}

static bool line_done(struct console *c, const char **line)
{
    c->input[c->input_len] = 0;
    *line = c->input;
    c->input_len = 0;
    c->prompt = false;
    put_text(c, "\r\n");
    return true;
}

static void drop_input(struct console *c, u32 count)
{
    for (; count && c->input_len; count--) {
        c->input_len--;
        put_text(c, "\b \b");
    }
}

bool console_key(struct console *c, u8 byte, const char **line)
{
    if (byte == '\r' || byte == '\n')
        return line_done(c, line);
    if (byte == BACKSPACE || byte == DELETE) {
        drop_input(c, 1);
    } else if (byte == CTRL_U || byte == CTRL_C) {
        drop_input(c, c->input_len);
    } else if (byte >= PRINTABLE && c->input_len < sizeof(c->input) - 1) {
        c->input[c->input_len++] = (char)byte;
        put(c, &c->input[c->input_len - 1], 1);
    }
    return false;
}
