/* SPDX-License-Identifier: MIT
 *
 * Scan codes to keys and bytes: every character of the layout by the key
 * that types it, modifiers on both sides, locks, keypad, prefixes, and noise.
 * LINKS: vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/base/keymap.h"

static struct keymap k;
static struct key key;

static void start(void)
{
    memset(&k, 0, sizeof(k));
}

/* The bytes that a row of scan codes types; FF ends the row. */
static const char *types(const u8 *codes, u32 count)
{
    static char text[256];
    u32 len = 0;

    for (u32 i = 0; i < count; i++) {
        if (!keymap_feed(&k, codes[i], &key))
            continue;
        for (u32 b = 0; b < key.bytes; b++)
            text[len++] = (char)key.byte[b];
    }
    text[len] = 0;
    return text;
}

#define TYPES(want, ...)                                                       \
    do {                                                                       \
        static const u8 codes_[] = {__VA_ARGS__};                              \
        EXPECT_STR(types(codes_, sizeof(codes_)), want);                       \
    } while (0)

static void every_character_has_its_key(void)
{
    u32 found = 0;

    for (u32 c = ' '; c < 127; c++) {
        bool shift;
        u8 code = keymap_find((char)c, &shift);
        char want[2] = {(char)c, 0};
        u8 codes[4] = {KEY_SHIFT, code, code | KEY_BREAK,
                       KEY_SHIFT | KEY_BREAK};

        start();
        EXPECT(code != KEY_NONE);
        EXPECT_STR(types(codes + !shift, shift ? 4 : 2), want);
        EXPECT_EQ(k.held, 0);
        found++;
    }
    EXPECT_EQ(found, 95);
}

static void some_keys_by_the_manual(void)
{
    bool shift;

    EXPECT_EQ(keymap_find('a', &shift), 0x1e);
    EXPECT(!shift);
    EXPECT_EQ(keymap_find('Z', &shift), 0x2c);
    EXPECT(shift);
    EXPECT_EQ(keymap_find('|', &shift), 0x2b);
    EXPECT(shift);
    EXPECT_EQ(keymap_find('~', &shift), 0x29);
    EXPECT_EQ(keymap_find('?', &shift), 0x35);
    EXPECT_EQ(keymap_find('\n', &shift), KEY_ENTER);
    EXPECT_EQ(keymap_find('\b', &shift), 0x0e);
    EXPECT_EQ(keymap_find(0, &shift), KEY_NONE);
    EXPECT_EQ(keymap_find('\x07', &shift), KEY_NONE);
    EXPECT_EQ(keymap_find('\xe9', &shift), KEY_NONE);
    start();
    TYPES("\r\x7f\t\x1b ", 0x1c, 0x9c, 0x0e, 0x8e, 0x0f, 0x8f, 1, 0x81, 0x39);
}

static void shift_and_caps(void)
{
    start();
    TYPES("aAa", 0x1e, 0x9e, 0x2a, 0x1e, 0x9e, 0xaa, 0x1e, 0x9e);
    TYPES("AAa", 0x36, 0x2a, 0x1e, 0xaa, 0x1e, 0xb6, 0x1e); /* both, then one */
    start();
    TYPES("A1a!", 0x3a, 0xba, 0x1e, 0x02, 0x2a, 0x1e, 0x02, 0xaa);
    TYPES("zaZ", 0x2a, 0x2c, 0x1e, 0xaa, 0x2c);
    TYPES("A", 0x3a, 0x3a, 0x3a, 0xba, 0x3a, 0x3a, 0xba, 0x1e); /* held long */
    start();
    TYPES("", 0x2a);
    EXPECT(keymap_shift(&k) && !keymap_ctrl(&k) && !keymap_alt(&k));
}

static void control_and_alt(void)
{
    start();
    TYPES("\x03\x1d\x1b\x1c", 0x1d, 0x2e, 0x1b, 0x1a, 0x2b, 0x9d);
    TYPES("\x1e\x1f\x1f\x08", 0xe0, 0x1d, 0x07, 0x0c, 0x35, 0x0e, 0xe0, 0x9d);
    TYPES("\x03", 0x1d, 0x2a, 0x2e, 0xaa, 0x9d);
    TYPES("c", 0x2e);
    TYPES("\033x", 0x38, 0x2d, 0xb8);
    TYPES("\033x", 0xe0, 0x38, 0x2d, 0xe0, 0xb8);
    TYPES("1\x1a", 0x1d, 0x02, 0x2c, 0x9d); /* no control: itself */
    TYPES("", 0x1d);
    EXPECT(keymap_feed(&k, 0x03, &key));
    EXPECT_EQ(key.bytes, 1); /* Ctrl-@ */
    EXPECT_EQ(key.byte[0], 0);
    EXPECT(keymap_feed(&k, 0x39, &key));
    EXPECT_EQ(key.bytes, 1); /* Ctrl-Space */
    EXPECT_EQ(key.byte[0], 0);
}

