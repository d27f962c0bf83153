/* SPDX-License-Identifier: MIT
 *
 * A guest that resets itself by port 0xcf9 as soon as it runs: each reset is
 * memory cleared, an image loaded and devices made anew, which is far more
 * work than the one instruction that asks for it. Whose time is it?
 */
#include "tests/attack/lib/attack.h"

ATTACK("It resets itself by port 0xcf9, for ever.");
ATTACK_ENDS("endless");

void attack(void)
{
    attempt();
    out8(PORT_RESET, 0x06);
    for (;;)
        __asm__ volatile("cli\n\thlt");
}
