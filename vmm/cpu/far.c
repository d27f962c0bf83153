/* SPDX-License-Identifier: MIT
 *
 * Far JMP and CALL, call gates, and what an interrupt gate shares with them.
 *
 * Going inwards is always the same dance: judge the code segment, find the
 * stack (the current one, or the inner ring's from the TSS), see that the
 * frame fits, that the new EIP lies in its segment, write the frame, and only
 * then change the processor. `struct entry` carries what was found from step
 * to step; entry_finish() is the only place that commits. Returns, the other
 * direction, are in farret.c.
 *
 * CS gets the new CPL as its RPL, whatever the selector said. A conforming
 * segment runs at the caller's CPL. Only ring 0 can be entered from
 * virtual-8086 mode.
 *
 * A TSS or a task gate as the target is a hardware task switch: task.c.
 *
 * SDM vol. 3A 5.8; CALL and JMP in vol. 2A.
 */
#include "vmm/cpu/seg_impl.h"
#include "vmm/cpu/task.h"

#define GATE_PARAMS 0x1f /* in a call gate's second word */

/* Gates, and TSSs that are free. */
#define TASK_TYPES                                                             \
    (BIT(SYS_TASK_GATE) | BIT(SYS_TSS16_FREE) | BIT(SYS_TSS32_FREE))
#define TARGET_TYPES (TASK_TYPES | BIT(SYS_CALL16) | BIT(SYS_CALL32))

void code_commit(struct cpu *cpu, const struct segment *cs, u32 eip, u8 cpl)
{
    cpu->seg[SEG_CS] = *cs;
    cpu->seg[SEG_CS].sel = sel_with_rpl(cs->sel, cpl);
    cpu->seg_dirty |= BIT(SEG_CS);
    cpu->eip = eip;
    cpu->cpl = cpl;
}

void entry_keep_stack(const struct cpu *cpu, struct entry *e)
{
    e->cpl = cpu->cpl;
    e->stack.ss = cpu->seg[SEG_SS];
    e->stack.esp = cpu->gpr[ESP];
    e->stack.access = 0;
    e->stack.error = e->ext;
}

enum env_status entry_by_gate(const struct cpu *cpu, const struct cpu_env *env,
                              u16 sel, struct entry *e, struct fault *fault)
{
    enum env_status status =
        seg_read_code(cpu, env, sel, e->ext, &e->cs, fault);

    if (status != ENV_OK)
        return status;
    u8 dpl = attr_dpl(e->cs.attr);
    if (dpl > cpu->cpl)
        return fail(fault, TRAP_GP, sel_error(sel) | e->ext);
    if (!(e->cs.attr & ATTR_P))
        return fail(fault, TRAP_NP, sel_error(sel) | e->ext);
    if (cpu_mode(cpu) == MODE_V86 && (dpl || (e->cs.attr & ATTR_CONFORM)))
        return fail(fault, TRAP_GP, sel_error(sel) | e->ext);
    if (dpl == cpu->cpl || (e->cs.attr & ATTR_CONFORM)) {
        entry_keep_stack(cpu, e);
        return ENV_OK;
    }
    e->cpl = dpl;
    return stack_inner(cpu, env, dpl, e->ext, &e->stack, fault);
}

enum env_status entry_finish(struct cpu *cpu, const struct cpu_env *env,
                             struct entry *e, const struct frame *frame,
                             struct fault *fault)
{
    enum env_status status = frame_check(cpu, &e->stack, frame, fault);

    if (status != ENV_OK)
        return status;
    if (!seg_holds(&e->cs, e->eip, 1))
        return fail(fault, TRAP_GP, e->ext);
    status = seg_mark(cpu, env, &e->cs, fault);
    if (status != ENV_OK)
        return status;
    status = frame_write(env, &e->stack, frame, fault);
    if (status != ENV_OK)
        return status;
    if (entry_changes_ring(cpu, e)) {
        cpu->seg[SEG_SS] = e->stack.ss;
        cpu->seg_dirty |= BIT(SEG_SS);
    }
    cpu->gpr[ESP] = e->stack.esp;
    code_commit(cpu, &e->cs, e->eip, e->cpl);
    return ENV_OK;
}

