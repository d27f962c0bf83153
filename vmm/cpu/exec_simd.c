/* SPDX-License-Identifier: MIT
 *
 * MMX, SSE and SSE2: the rows of ops_simd.def.
 *
 * Every row is the same walk: checks, second operand, first operand, result,
 * destination. The result is a move or a shuffle, done here, or comes from
 * the host's unit (fpu.h), which is given the operands and runs the register
 * form with every exception masked; simd_error.c says what that means for
 * those that the guest has not masked.
 *
 * Instructions that touch an MMX register put the x87 stack to TOP 0 with all
 * registers in use, report a waiting x87 error first, and leave ones in the
 * exponent of a register they write. A conversion that raises #XM has done
 * the first of these (the manual is silent; Intel's processors do so), a
 * store that faults has not (Intel's then have TOP 0 and the old tags).
 * CR4.OSFXSR matters to those that touch an XMM register only.
 *
 * SDM vol. 1 11.5 (exceptions, 11.5.3), 11.6, vol. 3A 2.5, 12.2 to 12.5.
 */
#include "vmm/cpu/exec_simd.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/str.h"
#include "vmm/cpu/exec_fpu.h"

#define ALIGNMENT 16
#define IMM_SHIFT 0xc0 /* 0F 71 to 73 as D1 to F3 */

static bool kind_is_xmm(u32 kind)
{
    return kind == O_VX || kind == O_UX || kind == O_WX || kind == O_WQ ||
           kind == O_WD;
}

static bool kind_is_mmx(u32 kind)
{
    return kind == O_PQ || kind == O_NQ || kind == O_QQ || kind == O_QD;
}

static bool kind_is_gpr(u32 kind)
{
    return kind == O_E || kind == O_EV || kind == O_G;
}

/* Named by modrm.reg; the others by modrm.rm, or they are memory. */
static bool kind_is_reg(u32 kind)
{
    return kind == O_PQ || kind == O_VX || kind == O_G;
}

static bool in_memory(const struct insn *insn, u32 kind)
{
    return !is_register(insn) && kind != O_IB && kind != O__ &&
           !kind_is_reg(kind);
}

static u32 number(const struct insn *insn, u32 kind)
{
    return kind_is_reg(kind) ? insn->reg : insn->rm;
}

static bool touches_xmm(const struct op_row *row)
{
    return kind_is_xmm(row->operand[0]) || kind_is_xmm(row->operand[1]);
}

static bool touches_mmx(const struct exec *x)
{
    for (u32 n = 0; n < 2; n++) {
        u32 kind = x->row->operand[n];
        if (kind_is_mmx(kind) && !in_memory(x->insn, kind))
            return true;
    }
    return false;
}

/* What the manual's exception tables ask first. */
static enum env_status may_run(struct exec *x, bool xmm)
{
    if (x->cpu->cr0 & CR0_EM)
        return raise_plain(x, TRAP_UD);
    if (xmm && !(x->cpu->cr4 & CR4_OSFXSR))
        return raise_plain(x, TRAP_UD);
    return fpu_available(x, CR0_TS);
}

static enum env_status begin(struct exec *x, struct fpu **fpu, bool *held)
{
    *held = false;
    TRY(may_run(x, touches_xmm(x->row)));
    TRY(fpu_registers(x, fpu));
    return touches_mmx(x) ? fpu_report(x, *fpu, held) : ENV_OK;
}

/* The segment's own faults come before the one for alignment. */
static enum env_status check_aligned(struct exec *x, u32 size, u32 access)
{
    u32 offset = ea_offset(x->cpu, x->insn);
    gva_t at;

    TRY(seg_linear(x->cpu, x->insn->seg, offset, size, access, &at,
                   fault_of(x)));
    return at.v % ALIGNMENT ? raise_error(x, TRAP_GP, 0) : ENV_OK;
}

static enum env_status load(struct exec *x, void *to, u32 size)
{
    if (x->row->arg & FPU_ALIGNED)
        TRY(check_aligned(x, size, ACC_READ));
    return ea_read(x, to, size, ACC_READ);
}

static enum env_status store(struct exec *x, const void *from, u32 size)
{
    if (x->row->arg & FPU_ALIGNED)
        TRY(check_aligned(x, size, ACC_WRITE));
    return ea_write(x, from, size);
}

static void get_register(struct exec *x, struct fpu *fpu, u32 kind, u8 to[16])
{
    u32 n = number(x->insn, kind);

    if (kind_is_xmm(kind))
        memcpy(to, fpu_xmm(fpu, n), 16);
    else if (kind_is_mmx(kind))
        memcpy(to, fpu_mmx(fpu, n), 8);
    else
        put_le32(to, x->cpu->gpr[n]);
}

