/* SPDX-License-Identifier: MIT
 *
 * Virtual time, as the devices see it.
 *
 * A clock is a value like an interrupt line: a function that tells the VM's
 * virtual time in nanoseconds and never runs backwards. Devices count in
 * oscillator ticks of their own (1193182 Hz, 32768 Hz); the two conversions
 * here are exact inverses: ticks_at(t) is how many ticks have passed at t,
 * tick_time(n) the first nanosecond at which ticks_at() says n. So a deadline
 * computed from a tick is never one nanosecond early, which would make its
 * owner wake up, find nothing due, and ask for the same deadline again.
 *
 * Times up to TIME_MAX (146 years) are exact; nothing here overflows below.
 */
#ifndef BUS_CLOCK_H
#define BUS_CLOCK_H

#include "vmm/base/types.h"

#define NS_PER_SEC 1000000000ull
#define TIME_MAX   (1ull << 62)
#define NEVER      UINT64_MAX

struct dev_clock {
    u64 (*now)(void *ctx);
    void *ctx;
};

static inline u64 clock_now(const struct dev_clock *clock)
{
    return clock->now(clock->ctx);
}

static inline u64 ticks_at(u64 ns, u32 hz)
{
    return ns / NS_PER_SEC * hz + ns % NS_PER_SEC * hz / NS_PER_SEC;
}

static inline u64 tick_time(u64 ticks, u32 hz)
{
    u64 sec = ticks / hz;

    if (sec >= TIME_MAX / NS_PER_SEC)
        return NEVER;
    return sec * NS_PER_SEC + (ticks % hz * NS_PER_SEC + hz - 1) / hz;
}

#endif
