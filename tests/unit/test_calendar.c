/* SPDX-License-Identifier: MIT
 *
 * The calendar, a day at a time through four centuries and more.
 * LINKS: drivers/model drivers/bus vmm/base
 */
#include "drivers/model/calendar.h"
#include "tests/unit/unit.h"

static u32 month_days(u32 year, u32 month)
{
    static const u8 days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

static void every_day_follows_the_last(void)
{
    struct calendar want = {1600, 1, 1, 7, 0, 0, 0};

    for (u64 day = 0; day < 300000; day++) {
        struct calendar t = calendar_from_seconds(day * CALENDAR_DAY);

        EXPECT_EQ(t.year, want.year);
        EXPECT_EQ(t.month, want.month);
        EXPECT_EQ(t.day, want.day);
        EXPECT_EQ(t.weekday, want.weekday);
        EXPECT_EQ(calendar_to_seconds(&t), day * CALENDAR_DAY);
        if (unit_failures > 10)
            return;
        want.weekday = want.weekday % 7 + 1;
        if (++want.day > month_days(want.year, want.month)) {
            want.day = 1;
            if (++want.month > 12) {
                want.month = 1;
                want.year++;
            }
        }
    }
}

static void seconds_of_a_day(void)
{
    for (u32 s = 0; s < CALENDAR_DAY; s++) {
        struct calendar t = calendar_from_seconds(CALENDAR_1970 + s);

        EXPECT_EQ(t.hour * 3600u + t.minute * 60u + t.second, s);
        EXPECT(t.hour < 24 && t.minute < 60 && t.second < 60);
        EXPECT_EQ(calendar_to_seconds(&t), CALENDAR_1970 + s);
        EXPECT_EQ(t.year, 1970);
    }
}

static void excess_carries_over(void)
{
    struct calendar t = {2026, 2, 31, 1, 25, 61, 61};

    t = calendar_from_seconds(calendar_to_seconds(&t));
    EXPECT_EQ(t.month, 3);
    EXPECT_EQ(t.day, 4);
    EXPECT_EQ(t.hour, 2);
    EXPECT_EQ(t.minute, 2);
    EXPECT_EQ(t.second, 1);
    t = (struct calendar){2026, 0, 0, 0, 0, 0, 0};
    t = calendar_from_seconds(calendar_to_seconds(&t));
    EXPECT_EQ(t.month, 1);
    EXPECT_EQ(t.day, 1);
    t = (struct calendar){2026, 255, 1, 0, 0, 0, 0};
    t = calendar_from_seconds(calendar_to_seconds(&t));
    EXPECT_EQ(t.month, 12);
}

static void any_number_is_a_date(void)
{
    struct calendar t = calendar_from_seconds(UINT64_MAX);

    EXPECT(t.month >= 1 && t.month <= 12 && t.day >= 1 && t.day <= 31);
    t = (struct calendar){UINT32_MAX, 255, 255, 255, 255, 255, 255};
    t = calendar_from_seconds(calendar_to_seconds(&t));
    EXPECT(t.month >= 1 && t.month <= 12 && t.day >= 1 && t.day <= 31);
}

static const struct unit_case cases[] = {
    CASE(every_day_follows_the_last),
    CASE(seconds_of_a_day),
    CASE(excess_carries_over),
    CASE(any_number_is_a_date),
};
UNIT_MAIN(cases)
