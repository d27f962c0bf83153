/* SPDX-License-Identifier: MIT
 *
 * The line editor, held against a terminal: after every key the row that the
 * VMM's own terminal (term.h) shows is the one that lineedit_draw() paints
 * afresh, cursor included. Every key by itself, then some at random
 * against the simplest model of a line there is.
 * LINKS: vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/lineedit.h"
#include "vmm/base/str.h"
#include "vmm/base/term.h"

static struct lineedit e;
static struct term screen, fresh;
static struct sink out;

static void put(void *ctx, const char *text, size_t len)
{
    term_write(ctx, text, len);
}

static void start(void)
{
    out = (struct sink){put, &screen};
    term_init(&screen, LINE_COLUMNS, 25);
    lineedit_init(&e, "> ");
    lineedit_draw(&e, &out);
}

/* Row and cursor of the terminal are what a new picture would be. */
static bool picture_is_right(void)
{
    const struct sink other = {put, &fresh};
    const u16 *row = screen.line[(screen.top + screen.row) % TERM_LINES];

    term_init(&fresh, LINE_COLUMNS, 25);
    lineedit_draw(&e, &other);
    return fresh.row == 0 && fresh.column == screen.column &&
           !memcmp(row, fresh.line[0], LINE_COLUMNS * sizeof(*row));
}

static enum lineedit_did keys(const char *text)
{
    enum lineedit_did did = LINE_EDITED;

    for (; *text; text++) {
        did = lineedit_key(&e, (u8)*text, &out);
        if (did == LINE_DONE)
            lineedit_draw(&e, &out);
        EXPECT(picture_is_right());
    }
    return did;
}

#define LINE(typed, want)                                                      \
    do {                                                                       \
        start();                                                               \
        EXPECT_EQ(keys(typed "\r"), LINE_DONE);                                \
        EXPECT_STR(e.text, (want));                                            \
    } while (0)

#define LEFT  "\x1b[D"
#define RIGHT "\x1b[C"
#define UP    "\x1b[A"
#define DOWN  "\x1b[B"

static void text_goes_in_at_the_cursor(void)
{
    LINE("abc", "abc");
    LINE("ac" LEFT "b", "abc");
    LINE("bc\001a", "abc");
    LINE("bc\x1b[Ha", "abc");
    LINE("bc\x1bOHa", "abc");
    LINE("bc\x1b[1~a", "abc");
    LINE("bc\x1b[7~a", "abc");
    LINE("ab\001\005c", "abc");
    LINE("ab\001\x1b[Fc", "abc");
    LINE("ab\001\x1b[4~c", "abc");
    LINE("ab\001\x1b[8~c", "abc");
    LINE("ab\x02\x02\x06-", "a-b");
    LINE("a" LEFT LEFT LEFT RIGHT RIGHT RIGHT "b", "ab");
}

static void words_are_jumped_over(void)
{
    LINE("one two  three\x1b[1;5D!", "one two  !three");
    LINE("one two\x1b"
         "b\x1b"
         "b!",
         "!one two");
    LINE("one two\001\x1b[1;5C!", "one! two");
    LINE("one two\001\x1b"
         "f\x1b"
         "f\x1b"
         "f!",
         "one two!");
    LINE("one two\x1b[5D!", "one !two");
    LINE("one two\x1b[1;3D!", "one !two");
}

static void text_is_taken_out(void)
{
    LINE("abx\b", "ab");
    LINE("abx\x7f", "ab");
    LINE("axb" LEFT "\b", "ab");
    LINE("axb" LEFT LEFT "\004", "ab");
    LINE("axb" LEFT LEFT "\x1b[3~", "ab");
    LINE("ab\004\004", "ab");
    LINE("\b\bab", "ab");
    LINE("ab cd\013", "ab cd");
    LINE("abcd" LEFT LEFT "\013", "ab");
    LINE("xyab" LEFT LEFT "\025", "ab");
    LINE("ab cd  \027", "ab ");
    LINE("ab cd\x1b\x7f", "ab ");
    LINE("ab cd\001\x1b"
         "d",
         " cd");
    LINE("away\003ab", "ab");
    LINE("ab cd\027\001\031 ", "cd ab ");
    LINE("\025\031ab", "ab");
}

static void unknown_keys_do_nothing(void)
{
    LINE("a\x1b[15~\x1b[2~\x1b[Z\x1bOP\x1b[<3;4;5Mb", "ab");
    LINE("a\x1b[999999999999~b", "ab");
    LINE("a\x1b[3;5~b" LEFT, "ab");
    LINE("a\x1bzb\x1d\x1e\xc3\xa4", "ab");
    LINE("a\x1b", "a");
    LINE("a\x1b[1;", "a");
}

static void a_paste_is_typed(void)
{
    LINE("\x1b[200~mem alpha\x1b[201~", "mem alpha");
    start();
    EXPECT_EQ(keys("one\r\n"), LINE_EDITED);
    EXPECT_STR(e.text, "one");
    EXPECT_EQ(keys("two\n"), LINE_DONE);
    EXPECT_STR(e.text, "two");
    EXPECT_EQ(keys("\n"), LINE_DONE);
    EXPECT_STR(e.text, "");
}

