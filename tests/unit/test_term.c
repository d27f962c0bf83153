/* SPDX-License-Identifier: MIT
 *
 * The terminal: what text and escape sequences make of the cells, that lines
 * which scroll away are kept, and that no bytes lead out of the storage (ASan
 * watches, and guards stand around it).
 * LINKS: vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/term.h"

static struct term t;
static struct grid g;

static void start(u32 columns, u32 rows)
{
    term_init(&t, columns, rows);
}

static void feed(const char *text)
{
    term_write(&t, text, strlen(text));
}

/* A row's characters without the blanks at its end. */
static const char *row(u32 n)
{
    static char text[GRID_COLUMNS + 1];
    u32 len = 0;

    term_show(&t, &g);
    for (u32 i = 0; i < g.columns; i++) {
        text[i] = (char)g.cell[n * g.columns + i];
        if (text[i] != ' ')
            len = i + 1;
    }
    text[len] = 0;
    return text;
}

static u8 attr(u32 n, u32 column)
{
    term_show(&t, &g);
    return (u8)(g.cell[n * g.columns + column] >> 8);
}

static u32 cursor(void)
{
    term_show(&t, &g);
    return g.cursor;
}

static void text_and_controls(void)
{
    start(20, 4);
    feed("ab\r\ncd\ne\bf\tg");
    EXPECT_STR(row(0), "ab");
    EXPECT_STR(row(1), "cd");
    EXPECT_STR(row(2), "  f     g");
    EXPECT_EQ(cursor(), 2 * 20 + 9);
    feed("\r\a\x7fX\b\b\b\bY");
    EXPECT_STR(row(2), "Y f     g");
    feed("\t\t\t\t\t!");
    EXPECT_STR(row(2), "Y f     g          !");
}

static void a_full_line_wraps_when_more_comes(void)
{
    start(5, 3);
    feed("12345");
    EXPECT_EQ(cursor(), 4);
    feed("\r\n67890");
    EXPECT_STR(row(0), "12345");
    EXPECT_STR(row(1), "67890");
    feed("x");
    EXPECT_STR(row(2), "x");
    start(5, 3);
    feed("12345\b\bx");
    EXPECT_STR(row(0), "123x5");
}

static void scrolling_keeps_lines(void)
{
    char line[16];

    start(10, 3);
    for (u32 i = 0; i < 1000; i++) {
        snprintf(line, sizeof(line), "%s%u", i ? "\r\n" : "", i);
        feed(line);
    }
    EXPECT_STR(row(0), "997");
    EXPECT_STR(row(2), "999");
    term_back(&t, 2);
    EXPECT_STR(row(0), "995");
    EXPECT_EQ(cursor(), GRID_NONE);
    feed("\r\n1000");
    EXPECT_STR(row(0), "995"); /* whoever looks back is left in peace */
    term_back(&t, 100000);
    EXPECT_STR(row(0), "745"); /* 256 lines are kept */
    term_back(&t, -100000);
    EXPECT_STR(row(2), "1000");
    EXPECT_EQ(cursor(), 2 * 10 + 4);
}

static void a_line_that_scrolls_in_is_blank(void)
{
    start(4, 2);
    for (u32 i = 0; i < 2 * TERM_LINES; i++)
        feed("abcd\r\n");
    EXPECT_STR(row(0), "abcd");
    EXPECT_STR(row(1), "");
}

static void erasing(void)
{
    start(6, 3);
    feed("aaaaaabbbbbbcccccc\x1b[2;3H\x1b[K");
    EXPECT_STR(row(1), "bb");
    EXPECT_STR(row(2), "cccccc");
    feed("\x1b[1;4H\x1b[1K");
    EXPECT_STR(row(0), "    aa");
    feed("\x1b[3;2H\x1b[1J");
    EXPECT_STR(row(0), "");
    EXPECT_STR(row(2), "  cccc");
    feed("\x1b[3;4H\x1b[J");
    EXPECT_STR(row(2), "  c");
    feed("zz\x1b[2J");
    EXPECT_STR(row(2), "");
    EXPECT_EQ(cursor(), 2 * 6 + 5);
    feed("\rprompt\r\x1b[Knew");
    EXPECT_STR(row(2), "new");
    feed("\x1b[1;1H123456\x1b[K"); /* full: the cursor is on the 6 */
    EXPECT_STR(row(0), "12345");
    feed("\x1b[1;1H123456\x1b[2Dx");
    EXPECT_STR(row(0), "123x56");
}

static void cursor_movement_is_cut_to_the_screen(void)
{
    start(8, 4);
    feed("\x1b[99;99H#");
    EXPECT_STR(row(3), "       #");
    feed("\x1b[99A\x1b[99D1\x1b[2B\x1b[2C2\x1b[3G3\x1b[H4");
    EXPECT_STR(row(0), "4");
    EXPECT_STR(row(2), "  32");
    feed("\x1b[99999999999999999999;5H\x1b[4294967295C\x1b[4294967295Bq");
    EXPECT_STR(row(3), "       q");
}

