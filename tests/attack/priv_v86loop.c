/* SPDX-License-Identifier: MIT
 *
 * IRET to virtual-8086 mode with interrupts off, to a loop. No processor does
 * that: outside ring 0, and in 64-bit mode at all, the VM bit of the frame is
 * ignored or refused. QEMU's translator takes it, with IF and IOPL as the
 * frame has them, and then no interrupt ends the loop.
 *
 * SDM vol. 2A IRET; vol. 3A 20.2.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It returns to virtual-8086 mode with interrupts off and loops there.");
ATTACK_ENDS("killed");

#define LOOP_AT  0x7000
#define STACK    0x6000
#define JMP_SELF 0xfeeb

void attack(void)
{
    paging_on();
    *(volatile u16 *)LOOP_AT = JMP_SELF;
    attempt();
    __asm__ volatile("pushl $0\n\t pushl $0\n\t" /* GS, FS */
                     "pushl $0\n\t pushl $0\n\t" /* DS, ES */
                     "pushl $0\n\t"              /* SS */
                     "pushl %0\n\t"
                     "pushl %1\n\t"
                     "pushl $0\n\t" /* CS */
                     "pushl %2\n\t"
                     "iretl"
                     :
                     : "i"(STACK), "i"(EFLAGS_VM | EFLAGS_IOPL | EFLAGS_ONE),
                       "i"(LOOP_AT)
                     : "memory");
}
