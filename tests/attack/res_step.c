/* SPDX-License-Identifier: MIT
 *
 * Every instruction a trap: the trap flag stays set, in ring 0 and in ring 3,
 * and the handler only returns.
 *
 * SDM vol. 3A 17.3.1.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It single-steps itself for ever.");
ATTACK_ENDS("endless");

static void on_step(struct frame *f)
{
    again();
}

static u32 user_loop(void)
{
    for (;;)
        __asm__ volatile("nop");
    return 0;
}

void attack(void)
{
    handlers[TRAP_DB] = on_step;
    ring3_flags(user_loop, EFLAGS_TF);
}