static void colours(void)
{
    start(10, 2);
    feed("a\x1b[31mb\x1b[1mc\x1b[44md\x1b[7me\x1b[0mf\x1b[93;42mg\x1b[39;49mh");
    EXPECT_EQ(attr(0, 0), 0x07);
    EXPECT_EQ(attr(0, 1), 0x04);
    EXPECT_EQ(attr(0, 2), 0x0c);
    EXPECT_EQ(attr(0, 3), 0x1c);
    EXPECT_EQ(attr(0, 4), 0x49);
    EXPECT_EQ(attr(0, 5), 0x07);
    EXPECT_EQ(attr(0, 6), 0x2e);
    EXPECT_EQ(attr(0, 7), 0x07);
    feed("\x1b[38;5;31mi");
    EXPECT_EQ(attr(0, 8), 0x07);
    feed("\x1b[K");
    EXPECT_EQ(attr(0, 9), 0x07);
    for (u32 i = 0; i < 110; i++) {
        static const u8 vga[] = {0, 4, 2, 6, 1, 5, 3, 7};
        u32 digit = i % 10, want = 0x07;
        char text[32];
        if (digit < 8 && i / 10 == 3)
            want = vga[digit];
        else if (digit < 8 && i / 10 == 4)
            want = 0x07 | (u32)vga[digit] << 4;
        else if (digit < 8 && i / 10 == 9)
            want = 0x08 | vga[digit];
        else if (i == 1)
            want = 0x0f;
        else if (i == 7)
            want = 0x70;
        snprintf(text, sizeof(text), "\x1b[0;%um\rj", i);
        feed(text);
        EXPECT_EQ(attr(0, 0), want);
    }
}

static void foreign_sequences_leave_no_trace(void)
{
    start(30, 2);
    feed("a\x1b[?25lb\x1b[>0qc\x1b(Bd\x1b=e\x1b[1;2;3;4;5;6;7;8;9;10mf");
    feed("\x1b[12\rG\x1b[5\x1b[32mh\x1b[!pi");
    EXPECT_STR(row(0), "Ghidef");
    EXPECT_EQ(attr(0, 1), 0x02);
    feed("\r\n\x1b[1;0;0;0;0;0;0;31mj\x1b[0;1;1;1;1;1;1;1;33mk\x1b[@\x1b[al");
    EXPECT_EQ(attr(1, 0), 0x04); /* eight numbers, the last one counts */
    EXPECT_EQ(attr(1, 1), 0x04); /* nine are nobody's */
    EXPECT_STR(row(1), "jkl");
}

static void another_size_keeps_the_text(void)
{
    start(80, 25);
    for (u32 i = 0; i < 30; i++) {
        char line[16];
        snprintf(line, sizeof(line), "line %u\r\n", i);
        feed(line);
    }
    term_resize(&t, 100, 40);
    EXPECT_STR(row(0), "line 0");
    EXPECT_STR(row(29), "line 29");
    EXPECT_EQ(cursor(), 30 * 100);
    term_resize(&t, 40, 10);
    EXPECT_STR(row(8), "line 29");
    EXPECT_EQ(cursor(), 9 * 40);
    term_back(&t, 2);
    EXPECT_STR(row(0), "line 19");
    term_resize(&t, 1000, 1000);
    EXPECT_EQ(t.columns, GRID_COLUMNS);
    EXPECT_EQ(t.rows, GRID_ROWS);
    term_resize(&t, 0, 0);
    EXPECT_EQ(t.columns * t.rows, 1);
}

/* Any bytes at all, on any size: nothing is written beside the storage, and
 * the cursor stays on the screen. */
static void noise(void)
{
    static const char often[] = "\x1b[;?0123456789ABCDGHJKmf\r\n\b\t\x1b[x";
    static struct {
        u64 before[8];
        struct term term;
        u64 after[8];
    } box;
    u32 seed = 1;

    memset(&box, 0xa5, sizeof(box));
    for (u32 round = 0; round < 300; round++) {
        term_init(&box.term, round * 7 % 170, round * 5 % 70);
        for (u32 i = 0; i < 2000; i++) {
            seed = seed * 1664525 + 1013904223;
            char c = seed >> 31 ? (char)(seed >> 16)
                                : often[(seed >> 16) % (sizeof(often) - 1)];
            term_write(&box.term, &c, 1);
            if (seed >> 20 == 7)
                term_resize(&box.term, seed % 200, seed / 200 % 80);
            if (seed >> 20 == 9)
                term_back(&box.term, (int)(seed % 100) - 50);
            if (box.term.row >= box.term.rows ||
                box.term.column > box.term.columns ||
                box.term.kept + box.term.rows > TERM_LINES)
                return (void)++unit_failures;
        }
        term_show(&box.term, &g);
        EXPECT(g.cursor == GRID_NONE || g.cursor < g.columns * g.rows);
    }
    for (u32 i = 0; i < 8; i++)
        EXPECT(box.before[i] == 0xa5a5a5a5a5a5a5a5 &&
               box.after[i] == 0xa5a5a5a5a5a5a5a5);
}

static const struct unit_case list[] = {
    CASE(text_and_controls),
    CASE(a_full_line_wraps_when_more_comes),
    CASE(scrolling_keeps_lines),
    CASE(a_line_that_scrolls_in_is_blank),
    CASE(erasing),
    CASE(cursor_movement_is_cut_to_the_screen),
    CASE(colours),
    CASE(foreign_sequences_leave_no_trace),
    CASE(another_size_keeps_the_text),
    CASE(noise),
};

UNIT_MAIN(list)
