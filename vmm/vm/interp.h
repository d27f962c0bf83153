/* SPDX-License-Identifier: MIT
 *
 * The interpreting engine: cpu_step() again and again on struct cpu.
 *
 * A guest with exec=interp has its kernel interpreted, and whatever else no
 * deprivileged direct execution can show exactly: real-address and
 * virtual-8086 mode, rings 1 and 2, PAE paging, and programs that see IF
 * clear or IOPL above 0 by PUSHF. Its programs otherwise run on the bare CPU.
 * Nothing sensitive of the kernel is left to the hardware, so every
 * instruction of it is exact.
 *
 * LIMIT: in ring 3, SGDT, SIDT, SLDT, SMSW and STR are exact where the CPU has
 * UMIP; LAR, LSL and VERR see no system descriptor, no conforming code and no
 * ring-3 code but the running one.
 *
 * The real registers stay those of the VM meanwhile (FPU, segment registers,
 * shadow root), so that going over from one engine to the other costs no more
 * than the segment registers that were written.
 *
 * SDM vol. 3A 5.9; Robin and Irvine, USENIX Security 2000.
 */
#ifndef VM_INTERP_H
#define VM_INTERP_H

#include "vmm/cpu/cpu.h"
#include "vmm/vm/config.h"

struct vm;

enum engine { ENGINE_DIRECT, ENGINE_INTERP };

/* Which engine runs this state next. */
enum engine engine_choose(enum vm_exec exec, const struct cpu *cpu);

/* Does this VM go on in the interpreter now? */
bool interp_wanted(const struct vm *vm);

/* Runs until the direct engine's turn comes, vm->leave is set, or a while has
 * passed: then call again. Takes pending interrupts by itself. */
void interp_run(struct vm *vm);

/* Delivers an interrupt that waits: work, as an instruction is. */
void interp_interrupt(struct vm *vm);
/* Lets interrupts of the host in when enough work was done without. */
void interp_breathe(struct vm *vm);

#endif
