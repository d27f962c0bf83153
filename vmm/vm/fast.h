/* SPDX-License-Identifier: MIT
 *
 * The short way for what happens most: an event into the guest kernel, and
 * the IRET out of it.
 *
 * event_deliver() and cpu_step() are the definition; these two functions do
 * the same for the common case only (32-bit interrupt and trap gates, flat
 * kernel and user segments, a stack page that the shadow already maps) and
 * refuse, changing nothing, whenever anything is unusual. They read what the
 * VMM holds already: gates from the recorder, segments from a memo that any
 * descriptor write empties, memory through the shadow.
 *
 * Removable: FAST_EVENTS 0 in this header, and everything takes the long way.
 * tests/unit/test_fast.c holds both ways against each other.
 *
 * SDM vol. 3A 6.12.1, 6.14; vol. 2A IRET.
 */
#ifndef VM_FAST_H
#define VM_FAST_H

#include "vmm/cpu/event.h"

#ifndef FAST_EVENTS
#define FAST_EVENTS 1
#endif

struct vm;

/* A segment that a selector gives, ready for the real CPU. */
struct fast_seg {
    u32 generation; /* vm->table_generation it was made at; 0: empty */
    u16 sel;
    u16 hw;    /* selector for the real CPU */
    u64 want;  /* the descriptor the real CPU loads */
    u64 *slot; /* where it must stand */
    struct segment seg;
};

struct fast {
    struct fast_seg kernel_cs, kernel_ss, user_cs, user_ss;
};

/* Enters the handler of event->fault.vector; false: take the long way. */
bool fast_event(struct vm *vm, const struct event *event);
/* Runs the IRET at EIP; false: take the long way. */
bool fast_iret(struct vm *vm);
/* If the guest stands at INT n, enters its handler; false: take the long way.
 * error is that of the hardware's #GP; only its IDT bit is looked at, because
 * QEMU 7.2 scales the vector by 16 in long mode (SDM vol. 3A 6.13: by 8). */
bool fast_int(struct vm *vm, u32 error);

#endif
