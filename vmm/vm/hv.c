/* SPDX-License-Identifier: MIT
 *
 * The loop of the hypervisor: who runs, until when, and what is between.
 *
 * A turn: answer the keyboard, bring every VM's devices up to now, let the
 * scheduler pick, run the choice until its slice or the console's next deadline
 * is over, with its own devices served in between. The inner loop is the one of
 * the textbook: deliver what is pending, enter, handle the exit. Only a
 * hardware interrupt (the timer that was set for the deadline, or the console)
 * ends it, so time is not read at each exit. Nobody runnable: the host halts
 * until the next deadline.
 */
#include "arch/x86/defs/regs.h"
#include "arch/x86/defs/traps.h"
#include "vmm/base/bits.h"
#include "vmm/base/fmt.h"
#include "vmm/vm/direct.h"
#include "vmm/vm/exits.h"
#include "vmm/vm/interp.h"
#include "vmm/vm/vm.h"

/* A guest may program its timer as fast as it likes; the loop looks after
 * devices no more often than this. */
#define SERVICE_NS 250000u

#define STATUS_PASS 0x10 /* what a guest writes to the debug-exit port */

static void say_line(struct hv *hv, u32 module, const char *error)
{
    console_print(&hv->console, "trapline: module %u (\"%s\"): %s.", module,
                  hv->boot->module[module].line, error);
}

static bool start_module(struct hv *hv, u32 module)
{
    const struct boot_module *m = &hv->boot->module[module];
    struct vm_config config;
    char error[256];

    if (m->cut) {
        say_line(hv, module,
                 "this line is longer than 511 characters; "
                 "shorten it");
        return false;
    }
    if (!config_parse(m->line, &config, error, sizeof(error))) {
        say_line(hv, module, error);
        return false;
    }
    if (config.kind == CONFIG_NONE)
        say_line(hv, module,
                 "nothing says what this module is for; write "
                 "vm=NAME for a guest or for=NAME to attach it");
    if (config.kind != CONFIG_VM)
        return false;
    if (vm_create(hv, &config, module, error, sizeof(error)))
        return true;
    say_line(hv, module, error);
    return false;
}

static bool says(const struct hv *hv, u32 module, enum config_kind kind,
                 struct vm_config *config)
{
    char error[2];

    return config_parse(hv->boot->module[module].line, config, error,
                        sizeof(error)) &&
           config->kind == kind;
}

/* A for= module whose VM is nowhere. If only that VM could not be started,
 * its own sentence has said so. */
static void check_attached(struct hv *hv, u32 module)
{
    struct vm_config config, vm;

    if (!says(hv, module, CONFIG_ATTACH, &config))
        return;
    for (u32 i = 0; i < hv->boot->modules; i++) {
        if (says(hv, i, CONFIG_VM, &vm) && str_eq(vm.name, config.name))
            return;
    }
    say_line(hv, module,
             "no VM has the name it is for; check the spelling "
             "of for= and vm=");
}

u32 hv_start(struct hv *hv)
{
    u32 started = 0;

    hv->console.log = &hv->log;
    sched_clock(&hv->sched, arch_now_ns());
    if (!hv->sched.policy->fair)
        console_print(&hv->console,
                      "trapline: sched=%s is for teaching: " SCHED_UNFAIR,
                      hv->sched.policy->name);
    export_start(hv);
    for (u32 i = 0; i < hv->boot->modules; i++)
        started += start_module(hv, i);
    for (u32 i = 0; i < hv->boot->modules; i++)
        check_attached(hv, i);
    if (hv->boot->modules_dropped)
        console_print(&hv->console,
                      "trapline: %u boot modules are more than "
                      "the %u there is room for and were left out.",
                      hv->boot->modules_dropped, BOOT_MODULES);
    if (!started)
        console_print(&hv->console,
                      "trapline: no guest was started; give a "
                      "boot module with a line such as \"vm=alpha mem=32M\".");
    return started;
}

static void to_monitor(struct hv *hv, u8 byte)
{
    struct console *c = &hv->console;
    const char *line;

    switch (console_key(c, byte, &line)) {
    case LINE_COMPLETE:
        monitor_complete(hv);
        return;
    case LINE_DONE:
        break;
    default:
        return;
    }
    monitor_command(hv, line);
    if (c->attached < 0 && !hv->poweroff && !hv->top.on)
        console_prompt(c);
}

static void leave_guest(struct hv *hv)
{
    ring_clear(&hv->typed);
    console_detach(&hv->console);
    console_prompt(&hv->console);
}

/* What was typed for a guest waits until its serial port takes it, so that a
 * pasted text arrives whole; Ctrl-] overtakes. */
