/* SPDX-License-Identifier: MIT
 *
 * The keyboard controller under fire: every command there is and every other
 * byte, to both of its ports, its replies read and not read, with its
 * interrupt unmasked. The one command that resets the machine, and those that
 * pulse the reset line, are left to another attack, and so is switching A20
 * off, which would take this program's own code away.
 *
 * Intel 8042 user manual.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It sends every command to the keyboard controller as fast as it goes.");
ATTACK_ENDS("endless");

#define PULSE       0xf0 /* from here on: pulses output lines */
#define WRITE_LINES 0xd1 /* output port; bit 0 is the reset line */
#define A20_OFF     0xdd

static void on_key(struct frame *f)
{
    in8(PORT_KBD_DATA);
    pic_eoi(IRQ_KBD);
}

void attack(void)
{
    handlers[VECTOR_IRQ + IRQ_KBD] = on_key;
    pic_unmask(IRQ_KBD);
    for (u32 i = 0;; i++) {
        u8 command = (u8)(i % PULSE);
        if (command != WRITE_LINES && command != A20_OFF)
            out8(PORT_KBD_CMD, command);
        out8(PORT_KBD_DATA, (u8)(i * 7));
        if (i & 4)
            in8(PORT_KBD_DATA);
        sti();
        in8(PORT_KBD_CMD);
        cli();
        again();
    }
}
