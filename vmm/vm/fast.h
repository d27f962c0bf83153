/* SPDX-License-Identifier: MIT
 *
 * The short way for what happens most: an event into the guest kernel, the
 * IRET out of it, CLI and STI, a look at CR2.
 *
 * event_deliver() and cpu_step() are the definition; these functions do
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
    u32 sel;   /* FAST_EMPTY: none */
    u16 hw;    /* selector for the real CPU */
    u64 want;  /* the descriptor the real CPU loads */
    u64 *slot; /* where it must stand */
    struct segment seg;
};

/* Pages that the shadow is known to map, one for each purpose. */
enum fast_use { USE_INT, USE_SIMPLE, USE_IRET, USE_TSS, USE_FRAME, USE_RETURN };
#define FAST_PAGES 6
struct fast_page {
    u8 *page;
    u32 tag; /* linear page | PF_ bits of the access, or FAST_EMPTY */
};

struct fast {
    struct fast_seg kernel_cs, kernel_ss, user_cs, user_ss;
    struct fast_page page[FAST_PAGES];
};

#define FAST_CLI   0xfa /* opcodes that fast_simple() knows, ... */
#define FAST_STI   0xfb /* ... beside MOV r32, CRn */
#define FAST_EMPTY 0xffffffff

/* The shadow has taken rights away. */
static inline void fast_forget_pages(struct fast *f)
{
    for (u32 i = 0; i < FAST_PAGES; i++)
        f->page[i].tag = FAST_EMPTY;
}

/* A descriptor has changed. */
static inline void fast_forget_segs(struct fast *f)
{
    f->kernel_cs.sel = f->kernel_ss.sel = FAST_EMPTY;
    f->user_cs.sel = f->user_ss.sel = FAST_EMPTY;
}

/* By what the memos hold, and, when that has refused, by what they do not. */
bool fast_quick_fault(struct vm *vm, const struct fault *fault);
bool fast_patient_fault(struct vm *vm, const struct fault *fault);
bool fast_quick_interrupt(struct vm *vm, u8 vector);
bool fast_patient_interrupt(struct vm *vm, u8 vector);
bool fast_quick_int(struct vm *vm);
bool fast_patient_int(struct vm *vm);
bool fast_quick_iret(struct vm *vm);
bool fast_patient_iret(struct vm *vm);
bool fast_quick_simple(struct vm *vm);
bool fast_patient_simple(struct vm *vm);

/* Enters the handler of an exception, or of an external interrupt; false:
 * take the long way. */
static inline bool fast_fault(struct vm *vm, const struct fault *fault)
{
    return fast_quick_fault(vm, fault) || fast_patient_fault(vm, fault);
}

static inline bool fast_interrupt(struct vm *vm, u8 vector)
{
    return fast_quick_interrupt(vm, vector) ||
           fast_patient_interrupt(vm, vector);
}

/* Runs the IRET at EIP; false: take the long way. */
static inline bool fast_iret(struct vm *vm)
{
    return fast_quick_iret(vm) || fast_patient_iret(vm);
}

/* If the guest stands at INT n, enters its handler; false: take the long way.
 * The vector is read from the code: QEMU 7.2 scales the one in the hardware's
 * error code by 16 in long mode (SDM vol. 3A 6.13: by 8). */
static inline bool fast_int(struct vm *vm)
{
    return fast_quick_int(vm) || fast_patient_int(vm);
}

/* Runs CLI, STI or MOV from a control register at EIP in the guest kernel;
 * false: take the long way. */
static inline bool fast_simple(struct vm *vm)
{
    return fast_quick_simple(vm) || fast_patient_simple(vm);
}

#endif
