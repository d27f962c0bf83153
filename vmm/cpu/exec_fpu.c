/* SPDX-License-Identifier: MIT
 *
 * x87, MMX, SSE and SSE2: the rows of ops_x87.def and ops_simd.def, which
 * the decoder and the disassembler know whole.
 *
 * LIMIT: none of them is executed; the step says so (STEP_UNKNOWN), and who
 * runs the guest directly leaves them to the processor.
 */
#include "vmm/cpu/exec_impl.h"

static enum env_status unsupported(struct exec *x)
{
    x->unsupported = true;
    return ENV_FAULT;
}

enum env_status exec_x87(struct exec *x)
{
    return unsupported(x);
}

enum env_status exec_fwait(struct exec *x)
{
    return unsupported(x);
}

enum env_status exec_mmx(struct exec *x)
{
    return unsupported(x);
}

enum env_status exec_emms(struct exec *x)
{
    return unsupported(x);
}

enum env_status exec_sse(struct exec *x)
{
    return unsupported(x);
}

enum env_status exec_maskmov(struct exec *x)
{
    return unsupported(x);
}

enum env_status exec_fxsave(struct exec *x)
{
    return unsupported(x);
}

enum env_status exec_fxrstor(struct exec *x)
{
    return unsupported(x);
}

enum env_status exec_ldmxcsr(struct exec *x)
{
    return unsupported(x);
}

enum env_status exec_stmxcsr(struct exec *x)
{
    return unsupported(x);
}
