/* SPDX-License-Identifier: MIT
 *
 * See exits.h.
 *
 * #GP, #NP, #SS and #TS go through cpu_step() whatever their cause: on the
 * virtual processor the instruction either succeeds, because only the
 * deprivileging made it fault, or it raises what the guest must see. The
 * hardware's error code is not used, so sanitised tables never show through.
 * All other exceptions cannot be caused by deprivileging and are delivered as
 * they came.
 *
 * An interrupt that waits in the shadow of STI is not lost: the one
 * instruction that the architecture grants runs in the interpreter, and the
 * interrupt is taken behind it (SDM vol. 2B STI).
 */
#include "vmm/vm/exits.h"
#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/debug.h"
#include "vmm/vm/direct.h"
#include "vmm/vm/env.h"
#include "vmm/vm/trace_insn.h"
#include "vmm/vm/vm.h"

/* A store that comes back sooner was not helped by giving up a trace. */
#define LET_GO_EXITS 8

static inline bool account(struct vm *vm, enum exit_kind kind)
{
    vm->exit_count[kind]++;
    vm->exit_kind = kind;
    return true;
}

/* Returns the vector whose handler was entered, TRAP_VECTORS for none. */
static __attribute__((noinline)) u32 deliver(struct vm *vm,
                                             const struct event *event)
{
    struct cpu_env env = env_of(vm);
    u8 vector = event->fault.vector;
    struct event_chain chain;
    enum event_status status =
        event_deliver_chain(&vm->cpu, &env, event, &vector, &chain);

    if (chain.failed)
        blackbox_failed(vm, &chain, status, vector);
    switch (status) {
    case EVENT_OK:
        vm->recorder.gate[vector].reflected++;
        vm->leave |= vm->cpu.debug_pending != 0;
        return vector;
    case EVENT_TRIPLE:
        TRACE(vm, TRIPLE_FAULT, event->fault.vector, event->fault.error,
              vm->cpu.cr2);
        vm_kill(vm,
                "triple fault: vector %u at %04x:%08x (error 0x%x, CR2 "
                "0x%08x) and its double fault have no handler that works",
                event->fault.vector, vm->cpu.seg[SEG_CS].sel, vm->cpu.eip,
                event->fault.error, vm->cpu.cr2);
        break;
    case EVENT_STOPPED:
        break;
    }
    return TRAP_VECTORS;
}

static inline u32 raise_quietly(struct vm *vm, const struct fault *fault)
{
    if (fast_fault(vm, fault))
        return fault->vector;
    return deliver(vm,
                   &(struct event){.kind = EVENT_EXCEPTION, .fault = *fault});
}

static __attribute__((noinline)) void raise_traced(struct vm *vm,
                                                   const struct fault *fault)
{
    u32 eip = vm->cpu.eip, cpl = vm->cpu.cpl;
    u32 delivered = raise_quietly(vm, fault);

    if (delivered < TRAP_VECTORS)
        TRACE_HOT(vm, eip, cpl, EXCEPTION, fault->vector, fault->error,
                  fault->cr2, delivered, vm->cpu.eip);
}

/* An exception for the guest; a triple fault kills the VM. */
static inline void raise(struct vm *vm, const struct fault *fault)
{
    if (TRACE_WANTS(vm, EXCEPTION))
        raise_traced(vm, fault);
    else
        raise_quietly(vm, fault);
}

/* What the emulator does not know is not privileged by IOPL or by a selector:
 * what the processor refuses in ring 3 it refuses to the guest's ring 3. */
static bool refused_to_user(const struct vm *vm)
{
    u32 vector = vm->arch.vector;

    return vm->cpu.cpl == 3 && vector >= TRAP_TS && vector <= TRAP_GP;
}

/* The emulator cannot tell what the hardware, which may be newer than the
 * processor in ops.def, does with the instruction. */
static bool is_unknown(const struct step *step, enum step_status status)
{
    return status == STEP_FAULT && !step->decoded &&
           step->fault.vector == TRAP_UD;
}

static void on_unknown(struct vm *vm, const struct step *step)
{
    struct fault fault = fault_error((u8)vm->arch.vector, 0);

    raise(vm, refused_to_user(vm) ? &fault : &step->fault);
}

/* INT n has entered a handler, and its pushes were made from behind it. */
static void entered(struct vm *vm, const struct step *step)
{
    vm->recorder.gate[step->vector].reflected++;
    vm->probes.touch_eip -= step->insn.len;
}

