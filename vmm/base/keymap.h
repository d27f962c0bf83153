/* SPDX-License-Identifier: MIT
 *
 * A keyboard's scan codes (set 1) and what they mean on a US layout.
 *
 * Codes come byte by byte; a key that moves is one to three of them. A guest
 * wants the codes as they are, the console wants the bytes a terminal would
 * send: struct key has both, and the names of the few keys that the VMM
 * itself listens to.
 */
#ifndef BASE_KEYMAP_H
#define BASE_KEYMAP_H

#include "vmm/base/types.h"

#define KEY_BREAK    0x80 /* in a scan code: released */
#define KEY_EXTENDED 0x80 /* in a name: the code had the prefix 0xe0 */
#define KEY_PREFIX   0xe0 /* the scan code's */

/* A key's name is its make code. */
enum {
    KEY_NONE = 0x00,
    KEY_ENTER = 0x1c,
    KEY_CTRL = 0x1d,
    KEY_SHIFT = 0x2a,
    KEY_SHIFT_RIGHT = 0x36,
    KEY_ALT = 0x38,
    KEY_CAPS = 0x3a,
    KEY_F1 = 0x3b,
    KEY_NUM = 0x45,
    KEY_HOME = 0x47 | KEY_EXTENDED,
    KEY_PAGE_UP = 0x49 | KEY_EXTENDED,
    KEY_PAGE_DOWN = 0x51 | KEY_EXTENDED,
    KEY_PAUSE = 0xff, /* its code is unlike all others */
};

struct key {
    u8 name;
    bool down;
    bool again;        /* pressed long ago, and repeated by the keyboard */
    u8 code[3], codes; /* as the keyboard sent it */
    u8 byte[8], bytes; /* pressed: what a terminal would send */
};

struct keymap {
    u8 code[3], codes; /* of a key that is not complete */
    u8 held;           /* modifiers, a bit each */
    u8 last;           /* the key that would repeat */
    bool caps, num;
};

/* True when the code completes a key. */
bool keymap_feed(struct keymap *k, u8 code, struct key *key);
bool keymap_shift(const struct keymap *k);
bool keymap_ctrl(const struct keymap *k);
bool keymap_alt(const struct keymap *k);
/* The key that types c, and whether it wants Shift; KEY_NONE: no key does.
 * "\n" is Enter, "\b" is Backspace. */
u8 keymap_find(char c, bool *shift);

#endif
