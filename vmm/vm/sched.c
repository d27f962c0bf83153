/* SPDX-License-Identifier: MIT
 *
 * The scheduler's mechanics, which are the same under every policy. See
 * sched.h.
 *
 * Here is what a policy need not know: bursts begin when an entry becomes
 * runnable and end when it is no more, which predicts the next one (the mean
 * of the last burst and of the prediction before it); caps; and the figures
 * that the textbooks compare policies by.
 *
 * A cap is a share of each period. What an entry used beyond it is carried
 * into the next periods, so that over time it has its share and no more; the
 * debt is bounded, like that of turns. While an entry is held by its cap it
 * is not ready, and an idle host sleeps until sched_deadline().
 *
 * Response is the time from waking until it runs first, turnaround until it
 * halts again, both means over bursts; `longest` is the longest single time
 * between wanting the processor and having it, which is what starving is.
 */
#include "vmm/vm/sched.h"
#include "vmm/base/check.h"
#include "vmm/vm/sched_impl.h"

static const struct sched_policy *const policies[] = {
    &sched_round_robin, &sched_mlfq, &sched_stride,
    &sched_fifo,        &sched_sjf,  &sched_stcf,
};

const struct sched_policy *sched_policy(u32 i)
{
    return i < ARRAY_LEN(policies) ? policies[i] : NULL;
}

void sched_init(struct sched *s, const struct sched_policy *policy)
{
    memset(s, 0, sizeof(*s));
    s->knobs = (struct sched_knobs){.quantum = SCHED_QUANTUM,
                                    .boost = SCHED_BOOST,
                                    .period = SCHED_PERIOD,
                                    .levels = 4,
                                    .turns = 1};
    s->last = -1;
    sched_switch(s, policy);
}

void sched_switch(struct sched *s, const struct sched_policy *policy)
{
    s->policy = policy;
    s->current = 0;
    for (u32 i = 0; i < SCHED_SLOTS; i++)
        s->entry[i].left = s->entry[i].owed = 0;
    if (policy->reset)
        policy->reset(s);
}

void sched_begin_caps(struct sched *s)
{
    for (u32 i = 0; i < SCHED_SLOTS; i++)
        s->entry[i].spent = 0;
    s->period_start = s->now;
}

/* Each period gives back what it allows. */
static void begin_periods(struct sched *s, u64 periods)
{
    for (u32 i = 0; i < SCHED_SLOTS; i++) {
        struct sched_entry *e = &s->entry[i];
        u64 share = sched_share(s, e);
        if (!share || periods > e->spent / share)
            e->spent = 0;
        else
            e->spent -= periods * share;
    }
    s->period_start += periods * s->knobs.period;
}

void sched_clock(struct sched *s, u64 now)
{
    s->now = max_u64(s->now, now);
    if (s->now - s->period_start >= s->knobs.period)
        begin_periods(s, (s->now - s->period_start) / s->knobs.period);
}

void sched_add(struct sched *s, u32 slot, u32 weight)
{
    CHECK(slot < SCHED_SLOTS);
    s->entry[slot] = (struct sched_entry){.used = true,
                                          .weight = weight,
                                          .guess = SCHED_QUANTUM,
                                          .pass = s->pass};
}

/* What it had before there was this cap, the cap does not hold against it; and
 * with less weight it can owe less. */
void sched_set(struct sched *s, u32 slot, u32 weight, u32 cap, u64 length)
{
    struct sched_entry *e = &s->entry[slot];

    CHECK(slot < SCHED_SLOTS);
    if (cap != e->cap)
        e->spent = 0;
    e->weight = weight;
    e->owed = min_u64(e->owed, sched_most_owed(s, e));
    e->cap = cap;
    e->length = length;
}

void sched_remove(struct sched *s, u32 slot)
{
    CHECK(slot < SCHED_SLOTS);
    s->entry[slot] = (struct sched_entry){0};
    if (s->last == (int)slot)
        s->last = -1;
}

/* What the last turn of the burst before has cost is charged when the entry
 * halts already, so here is the first place that knows its length. */
static void begin_burst(struct sched *s, u32 slot)
{
    struct sched_entry *e = &s->entry[slot];

    if (e->bursts)
        e->guess = e->guess / 2 + e->burst / 2;
    e->order = s->next_order++;
    e->burst = 0;
    e->begun = false;
    e->woke = e->waiting_since = s->now;
    if (s->policy->wake)
        s->policy->wake(s, slot);
}

static void end_burst(const struct sched *s, struct sched_entry *e)
{
    e->bursts++;
    e->turnaround += s->now - e->woke;
}

void sched_set_runnable(struct sched *s, u32 slot, bool runnable)
{
    struct sched_entry *e = &s->entry[slot];

    CHECK(slot < SCHED_SLOTS);
    if (e->runnable == runnable)
        return;
    e->runnable = runnable;
    if (runnable)
        begin_burst(s, slot);
    else
        end_burst(s, e);
}

/* The first time of a burst, and the times between. */
static void note_pick(struct sched *s, int slot)
{
    struct sched_entry *e = &s->entry[slot];

    e->longest = max_u64(e->longest, s->now - e->waiting_since);
    e->waiting_since = s->now;
    e->turns += slot != s->last;
    s->last = slot;
    if (e->begun)
        return;
    e->begun = true;
    e->begun_bursts++;
    e->response_ns += s->now - e->woke;
}

int sched_pick(struct sched *s)
{
    int slot = s->policy->pick(s);

    if (slot >= 0)
        note_pick(s, slot);
    return slot;
}

u64 sched_slice(const struct sched *s, u32 slot)
{
    const struct sched_entry *e = &s->entry[slot];
    u64 slice = s->policy->slice(s, slot);

    if (!sched_capped(e))
        return slice;
    return min_u64(slice, sched_share(s, e) - e->spent);
}

void sched_charge(struct sched *s, u32 slot, u64 ns)
{
    struct sched_entry *e = &s->entry[slot];
    u64 most = SCHED_DEBT * s->knobs.period;

    CHECK(slot < SCHED_SLOTS);
    e->used_ns += ns;
    e->burst += min_u64(ns, UINT64_MAX - e->burst);
    e->spent = min_u64(most, e->spent + min_u64(most, ns));
    if ((int)slot == s->last)
        e->waiting_since = s->now;
    s->policy->charge(s, slot, ns);
}

u64 sched_longest_wait(const struct sched *s, u32 slot)
{
    const struct sched_entry *e = &s->entry[slot];
    bool waits = e->runnable && (int)slot != s->last;

    return waits ? max_u64(e->longest, s->now - e->waiting_since) : e->longest;
}

u64 sched_deadline(const struct sched *s)
{
    for (u32 i = 0; i < SCHED_SLOTS; i++) {
        if (sched_held(s, &s->entry[i]))
            return s->period_start + s->knobs.period;
    }
    return UINT64_MAX;
}
