/* SPDX-License-Identifier: MIT
 *
 * Interrupts that cannot be delivered as they should: the gate of the timer is
 * not present, and the handler of the #NP that follows returns at once, so
 * that each interrupt is a fault and no interrupt is ever served. Automatic
 * EOI lets the next one come.
 *
 * SDM vol. 3A 6.15 (interrupt 11).
 */
#include "tests/attack/lib/attack.h"

ATTACK("It unmasks the timer behind a gate that is not present.");
ATTACK_ENDS("endless");

#define ICW1      0x11
#define ICW4_AEOI 0x03

static void on_absent(struct frame *f)
{
    again();
}

static void auto_eoi(void)
{
    out8(PORT_PIC1_CMD, ICW1);
    out8(PORT_PIC1_DATA, VECTOR_IRQ);
    out8(PORT_PIC1_DATA, 1 << IRQ_CASCADE);
    out8(PORT_PIC1_DATA, ICW4_AEOI);
    out8(PORT_PIC1_DATA, 0xfe);
}

void attack(void)
{
    idt[VECTOR_IRQ][1] &= ~DESC_P;
    handlers[TRAP_NP] = on_absent;
    auto_eoi();
    pit_start(2);
    for (;;)
        sti();
}
