/* SPDX-License-Identifier: MIT
 *
 * The timer programmed as fast as it goes: every channel, every mode, reload
 * values of one, of all bits and of none, latches and read-backs in between,
 * with the interrupt unmasked and never acknowledged twice alike.
 *
 * Intel 8254 datasheet.
 */
#include "tests/attack/lib/attack.h"

ATTACK("It programs every PIT channel in every mode without a pause.");
ATTACK_ENDS("endless");

#define READ_BACK 0xc0

static const u16 reloads[] = {1, 2, 0, 0xffff, 0x100, 0xff, 3, 10};

static void on_tick(struct frame *f)
{
    pic_eoi(IRQ_TIMER);
}

static void one(u32 i)
{
    u32 channel = i % 3, mode = i / 3 % 8, access = i / 24 % 4;
    u16 reload = reloads[i / 96 % ARRAY_LEN(reloads)];
    u16 port = (u16)(PORT_PIT_CH0 + channel);

    out8(PORT_PIT_CMD, (u8)(channel << 6 | access << 4 | mode << 1 | (i & 1)));
    out8(port, (u8)reload);
    out8(port, (u8)(reload >> 8));
    out8(PORT_PIT_CMD, (u8)(READ_BACK | (i >> 3)));
    in8(port);
    in8(port);
    out8(PORT_SYS_B, (u8)i);
    attempt();
}

void attack(void)
{
    handlers[VECTOR_IRQ] = on_tick;
    pic_unmask(IRQ_TIMER);
    for (u32 i = 0;; i++) {
        one(i);
        if (i % 64)
            continue;
        sti();
        __asm__ volatile("nop");
        cli();
        again();
    }
}
