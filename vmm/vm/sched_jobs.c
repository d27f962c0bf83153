/* SPDX-License-Identifier: MIT
 *
 * The textbook's policies for jobs: first in first out, shortest job first,
 * shortest time to completion first. A job is a burst (sched.h).
 *
 * They are there to be watched. FIFO shows the convoy behind a long burst,
 * SJF that it shrinks the mean turnaround when all come together, STCF that
 * it does so as well when they do not, at the cost of the long ones.
 *
 * A length is declared or predicted, and neither need be true. A burst that
 * outlives its length is taken to last as long again as it already has, so
 * that under STCF a guest which declares too little falls behind those that
 * are honest.
 *
 * LIMIT: none of them is fair. A guest that never halts keeps the processor
 * under FIFO and SJF, and short bursts without end keep it from the others
 * under SJF and STCF. The VMM and its monitor are not affected: they have
 * their turn behind each slice.
 */
#include "vmm/vm/sched_impl.h"

static u64 job_slice(const struct sched *s, u32 slot)
{
    (void)slot;
    return s->knobs.quantum;
}

static void job_charge(struct sched *s, u32 slot, u64 ns)
{
    (void)s;
    (void)slot;
    (void)ns;
}

static void job_wake(struct sched *s, u32 slot)
{
    s->entry[slot].left = 0;
}

static u64 declared(const struct sched_entry *e)
{
    return e->length ? e->length : e->guess;
}

static u64 remaining(const struct sched_entry *e)
{
    u64 length = declared(e);

    return length > e->burst ? length - e->burst : e->burst;
}

static u64 no_length(const struct sched_entry *e)
{
    (void)e;
    return 0;
}

/* Who is ready and has the least; of several the one that came first. */
static int least(struct sched *s, u64 (*of)(const struct sched_entry *e))
{
    int best = -1;
    u64 least = 0;

    for (u32 i = 0; i < SCHED_SLOTS; i++) {
        const struct sched_entry *e = &s->entry[i];
        u64 much = of(e);
        if (!sched_ready(s, e))
            continue;
        if (best >= 0 && (much > least ||
                          (much == least && e->order > s->entry[best].order)))
            continue;
        best = (int)i;
        least = much;
    }
    if (best < 0)
        return -1;
    s->current = (u32)best;
    s->entry[best].left = s->knobs.quantum;
    return best;
}

/* Whoever has the processor keeps it until its burst is over. */
static bool keeps(const struct sched *s)
{
    const struct sched_entry *now = &s->entry[s->current];

    return now->left && sched_ready(s, now);
}

static int fifo_pick(struct sched *s)
{
    return keeps(s) ? (int)s->current : least(s, no_length);
}

static int sjf_pick(struct sched *s)
{
    return keeps(s) ? (int)s->current : least(s, declared);
}

static int stcf_pick(struct sched *s)
{
    return least(s, remaining);
}

const struct sched_policy sched_fifo = {
    .name = "fifo",
    .help = "who came first, until it halts",
    .pick = fifo_pick,
    .slice = job_slice,
    .charge = job_charge,
    .wake = job_wake,
};

const struct sched_policy sched_sjf = {
    .name = "sjf",
    .help = "the shortest burst, until it halts",
    .pick = sjf_pick,
    .slice = job_slice,
    .charge = job_charge,
    .wake = job_wake,
};

const struct sched_policy sched_stcf = {
    .name = "stcf",
    .help = "the burst with the least left, at any time",
    .pick = stcf_pick,
    .slice = job_slice,
    .charge = job_charge,
    .wake = job_wake,
};
