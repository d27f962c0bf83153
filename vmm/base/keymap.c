/* SPDX-License-Identifier: MIT
 *
 * See keymap.h. Two prefixes make scan codes longer: 0xe0 stands before the
 * keys that the first PC did not have, 0xe1 before the two codes of Pause. A
 * prefix is never a code, so after lost bytes the next prefix or plain code
 * begins a key again. What a keyboard says about itself (answers, overrun)
 * is no key.
 *
 * With E0, keyboards send shifts that nobody pressed, so that old programs
 * see the cursor keys right while Num Lock is on; they are keys of their own
 * and mean nothing here. The keypad types digits while Num Lock is on, and
 * moves otherwise; it starts off, as keyboards do.
 *
 * Bytes are those that xterm sends: Enter is CR, Backspace is DEL, Alt is an
 * ESC in front.
 *
 * LIMIT: US layout only; no dead keys, no AltGr.
 *
 * IBM PS/2 hardware technical reference, "Keyboards (101- and 102-key)".
 */
#include "vmm/base/keymap.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"

#define PREFIX_PAUSE 0xe1
#define OVERRUN      0x00
#define ECHO         0xee
#define ACK          0xfa
#define FAILED       0xfc
#define AGAIN        0xfe
#define OVERRUN_ALSO 0xff

#define ESC       0x1b
#define DEL       0x7f
#define BACKSPACE 0x0e
#define TAB       0x0f
#define PAD_STAR  0x37
#define PAD_FIRST 0x47
#define PAD_LAST  0x53
#define PAD_MINUS 0x4a
#define PAD_PLUS  0x4e
#define PAD_SLASH (0x35 | KEY_EXTENDED)
#define PAD_ENTER (KEY_ENTER | KEY_EXTENDED)

enum {
    HELD_SHIFT = BIT(0),
    HELD_SHIFT_RIGHT = BIT(1),
    HELD_CTRL = BIT(2),
    HELD_CTRL_RIGHT = BIT(3),
    HELD_ALT = BIT(4),
    HELD_ALT_RIGHT = BIT(5),
};

/* The character of each code from 0 to the space bar, plain and shifted. */
#define LAYOUT_KEYS 0x3a
static const char plain_keys[LAYOUT_KEYS + 1] =
    "\0\0331234567890-=\b\tqwertyuiop[]\n\0"
    "asdfghjkl;'`\0\\zxcvbnm,./\0\0\0 ";
static const char shift_keys[LAYOUT_KEYS + 1] =
    "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0"
    "ASDFGHJKL:\"~\0|ZXCVBNM<>?\0\0\0 ";
static const char pad_keys[] = "789-456+1230.";

/* Keys that send a sequence. */
static const struct {
    u8 name;
    char text[6];
} sequences[] = {
    {0x47, "\033[H"},   {0x48, "\033[A"},   {0x49, "\033[5~"},
    {0x4b, "\033[D"},   {0x4d, "\033[C"},   {0x4f, "\033[F"},
    {0x50, "\033[B"},   {0x51, "\033[6~"},  {0x52, "\033[2~"},
    {0x53, "\033[3~"},  {0x3b, "\033OP"},   {0x3c, "\033OQ"},
    {0x3d, "\033OR"},   {0x3e, "\033OS"},   {0x3f, "\033[15~"},
    {0x40, "\033[17~"}, {0x41, "\033[18~"}, {0x42, "\033[19~"},
    {0x43, "\033[20~"}, {0x44, "\033[21~"}, {0x57, "\033[23~"},
    {0x58, "\033[24~"},
};

static const struct {
    u8 name, bit;
} modifiers[] = {
    {KEY_SHIFT, HELD_SHIFT}, {KEY_SHIFT_RIGHT, HELD_SHIFT_RIGHT},
    {KEY_CTRL, HELD_CTRL},   {KEY_CTRL | KEY_EXTENDED, HELD_CTRL_RIGHT},
    {KEY_ALT, HELD_ALT},     {KEY_ALT | KEY_EXTENDED, HELD_ALT_RIGHT},
};

bool keymap_shift(const struct keymap *k)
{
    return k->held & (HELD_SHIFT | HELD_SHIFT_RIGHT);
}

bool keymap_ctrl(const struct keymap *k)
{
    return k->held & (HELD_CTRL | HELD_CTRL_RIGHT);
}

bool keymap_alt(const struct keymap *k)
{
    return k->held & (HELD_ALT | HELD_ALT_RIGHT);
}

/* A modifier, or a lock: remembered. */
static bool modify(struct keymap *k, const struct key *key)
{
    for (u32 i = 0; i < ARRAY_LEN(modifiers); i++) {
        if (modifiers[i].name != key->name)
            continue;
        k->held &= (u8)~modifiers[i].bit;
        k->held |= key->down ? modifiers[i].bit : 0;
        return true;
    }
    if (key->name == KEY_CAPS)
        k->caps ^= key->down && !key->again;
    else if (key->name == KEY_NUM)
        k->num ^= key->down && !key->again;
    else
        return false;
    return true;
}

