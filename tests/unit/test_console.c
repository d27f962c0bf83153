/* SPDX-License-Identifier: MIT
 *
 * One terminal, many guests: what is on the wire, byte for byte.
 * LINKS: vmm/vm vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/str.h"
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
    for (int i = 0; i < 700; i++)
        console_key(&c, 'a', &line);
    EXPECT(console_key(&c, '\r', &line));
    EXPECT_EQ(strlen(line), LINE_SIZE - 1u);
}

/* What comes on the wire from here on. */
static void fresh(void)
{
    wire_len = 0;
    wire[0] = 0;
}

static void attached_bytes_are_raw(void)
{
    start();
    say(0, "hare$ ", 0);
    console_attach(&c, 0);
    say(0, "\x1b[2Jx\x9b", 0);
    EXPECT_STR(wire, "attached to alpha; Ctrl-] leaves\r\nhare$ \x1b[2Jx\x9b");
    EXPECT_EQ(console_deadline(&c), UINT64_MAX);
}

static void others_stay_whole_while_attached(void)
{
    start();
    console_attach(&c, 0);
    say(0, "done\r\n\x1b[1mhare$ \x1b[0mlx\b", 0);
    fresh();
    say(1, "beta here\n", 0);
    EXPECT_STR(wire, "\r\x1b[K[beta] beta here\r\nhare$ l");
    fresh();
    say(1, "beta$ ", 0);
    console_tick(&c, CONSOLE_PARTIAL_NS);
    console_print(&c, "trapline: beta: paused");
    EXPECT_STR(wire, "\r\x1b[K[beta] beta$ \r\nhare$ l"
                     "\r\x1b[Ktrapline: beta: paused\r\nhare$ l");
    say(0, "s\r\n", 0);
    fresh();
    say(1, "!\n", 0);
    EXPECT_STR(wire, "[beta] beta$ !\r\n");
}

static void attaching_again_shows_the_line_again(void)
{
    start();
    say(0, "hare$ ", 0);
    console_attach(&c, 0);
    say(0, "l", 0);
    fresh();
    console_detach(&c);
    EXPECT_STR(wire, "\x1b[0m\r\n");
    console_attach(&c, 0);
    EXPECT(strstr(wire, "leaves\r\nhare$ l"));
    console_detach(&c);
    fresh();
    console_tick(&c, CONSOLE_PARTIAL_NS * 9);
    EXPECT_STR(wire, "");
    say(0, "s\n", 0);
    EXPECT_STR(wire, "[alpha] hare$ ls\r\n");
}

static void attaching_ends_the_prompt_and_other_lines(void)
{
    start();
    console_prompt(&c);
    fresh();
    console_attach(&c, 1);
    EXPECT_STR(wire, "\r\x1b[Kattached to beta; Ctrl-] leaves\r\n");
    EXPECT(!c.prompt);
    console_detach(&c);
    say(0, "half", 0);
    console_tick(&c, CONSOLE_PARTIAL_NS);
    fresh();
    console_attach(&c, 1);
    EXPECT_STR(wire, "\r\nattached to beta; Ctrl-] leaves\r\n");
}

static void an_endless_attached_line_does_no_harm(void)
{
    start();
    console_attach(&c, 0);
    for (int i = 0; i < 2000; i++)
        console_guest(&c, 0, "a\x1b[\b"[i % 5], 0);
    for (int i = 0; i < 2000; i++)
        console_guest(&c, 0, 'x', 0);
    console_detach(&c);
    fresh();
    say(0, "\n", 0);
    EXPECT(str_starts(wire, "[alpha] x"));
}

static void a_guest_cannot_forge_a_prefix(void)
{
    start();
    say(0, "x\r[beta] lies\x1b[1A\n", 0);
    say(0, "\b\b\b\x7f\xc2\x9b\v\f\n", 0);
    EXPECT_STR(wire, "[alpha] x[beta] lies\\x1b[1A\r\n"
                     "[alpha] \\x7f\\xc2\\x9b\\x0b\\x0c\r\n");
}

static void no_byte_but_plain_ones_comes_through(void)
{
    start();
    for (int i = 0; i < 256; i++) {
        if (i != '\n')
            console_guest(&c, 0, (u8)i, 0);
    }
    console_guest(&c, 0, '\n', 0);
    for (size_t i = 0; i < wire_len; i++) {
        u8 b = (u8)wire[i];
        EXPECT((b >= 0x20 && b < 0x7f) || b == '\t' || b == '\r' || b == '\n');
        if (b == '\n')
            EXPECT(wire[i - 1] == '\r');
        if (b == '\r')
            EXPECT(wire[i + 1] == '\n');
    }
}

