/* SPDX-License-Identifier: MIT
 *
 * The clock chip: a date that can be one, time that goes on, RAM that keeps a
 * byte, and a memory size.
 *
 * Motorola MC146818 datasheet.
 */
#include "tests/micro/lib/micro.h"

#define SECONDS  0x00
#define MINUTES  0x02
#define HOURS    0x04
#define DAY      0x07
#define MONTH    0x08
#define YEAR     0x09
#define REG_A    0x0a
#define REG_B    0x0b
#define REG_D    0x0d
#define RAM      0x40
#define CENTURY  0x32
#define UPDATING 0x80
#define VALID    0x80
#define BINARY   0x04
#define PATIENCE 20000000

static u32 cmos(u8 index)
{
    out8(PORT_CMOS_INDEX, index);
    return in8(PORT_CMOS_DATA);
}

static u32 number(u8 index)
{
    u32 v;

    while (cmos(REG_A) & UPDATING)
        continue;
    v = cmos(index);
    return cmos(REG_B) & BINARY ? v : (v >> 4) * 10 + (v & 0xf);
}

static void expect_between(u8 index, u32 low, u32 high, const char *what)
{
    u32 v = number(index);

    EXPECT(v >= low && v <= high, what);
}

void test(void)
{
    u32 second = number(SECONDS), i;

    EXPECT(cmos(REG_D) & VALID, "the clock says that its battery is empty");
    expect_between(SECONDS, 0, 59, "the seconds are not between 0 and 59");
    expect_between(MINUTES, 0, 59, "the minutes are not between 0 and 59");
    expect_between(HOURS, 0, 23, "the hours are not between 0 and 23");
    expect_between(DAY, 1, 31, "the day is not between 1 and 31");
    expect_between(MONTH, 1, 12, "the month is not between 1 and 12");
    expect_between(YEAR, 20, 99, "the year is before 2020");
    expect_between(CENTURY, 20, 20, "the century is not 20");
    for (i = 0; i < PATIENCE && number(SECONDS) == second; i++)
        continue;
    EXPECT(i < PATIENCE, "the seconds stand still");
    second = cmos(RAM);
    out8(PORT_CMOS_INDEX, RAM);
    out8(PORT_CMOS_DATA, 0xa7);
    EXPECT_EQ(cmos(RAM), 0xa7, "a byte in the clock's RAM");
    out8(PORT_CMOS_INDEX, RAM);
    out8(PORT_CMOS_DATA, (u8)second);
    EXPECT(cmos(0x17) | cmos(0x18) << 8, "the size of extended memory is 0");
}
