/* SPDX-License-Identifier: MIT
 *
 * The interrupt controllers: masks read back, a request waits behind the
 * mask, no second interrupt before EOI, IRR and ISR read as they should, a
 * specific EOI, and the second controller's line 8 arrives through the
 * cascade.
 *
 * Intel 8259A datasheet; MC146818 for the periodic interrupt.
 */
#include "tests/micro/lib/micro.h"

#define READ_IRR     0x0a
#define READ_ISR     0x0b
#define SPECIFIC_EOI 0x60
#define PERIOD       5000
#define CMOS_A       0x0a
#define CMOS_B       0x0b
#define CMOS_C       0x0c
#define RTC_RATE     0x26 /* 32768 Hz base, 1024 Hz */
#define RTC_PERIODIC 0x40
#define ENOUGH       2000000

static volatile u32 ticks, rtc_ticks, isr_in_handler;
static bool answer = true;

static u8 cmos(u8 index)
{
    out8(PORT_CMOS_INDEX, index);
    return in8(PORT_CMOS_DATA);
}

static void cmos_set(u8 index, u8 value)
{
    out8(PORT_CMOS_INDEX, index);
    out8(PORT_CMOS_DATA, value);
}

static u8 pic_read(u8 what)
{
    out8(PORT_PIC1_CMD, what);
    return in8(PORT_PIC1_CMD);
}

static void tick(struct frame *f)
{
    ticks++;
    isr_in_handler = pic_read(READ_ISR);
    if (answer)
        pic_eoi(IRQ_TIMER);
}

static void rtc_tick(struct frame *f)
{
    rtc_ticks++;
    cmos(CMOS_C);
    pic_eoi(IRQ_RTC);
}

static void wait_request(void)
{
    for (u32 i = 0; i < ENOUGH && !(pic_read(READ_IRR) & 1); i++)
        continue;
}

static void some_time(void)
{
    for (u32 i = 0; i < 30000; i++)
        in8(PORT_POST);
}

static void masks(void)
{
    out8(PORT_PIC1_DATA, 0xa5);
    out8(PORT_PIC2_DATA, 0x3c);
    EXPECT_EQ(in8(PORT_PIC1_DATA), 0xa5, "the first mask");
    EXPECT_EQ(in8(PORT_PIC2_DATA), 0x3c, "the second mask");
    out8(PORT_PIC1_DATA, 0xff);
    out8(PORT_PIC2_DATA, 0xff);
}

static void in_service(void)
{
    pit_start(PERIOD);
    wait_request();
    EXPECT(pic_read(READ_IRR) & 1, "no request is seen behind the mask");
    sti();
    some_time();
    EXPECT_EQ(ticks, 0, "ticks behind the mask");
    answer = false;
    pic_unmask(IRQ_TIMER);
    some_time();
    EXPECT_EQ(ticks, 1, "ticks without an EOI");
    EXPECT_EQ(isr_in_handler, 1, "ISR in the handler");
    EXPECT_EQ(pic_read(READ_ISR), 1, "ISR before the EOI");
    answer = true;
    out8(PORT_PIC1_CMD, SPECIFIC_EOI | IRQ_TIMER);
    while (ticks < 4)
        __asm__ volatile("hlt");
    cli();
    pic_mask(IRQ_TIMER);
    EXPECT_EQ(pic_read(READ_ISR), 0, "ISR after the EOIs");
}

static void cascade(void)
{
    cmos_set(CMOS_A, RTC_RATE);
    cmos_set(CMOS_B, cmos(CMOS_B) | RTC_PERIODIC);
    cmos(CMOS_C);
    pic_unmask(IRQ_RTC);
    sti();
    for (u32 i = 0; i < 10000; i++)
        in8(PORT_POST);
    EXPECT_EQ(rtc_ticks, 0, "clock ticks while the cascade is masked");
    pic_unmask(IRQ_CASCADE);
    while (rtc_ticks < 3)
        __asm__ volatile("hlt");
    cli();
    cmos_set(CMOS_B, cmos(CMOS_B) & ~RTC_PERIODIC);
}

void test(void)
{
    handlers[VECTOR_IRQ + IRQ_TIMER] = tick;
    handlers[VECTOR_IRQ + IRQ_RTC] = rtc_tick;
    masks();
    in_service();
    cascade();
}
