/* SPDX-License-Identifier: MIT
 *
 * Who runs next. A policy is a const table of pure functions over plain
 * entries (one per VM slot); the loop tells the time and who wants to run,
 * asks pick(), runs the choice for at most slice() nanoseconds, and tells
 * charge() what it used. Switching the policy while guests run is assigning
 * another table and calling its reset.
 *
 *   rr      turns in a ring, weight quanta each
 *   mlfq    levels: who uses up what a level allows sinks; all rise each boost
 *   stride  who is least ahead of its weighted share
 *   fifo    who came first, until it waits
 *   sjf     whose burst is shortest, until it waits
 *   stcf    whose burst has the least left
 *
 * A burst is what a VM runs from when it wants to until it halts. Its length
 * is the guest's length= key, or is predicted from the bursts before.
 * rr, mlfq and stride starve nobody, however hostile; the other three are for
 * teaching, and a guest that never halts can keep the processor. A cap holds
 * under each of them: so many percent of each period, and no more.
 *
 * LIMIT: whoever wakes is looked at when the present slice is over, a quantum
 * later at most (rr: a turn), for nobody's devices interrupt another guest.
 */
#ifndef VM_SCHED_H
#define VM_SCHED_H

#include "vmm/base/str.h"

#define SCHED_SLOTS      16
#define SCHED_QUANTUM    10000000ull   /* ns */
#define SCHED_BOOST      1000000000ull /* ns */
#define SCHED_PERIOD     100000000ull  /* ns, of caps */
#define SCHED_LEVELS_MAX 8
#define SCHED_TURNS_MAX  100
#define SCHED_TIME_MAX   60000000000ull /* ns, of any that can be set */

/* What can be set while guests run; times in ns. */
struct sched_knobs {
    u64 quantum; /* of a turn; mlfq: at the highest level, twice below */
    u64 boost;   /* mlfq: all rise so often; 0: never */
    u64 period;  /* caps are parts of this */
    u32 levels;  /* mlfq */
    u32 turns;   /* mlfq: a level allows so many */
};

#define SCHED_UNFAIR                                                           \
    "a guest that never halts can keep the processor from the others."

struct sched_entry {
    bool used, runnable;
    bool begun; /* it has run in this burst */
    u32 weight;
    u32 cap;      /* percent of a period; 0: none, as 100 */
    u64 length;   /* of a burst, declared; 0: predict it */
    u64 left;     /* ns of the present turn */
    u64 owed;     /* ns charged beyond it */
    u64 order;    /* of those who wait: smaller came earlier */
    u64 pass;     /* stride: its weighted time */
    u64 guess;    /* predicted: half the last burst, half the guess before */
    u64 burst;    /* used of the present one */
    u64 allotted; /* mlfq: used at this level, however often it gave way */
    u64 spent;    /* in this period of caps, or ahead of it */
    u32 level;    /* mlfq: 0 is the highest */
    /* figures */
    u64 used_ns;
    u64 turns, bursts;           /* times it got the processor; ended bursts */
    u64 response_ns, turnaround; /* sums over begun, and over ended bursts */
    u64 begun_bursts;
    u64 longest;             /* it wanted to run and did not */
    u64 woke, waiting_since; /* host ns */
};

struct sched;

struct sched_policy {
    const char *name, *help;
    bool fair; /* nobody can be starved by another guest */
    void (*reset)(struct sched *s);
    int (*pick)(struct sched *s); /* slot, or -1: nobody is runnable */
    u64 (*slice)(const struct sched *s, u32 slot);
    void (*charge)(struct sched *s, u32 slot, u64 ns);
    void (*wake)(struct sched *s, u32 slot); /* may be null */
};

struct sched {
    const struct sched_policy *policy;
    struct sched_knobs knobs;
    struct sched_entry entry[SCHED_SLOTS];
    u32 current; /* whose turn it is, or was last */
    int last;    /* whom pick() named last */
    u64 next_order;
    u64 now, boosted, period_start; /* host ns */
    u64 pass;                       /* stride: of the last one picked */
};

extern const struct sched_policy sched_round_robin, sched_mlfq, sched_stride;
extern const struct sched_policy sched_fifo, sched_sjf, sched_stcf;

/* Number i of all; null behind the last. */
const struct sched_policy *sched_policy(u32 i);

void sched_init(struct sched *s, const struct sched_policy *policy);
void sched_switch(struct sched *s, const struct sched_policy *policy);
/* The time, never earlier than before; periods of caps begin by it. */
void sched_clock(struct sched *s, u64 now);
/* Not runnable yet; no cap, no length. */
void sched_add(struct sched *s, u32 slot, u32 weight);
void sched_set(struct sched *s, u32 slot, u32 weight, u32 cap, u64 length);
void sched_remove(struct sched *s, u32 slot);
void sched_set_runnable(struct sched *s, u32 slot, bool runnable);
int sched_pick(struct sched *s);
u64 sched_slice(const struct sched *s, u32 slot);
void sched_charge(struct sched *s, u32 slot, u64 ns);
/* The one that goes on now is counted. */
u64 sched_longest_wait(const struct sched *s, u32 slot);
/* When somebody who is held by its cap may run again; UINT64_MAX: nobody. */
u64 sched_deadline(const struct sched *s);

/* sched_words.c: a policy's name or KNOB=VALUE, for the VMM's sched= option
 * and the monitor. Nothing changes before sched_apply(). False: error has one
 * sentence. */
struct sched_wish {
    const struct sched_policy *policy;
    struct sched_knobs knobs;
};
struct sched_wish sched_wish(const struct sched *s);
bool sched_wish_word(struct sched_wish *wish, struct slice word, char *error,
                     size_t size);
void sched_apply(struct sched *s, const struct sched_wish *wish);
/* All of "mlfq,quantum=5ms,boost=0". */
bool sched_option(struct sched *s, struct slice words, char *error,
                  size_t size);

#endif
