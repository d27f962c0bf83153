/* SPDX-License-Identifier: MIT
 *
 * The clock's interrupts at the highest rate there is, periodic, alarm and
 * update-ended at once, all unmasked and, every other time, never acknowledged
 * by reading register C; the time itself is written with nonsense meanwhile.
 *
 * Motorola MC146818A datasheet.
 */
#include "tests/attack/lib/attack.h"

ATTACK(
    "It takes the RTC's interrupts at the highest rate and spoils the time.");
ATTACK_ENDS("endless");

#define REG_A   0x0a
#define REG_B   0x0b
#define REG_C   0x0c
#define B_ALL   0x72 /* periodic, alarm, update-ended, 24 hours */
#define A_8KHZ  0x23
#define A_FAST  0x21 /* the same divider, another name for a rate */
#define ANYTIME 0xff /* in an alarm register */

static void put(u8 reg, u8 value)
{
    out8(PORT_CMOS_INDEX, reg);
    out8(PORT_CMOS_DATA, value);
}

static void on_clock(struct frame *f)
{
    out8(PORT_CMOS_INDEX, REG_C);
    in8(PORT_CMOS_DATA);
    pic_eoi(IRQ_RTC);
}

void attack(void)
{
    handlers[VECTOR_IRQ + IRQ_RTC] = on_clock;
    pic_unmask(IRQ_CASCADE);
    pic_unmask(IRQ_RTC);
    for (u8 reg = 1; reg <= 5; reg += 2)
        put(reg, ANYTIME);
    put(REG_B, B_ALL);
    for (u32 i = 0;; i++) {
        put(REG_A, i & 1 ? A_8KHZ : A_FAST);
        put((u8)(i % 10), (u8)(i * 37));
        sti();
        put(REG_B, (u8)(B_ALL | (i & 0x85)));
        cli();
        again();
    }
}
