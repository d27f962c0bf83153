/* SPDX-License-Identifier: MIT
 *
 * Vector instructions that compute nothing: moves, shuffles, byte shifts,
 * words put into a register and taken out. They need no unit, raise nothing,
 * and are plain copies of bytes.
 */
#ifndef CPU_EXEC_SIMD_H
#define CPU_EXEC_SIMD_H

#include "vmm/cpu/decode.h"
#include "vmm/cpu/fpu.h"

/* With destination (unless it is memory) and source in op->a and op->b, the
 * result in op->a, or in op->gpr. False: not one of these. */
bool simd_move(const struct insn *insn, struct fpu_op *op);

#endif
