/* SPDX-License-Identifier: MIT
 *
 * The log of the VMM's own words: the last lines, whole ones, however much
 * was written.
 * LINKS: vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/str.h"
#include "vmm/base/textlog.h"

static struct textlog l;
static char got[65536];
static size_t got_len;
static u32 pieces;

static void put(void *ctx, const char *text, size_t len)
{
    memcpy(got + got_len, text, len);
    got_len += len;
    got[got_len] = 0;
    pieces++;
}

static const char *last(u32 lines)
{
    const struct sink out = {put, NULL};

    got_len = pieces = 0;
    got[0] = 0;
    EXPECT_EQ(textlog_show(&l, lines, &out), pieces);
    return got;
}

static void say(const char *text)
{
    textlog_put(&l, text, strlen(text));
}

static void the_last_lines_are_shown(void)
{
    l = (struct textlog){0};
    EXPECT_STR(last(10), "");
    say("one\r\ntwo\n\nfo");
    say("ur\n");
    EXPECT_STR(last(10), "one\ntwo\n\nfour\n");
    EXPECT_STR(last(4), "one\ntwo\n\nfour\n");
    EXPECT_STR(last(3), "two\n\nfour\n");
    EXPECT_STR(last(1), "four\n");
    EXPECT_STR(last(0), "");
    say("half");
    EXPECT_STR(last(2), "four\nhalf\n");
    EXPECT_EQ(pieces, 2);
}

static void old_lines_go_whole(void)
{
    char line[32];

    l = (struct textlog){0};
    for (int i = 0; i < 5000; i++) {
        snprintf(line, sizeof(line), "this is line %d\n", i);
        say(line);
    }
    EXPECT_STR(last(2), "this is line 4998\nthis is line 4999\n");
    last(100000);
    EXPECT(str_starts(got, "this is line 4"));
    EXPECT(got_len <= TEXTLOG_SIZE && got_len > TEXTLOG_SIZE - 32);
}

static void a_line_without_an_end_comes_in_pieces(void)
{
    l = (struct textlog){0};
    for (u32 i = 0; i < TEXTLOG_LINE + 1; i++)
        say("x");
    say("\n");
    last(1);
    EXPECT_EQ(got_len, TEXTLOG_LINE + 3);
    EXPECT_EQ(pieces, 2);
    for (u32 i = 0; i < 2 * TEXTLOG_SIZE; i++)
        say("y");
    EXPECT_STR(last(5), "");
}

static const struct unit_case cases[] = {
    CASE(the_last_lines_are_shown),
    CASE(old_lines_go_whole),
    CASE(a_line_without_an_end_comes_in_pieces),
};
UNIT_MAIN(cases)
