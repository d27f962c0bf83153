/* SPDX-License-Identifier: MIT
 *
 * What the x87, MMX and SSE handlers share: the registers, and the report of
 * an x87 error that waits.
 */
#ifndef CPU_EXEC_FPU_H
#define CPU_EXEC_FPU_H

#include "vmm/cpu/exec_impl.h"
#include "vmm/cpu/fpu.h"

/* The FPU's registers; #UD in a world without them. */
enum env_status fpu_registers(struct exec *x, struct fpu **fpu);
/* #NM while the CR0 bits in mask say that the FPU is another task's, or none.
 */
enum env_status fpu_available(struct exec *x, u32 mask);
/* An unmasked x87 exception that waits: #MF, or with CR0.NE clear FERR#; then
 * *held, and the instruction does not run yet. */
enum env_status fpu_report(struct exec *x, const struct fpu *fpu, bool *held);

#endif
