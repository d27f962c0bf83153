/* SPDX-License-Identifier: MIT
 *
 * A triple fault on purpose, with a table for nothing and a stack nowhere.
 *
 * SDM vol. 3A 6.15 (interrupt 8).
 */
#include "tests/attack/lib/attack.h"

ATTACK("It commits a triple fault.");
ATTACK_ENDS("killed");

void attack(void)
{
    struct table_pointer none = {0, 0};

    attempt();
    tell();
    __asm__ volatile("lidt %0\n\t"
                     "movl $4, %%esp\n\t"
                     "ud2"
                     :
                     : "m"(none)
                     : "memory");
    __builtin_unreachable();
}
