/* SPDX-License-Identifier: MIT
 *
 * The scheduler: between the processes (proc.c) and the policies, which are
 * pure functions of guest/policy.
 *
 * Who used how much of a tick is measured with the TSC whenever the processor
 * changes hands; how many of its cycles are a tick is learned from the ticks
 * themselves. A tick is always 1024 units: what nobody was charged for when
 * the timer interrupts goes to whoever runs then. Cycles that do not make a
 * whole unit stay with their job, so that giving way early and often is not
 * cheaper than running on. Jobs of the lab are charged in whole ticks
 * (mix.c).
 *
 * A job that becomes ready does not take the processor at once, even under a
 * preemptive policy: that is asked behind every tick.
 */
#include "guest/kernel/kernel.h"
#include "guest/kernel/turns.h"

#define DEFAULT_POLICY 3 /* rr */

struct sched turns;

static struct {
    u32 arrived, started, ended; /* in ticks since boot */
    u8 ran, over;
    u32 rest; /* cycles that are less than a unit */
} figures[SCHED_JOBS];

static int running = -1;
static u32 tick_left = SCHED_TICK; /* units nobody was charged for */
static u32 unit_cycles = 1;
static u64 settled, tick_began; /* by the TSC */

void turns_init(void)
{
    sched_init(&turns, sched_policy(DEFAULT_POLICY));
}

static void take(u32 units)
{
    if (units > tick_left)
        units = tick_left;
    tick_left -= units;
    if (running >= 0 && !mix_is_member(running))
        sched_charge(&turns, (u32)running, units);
}

/* Charges the running job up to now. */
static void settle(void)
{
    u64 now = rdtsc(), cycles = now - settled;
    u32 sum, *rest;

    settled = now;
    if (running < 0)
        return;
    rest = &figures[running].rest;
    sum = *rest + (u32)cycles;
    if (cycles >> 32 || sum < *rest)
        sum = ~0u;
    *rest = sum % unit_cycles;
    take(sum / unit_cycles);
}

static void learn_tick(void)
{
    u64 now = rdtsc(), cycles = (now - tick_began) >> 10;
    u32 last = cycles >> 28 ? 1 << 28 : (u32)cycles;

    tick_began = now;
    unit_cycles = (unit_cycles * 7 + last) / 8;
    if (unit_cycles == 0)
        unit_cycles = 1;
}

void turn_begin(u32 slot, s32 pid, int parent)
{
    memset(&figures[slot], 0, sizeof(figures[slot]));
    figures[slot].arrived = pit_ticks();
    sched_add(&turns, slot);
    mix_join(slot, pid, parent);
    turn_ready(slot);
}

void turn_end(u32 slot)
{
    settle();
    figures[slot].ended = pit_ticks();
    figures[slot].over = 1;
    mix_leave(slot);
    sched_remove(&turns, slot);
}

void turn_ready(u32 slot)
{
    if (!mix_ready(slot))
        sched_ready(&turns, slot, 0);
}

void turn_block(u32 slot)
{
    settle();
    if (!mix_block(slot))
        sched_block(&turns, slot);
}

void turn_pass(u32 slot)
{
    settle();
    sched_pass(&turns, slot);
}

int turn_next(void)
{
    settle();
    running = mix_has_turn();
    if (running < 0)
        running = sched_pick(&turns);
    if (running >= 0 && !figures[running].ran) {
        figures[running].ran = 1;
        figures[running].started = pit_ticks();
    }
    return running;
}

int turn_tick(void)
{
    settle();
    take(tick_left);
    tick_left = SCHED_TICK;
    learn_tick();
    if (mix_is_between(running)) {
        mix_tick(running);
        return 1;
    }
    mix_tick(running);
    if (mix_is_between(running))
        return sched_tick(&turns, -1);
    return sched_tick(&turns, running) || mix_has_turn() >= 0;
}

void turn_row(u32 slot, struct sched_row *row)
{
    row->arrived = figures[slot].arrived;
    row->started = figures[slot].started;
    row->ended = figures[slot].over ? figures[slot].ended : pit_ticks();
    row->level = turns.job[slot].level;
    row->left = sched_left(&turns, slot) / SCHED_TICK;
}
