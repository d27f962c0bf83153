/* SPDX-License-Identifier: MIT
 *
 * Interrupts in ring 3 come when the frame IRET returned by says IF = 1, and
 * only then; also when ring 3 was left and entered again meanwhile.
 *
 * SDM vol. 2A IRET; vol. 3A 6.8.1.
 */
#include "tests/micro/lib/micro.h"

#define PERIOD 700
#define TURNS  1000000
#define VISITS 200

static volatile u32 ticks, last_cs, last_if;

static void tick(struct frame *f)
{
    ticks++;
    last_cs = f->cs;
    last_if = f->eflags & EFLAGS_IF;
    pic_eoi(IRQ_TIMER);
}

static u32 until_three_ticks(void)
{
    while (ticks < 3)
        continue;
    return last_cs;
}

static u32 a_while(void)
{
    for (volatile u32 i = 0; i < TURNS; i++)
        continue;
    return ticks;
}

static u32 shortly(void)
{
    return ticks;
}

void test(void)
{
    handlers[VECTOR_IRQ + IRQ_TIMER] = tick;
    pit_start(PERIOD);
    pic_unmask(IRQ_TIMER);
    EXPECT_EQ(ring3_flags(a_while, 0), 0, "ticks in ring 3 with IF = 0");
    EXPECT_EQ(ring3_flags(until_three_ticks, EFLAGS_IF), UCODE,
              "CS in the frame of a tick in ring 3");
    EXPECT_EQ(last_if, EFLAGS_IF, "IF in the frame of a tick in ring 3");
    ticks = 0;
    EXPECT_EQ(ring3_flags(a_while, 0), 0, "ticks in ring 3 with IF = 0 again");
    for (u32 i = 0; i < VISITS; i++)
        ring3_flags(shortly, i % 2 ? EFLAGS_IF : 0);
    ticks = 0;
    EXPECT_EQ(ring3_flags(a_while, 0), 0, "ticks with IF = 0 after visits");
    while (ticks < 3)
        sti_hlt();
    cli();
    EXPECT_EQ(last_cs, KCODE, "CS in the frame of a tick in ring 0");
    pic_mask(IRQ_TIMER);
}
