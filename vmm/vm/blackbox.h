/* SPDX-License-Identifier: MIT
 *
 * The black box: what a person needs when a guest has died.
 *
 * A VM dies by a triple fault, by doing what its engine cannot do, or by its
 * own verdict (a status that is not "pass" at the debug-exit port). What then
 * stands on the console is the cause in one sentence, the chain of faults, the
 * registers, the page walk that failed, the stack with names, the last events,
 * and what to type next. The VM stays as it was at that moment, and the
 * monitor's `blackbox NAME` shows it all again.
 *
 * What is kept while a guest is well costs nothing on the fast ways: the ring
 * of last exits (vm.h), the last change of the address space, and the last
 * double fault that was delivered. All else is found out at the end by looking.
 *
 * Invariant: looking has no consequences and no assumptions. Every byte of the
 * dead guest is read through its own tables by a walk that changes nothing;
 * what cannot be read is left out. Every loop has a bound.
 *
 * LIMIT: the report is some 4 KiB of text, which on a serial line of 115200
 * baud takes the console, and all other guests, a third of a second. A guest
 * can do that once; it takes a person to reset it.
 *
 * SDM vol. 3A 6.15 (interrupt 8).
 */
#ifndef VM_BLACKBOX_H
#define VM_BLACKBOX_H

#include "vmm/base/fmt.h"
#include "vmm/cpu/blame.h"

struct vm;

#define BOX_TEXT 1000 /* a cause */

/* A write of CR0, CR3 or CR4 that changed how addresses are translated. */
struct box_switch {
    bool there;
    u8 n; /* of which register */
    u32 eip, old, now;
};

/* A fault of interpreted code, which is no exit. */
struct box_fault {
    u32 eip;
    struct fault fault;
};
#define BOX_FAULTS 32

struct blackbox {
    bool taken; /* the VM has died, and `cause` says of what */
    u64 born;   /* vm->exits at power-on: those before are another life's */
    struct box_switch space;
    struct box_fault fault[BOX_FAULTS]; /* a ring ... */
    u64 faults;                         /* ... of all there were */
    struct event_chain chain; /* of the triple fault; failed = 0: none */
    struct blame blame[EVENT_CHAIN];
    u32 doubles; /* double faults delivered, one soon after the other ... */
    u64 double_clock;       /* ... the last of them at this count of exits */
    u32 double_entry;       /* the address of its handler, linear */
    char doubled[BOX_TEXT]; /* what the first of them came of */
    char cause[BOX_TEXT];   /* one sentence */
};

/* An event was not delivered at the first attempt. status is EVENT_OK (then
 * the handler of `delivered` was entered) or EVENT_TRIPLE. */
void blackbox_failed(struct vm *vm, const struct event_chain *chain,
                     enum event_status status, u8 delivered);
/* An interpreted instruction is about to fault. */
static inline void blackbox_fault(struct blackbox *box, u32 eip,
                                  const struct fault *fault)
{
    box->fault[box->faults++ % BOX_FAULTS] = (struct box_fault){eip, *fault};
}
/* CR n, which was `old`, governs addresses otherwise now. */
void blackbox_space(struct vm *vm, unsigned n, u32 old);
/* Power-on: the past is over. */
void blackbox_reset(struct vm *vm);

/* Behind a turn of this VM: if it has died in it, the cause is found and the
 * report printed. */
void blackbox_look(struct vm *vm);
/* The report. A VM that has not died: one line says so. */
void blackbox_print(struct vm *vm, const struct sink *out);
/* Registers and the last events, without a look at the guest's memory: for a
 * panic. */
void blackbox_last_words(struct vm *vm, const struct sink *out);

#endif
