/* SPDX-License-Identifier: MIT
 *
 * See exec.h. cpu_step() fetches, decodes, makes the checks that ops.def
 * states for a whole row (LOCK, memory form, privilege), and calls the row's
 * handler. EIP, RF and the interrupt shadow are its own business; everything
 * else belongs to handlers in exec_*.c.
 *
 * Bytes are fetched in at most two pieces: to the end of the page, and only
 * if the instruction goes on there, the rest.
 *
 * SDM vol. 2A 2.1 (LOCK, length), vol. 3A 5.9 (privileged instructions).
 */
#include "vmm/cpu/exec.h"
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/cpu/exec_impl.h"

static handler_fn *const handlers[OP_COUNT] = {
#define ROW(id, name, a, b, c, width, class, rule, undef, flag, fn, arg)       \
    [OP_##id] = exec_##fn,
#include "vmm/cpu/ops.def"
};

static bool code32(const struct cpu *cpu)
{
    return cpu->seg[SEG_CS].attr & ATTR_DB;
}

/* Appends up to `want` instruction bytes, no further than this page and the
 * limit of CS. Past the limit is #GP(0). */
static enum env_status fetch(struct exec *x, u32 want)
{
    const struct segment *cs = &x->cpu->seg[SEG_CS];
    struct step *out = x->out;
    u32 eip = x->cpu->eip + out->count;
    u32 in_page = PAGE_SIZE - ((cs->base + eip) & PAGE_MASK);
    u32 size = min_u32(want, in_page);
    gva_t at;

    if (eip <= cs->limit)
        size = (u32)min_u64(size, (u64)cs->limit - eip + 1);
    TRY(seg_linear(x->cpu, SEG_CS, eip, size, ACC_FETCH, &at, fault_of(x)));
    TRY(x->env->read(x->env->ctx, at, out->bytes + out->count, size, ACC_FETCH,
                     fault_of(x)));
    out->count += (u8)size;
    return ENV_OK;
}

static enum env_status fetch_decode(struct exec *x)
{
    struct step *out = x->out;
    enum decode_status status;

    out->count = 0;
    for (;;) {
        TRY(fetch(x, INSN_MAX - out->count));
        status =
            insn_decode(out->bytes, out->count, code32(x->cpu), &out->insn);
        if (status == DECODE_OK)
            return ENV_OK;
        if (status == DECODE_LONG)
            return raise_error(x, TRAP_GP, 0);
        if (status == DECODE_UD)
            return raise_plain(x, TRAP_UD);
    }
}

static enum env_status only_ring0(struct exec *x)
{
    return x->cpu->cpl ? raise_error(x, TRAP_GP, 0) : ENV_OK;
}

static enum env_status only_iopl(struct exec *x)
{
    return x->cpu->cpl > iopl_of(x->cpu) ? raise_error(x, TRAP_GP, 0) : ENV_OK;
}

static enum env_status check_rule(struct exec *x)
{
    switch (x->row->rule) {
    case RULE_ANY:
        return ENV_OK;
    case RULE_CPL0:
        return only_ring0(x);
    case RULE_IOPL:
        return only_iopl(x);
    case RULE_UMIP:
        return x->cpu->cr4 & CR4_UMIP ? only_ring0(x) : ENV_OK;
    case RULE_TSD:
        return x->cpu->cr4 & CR4_TSD ? only_ring0(x) : ENV_OK;
    case RULE_PCE:
        return x->cpu->cr4 & CR4_PCE ? ENV_OK : only_ring0(x);
    default:
        return raise_plain(x, TRAP_UD);
    }
}

/* What is about selectors of protected mode is not there in other modes. */
static bool in_this_mode(const struct exec *x)
{
    return !(x->row->flags & OPF_PROTECTED) ||
           cpu_mode(x->cpu) == MODE_PROTECTED;
}

static enum env_status execute(struct exec *x)
{
    if (!insn_valid(x->insn) || !in_this_mode(x))
        return raise_plain(x, TRAP_UD);
    TRY(check_rule(x));
    return handlers[x->insn->op](x);
}

handler_fn *exec_handler(u16 op)
{
    return handlers[op];
}

enum env_status exec_decoded(struct exec *x)
{
    u32 tasks = x->cpu->task_switches;

    x->out->decoded = true;
    x->out->eip = x->cpu->eip;
    x->out->cpl = x->cpu->cpl;
    x->row = &op_rows[x->insn->op];
    x->next = x->cpu->eip + x->insn->len;
    TRY(execute(x));
    if (!x->keep_rf && x->cpu->task_switches == tasks)
        x->cpu->eflags &= ~EFLAGS_RF;
    x->cpu->eip = x->next;
    return ENV_OK;
}

enum step_status exec_status(const struct exec *x, enum env_status status)
{
    if (status == ENV_OK)
        return STEP_OK;
    return status == ENV_STOP ? STEP_STOP : STEP_FAULT;
}

enum step_status cpu_step(struct cpu *cpu, const struct cpu_env *env,
                          struct step *out)
{
    struct exec x = {.cpu = cpu, .env = env, .insn = &out->insn, .out = out};
    enum env_status status;

    x.shadow = cpu->irq_shadow;
    cpu->irq_shadow = 0;
    out->decoded = false;
    out->software_int = false;
    status = fetch_decode(&x);
    if (status == ENV_OK)
        status = exec_decoded(&x);
    return exec_status(&x, status);
}
