/* SPDX-License-Identifier: MIT
 *
 * A flood of writes into the VGA window, text and graphics, in every width and
 * across the edges of pages, with the CRT controller's registers written in
 * between.
 *
 * IBM VGA technical reference.
 */
#include "tests/attack/lib/attack.h"

ATTACK(
    "It writes to the VGA window and the CRT controller as fast as it goes.");
ATTACK_ENDS("endless");

static void one(u32 i)
{
    u32 at = VGA_WINDOW + i * 13 % 0x20000;

    TRY("movb %b0, (%1)", : "a"(i), "r"(at) : "memory");
    TRY("movw %w0, (%1)", : "a"(i), "r"(at + 1) : "memory");
    TRY("movl %0, (%1)", : "a"(i), "r"(at + 3) : "memory");
    TRY("lock xaddl %0, (%1)", : "a"(i), "r"(at & ~3u) : "memory");
    TRY("addl %0, (%1)", : "a"(i), "r"(0xc0000 - 3) : "memory");
    out8(PORT_CRTC_INDEX, (u8)(i >> 2));
    out8(PORT_CRTC_DATA, (u8)i);
    for (u16 port = 0x3c0; port < 0x3d0; port++)
        out8(port, (u8)(i * port));
}

void attack(void)
{
    for (u32 i = 0;; i++) {
        one(i);
        again();
    }
}
