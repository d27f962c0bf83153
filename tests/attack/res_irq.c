/* SPDX-License-Identifier: MIT
 *
 * Interrupts without end: the timer as fast as the PIT counts, the PIC in
 * automatic-EOI mode so that nothing ever has to be acknowledged, and a
 * handler that does nothing but IRET. The guest's own loop hardly gets on;
 * nobody else may notice.
 *
 * Intel 8259A datasheet (automatic EOI); Intel 8254 datasheet, mode 2.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It takes timer interrupts as fast as the PIT can make them.");
ATTACK_ENDS("endless");

#define ICW1      0x11
#define ICW4_AEOI 0x03

static volatile u32 taken;

static void on_tick(struct frame *f)
{
    taken++;
}

static void auto_eoi(void)
{
    out8(PORT_PIC1_CMD, ICW1);
    out8(PORT_PIC1_DATA, VECTOR_IRQ);
    out8(PORT_PIC1_DATA, 1 << IRQ_CASCADE);
    out8(PORT_PIC1_DATA, ICW4_AEOI);
    out8(PORT_PIC1_DATA, 0);
}

void attack(void)
{
    handlers[VECTOR_IRQ] = on_tick;
    auto_eoi();
    pit_start(2);
    for (u32 next = 16;;) {
        u32 before = taken;
        sti();
        while (taken == before)
            continue;
        cli();
        attempts(taken - before);
        if (taken < next)
            continue;
        next *= 2;
        tell();
    }
}
