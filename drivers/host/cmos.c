/* SPDX-License-Identifier: MIT
 *
 * The date, from the battery-backed clock: read twice until both agree, and
 * not while an update is in progress. BCD or binary, 12 or 24 hours, as the
 * firmware left it. Years are taken as 2000 to 2099.
 *
 * Motorola MC146818 data sheet.
 */
#include "arch/x86/asm.h"
#include "arch/x86/defs/ports.h"
#include "drivers/host/host.h"
#include "vmm/base/str.h"

enum { SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR, FIELDS };

static const u8 field_register[FIELDS] = {0, 2, 4, 7, 8, 9};

#define REG_A        0x0a
#define REG_B        0x0b
#define A_UPDATING   0x80
#define B_BINARY     0x04
#define B_24_HOURS   0x02
#define HOURS_PM     0x80
#define PATIENCE     100000
#define ABSENT       0xff  /* what a bus without a chip reads as */
#define DAYS_TO_2000 10957 /* from 1970 */

static u8 cmos(u8 reg)
{
    outb(PORT_CMOS_INDEX, reg);
    return inb(PORT_CMOS_DATA);
}

static void read_fields(u8 field[FIELDS])
{
    for (u32 i = 0; i < PATIENCE && cmos(REG_A) & A_UPDATING; i++)
        continue;
    for (u32 i = 0; i < FIELDS; i++)
        field[i] = cmos(field_register[i]);
}

static u32 number(u8 raw, u8 mode)
{
    return mode & B_BINARY ? raw : (raw >> 4) * 10u + (raw & 15);
}

static u32 hours(u8 raw, u8 mode)
{
    u32 hour = number(raw & ~HOURS_PM, mode);

    if (mode & B_24_HOURS)
        return hour;
    return hour % 12 + (raw & HOURS_PM ? 12 : 0);
}

/* Days before the first of month (1..12) in year 2000 + y. */
static u32 days_before(u32 y, u32 month)
{
    static const u16 before[12] = {0,   31,  59,  90,  120, 151,
                                   181, 212, 243, 273, 304, 334};
    u32 leap_years = y ? (y - 1) / 4 + 1 : 0;
    u32 days = y * 365 + leap_years + before[(month - 1) % 12];

    return days + (month > 2 && y % 4 == 0);
}

u64 cmos_seconds(void)
{
    u8 field[FIELDS], again[FIELDS];
    u8 mode = cmos(REG_B);
    u64 days;

    if (mode == ABSENT)
        return 0;
    for (u32 i = 0; i < 10; i++) {
        read_fields(field);
        read_fields(again);
        if (!memcmp(field, again, sizeof(field)))
            break;
    }
    days = DAYS_TO_2000 +
           days_before(number(field[YEAR], mode), number(field[MONTH], mode)) +
           number(field[DAY], mode) - 1;
    return ((days * 24 + hours(field[HOURS], mode)) * 60 +
            number(field[MINUTES], mode)) *
               60 +
           number(field[SECONDS], mode);
}
