/* SPDX-License-Identifier: MIT
 *
 * FPU states for the comparison with the real processor: random ones that
 * hit exceptions often, and what two of them must agree in.
 */
#ifndef TESTS_DIFF_FPU_H
#define TESTS_DIFF_FPU_H

#include "vmm/cpu/decode.h"
#include "vmm/cpu/fpu.h"

void fpu_random(struct fpu *fpu, u32 (*rnd)(void));
/* A number of `size` bytes (4, 8, 10) that is worth trying. */
void fpu_random_number(u8 *to, u32 size, u32 (*rnd)(void));
/* Prints where they differ; null: nowhere. */
const char *fpu_differ(const struct fpu *a, const struct fpu *b,
                       const struct insn *insn);

#endif
