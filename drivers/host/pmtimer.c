/* SPDX-License-Identifier: MIT
 *
 * Counters that the firmware's tables name and that only count up: the ACPI
 * power management timer and the HPET. Both run at a rate that is known, so
 * they can stand in for PIT channel 2, which boards without a PC timer lack
 * and others stop to save power.
 *
 * The power management timer has 24 bits or 32; no more than 24 are looked
 * at, which last for 4.6 seconds. Of the HPET's main counter the low half is
 * enough as well. A counter that does not move is as good as none; who waits
 * for it must have another limit.
 *
 * ACPI 6.5 sections 4.8.2.1, 4.8.3.3; IA-PC HPET 1.0a sections 2.3.4, 2.3.5,
 * 2.3.7.
 */
#include "arch/x86/asm.h"
#include "arch/x86/layout.h"
#include "drivers/host/host.h"

#define PM_TIMER_HZ   3579545
#define PM_TIMER_MASK 0xffffff

#define HPET_PERIOD     1 /* in words of 32 bits: femtoseconds */
#define HPET_CONFIG     4
#define HPET_COUNTER    60
#define HPET_ON         1
#define HPET_PERIOD_MAX 0x05f5e100
#define FEMTO           1000000000000000ull

static struct io_reg timer;
static volatile u32 *hpet;

static u32 pm_timer(void)
{
    if (timer.space == IO_PORT)
        return inl((u16)timer.at);
    return *(volatile u32 *)physmap(hpa(timer.at));
}

static u32 hpet_counter(void)
{
    return hpet[HPET_COUNTER];
}

bool pmtimer_find(const struct platform *p, struct yardstick *out)
{
    timer = p->pm_timer;
    if (!p->pm_timer_bits ||
        (timer.space == IO_MEMORY && timer.at > LOW_4G - 4))
        return false;
    *out = (struct yardstick){pm_timer, PM_TIMER_MASK, PM_TIMER_HZ};
    return true;
}

bool hpet_find(const struct platform *p, struct yardstick *out)
{
    u32 period;

    if (!p->hpet || p->hpet & 7 || p->hpet > LOW_4G - PAGE_SIZE)
        return false;
    hpet = physmap(hpa(p->hpet));
    period = hpet[HPET_PERIOD];
    if (!period || period > HPET_PERIOD_MAX)
        return false;
    hpet[HPET_CONFIG] |= HPET_ON;
    *out = (struct yardstick){hpet_counter, ~0u, FEMTO / period};
    return true;
}
