/* SPDX-License-Identifier: MIT
 *
 * String instructions. One function does one iteration, check then commit;
 * REP repeats it until the count is used up, a condition stops it, something
 * faults, or STEP_REP_MAX is reached. Each finished iteration is final, and
 * an unfinished instruction leaves EIP on itself: a fault or an interrupt in
 * between restarts it where it stood (SDM vol. 2B REP).
 *
 * The source is in DS or its override, the destination always in ES.
 *
 * INS and OUTS with a device that gives or takes many data at once (a disk)
 * move up to a sector at a time, inside one page and where nothing can fault;
 * at any doubt the single iteration decides, and says what is wrong.
 */
#include "vmm/cpu/exec_string.h"
#include "arch/x86/defs/regs.h"
#include "vmm/cpu/alu.h"
#include "vmm/cpu/debug.h"
#include "vmm/cpu/exec_impl.h"

#define MANY_BYTES 512u /* moved at once; that costs as much as */
#define MANY_STEPS 32u  /* ... so many single iterations */
#define REP_EQUAL  0xf3 /* REPE goes on while ZF is set, REPNE while clear */

static u32 address(const struct exec *x, u32 reg)
{
    return reg_read(x->cpu, reg, x->insn->adsize);
}

static void advance(struct exec *x, u32 reg)
{
    u32 by = x->insn->opsize;

    if (x->cpu->eflags & EFLAGS_DF)
        by = -by;
    reg_write(x->cpu, reg, x->insn->adsize, x->cpu->gpr[reg] + by);
}

static enum env_status load_source(struct exec *x, u32 *value)
{
    u8 bytes[4] = {0};

    TRY(mem_read(x, x->insn->seg, address(x, ESI), bytes, x->insn->opsize,
                 ACC_READ));
    *value = get_le32(bytes);
    return ENV_OK;
}

static enum env_status load_target(struct exec *x, u32 access, u32 *value)
{
    u8 bytes[4] = {0};

    TRY(mem_read(x, SEG_ES, address(x, EDI), bytes, x->insn->opsize, access));
    *value = get_le32(bytes);
    return ENV_OK;
}

static enum env_status store_target(struct exec *x, u32 value)
{
    u8 bytes[4];

    put_le32(bytes, value);
    return mem_write(x, SEG_ES, address(x, EDI), bytes, x->insn->opsize);
}

static enum env_status movs(struct exec *x)
{
    u32 value;

    TRY(load_source(x, &value));
    TRY(store_target(x, value));
    advance(x, ESI);
    advance(x, EDI);
    return ENV_OK;
}

static enum env_status cmps(struct exec *x)
{
    u32 a, b;

    TRY(load_source(x, &a));
    TRY(load_target(x, ACC_READ, &b));
    alu_binary(ALU_SUB, a, b, x->insn->opsize, &x->cpu->eflags);
    advance(x, ESI);
    advance(x, EDI);
    return ENV_OK;
}

static enum env_status stos(struct exec *x)
{
    TRY(store_target(x, x->cpu->gpr[EAX]));
    advance(x, EDI);
    return ENV_OK;
}

static enum env_status lods(struct exec *x)
{
    u32 value;

    TRY(load_source(x, &value));
    reg_write(x->cpu, EAX, x->insn->opsize, value);
    advance(x, ESI);
    return ENV_OK;
}

static enum env_status scas(struct exec *x)
{
    u32 b;

    TRY(load_target(x, ACC_READ, &b));
    alu_binary(ALU_SUB, x->cpu->gpr[EAX], b, x->insn->opsize, &x->cpu->eflags);
    advance(x, EDI);
    return ENV_OK;
}

static enum env_status port_check(struct exec *x, u16 *port)
{
    *port = (u16)x->cpu->gpr[EDX];
    return io_allowed(x->cpu, x->env, *port, x->insn->opsize, fault_of(x));
}

/* The target is tried first: a port that was read cannot be unread. */
static enum env_status ins(struct exec *x)
{
    u32 size = x->insn->opsize, value;
    u16 port;

    TRY(port_check(x, &port));
    TRY(load_target(x, ACC_READ | ACC_WRITE, &value));
    TRY(store_target(x, x->env->in(x->env->ctx, port, size)));
    advance(x, EDI);
    return ENV_OK;
}

static enum env_status outs(struct exec *x)
{
    u32 value;
    u16 port;

    TRY(port_check(x, &port));
    TRY(load_source(x, &value));
    x->env->out(x->env->ctx, port, x->insn->opsize, value);
    advance(x, ESI);
    return ENV_OK;
}

