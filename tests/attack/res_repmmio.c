/* SPDX-License-Identifier: MIT
 *
 * String instructions of 4 GiB over the VGA window and over ports: STOS, MOVS
 * from window to window, INS and LODS, with counts that would take hours. Each
 * must be interruptible, for the guest and for everybody else.
 *
 * SDM vol. 2B REP.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It runs string instructions of 4 GiB over devices.");
ATTACK_ENDS("endless");

#define WINDOW 0x40000000u

/* All of the address space from WINDOW on is the VGA window, seen over and
 * over again. */
static void map_devices(void)
{
    static u32 table[1024] __attribute__((aligned(4096)));

    for (u32 i = 0; i < ARRAY_LEN(table); i++)
        table[i] = (VGA_WINDOW + i % 32 * PAGE_SIZE) | PTE_P | PTE_W;
    for (u32 i = WINDOW >> 22; i < ARRAY_LEN(page_dir); i++)
        page_dir[i] = (u32)table | PTE_P | PTE_W;
    write_cr3((u32)page_dir);
}

static u32 ticks;

/* Cuts the instruction under way short: on to the next one. */
static void on_tick(struct frame *f)
{
    ticks++;
    f->ecx = 0;
    pic_eoi(IRQ_TIMER);
    again();
}

void attack(void)
{
    paging_on();
    map_devices();
    handlers[VECTOR_IRQ] = on_tick;
    pit_start(0x8000);
    pic_unmask(IRQ_TIMER);
    sti();
    for (;;) {
        u32 c = -1u, d = WINDOW, s = WINDOW + 0x1000;
        __asm__ volatile("rep stosl" : "+c"(c), "+D"(d) : "a"(c) : "memory");
        c = -1u;
        __asm__ volatile("rep movsb" : "+c"(c), "+D"(d), "+S"(s) : : "memory");
        c = -1u;
        __asm__ volatile("rep lodsb" : "+c"(c), "+S"(s) : : "eax", "memory");
        c = -1u;
        __asm__ volatile("rep insb"
                         : "+c"(c), "+D"(d)
                         : "d"(PORT_PIT_CH0)
                         : "memory");
    }
}