/* What the selector of a far JMP or CALL names. */
struct target {
    struct desc d;
    bool is_gate;
    struct segment cs; /* not a gate */
};

/* A code segment entered directly keeps the CPL. */
static enum env_status check_direct(const struct cpu *cpu,
                                    const struct segment *cs,
                                    struct fault *fault)
{
    u8 dpl = attr_dpl(cs->attr);
    bool allowed = cs->attr & ATTR_CONFORM
                       ? dpl <= cpu->cpl
                       : dpl == cpu->cpl && sel_rpl(cs->sel) <= cpu->cpl;

    if (!allowed)
        return fail(fault, TRAP_GP, sel_error(cs->sel));
    if (!(cs->attr & ATTR_P))
        return fail(fault, TRAP_NP, sel_error(cs->sel));
    return ENV_OK;
}

static enum env_status check_gate(const struct cpu *cpu, u16 sel, u16 attr,
                                  struct fault *fault)
{
    u16 type = attr & (ATTR_S | ATTR_TYPE);

    if (type >= ATTR_S || !(TARGET_TYPES >> type & 1))
        return fail(fault, TRAP_GP, sel_error(sel));
    if (attr_dpl(attr) < cpu->cpl || attr_dpl(attr) < sel_rpl(sel))
        return fail(fault, TRAP_GP, sel_error(sel));
    if (!(attr & ATTR_P))
        return fail(fault, TRAP_NP, sel_error(sel));
    return ENV_OK;
}

static enum env_status target_read(const struct cpu *cpu,
                                   const struct cpu_env *env, u16 sel,
                                   struct target *t, struct fault *fault)
{
    if (sel_is_null(sel))
        return fail(fault, TRAP_GP, 0);
    enum env_status status = desc_read(cpu, env, sel, TRAP_GP, 0, &t->d, fault);
    if (status != ENV_OK)
        return status;
    t->is_gate = !desc_is_code(t->d);
    if (t->is_gate)
        return check_gate(cpu, sel, desc_attr(t->d), fault);
    t->cs = desc_segment(sel, t->d);
    return check_direct(cpu, &t->cs, fault);
}

static u32 gate_unit(struct desc d)
{
    return (desc_attr(d) & ATTR_TYPE) == SYS_CALL32 ? 4 : 2;
}

static u16 gate_sel(struct desc d)
{
    return (u16)(d.lo >> 16);
}

static u32 gate_offset(struct desc d)
{
    u32 low = d.lo & 0xffff;
    return gate_unit(d) == 4 ? (d.hi & 0xffff0000) | low : low;
}

static bool is_task(struct desc d)
{
    return TASK_TYPES >> (desc_attr(d) & ATTR_TYPE) & 1;
}

/* The selector is that of a TSS, or of a task gate that names one. */
static enum env_status far_task(struct cpu *cpu, const struct cpu_env *env,
                                u16 sel, struct desc d, enum task_cause cause,
                                u32 next_eip, struct fault *fault)
{
    struct task_switch how = {
        .cause = cause,
        .eip = next_eip,
        .eflags = cpu->eflags & ~EFLAGS_RF,
    };

    if ((desc_attr(d) & ATTR_TYPE) == SYS_TASK_GATE)
        sel = gate_sel(d);
    return task_switch(cpu, env, sel, &how, fault);
}

/* A JMP through a gate never changes the ring; its selector's RPL is not
 * looked at. */
static enum env_status jmp_gate_target(const struct cpu *cpu,
                                       const struct cpu_env *env,
                                       struct target *t, struct fault *fault)
{
    enum env_status status =
        seg_read_code(cpu, env, gate_sel(t->d), 0, &t->cs, fault);

