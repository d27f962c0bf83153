/* SPDX-License-Identifier: MIT
 *
 * Faults from faults, each with a handler that works but does the next wrong
 * thing: #GP's handler runs an undefined instruction, #UD's divides by zero,
 * #DE's writes to a bit of CR4 that does not exist. Each starts on a fresh
 * stack.
 *
 * SDM vol. 3A 6.15.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It falls from one fault handler into the next without end.");
ATTACK_ENDS("endless");

void undefined(void);
void divide(void);
void protect(void);

__asm__(".text\n"
        "protect:\n\t"
        "movl $stack_top, %esp\n\t"
        "call again\n\t"
        "movl $-1, %eax\n\t"
        "movl %eax, %cr4\n"
        "undefined:\n\t"
        "ud2\n"
        "divide:\n\t"
        "xorl %ecx, %ecx\n\t"
        "divl %ecx\n");

void attack(void)
{
    idt_set(TRAP_GP, SYS_INT32, 0, KCODE, (u32)undefined);
    idt_set(TRAP_UD, SYS_INT32, 0, KCODE, (u32)divide);
    idt_set(TRAP_DE, SYS_INT32, 0, KCODE, (u32)protect);
    protect();
}
