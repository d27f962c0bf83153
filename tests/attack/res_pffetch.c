/* SPDX-License-Identifier: MIT
 *
 * A page fault within each page fault's handler, for ever: the handler of #PF
 * is at an address that is not mapped, so that its first instruction is the
 * next #PF. Each of them pushes a frame; all of 4 GiB is the same 4 MiB of
 * RAM, so the stack goes down and round without an end, and no double fault
 * ever stops it. Nothing of it needs an instruction of the guest to be run.
 *
 * SDM vol. 3A 6.15 (interrupts 8 and 14).
 */
#include "tests/attack/lib/attack.h"

ATTACK("Its page-fault handler lies in a page that is not there.");
ATTACK_ENDS("endless");

#define NOWHERE 0xc0000000u
#define ALIAS   0x400000u

void attack(void)
{
    u32 stack = 0x80000000u;

    attempt();
    tell();
    paging_on();
    write_cr4(read_cr4() | CR4_PSE);
    for (u32 i = 2; i < ARRAY_LEN(page_dir); i++)
        page_dir[i] = ALIAS | PTE_P | PTE_W | PTE_PS;
    page_dir[NOWHERE >> 22] = 0;
    write_cr3((u32)page_dir);
    idt_set(TRAP_PF, SYS_INT32, 0, KCODE, NOWHERE);
    __asm__ volatile("movl %0, %%esp\n\t"
                     "jmp *%1"
                     :
                     : "r"(stack), "r"(NOWHERE)
                     : "memory");
    __builtin_unreachable();
}