/* The second operand, in b and, if it is a number, in gpr. */
static enum env_status fetch_source(struct exec *x, struct fpu *fpu,
                                    struct fpu_op *op)
{
    u32 kind = x->row->operand[1];

    if (kind == O_IB)
        op->b[0] = (u8)x->insn->imm;
    else if (in_memory(x->insn, kind))
        TRY(load(x, op->b, operand_bytes(x->insn, kind)));
    else
        get_register(x, fpu, kind, op->b);
    op->gpr = get_le32(op->b);
    return ENV_OK;
}

static u32 prefix_of(const struct insn *insn)
{
    switch (insn->mandatory) {
    case 0x66:
        return FPU_PREFIX_66;
    case 0xf3:
        return FPU_PREFIX_F3;
    case 0xf2:
        return FPU_PREFIX_F2;
    default:
        return FPU_PREFIX_NP;
    }
}

/* A shift by an immediate is the shift by a register of the same name. */
static u32 stub_of(const struct insn *insn, const struct op_row *row)
{
    u32 prefix = prefix_of(insn), opcode = insn->opcode;

    if (opcode == 0xc2)
        return FPU_STUB_CMP + prefix * 8 + (insn->imm & 7);
    if (row->operand[1] == O_IB)
        opcode = IMM_SHIFT + insn->reg * 8u + (opcode & 3);
    return FPU_STUB_SIMD + prefix * 256 + opcode;
}

/* The flags of one instruction go into MXCSR; an unmasked one is #XM. a is
 * what the destination was. */
static enum env_status judge(struct exec *x, struct fpu *fpu,
                             const struct fpu_op *op, const u8 *a)
{
    u32 mxcsr = fpu_long(fpu, FX_MXCSR);
    u32 open = ~(mxcsr >> MXCSR_MASKS_LSB) & FPU_ERRORS;
    u32 flags = simd_errors(x->env, x->insn, op, a, open);

    if (touches_mmx(x))
        fpu_to_mmx(fpu);
    fpu_set_long(fpu, FX_MXCSR, mxcsr | flags);
    if (!(flags & open))
        return ENV_OK;
    return raise_plain(x, x->cpu->cr4 & CR4_OSXMMEXCPT ? TRAP_XM : TRAP_UD);
}

static enum env_status run(struct exec *x, struct fpu *fpu, struct fpu_op *op)
{
    u32 mxcsr = fpu_long(fpu, FX_MXCSR);
    u8 a[16];

    memcpy(a, op->a, sizeof(a));
    if (kind_is_mmx(x->row->operand[0]))
        op->unit |= FPU_UNIT_A_MMX;
    if (kind_is_mmx(x->row->operand[1]) ||
        (x->row->operand[1] == O_IB && op->unit))
        op->unit |= FPU_UNIT_B_MMX;
    op->stub = stub_of(x->insn, x->row);
    op->eflags = x->cpu->eflags;
    op->mxcsr = (mxcsr & ~(u32)FPU_ERRORS) | MXCSR_MASKS;
    if (!(mxcsr & FPU_UE << MXCSR_MASKS_LSB)) /* FTZ wants it masked */
        op->mxcsr &= ~(u32)MXCSR_FTZ;
    x->env->fpu_run(x->env->ctx, op);
    if (x->row->arg & FPU_XM)
        TRY(judge(x, fpu, op, a));
    x->cpu->eflags =
        (x->cpu->eflags & ~(u32)EFLAGS_STATUS) | (op->eflags & EFLAGS_STATUS);
    return ENV_OK;
}

static enum env_status put_result(struct exec *x, struct fpu *fpu,
                                  const struct fpu_op *op)
{
    u32 kind = x->row->operand[0], n = number(x->insn, kind);
    bool memory = in_memory(x->insn, kind);

    if (memory)
        TRY(store(x, op->a, operand_bytes(x->insn, kind)));
    if (touches_mmx(x))
        fpu_to_mmx(fpu);
    if (memory)
        return ENV_OK;
    if (kind_is_xmm(kind)) {
        memcpy(fpu_xmm(fpu, n), op->a, 16);
    } else if (kind_is_mmx(kind)) {
        memcpy(fpu_mmx(fpu, n), op->a, 8);
        memset(fpu_mmx(fpu, n) + 8, 0xff, 2);
    } else {
        x->cpu->gpr[n] = op->gpr;
    }
    return ENV_OK;
}

enum env_status exec_sse(struct exec *x)
{
    u32 kind = x->row->operand[0];
    struct fpu_op op = {0};
    struct fpu *fpu;
    bool held;

