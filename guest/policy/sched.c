/* SPDX-License-Identifier: MIT
 *
 * The mechanics that all policies share: jobs that come, block, give way and
 * use time, and the choice among those that are ready.
 *
 * There are no queues to keep in order. A job that enters a queue takes the
 * next number, as at a counter; the smallest number among the jobs of the
 * smallest rank is the head of the queue that runs. So a job can change its
 * rank, or the machine its policy, and nothing has to be moved.
 *
 * The one that has the turn keeps it among equals: a tie never costs a
 * switch. Whoever is preempted keeps its number and what is left of its turn,
 * and so goes on before the others of its queue.
 *
 * Time comes from outside and may be any number: sums stop at their greatest
 * value and never start again from 0.
 */
#include "guest/policy/sched.h"

#define KNOB_MAX 1000000

static void add(u32 *sum, u32 units)
{
    *sum = *sum + units < *sum ? ~0u : *sum + units;
}

static int is_job(const struct sched *s, u32 slot)
{
    return slot < SCHED_JOBS && s->job[slot].used;
}

void sched_init(struct sched *s, const struct sched_policy *policy)
{
    struct sched_knobs *k = &s->knobs;

    *s = (struct sched){.policy = policy, .turn = -1};
    *k = (struct sched_knobs){.quantum = 1, .levels = 3, .boost = 100};
    k->guess = 10;
    for (u32 i = 0; i < SCHED_LEVELS; i++) {
        k->slice[i] = 1 << i;
        k->allot[i] = 2 << i;
    }
}

void sched_rise(struct sched *s)
{
    s->boosted = s->now;
    for (u32 i = 0; i < s->end; i++) {
        s->job[i].level = 0;
        s->job[i].slice = 0;
        s->job[i].allotted = 0;
    }
}

/* All start anew in the order in which they wait; what is known of their
 * bursts stays true. */
void sched_switch(struct sched *s, const struct sched_policy *policy)
{
    s->policy = policy;
    sched_rise(s);
}

/* Fewer levels: whoever was below the new lowest one is on it now. */
static void set_levels(struct sched *s, u32 levels)
{
    s->knobs.levels = levels;
    for (u32 i = 0; i < s->end; i++)
        if (s->job[i].level >= levels)
            s->job[i].level = (u8)(levels - 1);
}

int sched_set(struct sched *s, u32 knob, u32 value)
{
    struct sched_knobs *k = &s->knobs;

    if (value > KNOB_MAX || (value == 0 && knob != SCHED_BOOST))
        return 0;
    if (knob == SCHED_QUANTUM)
        k->quantum = value;
    else if (knob == SCHED_BOOST)
        k->boost = value;
    else if (knob == SCHED_GUESS)
        k->guess = value;
    else if (knob == SCHED_LEVEL_COUNT && value <= SCHED_LEVELS)
        set_levels(s, value);
    else if (knob >= SCHED_SLICE && knob < SCHED_SLICE + SCHED_LEVELS)
        k->slice[knob - SCHED_SLICE] = value;
    else if (knob >= SCHED_ALLOT && knob < SCHED_ALLOT + SCHED_LEVELS)
        k->allot[knob - SCHED_ALLOT] = value;
    else
        return 0;
    return 1;
}

void sched_queue(struct sched *s, u32 slot)
{
    s->job[slot].order = s->next_order++;
    s->job[slot].slice = 0;
    if (s->turn == (int)slot)
        s->turn = -1;
}

void sched_add(struct sched *s, u32 slot)
{
    if (slot >= SCHED_JOBS)
        return;
    s->job[slot] = (struct sched_job){.used = 1};
    s->job[slot].guess = s->knobs.guess * SCHED_TICK;
    if (slot >= s->end)
        s->end = slot + 1;
    if (s->turn == (int)slot)
        s->turn = -1;
}

void sched_remove(struct sched *s, u32 slot)
{
    if (!is_job(s, slot))
        return;
    s->job[slot] = (struct sched_job){0};
    if (s->turn == (int)slot)
        s->turn = -1;
    while (s->end && !s->job[s->end - 1].used)
        s->end--;
}

void sched_ready(struct sched *s, u32 slot, u32 length)
{
    if (!is_job(s, slot) || s->job[slot].ready)
        return;
    s->job[slot].ready = 1;
    s->job[slot].burst = 0;
    s->job[slot].length = length < SCHED_LENGTH ? length : SCHED_LENGTH;
    sched_queue(s, slot);
}

void sched_block(struct sched *s, u32 slot)
{
    struct sched_job *j;

    if (!is_job(s, slot) || !s->job[slot].ready)
        return;
    j = &s->job[slot];
    j->ready = 0;
    j->guess = j->guess / 2 + j->burst / 2;
    if (s->turn == (int)slot)
        s->turn = -1;
}

void sched_pass(struct sched *s, u32 slot)
{
    if (is_job(s, slot) && s->job[slot].ready)
        sched_queue(s, slot);
}

void sched_charge(struct sched *s, u32 slot, u32 units)
{
    struct sched_job *j;

    if (!is_job(s, slot))
        return;
    j = &s->job[slot];
    add(&j->burst, units);
    add(&j->slice, units);
    add(&j->allotted, units);
    if (s->policy->charged)
        s->policy->charged(s, slot);
}

/* A job that has outlived its estimate is expected to need as much again as
 * it has used: it would otherwise hold the processor for ever by having been
 * short once, or by having said so. */
u32 sched_left(const struct sched *s, u32 slot)
{
    const struct sched_job *j = &s->job[slot];
    u32 estimate = j->length ? j->length * SCHED_TICK : j->guess;

    return estimate > j->burst ? estimate - j->burst : j->burst;
}

static int comes_before(const struct sched *s, u32 a, u32 b)
{
    u32 rank_a = s->policy->rank(s, a), rank_b = s->policy->rank(s, b);

    if (rank_a != rank_b)
        return rank_a < rank_b;
    if (s->turn == (int)a || s->turn == (int)b)
        return s->turn == (int)a;
    return s->job[a].order < s->job[b].order;
}

int sched_pick(struct sched *s)
{
    int best = -1;

    if (s->turn >= 0 && !s->policy->preemptive)
        return s->turn;
    for (u32 i = 0; i < s->end; i++)
        if (s->job[i].ready && (best < 0 || comes_before(s, i, (u32)best)))
            best = (int)i;
    s->turn = best;
    return best;
}

int sched_tick(struct sched *s, int slot)
{
    u32 quantum;

    s->now++;
    if (s->policy->tick)
        s->policy->tick(s);
    if (slot < 0 || !is_job(s, (u32)slot))
        return 0;
    quantum = s->policy->quantum(s, (u32)slot);
    if (quantum && s->job[slot].slice >= quantum * SCHED_TICK)
        sched_pass(s, (u32)slot);
    return sched_pick(s) != slot;
}
