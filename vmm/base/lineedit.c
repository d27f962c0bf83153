/* SPDX-License-Identifier: MIT
 *
 * See lineedit.h. A key changes the text or the cursor first; then the picture
 * is brought after it, by the shortest way that is right: a typed character
 * at the end is that character, a moved cursor is a move, anything else is the
 * row anew.
 *
 * Invariant: first <= cursor <= len < LINE_SIZE, and the cursor is inside the
 * window. The text between the calls is terminated only where LINE_DONE says
 * so.
 *
 * A sequence that is broken off by a control byte ends there, so that a lone
 * Escape does not eat the Enter behind it.
 *
 * LIMIT: the terminal is taken for one of LINE_COLUMNS columns; on a narrower
 * one a long line wraps, and its first row stays behind when it is redrawn.
 */
#include "vmm/base/lineedit.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"

#define BACKSPACE 0x08
#define TAB       0x09
#define LF        0x0a
#define CR        0x0d
#define ESC       0x1b
#define DELETE    0x7f
#define CTRL(c)   ((c)&0x1f)
#define WITH_CTRL 5 /* xterm's second parameter, and rxvt's only one */

enum { STATE_TEXT, STATE_ESCAPE, STATE_CSI };

#define ERASE "\x1b[K"
#define CLEAR "\x1b[H\x1b[2J"

void lineedit_init(struct lineedit *e, const char *prompt)
{
    memset(e, 0, sizeof(*e));
    e->prompt = prompt;
}

static u32 window(const struct lineedit *e)
{
    return LINE_COLUMNS - 1 - (u32)str_len(e->prompt);
}

/* The window moves by half of itself when the cursor leaves it. */
static bool follow(struct lineedit *e)
{
    u32 before = e->first, half = window(e) / 2;

    if (e->cursor < e->first)
        e->first = e->cursor > half ? e->cursor - half : 0;
    if (e->cursor > e->first + window(e))
        e->first = e->cursor - half;
    return e->first != before;
}

static void put(const struct sink *out, const char *text, size_t len)
{
    out->put(out->ctx, text, len);
}

void lineedit_draw(const struct lineedit *e, const struct sink *out)
{
    u32 shown = min_u32(e->len - e->first, window(e));
    u32 back = e->first + shown - e->cursor;

    put(out, e->prompt, str_len(e->prompt));
    put(out, e->text + e->first, shown);
    if (back)
        fmt_sink(out, "\x1b[%uD", back);
}

static void draw_anew(struct lineedit *e, const struct sink *out)
{
    follow(e);
    fmt_sink(out, "\r" ERASE);
    lineedit_draw(e, out);
}

static void move(struct lineedit *e, u32 to, const struct sink *out)
{
    u32 from = e->cursor;

    e->cursor = to;
    if (follow(e))
        draw_anew(e, out);
    else if (to + 1 == from)
        fmt_sink(out, "\b");
    else if (to < from)
        fmt_sink(out, "\x1b[%uD", from - to);
    else if (to > from)
        fmt_sink(out, "\x1b[%uC", to - from);
}

void lineedit_insert(struct lineedit *e, const char *text, size_t len,
                     const struct sink *out)
{
    u32 n = (u32)min_u64(len, LINE_SIZE - 1 - e->len);
    bool at_end = e->cursor == e->len;

    memmove(e->text + e->cursor + n, e->text + e->cursor, e->len - e->cursor);
    memcpy(e->text + e->cursor, text, n);
    e->len += n;
    e->cursor += n;
    if (follow(e) || !at_end)
        draw_anew(e, out);
    else
        put(out, text, n);
}

/* Takes [from, to) out; the cursor is then at from. */
static void cut(struct lineedit *e, u32 from, u32 to, const struct sink *out)
{
    bool last = from + 1 == to && to == e->len && e->cursor == to;

    if (from == to)
        return;
    memmove(e->text + from, e->text + to, e->len - to);
    e->len -= to - from;
    e->cursor = from;
    if (last && !follow(e))
        fmt_sink(out, "\b \b");
    else
        draw_anew(e, out);
}

static void kill(struct lineedit *e, u32 from, u32 to, const struct sink *out)
{
    if (from == to)
        return;
    memcpy(e->killed, e->text + from, to - from);
    e->killed_len = to - from;
    cut(e, from, to, out);
}

static u32 word_left(const struct lineedit *e)
{
    u32 at = e->cursor;

    while (at && e->text[at - 1] == ' ')
        at--;
    while (at && e->text[at - 1] != ' ')
        at--;
    return at;
}

static u32 word_right(const struct lineedit *e)
{
    u32 at = e->cursor;

    while (at < e->len && e->text[at] == ' ')
        at++;
    while (at < e->len && e->text[at] != ' ')
        at++;
    return at;
}

static u32 left(const struct lineedit *e)
{
    return e->cursor - (e->cursor > 0);
}

static u32 right(const struct lineedit *e)
{
    return e->cursor + (e->cursor < e->len);
}

static const char *line_back(const struct lineedit *e, u32 back)
{
    return back ? e->history[(e->lines - back) % LINE_HISTORY] : e->draft;
}

static void recall(struct lineedit *e, u32 back, const struct sink *out)
{
    const char *line;

    if (back > min_u32(e->lines, LINE_HISTORY))
        return;
    e->text[e->len] = 0;
    if (!e->back)
        str_copy(e->draft, sizeof(e->draft), e->text);
    e->back = back;
    line = line_back(e, back);
    e->len = e->cursor = (u32)str_len(line);
    memcpy(e->text, line, e->len);
    e->first = 0; /* as much of it as goes into the row */
    draw_anew(e, out);
}

