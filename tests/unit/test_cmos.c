/* SPDX-License-Identifier: MIT
 *
 * CMOS: dates against the C library, formats, setting, three interrupts.
 * LINKS: drivers/model drivers/bus vmm/base
 */
#define _GNU_SOURCE
#include "drivers/model/cmos.h"
#include "tests/unit/unit.h"
#include <time.h>

static struct cmos cmos;
static u64 now;
static bool level;
static u32 rises;

static u64 tell(void *ctx)
{
    return now;
}

static void line(void *ctx, u32 number, bool high)
{
    EXPECT_EQ(number, 8);
    rises += high && !level;
    level = high;
}

/* 2026-11-21 03:40:00 UTC, a Saturday */
#define EPOCH 1795232400ull

static void setup_at(u64 epoch, u32 kib)
{
    struct cmos_wires wires = {{tell, NULL}, {line, NULL}, epoch, kib};

    now = 0;
    cmos_init(&cmos, &wires);
    rises = 0;
}

static void setup(void)
{
    setup_at(EPOCH, 32768);
}

static void set(u8 reg, u8 value)
{
    cmos_ops.write(&cmos, CMOS_INDEX, 1, reg);
    cmos_ops.write(&cmos, CMOS_DATA, 1, value);
}

static u8 get(u8 reg)
{
    cmos_ops.write(&cmos, CMOS_INDEX, 1, reg);
    return (u8)cmos_ops.read(&cmos, CMOS_DATA, 1);
}

static void expect_time(u8 hour, u8 minute, u8 second)
{
    EXPECT_EQ(get(4), hour);
    EXPECT_EQ(get(2), minute);
    EXPECT_EQ(get(0), second);
}

static void expect_date(u8 century, u8 year, u8 month, u8 day)
{
    EXPECT_EQ(get(0x32), century);
    EXPECT_EQ(get(9), year);
    EXPECT_EQ(get(8), month);
    EXPECT_EQ(get(7), day);
}

static void tells_the_time_in_bcd(void)
{
    setup();
    expect_date(0x20, 0x26, 0x11, 0x21);
    expect_time(0x03, 0x40, 0x00);
    EXPECT_EQ(get(6), 7);
    now = 59 * NS_PER_SEC + 999999999;
    expect_time(0x03, 0x40, 0x59);
    now++;
    expect_time(0x03, 0x41, 0x00);
    EXPECT_EQ(get(0x0d), 0x80);
    EXPECT_EQ(cmos_ops.read(&cmos, CMOS_INDEX, 1), 0xff);
}

static void dates_agree_with_the_library(void)
{
    for (u64 day = 0; day < 60000; day += 7) {
        time_t at = (time_t)(day * 86400 + day % 86400);
        struct tm tm;

        if (sizeof(time_t) < 8 && day > 24000)
            break;
        gmtime_r(&at, &tm);
        setup_at((u64)at, 0);
        set(0x0b, 0x06);
        EXPECT_EQ(get(0x32) * 100u + get(9), tm.tm_year + 1900u);
        EXPECT_EQ(get(8), tm.tm_mon + 1u);
        EXPECT_EQ(get(7), tm.tm_mday);
        EXPECT_EQ(get(6), tm.tm_wday + 1u);
        EXPECT_EQ(get(4), tm.tm_hour);
        set(0, get(0)); /* setting it to what it is changes nothing */
        set(8, get(8));
        EXPECT_EQ(cmos.st.ahead, 0);
    }
}

static void formats(void)
{
    setup();
    now = 9 * 3600 * NS_PER_SEC; /* 12:40 */
    set(0x0b, 0x06);
    expect_time(12, 40, 0);
    set(0x0b, 0x04);
    EXPECT_EQ(get(4), 0x8c);
    set(0x0b, 0x00);
    EXPECT_EQ(get(4), 0x92);
    now += 3600 * NS_PER_SEC;
    EXPECT_EQ(get(4), 0x81);
    now += 11 * 3600 * NS_PER_SEC; /* 00:40 */
    EXPECT_EQ(get(4), 0x12);
    EXPECT_EQ(get(7), 0x22);
    set(4, 0x91); /* 11 at night */
    set(0x0b, 0x02);
    EXPECT_EQ(get(4), 0x23);
}

