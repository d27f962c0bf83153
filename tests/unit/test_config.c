/* SPDX-License-Identifier: MIT
 *
 * Module lines: every key, every error, every sentence.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/vm/config.h"

static struct vm_config c;
static char error[300];

static bool parse(const char *line)
{
    error[0] = 0;
    return config_parse(line, &c, error, sizeof(error));
}

static void a_full_line(void)
{
    EXPECT(parse("vm=alpha mem=64M exec=trap shadow=vtlb weight=3 -- a=b  c "));
    EXPECT_EQ(c.kind, CONFIG_VM);
    EXPECT_STR(c.name, "alpha");
    EXPECT_EQ(c.mem, 64u << 20);
    EXPECT_EQ(c.shadow, SHADOW_VTLB);
    EXPECT_EQ(c.weight, 3);
    EXPECT_STR(c.line, "a=b  c");
}

static void defaults(void)
{
    EXPECT(parse("vm=a"));
    EXPECT_EQ(c.mem, 32u << 20);
    EXPECT_EQ(c.shadow, SHADOW_CACHED);
    EXPECT_EQ(c.weight, 1);
    EXPECT_STR(c.line, "");
}

static void attached_modules_keep_their_words(void)
{
    EXPECT(parse("for=alpha initrd root=/x"));
    EXPECT_EQ(c.kind, CONFIG_ATTACH);
    EXPECT_STR(c.name, "alpha");
    EXPECT_STR(c.line, "initrd root=/x");
    EXPECT(parse("for=beta"));
    EXPECT_STR(c.line, "");
}

static void nothing_is_nothing(void)
{
    EXPECT(parse(""));
    EXPECT_EQ(c.kind, CONFIG_NONE);
    EXPECT(parse("   "));
    EXPECT_EQ(c.kind, CONFIG_NONE);
}

static void each_error_quotes_the_word_and_the_fix(void)
{
    static const struct {
        const char *line, *quotes, *fix;
    } bad[] = {
        {"vm=a memory=32M", "\"memory=32M\"", "mem="},
        {"vm=a shade=vtlb", "\"shade=vtlb\"", "shadow="},
        {"vm=a mem=lots", "\"mem=lots\"", "such as 32M"},
        {"vm=a mem=12Q", "\"mem=12Q\"", "such as 32M"},
        {"vm=a mem=1000001", "\"mem=1000001\"", "whole pages"},
        {"vm=a mem=64K", "\"mem=64K\"", "from 1M"},
        {"vm=a mem=4G", "\"mem=4G\"", "3G"},
        {"vm=a mem=", "mem= has no value", "32M"},
        {"vm=", "vm= has no value", "name"},
        {"vm=a/b", "\"vm=a/b\"", "letters"},
        {"vm=abcdefghijklmnop", "\"vm=abcdefghijklmnop\"", "1 to 15"},
        {"vm=a weight=0", "\"weight=0\"", "1 to 100"},
        {"vm=a weight=101", "\"weight=101\"", "1 to 100"},
        {"vm=a cap=0", "\"cap=0\"", "1 to 100"},
        {"vm=a cap=101", "\"cap=101\"", "percent"},
        {"vm=a cap=x", "\"cap=x\"", "percent"},
        {"vm=a length=0ms", "\"length=0ms\"", "60s"},
        {"vm=a length=20", "\"length=20\"", "20ms"},
        {"vm=a length=61s", "\"length=61s\"", "60s"},
        {"vm=a disk=32K", "\"disk=32K\"", "from 64K"},
        {"vm=a disk=2G", "\"disk=2G\"", "to 1G"},
        {"vm=a disk=65537", "\"disk=65537\"", "whole pages"},
        {"vm=a disk=big", "\"disk=big\"", "such as 16M"},
        {"vm=a exec=bt", "\"exec=bt\"", "later"},
        {"vm=a shadow=none", "\"shadow=none\"", "vtlb or cached"},
        {"vm=a vm=b", "vm= is given twice", "keep one"},
        {"vm=a for=b", "exclude", "for one"},
        {"mem=32M", "no vm=", "vm=alpha"},
        {"vm=a quiet", "\"quiet\"", "behind --"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        EXPECT(!parse(bad[i].line));
        EXPECT(strstr(error, bad[i].quotes) != NULL);
        EXPECT(strstr(error, bad[i].fix) != NULL);
    }
}

static void limits_are_inside(void)
{
    EXPECT(parse("vm=azAZ09-_abcdefg mem=1M weight=100"));
    EXPECT_STR(c.name, "azAZ09-_abcdefg");
    EXPECT_EQ(c.disk, 0);
    EXPECT(parse("vm=a disk=64K"));
    EXPECT_EQ(c.disk, 64 << 10);
    EXPECT(parse("vm=a disk=1G"));
    EXPECT_EQ(c.disk, 1 << 30);
    EXPECT(parse("vm=azAZ09-_abcdefg mem=1M weight=100"));
    EXPECT_EQ(c.mem, VM_MEM_MIN);
    EXPECT_EQ(c.weight, VM_WEIGHT_MAX);
    EXPECT(parse("vm=a mem=3G weight=1"));
    EXPECT_EQ(c.mem, VM_MEM_MAX);
    EXPECT(parse("vm=a mem=0x100000 exec=trap shadow=cached"));
    EXPECT_EQ(c.shadow, SHADOW_CACHED);
    EXPECT(parse("vm=a --"));
    EXPECT_STR(c.line, "");
    EXPECT(parse("vm=a -- -- vm=b"));
    EXPECT_STR(c.line, "-- vm=b");
}

static void names_of_odd_letters_are_refused(void)
{
    static const char odd[] = "@[`{/:.,!*~=";
    char line[16] = "vm=x";
    for (size_t i = 0; i < sizeof(odd) - 1; i++) {
        line[3] = odd[i];
        EXPECT(!parse(line));
        EXPECT(strstr(error, "letters"));
    }
    EXPECT(!parse("for=a/b x"));
}

static void the_nearest_key_is_named(void)
{
    static const struct {
        const char *line, *near;
    } words[] = {
        {"v=a", "mean vm=?"},          {"fro=a", "mean for=?"},
        {"memory=1", "mean mem=?"},    {"exce=1", "mean exec=?"},
        {"shadwo=1", "mean shadow=?"}, {"weigth=1", "mean weight=?"},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        EXPECT(!parse(words[i].line));
        EXPECT(strstr(error, words[i].near));
    }
}

static void the_keys_can_be_listed(void)
{
    const char *wanted = "";
    u32 n = 0;
    while (config_key(n, &wanted)) {
        EXPECT(*wanted);
        n++;
    }
    EXPECT_EQ(n, 11);
    EXPECT_STR(config_key(0, &wanted), "vm");
}

static void shares_can_be_limited_and_lengths_declared(void)
{
    EXPECT(parse("vm=a"));
    EXPECT_EQ(c.cap, 0);
    EXPECT_EQ(c.length, 0);
    EXPECT(parse("vm=a cap=25 length=1500us"));
    EXPECT_EQ(c.cap, 25);
    EXPECT_EQ(c.length, 1500000);
    EXPECT(parse("vm=a cap=100 length=60s"));
    EXPECT_EQ(c.length, 60000000000ull);
}

static void some_keys_can_be_changed_later(void)
{
    EXPECT(parse("vm=a weight=2"));
    EXPECT(config_change(slice_of("weight=3"), &c, error, sizeof(error)));
    EXPECT_EQ(c.weight, 3);
    EXPECT(!config_change(slice_of("vm=b"), &c, error, sizeof(error)));
    EXPECT(strstr(error, "cannot be changed while a VM runs"));
    EXPECT(!config_change(slice_of("weight="), &c, error, sizeof(error)));
    EXPECT(strstr(error, "has no value"));
    EXPECT_EQ(c.weight, 3);
}

static void a_guest_line_may_be_as_long_as_it_fits(void)
{
    char line[600] = "vm=a -- ";
    memset(line + 8, 'x', VM_LINE_MAX - 1);
    EXPECT(parse(line));
    EXPECT_EQ(strlen(c.line), VM_LINE_MAX - 1);
}

static void a_small_error_buffer_is_enough(void)
{
    char two[2] = "zz";
    EXPECT(!config_parse("vm=a speed=9", &c, two, sizeof(two)));
    EXPECT_EQ(two[1], 0);
}

static void a_long_guest_line_is_refused(void)
{
    char line[600] = "vm=a -- ";
    memset(line + 8, 'x', 300);
    EXPECT(!parse(line));
    EXPECT(strstr(error, "255"));
}

static void the_interpreter_has_two_dispatchers(void)
{
    EXPECT(parse("vm=a exec=interp"));
    EXPECT_EQ(c.exec, EXEC_INTERP);
    EXPECT_EQ(c.dispatch, DISPATCH_THREADED);
    EXPECT(parse("vm=a exec=interp interp=plain"));
    EXPECT_EQ(c.dispatch, DISPATCH_PLAIN);
    EXPECT(parse("vm=a interp=threaded"));
    EXPECT_EQ(c.dispatch, DISPATCH_THREADED);
    EXPECT_EQ(c.exec, EXEC_TRAP);
    EXPECT(!parse("vm=a interp=fast"));
    EXPECT(strstr(error, "threaded or plain"));
}

static const struct unit_case cases[] = {
    CASE(a_full_line),
    CASE(defaults),
    CASE(attached_modules_keep_their_words),
    CASE(nothing_is_nothing),
    CASE(each_error_quotes_the_word_and_the_fix),
    CASE(limits_are_inside),
    CASE(names_of_odd_letters_are_refused),
    CASE(the_nearest_key_is_named),
    CASE(the_keys_can_be_listed),
    CASE(shares_can_be_limited_and_lengths_declared),
    CASE(some_keys_can_be_changed_later),
    CASE(a_guest_line_may_be_as_long_as_it_fits),
    CASE(a_small_error_buffer_is_enough),
    CASE(a_long_guest_line_is_refused),
    CASE(the_interpreter_has_two_dispatchers),
};
UNIT_MAIN(cases)
