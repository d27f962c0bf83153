/* SPDX-License-Identifier: MIT
 *
 * What to do about an exit: one handler per hardware vector.
 *
 * A trap of the guest is one of three things: an instruction that ring 1 may
 * not run (emulate it), a page the shadow does not have yet (fill it), or
 * an event of the guest's own (deliver it to its handler). exit_handle()
 * decides, by a table; afterwards the VM can be entered again, or it is not
 * VM_RUNNING any more.
 */
#ifndef VM_EXITS_H
#define VM_EXITS_H

#include "vmm/cpu/exec.h"

struct vm;

/* Handles what arch_enter() came back with. */
void exit_handle(struct vm *vm);
/* The same, with a TRACE_EXIT behind it. */
void exit_handle_traced(struct vm *vm);
/* ... and the live trace shows what happened. */
void exit_handle_shown(struct vm *vm);
/* An exit that asks for nothing: the guest has come to a page that only
 * probe_run() executes. */
void exit_probed(struct vm *vm);
/* What follows from one instruction on the virtual processor. */
void exit_stepped(struct vm *vm, const struct step *step,
                  enum step_status status);
/* cpu.debug_pending: raises the trap, or runs the one instruction that MOV SS
 * puts before it. Whatever leaves one also leaves the inner loop. */
void exit_pending(struct vm *vm);
/* An interrupt waits: takes it if the guest can, which wakes it from HLT. */
void exit_inject(struct vm *vm);

#endif
