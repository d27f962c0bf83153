/* SPDX-License-Identifier: MIT
 *
 * The keyboard behind the i8042, in the scan codes of set 1 (the controller
 * translates): a table for plain keys, one for shifted keys, and the shift
 * keys and the left Ctrl remembered; a letter with Ctrl is its number in the
 * alphabet, so Ctrl-C is 3. LIMIT: US layout; no arrows.
 */
#include "arch/x86/defs/ports.h"
#include "guest/kernel/kernel.h"

#define STATUS_FULL  0x01
#define RELEASED     0x80
#define LEFT_CTRL    0x1d
#define LEFT_SHIFT   0x2a
#define RIGHT_SHIFT  0x36
#define KEYS         0x3a
#define CONTROL_MASK 0x1f
#define DRAIN_LIMIT  32

static const char plain[KEYS + 1] =
    "\0\0331234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[KEYS + 1] =
    "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

static int shift, control;

void kbd_init(void)
{
    for (u32 i = 0; i < DRAIN_LIMIT && inb(PORT_KBD_CMD) & STATUS_FULL; i++)
        inb(PORT_KBD_DATA);
    pic_enable(IRQ_KBD);
}

void kbd_interrupt(void)
{
    u8 code = inb(PORT_KBD_DATA), key = code & (u8)~RELEASED;
    char c;

    if (key == LEFT_SHIFT || key == RIGHT_SHIFT) {
        shift = !(code & RELEASED);
        return;
    }
    if (key == LEFT_CTRL) {
        control = !(code & RELEASED);
        return;
    }
    if (code & RELEASED || key >= KEYS)
        return;
    c = shift ? shifted[key] : plain[key];
    if (control)
        c &= CONTROL_MASK;
    if (c)
        console_input(c);
}
