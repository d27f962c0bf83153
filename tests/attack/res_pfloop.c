/* SPDX-License-Identifier: MIT
 *
 * A #PF handler that faults itself before it returns, as deep as its stack
 * goes, and then a double fault, which finds no stack either.
 *
 * SDM vol. 3A 6.15 (interrupt 8).
 */
#include "tests/attack/lib/attack.h"

ATTACK("It faults in its page-fault handler until there is no stack left.");
ATTACK_ENDS("killed");

#define HOLE  0x300000u
#define STACK 0x310000u
#define DEPTH 0x8000u

void fault_again(void);
__asm__(".text\n"
        "fault_again:\n\t"
        "movl 0x300000, %eax\n\t"
        "jmp fault_again\n");

void attack(void)
{
    attempts(DEPTH / 16); /* bytes of a frame */
    tell();
    paging_on();
    *pte_of(HOLE) = 0;
    *pte_of(STACK - DEPTH - PAGE_SIZE) = 0;
    write_cr3((u32)page_dir);
    idt_set(TRAP_PF, SYS_INT32, 0, KCODE, (u32)fault_again);
    __asm__ volatile("movl %0, %%esp\n\t"
                     "jmp fault_again"
                     :
                     : "r"(STACK)
                     : "memory");
    __builtin_unreachable();
}
