/* SPDX-License-Identifier: MIT
 *
 * Which process runs next: the textbook's policies as pure functions over
 * plain entries, one per process slot.
 *
 * The kernel tells what happens (a job became ready, blocked, gave way, used
 * time) and asks pick() whom to run. It knows nothing of queues; a policy
 * knows nothing of processes. Time is counted in units of 1/SCHED_TICK of a
 * timer tick, so that a job which gives way just before every tick is charged
 * all the same. A policy is a const table; switching it while jobs run is
 * assigning another and calling its reset().
 */
#ifndef HARE_SCHED_H
#define HARE_SCHED_H

#include "guest/include/types.h"

#define SCHED_JOBS   128
#define SCHED_LEVELS 8    /* at most, of MLFQ */
#define SCHED_TICK   1024 /* units in a timer tick */

struct sched_job {
    u8 used, ready;
    u8 level;     /* of MLFQ: 0 is the highest */
    u32 order;    /* of arrival in its queue: smaller is earlier */
    u32 arrived;  /* when it came, in ticks */
    u32 length;   /* of its burst: declared, or 0 for "predict it" */
    u32 guess;    /* predicted: the mean of past bursts, the last one half */
    u32 burst;    /* used of the present burst */
    u32 slice;    /* used of the present turn */
    u32 allotted; /* used at this level, whatever it gave way for */
    u32 total;    /* used since it came */
};

/* What can be set while running, in ticks. */
struct sched_knobs {
    u32 quantum;             /* of round-robin */
    u32 levels;              /* of MLFQ */
    u32 slice[SCHED_LEVELS]; /* quantum per level */
    u32 allot[SCHED_LEVELS]; /* a job sinks after so much */
    u32 boost;               /* all rise every so many ticks; 0: never */
};

struct sched;

struct sched_policy {
    const char *name;
    void (*reset)(struct sched *s);
    int (*pick)(const struct sched *s);        /* slot, or -1 */
    void (*charge)(struct sched *s, u32 slot); /* after time was used */
    /* Must the running job give way now? Asked behind every tick. */
    int (*expired)(const struct sched *s, u32 slot);
};

struct sched {
    const struct sched_policy *policy;
    struct sched_knobs knobs;
    struct sched_job job[SCHED_JOBS];
    u32 next_order;
    u32 now;     /* in ticks */
    u32 boosted; /* when all rose last */
};

/* NULL behind the last: fifo, sjf, stcf, rr, mlfq. */
const struct sched_policy *sched_policy(u32 i);

void sched_init(struct sched *s, const struct sched_policy *policy);
void sched_switch(struct sched *s, const struct sched_policy *policy);
void sched_add(struct sched *s, u32 slot, u32 length); /* not ready yet */
void sched_remove(struct sched *s, u32 slot);
void sched_ready(struct sched *s, u32 slot); /* a new burst begins */
void sched_block(struct sched *s, u32 slot); /* its burst is over */
void sched_yield(struct sched *s, u32 slot); /* ready, but behind its equals */
void sched_charge(struct sched *s, u32 slot, u32 units);
/* A timer tick: 1 when the running job (slot, or -1) must give way. */
int sched_tick(struct sched *s, int slot);
int sched_pick(const struct sched *s);

#endif
