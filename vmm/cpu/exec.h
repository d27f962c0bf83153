/* SPDX-License-Identifier: MIT
 *
 * step(): fetch, decode, execute one instruction on struct cpu. It is the
 * definition of every instruction in Trapline: the emulator behind #GP and
 * MMIO exits is this function and no other.
 *
 * Check, then commit: on STEP_FAULT the processor is as before (EIP at the
 * instruction), except for the iterations of a REP string instruction that
 * are already complete, and for a task switch whose new task is what faults
 * (task.h); *fault is what must be delivered. A REP string
 * executes at most STEP_REP_MAX iterations a call and leaves EIP on itself
 * when more remain, so that interrupts come in between. INT n, INT3, INTO
 * enter their handler inside the step. TF and the breakpoints are not looked
 * at: debug.h has the step that does.
 */
#ifndef CPU_EXEC_H
#define CPU_EXEC_H

#include "vmm/cpu/cpu.h"
#include "vmm/cpu/decode.h"

/* As many bytes as a real serial port at 115200 baud sends in 22 ms: nobody
 * else runs meanwhile. */
#define STEP_REP_MAX 256

enum step_status {
    STEP_OK,
    STEP_FAULT, /* out->fault */
    STEP_STOP,  /* the environment stopped the VM */
};

struct step {
    struct insn insn;   /* valid on STEP_OK, and on STEP_FAULT when
                           decoded is set */
    bool decoded;       /* not, and #UD: the table has no row for out->bytes */
    u8 bytes[INSN_MAX]; /* as fetched */
    u8 count;
    u32 eip;           /* with decoded: where it stood, ... */
    u8 cpl;            /* ... and in which ring */
    bool software_int; /* the step was INT n, INT3 or INTO that ... */
    u8 vector;         /* ... entered this vector's handler */
    bool trap;         /* set by cpu_step_debug(), see debug.h */
    struct fault fault;
};

enum step_status cpu_step(struct cpu *cpu, const struct cpu_env *env,
                          struct step *out);

#endif
