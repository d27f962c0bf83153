/* SPDX-License-Identifier: MIT
 *
 * One terminal, many guests: what is on the wire, byte for byte.
 * LINKS: vmm/vm vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/vm/console.h"

static struct console c;
static char wire[8192];
static size_t wire_len;

static void put(void *ctx, const char *text, size_t len)
{
    memcpy(wire + wire_len, text, len);
    wire_len += len;
    wire[wire_len] = 0;
}

static void start(void)
{
    wire_len = 0;
    wire[0] = 0;
    console_init(&c, (struct sink){put, NULL});
    console_add(&c, 0, "alpha");
    console_add(&c, 1, "beta");
}

static void say(u32 slot, const char *text, u64 now)
{
    for (; *text; text++)
        console_guest(&c, slot, (u8)*text, now);
}

static void lines_come_whole_behind_their_names(void)
{
    start();
    say(0, "one", 0);
    say(1, "two\r\n", 0);
    say(0, " more\n", 0);
    EXPECT_STR(wire, "[beta] two\r\n[alpha] one more\r\n");
}

static void an_unfinished_line_waits_then_shows_and_goes_on(void)
{
    start();
    say(0, "hare$ ", 100);
    EXPECT_EQ(console_deadline(&c), 100 + CONSOLE_PARTIAL_NS);
    console_tick(&c, 99 + CONSOLE_PARTIAL_NS);
    EXPECT_STR(wire, "");
    console_tick(&c, 100 + CONSOLE_PARTIAL_NS);
    EXPECT_STR(wire, "[alpha] hare$ ");
    EXPECT_EQ(console_deadline(&c), UINT64_MAX);
    say(0, "ls\n", CONSOLE_PARTIAL_NS * 3);
    EXPECT_STR(wire, "[alpha] hare$ ls\r\n");
}

static void an_interrupted_line_is_repeated_from_its_start(void)
{
    start();
    say(0, "hare$ ", 0);
    console_tick(&c, CONSOLE_PARTIAL_NS);
    say(1, "hello\n", CONSOLE_PARTIAL_NS);
    say(0, "ls\n", CONSOLE_PARTIAL_NS);
    EXPECT_STR(wire, "[alpha] hare$ \r\n[beta] hello\r\n[alpha] hare$ ls\r\n");
}

static void output_goes_above_the_prompt(void)
{
    const char *line;
    start();
    console_prompt(&c);
    console_key(&c, 'l', &line);
    say(0, "hi\n", 0);
    EXPECT_STR(wire, "trapline> l\r\x1b[K[alpha] hi\r\ntrapline> l");
}

static void a_guests_prompt_goes_above_too_once(void)
{
    start();
    console_prompt(&c);
    say(0, "hare$ ", 0);
    console_tick(&c, CONSOLE_PARTIAL_NS);
    console_tick(&c, CONSOLE_PARTIAL_NS * 9);
    EXPECT_STR(wire, "trapline> \r\x1b[K[alpha] hare$ \r\ntrapline> ");
}

static void a_line_is_typed_with_corrections(void)
{
    const char *line = NULL;
    start();
    console_prompt(&c);
    EXPECT(!console_key(&c, 'x', &line));
    EXPECT(!console_key(&c, 0x7f, &line));
    EXPECT(!console_key(&c, 0x7f, &line));
    EXPECT(!console_key(&c, 'a', &line));
    EXPECT(!console_key(&c, 'b', &line));
    EXPECT(!console_key(&c, 0x1b, &line));
    EXPECT(console_key(&c, '\r', &line));
    EXPECT_STR(line, "ab");
    console_prompt(&c);
    console_key(&c, 'q', &line);
    console_key(&c, 0x15, &line);
    EXPECT(console_key(&c, '\n', &line));
    EXPECT_STR(line, "");
}

static void a_full_input_line_takes_no_more(void)
{
    const char *line = NULL;
    start();
    for (int i = 0; i < 400; i++)
        console_key(&c, 'a', &line);
    EXPECT(console_key(&c, '\r', &line));
    EXPECT_EQ(strlen(line), sizeof(c.input) - 1);
}

static void attached_bytes_are_raw_and_others_whole(void)
{
    start();
    say(0, "hare$ ", 0);
    console_attach(&c, 0);
    say(0, "\x1b[2Jx", 0);
    EXPECT_STR(wire, "attached to alpha; Ctrl-] leaves\r\nhare$ \x1b[2Jx");
    wire_len = 0;
    say(1, "beta here\n", 0);
    EXPECT_STR(wire, "[beta] beta here\r\n");
    console_detach(&c);
    wire_len = 0;
    say(0, "y\n", 0);
    EXPECT_STR(wire, "[alpha] y\r\n");
}

static void a_guest_cannot_forge_a_prefix(void)
{
    start();
    say(0, "x\r[beta] lies\x1b[1A\n", 0);
    EXPECT_STR(wire, "[alpha] x[beta] lies\\x1b[1A\r\n");
}

static void long_lines_are_split_behind_the_prefix(void)
{
    start();
    for (int i = 0; i < 600; i++)
        console_guest(&c, 0, 'z', 0);
    console_guest(&c, 0, 1, 0);
    say(0, "\n", 0);
    EXPECT(strncmp(wire, "[alpha] zzz", 11) == 0);
    EXPECT(strstr(wire, "\r\n[alpha] zzz") != NULL);
    EXPECT(strstr(wire, "\\x01\r\n") != NULL);
}

static void a_removed_guest_is_flushed(void)
{
    start();
    say(1, "last words", 0);
    console_remove(&c, 1);
    EXPECT_STR(wire, "[beta] last words\r\n");
    EXPECT_EQ(console_deadline(&c), UINT64_MAX);
}

static void the_vmms_lines_end_in_crlf(void)
{
    start();
    say(0, "half", 0);
    console_tick(&c, CONSOLE_PARTIAL_NS);
    console_print(&c, "one\ntwo %d", 2);
    EXPECT_STR(wire, "[alpha] half\r\none\r\ntwo 2\r\n");
}

static void backspace_takes_back(void)
{
    start();
    say(0, "\babc\b\bd\n", 0);
    EXPECT_STR(wire, "[alpha] ad\r\n");
}

static const struct unit_case cases[] = {
    CASE(lines_come_whole_behind_their_names),
    CASE(an_unfinished_line_waits_then_shows_and_goes_on),
    CASE(an_interrupted_line_is_repeated_from_its_start),
    CASE(output_goes_above_the_prompt),
    CASE(a_guests_prompt_goes_above_too_once),
    CASE(a_line_is_typed_with_corrections),
    CASE(a_full_input_line_takes_no_more),
    CASE(attached_bytes_are_raw_and_others_whole),
    CASE(a_guest_cannot_forge_a_prefix),
    CASE(long_lines_are_split_behind_the_prefix),
    CASE(a_removed_guest_is_flushed),
    CASE(the_vmms_lines_end_in_crlf),
    CASE(backspace_takes_back),
};
UNIT_MAIN(cases)
