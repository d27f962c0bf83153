/* SPDX-License-Identifier: MIT
 *
 * Far RET and IRET: going outwards, or staying in the ring.
 *
 * Both pop EIP and CS (IRET: EFLAGS too) and let the RPL of CS say whether
 * SS:ESP follows. An IRET to ring 3 costs two reads of the stack, CS's and
 * SS's descriptor, and no write; it is the hottest path of the VMM together
 * with event delivery.
 *
 * On the way out every data segment register that the outer ring may not
 * hold is nulled. When the outer stack is a 16-bit one, only SP is loaded and
 * the upper half of ESP stays: so does the real CPU.
 *
 * EFLAGS: IOPL changes at CPL 0 only, IF when CPL <= IOPL, both by the CPL
 * before the return. A 16-bit IRET leaves the upper half alone.
 *
 * A 32-bit IRET in ring 0 whose flags have VM set goes to virtual-8086 mode,
 * see v86.c.
 *
 * With NT set an IRET is a task switch, see task.c.
 *
 * SDM vol. 3A 5.8.6, 6.12.1.1; IRET and RET in vol. 2.
 */
#include "arch/x86/defs/regs.h"
#include "vmm/cpu/seg_impl.h"
#include "vmm/cpu/task.h"

/* What was popped, and where the rest stands. */
struct far_return {
    u32 eip;
    u16 cs;
    u32 opsize;
    u32 popped;  /* bytes of the stack used so far */
    u32 release; /* bytes of parameters behind them */
};

static const u8 data_segments[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};

/* Nulls what the new, outer CPL may not use: data and non-conforming code
 * with a DPL below it. */
static void null_inner_segments(struct cpu *cpu)
{
    for (size_t i = 0; i < ARRAY_LEN(data_segments); i++) {
        unsigned s = data_segments[i];
        u16 attr = cpu->seg[s].attr;
        if (!(attr & ATTR_S) || attr_is_conforming(attr) ||
            attr_dpl(attr) >= cpu->cpl)
            continue;
        cpu->seg[s] = (struct segment){0};
        cpu->seg_dirty |= BIT(s);
    }
}

static enum env_status check_return_code(const struct cpu *cpu,
                                         const struct cpu_env *env, u16 sel,
                                         struct segment *cs,
                                         struct fault *fault)
{
    enum env_status status = seg_read_code(cpu, env, sel, 0, cs, fault);

    if (status != ENV_OK)
        return status;
    u8 rpl = sel_rpl(sel);
    u8 dpl = attr_dpl(cs->attr);
    bool fits = cs->attr & ATTR_CONFORM ? dpl <= rpl : dpl == rpl;
    if (rpl < cpu->cpl || !fits)
        return fail(fault, TRAP_GP, sel_error(sel));
    if (!(cs->attr & ATTR_P))
        return fail(fault, TRAP_NP, sel_error(sel));
    return ENV_OK;
}

static enum env_status return_outer(struct cpu *cpu, const struct cpu_env *env,
                                    const struct far_return *r,
                                    struct segment *cs, struct fault *fault)
{
    struct segment ss;
    u8 raw[8];
    u8 cpl = sel_rpl(r->cs);
    enum env_status status = frame_read(cpu, env, r->popped + r->release, raw,
                                        2 * r->opsize, r->opsize, fault);

    if (status != ENV_OK)
        return status;
    status = seg_read_stack(cpu, env, (u16)frame_word(raw, 1, r->opsize), cpl,
                            TRAP_GP, 0, &ss, fault);
    if (status != ENV_OK)
        return status;
    if (!seg_holds(cs, r->eip, 1))
        return fail(fault, TRAP_GP, 0);
    status = seg_mark(cpu, env, cs, fault);
    if (status != ENV_OK)
        return status;

