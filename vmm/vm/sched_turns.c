/* SPDX-License-Identifier: MIT
 *
 * The policies that starve nobody: round-robin, the multi-level feedback
 * queue, stride. All three give turns; they differ in who is next.
 *
 * Round-robin: a ring, weight quanta each. Nobody waits longer than the sum of
 * the others' turns, and a spinning entry of weight w among entries of weights
 * w_i gets exactly w / (w + sum w_i).
 *
 * MLFQ, by the textbook's rules: the highest level first (1), in turn within a
 * level (2), new ones at the top (3), one level down when what the level allows
 * is used up, however often it gave way before (4), all to the top each boost
 * (5). What lies at the top is served in order of waiting, and a boost leaves
 * that order as it is; so each boost brings whoever waits nearer to the front,
 * and nobody waits for ever. Weights multiply turns and what a level allows.
 *
 * Stride: an entry's pass grows by its time over its weight, and the smallest
 * pass is next. Passes are compared as differences, for they wrap; they stay
 * within a bounded debt of each other. Whoever slept begins at the pass of
 * now: it has no claim to the time it slept.
 */
#include "vmm/vm/sched_impl.h"

#define PASS_SCALE 1024u /* for the precision of the division by a weight */

/* ---- round-robin */

static int rr_pick(struct sched *s)
{
    const struct sched_entry *now = &s->entry[s->current];

    if (sched_ready(s, now) && now->left)
        return (int)s->current;
    for (u32 i = 1; i <= (SCHED_DEBT + 1) * SCHED_SLOTS; i++) {
        u32 slot = (s->current + i) % SCHED_SLOTS;
        struct sched_entry *e = &s->entry[slot];
        if (!sched_ready(s, e) ||
            !sched_begin_turn(e, e->weight * s->knobs.quantum))
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

    sched_spend(e, ns, sched_most_owed(s, e));
}

const struct sched_policy sched_round_robin = {
    .name = "rr",
    .help = "round-robin: in turn, as many quanta as its weight",
    .fair = true,
    .pick = rr_pick,
    .slice = rr_slice,
    .charge = rr_charge,
};

/* ---- the multi-level feedback queue */

static void rise(struct sched_entry *e)
{
    e->level = 0;
    e->allotted = e->left = 0;
}

static void mlfq_reset(struct sched *s)
{
    for (u32 i = 0; i < SCHED_SLOTS; i++)
        rise(&s->entry[i]);
    s->boosted = s->now;
}

static u64 mlfq_turn(const struct sched *s, const struct sched_entry *e)
{
    return e->weight * s->knobs.quantum << e->level;
}

/* Whoever runs goes behind the others, or a boost that comes before a turn is
 * over would keep it in front. */
static void boost(struct sched *s)
{
    if (!s->knobs.boost || s->now - s->boosted < s->knobs.boost)
        return;
    s->entry[s->current].order = s->next_order++;
    mlfq_reset(s);
}

static bool before(const struct sched_entry *a, const struct sched_entry *b)
{
    return a->level != b->level ? a->level < b->level : a->order < b->order;
}

/* The highest level, and there the one that waits longest; -1: nobody. */
static int mlfq_first(const struct sched *s)
{
    int best = -1;

    for (u32 i = 0; i < SCHED_SLOTS; i++) {
        const struct sched_entry *e = &s->entry[i];
        if (sched_ready(s, e) && (best < 0 || before(e, &s->entry[best])))
            best = (int)i;
    }
    return best;
}

static int mlfq_pick(struct sched *s)
{
    const struct sched_entry *now = &s->entry[s->current];
    int slot;

    boost(s);
    slot = mlfq_first(s);
    if (slot < 0)
        return -1;
    if (sched_ready(s, now) && now->left && now->level == s->entry[slot].level)
        return (int)s->current;
    for (;; slot = mlfq_first(s)) {
        struct sched_entry *e = &s->entry[slot];
        if (e->left || sched_begin_turn(e, mlfq_turn(s, e)))
            break;
        e->order = s->next_order++;
    }
    s->current = (u32)slot;
    return slot;
}

/* A quantum at a time, so that whoever woke on a higher level is seen. */
static u64 mlfq_slice(const struct sched *s, u32 slot)
{
    return min_u64(s->entry[slot].left, s->knobs.quantum);
}

/* Whoever ends his turn goes to the back; work that is done for one who waits
 * leaves him where he is. */
static void mlfq_charge(struct sched *s, u32 slot, u64 ns)
{
    struct sched_entry *e = &s->entry[slot];
    bool turn = e->left;
    u64 allows = mlfq_turn(s, e) * s->knobs.turns;

    e->allotted += min_u64(ns, allows);
    sched_spend(e, ns, sched_most_owed(s, e));
    if (e->allotted >= allows) {
        e->level += e->level + 1 < s->knobs.levels;
        e->allotted = e->left = 0;
    }
    if (turn && !e->left)
        e->order = s->next_order++;
}

static void mlfq_wake(struct sched *s, u32 slot)
{
    s->entry[slot].left = 0;
}

const struct sched_policy sched_mlfq = {
    .name = "mlfq",
    .help = "levels: who uses much sinks, and all rise each boost",
    .fair = true,
    .reset = mlfq_reset,
    .pick = mlfq_pick,
    .slice = mlfq_slice,
    .charge = mlfq_charge,
    .wake = mlfq_wake,
};

/* ---- stride */

static s64 ahead(u64 pass, u64 of)
{
    return (s64)(pass - of);
}

static void stride_reset(struct sched *s)
{
    for (u32 i = 0; i < SCHED_SLOTS; i++)
        s->entry[i].pass = 0;
    s->pass = 0;
}

static int stride_pick(struct sched *s)
{
    const struct sched_entry *now = &s->entry[s->current];
    int best = -1;

    if (sched_ready(s, now) && now->left)
        return (int)s->current;
    for (u32 i = 0; i < SCHED_SLOTS; i++) {
        const struct sched_entry *e = &s->entry[i];
        if (sched_ready(s, e) &&
            (best < 0 || ahead(e->pass, s->entry[best].pass) < 0))
            best = (int)i;
    }
    if (best < 0)
        return -1;
    s->current = (u32)best;
    s->pass = s->entry[best].pass;
    s->entry[best].left = s->knobs.quantum;
    return best;
}

static void stride_charge(struct sched *s, u32 slot, u64 ns)
{
    struct sched_entry *e = &s->entry[slot];
    u64 most = sched_most_owed(s, e);
    s64 bound = (s64)(most * PASS_SCALE / e->weight);

    e->left -= min_u64(ns, e->left);
    e->pass += min_u64(ns, most) * PASS_SCALE / e->weight;
    if (ahead(e->pass, s->pass) > bound)
        e->pass = s->pass + (u64)bound;
}

static void stride_wake(struct sched *s, u32 slot)
{
    struct sched_entry *e = &s->entry[slot];

    if (ahead(e->pass, s->pass) < 0)
        e->pass = s->pass;
}

const struct sched_policy sched_stride = {
    .name = "stride",
    .help = "the one least ahead of its weighted share",
    .fair = true,
    .reset = stride_reset,
    .pick = stride_pick,
    .slice = rr_slice,
    .charge = stride_charge,
    .wake = stride_wake,
};