static void feed_guest(struct hv *hv)
{
    struct pc *pc = &hv->vm[hv->console.attached].pc;

    while (ring_count(&hv->typed) && pc_serial_input(pc, ring_peek(&hv->typed)))
        ring_drop(&hv->typed);
}

static void typed(struct hv *hv, u8 byte)
{
    if (hv->top.on)
        monitor_top_end(hv);
    else if (hv->console.attached < 0)
        to_monitor(hv, byte);
    else if (byte == CONSOLE_LEAVE)
        leave_guest(hv);
    else
        ring_put(&hv->typed, byte);
}

static void keyboard(struct hv *hv)
{
    u8 byte;

    while (arch_console_read(&byte))
        typed(hv, byte);
    while (view_read(hv, &byte))
        typed(hv, byte);
    if (hv->console.attached >= 0)
        feed_guest(hv);
}

static void do_reset(struct vm *vm)
{
    char error[160];

    console_print(&vm->hv->console, "trapline: %s: resets itself",
                  vm->config.name);
    vm_reset(vm, error, sizeof(error));
}

static bool asleep(const struct vm *vm)
{
    return vm->cpu.halted && !((vm->cpu.eflags & EFLAGS_IF) && vm->irq_waiting);
}

/* Devices up to now; wakes a VM whose interrupt has come. Returns when it
 * wants to be called again, in host time. */
static u64 service(struct vm *vm)
{
    u64 next;

    if (vm->state != VM_RUNNING)
        return UINT64_MAX;
    if (vm->reset_wanted)
        do_reset(vm);
    if (vm->state != VM_RUNNING)
        return UINT64_MAX;
    pc_run(&vm->pc, vm_now(vm));
    vm->irq_waiting = pc_irq_pending(&vm->pc);
    sched_set_runnable(&vm->hv->sched, vm->slot, !asleep(vm));
    next = pc_deadline(&vm->pc);
    return next == UINT64_MAX ? next : next + vm->time_base;
}

static void (*handler_of(const struct vm *vm))(struct vm *)
{
    if (vm->live.filter.events)
        return exit_handle_shown;
    return TRACE_WANTS(vm, EXIT) ? exit_handle_traced : exit_handle;
}

static void run_loop(struct vm *vm)
{
    void (*handle)(struct vm *) = handler_of(vm);

    do {
        if (vm->irq_waiting)
            exit_inject(vm);
        if (vm->leave || !direct_run(vm))
            return;
        handle(vm);
    } while (!vm->leave);
}

/* The same where the engine changes with the guest's mode, or with the page it
 * is in (probe.h). */
static void run_mixed(struct vm *vm)
{
    void (*handle)(struct vm *) = handler_of(vm);

    while (!vm->leave) {
        if (interp_wanted(vm))
            interp_run(vm);
        else if (vm->irq_waiting && (vm->cpu.eflags & EFLAGS_IF))
            interp_interrupt(vm);
        else if (direct_run(vm) && !(vm->probes.on && probe_exit(vm)))
            handle(vm);
        trace_live_show(vm->hv);
        interp_breathe(vm);
    }
}

/* Why a turn that is over now has ended. */
static enum trace_end turn_end(const struct vm *vm, u64 now, u64 until)
{
    if (vm->state != VM_RUNNING)
        return TRACE_END_STOP;
    if (vm->reset_wanted)
        return TRACE_END_RESET;
    if (now >= until)
        return TRACE_END_SLICE;
    return asleep(vm) ? TRACE_END_HALT : TRACE_END_IRQ;
}

/* For what was done for it from `from` until now. */
static void charge(struct vm *vm, u64 from, u64 now)
{
    vm->run_ns += now - from;
    sched_clock(&vm->hv->sched, now);
    sched_charge(&vm->hv->sched, vm->slot, now - from);
}

/* Unfinished lines of guests that wait to be shown, each at its guest's
 * expense: a serial port takes 90 us for a byte. */
static void show_lines(struct hv *hv)
{
    u64 before = arch_now_ns();

    for (u32 i = 0; i < HV_VMS; i++) {
        u64 after;
        if (!console_tick_line(&hv->console, i, before))
            continue;
        after = arch_now_ns();
        charge(&hv->vm[i], before, after);
        before = after;
    }
}

/* Every VM's devices, each at its own expense. Returns when the first of
 * them wants to be looked after again. */
static u64 service_all(struct hv *hv)
{
    u64 wake = UINT64_MAX, before = arch_now_ns();

    sched_clock(&hv->sched, before);
    for (u32 i = 0; i < HV_VMS; i++) {
        struct vm *vm = &hv->vm[i];
        u64 after;
        if (vm->state != VM_RUNNING)
            continue;
        wake = min_u64(wake, service(vm));
        after = arch_now_ns();
        charge(vm, before, after);
        before = after;
    }
    return wake;
}