static void long_lines_are_split_behind_the_prefix(void)
{
    start();
    for (int i = 0; i < 2 * CONSOLE_LINE + 10; i++)
        console_guest(&c, 0, 'z', 0);
    console_guest(&c, 0, 1, 0);
    say(0, "\n", 0);
    EXPECT(str_starts(wire, "[alpha] zzz"));
    EXPECT(!memcmp(wire + 8 + CONSOLE_LINE, "\r\n[alpha] zzz", 13));
    EXPECT(strstr(wire, "\r\n[alpha] zzzzzzzzzz\\x01\r\n"));
    EXPECT_EQ(wire_len, 3 * 10 + 2 * CONSOLE_LINE + 10 + 4);
}

static void a_line_that_just_fits_is_one_line(void)
{
    start();
    for (int i = 0; i < CONSOLE_LINE; i++)
        console_guest(&c, 0, 'z', 0);
    say(0, "\n", 0);
    EXPECT_EQ(wire_len, CONSOLE_LINE + 10);
    fresh();
    for (int i = 0; i < CONSOLE_LINE - 3; i++)
        console_guest(&c, 0, 'z', 0);
    say(0, "\x01\n", 0);
    EXPECT(strstr(wire, "z\r\n[alpha] \\x01\r\n"));
}

static void a_split_line_still_waits_for_its_rest(void)
{
    start();
    for (int i = 0; i < CONSOLE_LINE + 1; i++)
        console_guest(&c, 0, 'z', 7);
    EXPECT_EQ(console_deadline(&c), 7 + CONSOLE_PARTIAL_NS);
    fresh();
    console_tick(&c, 7 + CONSOLE_PARTIAL_NS);
    EXPECT_STR(wire, "[alpha] z");
}

static void empty_lines_are_lines(void)
{
    start();
    say(0, "\n\r\n", 0);
    EXPECT_STR(wire, "[alpha] \r\n[alpha] \r\n");
}

static void interleaved_bytes_never_mix(void)
{
    start();
    for (int i = 0; i < 5; i++) {
        console_guest(&c, 0, (u8) "alpha"[i], (u64)i);
        console_guest(&c, 1, (u8) "betas"[i], (u64)i);
        console_tick(&c, (u64)i);
    }
    say(1, "\n", 9);
    say(0, "\n", 9);
    EXPECT_STR(wire, "[beta] betas\r\n[alpha] alpha\r\n");
}

static void two_prompts_take_turns(void)
{
    start();
    say(0, "a$ ", 0);
    say(1, "b$ ", 1);
    console_tick(&c, CONSOLE_PARTIAL_NS + 1);
    say(0, "x", CONSOLE_PARTIAL_NS * 2);
    console_tick(&c, CONSOLE_PARTIAL_NS * 3);
    EXPECT_STR(wire, "[alpha] a$ \r\n[beta] b$ \r\n[alpha] a$ x");
}

static void typing_survives_any_output(void)
{
    const char *line = "";
    start();
    console_prompt(&c);
    for (const char *k = "list"; *k; k++) {
        console_key(&c, (u8)*k, &line);
        say(0, "noise\n", 0);
        say(1, "noi", 0);
        console_tick(&c, CONSOLE_PARTIAL_NS);
        console_print(&c, "more");
    }
    EXPECT(strstr(wire, "more\r\ntrapline> list"));
    EXPECT(console_key(&c, '\r', &line));
    EXPECT_STR(line, "list");
    EXPECT(!c.prompt);
}

static void arrow_keys_and_crlf_are_no_text(void)
{
    const char *line = NULL;
    start();
    console_prompt(&c);
    for (const char *k = "a\x1b[A\x1bOBb\x1b[1;5Cc\x1b[@\x1b[~\xc3\xa4\t\x1d";
         *k; k++)
        EXPECT(console_key(&c, (u8)*k, &line) !=
               LINE_DONE); /* the Tab is somebody else's */
    EXPECT(console_key(&c, '\r', &line));
    EXPECT_STR(line, "abc");
    EXPECT(!console_key(&c, '\n', &line));
    EXPECT(console_key(&c, '\n', &line));
    EXPECT_STR(line, "");
    EXPECT(!console_key(&c, 0x1b, &line));
    EXPECT(console_key(&c, '\r', &line));
}

static void a_key_without_a_prompt_brings_it(void)
{
    const char *line;
    start();
    say(0, "half", 0);
    console_tick(&c, CONSOLE_PARTIAL_NS);
    console_key(&c, 'l', &line);
    EXPECT_STR(wire, "[alpha] half\r\ntrapline> l");
}

static void a_removed_guest_lets_go_of_the_terminal(void)
{
    start();
    console_attach(&c, 0);
    say(0, "bye", 0);
    console_remove(&c, 0);
    EXPECT_EQ(c.attached, -1);
    EXPECT(!c.line[0].used);
    console_add(&c, 0, "gamma");
    fresh();
    say(0, "hi\n", 0);
    EXPECT_STR(wire, "[gamma] hi\r\n");
}

