/* SPDX-License-Identifier: MIT
 *
 * Who runs next. A policy is a const table of pure functions over plain
 * entries (one per VM slot); the loop asks pick(), runs the choice for at
 * most slice() nanoseconds, and tells charge() what it used. Switching the
 * policy while running is assigning another table and calling its reset.
 *
 * Round-robin with weights: entries in a ring, each gets weight quanta in a
 * row; one that halts before its turn is used up gives the rest away, and one
 * that was charged more than its turn owes it.
 */
#ifndef VM_SCHED_H
#define VM_SCHED_H

#include "vmm/base/types.h"

#define SCHED_SLOTS   16
#define SCHED_QUANTUM 10000000ull /* ns */

struct sched_entry {
    bool used;
    bool runnable;
    u32 weight;
    u64 left; /* ns of the present turn */
    u64 owed; /* ns charged beyond it */
    u64 used_ns;
};

struct sched;

struct sched_policy {
    const char *name;
    void (*reset)(struct sched *s);
    int (*pick)(struct sched *s); /* slot, or -1: nobody is runnable */
    u64 (*slice)(const struct sched *s, u32 slot);
    void (*charge)(struct sched *s, u32 slot, u64 ns);
};

struct sched {
    const struct sched_policy *policy;
    struct sched_entry entry[SCHED_SLOTS];
    u32 current;
};

extern const struct sched_policy sched_round_robin;

void sched_init(struct sched *s, const struct sched_policy *policy);
void sched_add(struct sched *s, u32 slot, u32 weight);
void sched_remove(struct sched *s, u32 slot);
void sched_set_runnable(struct sched *s, u32 slot, bool runnable);
int sched_pick(struct sched *s);
u64 sched_slice(const struct sched *s, u32 slot);
void sched_charge(struct sched *s, u32 slot, u64 ns);

#endif
