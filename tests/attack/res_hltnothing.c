/* SPDX-License-Identifier: MIT
 *
 * HLT with interrupts on, with every line masked and no timer: nothing will
 * ever come, and no deadline stands in any list of the VMM.
 *
 * SDM vol. 2A HLT.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It halts with nothing armed that could wake it.");
ATTACK_ENDS("endless");

void attack(void)
{
    attempt();
    tell();
    out8(PORT_PIC1_DATA, 0xff);
    out8(PORT_PIC2_DATA, 0xff);
    for (;;)
        sti_hlt();
}
