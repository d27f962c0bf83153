/* SPDX-License-Identifier: MIT
 *
 * The interrupt controllers initialised again and again, with interrupts in
 * service, in every mode, with priorities rotated, special masks and polls,
 * and every line unmasked.
 *
 * Intel 8259A datasheet.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It initialises the interrupt controllers without end.");
ATTACK_ENDS("endless");

static void on_any(struct frame *f)
{
}

static void one(u32 i)
{
    u16 cmd = i & 1 ? PORT_PIC2_CMD : PORT_PIC1_CMD;

    out8(cmd, (u8)(i >> 1));
    out8(cmd + 1, (u8)(VECTOR_IRQ + (i & 0x38)));
    out8(cmd + 1, (u8)(i >> 3));
    out8(cmd + 1, (u8)(i >> 2 & 0x1f));
    out8(cmd + 1, (u8)(i >> 5));
    in8(cmd);
    in8(cmd + 1);
}

void attack(void)
{
    for (u32 v = 0; v < TRAP_VECTORS; v++)
        handlers[v] = v < TRAP_EXCEPTIONS ? NULL : on_any;
    for (u32 v = 0; v < 8; v++)
        handlers[v] = on_any;
    pit_start(2);
    for (u32 i = 0;; i++) {
        one(i);
        sti();
        __asm__ volatile("nop");
        cli();
        again();
    }
}
