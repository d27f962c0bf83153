/* SPDX-License-Identifier: MIT
 *
 * HLT with interrupts off: a processor that nothing but an NMI or a reset can
 * wake. It must cost nothing, and the monitor must still be able to end it.
 *
 * SDM vol. 2A HLT.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It halts with interrupts off.");
ATTACK_ENDS("endless");

void attack(void)
{
    attempt();
    tell();
    pit_start(2);
    out8(PORT_PIC1_DATA, 0);
    for (;;)
        __asm__ volatile("cli\n\thlt");
}