static handler_fn *const once[] = {
    [STRING_MOVS] = movs, [STRING_CMPS] = cmps, [STRING_STOS] = stos,
    [STRING_LODS] = lods, [STRING_SCAS] = scas, [STRING_INS] = ins,
    [STRING_OUTS] = outs,
};

/* REPE and REPNE of CMPS and SCAS stop at a difference, or a match. */
static bool condition_stops(const struct exec *x)
{
    bool equal = x->cpu->eflags & EFLAGS_ZF;

    return (x->row->flags & OPF_REPCC) == OPF_REPCC &&
           equal != (x->insn->rep == REP_EQUAL);
}

/* How many data from there on are together in one page, and in a segment
 * whose offsets do not wrap. */
static u32 together(const struct exec *x, u32 seg, u32 reg, u32 count)
{
    u32 offset = address(x, reg);
    u32 room = PAGE_SIZE - ((x->cpu->seg[seg].base + offset) & PAGE_MASK);

    if (x->insn->adsize == 2)
        room = min_u32(room, 0x10000 - offset);
    return min_u32(count, min_u32(room, MANY_BYTES) / x->insn->opsize);
}

static u32 many_in(struct exec *x, u16 port, u32 count)
{
    u32 size = x->insn->opsize, n = together(x, SEG_ES, EDI, count);
    u8 bytes[MANY_BYTES];

    if (!n || mem_read(x, SEG_ES, address(x, EDI), bytes, n * size,
                       ACC_READ | ACC_WRITE) != ENV_OK)
        return 0;
    n = x->env->in_many(x->env->ctx, port, size, bytes, n);
    if (n)
        mem_write(x, SEG_ES, address(x, EDI), bytes, n * size);
    return n;
}

static u32 many_out(struct exec *x, u16 port, u32 count)
{
    u32 size = x->insn->opsize, n = together(x, x->insn->seg, ESI, count);
    u8 bytes[MANY_BYTES];

    if (!n || mem_read(x, x->insn->seg, address(x, ESI), bytes, n * size,
                       ACC_READ) != ENV_OK)
        return 0;
    return x->env->out_many(x->env->ctx, port, size, bytes, n);
}

static bool may_be_many(const struct exec *x)
{
    u32 what = x->row->arg;

    return (what == STRING_INS || what == STRING_OUTS) && x->env->in_many &&
           !(x->cpu->eflags & EFLAGS_DF) && !debug_armed(x->cpu) &&
           !alignment_matters(x->cpu);
}

/* Some iterations at once; 0: they must be done singly. */
static u32 many(struct exec *x, u32 count)
{
    bool in = x->row->arg == STRING_INS;
    u32 reg = in ? EDI : ESI, n;
    u16 port;

    if (port_check(x, &port) != ENV_OK)
        return 0;
    n = in ? many_in(x, port, count) : many_out(x, port, count);
    if (n)
        reg_write(x->cpu, reg, x->insn->adsize,
                  x->cpu->gpr[reg] + n * x->insn->opsize);
    return n;
}

/* CMPS and SCAS that fault are begun anew, with the flags they began with (SDM
 * vol. 2B REP). */
static enum env_status iterate(struct exec *x, handler_fn *one, u32 flags)
{
    enum env_status status = one(x);

    if (status == ENV_FAULT)
        x->cpu->eflags = flags;
    return status;
}

/* A debug trap comes after each iteration. What comes in between finds RF set,
 * so that the rest does not meet the instruction's breakpoint again (SDM vol.
 * 3B 17.3.1.1). */
static enum env_status repeat(struct exec *x, handler_fn *one)
{
    u32 most = debug_armed(x->cpu) ? 1 : STEP_REP_MAX, flags = x->cpu->eflags;
    bool try_many = may_be_many(x);

    for (u32 i = 0; i < most; i++) {
        u32 count = address(x, ECX), done = 0;
        if (!count)
            return ENV_OK;
        if (try_many)
            done = many(x, count);
        try_many = done;
        if (done)
            i += MANY_STEPS - 1;
        else
            TRY(iterate(x, one, flags));
        count -= max_u32(done, 1);
        reg_write(x->cpu, ECX, x->insn->adsize, count);
        if (!count || condition_stops(x))
            return ENV_OK;
        if (x->env->enough && *x->env->enough)
            break;
    }
    x->next = x->cpu->eip;
    x->cpu->eflags |= EFLAGS_RF;
    x->keep_rf = true;
    return ENV_OK;
}

enum env_status exec_string(struct exec *x)
{
    handler_fn *one = once[x->row->arg];

    return x->insn->rep ? repeat(x, one) : one(x);
}
