/* SPDX-License-Identifier: MIT
 *
 * See interp.h. A batch is so much work at most; then interrupts of the host
 * are let in, since the VMM runs with them off. One that came ends the turn as
 * it does when it meets a guest on the bare CPU: the loop in hv.c looks at the
 * clock and the keyboard. So a guest gets its slice and no more, whichever
 * engine runs it. A string instruction counts as one; cpu_step() bounds its
 * iterations. Counted too is what a guest can have without an instruction, or
 * dear for one: an interrupt that comes back as soon as it is delivered (a
 * level, automatic EOI, a trap gate), stores that somebody watches, descriptor
 * tables to copy. The count goes on from one call to the next, or a guest that
 * changes between the engines would never be through with it.
 *
 * cpu.irq_shadow belongs to the interpreter. When the direct engine has run,
 * it means something only if EIP still is where it was set (exits.c).
 */
#include "vmm/vm/interp.h"
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "vmm/cpu/debug.h"
#include "vmm/vm/direct.h"
#include "vmm/vm/env.h"
#include "vmm/vm/exits.h"
#include "vmm/vm/vm.h"

/* Some tens of microseconds on a PC, a tenth of a millisecond where the
 * machine itself is emulated. */
#define BATCH 64

/* What ring 3 reads by PUSHF on the bare CPU: IF set, IOPL 0. */
static bool flags_show(const struct cpu *cpu)
{
    return (cpu->eflags & (EFLAGS_IF | EFLAGS_IOPL)) == EFLAGS_IF;
}

static bool pae_paging(const struct cpu *cpu)
{
    return (cpu->cr0 & CR0_PG) && (cpu->cr4 & CR4_PAE);
}

/* Real mode, or protected mode before the far jump that loads CS: on the way
 * from a boot sector to a kernel. Behind that jump exec=trap knows no way back
 * (priv.c). */
static bool starts_up(const struct cpu *cpu)
{
    return cpu_mode(cpu) == MODE_REAL || (cpu_mode(cpu) == MODE_PROTECTED &&
                                          !(cpu->seg[SEG_CS].attr & ATTR_CODE));
}

enum engine engine_choose(enum vm_exec exec, const struct cpu *cpu)
{
    if (exec == EXEC_TRAP)
        return starts_up(cpu) ? ENGINE_INTERP : ENGINE_DIRECT;
    if (cpu->cpl != 3 || !flags_show(cpu) || pae_paging(cpu))
        return ENGINE_INTERP;
    return direct_runnable(cpu) ? ENGINE_DIRECT : ENGINE_INTERP;
}

static bool takes_interrupt(const struct vm *vm)
{
    return vm->irq_waiting && (vm->cpu.eflags & EFLAGS_IF) &&
           !vm->cpu.irq_shadow;
}

/* One instruction, or several of which only the last has consequences. Returns
 * how many. */
static u32 some(struct vm *vm, const struct cpu_env *env, u32 most)
{
    struct cpu *cpu = &vm->cpu;
    struct step step;
    enum step_status status;
    u32 done = 1;

    vm->blocks.tells = TRACE_WANTS_OF(vm, TRACE_INSTRUCTIONS);
    if (vm->config.dispatch == DISPATCH_THREADED && vm->blocks.slot[0] &&
        !debug_armed(cpu))
        status = blocks_run(&vm->blocks, cpu, env, &step, most, &done);
    else
        status = cpu_step_debug(cpu, env, &step);
    if (status == STEP_FAULT)
        blackbox_fault(&vm->box, cpu->eip, &step.fault);
    exit_stepped(vm, &step, status);
    return max_u32(done, 1);
}

/* struct cpu becomes the whole truth. CS is loaded anew before the guest is
 * entered again; until then the short ways of fast.c, which are for states
 * that the direct engine runs, are closed. */
static void take_over(struct vm *vm)
{
    direct_sync(vm);
    vm->cpu.seg_dirty |= BIT(SEG_CS);
    if (vm->cpu.eip != vm->shadow_eip)
        vm->cpu.irq_shadow = 0;
}

void interp_breathe(struct vm *vm)
{
    if (vm->work < BATCH)
        return;
    vm->work = 0;
    if (!arch_window())
        return;
    vm->interrupted = true;
    vm->leave = true;
}

void interp_interrupt(struct vm *vm)
{
    exit_inject(vm);
    probe_stepped(vm);
    vm->work++;
}

static void instructions(struct vm *vm, const struct cpu_env *env)
{
    u32 done = 1;

    if (probe_holds(vm))
        probe_run(vm, env);
    else
        done = some(vm, env, BATCH - vm->work);
    vm->interpreted += done;
    vm->work += done;
}

bool interp_wanted(const struct vm *vm)
{
    return engine_choose(vm->config.exec, &vm->cpu) == ENGINE_INTERP ||
           probe_holds(vm);
}

void interp_run(struct vm *vm)
{
    struct cpu_env env = env_of(vm);

    take_over(vm);
    while (vm->work < BATCH && !vm->leave && interp_wanted(vm)) {
        if (takes_interrupt(vm))
            interp_interrupt(vm);
        else
            instructions(vm, &env);
    }
    interp_breathe(vm);
}
