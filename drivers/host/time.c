/* SPDX-License-Identifier: MIT
 *
 * The VMM's clock and alarm.
 *
 * The clock is the TSC. How fast it runs is measured at boot against something
 * whose rate is known: the PIT, the ACPI timer, the HPET, whichever is the
 * first that counts; if none does, CPUID may say the rate. The best of some
 * measurements counts, because whatever disturbs one can only make it longer.
 * Two that agree are enough. Under an emulator that counts instructions the
 * result is the same in each run. A thing that is not there reads as all ones,
 * or stands still, so nothing is believed that does not give a plausible rate,
 * and no wait is longer than a fraction of a second by the TSC itself.
 *
 * The alarm is the timer of the local APIC, which needs no interrupt
 * controller; PIT channel 0 through the PIC serves where there is none. It is
 * never set further ahead than TICK_NS and is set again when it comes, so a
 * forgotten deadline cannot stop the VMM.
 *
 * LIMIT: one processor, and a TSC that neither stops nor changes its rate.
 *
 * SDM vol. 3A 11.5.4 (APIC timer), vol. 3B 18.17 (TSC).
 */
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/machine.h"
#include "drivers/host/host.h"
#include "vmm/base/bits.h"

#define GAUGE_NS   5000000ull
#define GAUGE_RUNS 3
#define GAUGE_MOST 10        /* runs, the failed ones included */
#define GAUGE_NEAR 200       /* a half percent */
#define PATIENCE   BIT64(30) /* ticks of the TSC: 0.2 to 1 second */
#define PROBE_NS   1000000
#define SECOND     1000000000ull
#define LEAST_NS   1000 /* an alarm for the past */
#define HZ_LEAST   1000000ull
#define HZ_MOST    20000000000ull

const char *const time_clock_words[CLOCK_SOURCES] = {"any",  "pit",  "pit0",
                                                     "acpi", "hpet", "cpuid"};
const char *const time_alarm_words[ALARM_SOURCES] = {"any", "apic", "pit"};

static struct {
    u64 start; /* TSC at boot */
    u64 tsc_hz, alarm_hz;
    u64 ns_per_tick; /* times 2^32 */
    u64 epoch;
    enum clock_source source;
    bool apic;
} clock;

/* value * factor / 2^32 without overflow. */
static u64 scale(u64 value, u64 factor)
{
    return (u64)(((unsigned __int128)value * factor) >> 32);
}

static u32 tsc_counter(void)
{
    return (u32)rdtsc();
}

/* The counter behind a source; the PIT's is none, it only says when a time is
 * over. */
static bool find(const struct platform *p, enum clock_source s,
                 struct yardstick *out)
{
    *out = (struct yardstick){tsc_counter, ~0u, features_tsc_hz()};
    switch (s) {
    case CLOCK_PIT:
        return true;
    case CLOCK_PIT_0:
        *out = pit_counter();
        return true;
    case CLOCK_ACPI:
        return pmtimer_find(p, out);
    case CLOCK_HPET:
        return hpet_find(p, out);
    case CLOCK_CPUID:
        return out->hz;
    default:
        return false;
    }
}

/* Waits for GAUGE_NS to pass; the nanoseconds that have, or 0 when it never
 * ends or (the PIT is not there) has ended before it began. */
static u64 wait_for_pit(u64 before)
{
    u32 count = pit_count(GAUGE_NS);
    bool late = false;

    pit_gate_start(count);
    if (pit_gate_done())
        return 0;
    while (!pit_gate_done()) {
        if (late)
            return 0;
        late = rdtsc() - before > PATIENCE; /* look once more after that */
    }
    return count * SECOND / PIT_HZ;
}

static u64 wait_for_counter(const struct yardstick *c, u64 before)
{
    u64 want = GAUGE_NS * c->hz / SECOND, passed;
    u32 first = c->read();
    bool late = false;

    while ((passed = (c->read() - first) & c->mask) < want) {
        if (late)
            return 0;
        late = rdtsc() - before > PATIENCE;
    }
    return passed * SECOND / c->hz;
}

