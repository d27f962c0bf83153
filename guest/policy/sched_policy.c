/* SPDX-License-Identifier: MIT
 *
 * The five policies of the textbook, each a table of a few lines.
 *
 * - fifo: who comes first runs first, as long as it wants.
 * - sjf: the shortest burst first, as long as it wants.
 * - stcf: the shortest time to completion first, at every tick anew.
 * - rr: each in its turn, a quantum at a time.
 * - mlfq: levels of round-robin. A job begins at the top (rule 3); the
 *   highest level runs (1), its jobs in turns (2); a job that has used its
 *   allotment of a level sinks to the next, however often it gave way before
 *   (4); every so often all rise to the top (5).
 *
 * A burst is the time from being ready until blocking. Its length is declared
 * or guessed: the mean of the bursts before, in which each counts half as
 * much as the next one.
 *
 * LIMIT: fifo, sjf and stcf let a job that never blocks keep the others
 * waiting for ever; they are for watching, as the book has them. Under mlfq a
 * job that hands its work on to ever new children stays at the top: so rule 3
 * has it.
 */
#include "guest/policy/sched.h"

static u32 all_equal(const struct sched *s, u32 slot)
{
    (void)s;
    (void)slot;
    return 0;
}

static u32 as_long_as_it_wants(const struct sched *s, u32 slot)
{
    (void)s;
    (void)slot;
    return 0;
}

static const struct sched_policy fifo = {
    .name = "fifo",
    .rank = all_equal,
    .quantum = as_long_as_it_wants,
};

static const struct sched_policy sjf = {
    .name = "sjf",
    .rank = sched_left,
    .quantum = as_long_as_it_wants,
};

static const struct sched_policy stcf = {
    .name = "stcf",
    .preemptive = 1,
    .rank = sched_left,
    .quantum = as_long_as_it_wants,
};

static u32 rr_quantum(const struct sched *s, u32 slot)
{
    (void)slot;
    return s->knobs.quantum;
}

static const struct sched_policy rr = {
    .name = "rr",
    .rank = all_equal,
    .quantum = rr_quantum,
};

static u32 mlfq_rank(const struct sched *s, u32 slot)
{
    return s->job[slot].level;
}

static u32 mlfq_quantum(const struct sched *s, u32 slot)
{
    return s->knobs.slice[s->job[slot].level];
}

static void mlfq_sink(struct sched *s, u32 slot)
{
    struct sched_job *j = &s->job[slot];

    if (j->level + 1u >= s->knobs.levels ||
        j->allotted < s->knobs.allot[j->level] * SCHED_TICK)
        return;
    j->level++;
    j->allotted = 0;
    sched_queue(s, slot);
}

static void mlfq_boost(struct sched *s)
{
    if (s->knobs.boost && s->now - s->boosted >= s->knobs.boost)
        sched_rise(s);
}

static const struct sched_policy mlfq = {
    .name = "mlfq",
    .preemptive = 1,
    .rank = mlfq_rank,
    .quantum = mlfq_quantum,
    .charged = mlfq_sink,
    .tick = mlfq_boost,
};

const struct sched_policy *sched_policy(u32 i)
{
    static const struct sched_policy *const all[] = {
        &fifo, &sjf, &stcf, &rr, &mlfq,
    };

    return i < sizeof(all) / sizeof(all[0]) ? all[i] : NULL;
}
