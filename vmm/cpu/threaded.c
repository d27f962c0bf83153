/* SPDX-License-Identifier: MIT
 *
 * Running blocks: direct threading. Each pre-decoded instruction holds the
 * function that runs it, and that function ends by calling the next one's;
 * the compiler makes a jump of the call, so there is no loop and no table
 * between two instructions, and the processor predicts each such jump by
 * itself. (Where it is a call, without optimisation, the depth is that of a
 * block.)
 *
 * What an instruction does is said once, by the handlers that cpu_step() calls,
 * too. A row is *quiet* when its handler can change nothing that the caller
 * must look at before the next instruction: not IF, TF, IOPL, the privilege
 * level, the mode or the interrupt shadow. What is not quiet ends the block and
 * the run, and has all its checks made each time. Branches end a block but
 * not the run.
 *
 * Behind an instruction that touches memory, translations may have changed and
 * a device may have been touched: then the run is over, too.
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "vmm/base/str.h"
#include "vmm/cpu/block_impl.h"
#include "vmm/cpu/debug.h"

#define NEXT(r, op) return (op)[1].run((r), (op) + 1)

static handler_fn *const quiet[] = {
    exec_alu,      exec_compare,      exec_unary,   exec_shift,
    exec_shift2,   exec_mul,          exec_imul2,   exec_imul3,
    exec_div,      exec_bcd,          exec_bit_reg, exec_bit_imm,
    exec_bit_scan, exec_nop,          exec_mov,     exec_movsx,
    exec_lea,      exec_xlat,         exec_xchg,    exec_cmpxchg,
    exec_xadd,     exec_bswap,        exec_setcc,   exec_cmov,
    exec_cbw,      exec_cwd,          exec_salc,    exec_sahf,
    exec_lahf,     exec_cmc,          exec_clc,     exec_stc,
    exec_cld,      exec_std,          exec_string,  exec_push,
    exec_pop,      exec_pusha,        exec_popa,    exec_enter,
    exec_leave,    exec_push_seg,     exec_x87,     exec_cmpxchg8b,
    exec_mmx,      exec_sse,          exec_fwait,   exec_emms,
    exec_pushf,    exec_mov_from_seg,
};

static handler_fn *const branches[] = {
    exec_jmp,  exec_jmp_to, exec_jcc,     exec_loop,
    exec_jcxz, exec_call,   exec_call_to, exec_ret,
};

/* Those quiet ones that reach memory without a modrm byte that says so, or
 * other things outside the processor. */
static handler_fn *const reaching[] = {
    exec_xlat,  exec_string, exec_push,     exec_pop,   exec_pusha, exec_popa,
    exec_enter, exec_leave,  exec_push_seg, exec_pushf, exec_x87,   exec_mmx,
    exec_sse,   exec_fwait,  exec_emms,     exec_call,  exec_ret,
};

static bool is_in(handler_fn *fn, handler_fn *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i] == fn)
            return true;
    }
    return false;
}

#define IS_IN(fn, list) is_in(fn, list, ARRAY_LEN(list))

static enum env_status run_register(struct exec_run *r,
                                    const struct block_op *op)
{
    if (!op_holds(r, op))
        return ENV_OK;
    TRY(run_handler(r, op));
    NEXT(r, op);
}

static enum env_status run_memory(struct exec_run *r, const struct block_op *op)
{
    if (!op_holds(r, op))
        return ENV_OK;
    TRY(run_handler(r, op));
    if (disturbed(r))
        return ENV_OK;
    NEXT(r, op);
}

/* Up to STEP_REP_MAX times the work: the caller counts it as he likes. */
static enum env_status run_repeated(struct exec_run *r,
                                    const struct block_op *op)
{
    if (!op_holds(r, op))
        return ENV_OK;
    TRY(run_handler(r, op));
    r->asks = true;
    return ENV_OK;
}

static const struct block_op *op_of(const struct insn *insn)
{
    return (const void *)((const u8 *)insn - offsetof(struct block_op, insn));
}

/* The instruction, as cpu_step() would tell of it. */
static void tell(const struct exec_run *r, struct step *out)
{
    const struct block_op *op = op_of(r->x.insn);

    out->decoded = true;
    out->insn = op->insn;
    out->count = op->insn.len;
    memcpy(out->bytes, r->code + op->at, out->count);
}

/* Not quiet. */
static enum env_status run_last(struct exec_run *r, const struct block_op *op)
{
    if (!op_holds(r, op))
        return ENV_OK;
    r->x.insn = &op->insn;
    TRY(exec_decoded(&r->x));
    r->done++;
    if (r->blocks->tells)
        tell(r, r->x.out);
    r->asks = true;
    return ENV_OK;
}