static void history_goes_up_and_down(void)
{
    start();
    keys("one\r");
    keys("two\r");
    keys("two\r");
    keys("  \r");
    keys("draft" UP);
    EXPECT_EQ(e.len, 3);
    keys(UP UP UP);
    EXPECT(e.len == 3 && !memcmp(e.text, "one", 3));
    keys("\016" DOWN DOWN DOWN "!\r");
    EXPECT_STR(e.text, "draft!");
    keys(UP UP "\x10\r");
    EXPECT_STR(e.text, "one");
    keys(UP "\003" UP "\r");
    EXPECT_STR(e.text, "one");
}

static void history_forgets_the_oldest(void)
{
    char line[8];

    start();
    for (int i = 0; i < 40; i++) {
        snprintf(line, sizeof(line), "%d\r", i);
        keys(line);
    }
    for (int i = 0; i < 30; i++)
        keys(UP);
    keys("\r");
    EXPECT_STR(e.text, "24");
}

static void a_long_line_is_seen_through_a_window(void)
{
    start();
    for (int i = 0; i < 700; i++)
        keys("x");
    EXPECT_EQ(e.len, LINE_SIZE - 1);
    EXPECT_EQ(screen.row, 0);
    EXPECT(e.first > 0);
    keys("\001");
    EXPECT_EQ(e.first, 0);
    keys("\005\027\031");
    EXPECT_EQ(e.len, LINE_SIZE - 1);
    for (int i = 0; i < 600; i++)
        keys("\b");
    EXPECT_EQ(e.len, 0);
    EXPECT_EQ(screen.row, 0);
}

/* A line that goes into the row is seen whole, whatever stood there. */
static void a_recalled_line_is_seen_from_its_begin(void)
{
    start();
    keys("trace alpha priv,syscall vector=0x80 mode=user\r");
    for (int i = 0; i < 100; i++)
        keys("x");
    EXPECT(e.first > 0);
    keys(UP);
    EXPECT_EQ(e.first, 0);
    keys(DOWN);
    EXPECT(e.first > 0);
}

static void control_l_clears_the_screen(void)
{
    start();
    keys("one\rtwo" LEFT "\f");
    EXPECT_EQ(screen.row, 0);
    EXPECT_EQ(screen.column, 4);
}

static void tab_is_somebody_elses(void)
{
    start();
    EXPECT_EQ(keys("he\t"), LINE_COMPLETE);
    lineedit_insert(&e, "lp ", 3, &out);
    EXPECT(picture_is_right());
    keys("\r");
    EXPECT_STR(e.text, "help ");
}

/* The model: a string and a cursor, the plainest way. */
static char model[LINE_SIZE];
static u32 at;

static void model_insert(char c)
{
    u32 len = (u32)strlen(model);

    if (len == LINE_SIZE - 1)
        return;
    memmove(model + at + 1, model + at, len - at + 1);
    model[at++] = c;
}

static void model_delete(void)
{
    if (!model[at])
        return;
    memmove(model + at, model + at + 1, strlen(model + at));
}

static const char *model_key(u32 dice)
{
    static char typed[2];

    switch (dice % 16) {
    case 0:
        at -= at > 0;
        return LEFT;
    case 1:
        at += model[at] != 0;
        return RIGHT;
    case 2:
        if (at) {
            at--;
            model_delete();
        }
        return "\b";
    case 3:
        model_delete();
        return "\x1b[3~";
    case 4:
        at = dice & 256 ? 0 : (u32)strlen(model);
        return at ? "\005" : "\001";
    case 5:
        if (dice & 0x700)
            return "\x1b[5~";
        model[at] = 0;
        return "\013";
    default:
        typed[0] = (char)(' ' + (dice >> 8) % 95);
        model_insert(typed[0]);
        return typed;
    }
}

static void random_keys_do_what_the_model_does(void)
{
    u32 seed = 1;

    start();
    model[at = 0] = 0;
    for (u32 i = 0; i < 3000; i++) {
        const char *key;
        seed = seed * 1664525 + 1013904223;
        key = model_key(seed >> 12);
        for (const char *k = key; *k; k++)
            lineedit_key(&e, (u8)*k, &out);
        EXPECT(picture_is_right());
        EXPECT_EQ(e.len, strlen(model));
        EXPECT_EQ(e.cursor, at);
        EXPECT(!memcmp(e.text, model, e.len));
    }
}

static void random_bytes_break_nothing(void)
{
    u32 seed = 7;
    u8 byte;

    start();
    for (u32 i = 0; i < 3000; i++) {
        seed = seed * 1664525 + 1013904223;
        byte = seed >> 31 ? (u8)(seed >> 16)
                          : (u8) "\x1b[O1;5~ABCDHF\r\t"[(seed >> 16) % 16];
        if (lineedit_key(&e, byte, &out) == LINE_DONE)
            lineedit_draw(&e, &out);
        EXPECT(e.first <= e.cursor && e.cursor <= e.len && e.len < LINE_SIZE);
        EXPECT(picture_is_right());
    }
}

static const struct unit_case cases[] = {
    CASE(text_goes_in_at_the_cursor),
    CASE(words_are_jumped_over),
    CASE(text_is_taken_out),
    CASE(unknown_keys_do_nothing),
    CASE(a_paste_is_typed),
    CASE(history_goes_up_and_down),
    CASE(history_forgets_the_oldest),
    CASE(a_long_line_is_seen_through_a_window),
    CASE(a_recalled_line_is_seen_from_its_begin),
    CASE(control_l_clears_the_screen),
    CASE(tab_is_somebody_elses),
    CASE(random_keys_do_what_the_model_does),
    CASE(random_bytes_break_nothing),
};
UNIT_MAIN(cases)
