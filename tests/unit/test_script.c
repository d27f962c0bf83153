/* SPDX-License-Identifier: MIT
 *
 * trapline.cmd=: how it is found on a command line, and what its commands and
 * its waits do, by a clock of the test's own.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/fake/machine.h"
#include "tests/unit/screen.h"
#include "tests/unit/unit.h"

static struct vm *vm;

static void start(const char *commands)
{
    vm = fake_vm(0x200000, SHADOW_CACHED);
    fake_hv.console.out = (struct sink){capture, NULL};
    fake_hv.exit_when_idle = true;
    script_set(&fake_hv.script, slice_of(commands));
}

/* What is printed by a turn at this time. */
static const char *turn(u64 now)
{
    wipe();
    script_turn(&fake_hv, now);
    return screen;
}

#define DONE "trapline: cmd: done\r\n"

/* Commands in a line with others; the words that are not its own. */
static const char *option(const char *line, const char *others)
{
    static struct script s;
    static char left[200];
    struct slice rest = slice_of(line), word;
    size_t len = 0;

    s = (struct script){0};
    left[0] = 0;
    while (slice_word(&rest, &word)) {
        if (!script_option(&s, word, &rest))
            len += fmt_buf(left + len, sizeof(left) - len, "%.*s ",
                           (int)word.len, word.at);
    }
    EXPECT_STR(left, others);
    return s.text;
}

static void the_option_is_found(void)
{
    EXPECT_STR(
        option("exit=stopped trapline.cmd=list a=b", "exit=stopped a=b "),
        "list");
    EXPECT_STR(option("trapline.cmd=\"list; stats a\" x", "x "),
               "list; stats a");
    EXPECT_STR(option("x \"trapline.cmd=list; stats a\" y", "x y "),
               "list; stats a");
    EXPECT_STR(option("trapline.cmd=\"list", ""), "list");
    EXPECT_STR(option("trapline.cmd=\"list; a", ""), "list; a");
    EXPECT_STR(option("trapline.cmd=", ""), "");
    EXPECT_STR(option("trapline.cmd=\"\" x", "x "), "");
    EXPECT_STR(option("trapline.cm", "trapline.cm "), "");
}

static void commands_run_one_after_the_other(void)
{
    start(" pause fake;; resume fake ;  frob;");
    EXPECT(script_busy(&fake_hv.script));
    EXPECT_STR(turn(0), "trapline: cmd: pause fake\r\n"
                        "trapline: fake: paused\r\n"
                        "trapline: cmd: resume fake \r\n"
                        "trapline: fake: resumed\r\n"
                        "trapline: cmd: frob\r\n"
                        "\"frob\" is not a command; `help` lists those there "
                        "are.\r\n" DONE);
    EXPECT(!script_busy(&fake_hv.script));
    EXPECT_STR(turn(0), "");
    start("");
    EXPECT(!script_busy(&fake_hv.script));
    EXPECT_STR(turn(0), "");
}

static void a_long_script_is_cut_at_a_command(void)
{
    char text[700];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    memcpy(text, "list;", 5);
    start(text);
    EXPECT_STR(fake_hv.script.text, "list;");
    EXPECT(strstr(turn(0),
                  "trapline: cmd: the last 694 characters were left "
                  "out, for whole commands must go into 511.\r\n" DONE));
    text[4] = ' ';
    start(text);
    EXPECT(strstr(turn(0), "trapline: cmd: the last 699 characters were left "
                           "out"));
}

static void the_prompt_comes_behind(void)
{
    start("frob");
    fake_hv.exit_when_idle = false;
    EXPECT(strstr(turn(0), DONE "trapline> "));
    start("attach fake");
    fake_hv.exit_when_idle = false;
    EXPECT(!strstr(turn(0), "trapline> "));
}

static void poweroff_is_the_end(void)
{
    start("poweroff; list");
    EXPECT_STR(turn(0), "trapline: cmd: poweroff\r\n");
    EXPECT(fake_hv.poweroff);
}

static void a_wait_takes_its_time(void)
{
    start("wait 5ms; wait 7us; wait 2s");
    EXPECT_EQ(script_deadline(&fake_hv.script), UINT64_MAX);
    EXPECT_STR(turn(1000), "trapline: cmd: wait 5ms\r\n");
    EXPECT_EQ(script_deadline(&fake_hv.script), 5001000);
    EXPECT_STR(turn(5000999), "");
    EXPECT_STR(turn(5001000), "trapline: cmd: wait 7us\r\n");
    EXPECT_STR(turn(5008000), "trapline: cmd: wait 2s\r\n");
    EXPECT_STR(turn(2005007999), "");
    EXPECT_STR(turn(2005008000), DONE);
    EXPECT_EQ(script_deadline(&fake_hv.script), UINT64_MAX);
}

static void a_wait_ends_with_a_state(void)
{
    start("wait fake running; wait fake halted; wait fake paused; "
          "wait fake stopped; wait fake killed");
    EXPECT(strstr(turn(0), "cmd: wait fake halted\r\n"));
    EXPECT_STR(turn(1), "");
    vm->cpu.halted = true;
    EXPECT_STR(turn(2), "trapline: cmd: wait fake paused\r\n");
    vm_pause(vm);
    EXPECT_STR(turn(3), "trapline: cmd: wait fake stopped\r\n");
    EXPECT_STR(turn(4), "");
    vm_resume(vm);
    vm_kill(vm, "it is a test");
    EXPECT(strstr(turn(5), "cmd: wait fake killed\r\n" DONE));
    start("wait fake exited");
    turn(0);
    vm->state = VM_EXITED;
    EXPECT_STR(turn(1), DONE);
}

static void a_wait_in_vain_says_so(void)
{
    start("wait fake paused 3ms");
    turn(0);
    EXPECT_STR(
        turn(3000000),
        "trapline: wait: the time is over, and fake is running.\r\n" DONE);
    start("wait fake paused");
    turn(0);
    vm_kill(vm, "it is a test");
    EXPECT(strstr(turn(1), "trapline: wait: fake is killed and not paused."));
    start("wait fake paused");
    turn(0);
    vm->state = VM_EXITED;
    EXPECT(strstr(turn(1), "trapline: wait: fake is exited and not paused."));
    start("wait nobody stopped");
    EXPECT(strstr(turn(0), "trapline: wait: there is no VM \"nobody\"."));
}

static void wrong_waits_say_what_is_right(void)
{
    static const char *const wrong[] = {
        "wait",
        "wait fake",
        "wait fake dead",
        "wait 5",
        "wait ms",
        "wait 5min",
        "wait 5ms more",
        "wait fake paused 5",
        "wait fake paused 5ms more",
        "wait a-name-that-is-too-long-for-a-vm stopped",
        "wait 99999999999999999s"};

    for (u32 i = 0; i < ARRAY_LEN(wrong); i++) {
        start(wrong[i]);
        EXPECT(strstr(turn(0), "trapline: wait: write `wait 500ms`"));
        EXPECT(!script_busy(&fake_hv.script));
    }
}

static const struct unit_case cases[] = {
    CASE(the_option_is_found),
    CASE(commands_run_one_after_the_other),
    CASE(a_long_script_is_cut_at_a_command),
    CASE(the_prompt_comes_behind),
    CASE(poweroff_is_the_end),
    CASE(a_wait_takes_its_time),
    CASE(a_wait_ends_with_a_state),
    CASE(a_wait_in_vain_says_so),
    CASE(wrong_waits_say_what_is_right),
};
UNIT_MAIN(cases)