enum env_status threaded_end(struct exec_run *r, const struct block_op *op)
{
    return ENV_OK;
}

static bool has_memory(const struct insn *insn, handler_fn *fn)
{
    const u8 *operand = op_rows[insn->op].operand;

    return IS_IN(fn, reaching) || operand[0] == O_O || operand[1] == O_O ||
           (insn->has_modrm && !is_register(insn));
}

block_fn *threaded_fn(struct block_op *op, bool *ends)
{
    const struct insn *insn = &op->insn;
    const struct op_row *row = &op_rows[insn->op];
    bool branch = IS_IN(op->handler, branches);
    block_fn *form;

    *ends = branch || insn->rep;
    if (row->rule != RULE_ANY || (row->flags & OPF_PROTECTED) ||
        !(branch || IS_IN(op->handler, quiet))) {
        *ends = true;
        return run_last;
    }
    if (insn->rep)
        return run_repeated;
    form = threaded_form(op);
    if (form)
        return form;
    return has_memory(insn, op->handler) ? run_memory : run_register;
}

/* Where the code at this linear address lies; null: a fetch would fault, or
 * there is no memory. */
static const u8 *find_code(struct exec_run *r, gva_t at)
{
    const struct cpu_env *env = r->x.env;
    const u8 *code;

    if (r->page && (at.v & ~PAGE_MASK) == r->page_at &&
        r->changes == *r->blocks->changes)
        return r->page + (at.v & PAGE_MASK);
    code = env->code(env->ctx, at);
    r->page = code ? code - (at.v & PAGE_MASK) : NULL;
    r->page_at = at.v & ~PAGE_MASK;
    r->changes = *r->blocks->changes;
    return code;
}

/* May all of it be fetched? */
static bool holds_block(const struct cpu *cpu, const struct block *block)
{
    const struct segment *cs = &cpu->seg[SEG_CS];
    struct fault ignored;
    gva_t at;

    if (cs->limit == 0xffffffff && (cs->attr & ATTR_P) &&
        (cs->attr & ATTR_CODE) && cpu->eip <= 0u - block->bytes)
        return true;
    return seg_linear(cpu, SEG_CS, cpu->eip, block->bytes, ACC_FETCH, &at,
                      &ignored) == ENV_OK;
}

/* The block that EIP stands at; null: not for blocks. */
static const struct block *here(struct exec_run *r, struct blocks *b)
{
    const struct cpu *cpu = r->x.cpu;
    const struct segment *cs = &cpu->seg[SEG_CS];
    gva_t at = gva(cs->base + cpu->eip);
    const struct block *block;

    r->code = find_code(r, at);
    if (!r->code)
        return NULL;
    block = block_find(b, r->code, PAGE_SIZE - (at.v & PAGE_MASK),
                       (cs->attr & ATTR_DB) != 0);
    if (!block || !block->count || !holds_block(cpu, block))
        return NULL;
    return block;
}

/* Nothing is to be looked for behind each instruction, nor behind the next: a
 * trap, an interrupt that waits for the shadow of STI. Quiet instructions
 * leave it so, but that a string instruction in the middle sets RF. */
static bool is_plain(const struct cpu *cpu)
{
    return !debug_armed(cpu) && !cpu->irq_shadow;
}

static bool goes_on(const struct exec_run *r, u32 budget)
{
    return !r->asks && r->done < budget && !*r->blocks->leave &&
           !(r->x.cpu->eflags & EFLAGS_RF);
}

enum step_status blocks_run(struct blocks *b, struct cpu *cpu,
                            const struct cpu_env *env, struct step *out,
                            u32 budget, u32 *done)
{
    struct exec_run r = {.x = {.cpu = cpu, .env = env, .out = out},
                         .blocks = b};
    enum env_status status = ENV_OK;
    enum step_status alone;

    out->decoded = false;
    out->software_int = false;
    out->trap = false;
    r.asks = !is_plain(cpu);
    while (goes_on(&r, budget)) {
        const struct block *block = here(&r, b);
        if (!block)
            break;
        status = block->op[0].run(&r, &block->op[0]);
        if (status != ENV_OK) {
            tell(&r, out);
            break;
        }
    }
    if (out->software_int)
        out->insn = *r.x.insn;
    *done = r.done;
    if (r.done || status != ENV_OK)
        return exec_status(&r.x, status);
    alone = cpu_step(cpu, env, out);
    *done = alone == STEP_OK;
    return alone;
}
