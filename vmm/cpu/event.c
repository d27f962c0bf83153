/* SPDX-License-Identifier: MIT
 *
 * Event delivery: the guest's own IDT, TSS and stack, by the book.
 *
 * One attempt is event_enter(): five environment calls at most on a guest
 * that has run for a while (gate, code descriptor, SS:ESP from the TSS, stack
 * descriptor, and the frame in one write), because the accessed bits are set
 * already. The frame is written last, so a page fault on the guest's stack
 * leaves the processor untouched but for CR2, which the CPU loads when a page
 * fault is found and not when its handler is entered.
 *
 * event_deliver() repeats with what event_combine() makes of a fault on the
 * way. A chain cannot be longer than benign, contributory, page fault, double
 * fault; a fifth attempt means that the environment invents benign faults,
 * and counts as shutdown too.
 *
 * RF: the pushed image has it set for fault-class exceptions, so that the
 * restarted instruction does not meet its own breakpoint again. #DB is left
 * as it is: whoever raises it knows whether it was a fault.
 *
 * A task gate switches to the task that it names, with the error code on that
 * task's stack: task.c.
 *
 * SDM vol. 3A 6.10 to 6.15, 17.3.1.1; INT n in vol. 2A.
 */
#include "vmm/cpu/event.h"
#include "arch/x86/defs/regs.h"
#include "vmm/cpu/seg_impl.h"
#include "vmm/cpu/task.h"

#define GATE_SIZE 8

#define TRAP_CONTRIBUTORY                                                      \
    (BIT(TRAP_DE) | BIT(TRAP_TS) | BIT(TRAP_NP) | BIT(TRAP_SS) | BIT(TRAP_GP))

struct gate gate_decode(u32 lo, u32 hi)
{
    u16 attr = desc_attr((struct desc){lo, hi});
    struct gate g = {
        .sel = (u16)(lo >> 16),
        .offset = lo & 0xffff,
        .type = attr & (ATTR_S | ATTR_TYPE),
        .dpl = attr_dpl(attr),
        .present = attr & ATTR_P,
    };

    if (g.type == SYS_INT32 || g.type == SYS_TRAP32 || g.type == SYS_CALL32)
        g.offset |= hi & 0xffff0000;
    return g;
}

static bool vector_in(u8 vector, u32 set)
{
    return vector < TRAP_EXCEPTIONS && (set & BIT(vector));
}

static bool gate_is_known(u8 type)
{
    return type == SYS_INT32 || type == SYS_TRAP32 || type == SYS_INT16 ||
           type == SYS_TRAP16 || type == SYS_TASK_GATE;
}

/* Reads the event's gate and makes every check on the gate itself. */
static enum env_status gate_read(const struct cpu *cpu,
                                 const struct cpu_env *env,
                                 const struct event *event, u32 ext,
                                 struct gate *out, struct fault *fault)
{
    u32 offset = event->fault.vector * GATE_SIZE;
    u32 error = offset | TRAP_ERR_IDT | ext;
    struct desc d;

    if (offset + GATE_SIZE - 1 > cpu->idtr.limit)
        return fail(fault, TRAP_GP, error);
    enum env_status status =
        env->read(env->ctx, gva(cpu->idtr.base + offset), &d, sizeof(d),
                  ACC_READ | ACC_SYSTEM, fault);
    if (status != ENV_OK)
        return status;
    *out = gate_decode(d.lo, d.hi);
    if (!gate_is_known(out->type))
        return fail(fault, TRAP_GP, error);
    if (event->kind == EVENT_SOFTWARE && out->dpl < cpu->cpl)
        return fail(fault, TRAP_GP, error);
    if (!out->present)
        return fail(fault, TRAP_NP, error);
    return ENV_OK;
}

static u32 pushed_eflags(const struct cpu *cpu, const struct event *event)
{
    bool is_fault =
        event->kind == EVENT_EXCEPTION && event_is_fault(event->fault.vector);
    return is_fault ? cpu->eflags | EFLAGS_RF : cpu->eflags;
}

/* The words the CPU pushes, from the last to the first. */
static void frame_build(const struct cpu *cpu, const struct event *event,
                        bool inner, struct frame *frame)
{
    if (event->kind == EVENT_EXCEPTION && event->fault.has_error)
        frame_add(frame, event->fault.error);
    frame_add(frame, cpu->eip);
    frame_add(frame, cpu->seg[SEG_CS].sel);
    frame_add(frame, pushed_eflags(cpu, event));
    if (!inner)
        return;
    frame_add(frame, cpu->gpr[ESP]);
    frame_add(frame, cpu->seg[SEG_SS].sel);
    if (cpu_mode(cpu) == MODE_V86)
        v86_frame(cpu, frame);
}

