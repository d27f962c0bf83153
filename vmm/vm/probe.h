/* SPDX-License-Identifier: MIT
 *
 * Probes: where a guest is to stop for a person. Breakpoints, watchpoints on
 * any range, single steps, range steps, an interrupt; the monitor and the gdb
 * stub both use them, and neither knows how they are made.
 *
 * A guest cannot tell that it is probed: no byte of it changes, its debug
 * registers stay its own, and it reads its own code as it wrote it. A probed
 * page is one that the shadow does not map for the access in question
 * (shadow_set_guards()); what happens there is done in the interpreter and
 * compared. Addresses are linear, in every address space. There is no limit
 * to a range, and none but the machine's memory to their number; a page
 * without a probe costs nothing (probe_list.h, mm/guards.h).
 *
 * Accesses are those of instructions and of event delivery (descriptors, TSS,
 * stack). Fetches count for breakpoints only. What the processor reads and
 * marks while it walks page tables does not count, nor what a debugger does.
 *
 * A VM that meets a probe is paused (VM_PAUSED, its time stands still), and
 * vm->stop says why. `stops` counts them, so that whoever watches (console,
 * gdb stub) sees by comparing that there was a new one.
 *
 * LIMIT: where memory has run out, pages beside a probe's are guarded, too,
 * which takes the guest time and shows it the exact processor there.
 * LIMIT: ENTER, INS and task switches try a place before they write it, which
 * counts as a read.
 */
#ifndef VM_PROBE_H
#define VM_PROBE_H

#include "vmm/vm/probe_list.h"

struct cpu_env;

/* A breakpoint is met before the instruction is fetched, so also where that
 * faults. EFLAGS.RF holds it off as it does the processor's own (SDM vol. 3B
 * 17.3.1.1), so an instruction that faults is not reported again when it is
 * restarted; and a VM that goes on passes the one that it stands at. A
 * watchpoint is met behind the instruction, or behind the iteration of a
 * repeated one; reads of an instruction that faults are none, it will run
 * again. */
enum stop_reason {
    STOP_NONE,
    STOP_BREAK,
    STOP_WATCH,
    STOP_STEP,      /* the steps that were asked for are done */
    STOP_INTERRUPT, /* somebody asked */
    STOP_DEATH,     /* killed or exited: no way on but a reset */
};

/* An access to a watched range, while it is not known whether it counts. */
struct probe_touch {
    u32 probe, off, size; /* the part [off, off+size) of the access */
    u32 at;
    bool wrote;
    u32 from, span, access; /* all of the access */
    u64 old, now;
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

struct probes {
    struct probe_list list;
    bool on;      /* there is one, or steps are to be done */
    bool changed; /* the shadow has not been told yet */
    bool data;    /* there is a watchpoint */
    bool reads;   /* ... that is about reads, too */
    bool met;     /* ... and it was touched: `touch` */
    struct probe_touch touch;
    u32 touch_eip;
    enum stop_reason due; /* why else it is to stop */
    u32 due_probe, due_eip;
    bool stepping, range;
    bool tell; /* the monitor wants the next stop on the console */
    u32 from, to;
    u64 steps;
    bool pass; /* the breakpoint it stands at is not met ... */
    u32 pass_at, pass_esp, pass_cr3; /* ... here */
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
 * exception or interrupt that is taken counts as a step and ends before the
 * handler's first instruction; a repeated string instruction is one. Behind
 * HLT the next step is what wakes it. */
void probe_step(struct vm *vm, u64 count);
void probe_step_range(struct vm *vm, u32 from, u32 to);
/* A running VM is paused, with STOP_INTERRUPT. */
void probe_interrupt(struct vm *vm);
/* "watch", "break": for people. */
const char *probe_kind_name(enum probe_kind kind);

/* For the loop and the engines; vm->probes.on is set, or nothing happens. */

/* Tells the shadow what has changed. Before a VM runs. */
void probe_install(struct vm *vm);
/* The instruction at EIP is for probe_run(): it may have a breakpoint, or is
 * to be counted. (probe_holds() in vm.h asks vm->probes.on first.) */
bool probe_held(const struct vm *vm);
/* Runs it, unless the VM is to stop before it. */
void probe_run(struct vm *vm, const struct cpu_env *env);
/* An interrupt was delivered. */
void probe_stepped(struct vm *vm);
/* The direct engine is back: true when all there was is that the guest has
 * jumped to a page for probe_run(). */
bool probe_exit(struct vm *vm);
/* Pauses the VM if it is to stop. */
void probe_settle(struct vm *vm);
/* A paused VM goes on; a VM has come to its end; it begins anew. */
void probe_resumed(struct vm *vm);
void probe_died(struct vm *vm);
void probe_reset(struct vm *vm);
/* A VM is destroyed: every frame goes back. */
void probe_destroy(struct vm *vm);

/* For env.c: the watchpoints that this access (ACC_ bits) touches; false: none.
 * The caller fills in old and now, and notes it when it has happened. */
bool probe_touches(const struct vm *vm, gva_t at, u32 size, u32 access,
                   struct probe_touch *out);
void probe_note(struct vm *vm, const struct probe_touch *touch);
/* The instruction has faulted: what it read does not count. */
void probe_lost(struct vm *vm);
/* It was a debugger who did it. */
void probe_ignore(struct vm *vm);

#endif
