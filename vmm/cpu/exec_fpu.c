/* SPDX-License-Identifier: MIT
 *
 * x87: the rows of ops_x87.def.
 *
 * Control instructions and those that move the whole state are done here on
 * the image; the rest run on the host's unit (fpu.h), on a copy of the image
 * whose exception flags are clear, so that afterwards they tell what this
 * instruction raised. A store whose unmasked exception forbids it does not
 * reach memory; one that does is written before the copy becomes the state.
 *
 * An unmasked exception is not reported where it happens but by the next
 * waiting instruction: as #MF, or, with CR0.NE clear, by FERR#, a wire to the
 * interrupt controller; the processor then stands before that instruction
 * until the interrupt comes. LIMIT: IGNNE# is not modelled, so a handler must
 * begin with instructions that do not wait, as Intel's do (SDM vol. 1 D.2).
 *
 * The pointers to the last instruction are kept for each non-control
 * instruction, as the P6 does. Newer processors store 0 for the selectors
 * (CPUID.7:EBX[13]) or update the data pointer on exceptions only
 * (EBX[6]); what ran on the host's unit directly shows that behaviour, and
 * where selectors are kept, those it was deprivileged with.
 *
 * SDM vol. 1 8.1.8, 8.3 to 8.7, vol. 3A 2.5 (table 2-2), vol. 2A and 2B.
 */
#include "vmm/cpu/exec_fpu.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/str.h"

#define NO_STORE (FPU_IE | FPU_OE | FPU_UE) /* unmasked: nothing is stored */
#define STICKY   (FPU_ERRORS | FSW_SF)

typedef enum env_status x87_fn(struct exec *x, struct fpu *fpu);

enum env_status fpu_registers(struct exec *x, struct fpu **fpu)
{
    if (!x->env->fpu)
        return raise_plain(x, TRAP_UD);
    *fpu = x->env->fpu(x->env->ctx);
    return ENV_OK;
}

enum env_status fpu_available(struct exec *x, u32 mask)
{
    return x->cpu->cr0 & mask ? raise_plain(x, TRAP_NM) : ENV_OK;
}

enum env_status fpu_report(struct exec *x, const struct fpu *fpu, bool *held)
{
    *held = false;
    if (!fpu_error_waits(fpu))
        return ENV_OK;
    if (x->cpu->cr0 & CR0_NE)
        return raise_plain(x, TRAP_MF);
    if (x->env->fpu_error)
        x->env->fpu_error(x->env->ctx);
    x->next = x->cpu->eip;
    x->keep_rf = true;
    *held = true;
    return ENV_OK;
}

static u32 format_of(const struct exec *x)
{
    bool real = !(x->cpu->cr0 & CR0_PE) || (x->cpu->eflags & EFLAGS_VM);

    return (x->insn->opsize == 4 ? FPU_FORMAT_32 : FPU_FORMAT_16) |
           (real ? FPU_FORMAT_REAL : 0);
}

static enum env_status store_word(struct exec *x, u32 value)
{
    u8 bytes[2];

    put_le16(bytes, (u16)value);
    return ea_write(x, bytes, sizeof(bytes));
}

static enum env_status nothing(struct exec *x, struct fpu *fpu)
{
    return ENV_OK;
}

static enum env_status fninit(struct exec *x, struct fpu *fpu)
{
    fpu_init(fpu);
    return ENV_OK;
}

static enum env_status fnclex(struct exec *x, struct fpu *fpu)
{
    fpu_clear_errors(fpu);
    return ENV_OK;
}

static enum env_status fldcw(struct exec *x, struct fpu *fpu)
{
    u8 bytes[2];

    TRY(ea_read(x, bytes, sizeof(bytes), ACC_READ));
    fpu_load_control(fpu, get_le16(bytes));
    return ENV_OK;
}

static enum env_status fnstcw(struct exec *x, struct fpu *fpu)
{
    return store_word(x, fpu_word(fpu, FX_FCW));
}

static enum env_status fnstsw(struct exec *x, struct fpu *fpu)
{
    return store_word(x, fpu_word(fpu, FX_FSW));
}

static enum env_status fnstsw_ax(struct exec *x, struct fpu *fpu)
{
    reg_write(x->cpu, EAX, 2, fpu_word(fpu, FX_FSW));
    return ENV_OK;
}

static enum env_status fldenv(struct exec *x, struct fpu *fpu)
{
    u32 format = format_of(x);
    u8 bytes[FPU_ENV_MAX];

    TRY(ea_read(x, bytes, fpu_env_size(format), ACC_READ));
    fpu_env_put(fpu, format, bytes);
    return ENV_OK;
}

/* And masks all exceptions, for the handler that asks. */
static enum env_status fnstenv(struct exec *x, struct fpu *fpu)
{
    u32 format = format_of(x);
    u8 bytes[FPU_ENV_MAX];

    fpu_env_get(fpu, format, bytes);
    TRY(ea_write(x, bytes, fpu_env_size(format)));
    fpu_load_control(fpu, fpu_word(fpu, FX_FCW) | FPU_ERRORS);
    return ENV_OK;
}

static enum env_status frstor(struct exec *x, struct fpu *fpu)
{
    u32 format = format_of(x), env = fpu_env_size(format);
    u8 bytes[FPU_STATE_MAX];

