/* SPDX-License-Identifier: MIT
 *
 * The 8254 timer: channel 0 interrupts 100 times a second (mode 2, a rate
 * generator). That is Hare's only clock: it takes the processor away from
 * programs and wakes who sleeps. 8254 datasheet, control word, mode 2.
 */
#include "arch/x86/defs/ports.h"
#include "guest/kernel/kernel.h"

#define CH0_MODE2    0x34 /* channel 0, low then high byte, mode 2 */
#define TICK_DIVISOR (PIT_HZ / TICKS_PER_SECOND)

static volatile u32 ticks;

void pit_init(void)
{
    outb(PORT_PIT_CMD, CH0_MODE2);
    outb(PORT_PIT_CH0, TICK_DIVISOR & 0xff);
    outb(PORT_PIT_CH0, TICK_DIVISOR >> 8);
    pic_enable(IRQ_TIMER);
}

void pit_interrupt(void)
{
    ticks++;
}

u32 pit_ticks(void)
{
    return ticks;
}