    if (status != ENV_OK)
        return status;
    struct segment as_seen = t->cs;
    as_seen.sel = sel_with_rpl(as_seen.sel, 0);
    return check_direct(cpu, &as_seen, fault);
}

enum env_status far_jmp(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                        u32 offset, u32 opsize, u32 next_eip,
                        struct fault *fault)
{
    struct target t;
    u32 eip = offset & mask_bytes(opsize);

    if (cpu_mode(cpu) != MODE_PROTECTED)
        return real_jmp(cpu, sel, eip, fault);
    enum env_status status = target_read(cpu, env, sel, &t, fault);

    if (status != ENV_OK)
        return status;
    if (t.is_gate && is_task(t.d))
        return far_task(cpu, env, sel, t.d, TASK_JMP, next_eip, fault);
    if (t.is_gate) {
        eip = gate_offset(t.d);
        status = jmp_gate_target(cpu, env, &t, fault);
        if (status != ENV_OK)
            return status;
    }
    if (!seg_holds(&t.cs, eip, 1))
        return fail(fault, TRAP_GP, 0);
    status = seg_mark(cpu, env, &t.cs, fault);
    if (status == ENV_OK)
        code_commit(cpu, &t.cs, eip, cpu->cpl);
    return status;
}

/* Copies the gate's parameters from the caller's stack. */
static enum env_status add_params(const struct cpu *cpu,
                                  const struct cpu_env *env, struct desc gate,
                                  struct frame *frame, struct fault *fault)
{
    u32 size = (gate.hi & GATE_PARAMS) * frame->unit;

    if (!size)
        return ENV_OK;
    enum env_status status = frame_read(cpu, env, 0, frame->bytes + frame->size,
                                        size, frame->unit, fault);
    frame->size += size;
    return status;
}

static enum env_status call_gate(struct cpu *cpu, const struct cpu_env *env,
                                 struct desc gate, u32 next_eip,
                                 struct fault *fault)
{
    struct entry e = {.eip = gate_offset(gate)};
    struct frame frame;
    enum env_status status = entry_by_gate(cpu, env, gate_sel(gate), &e, fault);

    if (status != ENV_OK)
        return status;
    frame.unit = gate_unit(gate);
    frame.size = 0;
    frame_add(&frame, next_eip);
    frame_add(&frame, cpu->seg[SEG_CS].sel);
    if (entry_changes_ring(cpu, &e)) {
        status = add_params(cpu, env, gate, &frame, fault);
        if (status != ENV_OK)
            return status;
        frame_add(&frame, cpu->gpr[ESP]);
        frame_add(&frame, cpu->seg[SEG_SS].sel);
    }
    return entry_finish(cpu, env, &e, &frame, fault);
}

enum env_status far_call(struct cpu *cpu, const struct cpu_env *env, u16 sel,
                         u32 offset, u32 opsize, u32 next_eip,
                         struct fault *fault)
{
    struct target t;
    struct entry e = {.eip = offset & mask_bytes(opsize)};
    struct frame frame;

    if (cpu_mode(cpu) != MODE_PROTECTED)
        return real_call(cpu, env, sel, e.eip, opsize, next_eip, fault);
    enum env_status status = target_read(cpu, env, sel, &t, fault);

    if (status != ENV_OK)
        return status;
    if (t.is_gate && is_task(t.d))
        return far_task(cpu, env, sel, t.d, TASK_CALL, next_eip, fault);
    if (t.is_gate)
        return call_gate(cpu, env, t.d, next_eip, fault);
    e.cs = t.cs;
    entry_keep_stack(cpu, &e);
    frame.unit = opsize;
    frame.size = 0;
    frame_add(&frame, next_eip);
    frame_add(&frame, cpu->seg[SEG_CS].sel);
    return entry_finish(cpu, env, &e, &frame, fault);
}
