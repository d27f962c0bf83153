/* SPDX-License-Identifier: MIT
 *
 * See soup.h. The bytes stand at a page of their own, which ring 3 may run,
 * and the registers come from soup_page, which it may read: nothing else of
 * the guest's memory need be open to it. Interrupts are on in ring 3, so that
 * a timer can end what would not end.
 */
#include "tests/attack/lib/soup.h"

#define INT3 0xcc

u8 soup_page[4096] __attribute__((aligned(4096)));
u8 soup_code[4096] __attribute__((aligned(4096)));

struct soup soup_plain(void)
{
    u32 at = (u32)soup_page + 0x800;

    return (struct soup){1, at, 2, 0x80, at + 0x100, at + 0x200};
}

#define REGISTERS                                                              \
    "movl (%0), %%eax\n\tmovl 4(%0), %%ebx\n\tmovl 12(%0), %%edx\n\t"          \
    "movl 16(%0), %%esi\n\tmovl 20(%0), %%edi\n\tmovl 8(%0), %%ecx\n\t"        \
    "jmp soup_code"

void soup_run(const u8 *bytes, u32 count, bool ring3, const struct soup *r)
{
    for (u32 i = 0; i < SOUP_MAX * 2; i++)
        *(volatile u8 *)&soup_code[i] = i < count ? bytes[i] : INT3;
    *(struct soup *)soup_page = *r;
    if (ring3)
        LEAP(RING3 REGISTERS, "c"(soup_page));
    else
        LEAP(REGISTERS, "c"(soup_page));
}