void exit_stepped(struct vm *vm, const struct step *step,
                  enum step_status status)
{
    switch (status) {
    case STEP_OK:
        if (TRACE_WANTS_OF(vm, TRACE_INSTRUCTIONS))
            trace_step(vm, step);
        vm->leave |= vm->cpu.halted || vm->cpu.debug_pending;
        vm->shadow_eip = vm->cpu.eip;
        if (step->software_int)
            entered(vm, step);
        if (step->trap)
            raise(vm, &step->fault);
        break;
    case STEP_FAULT:
        if (vm->probes.met)
            probe_lost(vm);
        raise(vm, &step->fault);
        break;
    case STEP_STOP:
        break;
    }
}

/* The same behind an exit of the direct engine. */
static void stepped(struct vm *vm, const struct step *step,
                    enum step_status status)
{
    if (is_unknown(step, status))
        on_unknown(vm, step);
    else
        exit_stepped(vm, step, status);
}

/* Directly run instructions do not end the shadow in struct cpu; that EIP has
 * moved on does. */
static bool in_shadow(const struct cpu *cpu, u32 shadow_eip)
{
    return cpu->irq_shadow && !cpu->halted && cpu->eip == shadow_eip;
}

static enum step_status step_one(struct vm *vm, struct step *step)
{
    struct cpu_env env = env_of(vm);

    direct_sync(vm);
    if (!in_shadow(&vm->cpu, vm->shadow_eip))
        vm->cpu.irq_shadow = 0;
    return cpu_step_debug(&vm->cpu, &env, step);
}

/* The instruction faulted on the bare CPU, which has looked for breakpoints
 * on it before (and says so by RF, but QEMU does not). */
static enum step_status step_again(struct vm *vm, struct step *step)
{
    vm->cpu.eflags |= EFLAGS_RF;
    return step_one(vm, step);
}

static void emulate(struct vm *vm, struct step *step)
{
    stepped(vm, step, step_again(vm, step));
}

static enum exit_kind kind_of(const struct step *step)
{
    if (!step->decoded)
        return EXIT_EXCEPTION;
    switch (insn_class(step->insn.op)) {
    case CLASS_IO:
        return EXIT_IO;
    case CLASS_INT:
        return EXIT_SOFTINT;
    case CLASS_IRET:
        return EXIT_IRET;
    default:
        return EXIT_PRIVILEGED;
    }
}

/* INT n faults with a gate's error code, IRET with a selector's (its ring-3
 * code segment is absent, or its RPL is below the hardware ring), privileged
 * instructions with none. */
static inline __attribute__((always_inline)) bool short_way(struct vm *vm)
{
    u32 error = vm->arch.error;

    if (error & TRAP_ERR_IDT)
        return fast_int(vm) && account(vm, EXIT_SOFTINT);
    if (error)
        return fast_iret(vm) && account(vm, EXIT_IRET);
    return fast_simple(vm) && account(vm, EXIT_PRIVILEGED);
}

static __attribute__((noinline)) void long_way(struct vm *vm)
{
    struct step step;

    emulate(vm, &step);
    account(vm, kind_of(&step));
}

/* The long way tells of itself. */
static __attribute__((noinline)) void protection_traced(struct vm *vm)
{
    u32 eip = vm->cpu.eip, cpl = vm->cpu.cpl;

    if (!short_way(vm))
        long_way(vm);
    else if (vm->exit_kind == EXIT_SOFTINT)
        trace_int(vm, eip, cpl);
    else if (vm->exit_kind == EXIT_IRET)
        trace_iret(vm, eip, cpl);
    else
        trace_simple(vm, eip, cpl);
}

static void on_protection(struct vm *vm)
{
    if (TRACE_WANTS_OF(vm, TRACE_INSTRUCTIONS)) {
        protection_traced(vm);
        return;
    }
    if (!short_way(vm))
        long_way(vm);
}

/* A store that the emulator does not know, into what was a page table: the
 * frame is left to the CPU. If it is one still, the walk for the next try
 * traces it again, and the same store is back at once: then it is not. */
static bool let_go(struct vm *vm, gpa_t at)
{
    bool again = vm->let_go_eip == vm->cpu.eip &&
                 vm->exits - vm->let_go_exit < LET_GO_EXITS;

    vm->let_go_eip = vm->cpu.eip;
    vm->let_go_exit = vm->exits;
    return !again && shadow_let_go(&vm->shadow, gpa_to_gfn(at));
}

static void traced_store(struct vm *vm, gpa_t at)
{
    struct step step;
    enum step_status status = step_again(vm, &step);

    if (!is_unknown(&step, status) || !let_go(vm, at))
        stepped(vm, &step, status);
}

