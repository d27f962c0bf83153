/* SPDX-License-Identifier: MIT
 *
 * The port by which a guest ends itself, in all the ways it was not meant for:
 * wide accesses that only overlap it, reads, string output; and then an end
 * with a status that fits into no byte.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It writes odd values in odd widths to the debug-exit port.");
ATTACK_ENDS("odd");

void attack(void)
{
    u32 v;

    for (u16 port = PORT_DEBUG_EXIT; port < PORT_DEBUG_EXIT + 4; port++) {
        TRY("inl %w1, %0", "=a"(v) : "d"(port));
        TRY("inw %w1, %w0", "=a"(v) : "d"(port));
        TRY("inb %w1, %b0", "=a"(v) : "d"(port));
    }
    tell();
    TRY("outl %0, %w1", : "a"(0xfedcba98), "d"(PORT_DEBUG_EXIT));
    TRY("outl %0, %w1", : "a"(0x10), "d"(PORT_DEBUG_EXIT));
    for (;;)
        __asm__ volatile("cli\n\thlt");
}
