/* SPDX-License-Identifier: MIT
 *
 * Probes: where a guest is to stop for a person. Breakpoints, watchpoints on
 * any range, single steps, range steps, an interrupt; the monitor and the gdb
 * stub both use them, and neither knows how they are made.
 *
 * A guest cannot tell that it is probed: no byte of it changes, its debug
 * registers stay its own, and it reads its own code as it wrote it. A probed
 * page is one that the shadow does not map for the access in question; what
 * happens there is stepped in the interpreter and compared. There is no limit
 * to ranges but PROBES; a page without a probe costs nothing.
 *
 * A VM that meets a probe is paused (VM_PAUSED, its time stands still), and
 * vm->stop says why. `stops` counts them, so that whoever watches (console,
 * gdb stub) sees by comparing that there was a new one.
 */
#ifndef VM_PROBE_H
#define VM_PROBE_H

#include "vmm/base/types.h"

#define PROBES 64 /* of one VM */

struct vm;

enum probe_kind {
    PROBE_BREAK,  /* before the instruction at `at` runs */
    PROBE_WRITE,  /* behind an instruction that wrote into the range */
    PROBE_READ,   /* that read from it */
    PROBE_ACCESS, /* either */
};

/* Who set it: one side does not remove the other's. */
enum probe_owner { PROBE_MONITOR, PROBE_GDB };

struct probe {
    bool used;
    enum probe_kind kind;
    enum probe_owner owner;
    u32 at, size; /* linear; PROBE_BREAK: size 1 */
    u64 hits;
};

enum stop_reason {
    STOP_NONE,
    STOP_BREAK,
    STOP_WATCH,
    STOP_STEP,      /* the steps that were asked for are done */
    STOP_INTERRUPT, /* somebody asked */
    STOP_DEATH,     /* killed or exited: no way on but a reset */
};

struct stop {
    u64 stops; /* how often so far */
    enum stop_reason reason;
    u32 probe;    /* its number: STOP_BREAK, STOP_WATCH */
    u32 eip;      /* of the instruction that did it */
    u32 at, size; /* STOP_WATCH: what was touched */
    bool wrote;
    u64 old, now; /* the bytes at `at` before and after, at most eight */
};

/* The number of the new probe, or -1: error is a sentence. */
int probe_add(struct vm *vm, enum probe_owner owner, enum probe_kind kind,
              u32 at, u32 size, char *error, size_t error_size);
/* False: there is none such. */
bool probe_remove(struct vm *vm, enum probe_owner owner, u32 number);
/* All of this owner, when it goes away. */
void probe_clear(struct vm *vm, enum probe_owner owner);

/* A paused VM goes on for `count` instructions, or until EIP has left
 * [from, to), which is gdb's range step; then it stops with STOP_STEP. An
 * interrupt that waits is taken as always; a HLT ends with what wakes it. */
void probe_step(struct vm *vm, u64 count);
void probe_step_range(struct vm *vm, u32 from, u32 to);
/* A running VM is paused, with STOP_INTERRUPT. */
void probe_interrupt(struct vm *vm);

#endif