static void older(struct lineedit *e, const struct sink *out)
{
    recall(e, e->back + 1, out);
}

static void newer(struct lineedit *e, const struct sink *out)
{
    if (e->back)
        recall(e, e->back - 1, out);
}

static bool blank(const char *line)
{
    while (*line == ' ')
        line++;
    return !*line;
}

static enum lineedit_did done(struct lineedit *e, const struct sink *out)
{
    e->text[e->len] = 0;
    if (!blank(e->text) && !(e->lines && str_eq(e->text, line_back(e, 1))))
        str_copy(e->history[e->lines++ % LINE_HISTORY], LINE_SIZE, e->text);
    e->len = e->cursor = e->first = e->back = 0;
    fmt_sink(out, "\r\n");
    return LINE_DONE;
}

static void clear(const struct lineedit *e, const struct sink *out)
{
    fmt_sink(out, CLEAR);
    lineedit_draw(e, out);
}

/* Keys that a letter stands for: Ctrl-letter, and the letter that ends a
 * sequence is turned into one of them. */
static void control(struct lineedit *e, u8 key, const struct sink *out)
{
    switch (key) {
    case CTRL('A'):
        move(e, 0, out);
        break;
    case CTRL('E'):
        move(e, e->len, out);
        break;
    case CTRL('B'):
        move(e, left(e), out);
        break;
    case CTRL('F'):
        move(e, right(e), out);
        break;
    case CTRL('D'):
        cut(e, e->cursor, right(e), out);
        break;
    case BACKSPACE:
    case DELETE:
        cut(e, left(e), e->cursor, out);
        break;
    case CTRL('K'):
        kill(e, e->cursor, e->len, out);
        break;
    case CTRL('U'):
        kill(e, 0, e->cursor, out);
        break;
    case CTRL('W'):
        kill(e, word_left(e), e->cursor, out);
        break;
    case CTRL('Y'):
        lineedit_insert(e, e->killed, e->killed_len, out);
        break;
    case CTRL('C'):
        e->back = 0;
        cut(e, 0, e->len, out);
        break;
    case CTRL('L'):
        clear(e, out);
        break;
    case CTRL('P'):
        older(e, out);
        break;
    case CTRL('N'):
        newer(e, out);
        break;
    }
}

static void meta(struct lineedit *e, u8 key, const struct sink *out)
{
    switch (key) {
    case 'b':
        move(e, word_left(e), out);
        break;
    case 'f':
        move(e, word_right(e), out);
        break;
    case 'd':
        kill(e, e->cursor, word_right(e), out);
        break;
    case DELETE:
        kill(e, word_left(e), e->cursor, out);
        break;
    }
}

/* "CSI 3 ~" and its like, by what VT220, xterm and rxvt agree on. */
static u8 tilde_key(u8 number)
{
    switch (number) {
    case 1:
    case 7:
        return CTRL('A');
    case 4:
    case 8:
        return CTRL('E');
    case 3:
        return CTRL('D');
    default:
        return 0;
    }
}

static void finish(struct lineedit *e, u8 final, const struct sink *out)
{
    static const char keys[] = "PNFB"; /* for A, B, C, D */
    bool by_word = e->number == WITH_CTRL || (e->two && e->number == 3);

    if (by_word && (final == 'C' || final == 'D'))
        meta(e, final == 'C' ? 'f' : 'b', out);
    else if (final >= 'A' && final <= 'D')
        control(e, CTRL(keys[final - 'A']), out);
    else if (final == 'H' || final == 'F')
        control(e, final == 'H' ? CTRL('A') : CTRL('E'), out);
    else if (final == '~' && !e->two)
        control(e, tilde_key(e->number), out);
}

/* A byte of a sequence behind "ESC [" or "ESC O". */
static void csi_byte(struct lineedit *e, u8 byte, const struct sink *out)
{
    if (byte >= '0' && byte <= '9') {
        e->number = (u8)min_u32(e->number * 10u + (byte - '0'), 255);
    } else if (byte == ';') {
        e->two = true;
        e->number = 0;
    } else if (byte >= '@') {
        e->state = STATE_TEXT;
        finish(e, byte, out);
    }
}

static void escape_byte(struct lineedit *e, u8 byte, const struct sink *out)
{
    e->number = 0;
    e->two = false;
    e->state = byte == '[' || byte == 'O' ? STATE_CSI : STATE_TEXT;
    if (e->state == STATE_TEXT)
        meta(e, byte, out);
}

static enum lineedit_did plain_byte(struct lineedit *e, u8 byte,
                                    const struct sink *out)
{
    const char c = (char)byte;

    e->state = byte == ESC ? STATE_ESCAPE : STATE_TEXT;
    if (byte == CR || byte == LF)
        return done(e, out);
    if (byte == TAB)
        return LINE_COMPLETE;
    if (byte >= ' ' && byte < DELETE)
        lineedit_insert(e, &c, 1, out);
    else
        control(e, byte, out);
    return LINE_EDITED;
}

enum lineedit_did lineedit_key(struct lineedit *e, u8 byte,
                               const struct sink *out)
{
    bool again = byte == LF && e->cr;

    e->cr = byte == CR;
    if (again)
        return LINE_EDITED;
    if (byte < ' ' || e->state == STATE_TEXT)
        return plain_byte(e, byte, out);
    if (e->state == STATE_ESCAPE)
        escape_byte(e, byte, out);
    else
        csi_byte(e, byte, out);
    return LINE_EDITED;
}
