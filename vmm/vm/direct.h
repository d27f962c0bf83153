/* SPDX-License-Identifier: MIT
 *
 * The direct engine: guest code on the bare CPU, until it traps.
 *
 * Guest ring 0 runs in hardware ring 1, guest ring 3 in ring 3, both in
 * compatibility mode with IOPL 0 and hardware IF on. What must agree before
 * an entry and is read back after an exit:
 *
 *   general registers, EIP   struct cpu itself
 *   EFLAGS                   all but IF, IOPL, VM, VIF, VIP, which are virtual
 *   CS, SS                   a selector whose host copy is the hidden part
 *   ES, DS, FS, GS           stay in the real registers; direct_sync() reads
 *                            them when software needs them
 *
 * A register whose selector does not (any more) name what it holds is loaded
 * through one of the VMM's hidden slots: the guest runs on with the segment
 * it loaded, though it would read another selector back. LIMIT: a descriptor
 * changed in memory and then reloaded under the same selector counts as the
 * new one from the change on.
 *
 * LIMIT: guest rings 1 and 2 and conforming kernel code do not run here.
 *
 * SDM vol. 3A 3.4.3, 5.2.1, 6.14.
 */
#ifndef VM_DIRECT_H
#define VM_DIRECT_H

#include "vmm/base/types.h"

struct vm;

/* Nothing is loaded: everything is dirty. After reset and at creation. */
void direct_reset(struct vm *vm);
/* Puts this VM's state into the real registers (segments, tables, root,
 * modes), taking out whoever was there. */
void direct_switch(struct vm *vm);
/* Takes the current VM out, so that its struct cpu is complete. */
void direct_leave(struct vm *vm);
/* Runs until the next exit; false when the state cannot run (VM killed). */
bool direct_run(struct vm *vm);
/* Reads ES, DS, FS, GS back from the real registers if vm is current. */
void direct_sync(struct vm *vm);

#endif
