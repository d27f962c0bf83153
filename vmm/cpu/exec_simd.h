/* SPDX-License-Identifier: MIT
 *
 * The parts of vector instructions: what computes nothing (moves, shuffles,
 * byte shifts) and needs no unit, and which exceptions an instruction raised.
 */
#ifndef CPU_EXEC_SIMD_H
#define CPU_EXEC_SIMD_H

#include "vmm/cpu/decode.h"
#include "vmm/cpu/fpu.h"

/* With destination (unless it is memory) and source in op->a and op->b, the
 * result in op->a, or in op->gpr. False: not one of these. */
bool simd_move(const struct insn *insn, struct fpu_op *op);

/* The exception flags that a processor with `open` ones unmasked would set.
 * op is done, with all masked; a is what op->a was before. */
u32 simd_errors(const struct cpu_env *env, const struct insn *insn,
                const struct fpu_op *op, const u8 *a, u32 open);

#endif
