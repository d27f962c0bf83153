/* SPDX-License-Identifier: MIT
 *
 * The forms of instructions that compilers emit most, with their operands
 * found when the block was made: 32-bit registers, immediates and plain
 * memory. A handler of exec_*.c asks at each run what its operands are; these
 * know. Arithmetic is alu.c's and memory is reached as everywhere, so a form
 * says only where things come from and go to.
 *
 * Everything else, and what does not succeed at once, takes the handler's way.
 * Removable: threaded_form() returns null, and the handlers run them all.
 */
#include "vmm/cpu/alu.h"
#include "vmm/cpu/block_impl.h"

#define FORM(name)                                                             \
    static enum env_status name(struct exec_run *r, const struct block_op *op)

#define BEGIN(r, op)                                                           \
    if (!op_holds(r, op))                                                      \
        return ENV_OK;                                                         \
    (r)->x.insn = &(op)->insn

#define NEXT(r, op)                                                            \
    (r)->x.cpu->eip += (op)->insn.len;                                         \
    (r)->done++;                                                               \
    return (op)[1].run((r), (op) + 1)

static u32 *dst(const struct exec_run *r, const struct block_op *op)
{
    return &r->x.cpu->gpr[op->dst];
}

static u32 src(const struct exec_run *r, const struct block_op *op)
{
    return r->x.cpu->gpr[op->src];
}

static u32 arg(const struct block_op *op)
{
    return op_rows[op->insn.op].arg;
}

static enum env_status load(struct exec_run *r, const struct block_op *op,
                            u32 *value)
{
    u8 bytes[4];

    TRY(mem_read(&r->x, op->insn.seg, ea_offset(r->x.cpu, &op->insn), bytes, 4,
                 ACC_READ));
    *value = get_le32(bytes);
    return ENV_OK;
}

FORM(mov_register)
{
    BEGIN(r, op);
    *dst(r, op) = src(r, op);
    NEXT(r, op);
}

FORM(mov_immediate)
{
    BEGIN(r, op);
    *dst(r, op) = op->insn.imm;
    NEXT(r, op);
}

FORM(mov_load)
{
    BEGIN(r, op);
    TRY(load(r, op, dst(r, op)));
    if (disturbed(r))
        return done_one(r, op);
    NEXT(r, op);
}

FORM(mov_store)
{
    u8 bytes[4];

    BEGIN(r, op);
    put_le32(bytes, src(r, op));
    TRY(mem_write(&r->x, op->insn.seg, ea_offset(r->x.cpu, &op->insn), bytes,
                  4));
    if (disturbed(r))
        return done_one(r, op);
    NEXT(r, op);
}

FORM(alu_register)
{
    u32 *to = dst(r, op);

    BEGIN(r, op);
    *to = alu_binary(arg(op), *to, src(r, op), 4, &r->x.cpu->eflags);
    NEXT(r, op);
}

FORM(alu_immediate)
{
    u32 *to = dst(r, op);

    BEGIN(r, op);
    *to = alu_binary(arg(op), *to, op->insn.imm, 4, &r->x.cpu->eflags);
    NEXT(r, op);
}

FORM(alu_load)
{
    u32 *to = dst(r, op), value;

    BEGIN(r, op);
    TRY(load(r, op, &value));
    *to = alu_binary(arg(op), *to, value, 4, &r->x.cpu->eflags);
    if (disturbed(r))
        return done_one(r, op);
    NEXT(r, op);
}

FORM(compare_register)
{
    BEGIN(r, op);
    alu_binary(arg(op), *dst(r, op), src(r, op), 4, &r->x.cpu->eflags);
    NEXT(r, op);
}

FORM(compare_immediate)
{
    BEGIN(r, op);
    alu_binary(arg(op), *dst(r, op), op->insn.imm, 4, &r->x.cpu->eflags);
    NEXT(r, op);
}

FORM(unary_register)
{
    u32 *to = dst(r, op);

    BEGIN(r, op);
    *to = alu_unary(arg(op), *to, 4, &r->x.cpu->eflags);
    NEXT(r, op);
}

FORM(shift_immediate)
{
    u32 *to = dst(r, op);

    BEGIN(r, op);
    *to = alu_shift(arg(op), *to, op->insn.imm, 4, &r->x.cpu->eflags);
    NEXT(r, op);
}

FORM(lea)
{
    BEGIN(r, op);
    *dst(r, op) = ea_offset(r->x.cpu, &op->insn);
    NEXT(r, op);
}

/* The last of a block. A target beyond the limit of CS is the handler's. */
static enum env_status go(struct exec_run *r, const struct block_op *op,
                          u32 target)
{
    struct cpu *cpu = r->x.cpu;

    if (target > cpu->seg[SEG_CS].limit)
        return run_handler(r, op);
    cpu->eip = target;
    r->done++;
    return ENV_OK;
}

FORM(jcc)
{
    struct cpu *cpu = r->x.cpu;

    BEGIN(r, op);
    if (!alu_condition(arg(op), cpu->eflags))
        return done_one(r, op);
    return go(r, op, cpu->eip + op->insn.len + op->insn.imm);
}

FORM(jmp)
{
    BEGIN(r, op);
    return go(r, op, r->x.cpu->eip + op->insn.len + op->insn.imm);
}

/* Where an operand is, in the words of the table below. */
enum place { NOWHERE, REG, MEM, IMM };

static enum place place_of(const struct insn *insn, u32 kind)
{
    if (kind == O_E)
        return is_register(insn) ? REG : MEM;
    if (kind == O_G || kind == O_Z || kind == O_A)
        return REG;
    return kind == O_I || kind == O_IS || kind == O_IB ? IMM : NOWHERE;
}

static u8 register_of(const struct insn *insn, u32 kind)
{
    if (kind == O_A)
        return EAX;
    return kind == O_E ? insn->rm : insn->reg;
}

static const struct form {
    handler_fn *handler;
    enum place to, from;
    block_fn *run;
} forms[] = {
    {exec_mov, REG, REG, mov_register},
    {exec_mov, REG, IMM, mov_immediate},
    {exec_mov, REG, MEM, mov_load},
    {exec_mov, MEM, REG, mov_store},
    {exec_alu, REG, REG, alu_register},
    {exec_alu, REG, IMM, alu_immediate},
    {exec_alu, REG, MEM, alu_load},
    {exec_compare, REG, REG, compare_register},
    {exec_compare, REG, IMM, compare_immediate},
    {exec_unary, REG, NOWHERE, unary_register},
    {exec_shift, REG, IMM, shift_immediate},
};

static block_fn *branch_form(handler_fn *handler)
{
    if (handler == exec_jcc)
        return jcc;
    return handler == exec_jmp ? jmp : NULL;
}

block_fn *threaded_form(struct block_op *op)
{
    const struct insn *insn = &op->insn;
    const u8 *kind = op_rows[insn->op].operand;
    enum place to = place_of(insn, kind[0]), from = place_of(insn, kind[1]);

    if (insn->opsize != 4)
        return NULL;
    op->dst = register_of(insn, kind[0]);
    op->src = register_of(insn, kind[1]);
    if (op->handler == exec_lea)
        return lea;
    for (u32 i = 0; i < ARRAY_LEN(forms); i++) {
        if (forms[i].handler == op->handler && forms[i].to == to &&
            forms[i].from == from)
            return forms[i].run;
    }
    return branch_form(op->handler);
}