    TRY(ea_read(x, bytes, env + 8 * FX_ST_BYTES, ACC_READ));
    fpu_env_put(fpu, format, bytes);
    fpu_stack_put(fpu, bytes + env);
    return ENV_OK;
}

static enum env_status fnsave(struct exec *x, struct fpu *fpu)
{
    u32 format = format_of(x), env = fpu_env_size(format);
    u8 bytes[FPU_STATE_MAX];

    fpu_env_get(fpu, format, bytes);
    fpu_stack_get(fpu, bytes + env);
    TRY(ea_write(x, bytes, env + 8 * FX_ST_BYTES));
    fpu_init(fpu);
    return ENV_OK;
}

static void note_instruction(const struct exec *x, struct fpu *fpu)
{
    const struct insn *insn = x->insn;

    fpu_set_word(fpu, FX_FOP, (insn->opcode & 7u) << 8 | insn->modrm);
    fpu_set_long(fpu, FX_FIP, x->cpu->eip);
    fpu_set_long(fpu, FX_FCS, x->cpu->seg[SEG_CS].sel);
    if (is_register(insn))
        return;
    fpu_set_long(fpu, FX_FDP, ea_offset(x->cpu, insn));
    fpu_set_long(fpu, FX_FDS, x->cpu->seg[insn->seg].sel);
}

static u32 stub_of(const struct insn *insn)
{
    u32 opcode = insn->opcode & 7;

    if (is_register(insn))
        return FPU_STUB_X87 + opcode * 64 + (insn->modrm & 63);
    return FPU_STUB_X87_MEM + opcode * 8 + insn->reg;
}

/* The exceptions this instruction raised, which were not masked. */
static u32 unmasked(const struct fpu *fpu)
{
    return fpu_word(fpu, FX_FSW) & ~(u32)fpu_word(fpu, FX_FCW) & FPU_ERRORS;
}

/* The x87 part of the state moves into the copy and, with the flags that were
 * there before, back again. The unit's own pointers stay out: they are those
 * of the stub and its operand, in the host. */
static void op_begin(const struct exec *x, const struct fpu *fpu,
                     struct fpu_op *op)
{
    op->unit = FPU_UNIT_X87;
    op->stub = stub_of(x->insn);
    op->eflags = x->cpu->eflags;
    memcpy(op->state.image, fpu->image, FX_XMM);
    memset(op->state.image + FX_XMM, 0, FX_SIZE - FX_XMM);
    fpu_clear_errors(&op->state);
    fpu_set_long(&op->state, FX_MXCSR, MXCSR_INIT);
}

static void op_commit(struct exec *x, struct fpu *fpu, struct fpu_op *op)
{
    u32 fsw = fpu_word(&op->state, FX_FSW) | (fpu_word(fpu, FX_FSW) & STICKY);
    struct cpu *cpu = x->cpu;

    memcpy(fpu->image, op->state.image, FX_FOP);
    memcpy(fpu->image + FX_ST, op->state.image + FX_ST, FX_XMM - FX_ST);
    fpu_set_word(fpu, FX_FSW, fsw);
    note_instruction(x, fpu);
    cpu->eflags =
        (cpu->eflags & ~(u32)EFLAGS_STATUS) | (op->eflags & EFLAGS_STATUS);
}

static enum env_status run(struct exec *x, struct fpu *fpu)
{
    u32 size = operand_bytes(x->insn, x->row->operand[0]);
    struct fpu_op op = {0};

    if (is_register(x->insn))
        size = 0;
    if (size && (x->row->arg & FPU_LOAD))
        TRY(ea_read(x, op.a, size, ACC_READ));
    op_begin(x, fpu, &op);
    x->env->fpu_run(x->env->ctx, &op);
    if (size && (x->row->arg & FPU_STORE) && !(unmasked(&op.state) & NO_STORE))
        TRY(ea_write(x, op.a, size));
    op_commit(x, fpu, &op);
    return ENV_OK;
}

static x87_fn *function_of(u16 op)
{
    switch (op) {
    case OP_FNENI:
    case OP_FNDISI:
    case OP_FNSETPM:
        return nothing;
    case OP_FNINIT:
        return fninit;
    case OP_FNCLEX:
        return fnclex;
    case OP_FLDCW:
        return fldcw;
    case OP_FNSTCW:
        return fnstcw;
    case OP_FNSTSW:
        return fnstsw;
    case OP_FNSTSW_AX:
        return fnstsw_ax;
    case OP_FLDENV:
        return fldenv;
    case OP_FNSTENV:
        return fnstenv;
    case OP_FRSTOR:
        return frstor;
    case OP_FNSAVE:
        return fnsave;
    default:
        return run;
    }
}

enum env_status exec_x87(struct exec *x)
{
    struct fpu *fpu;
    bool held;

    TRY(fpu_available(x, CR0_EM | CR0_TS));
    TRY(fpu_registers(x, &fpu));
    if (!(x->row->arg & FPU_NOWAIT)) {
        TRY(fpu_report(x, fpu, &held));
        if (held)
            return ENV_OK;
    }
    return function_of(x->insn->op)(x, fpu);
}

enum env_status exec_fwait(struct exec *x)
{
    struct fpu *fpu;
    bool held;

    if (x->cpu->cr0 & CR0_MP)
        TRY(fpu_available(x, CR0_TS));
    TRY(fpu_registers(x, &fpu));
    return fpu_report(x, fpu, &held);
}
