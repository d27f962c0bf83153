/* SPDX-License-Identifier: MIT
 *
 * See probe.h: the instructions that must be looked at one by one, those of a
 * VM that steps and those in pages with breakpoints.
 *
 * A page with a breakpoint is never executed by the bare CPU, and never by
 * blocks: whoever comes there is taken over by probe_run(), instruction by
 * instruction, until EIP has left the page. So EFLAGS.RF is always exact where
 * it matters, though processors set it in the image that an exit leaves
 * behind: the guest arrived by an instruction that was completed, which
 * clears it.
 *
 * A VM that goes on passes the breakpoint that it stands at. RF would say so
 * to the processor, but the guest might see it, and it would hold off the
 * guest's own breakpoint, too. So the place is kept here, with ESP and CR3 to
 * know it again if an interrupt comes first, until the instruction is done.
 *
 * LIMIT: instructions in a page with a breakpoint or a watch for reads are
 * interpreted: there the guest sees the exact processor, also where direct
 * execution shows it the host's (README: the sensitive instructions).
 * LIMIT: where the guest has a breakpoint of its own in DR0 to DR3, that comes
 * first under direct execution, and RF may hide ours behind it.
 * LIMIT: an instruction that ops.def does not know raises #UD in a probed page.
 * LIMIT: segments that the bare CPU loads are read from the host's copies of
 * the guest's descriptors, which is no access to the guest's.
 *
 * SDM vol. 3B 17.3.1.1; vol. 3A 6.9 (priority among exceptions).
 */
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/debug.h"
#include "vmm/cpu/event.h"
#include "vmm/vm/exits.h"
#include "vmm/vm/vm.h"

static u32 place(const struct cpu *cpu)
{
    return cpu->seg[SEG_CS].base + cpu->eip;
}

bool probe_held(const struct vm *vm)
{
    return vm->probes.stepping ||
           shadow_is_guarded(&vm->shadow, gva(place(&vm->cpu)), PF_FETCH);
}

static bool passes(const struct probes *p, const struct cpu *cpu)
{
    return p->pass && p->pass_at == place(cpu) &&
           p->pass_esp == cpu->gpr[ESP] && p->pass_cr3 == cpu->cr3;
}

/* A debug trap that an instruction before left behind comes first. */
static bool meets_break(struct vm *vm)
{
    const struct cpu *cpu = &vm->cpu;
    struct probes *p = &vm->probes;

    if ((cpu->eflags & EFLAGS_RF) || passes(p, cpu) ||
        (cpu->debug_pending && cpu->irq_shadow != SHADOW_SS) ||
        !probe_break_at(vm, place(cpu), &p->due_probe))
        return false;
    p->due = STOP_BREAK;
    vm->leave = true;
    return true;
}

/* A repeated instruction stands where it stood when more is to come. */
static bool is_finished(const struct cpu *cpu, const struct step *step, u32 at)
{
    return !step->insn.rep || place(cpu) != at || !(cpu->eflags & EFLAGS_RF);
}

/* The guest's own breakpoint came first: the instruction is still to come. Of
 * every other fault RF in the pushed image tells, when the guest returns. */
static bool held_back(const struct step *step, enum step_status status)
{
    return status == STEP_FAULT && step->fault.vector == TRAP_DB;
}

void probe_run(struct vm *vm, const struct cpu_env *env)
{
    struct cpu *cpu = &vm->cpu;
    bool passing = passes(&vm->probes, cpu);
    u32 at = place(cpu);
    enum step_status status;
    struct step step;
    bool finished;

    if (meets_break(vm))
        return;
    status = cpu_step_debug(cpu, env, &step);
    finished = status != STEP_OK || is_finished(cpu, &step, at);
    if (passing && finished && !held_back(&step, status))
        vm->probes.pass = false;
    if (status == STEP_FAULT)
        blackbox_fault(&vm->box, cpu->eip, &step.fault);
    exit_stepped(vm, &step, status);
    if (finished)
        probe_stepped(vm);
}

void probe_stepped(struct vm *vm)
{
    struct probes *p = &vm->probes;
    u32 eip = vm->cpu.eip;

    if (!p->stepping || (p->range ? eip >= p->from && eip < p->to : --p->steps))
        return;
    p->due = STOP_STEP;
    vm->leave = true;
}

static bool is_fault(u32 vector)
{
    return vector < TRAP_EXCEPTIONS && event_is_fault((u8)vector);
}

/* Nothing in a page of ours was executed: a fault there is one of the fetch,
 * and the interpreter will say which.
 *
 * The short ways of fast.c know what gates and descriptors say and do not read
 * them. They keep out of a state in which CS is to be loaded anew. */
bool probe_exit(struct vm *vm)
{
    if (vm->probes.reads)
        vm->cpu.seg_dirty |= BIT(SEG_CS);
    if (vm->arch.vector == TRAP_DB || !is_fault(vm->arch.vector) ||
        !probe_held(vm))
        return false;
    vm->cpu.eflags &= ~(u32)EFLAGS_RF;
    exit_probed(vm);
    return true;
}

void probe_resumed(struct vm *vm)
{
    struct probes *p = &vm->probes;
    const struct cpu *cpu = &vm->cpu;
    u32 ignored;

    p->pass = p->on && probe_break_at(vm, place(cpu), &ignored);
    p->pass_at = place(cpu);
    p->pass_esp = cpu->gpr[ESP];
    p->pass_cr3 = cpu->cr3;
}
