/* SPDX-License-Identifier: MIT
 *
 * String output of 4 GiB in one instruction, to the debug console, from memory
 * that is one page seen everywhere: the VMM must let others run in the middle
 * of it. OUTSB, OUTSW and OUTSL, forwards and backwards.
 *
 * SDM vol. 2B OUTS, REP.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It sends 4 GiB to the console by one instruction.");
ATTACK_ENDS("endless");

#define ALIAS 0x400000u

void attack(void)
{
    attempt();
    tell();
    paging_on();
    write_cr4(read_cr4() | CR4_PSE);
    for (u32 i = 2; i < ARRAY_LEN(page_dir); i++)
        page_dir[i] = ALIAS | PTE_P | PTE_W | PTE_PS;
    write_cr3((u32)page_dir);
    for (u32 i = 0; i < LARGE32_SIZE; i++)
        *(volatile u8 *)(ALIAS + i) = (u8)(i % 64 ? '.' : '\n');
    for (;;) {
        __asm__ volatile("rep outsb"
                         :
                         : "d"(PORT_DEBUGCON), "c"(-1), "S"(ALIAS)
                         : "memory");
        __asm__ volatile("std\n\t"
                         "rep outsl\n\t"
                         "cld"
                         :
                         : "d"(PORT_DEBUGCON), "c"(-1), "S"(ALIAS)
                         : "memory");
    }
}
