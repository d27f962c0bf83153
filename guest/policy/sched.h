/* SPDX-License-Identifier: MIT
 *
 * Which process runs next: the textbook's policies as pure functions over
 * plain entries, one per process slot.
 *
 * The kernel tells what happens (a job became ready, blocked, gave way, used
 * time) and asks sched_pick() whom to run. It knows nothing of queues; a
 * policy knows nothing of processes. Time is counted in units of
 * 1/SCHED_TICK of a timer tick, so that a job which gives way just before
 * every tick is charged all the same.
 *
 * A policy is a rank for each job and a few answers: among the ready jobs the
 * smallest rank runs, and among equals the one that came first. The job that
 * was picked has the turn until it blocks, gives way or has used its quantum;
 * a preemptive policy takes the turn from it when another job's rank is
 * smaller. Switching while jobs run is assigning another table.
 */
#ifndef HARE_SCHED_H
#define HARE_SCHED_H

#include "guest/include/abi.h"

#define SCHED_JOBS   128
#define SCHED_TICK   1024      /* units in a timer tick */
#define SCHED_LENGTH (1 << 20) /* ticks: a longer burst counts as so long */

struct sched_job {
    u8 used, ready;
    u8 level;     /* of MLFQ: 0 is the highest */
    u64 order;    /* of arrival in its queue: smaller is earlier */
    u32 length;   /* of its burst: declared, or 0 for "predict it" */
    u32 guess;    /* the mean of past bursts, in which the last is one half */
    u32 burst;    /* used of the present burst */
    u32 slice;    /* used of the present turn */
    u32 allotted; /* used at this level, whatever it gave way for */
};

struct sched;

struct sched_policy {
    const char *name;
    int preemptive;
    u32 (*rank)(const struct sched *s, u32 slot); /* the smallest runs */
    /* How long a turn is, in ticks; 0: as long as the job wants. */
    u32 (*quantum)(const struct sched *s, u32 slot);
    void (*charged)(struct sched *s, u32 slot); /* time was used; or NULL */
    void (*tick)(struct sched *s);              /* or NULL */
};

struct sched {
    const struct sched_policy *policy;
    struct sched_knobs knobs;
    struct sched_job job[SCHED_JOBS];
    u32 end;  /* no slot from here on is used */
    int turn; /* whose turn it is, or -1 */
    u64 next_order;
    u32 now;     /* in ticks */
    u32 boosted; /* when all rose last */
};

/* NULL behind the last: fifo, sjf, stcf, rr, mlfq. */
const struct sched_policy *sched_policy(u32 i);

void sched_init(struct sched *s, const struct sched_policy *policy);
void sched_switch(struct sched *s, const struct sched_policy *policy);
int sched_set(struct sched *s, u32 knob, u32 value); /* 0: out of bounds */

void sched_add(struct sched *s, u32 slot); /* new, and not ready yet */
void sched_remove(struct sched *s, u32 slot);
/* A new burst begins, of so many ticks; 0: nobody knows. */
void sched_ready(struct sched *s, u32 slot, u32 length);
void sched_block(struct sched *s, u32 slot); /* its burst is over */
void sched_pass(struct sched *s, u32 slot);  /* ready, but behind its equals */
void sched_charge(struct sched *s, u32 slot, u32 units);
/* A timer tick, charged already: 1 when the running job (slot, or -1) must
 * give way to the next pick. */
int sched_tick(struct sched *s, int slot);
int sched_pick(struct sched *s); /* the slot that has the turn now, or -1 */

/* For the policies. */
void sched_queue(struct sched *s, u32 slot);     /* to the end of its queue */
void sched_rise(struct sched *s);                /* all to the top */
u32 sched_left(const struct sched *s, u32 slot); /* of its burst, in units */

#endif
