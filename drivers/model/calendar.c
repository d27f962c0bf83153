/* SPDX-License-Identifier: MIT
 *
 * See calendar.h.
 *
 * The Gregorian calendar repeats every 400 years, which are 146097 days. What
 * is left within a cycle is found by estimating the year from below (no year
 * has more than 366 days) and stepping up, at most twice.
 *
 * No field is trusted: a month outside 1 to 12 counts as the nearest, every
 * other excess carries into the next field.
 */
#include "drivers/model/calendar.h"
#include "vmm/base/bits.h"

#define DAY_SECONDS   CALENDAR_DAY
#define HOUR_SECONDS  3600u
#define CYCLE_YEARS   400u
#define CYCLE_DAYS    146097u
#define CYCLE_START   1600u
#define FIRST_WEEKDAY 6 /* 1 January 1600 was a Saturday; Sunday is 0 here */

static const u16 month_start[12] = {0,   31,  59,  90,  120, 151,
                                    181, 212, 243, 273, 304, 334};

static bool leap(u32 year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from the start of the cycle to 1 January, `years` into it. */
static u32 days_before(u32 years)
{
    return 365 * years + (years + 3) / 4 - (years + 99) / 100 +
           (years + 399) / 400;
}

/* Days before a month (1 to 12; others are taken as the nearest). */
static u32 days_to_month(u32 year, u32 month)
{
    u32 index = min_u32(max_u32(month, 1), 12) - 1;

    return month_start[index] + (index >= 2 && leap(year));
}

u64 calendar_to_seconds(const struct calendar *t)
{
    u32 year = t->year < CYCLE_START ? t->year + CYCLE_YEARS * 4 : t->year;
    u64 years = year - CYCLE_START;
    u64 days = years / CYCLE_YEARS * CYCLE_DAYS +
               days_before((u32)(years % CYCLE_YEARS)) +
               days_to_month(year, t->month) + max_u32(t->day, 1) - 1;

    return days * DAY_SECONDS + t->hour * HOUR_SECONDS + t->minute * 60u +
           t->second;
}

static void split_day(struct calendar *t, u32 day_of_year)
{
    u32 month = 12;

    while (month > 1 && day_of_year < days_to_month(t->year, month))
        month--;
    t->month = (u8)month;
    t->day = (u8)(day_of_year - days_to_month(t->year, month) + 1);
}

struct calendar calendar_from_seconds(u64 seconds)
{
    u64 days = seconds / DAY_SECONDS;
    u32 rest = (u32)(seconds % DAY_SECONDS);
    u32 in_cycle = (u32)(days % CYCLE_DAYS), years = in_cycle / 366;
    struct calendar t = {
        .weekday = (u8)((days + FIRST_WEEKDAY) % 7 + 1),
        .hour = (u8)(rest / HOUR_SECONDS),
        .minute = (u8)(rest / 60 % 60),
        .second = (u8)(rest % 60),
    };

    while (days_before(years + 1) <= in_cycle)
        years++;
    t.year = CYCLE_START + (u32)(days / CYCLE_DAYS) * CYCLE_YEARS + years;
    split_day(&t, in_cycle - days_before(years));
    return t;
}
