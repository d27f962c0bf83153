/* SPDX-License-Identifier: MIT
 *
 * Shutdown out of real-address mode: an interrupt table that has no room for
 * any vector makes #GP, a double fault, and the end.
 *
 * SDM vol. 3A 6.15 (interrupt 8), 20.1.4.
 */
#include "tests/micro/lib/modes.h"

void test(void)
{
    modes_init();
    modes_reset();
    real_idt.limit = TRAP_DF * 4 + 2;
    run_real(BYTES(0xcd, 0x40));
    EXPECT(false, "INT came back without any vector");
}
