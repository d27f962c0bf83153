/* SPDX-License-Identifier: MIT
 *
 * See console.h. The terminal's last row is in one of four states: empty
 * (cursor in column 0), the monitor's prompt with what was typed, the
 * unfinished line of one guest, or that of the guest which is attached.
 * Whoever wants to print first brings it to "empty": prompt and attached line
 * are erased, to be redrawn behind the output; another guest's unfinished
 * line is ended, and will be repeated whole when it goes on.
 *
 * Attached, the guest's own bytes go straight out; the line buffer keeps the
 * plain text among them, for redrawing.
 *
 * LIMIT: erasing reaches one row of the terminal; a guest's line that has
 * wrapped leaves its first rows behind. (The monitor's never wraps.)
 */
#include "vmm/vm/console.h"
#include "vmm/base/bits.h"
#include "vmm/base/check.h"
#include "vmm/base/str.h"

#define PROMPT    "trapline> "
#define ERASE     "\r\x1b[K"
#define BACKSPACE 0x08
#define DELETE    0x7f
#define ESCAPE    0x1b
#define PRINTABLE 0x20       /* to DELETE, exclusive */
#define NORMAL    "\x1b[0m"  /* colours off */
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
    lineedit_init(&c->edit, PROMPT);
}

static bool printable(u8 byte)
{
    return byte >= PRINTABLE && byte < DELETE;
}

enum { ESC_NONE, ESC_BEGUN, ESC_PARAMETERS };

/* Is the byte part of an escape sequence (ESC x, or ESC [ up to a letter)? A
 * control byte ends one that is broken off. */
static bool escaping(u8 *state, u8 byte)
{
    if (byte < PRINTABLE)
        *state = ESC_NONE;
    switch (*state) {
    case ESC_BEGUN:
        *state = byte == '[' || byte == 'O' ? ESC_PARAMETERS : ESC_NONE;
        return true;
    case ESC_PARAMETERS:
        if (byte >= '@')
            *state = ESC_NONE;
        return true;
    default:
        *state = byte == ESCAPE ? ESC_BEGUN : ESC_NONE;
        return *state != ESC_NONE;
    }
}

/* The cursor to column 0 of an empty line. */
static void clear_last(struct console *c)
{
    if (c->prompt || (c->attached >= 0 && c->line[c->attached].len))
        put_text(c, ERASE);
    if (c->last >= 0)
        put_text(c, "\r\n");
    c->last = -1;
}

static void redraw(struct console *c)
{
    if (c->attached >= 0) {
        const struct console_line *l = &c->line[c->attached];
        put(c, l->text, l->len);
    }
    if (c->prompt)
        lineedit_draw(&c->edit, &c->out);
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

void console_piece(struct console *c, const char *text, size_t len)
{
    if (!c->open)
        clear_last(c);
    for (size_t i = 0, n; i < len; i += n + 1) {
        for (n = 0; i + n < len && text[i + n] != '\n';)
            n++;
        put(c, text + i, n);
        if (i + n < len)
            put_text(c, "\r\n");
    }
    c->open = len && text[len - 1] != '\n';
    if (!c->open)
        redraw(c);
}

void console_print(struct console *c, const char *format, ...)
{
    char text[CONSOLE_PRINT];
    va_list args;
    size_t len;

    va_start(args, format);
    len = fmt_vbuf(text, sizeof(text), format, args);
    va_end(args);
    len = min_u64(len, sizeof(text) - 1);
    console_write(c, text, len);
    if (!c->log)
        return;
    textlog_put(c->log, text, len);
    textlog_put(c->log, "\n", 1);
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

void console_flush(struct console *c, u32 slot)
{
    struct console_line *l = &c->line[slot];

    CHECK(slot < CONSOLE_SLOTS);
    if (c->attached == (int)slot && l->len)
        put_text(c, "\r\n");
    else if (l->since != SHOWN)
        end_line(c, slot);
    else if (c->last == (int)slot)
        clear_last(c);
    l->len = l->shown = 0;
}

void console_remove(struct console *c, u32 slot)
{
    CHECK(slot < CONSOLE_SLOTS);
    console_flush(c, slot);
    if (c->attached == (int)slot)
        console_detach(c);
    c->line[slot].used = false;
}

/* A byte into the line buffer, in a form that cannot move the cursor. A line
 * that is full is ended first, so that one that just fits stays one. */
static void collect(struct console *c, u32 slot, u8 byte, u64 now)
{
    static const char hex[] = "0123456789abcdef";
    const char text[] = {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
    struct console_line *l = &c->line[slot];
    bool plain = printable(byte) || byte == '\t';
    u32 len = plain ? 1 : sizeof(text);

    if (l->len + len > CONSOLE_LINE)
        end_line(c, slot);
    if (plain)
        l->text[l->len] = (char)byte;
    else
        memcpy(l->text + l->len, text, sizeof(text));
    l->len += len;
    if (l->since == SHOWN)
        l->since = now;
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

/* Straight to the terminal; what is plain text is kept. */
static void attached_byte(struct console *c, struct console_line *l, u8 byte)
{
    char raw = (char)byte;

    put(c, &raw, 1);
    if (escaping(&l->escape, byte))
        return;
    if (byte == '\r' || byte == '\n' || l->len == CONSOLE_LINE)
        l->len = 0;
    if (byte == BACKSPACE && l->len)
        l->len--;
    if (printable(byte))
        l->text[l->len++] = raw;
}

void console_guest(struct console *c, u32 slot, u8 byte, u64 now)
{
    CHECK(slot < CONSOLE_SLOTS);
    if (c->attached == (int)slot) {
        attached_byte(c, &c->line[slot], byte);
        return;
    }
    switch (byte) {
    case '\r':
        break;
    case '\n':
        end_line(c, slot);
        break;
    case BACKSPACE:
        erase_one(c, slot);
        break;
    default:
        collect(c, slot, byte, now);
    }
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

bool console_tick_line(struct console *c, u32 slot, u64 now)
{
    const struct console_line *l = &c->line[slot];

    CHECK(slot < CONSOLE_SLOTS);
    if (!l->used || l->since == SHOWN || now < l->since + CONSOLE_PARTIAL_NS)
        return false;
    if (c->prompt || c->attached >= 0)
        show_above(c, slot);
    else
        show(c, slot);
    return true;
}

void console_tick(struct console *c, u64 now)
{
    for (u32 i = 0; i < CONSOLE_SLOTS; i++)
        console_tick_line(c, i, now);
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
    l->since = SHOWN;
    l->escape = ESC_NONE;
    redraw(c);
}

void console_detach(struct console *c)
{
    c->attached = -1;
    put_text(c, NORMAL "\r\n");
}

enum lineedit_did console_key(struct console *c, u8 byte, const char **line)
{
    enum lineedit_did did;

    if (!c->prompt && !(byte == '\n' && c->edit.cr))
        console_prompt(c);
    did = lineedit_key(&c->edit, byte, &c->out);
    if (did != LINE_DONE)
        return did;
    *line = c->edit.text;
    c->prompt = false;
    return did;
}
