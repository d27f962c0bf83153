/* SPDX-License-Identifier: MIT
 *
 * The counters as one line of JSON (RFC 8259), for scripts: `stats json`.
 *
 * Keys stay; new ones come. Times are ns, addresses are numbers.
 *
 *   version   1
 *   ns        since the VMM was started
 *   vms       a list, of all VMs or of the one that was named, each with
 *     name, slot, state ("running", "halted", "paused", "exited", "killed"),
 *     reason (why it was killed, or ""), status (what it exited with),
 *     weight, memory (bytes), shadow_policy ("vtlb", "cached")
 *     cpu_ns, exits, interpreted (instructions), interrupts (injected)
 *     sampling  exact (true: each exit is measured), every (exits for a
 *               sample, now), samples
 *     kinds     an object, by the kind's word, each with count, which is
 *               exact, and measured, cost_ns, min_ns, mean_ns, max_ns
 *     places    a list, the most expensive first, at most 32, each with at,
 *               name ("" without a symbol), and measured ... max_ns
 *     others    rows (left out above), and measured ... max_ns
 *     vectors   an object, by the number, how often it was delivered
 *     shadow    fills, true_faults, drops, invlpgs, cr3_loads, root_hits,
 *               traced, pages
 *     devices   ticks_lost, ticks_owed, unclaimed, post
 *
 * `measured` is the number of exits that the samples stand for, and the sums
 * of it and of cost_ns over kinds are those over places and others.
 */
#ifndef VM_STATS_JSON_H
#define VM_STATS_JSON_H

#include "vmm/base/fmt.h"

struct hv;
struct vm;

/* vm: null for all. The line ends in "\n" and comes in pieces. */
void stats_json(const struct hv *hv, const struct vm *vm,
                const struct sink *out);

#endif
