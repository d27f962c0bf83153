/* SPDX-License-Identifier: MIT
 *
 * Sleep that never lasts: HLT with the timer at its fastest, so that the VM is
 * runnable again at once, and the scheduler, the timer and the switch between
 * VMs are all that happens.
 *
 * Intel 8254 datasheet.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It sleeps and is woken as often as the timer can.");
ATTACK_ENDS("endless");

static void on_tick(struct frame *f)
{
    pic_eoi(IRQ_TIMER);
}

void attack(void)
{
    handlers[VECTOR_IRQ] = on_tick;
    pit_start(2);
    pic_unmask(IRQ_TIMER);
    for (;;) {
        sti_hlt();
        cli();
        again();
    }
}
