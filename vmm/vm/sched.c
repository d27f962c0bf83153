/* SPDX-License-Identifier: MIT
 *
 * The scheduler's mechanics, and round-robin with weights. See sched.h.
 *
 * A turn is weight quanta. Whoever is current keeps the CPU until its turn is
 * used up or it stops being runnable; then the next runnable entry of the
 * ring gets a fresh turn. Nobody waits longer than the sum of the others'
 * turns, and a spinning entry of weight w among entries of weights w_i gets
 * exactly w / (w + sum w_i).
 *
 * A turn can be overdrawn: an exit that takes long, or work that was done for
 * the entry while another one ran. What it owes is taken from its next turns,
 * and while it owes a whole one it is passed over. Debts are bounded, so that
 * an entry which slept meanwhile is not shut out for ever.
 */
#include "vmm/vm/sched.h"
#include "vmm/base/bits.h"
#include "vmm/base/check.h"
#include "vmm/base/str.h"

#define DEBT_TURNS 64 /* no more is remembered */

void sched_init(struct sched *s, const struct sched_policy *policy)
{
    memset(s, 0, sizeof(*s));
    s->policy = policy;
    policy->reset(s);
}

void sched_add(struct sched *s, u32 slot, u32 weight)
{
    CHECK(slot < SCHED_SLOTS);
    s->entry[slot] = (struct sched_entry){.used = true, .weight = weight};
}

void sched_remove(struct sched *s, u32 slot)
{
    CHECK(slot < SCHED_SLOTS);
    s->entry[slot] = (struct sched_entry){0};
}

void sched_set_runnable(struct sched *s, u32 slot, bool runnable)
{
    CHECK(slot < SCHED_SLOTS);
    s->entry[slot].runnable = runnable;
}

int sched_pick(struct sched *s)
{
    return s->policy->pick(s);
}

u64 sched_slice(const struct sched *s, u32 slot)
{
    return s->policy->slice(s, slot);
}

void sched_charge(struct sched *s, u32 slot, u64 ns)
{
    CHECK(slot < SCHED_SLOTS);
    s->entry[slot].used_ns += ns;
    s->policy->charge(s, slot, ns);
}

static void rr_reset(struct sched *s)
{
    for (u32 i = 0; i < SCHED_SLOTS; i++)
        s->entry[i].left = s->entry[i].owed = 0;
    s->current = 0;
}

static bool ready(const struct sched_entry *e)
{
    return e->used && e->runnable;
}

/* A fresh turn, less what is owed; false when that is all of it. */
static bool begin_turn(struct sched_entry *e)
{
    u64 turn = e->weight * SCHED_QUANTUM, paid = min_u64(turn, e->owed);

    e->owed -= paid;
    e->left = turn - paid;
    return e->left != 0;
}

static int rr_pick(struct sched *s)
{
    const struct sched_entry *now = &s->entry[s->current];

    if (ready(now) && now->left)
        return (int)s->current;
    for (u32 i = 1; i <= (DEBT_TURNS + 1) * SCHED_SLOTS; i++) {
        u32 slot = (s->current + i) % SCHED_SLOTS;
        struct sched_entry *e = &s->entry[slot];
        if (!ready(e) || !begin_turn(e))
            continue;
        s->current = slot;
        return (int)slot;
    }
    return -1;
}

static u64 rr_slice(const struct sched *s, u32 slot)
{
    return s->entry[slot].left;
}

static void rr_charge(struct sched *s, u32 slot, u64 ns)
{
    struct sched_entry *e = &s->entry[slot];
    u64 most = DEBT_TURNS * e->weight * SCHED_QUANTUM;
    u64 over = ns > e->left ? ns - e->left : 0;

    e->left -= ns - over;
    e->owed = min_u64(most, e->owed + min_u64(most, over));
}

const struct sched_policy sched_round_robin = {
    .name = "round-robin",
    .reset = rr_reset,
    .pick = rr_pick,
    .slice = rr_slice,
    .charge = rr_charge,
};
