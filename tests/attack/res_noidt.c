/* SPDX-License-Identifier: MIT
 *
 * An interrupt with no descriptor table at all: LIDT with limit 0, every line
 * unmasked, the timer running, IF set. The first interrupt is a triple fault,
 * and a machine that shuts down is what the VMM kills.
 *
 * SDM vol. 3A 6.15 (interrupt 8).
 */
#include "tests/attack/lib/attack.h"

ATTACK("It lets an interrupt in with no interrupt table.");
ATTACK_ENDS("killed");

void attack(void)
{
    struct table_pointer none = {0, 0};

    attempt();
    tell();
    __asm__ volatile("lidt %0" : : "m"(none) : "memory");
    out8(PORT_PIC1_DATA, 0);
    pit_start(2);
    for (;;)
        sti_hlt();
}
