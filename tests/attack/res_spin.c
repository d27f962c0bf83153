/* SPDX-License-Identifier: MIT
 *
 * CLI and a jump to itself: the guest that simply never lets go.
 *
 * SDM vol. 2A CLI.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It jumps to itself with interrupts off.");
ATTACK_ENDS("endless");

void attack(void)
{
    attempt();
    tell();
    cli();
    for (;;)
        __asm__ volatile("");
}