static void setting_with_the_set_bit(void)
{
    setup();
    set(0x0b, 0x82);
    now = 100 * NS_PER_SEC;
    expect_time(0x03, 0x40, 0x00); /* frozen */
    set(0x32, 0x19);
    set(9, 0x99);
    set(8, 0x12);
    set(7, 0x31);
    set(4, 0x23);
    set(2, 0x59);
    set(0, 0x58);
    set(0x0b, 0x02);
    expect_date(0x19, 0x99, 0x12, 0x31);
    expect_time(0x23, 0x59, 0x58);
    now += 2 * NS_PER_SEC;
    expect_date(0x20, 0x00, 0x01, 0x01);
    expect_time(0, 0, 0);
    cmos_ops.reset(&cmos);
    EXPECT_EQ(cmos.st.index, 0);
    expect_date(0x20, 0x00, 0x01, 0x01); /* the battery */
}

static void setting_without_it(void)
{
    setup();
    set(4, 0x05);
    set(2, 0x00);
    set(0, 0x30);
    expect_time(0x05, 0x00, 0x30);
    set(8, 0x00); /* no such month: January */
    EXPECT_EQ(get(8), 0x01);
    set(0x32, 0x00);
    set(9, 0xff);
    set(7, 0xff);
    EXPECT_EQ(get(0), 0x30);
}

static void far_years(void)
{
    setup();
    set(0x32, 0x16);
    set(9, 0x00);
    expect_date(0x16, 0x00, 0x11, 0x21);
    set(0x32, 0x99);
    set(9, 0x99);
    expect_date(0x99, 0x99, 0x11, 0x21);
    set(0x32, 0x15); /* before the calendar's cycle: four cycles later */
    expect_date(0x31, 0x99, 0x11, 0x21);
}

static void update_in_progress(void)
{
    setup();
    EXPECT_EQ(get(0x0a), 0x26);
    now = 999755999;
    EXPECT_EQ(get(0x0a), 0x26);
    now = 999756000;
    EXPECT_EQ(get(0x0a), 0xa6);
    now = 1000000000;
    EXPECT_EQ(get(0x0a), 0x26);
    set(0x0b, 0x82);
    now = 1999999999;
    EXPECT_EQ(get(0x0a), 0x26);
    set(0x0a, 0xff);
    EXPECT_EQ(get(0x0a), 0x7f);
}

/* Runs just before, then at the deadline. */
static void fire_at(u64 due)
{
    EXPECT_EQ(cmos_deadline(&cmos), due);
    now = due - 1;
    cmos_run(&cmos, now);
    EXPECT(!level);
    EXPECT_EQ(cmos_deadline(&cmos), due);
    now = due;
    cmos_run(&cmos, now);
    EXPECT(level);
    EXPECT_EQ(cmos_deadline(&cmos), NEVER);
}

static void update_interrupt(void)
{
    setup();
    now = 5000;
    EXPECT_EQ(cmos_deadline(&cmos), NEVER);
    set(0x0b, 0x12);
    for (u32 i = 1; i < 5; i++) {
        fire_at(i * NS_PER_SEC);
        EXPECT_EQ(get(0x0c) & 0x90, 0x90);
        EXPECT(!level);
        EXPECT_EQ(get(0x0c), 0);
    }
    EXPECT_EQ(rises, 4);
}

static void periodic_interrupt(void)
{
    static const u32 hz[16] = {0,   256, 128, 8192, 4096, 2048, 1024, 512,
                               256, 128, 64,  32,   16,   8,    4,    2};

    for (u32 rate = 1; rate < 16; rate++) {
        setup();
        set(0x0a, (u8)(0x20 | rate));
        set(0x0b, 0x42);
        for (u32 i = 1; i < 10; i++) {
            fire_at((i * NS_PER_SEC + hz[rate] - 1) / hz[rate]);
            EXPECT_EQ(get(0x0c) & 0xc0, 0xc0);
        }
    }
    set(0x0a, 0x20);
    EXPECT_EQ(cmos_deadline(&cmos), NEVER);
    now += 10 * NS_PER_SEC;
    EXPECT_EQ(get(0x0c) & 0x40, 0);
}

static void alarm_at(u8 hour, u8 minute, u8 second, u64 seconds)
{
    setup();
    now = 500;
    set(5, hour);
    set(3, minute);
    set(1, second);
    set(0x0b, 0x22);
    if (seconds)
        fire_at(seconds * NS_PER_SEC);
    else
        EXPECT_EQ(cmos_deadline(&cmos), NEVER);
    EXPECT_EQ(get(0x0c) & 0xa0, seconds ? 0xa0 : 0);
}