    u32 mask = stack_mask(&ss);
    u32 esp = frame_word(raw, 0, r->opsize) + r->release;
    cpu->gpr[ESP] = (cpu->gpr[ESP] & ~mask) | (esp & mask);
    cpu->seg[SEG_SS] = ss;
    cpu->seg_dirty |= BIT(SEG_SS);
    code_commit(cpu, cs, r->eip, cpl);
    null_inner_segments(cpu);
    return ENV_OK;
}

static enum env_status return_to(struct cpu *cpu, const struct cpu_env *env,
                                 const struct far_return *r,
                                 struct fault *fault)
{
    struct segment cs;
    enum env_status status = check_return_code(cpu, env, r->cs, &cs, fault);

    if (status != ENV_OK)
        return status;
    if (sel_rpl(r->cs) > cpu->cpl)
        return return_outer(cpu, env, r, &cs, fault);
    if (!seg_holds(&cs, r->eip, 1))
        return fail(fault, TRAP_GP, 0);
    status = seg_mark(cpu, env, &cs, fault);
    if (status != ENV_OK)
        return status;
    cpu->gpr[ESP] =
        stack_move(&cpu->seg[SEG_SS], cpu->gpr[ESP], r->popped + r->release);
    code_commit(cpu, &cs, r->eip, cpu->cpl);
    return ENV_OK;
}

enum env_status far_ret(struct cpu *cpu, const struct cpu_env *env, u32 opsize,
                        u32 release, struct fault *fault)
{
    u8 raw[8];

    if (cpu_mode(cpu) != MODE_PROTECTED)
        return real_ret(cpu, env, opsize, release, fault);
    enum env_status status =
        frame_read(cpu, env, 0, raw, 2 * opsize, opsize, fault);

    if (status != ENV_OK)
        return status;
    struct far_return r = {
        .eip = frame_word(raw, 0, opsize),
        .cs = (u16)frame_word(raw, 1, opsize),
        .opsize = opsize,
        .popped = 2 * opsize,
        .release = release,
    };
    return return_to(cpu, env, &r, fault);
}

u32 iret_mask(const struct cpu *cpu, u32 opsize)
{
    u32 mask = EFLAGS_STATUS | EFLAGS_TF | EFLAGS_DF | EFLAGS_NT;

    if (opsize == 4)
        mask |= EFLAGS_RF | EFLAGS_AC | EFLAGS_ID;
    if (cpu->cpl <= (cpu->eflags & EFLAGS_IOPL) >> EFLAGS_IOPL_SHIFT)
        mask |= EFLAGS_IF;
    if (cpu->cpl)
        return mask;
    mask |= EFLAGS_IOPL;
    if (opsize == 4 && cpu_mode(cpu) == MODE_PROTECTED)
        mask |= EFLAGS_VIF | EFLAGS_VIP;
    return mask;
}

enum env_status far_iret(struct cpu *cpu, const struct cpu_env *env, u32 opsize,
                         u32 next_eip, struct fault *fault)
{
    u8 raw[12];

    if (cpu_mode(cpu) != MODE_PROTECTED)
        return real_iret(cpu, env, opsize, fault);
    if (cpu->eflags & EFLAGS_NT)
        return task_return(cpu, env, next_eip, fault);
    enum env_status status =
        frame_read(cpu, env, 0, raw, 3 * opsize, opsize, fault);
    if (status != ENV_OK)
        return status;
    u32 eflags = frame_word(raw, 2, opsize);
    if (!cpu->cpl && (eflags & EFLAGS_VM))
        return v86_return(cpu, env, raw, fault);

    struct far_return r = {
        .eip = frame_word(raw, 0, opsize),
        .cs = (u16)frame_word(raw, 1, opsize),
        .opsize = opsize,
        .popped = 3 * opsize,
    };
    u32 mask = iret_mask(cpu, opsize);
    status = return_to(cpu, env, &r, fault);
    if (status == ENV_OK)
        cpu->eflags = (cpu->eflags & ~mask) | (eflags & mask);
    return status;
}
