/* SPDX-License-Identifier: MIT
 *
 * An interrupt that comes while IF = 0 waits: it is delivered once, behind
 * the instruction that follows STI; STI HLT never sleeps through it; CLI
 * behind STI lets nothing through; a masked line waits in the controller
 * until it is unmasked.
 *
 * SDM vol. 2B STI (the interrupt shadow); Intel 8259A datasheet.
 */
#include "tests/micro/lib/micro.h"

#define PIC_READ_IRR 0x0a
#define PERIOD       20000 /* 17 ms: time for all that IF = 0 must outlast */

static u32 ticks, at;

static void tick(struct frame *f)
{
    ticks++;
    at = f->eip;
    EXPECT(f->eflags & EFLAGS_IF, "an interrupt came while IF was 0");
    pic_mask(IRQ_TIMER);
    pic_eoi(IRQ_TIMER);
}

static bool requested(void)
{
    out8(PORT_PIC1_CMD, PIC_READ_IRR);
    return in8(PORT_PIC1_CMD) & 1 << IRQ_TIMER;
}

/* Waits, with IF = 0, until the controller holds a timer request. */
static void raise_timer(void)
{
    pit_start(PERIOD);
    while (!requested())
        continue;
}

void test(void)
{
    u32 nop;

    handlers[VECTOR_IRQ + IRQ_TIMER] = tick;
    raise_timer();
    sti();
    for (u32 i = 0; i < 1000; i++)
        in8(PORT_POST);
    cli();
    EXPECT_EQ(ticks, 0, "ticks while the line was masked");
    raise_timer();
    pic_unmask(IRQ_TIMER);
    for (u32 i = 0; i < 1000; i++)
        in8(PORT_POST);
    EXPECT_EQ(ticks, 0, "ticks while IF was 0");
    __asm__ volatile("sti\n\t cli" : : : "memory");
    EXPECT_EQ(ticks, 0, "ticks between STI and the CLI behind it");
    __asm__ volatile("movl $1f, %0\n\t sti\n\t nop\n1: cli"
                     : "=r"(nop)
                     :
                     : "memory");
    EXPECT_EQ(ticks, 1, "ticks behind STI NOP");
    EXPECT_EQ(at, nop, "where the interrupt came");
    for (u32 i = 1; i <= 20; i++) {
        raise_timer();
        pic_unmask(IRQ_TIMER);
        sti_hlt();
        cli();
        EXPECT_EQ(ticks, 1 + i, "ticks behind STI HLT with one waiting");
    }
    for (u32 i = 1; i <= 5; i++) {
        pit_start(PERIOD);
        pic_unmask(IRQ_TIMER);
        while (ticks < 21 + i)
            sti_hlt();
        cli();
    }
}
