/* SPDX-License-Identifier: MIT
 *
 * The hosted machine's FPU: the registers of whoever is in the processor, as
 * the 512 bytes of vmm/cpu/fpu.h; arithmetic is done by this computer's own
 * unit, one instruction at a time (arch/x86/fpu.S).
 *
 * As on the real machine they are in one place at a time: in the processor, or
 * in av->fxsave of a VM that is out, or of the current one until
 * arch_fpu_back(). A guest that is entered without its registers, or a VMM
 * that computes while they are in, ends the run.
 */
#include "tests/fake/arch_hosted.h"
#include "vmm/cpu/fpu.h"
#include <string.h>

static struct fpu registers;
static bool out = true; /* they are in the fxsave of who is live */

/* Whoever is live has them in its fxsave. */
void hosted_fpu_drop(void)
{
    out = true;
}

void hosted_fpu_out(struct arch_vcpu *av)
{
    if (!out)
        memcpy(av->fxsave, &registers, sizeof(registers));
    out = true;
}

struct fpu *hosted_fpu(void)
{
    if (out)
        arch_panic("a guest runs without its FPU registers");
    return &registers;
}

struct fpu *arch_fpu(struct arch_vcpu *av)
{
    if (hosted.live == av)
        hosted_fpu_out(av);
    return (struct fpu *)av->fxsave;
}

void arch_fpu_back(struct arch_vcpu *av)
{
    if (hosted.live != av || !out)
        return;
    memcpy(&registers, av->fxsave, sizeof(registers));
    out = false;
}

void arch_fpu_run(struct fpu_op *op)
{
    if (!out)
        arch_panic("the VMM computes over a guest's FPU registers");
    fpu_unit(op);
}