/* One measurement, of TSC and APIC timer at once. */
static bool gauge(enum clock_source s, const struct yardstick *c, u64 *tsc_hz,
                  u64 *alarm_hz)
{
    u64 before, tsc, alarm, ns;

    if (clock.apic)
        lapic_start(~0u);
    before = rdtsc();
    ns = s == CLOCK_PIT ? wait_for_pit(before) : wait_for_counter(c, before);
    tsc = rdtsc() - before;
    alarm = clock.apic ? ~0u - lapic_count() : 0;
    if (clock.apic)
        lapic_start(0);
    if (!ns || tsc >= 2 * PATIENCE)
        return false;
    *tsc_hz = tsc * SECOND / ns;
    *alarm_hz = alarm * SECOND / ns;
    return *tsc_hz >= HZ_LEAST && *tsc_hz <= HZ_MOST;
}

/* Enough measurements when the best two are near one another. */
static bool measure(const struct platform *p, enum clock_source s)
{
    u64 best = ~0ull, next = ~0ull, best_alarm = ~0ull, tsc, alarm;
    struct yardstick y;
    u32 good = 0;

    if (!find(p, s, &y))
        return false;
    for (u32 i = 0; i < GAUGE_MOST; i++) {
        if (!gauge(s, &y, &tsc, &alarm)) {
            if (i && !good)
                return false;
            continue;
        }
        good++;
        next = min_u64(next, max_u64(best, tsc));
        best = min_u64(best, tsc);
        best_alarm = min_u64(best_alarm, alarm);
        if (good >= GAUGE_RUNS && next - best <= best / GAUGE_NEAR)
            break;
    }
    clock.source = s;
    clock.tsc_hz = s == CLOCK_CPUID ? y.hz : best;
    clock.alarm_hz = best_alarm;
    return good;
}

static void choose_clock(const struct platform *p, enum clock_source wish)
{
    if (wish != CLOCK_ANY && measure(p, wish))
        return;
    for (u32 s = CLOCK_PIT; s < CLOCK_SOURCES; s++) {
        if (measure(p, (enum clock_source)s))
            return;
    }
    arch_panic("the rate of the TSC cannot be found: the PIT does not count, "
               "no ACPI timer and no HPET does either, and CPUID says nothing "
               "of it. Switch the PC timer (8254) or ACPI on in the "
               "firmware's setup, or use another machine");
}

/* Does channel 0 make itself heard? IRQ 0 is masked yet, but its request is
 * seen all the same. */
static bool pit_interrupts(void)
{
    u64 before = rdtsc();

    pit_one_shot(PROBE_NS);
    while (!host_pic_asked(IRQ_TIMER)) {
        if (rdtsc() - before > PATIENCE)
            return host_pic_asked(IRQ_TIMER);
    }
    return true;
}

static void choose_alarm(const struct platform *p, enum alarm_source wish)
{
    bool apic = clock.apic && clock.alarm_hz > SECOND / TICK_NS;

    if (wish == ALARM_PIT || !apic)
        clock.apic = apic && !(p->has_pic && pit_interrupts());
    if (clock.apic)
        return;
    if (!apic && !(p->has_pic && pit_interrupts()))
        arch_panic("no timer interrupts: the local APIC is absent or its "
                   "timer stands still, and the PIT does not interrupt "
                   "either. Switch the local APIC on in the firmware's setup, "
                   "or use another machine");
    host_pic_unmask(IRQ_TIMER);
}

void time_init(const struct platform *p, bool have_apic,
               enum clock_source source, enum alarm_source alarm)
{
    clock.start = rdtsc();
    clock.apic = have_apic && lapic_init();
    choose_clock(p, source);
    choose_alarm(p, alarm);
    clock.ns_per_tick = (SECOND << 32) / clock.tsc_hz;
    clock.epoch = p->has_rtc ? cmos_seconds() : 0;
    if (clock.epoch)
        clock.epoch -= arch_now_ns() / SECOND;
    arch_set_timer(0);
}

u64 time_tsc_hz(void)
{
    return clock.tsc_hz;
}

enum clock_source time_clock(void)
{
    return clock.source;
}

enum alarm_source time_alarm(void)
{
    return clock.apic ? ALARM_APIC : ALARM_PIT;
}

u64 arch_tsc_hz(void)
{
    return time_tsc_hz();
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