static bool letter(char c)
{
    return c >= 'a' && c <= 'z';
}

/* With Ctrl: '@' to '_' are the control characters, in either half of the
 * key; '/' is '_' and space is '@', as on a VT100. */
static u8 control(char plain, char shifted)
{
    if (letter(plain) || (plain >= '@' && plain <= '_'))
        return plain & 0x1f;
    if (shifted >= '@' && shifted <= '_')
        return shifted & 0x1f;
    if (plain == ' ')
        return 0;
    return plain == '/' ? '_' & 0x1f : (u8)plain;
}

/* The byte that the key types; false: none. */
static bool typed(const struct keymap *k, u8 name, u8 *byte)
{
    char plain, shifted;
    bool shift = keymap_shift(k);

    if (name == PAD_SLASH || name == PAD_ENTER)
        name &= (u8)~KEY_EXTENDED;
    if (name >= LAYOUT_KEYS || !plain_keys[name])
        return false;
    plain = plain_keys[name];
    shifted = shift_keys[name];
    shift ^= k->caps && letter(plain);
    *byte = (u8)(shift ? shifted : plain);
    if (name == BACKSPACE)
        *byte = keymap_ctrl(k) ? '\b' : DEL;
    else if (name == KEY_ENTER)
        *byte = '\r';
    else if (keymap_ctrl(k))
        *byte = control(plain, shifted);
    return true;
}

/* The keypad: digits, or nothing when it moves. */
static bool pad(const struct keymap *k, u8 name, u8 *byte)
{
    if (name == PAD_STAR) {
        *byte = '*';
        return true;
    }
    if (name < PAD_FIRST || name > PAD_LAST)
        return false;
    *byte = (u8)pad_keys[name - PAD_FIRST];
    return name == PAD_MINUS || name == PAD_PLUS || k->num != keymap_shift(k);
}

static void append(struct key *key, const char *text, size_t len)
{
    memcpy(key->byte + key->bytes, text, len);
    key->bytes += (u8)len;
}

static void sequence(struct key *key)
{
    u8 name = key->name;

    if (name >= (PAD_FIRST | KEY_EXTENDED) && name <= (PAD_LAST | KEY_EXTENDED))
        name &= (u8)~KEY_EXTENDED;
    for (u32 i = 0; i < ARRAY_LEN(sequences); i++) {
        if (sequences[i].name == name)
            append(key, sequences[i].text, str_len(sequences[i].text));
    }
}

static void translate(const struct keymap *k, struct key *key)
{
    static const char back_tab[] = {ESC, '[', 'Z'};
    u8 byte;

    if (key->name == TAB && keymap_shift(k)) {
        append(key, back_tab, sizeof(back_tab));
    } else if (typed(k, key->name, &byte) || pad(k, key->name, &byte)) {
        if (keymap_alt(k))
            key->byte[key->bytes++] = ESC;
        key->byte[key->bytes++] = byte;
    } else {
        sequence(key);
    }
}

/* Collects the bytes of one key. */
static bool complete(struct keymap *k, u8 code)
{
    bool prefix = code == KEY_PREFIX || code == PREFIX_PAUSE;

    if (prefix)
        k->codes = 0;
    k->code[k->codes++] = code;
    if (prefix)
        return false;
    return k->code[0] != PREFIX_PAUSE || k->codes == sizeof(k->code);
}

static bool no_key(u8 code)
{
    return code == OVERRUN || code == ECHO || code == ACK || code == FAILED ||
           code == AGAIN || code == OVERRUN_ALSO;
}

bool keymap_feed(struct keymap *k, u8 code, struct key *key)
{
    if (no_key(code) || !complete(k, code))
        return false;
    memset(key, 0, sizeof(*key));
    memcpy(key->code, k->code, k->codes);
    key->codes = k->codes;
    k->codes = 0;
    key->down = !(code & KEY_BREAK);
    key->name = code & (u8)~KEY_BREAK;
    if (key->codes == 2)
        key->name |= KEY_EXTENDED;
    else if (key->codes == 3)
        key->name = KEY_PAUSE;
    key->again = key->down && key->name == k->last;
    k->last = key->down ? key->name : KEY_NONE;
    if (!modify(k, key) && key->down)
        translate(k, key);
    return true;
}

u8 keymap_find(char c, bool *shift)
{
    for (u8 code = 1; code < LAYOUT_KEYS && c; code++) {
        *shift = plain_keys[code] != c;
        if (plain_keys[code] == c || shift_keys[code] == c)
            return code;
    }
    return KEY_NONE;
}