/* An operand that runs over the top of 4 GiB, to a page that is there.
 * Processors wrap around in 32-bit code; QEMU's translator goes on above, where
 * nothing is. The guest gets what it would for the limit of a segment, as from
 * cpu/seg.c. */
static void over_the_top(struct vm *vm)
{
    struct fault fault = fault_error(TRAP_GP, 0);

    account(vm, EXIT_EXCEPTION);
    raise(vm, &fault);
}

static __attribute__((noinline)) void
hidden_fault(struct vm *vm, enum shadow_answer answer,
             const struct shadow_result *result)
{
    static const enum exit_kind kinds[] = {
        [SHADOW_FILLED] = EXIT_PAGE_FILL, [SHADOW_GUEST_FAULT] = EXIT_PAGE_TRUE,
        [SHADOW_MMIO] = EXIT_MMIO,        [SHADOW_TRACED] = EXIT_PAGE_WRITE,
        [SHADOW_GUARDED] = EXIT_PROBE,
    };
    struct step step;

    if (vm->arch.fault_above) {
        over_the_top(vm);
        return;
    }
    account(vm, kinds[answer]);
    if (answer == SHADOW_FILLED)
        trace_fill_of(vm, gva(vm->arch.fault_at), vm->arch.error, result);
    if (answer == SHADOW_MMIO || answer == SHADOW_GUARDED)
        emulate(vm, &step);
    if (answer == SHADOW_TRACED)
        traced_store(vm, result->at);
}

static void on_page_fault(struct vm *vm)
{
    const struct arch_vcpu *av = &vm->arch;
    gva_t at = gva(av->fault_at);
    struct shadow_result result;
    enum shadow_answer answer =
        shadow_fault(&vm->shadow, at, av->error, &result);
    struct fault fault;

    if (answer != SHADOW_GUEST_FAULT) {
        hidden_fault(vm, answer, &result);
        return;
    }
    account(vm, EXIT_PAGE_TRUE);
    fault = fault_page(result.error, at);
    raise(vm, &fault);
}

static void on_debug(struct vm *vm)
{
    struct fault fault = fault_plain(TRAP_DB);

    account(vm, EXIT_EXCEPTION);
    fault = debug_raise(&vm->cpu, arch_read_dr6() & ~DR6_FIXED);
    raise(vm, &fault);
}

/* An exception that means the same to the guest as to the hardware. */
static void on_plain(struct vm *vm)
{
    u32 vector = vm->arch.vector;
    struct fault fault = fault_plain((u8)vector);

    account(vm, EXIT_EXCEPTION);
    fault.has_error = TRAP_HAS_ERROR >> vector & 1;
    fault.error = vm->arch.error;
    raise(vm, &fault);
}

/* With CR0.NE clear a PC routes FPU errors through IRQ 13. */
static void on_fpu_error(struct vm *vm)
{
    if (vm->cpu.cr0 & CR0_NE) {
        on_plain(vm);
        return;
    }
    account(vm, EXIT_EXCEPTION);
    env_fpu_error(vm);
}

static void on_host_irq(struct vm *vm)
{
    account(vm, EXIT_HOST_IRQ);
    arch_irq_done(vm->arch.vector);
    vm->interrupted = true;
    vm->leave = true;
}

static void on_unexpected(struct vm *vm)
{
    vm_kill(vm,
            "an exception that no guest can cause: vector %u, error 0x%x, at "
            "%04x:%08x",
            vm->arch.vector, vm->arch.error, vm->cpu.seg[SEG_CS].sel,
            vm->cpu.eip);
}

/* No processor lets a guest run with interrupts off, but see
 * drivers/host/watchdog.c. */
static void on_watchdog(struct vm *vm)
{
    account(vm, EXIT_HOST_IRQ);
    if (vm->arch.hw_eflags & EFLAGS_IF)
        return;
    vm_kill(vm,
            "it runs with interrupts off, near %04x:%08x, which a processor "
            "allows in ring 0 only; the watchdog took it off",
            vm->cpu.seg[SEG_CS].sel, vm->cpu.eip);
}

/* Its segment registers are of another mode: nothing of it can go on. */
static void on_virtual_8086(struct vm *vm)
{
    vm_kill(vm,
            "it entered virtual-8086 mode, near %08x, which a processor "
            "allows in ring 0 only",
            vm->cpu.eip);
}

