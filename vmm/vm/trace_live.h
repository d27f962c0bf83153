/* SPDX-License-Identifier: MIT
 *
 * The live trace: a line on the console for each event that a person asked to
 * see, with the VM's own time in seconds.
 *
 *   [alpha] 12.345678 mov cr3 <- 0x00105000 at switch_to+0x1c
 *
 * A reader of the ring like any other. So that the lines stand in order among
 * what the guest itself prints, and none is overwritten before it was shown,
 * the ring is read behind each exit of a VM that is traced, before a byte of a
 * guest goes to the console, and at each turn of the loop.
 *
 * A rate limit counts seconds of the events' own time. What it leaves out is
 * said as soon as the second is over, and when the trace or the VM ends.
 *
 * LIMIT: a line takes longer to print than what it tells of, so the times of a
 * traced VM are those of the console. Under exec=interp the events of one
 * stretch, some thousand instructions, are shown behind it. What the hypervisor
 * itself does (commands, idling) is in the export only.
 */
#ifndef VM_TRACE_LIVE_H
#define VM_TRACE_LIVE_H

#include "vmm/base/str.h"
#include "vmm/vm/trace.h"
#include "vmm/vm/trace_filter.h"

/* Of one VM. */
struct trace_live {
    struct trace_filter filter;
    u64 second;   /* host ns when the present one began */
    u32 shown;    /* in it */
    u64 left_out; /* and not said yet */
};

/* Of the hypervisor. */
struct trace_live_all {
    bool on; /* for any VM */
    struct trace_cursor cursor;
    u64 lost_told;
};

/* From now on; a filter without events is the end. */
void trace_live_set(struct vm *vm, const struct trace_filter *filter);
/* A new VM, as its module line says. */
void trace_live_begin(struct vm *vm);
/* The VM has ended: all that there is to tell of it. */
void trace_live_stopped(struct vm *vm);
/* Shows what there is. */
void trace_live_read(struct hv *hv);
/* The same, at each turn of the loop. */
void trace_live_turn(struct hv *hv, u64 now);

#endif
