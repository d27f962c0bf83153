/* SPDX-License-Identifier: MIT
 *
 * What exits cost, by what they were and by where in the guest they came from.
 *
 * Looking at the clock at each exit would cost more than many an exit does, so
 * a sample is taken: each of the first 64 exits, then one in two, and so on to
 * one in 128, at distances that a random number varies, lest a guest's own
 * rhythm hides from them. A sample stands for as many exits as its distance
 * was meant to be, so that sums are estimates of the whole without a bias. On
 * demand every exit is measured, and the sums are what they are.
 *
 * Places are kept in a table of a fixed size. A new one drives out the
 * cheapest of the four that it competes with, and what that one had goes into
 * `others`: no sum is ever lost, and what is expensive stays.
 *
 * LIMIT: the cost is that of the handling, from a look at the TSC at its begin
 * to one at its end; how long the processor took to get there and back is not
 * in it.
 */
#ifndef VM_STATS_H
#define VM_STATS_H

#include "vmm/base/str.h"
#include "vmm/vm/kinds.h"

#define COST_SETS   64
#define COST_WAYS   4
#define COST_PLACES (COST_SETS * COST_WAYS)
#define COST_EVERY  128 /* exits for a sample, when there were enough */

struct vm;

struct cost {
    u64 count; /* exits that the samples stand for */
    u64 ticks; /* and their cost */
    u32 min, max;
};

struct cost_place {
    u32 eip;
    struct cost cost; /* count 0: free */
};

/* Of one VM. */
struct costs {
    u64 next; /* the number of the exit that is measured next */
    u64 samples;
    u32 every; /* exits for a sample, now */
    u32 random;
    bool exact;                       /* each is measured */
    struct cost kind[EXIT_KINDS + 1]; /* the last: it killed the VM */
    struct cost_place place[COST_SETS][COST_WAYS];
    struct cost others;
};

/* exits: how many there were so far. Everything that was measured is gone. */
void costs_init(struct costs *c, u64 exits, bool exact);
/* Exit number `exits` is over. */
void costs_note(struct costs *c, u64 exits, u32 kind, u32 eip, u64 ticks);
struct cost cost_sum(const struct cost *a, const struct cost *b);
/* Ticks of the TSC in ns. */
u64 cost_ns(u64 ticks);

/* Places of the same function or object are one row. */
struct cost_row {
    u32 at;            /* where the symbol begins, or the place itself */
    struct slice name; /* empty: it has none */
    struct cost cost;
};
struct cost_rows {
    const struct vm *vm;
    u32 eip[COST_PLACES];
    u32 key[COST_PLACES]; /* of which row it is part */
    struct cost cost[COST_PLACES];
    u32 count;
};
void cost_rows_init(struct cost_rows *rows, const struct vm *vm);
/* The most expensive one of those that are left; false: there is none. */
bool cost_rows_next(struct cost_rows *rows, struct cost_row *out);
/* Those that are left, and `others`; how many rows those are beside it. */
u32 cost_rows_rest(const struct cost_rows *rows, struct cost *out);

#endif
