/* SPDX-License-Identifier: MIT
 *
 * Page tables that name frames of others: each of the first 32,768 frames of
 * guest-physical space and a part of all the rest is mapped in turn by a
 * 4 KiB page and read; and then all of them again, and those that are not
 * this guest's own are written, too.
 *
 * SDM vol. 3A 4.3.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It maps frames of physical memory that are not its own, all the way up "
       "to 4 GiB, and reads and writes them.");

#define WINDOW 0x40000000u
#define OWN    (8u << 20) /* the runner gives it 8 MiB */
#define FRAMES 0x100000u
#define NEAR   0x8000u /* every frame below, every STRIDEth above */
#define STRIDE 61

static u32 window[1024] __attribute__((aligned(4096)));

static void probe(u32 frame, bool write)
{
    u32 at = WINDOW + (frame % ARRAY_LEN(window)) * PAGE_SIZE, value = 0;

    window[frame % ARRAY_LEN(window)] =
        frame << PAGE_SHIFT | PTE_P | PTE_W | PTE_U;
    invlpg(at);
    TRY("movl (%1), %0", "=&r"(value) : "r"(at));
    if (caught.count || frame < OWN >> PAGE_SHIFT)
        return;
    saw(at, value);
    if (write)
        TRY("movl %0, (%1)", : "r"(frame), "r"(at) : "memory");
}

void attack(void)
{
    paging_on();
    page_dir[WINDOW >> 22] = (u32)window | PTE_P | PTE_W | PTE_U;
    for (u32 frame = 0; frame < NEAR; frame++)
        probe(frame, false);
    for (u32 frame = 0; frame < FRAMES; frame += frame < NEAR ? 1 : STRIDE)
        probe(frame, true);
}