static void a_long_message_is_cut_not_lost(void)
{
    char big[2000];
    start();
    memset(big, 'm', sizeof(big) - 1);
    big[sizeof(big) - 1] = 0;
    console_print(&c, "%s", big);
    EXPECT(wire_len > 700 && wire_len < 900);
    EXPECT(!memcmp(wire + wire_len - 3, "m\r\n", 4));
}

static void a_removed_guest_is_flushed(void)
{
    start();
    say(1, "last words", 0);
    console_remove(&c, 1);
    EXPECT_STR(wire, "[beta] last words\r\n");
    EXPECT_EQ(console_deadline(&c), UINT64_MAX);
}

static void what_was_seen_is_not_repeated_at_the_end(void)
{
    start();
    say(0, "hare$ ", 0);
    console_tick(&c, CONSOLE_PARTIAL_NS);
    console_remove(&c, 0);
    EXPECT_STR(wire, "[alpha] hare$ \r\n");
    start();
    console_prompt(&c);
    say(0, "hare$ ", 0);
    console_tick(&c, CONSOLE_PARTIAL_NS);
    fresh();
    console_remove(&c, 0);
    EXPECT_STR(wire, "");
}

static void a_flushed_line_does_not_go_on(void)
{
    start();
    say(0, "hare$ ", 0);
    console_tick(&c, CONSOLE_PARTIAL_NS);
    console_flush(&c, 0);
    say(0, "new\n", 0);
    EXPECT_STR(wire, "[alpha] hare$ \r\n[alpha] new\r\n");
    fresh();
    say(0, "cut", 0);
    console_flush(&c, 0);
    say(0, "new\n", 0);
    EXPECT_STR(wire, "[alpha] cut\r\n[alpha] new\r\n");
    console_attach(&c, 0);
    say(0, "hare$ ", 0);
    fresh();
    console_flush(&c, 0);
    console_flush(&c, 0);
    EXPECT_STR(wire, "\r\n");
    say(1, "x\n", 0);
    EXPECT_STR(wire, "\r\n[beta] x\r\n");
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

static void backspace_erases_only_what_was_shown(void)
{
    start();
    say(0, "ab", 0);
    console_tick(&c, CONSOLE_PARTIAL_NS);
    say(0, "c\b", 0);
    EXPECT_STR(wire, "[alpha] ab");
    say(0, "\bx\n", 0);
    EXPECT_STR(wire, "[alpha] ab\b \bx\r\n");
}

static void every_slot_is_looked_after(void)
{
    start();
    console_add(&c, CONSOLE_SLOTS - 1, "omega");
    say(CONSOLE_SLOTS - 1, "z", 5);
    EXPECT_EQ(console_deadline(&c), 5 + CONSOLE_PARTIAL_NS);
    say(0, "a", 3);
    EXPECT_EQ(console_deadline(&c), 3 + CONSOLE_PARTIAL_NS);
    console_tick(&c, 5 + CONSOLE_PARTIAL_NS);
    EXPECT_STR(wire, "[alpha] a\r\n[omega] z");
    EXPECT_EQ(console_deadline(&c), UINT64_MAX);
}

static const struct unit_case cases[] = {
    CASE(lines_come_whole_behind_their_names),
    CASE(an_unfinished_line_waits_then_shows_and_goes_on),
    CASE(an_interrupted_line_is_repeated_from_its_start),
    CASE(output_goes_above_the_prompt),
    CASE(a_guests_prompt_goes_above_too_once),
    CASE(a_line_is_typed_with_corrections),
    CASE(a_full_input_line_takes_no_more),
    CASE(attached_bytes_are_raw),
    CASE(others_stay_whole_while_attached),
    CASE(attaching_again_shows_the_line_again),
    CASE(attaching_ends_the_prompt_and_other_lines),
    CASE(an_endless_attached_line_does_no_harm),
    CASE(a_guest_cannot_forge_a_prefix),
    CASE(no_byte_but_plain_ones_comes_through),
    CASE(long_lines_are_split_behind_the_prefix),
    CASE(a_line_that_just_fits_is_one_line),
    CASE(a_split_line_still_waits_for_its_rest),
    CASE(empty_lines_are_lines),
    CASE(interleaved_bytes_never_mix),
    CASE(two_prompts_take_turns),
    CASE(typing_survives_any_output),
    CASE(arrow_keys_and_crlf_are_no_text),
    CASE(a_key_without_a_prompt_brings_it),
    CASE(a_removed_guest_lets_go_of_the_terminal),
    CASE(a_long_message_is_cut_not_lost),
    CASE(a_removed_guest_is_flushed),
    CASE(what_was_seen_is_not_repeated_at_the_end),
    CASE(a_flushed_line_does_not_go_on),
    CASE(the_vmms_lines_end_in_crlf),
    CASE(backspace_takes_back),
    CASE(backspace_erases_only_what_was_shown),
    CASE(every_slot_is_looked_after),
};
UNIT_MAIN(cases)