static bool only_direct(const struct vm *vm)
{
    return vm->config.exec == EXEC_TRAP && !vm->probes.on && !interp_wanted(vm);
}

/* Runs one VM until `until` (host ns) at the latest. */
static void run(struct hv *hv, struct vm *vm, u64 until)
{
    void (*loop)(struct vm *) = only_direct(vm) ? run_loop : run_mixed;
    u64 start = arch_now_ns(), now = start;

    until = max_u64(until, start + SERVICE_NS); /* a turn always gets on */
    direct_switch(vm);
    while (now < until && vm->state == VM_RUNNING && !vm->reset_wanted) {
        u64 due;
        sched_clock(&hv->sched, now);
        due = max_u64(service(vm), now + SERVICE_NS);
        if (asleep(vm))
            break;
        arch_set_timer(min_u64(until, due));
        vm->leave = vm->interrupted = false;
        if (vm->probes.changed)
            probe_install(vm);
        if (vm->cpu.debug_pending && !probe_holds(vm))
            exit_pending(vm);
        loop(vm);
        if (vm->probes.on)
            probe_settle(vm);
        now = arch_now_ns();
        if (vm->interrupted)
            break;
    }
    TRACE(vm, TURN_END, turn_end(vm, now, until), TRACE_64(now - start));
    blackbox_look(vm);
    charge(vm, start, now);
}

/* exit=stopped: is there nothing that could ever run again? */
static bool all_stopped(const struct hv *hv)
{
    for (u32 i = 0; i < HV_VMS; i++) {
        enum vm_state state = hv->vm[i].state;
        if (state == VM_RUNNING || state == VM_PAUSED)
            return false;
    }
    return true;
}

static u32 verdict(const struct hv *hv)
{
    u32 vms = 0;

    for (u32 i = 0; i < HV_VMS; i++) {
        const struct vm *vm = &hv->vm[i];
        if (vm->state == VM_EMPTY)
            continue;
        vms++;
        if (vm->state != VM_EXITED || vm->status != STATUS_PASS)
            return 1;
    }
    return vms == 0;
}

static void idle(struct hv *hv)
{
    u64 from = arch_now_ns();

    arch_idle();
    TRACE_HV(hv, IDLE, TRACE_64(arch_now_ns() - from));
}

/* When somebody who looks on wants his turn. */
static u64 people_deadline(const struct hv *hv, u64 now)
{
    u64 console = console_deadline(&hv->console);
    u64 screen = min_u64(view_deadline(hv), monitor_top_deadline(hv));
    u64 wires = min_u64(export_deadline(hv, now), gdb_deadline(hv, now));

    return min_u64(min_u64(console, screen), wires);
}

/* The devices of those who do not run get nobody interrupted: a VM that wakes
 * gets its turn behind the present one, and what it missed is counted then. A
 * guest with a fast timer would otherwise cut up the turns of all others. */
static void turn(struct hv *hv, u64 now)
{
    u64 wake = people_deadline(hv, now);
    u64 devices = service_all(hv);
    int slot = sched_pick(&hv->sched);

    wake = min_u64(wake, script_deadline(&hv->script));
    if (slot >= 0) {
        u64 slice;
        now = arch_now_ns();
        slice = now + sched_slice(&hv->sched, (u32)slot);
        wake = max_u64(wake, now + SERVICE_NS);
        TRACE(&hv->vm[slot], PICKED, TRACE_64(slice - now));
        run(hv, &hv->vm[slot], min_u64(slice, wake));
        return;
    }
    wake = min_u64(wake, sched_deadline(&hv->sched));
    arch_set_timer(min_u64(wake, devices));
    idle(hv);
}

void hv_last_words(struct hv *hv, const struct sink *out)
{
    if (hv->current)
        blackbox_last_words(hv->current, out);
}

u32 hv_run(struct hv *hv)
{
    u64 now;

    ring_init(&hv->typed, hv->typed_bytes, sizeof(hv->typed_bytes));
    view_init(&hv->view);
    gdb_init(hv);
    if (!hv->exit_when_idle && !script_busy(&hv->script))
        console_prompt(&hv->console);
    while (!hv->poweroff) {
        keyboard(hv);
        show_lines(hv);
        now = arch_now_ns();
        view_tick(hv, now);
        trace_live_turn(hv, now);
        monitor_top_turn(hv, now);
        export_turn(hv, now);
        gdb_poll(hv);
        script_turn(hv, now);
        if (hv->exit_when_idle && !gdb_busy(hv) && !script_busy(&hv->script) &&
            all_stopped(hv)) {
            hv->poweroff_status = verdict(hv);
            break;
        }
        turn(hv, now);
    }
    console_print(&hv->console, "trapline: poweroff, status %u",
                  hv->poweroff_status);
    export_finish(hv);
    return hv->poweroff_status;
}