    TRY(begin(x, &fpu, &held));
    if (held)
        return ENV_OK;
    TRY(fetch_source(x, fpu, &op));
    if (!in_memory(x->insn, kind) && !kind_is_gpr(kind))
        get_register(x, fpu, kind, op.a);
    if (!simd_move(x->insn, &op))
        TRY(run(x, fpu, &op));
    return put_result(x, fpu, &op);
}

enum env_status exec_mmx(struct exec *x)
{
    return exec_sse(x);
}

enum env_status exec_emms(struct exec *x)
{
    struct fpu *fpu;
    bool held;

    TRY(may_run(x, false));
    TRY(fpu_registers(x, &fpu));
    TRY(fpu_report(x, fpu, &held));
    if (held)
        return ENV_OK;
    fpu_to_mmx(fpu);
    fpu->image[FX_FTW] = 0;
    return ENV_OK;
}

/* Bytes whose mask has its top bit set go to DS:[eDI]. What lies between the
 * first and the last of them is written back as it was read. */
enum env_status exec_maskmov(struct exec *x)
{
    u32 size = kind_is_xmm(x->row->operand[0]) ? 16 : 8, first = 0, last = size;
    u8 from[16], mask[16], bytes[16];
    struct fpu *fpu;
    bool held;
    u32 at;

    TRY(begin(x, &fpu, &held));
    if (held)
        return ENV_OK;
    get_register(x, fpu, x->row->operand[0], from);
    get_register(x, fpu, x->row->operand[1], mask);
    while (first < size && !(mask[first] & 0x80))
        first++;
    while (last > first && !(mask[last - 1] & 0x80))
        last--;
    if (first < last) {
        at = reg_read(x->cpu, EDI, x->insn->adsize) + first;
        TRY(mem_read(x, x->insn->seg, at, bytes, last - first,
                     ACC_READ | ACC_WRITE));
        for (u32 i = first; i < last; i++) {
            if (mask[i] & 0x80)
                bytes[i - first] = from[i];
        }
        TRY(mem_write(x, x->insn->seg, at, bytes, last - first));
    }
    if (touches_mmx(x))
        fpu_to_mmx(fpu);
    return ENV_OK;
}

enum env_status exec_ldmxcsr(struct exec *x)
{
    struct fpu *fpu;
    u8 bytes[4];

    TRY(may_run(x, true));
    TRY(fpu_registers(x, &fpu));
    TRY(load(x, bytes, sizeof(bytes)));
    if (get_le32(bytes) & ~fpu_mxcsr_mask(fpu))
        return raise_error(x, TRAP_GP, 0);
    fpu_set_long(fpu, FX_MXCSR, get_le32(bytes));
    return ENV_OK;
}

enum env_status exec_stmxcsr(struct exec *x)
{
    struct fpu *fpu;
    u8 bytes[4];

    TRY(may_run(x, true));
    TRY(fpu_registers(x, &fpu));
    put_le32(bytes, fpu_long(fpu, FX_MXCSR));
    return store(x, bytes, sizeof(bytes));
}

/* Both need CR0.EM clear and no OSFXSR, without which they leave the vector
 * part alone. Bytes that FXSAVE leaves alone must be there all the same. */
enum env_status exec_fxsave(struct exec *x)
{
    bool simd = (x->cpu->cr4 & CR4_OSFXSR) != 0;
    u8 bytes[FX_SIZE];
    struct fpu *fpu;

    TRY(fpu_available(x, CR0_EM | CR0_TS));
    TRY(fpu_registers(x, &fpu));
    TRY(check_aligned(x, FX_SIZE, ACC_WRITE));
    TRY(ea_read(x, bytes, FX_SIZE, ACC_READ | ACC_WRITE));
    fpu_fxsave(fpu, simd, bytes);
    return store(x, bytes, simd ? FX_WRITTEN : FX_XMM);
}

enum env_status exec_fxrstor(struct exec *x)
{
    bool simd = (x->cpu->cr4 & CR4_OSFXSR) != 0;
    u8 bytes[FX_SIZE];
    struct fpu *fpu;

    TRY(fpu_available(x, CR0_EM | CR0_TS));
    TRY(fpu_registers(x, &fpu));
    TRY(check_aligned(x, FX_SIZE, ACC_READ));
    TRY(load(x, bytes, sizeof(bytes)));
    if (simd && (get_le32(bytes + FX_MXCSR) & ~fpu_mxcsr_mask(fpu)))
        return raise_error(x, TRAP_GP, 0);
    fpu_fxrstor(fpu, simd, bytes);
    return ENV_OK;
}