static enum env_status enter_task(struct cpu *cpu, const struct cpu_env *env,
                                  const struct event *event, u16 tss, u32 ext,
                                  struct fault *fault)
{
    struct task_switch how = {
        .cause = TASK_EVENT,
        .eip = cpu->eip,
        .eflags = pushed_eflags(cpu, event),
        .ext = ext,
        .has_error = event->kind == EVENT_EXCEPTION && event->fault.has_error,
        .error = event->fault.error,
    };

    return task_switch(cpu, env, tss, &how, fault);
}

enum env_status event_enter(struct cpu *cpu, const struct cpu_env *env,
                            const struct event *event, struct fault *fault)
{
    u32 ext = event->kind == EVENT_SOFTWARE ? 0 : TRAP_ERR_EXT;
    struct gate gate;
    struct entry e;
    struct frame frame;

    if (event->kind == EVENT_EXCEPTION && event->fault.vector == TRAP_PF)
        cpu->cr2 = event->fault.cr2;
    if (cpu_mode(cpu) == MODE_REAL)
        return real_event(cpu, env, event->fault.vector, fault);
    enum env_status status = gate_read(cpu, env, event, ext, &gate, fault);
    if (status != ENV_OK)
        return status;
    if (gate.type == SYS_TASK_GATE)
        return enter_task(cpu, env, event, gate.sel, ext, fault);
    e.eip = gate.offset;
    e.ext = ext;
    status = entry_by_gate(cpu, env, gate.sel, &e, fault);
    if (status != ENV_OK)
        return status;
    frame.unit = gate.type == SYS_INT32 || gate.type == SYS_TRAP32 ? 4 : 2;
    frame.size = 0;
    frame_build(cpu, event, entry_changes_ring(cpu, &e), &frame);
    status = entry_finish(cpu, env, &e, &frame, fault);
    if (status != ENV_OK)
        return status;
    if (cpu_mode(cpu) == MODE_V86)
        v86_leave(cpu);
    cpu->eflags &= ~(EFLAGS_TF | EFLAGS_NT | EFLAGS_RF | EFLAGS_VM);
    if (gate.type == SYS_INT32 || gate.type == SYS_INT16)
        cpu->eflags &= ~EFLAGS_IF;
    cpu->halted = 0;
    cpu->irq_shadow = 0;
    return ENV_OK;
}

bool event_combine(const struct event *first, const struct fault *second,
                   struct fault *out)
{
    u8 v1 = first->fault.vector;
    bool exception = first->kind == EVENT_EXCEPTION;
    bool contributory = vector_in(second->vector, TRAP_CONTRIBUTORY);
    bool severe = contributory || second->vector == TRAP_PF;

    *out = *second;
    if (!exception || !severe)
        return true;
    if (v1 == TRAP_DF)
        return false;
    if (v1 == TRAP_PF || (vector_in(v1, TRAP_CONTRIBUTORY) && contributory))
        *out = fault_error(TRAP_DF, 0);
    return true;
}

enum event_status event_deliver_chain(struct cpu *cpu,
                                      const struct cpu_env *env,
                                      const struct event *event, u8 *delivered,
                                      struct event_chain *chain)
{
    struct event now = *event;

    for (chain->failed = 0; chain->failed < EVENT_CHAIN;) {
        struct fault met;
        u32 switches = cpu->task_switches;
        enum env_status status = event_enter(cpu, env, &now, &met);
        if (status == ENV_STOP)
            return EVENT_STOPPED;
        if (status == ENV_OK) {
            if (delivered)
                *delivered = now.fault.vector;
            return EVENT_OK;
        }
        if (!chain->failed)
            chain->cpu = *cpu;
        if (met.vector == TRAP_PF)
            cpu->cr2 = met.cr2;
        chain->attempt[chain->failed++] =
            (struct event_attempt){now, met, cpu->task_switches != switches};
        if (!event_combine(&now, &met, &now.fault))
            return EVENT_TRIPLE;
        now.kind = EVENT_EXCEPTION;
    }
    return EVENT_TRIPLE;
}

enum event_status event_deliver(struct cpu *cpu, const struct cpu_env *env,
                                const struct event *event, u8 *delivered)
{
    struct event_chain chain;

    return event_deliver_chain(cpu, env, event, delivered, &chain);
}
