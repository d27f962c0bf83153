/* SPDX-License-Identifier: MIT
 *
 * Events for instructions: what the guest's kernel did that needs privilege,
 * the same whichever engine did it.
 *
 * An instruction that went through cpu_step() or a block tells of itself by
 * its struct step; one that took a short way of fast.c is told by the kind of
 * its exit and its own bytes. A record names the operands and what came of
 * it, as the registers stand behind the instruction.
 *
 * LIMIT: what does not fault in ring 1 (PUSHF, POPF, LSL ...) is no event, in
 * no engine; SGDT, SIDT, SLDT, STR and SMSW are one under exec=trap if the
 * CPU has UMIP, and always where they are interpreted.
 */
#ifndef VM_TRACE_INSN_H
#define VM_TRACE_INSN_H

#include "vmm/cpu/exec.h"

struct vm;
struct shadow_result;

/* A finished step (STEP_OK): PRIV and SYSCALL events, if anybody wants them. */
void trace_step(struct vm *vm, const struct step *step);
/* The instruction at eip that fast_int(), fast_iret() or fast_simple() has
 * run, in ring cpl. */
void trace_int(struct vm *vm, u32 eip, u32 cpl);
void trace_iret(struct vm *vm, u32 eip, u32 cpl);
void trace_simple(struct vm *vm, u32 eip, u32 cpl);
/* The shadow was filled for a fault with these bits (PF_). */
void trace_fill_of(struct vm *vm, gva_t at, u32 access,
                   const struct shadow_result *result);

#endif
