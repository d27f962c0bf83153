/* SPDX-License-Identifier: MIT
 *
 * The A20 gate as a crowbar: each switch changes what half of all frame
 * numbers mean, so the VMM drops the whole shadow and looks for the watched
 * tables again, and with the gate off they lie where the guest likes. The
 * loop that switches runs below 1 MiB, where the gate makes no difference.
 *
 * SDM vol. 3A 20.1.1.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It switches the A20 gate off and on for ever.");
ATTACK_ENDS("endless");

#define CODE_AT 0x7000

/* mov ecx, 8; mov al, 0; out 92h, al; mov edx, [1FFF00h]; mov al, 2;
 * out 92h, al; loop; ret */
static const u8 code[] = {0xb9, 8,    0,    0,    0,    0xb0, 0x00, 0xe6,
                          0x92, 0x8b, 0x15, 0x00, 0xff, 0x1f, 0x00, 0xb0,
                          0x02, 0xe6, 0x92, 0xe2, 0xf0, 0xc3};

void attack(void)
{
    for (u32 i = 0; i < sizeof(code); i++)
        *(volatile u8 *)(CODE_AT + i) = code[i];
    for (;;) {
        __asm__ volatile("call *%0" : : "r"(CODE_AT) : "eax", "ecx", "edx");
        again();
    }
}
