/* SPDX-License-Identifier: MIT
 *
 * The VMM's clock and alarm.
 *
 * The clock is the TSC, the alarm the APIC timer (or PIT channel 0). How fast
 * they run is measured against PIT channel 2 at boot: the shortest of three
 * measurements, because whatever disturbs one can only make it longer. Under
 * an emulator that counts instructions the result is the same in each run.
 *
 * The alarm is never set further ahead than TICK_NS and is set again when it
 * comes, so a forgotten deadline cannot stop the VMM.
 *
 * LIMIT: one processor, and a TSC that neither stops nor changes its rate.
 */
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "drivers/host/host.h"
#include "vmm/base/bits.h"

#define GAUGE_NS   5000000ull
#define GAUGE_RUNS 3
#define PATIENCE   20000000
#define SECOND     1000000000ull
#define LEAST_NS   1000 /* an alarm for the past */

static struct {
    u64 start; /* TSC at boot */
    u64 tsc_hz, alarm_hz;
    u64 ns_per_tick; /* times 2^32 */
    u64 epoch;
    bool apic;
} clock;

/* value * factor / 2^32 without overflow. */
static u64 scale(u64 value, u64 factor)
{
    return (u64)(((unsigned __int128)value * factor) >> 32);
}

/* One measurement: ticks of TSC and APIC timer while channel 2 runs out. */
static void gauge(u64 *tsc, u64 *alarm)
{
    u32 patience = PATIENCE;
    u64 before;

    if (clock.apic)
        lapic_start(~0u);
    before = rdtsc();
    pit_gate_start(pit_count(GAUGE_NS));
    while (!pit_gate_done() && --patience)
        continue;
    *tsc = rdtsc() - before;
    *alarm = clock.apic ? ~0u - lapic_count() : 0;
    if (clock.apic)
        lapic_start(0);
    if (!patience)
        arch_panic("channel 2 of the PIT does not count, and there is "
                   "nothing else to measure the TSC with. Use a machine with "
                   "a PC timer");
}

void time_init(bool have_apic)
{
    u64 best_tsc = ~0ull, best_alarm = ~0ull, tsc, alarm;
    u64 per_second = SECOND / GAUGE_NS;

    clock.apic = have_apic;
    clock.start = rdtsc();
    if (have_apic)
        lapic_init();
    for (u32 i = 0; i < GAUGE_RUNS; i++) {
        gauge(&tsc, &alarm);
        best_tsc = min_u64(best_tsc, tsc);
        best_alarm = min_u64(best_alarm, alarm);
    }
    clock.tsc_hz = best_tsc * per_second;
    clock.alarm_hz = best_alarm * per_second;
    clock.ns_per_tick = (SECOND << 32) / clock.tsc_hz;
    clock.epoch = cmos_seconds() - arch_now_ns() / SECOND;
    arch_set_timer(0);
}

u64 time_tsc_hz(void)
{
    return clock.tsc_hz;
}

bool time_has_apic(void)
{
    return clock.apic;
}

u64 arch_tsc(void)
{
    return rdtsc();
}

u64 arch_now_ns(void)
{
    return scale(rdtsc() - clock.start, clock.ns_per_tick);
}

u64 arch_epoch(void)
{
    return clock.epoch;
}

static void alarm_in(u64 ns)
{
    u64 count;

    if (!clock.apic) {
        pit_one_shot(ns);
        return;
    }
    count = ns * clock.alarm_hz / SECOND;
    lapic_start(count ? (u32)min_u64(count, ~0u) : 1);
}

void arch_set_timer(u64 deadline_ns)
{
    u64 now = arch_now_ns();
    u64 ahead = deadline_ns > now ? deadline_ns - now : 0;

    alarm_in(max_u64(min_u64(ahead, TICK_NS), LEAST_NS));
}

void time_tick(void)
{
    alarm_in(TICK_NS);
}