static void (*const handlers[TRAP_VECTORS])(struct vm *) = {
    [TRAP_DE] = on_plain,
    [TRAP_DB] = on_debug,
    [TRAP_NMI] = on_watchdog,
    [TRAP_BP... TRAP_NM] = on_plain,
    [TRAP_DF... TRAP_TS - 1] = on_unexpected,
    [TRAP_TS... TRAP_GP] = on_protection,
    [TRAP_PF] = on_page_fault,
    [TRAP_PF + 1] = on_unexpected,
    [TRAP_MF] = on_fpu_error,
    [TRAP_AC] = on_plain,
    [TRAP_MC] = on_unexpected,
    [TRAP_XM] = on_plain,
    [TRAP_XM + 1 ... DIRECT_V86 - 1] = on_unexpected,
    [DIRECT_V86] = on_virtual_8086,
    [TRAP_EXCEPTIONS... TRAP_VECTORS - 1] = on_host_irq,
};

/* One of those whose cost is looked at. */
static __attribute__((noinline)) void measured(struct vm *vm)
{
    u64 from = arch_tsc();
    u32 eip = vm->cpu.eip;

    vm->exit_kind = EXIT_KINDS;
    handlers[(u8)vm->arch.vector](vm);
    costs_note(&vm->costs, vm->exits, vm->exit_kind, eip, arch_tsc() - from);
}

static inline void keep(struct vm *vm)
{
    const struct arch_vcpu *av = &vm->arch;
    struct vm_last_exit *last = &vm->last[vm->exits++ % VM_LAST_EXITS];

    *last =
        (struct vm_last_exit){av->vector, av->error, av->fault_at, vm->cpu.eip};
}

void exit_handle(struct vm *vm)
{
    const struct arch_vcpu *av = &vm->arch;

    keep(vm);
    if (__builtin_expect(vm->exits == vm->costs.next, 0))
        measured(vm);
    else
        handlers[(u8)av->vector](vm);
}

static void tell_exit(struct vm *vm, u64 from, u32 eip, u32 cpl)
{
    struct trace_record *r =
        trace_put(&vm->hv->trace, TRACE_EXIT, vm->slot + 1, eip, cpl);

    TRACE_FILL(r, EXIT, vm->exit_kind, vm->arch.vector, vm->arch.error,
               vm->arch.fault_at, (u32)min_u64(r->tsc - from, UINT32_MAX));
}

void exit_handle_traced(struct vm *vm)
{
    u64 from = arch_tsc();
    u32 eip = vm->cpu.eip, cpl = vm->cpu.cpl;

    vm->exit_kind = EXIT_KINDS;
    exit_handle(vm);
    tell_exit(vm, from, eip, cpl);
}

void exit_probed(struct vm *vm)
{
    u64 from = arch_tsc();
    u32 eip = vm->cpu.eip;

    keep(vm);
    account(vm, EXIT_PROBE);
    if (vm->exits == vm->costs.next)
        costs_note(&vm->costs, vm->exits, EXIT_PROBE, eip, arch_tsc() - from);
    if (TRACE_WANTS(vm, EXIT))
        tell_exit(vm, from, eip, vm->cpu.cpl);
}

void exit_handle_shown(struct vm *vm)
{
    if (TRACE_WANTS(vm, EXIT))
        exit_handle_traced(vm);
    else
        exit_handle(vm);
    trace_live_show(vm->hv);
}

/* The one instruction that STI or MOV SS grants. One that the emulator does
 * not know is not privileged, and nobody can tell whether it came first. */
static void pass_shadow(struct vm *vm)
{
    enum step_status status;
    struct step step;

    direct_switch(vm);
    status = step_one(vm, &step);
    if (!is_unknown(&step, status))
        stepped(vm, &step, status);
}

void exit_pending(struct vm *vm)
{
    struct step step;

    direct_switch(vm);
    stepped(vm, &step, step_one(vm, &step));
}

void exit_inject(struct vm *vm)
{
    struct event event = {.kind = EVENT_INTERRUPT};
    u32 eip, cpl;

    if (!(vm->cpu.eflags & EFLAGS_IF))
        return;
    if (in_shadow(&vm->cpu, vm->shadow_eip)) {
        pass_shadow(vm);
        if (vm->state != VM_RUNNING || !(vm->cpu.eflags & EFLAGS_IF) ||
            vm->probes.met)
            return;
    }
    vm->cpu.irq_shadow = 0;
    vm->cpu.halted = 0;
    vm->interrupts++;
    event.fault = fault_plain(pc_irq_ack(&vm->pc));
    vm->irq_waiting = pc_irq_pending(&vm->pc);
    eip = vm->cpu.eip;
    cpl = vm->cpu.cpl;
    if (!fast_interrupt(vm, event.fault.vector))
        deliver(vm, &event);
    TRACE_AT(vm, eip, cpl, IRQ_INJECT, event.fault.vector, vm->cpu.eip);
}