static void alarms(void)
{
    alarm_at(0x03, 0x40, 0x05, 5);
    alarm_at(0x03, 0x41, 0x00, 60);
    alarm_at(0x03, 0x40, 0x00, 86400);
    alarm_at(0x03, 0x39, 0x59, 86399);
    alarm_at(0x02, 0xff, 0x59, 22 * 3600 + 20 * 60 + 59);
    alarm_at(0xff, 0xff, 0xff, 1);
    alarm_at(0xff, 0xc0, 0x30, 30);
    alarm_at(0xc0, 0x45, 0x00, 300);
    alarm_at(0xff, 0xff, 0x00, 60);
    alarm_at(0xff, 0x15, 0xff, 35 * 60);
    alarm_at(0xff, 0x39, 0x10, 59 * 60 + 10);
    alarm_at(0x00, 0x00, 0x00, 20 * 3600 + 20 * 60);
    alarm_at(0x25, 0x00, 0x00, 0);
    alarm_at(0x03, 0x60, 0x00, 0);
    alarm_at(0xff, 0xff, 0x75, 0);
}

/* While SET holds the clock there is no update, and no alarm either. */
static void a_clock_that_is_set_neither_updates_nor_rings(void)
{
    setup();
    set(5, 0xff);
    set(3, 0xff);
    set(1, 0xff); /* every second */
    set(0x0b, 0xb2);
    EXPECT_EQ(cmos_deadline(&cmos), NEVER);
    now += 3 * NS_PER_SEC;
    cmos_run(&cmos, now);
    EXPECT(!level);
    EXPECT_EQ(get(0x0c) & 0xb0, 0);
}

static void an_alarm_in_a_long_sleep(void)
{
    setup();
    set(5, 0x04);
    set(3, 0x00);
    set(1, 0x00);
    now = 1199 * NS_PER_SEC;
    EXPECT_EQ(get(0x0c), 0x50);
    now = 3600 * NS_PER_SEC;
    EXPECT_EQ(get(0x0c), 0x70);
    now = 3601 * NS_PER_SEC;
    EXPECT_EQ(get(0x0c), 0x50);
}

static void memory_size(void)
{
    setup_at(0, 32768);
    EXPECT_EQ(get(0x15) | get(0x16) << 8, 640);
    EXPECT_EQ(get(0x17) | get(0x18) << 8, 31744);
    EXPECT_EQ(get(0x30) | get(0x31) << 8, 31744);
    EXPECT_EQ(get(0x34) | get(0x35) << 8, 256);
    setup_at(0, 2 << 20);
    EXPECT_EQ(get(0x17) | get(0x18) << 8, 0xffff);
    EXPECT_EQ(get(0x34) | get(0x35) << 8, 32512);
    setup_at(0, 512);
    EXPECT_EQ(get(0x15) | get(0x16) << 8, 512);
    EXPECT_EQ(get(0x30) | get(0x31) << 8, 0);
    set(0x7f, 0xab);
    EXPECT_EQ(get(0xff), 0xab); /* bit 7 is the NMI mask */
    set(0x0d, 0);
    EXPECT_EQ(get(0x0d), 0x80);
}

static void state_survives(void)
{
    u8 buf[512];
    u32 size;

    setup();
    set(4, 0x17);
    set(0x40, 0x99);
    size = cmos_ops.save(&cmos, buf, sizeof(buf));
    EXPECT(size <= sizeof(buf));
    setup();
    EXPECT(cmos_ops.load(&cmos, buf, size));
    expect_time(0x17, 0x40, 0x00);
    EXPECT_EQ(get(0x40), 0x99);
    EXPECT(!cmos_ops.load(&cmos, buf, size - 1));
    cmos.st.seen = TIME_MAX;
    cmos_ops.save(&cmos, buf, sizeof(buf));
    EXPECT(!cmos_ops.load(&cmos, buf, size));
}

static const struct unit_case cases[] = {
    CASE(tells_the_time_in_bcd),
    CASE(dates_agree_with_the_library),
    CASE(formats),
    CASE(setting_with_the_set_bit),
    CASE(setting_without_it),
    CASE(far_years),
    CASE(update_in_progress),
    CASE(update_interrupt),
    CASE(periodic_interrupt),
    CASE(alarms),
    CASE(a_clock_that_is_set_neither_updates_nor_rings),
    CASE(an_alarm_in_a_long_sleep),
    CASE(memory_size),
    CASE(state_survives),
};
UNIT_MAIN(cases)
