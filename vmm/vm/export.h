/* SPDX-License-Identifier: MIT
 *
 * The trace leaves the machine: from the ring, as CTF packets (ctf.h), by the
 * wire that is there for it.
 *
 * The loop calls export_turn() at each turn, which sends what the wire takes
 * without waiting. While it does, the ring is the queue, and what it
 * overwrites is counted and told in the next packet. A guest is never held up
 * by a line that is too slow. Who would rather have every event than a guest
 * at its usual speed says so ("wait"): then a turn is short, and no guest goes
 * on before half of the ring is free again.
 *
 * A recorder that comes late, or has lost its way, sends an 'm' and gets the
 * metadata and the names of the VMs again.
 *
 * At the end of the machine, a panic included, what is left is sent, for some
 * seconds. When they are over the newest records come next, for those tell
 * most, and the rest is counted as lost.
 *
 * LIMIT: a VM that is gone, and whose slot is another's before its last events
 * were sent, is known by its events "created" and "destroyed" only.
 */
#ifndef VM_EXPORT_H
#define VM_EXPORT_H

#include "vmm/base/str.h"
#include "vmm/vm/config.h"
#include "vmm/vm/ctf.h"

#define EXPORT_VMS 16 /* = HV_VMS */

struct export
{
    bool on;
    bool busy; /* a panic comes from in here */
    bool waits;
    bool stuck; /* the line, when it was waited for */
    u32 groups; /* 0 before the start: all */
    struct ctf ctf;
    struct trace_cursor cursor;
    u32 row;  /* of the metadata that come next */
    u32 sent; /* of the packet */
    u64 due;  /* when a packet is sent that is not full */
    u64 bytes;
    char told[EXPORT_VMS][VM_NAME_MAX + 1]; /* names that were sent */
};

/* The words behind the wire's place: "wait", and groups, "all" or groups with
 * a '-' that are not wanted, by commas. False: one of them is none, or
 * nothing is left. */
bool export_choose(struct export *e, struct slice words);
/* Before the first VM is made; nothing happens where there is no wire. */
void export_start(struct hv *hv);
/* The same words while it runs, or "off". */
bool export_change(struct hv *hv, struct slice words);
/* Sends what goes. now: ns since boot. */
void export_turn(struct hv *hv, u64 now);
/* When it wants to be called again. */
u64 export_deadline(const struct hv *hv, u64 now);
/* The end. */
void export_finish(struct hv *hv);

#endif
