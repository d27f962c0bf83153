/* SPDX-License-Identifier: MIT
 *
 * Local descriptor tables of the greatest size, loaded over and over, each one
 * cut off at another length.
 *
 * SDM vol. 3A 3.5.1.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It loads local descriptor tables of all sizes in an endless loop.");
ATTACK_ENDS("endless");

#define LDT_AT 0x300000u

void attack(void)
{
    for (u32 i = 0; i < 0x10000; i += 8) {
        poke(LDT_AT + i, gdt[2][0]);
        poke(LDT_AT + i + 4, gdt[2][1]);
    }
    for (u32 i = 0;; i++) {
        gdt_set(GDT_FREE, LDT_AT + (i % 16 << 16 & 0x30000), 0xffff - i % 64,
                ATTR_P | SYS_LDT);
        __asm__ volatile("lldt %w0" : : "r"(GDT_FREE << 3));
        TRY("movl %0, %%fs", : "r"((i % 0x2000) << 3 | SEL_TI));
        again();
    }
}
