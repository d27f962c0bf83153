/* SPDX-License-Identifier: MIT
 *
 * What the policies share: who may run, and turns that can be overdrawn.
 *
 * A turn is overdrawn by an exit that takes long, or by work that is done for
 * an entry while another one runs. What it owes is taken from its next turns,
 * and while it owes a whole one it is passed over. Debts are bounded, so that
 * an entry which slept meanwhile is not shut out for ever.
 */
#ifndef VM_SCHED_IMPL_H
#define VM_SCHED_IMPL_H

#include "vmm/base/bits.h"
#include "vmm/vm/sched.h"

#define SCHED_DEBT 64 /* quanta, times the weight; no more is remembered */

/* What a cap allows in a period. */
static inline u64 sched_share(const struct sched *s,
                              const struct sched_entry *e)
{
    return s->knobs.period / 100 * e->cap;
}

static inline bool sched_capped(const struct sched_entry *e)
{
    return e->cap && e->cap < 100;
}

/* Does it want to run, and is only its cap in the way? */
static inline bool sched_held(const struct sched *s,
                              const struct sched_entry *e)
{
    return e->used && e->runnable && sched_capped(e) &&
           e->spent >= sched_share(s, e);
}

static inline bool sched_ready(const struct sched *s,
                               const struct sched_entry *e)
{
    return e->used && e->runnable && !sched_held(s, e);
}

/* Caps begin anew: the first period is now, and nobody has used any of it. */
void sched_begin_caps(struct sched *s);

static inline u64 sched_most_owed(const struct sched *s,
                                  const struct sched_entry *e)
{
    return SCHED_DEBT * e->weight * s->knobs.quantum;
}

/* A fresh turn, less what is owed; false when that is all of it. */
static inline bool sched_begin_turn(struct sched_entry *e, u64 turn)
{
    u64 paid = min_u64(turn, e->owed);

    e->owed -= paid;
    e->left = turn - paid;
    return e->left != 0;
}

static inline void sched_spend(struct sched_entry *e, u64 ns, u64 most)
{
    u64 over = ns > e->left ? ns - e->left : 0;

    e->left -= ns - over;
    e->owed = min_u64(most, e->owed + min_u64(most, over));
}

#endif
