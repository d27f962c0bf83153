/* SPDX-License-Identifier: MIT
 *
 * Dates and seconds: the arithmetic of a clock chip.
 *
 * Seconds are counted from 1 January 1600, which begins a 400-year cycle of
 * the calendar and lies before any date that a machine is set to. An earlier
 * year is taken as the year 1600 later.
 */
#ifndef MODEL_CALENDAR_H
#define MODEL_CALENDAR_H

#include "vmm/base/types.h"

#define CALENDAR_DAY  86400u
#define CALENDAR_1970 (135140ull * CALENDAR_DAY)

struct calendar {
    u32 year;               /* 2026 */
    u8 month, day, weekday; /* from 1; Sunday is 1 */
    u8 hour, minute, second;
};

u64 calendar_to_seconds(const struct calendar *t); /* weekday is ignored */
struct calendar calendar_from_seconds(u64 seconds);

#endif
