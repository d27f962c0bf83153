/* SPDX-License-Identifier: MIT
 *
 * #GP with a stack that is not there: the handler's frame cannot be pushed,
 * nor that of the #PF which follows, nor that of the double fault. The machine
 * shuts down.
 *
 * SDM vol. 3A 6.15 (interrupt 8).
 */
#include "tests/attack/lib/attack.h"

ATTACK("It raises #GP on a stack that is not mapped.");
ATTACK_ENDS("killed");

void attack(void)
{
    attempt();
    tell();
    paging_on();
    __asm__ volatile("movl $0x90000000, %%esp\n\t"
                     "movl %0, %%cr4"
                     :
                     : "r"(0xffffffffu)
                     : "memory");
    __builtin_unreachable();
}
