/* SPDX-License-Identifier: MIT
 *
 * Virtual-8086 mode as a way in. No processor enters it from outside ring 0,
 * nor in 64-bit mode at all; QEMU's translator takes the VM bit of the frame
 * wherever it is. In that mode CS is what the guest likes, so a trap shows a
 * privilege level of the guest's choice, IOPL is what the frame says, and so
 * is IF. From every selector with each RPL the guest traps in each way it
 * can: UD2, INT n, INT3, ICEBP, HLT, CLI, I/O, single step, divide.
 *
 * SDM vol. 3A 20.1, 20.2; vol. 2A IRET.
 */
#include "tests/attack/lib/leap.h"

ATTACK("It returns to virtual-8086 mode with every CS and traps there.");
ATTACK_ENDS("done|killed");

#define CODE_AT 0x7000
#define STACK   0x6000

static const u8 code[][4] = {
    {0x0f, 0x0b},             /* ud2 */
    {0xcd, 0x20},             /* int 0x20 */
    {0xcd, VECTOR_LANDED},    /* int, DPL 3 */
    {0xcc},                   /* int3 */
    {0xf1},                   /* icebp */
    {0xf4},                   /* hlt */
    {0xe6, 0x80},             /* out */
    {0xe4, 0x60},             /* in */
    {0x0f, 0x20, 0xd8},       /* mov eax, cr3 */
    {0x31, 0xdb, 0xf7, 0xf3}, /* div */
    {0xcf},                   /* iret */
    {0xea, 0, 0, 8},          /* jmp far */
};

static void go(u32 cs, u32 eflags, const u8 *bytes)
{
    u32 at = CODE_AT;

    for (u32 i = 0; i < 4; i++)
        *(volatile u8 *)(at + i) = bytes[i];
    LEAP("pushl %0\n\tpushl %0\n\tpushl %0\n\tpushl %0\n\tpushl %0\n\t"
         "pushl %3\n\tpushl %1\n\tpushl %0\n\tpushl %2\n\tiretl",
         "r"(cs), "r"(eflags), "r"((at - (cs << 4)) & 0xffff), "i"(STACK));
    leaped(true);
}

void attack(void)
{
    paging_on();
    leap_init();
    tell();
    for (u32 i = 0; i < ARRAY_LEN(code); i++) {
        for (u32 rpl = 0; rpl < 4; rpl++) {
            go(8 | rpl, EFLAGS_VM | EFLAGS_ONE, code[i]);
            go(0x6f8 | rpl, EFLAGS_VM | EFLAGS_IOPL | EFLAGS_ONE, code[i]);
            go(rpl, EFLAGS_VM | EFLAGS_IOPL | EFLAGS_TF | EFLAGS_ONE, code[i]);
        }
    }
}