static void keys_that_move(void)
{
    start();
    TYPES("\033[A\033[B\033[C\033[D", 0xe0, 0x48, 0xe0, 0x50, 0xe0, 0x4d, 0xe0,
          0x4b);
    TYPES("\033[H\033[F\033[5~\033[6~\033[2~\033[3~", 0xe0, 0x47, 0xe0, 0x4f,
          0xe0, 0x49, 0xe0, 0x51, 0xe0, 0x52, 0xe0, 0x53);
    TYPES("\033OP\033[15~\033[24~\033[Z", 0x3b, 0x3f, 0x58, 0x2a, 0x0f, 0xaa);
    EXPECT(keymap_feed(&k, 0xe0, &key) == false);
    EXPECT(keymap_feed(&k, 0x49, &key));
    EXPECT_EQ(key.name, KEY_PAGE_UP);
    EXPECT_EQ(key.codes, 2);
    EXPECT_EQ(key.code[0], 0xe0);
    EXPECT_EQ(key.code[1], 0x49);
}

static void the_keypad(void)
{
    start();
    TYPES("*-+/\r", 0x37, 0x4a, 0x4e, 0xe0, 0x35, 0xe0, 0x1c);
    TYPES("\033[H\033[A\033[3~", 0x47, 0x48, 0x53);
    TYPES("", 0x4c);
    TYPES("7850.-", 0x45, 0xc5, 0x47, 0x48, 0x4c, 0x52, 0x53, 0x4a);
    TYPES("\033[H", 0x2a, 0x47, 0xaa);
    /* A cursor key while Num Lock is on comes wrapped in shifts of its own. */
    TYPES("\033[A7", 0xe0, 0x2a, 0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0xaa, 0x47);
    EXPECT_EQ(k.held, 0);
}

static void pause_is_one_key(void)
{
    static const u8 codes[] = {0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5};
    u32 keys = 0;

    start();
    for (u32 i = 0; i < sizeof(codes); i++) {
        if (!keymap_feed(&k, codes[i], &key))
            continue;
        EXPECT_EQ(key.name, KEY_PAUSE);
        EXPECT_EQ(key.down, keys == 0);
        EXPECT_EQ(key.codes, 3);
        EXPECT_EQ(key.bytes, 0);
        keys++;
    }
    EXPECT_EQ(keys, 2);
    EXPECT(!keymap_ctrl(&k) && !k.num);
}

static void what_a_keyboard_says_is_no_key(void)
{
    static const u8 words[] = {0xfa, 0x00, 0xff, 0xfe, 0xee, 0xfc};

    start();
    TYPES("a", 0xfa, 0x00, 0xff, 0xfe, 0xee, 0xfc, 0x1e);
    for (u32 i = 0; i < sizeof(words); i++)
        EXPECT(!keymap_feed(&k, words[i], &key));
    TYPES("", 0xe0, 0x3b, 0xe0, 0x57);
    TYPES("b", 0xe0, 0xe0, 0xe1, 0xe0, 0xfa, 0x48 | 0x80,
          0x30); /* lost bytes */
}

static void a_repeat_is_told(void)
{
    start();
    keymap_feed(&k, 0x1e, &key);
    EXPECT(key.down && !key.again);
    keymap_feed(&k, 0x1e, &key);
    EXPECT(key.down && key.again);
    keymap_feed(&k, 0x9e, &key);
    EXPECT(!key.down && !key.again);
    keymap_feed(&k, 0x1e, &key);
    EXPECT(!key.again);
    keymap_feed(&k, 0x30, &key);
    EXPECT(!key.again);
}

static void noise(void)
{
    u32 seed = 7;

    start();
    for (u32 i = 0; i < 1000000; i++) {
        seed = seed * 1664525 + 1013904223;
        if (!keymap_feed(&k, (u8)(seed >> 24), &key))
            continue;
        if (key.codes == 0 || key.codes > 3 || key.bytes > sizeof(key.byte))
            return (void)++unit_failures;
    }
}

static const struct unit_case list[] = {
    CASE(every_character_has_its_key),
    CASE(some_keys_by_the_manual),
    CASE(shift_and_caps),
    CASE(control_and_alt),
    CASE(keys_that_move),
    CASE(the_keypad),
    CASE(pause_is_one_key),
    CASE(what_a_keyboard_says_is_no_key),
    CASE(a_repeat_is_told),
    CASE(noise),
};

UNIT_MAIN(list)
