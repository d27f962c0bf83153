/* SPDX-License-Identifier: MIT
 *
 * EFLAGS by every way that loads them: POPF and IRET of both sizes, from ring
 * 0 to ring 0 and 3, from ring 3 to itself, and to the ring that a VMM may
 * have put the guest's kernel in. Every combination of IOPL, IF, TF, NT, RF,
 * AC, VIF, VIP, ID and DF, followed by instructions that trap into the VMM
 * while these flags are in force. What ring 3 must not change may not have
 * changed in the frame of the next trap.
 *
 * SDM vol. 1 3.4.3; vol. 2 IRET, POPF; vol. 3A 2.3.
 */
#include "tests/attack/lib/leap.h"

ATTACK("It loads every combination of EFLAGS bits by POPF and IRET, in and "
       "to every ring, and traps with them.");

#define RING1   "1 | " /* what a VMM may make of the RPL of ring 0 */
#define GUARDED (EFLAGS_IOPL | EFLAGS_IF | EFLAGS_VM | EFLAGS_VIF | EFLAGS_VIP)

/* Exits of several kinds while the flags are in force. */
#define TRAPS                                                                  \
    "movl %%cr0, %%eax\n\tcli\n\tinb $0x60, %%al\n\tsti\n\tcli\n\t"            \
    "pushfl\n\tpopl %%ecx\n\t"
#define POPF         "pushl %0\n\tpopfl\n\t"
#define POPFW        "pushl %0\n\tpopfw\n\taddl $2, %%esp\n\t"
#define OUTER        "pushl $" STRING(UDATA) "\n\tpushl $user_stack_top\n\t"
#define IRET(cs, to) "pushl %0\n\tpushl $" cs "\n\tpushl $" to "\n\tiretl\n\t"
#define IRETW(cs)    "pushw %%ax\n\tpushw $" cs "\n\tpushw $0x7c00\n\tiretw\n\t"
#define KERNEL       STRING(KCODE)
#define USER         STRING(UCODE)

static const u32 bits[] = {
    1 << EFLAGS_IOPL_SHIFT,
    2 << EFLAGS_IOPL_SHIFT,
    EFLAGS_IF,
    EFLAGS_TF,
    EFLAGS_NT,
    EFLAGS_RF,
    EFLAGS_AC,
    EFLAGS_VIF,
    EFLAGS_VIP,
    EFLAGS_ID,
    EFLAGS_DF,
};

static void in_ring0(u32 eflags)
{
    LEAP(POPF TRAPS, "a"(eflags));
    leaped(true);
    LEAP(POPFW TRAPS, "a"(eflags));
    leaped(true);
    LEAP(IRET(KERNEL, "landing"), "a"(eflags));
    leaped(true);
    LEAP(IRET(RING1 KERNEL, "landing"), "a"(eflags));
    leaped(true);
    LEAP(IRETW(KERNEL), "a"(eflags));
    leaped(true);
    LEAP(OUTER IRET(USER, "landing"), "a"(eflags));
    leaped(false);
}

/* Neither by themselves nor by what TRAPS does under IOPL 0. */
static void unchanged(u32 eflags)
{
    leaped(false);
    if ((leap.f.eflags ^ LEAP_FLAGS) & GUARDED)
        broken("ring 3 changed what only ring 0 may change", eflags,
               leap.f.eflags);
}

static void in_ring3(u32 eflags)
{
    LEAP(RING3 POPF LANDED, "a"(eflags));
    unchanged(eflags);
    LEAP(RING3 POPF TRAPS, "a"(eflags));
    unchanged(eflags);
    LEAP(RING3 POPFW "inb $0x60, %%al", "a"(eflags));
    unchanged(eflags);
    LEAP(RING3 IRET(USER, "landing"), "a"(eflags));
    unchanged(eflags);
    LEAP(RING3 IRET(USER, "soft_landing"), "a"(eflags));
    unchanged(eflags);
    LEAP(RING3 IRET(KERNEL, "landing"), "a"(eflags));
    unchanged(eflags);
    LEAP(RING3 IRET(RING1 KERNEL, "landing"), "a"(eflags));
    unchanged(eflags);
    LEAP(RING3 OUTER IRET(USER, "landing"), "a"(eflags));
    unchanged(eflags);
}

void attack(void)
{
    leap_init();
    /* 16-bit returns go here. */
    *(volatile u32 *)0x7c00 = 0xcccccccc;
    for (u32 set = 0; set < 1u << ARRAY_LEN(bits); set++) {
        u32 eflags = EFLAGS_ONE;
        for (u32 b = 0; b < ARRAY_LEN(bits); b++)
            eflags |= set >> b & 1 ? bits[b] : 0;
        in_ring0(eflags);
        in_ring3(eflags);
    }
    world_check();
}
