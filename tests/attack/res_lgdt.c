/* SPDX-License-Identifier: MIT
 *
 * Descriptor tables of the greatest size, loaded over and over from different
 * places, with entries changing under them: whoever mirrors 8,192 descriptors
 * at each load has a lot to do for one instruction.
 *
 * SDM vol. 3A 3.5.1.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It loads descriptor tables of 64 KiB in an endless loop.");
ATTACK_ENDS("endless");

#define TABLES_AT 0x300000u
#define TABLES    8
#define BYTES     0x10000u

static void build(void)
{
    for (u32 t = 0; t < TABLES; t++) {
        u32 *table = (u32 *)(TABLES_AT + t * BYTES);
        for (u32 i = 0; i < BYTES / 8; i++) {
            table[2 * i] = gdt[i % 5][0];
            table[2 * i + 1] = gdt[i % 5][1];
        }
    }
}

void attack(void)
{
    build();
    for (u32 i = 0;; i++) {
        u32 at = TABLES_AT + i % TABLES * BYTES;
        struct table_pointer p = {BYTES - 1, at};
        __asm__ volatile("lgdt %0" : : "m"(p) : "memory");
        __asm__ volatile("movl %0, %%fs" : : "r"((i % 800 * 5 + 2) << 3));
        poke(at + (i % 0x2000 * 8), gdt[2][0]);
        again();
    }
}
