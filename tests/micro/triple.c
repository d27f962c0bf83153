/* SPDX-License-Identifier: MIT
 *
 * A fault while #DF is being delivered shuts the processor down: the machine
 * resets, a VM is stopped; nothing behind the fault ever runs.
 *
 * SDM vol. 3A 6.15 (interrupt 8).
 */
#include "tests/micro/lib/micro.h"

void test(void)
{
    struct table_pointer none = {0, 0};

    print("a triple fault follows\n");
    __asm__ volatile("lidt %0\n\t ud2" : : "m"(none) : "memory");
    EXPECT(false, "the program goes on behind a triple fault");
}
