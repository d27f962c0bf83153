/* SPDX-License-Identifier: MIT
 *
 * Exits and the loop: what is emulated, reflected or killed, the interrupt
 * shadow, and that a turn always gets on.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/unit/exitsworld.h"

static void raise_timer(void)
{
    fake_raise_timer(vm, VECTOR);
    EXPECT(vm->irq_waiting);
    vm->cpu.eflags |= EFLAGS_IF;
}

static void privileged_instructions_are_emulated(void)
{
    start("\xfb\xfa", 2);
    trap(TRAP_GP, 0);
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 1);
    EXPECT(vm->cpu.eflags & EFLAGS_IF);
    trap(TRAP_GP, 0);
    EXPECT(!(vm->cpu.eflags & EFLAGS_IF));
    EXPECT_EQ(vm->exit_count[EXIT_PRIVILEGED], 2);
}

static void the_guests_own_fault_is_reflected(void)
{
    start("\x0f\x22\xc0", 3); /* mov cr0, eax: PG without PE */
    vm->cpu.gpr[EAX] = CR0_PG;
    trap(TRAP_GP, 0);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT_EQ(stack_word(1), CODE_AT);
}

static void a_triple_fault_stops_the_vm(void)
{
    start("\x0f\x0b", 2);
    vm->cpu.idtr.limit = 0;
    trap(TRAP_UD, 0);
    EXPECT_EQ(vm->state, VM_KILLED);
    EXPECT(strstr(vm->reason, "triple fault"));
}

static void exceptions_that_no_guest_can_cause_stop_the_vm(void)
{
    static const u32 odd[] = {TRAP_NMI, TRAP_DF, 9, 15, TRAP_MC, 31};
    for (u32 i = 0; i < ARRAY_LEN(odd); i++) {
        start("\x90", 1);
        trap(odd[i], 0);
        EXPECT_EQ(vm->state, VM_KILLED);
    }
}

/* SDM vol. 3A 2.5 (NE); a PC wires FERR# to IRQ 13. */
static void an_fpu_error_goes_the_way_that_ne_says(void)
{
    start("\x9b", 1);
    vm->cpu.cr0 |= CR0_NE;
    trap(TRAP_MF, 0);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT(!pic_waiting(&vm->pc.pic, IRQ_FPU));
    start("\x9b", 1);
    vm->cpu.cr0 &= ~(u32)CR0_NE;
    vm->leave = false;
    trap(TRAP_MF, 0);
    EXPECT_EQ(vm->cpu.eip, CODE_AT);
    EXPECT(pic_waiting(&vm->pc.pic, IRQ_FPU));
    EXPECT(vm->leave);
}

static void exits_are_counted_by_kind(void)
{
    start("\xec", 1); /* in al, dx */
    trap(TRAP_GP, 0);
    EXPECT_EQ(vm->exit_count[EXIT_IO], 1);
    EXPECT(vm->leave);
    start("\xcf", 1); /* iret to a selector that is not there */
    poke(STACK + 4, &(u32){0x33}, 4);
    trap(TRAP_NP, 0x30);
    EXPECT_EQ(vm->exit_count[EXIT_IRET], 1);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    start("\x90", 1);
    vm->cpu.seg[SEG_CS].limit = 0; /* not even fetched */
    trap(TRAP_GP, 0);
    EXPECT_EQ(vm->exit_count[EXIT_EXCEPTION], 1);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
}

static void an_instruction_that_stops_the_vm_is_dropped(void)
{
    start("\x0f\x22\xe0", 3); /* mov cr4, eax */
    vm->cpu.gpr[EAX] = CR4_PAE;
    trap(TRAP_GP, 0);
    EXPECT_EQ(vm->state, VM_KILLED);
    EXPECT(strstr(vm->reason, "PAE"));
    EXPECT_EQ(vm->cpu.eip, CODE_AT);
    EXPECT_EQ(vm->cpu.cr4, 0);
}

/* Page tables in RAM: identity for 4 MiB, page 0x300 absent. */
static void turn_paging_on(void)
{
    for (u32 i = 0; i < 1024; i++)
        poke(0x6000 + i * 4, &(u32){i == 0x300 ? 0 : i << 12 | 3}, 4);
    poke(0x5000, &(u32){0x6003}, 4);
    vm->cpu.cr3 = 0x5000;
    vm->cpu.cr0 |= CR0_PG | CR0_WP;
    priv_cr_written(vm, 0, CR0_PE);
}

static void page_fault(u32 at, u32 error)
{
    vm->arch.fault_at = at;
    trap(TRAP_PF, error);
}

/* Page zero is mapped, so a wrapped address would be filled, for ever. */
static void an_operand_over_the_top_is_the_guests_fault(void)
{
    start("\xa1\xfe\xff\xff\xff", 5); /* mov eax, [0xfffffffe] */
    vm->arch.fault_above = 1;
    vm->arch.fault_at = 0;
    trap(TRAP_PF, 0);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT_EQ(vm->recorder.gate[TRAP_GP].reflected, 1);
    EXPECT_EQ(stack_word(0), 0);
    EXPECT_EQ(stack_word(1), CODE_AT);
}

static void page_faults_are_filled_or_reflected(void)
{
    start("\x90", 1);
    turn_paging_on();
    page_fault(0x200000, 0);
    EXPECT_EQ(vm->exit_count[EXIT_PAGE_FILL], 1);
    EXPECT_EQ(vm->cpu.eip, CODE_AT);
    EXPECT(shadow_peek(&vm->shadow, gva(0x200000), 0));
    page_fault(0x300004, PF_WRITE);
    EXPECT_EQ(vm->exit_count[EXIT_PAGE_TRUE], 1);
    EXPECT_EQ(vm->cpu.cr2, 0x300004);
    EXPECT_EQ(stack_word(0), PF_WRITE);
    EXPECT_EQ(stack_word(1), CODE_AT);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
}

/* mov [VGA text], eax: a store that only the bus can take. */
static void a_store_to_a_device_is_emulated(void)
{
    u32 seen;

    start("\xa3\x00\x80\x0b\x00", 5);
    vm->cpu.gpr[EAX] = 0x07410742;
    page_fault(0xb8000, PF_WRITE);
    EXPECT_EQ(vm->exit_count[EXIT_MMIO], 1);
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 5);
    seen = bus_read(&vm->pc.bus, BUS_MEMORY, 0xb8000, 4);
    EXPECT_EQ(seen, 0x07410742);
}

/* mov [GDT entry 2], eax: the store is done and its trace served. */
static void a_store_to_a_watched_frame_is_emulated(void)
{
    start("\xa3\x14\x30\x00\x00", 5);
    EXPECT(fake_gdt[2] != 0);
    vm->cpu.gpr[EAX] = 0;
    page_fault(0x3014, PF_PRESENT | PF_WRITE);
    EXPECT_EQ(vm->exit_count[EXIT_PAGE_WRITE], 1);
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 5);
    EXPECT_EQ(fake_gdt[2], 0);
}

static void a_host_interrupt_leaves_the_inner_loop(void)
{
    start("\x90", 1);
    vm->leave = false;
    trap(HOST_IRQ, 0);
    EXPECT(vm->leave);
    EXPECT_EQ(vm->cpu.eip, CODE_AT);
    EXPECT_EQ(vm->exit_count[EXIT_HOST_IRQ], 1);
}

static void an_interrupt_waits_for_one_instruction_behind_sti(void)
{
    start("\x40", 1); /* inc eax */
    raise_timer();
    vm->cpu.irq_shadow = 1;
    vm->shadow_eip = CODE_AT;
    exit_inject(vm);
    EXPECT_EQ(vm->cpu.gpr[EAX], 0x2badb002 + 1);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT_EQ(stack_word(0), CODE_AT + 1);
}

static void a_shadow_from_long_ago_is_over(void)
{
    start("\xd8\xca", 2); /* an FPU instruction */
    raise_timer();
    vm->cpu.irq_shadow = 1;
    vm->shadow_eip = CODE_AT - 100;
    exit_inject(vm);
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT_EQ(stack_word(0), CODE_AT);
}

/* Neither a shadow that is over nor a place where one was lets another
 * instruction pass first. */
static void only_a_shadow_here_and_now_counts(void)
{
    for (u32 i = 0; i < 2; i++) {
        start("\x40", 1);
        raise_timer();
        vm->cpu.irq_shadow = i == 0;
        vm->shadow_eip = i ? CODE_AT : CODE_AT - 1;
        exit_inject(vm);
        EXPECT_EQ(vm->cpu.gpr[EAX], 0x2badb002);
        EXPECT_EQ(vm->cpu.eip, HANDLER);
        EXPECT_EQ(stack_word(0), CODE_AT);
    }
}

static void an_unknown_instruction_in_the_shadow_kills_nobody(void)
{
    start("\xd8\xca", 2);
    raise_timer();
    vm->cpu.irq_shadow = 1;
    vm->shadow_eip = CODE_AT;
    exit_inject(vm);
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
}

static void an_nmi_is_an_exit_like_any(void)
{
    start("\x90", 1);
    vm->arch.hw_eflags = EFLAGS_IF;
    trap(TRAP_NMI, 0);
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT_EQ(vm->cpu.eip, CODE_AT);
    EXPECT_EQ(vm->exit_count[EXIT_HOST_IRQ], 1);
}

/* No processor does it; QEMU's translator does. */
static void virtual_8086_mode_stops_the_vm(void)
{
    start("\xfb", 1);
    trap(DIRECT_V86, 0);
    EXPECT_EQ(vm->state, VM_KILLED);
    EXPECT(strstr(vm->reason, "virtual-8086"));
    EXPECT_EQ(vm->cpu.eip, CODE_AT);
}

static void no_interrupt_while_if_is_clear(void)
{
    start("\x90", 1);
    raise_timer();
    vm->cpu.eflags &= ~(u32)EFLAGS_IF;
    exit_inject(vm);
    EXPECT_EQ(vm->cpu.eip, CODE_AT);
}

/* The instruction behind STI is CLI: the window closes again. */
static void cli_behind_sti_keeps_the_interrupt_out(void)
{
    start("\xfa", 1);
    raise_timer();
    vm->cpu.irq_shadow = 1;
    vm->shadow_eip = CODE_AT;
    exit_inject(vm);
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 1);
    EXPECT(!(vm->cpu.eflags & EFLAGS_IF));
    EXPECT(vm->irq_waiting);
}

static void an_instruction_in_the_shadow_may_stop_the_vm(void)
{
    start("\x0f\x22\xc0", 3); /* mov cr0, eax */
    raise_timer();
    vm->cpu.gpr[EAX] = 0;
    vm->cpu.irq_shadow = 1;
    vm->shadow_eip = CODE_AT;
    exit_inject(vm);
    EXPECT_EQ(vm->state, VM_KILLED);
    EXPECT_EQ(vm->cpu.eip, CODE_AT);
}

/* HLT is the one instruction behind STI: the interrupt ends it. */
static void sti_hlt_waits_and_wakes(void)
{
    start("\xf4", 1);
    raise_timer();
    vm->cpu.irq_shadow = 1;
    vm->shadow_eip = CODE_AT;
    exit_inject(vm);
    EXPECT(!vm->cpu.halted);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT_EQ(stack_word(0), CODE_AT + 1);
}

/* Halted behind its STI, the instruction is done. */
static void no_shadow_holds_while_halted(void)
{
    start("\x40", 1);
    raise_timer();
    vm->cpu.irq_shadow = 1;
    vm->cpu.halted = 1;
    vm->shadow_eip = CODE_AT;
    exit_inject(vm);
    EXPECT_EQ(vm->cpu.gpr[EAX], 0x2badb002);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
}

static void an_interrupt_ends_hlt(void)
{
    start("\x90", 1);
    raise_timer();
    vm->cpu.halted = 1;
    exit_inject(vm);
    EXPECT(!vm->cpu.halted);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
}

static u32 entries;

static void guest_until_the_timer(struct cpu *cpu, struct arch_vcpu *av)
{
    av->vector = HOST_IRQ;
    fake_now += 100;
    if (++entries == 50)
        fake_hv.poweroff = true;
}

/* Ten nanoseconds were left of a turn: less than it takes to look. */
static void a_turn_of_no_length_gets_on(void)
{
    start("\x90", 1);
    entries = 0;
    fake_guest = guest_until_the_timer;
    fake_step = 50;
    fake_hv.sched.entry[0].left = 10;
    EXPECT_EQ(hv_run(&fake_hv), 0);
    EXPECT_EQ(entries, 50);
}

/* Loading an image takes 3 ms here. */
static const u8 *slow_module(struct hv *hv, u32 module)
{
    fake_now += 3000000;
    return fake_module(hv, module);
}

/* VM 0 resets itself with its first instruction, VM 1 computes. */
static void resetter_and_worker(struct cpu *cpu, struct arch_vcpu *av)
{
    struct vm *first = &fake_hv.vm[0];

    av->vector = HOST_IRQ;
    fake_now += cpu == &first->cpu ? 100 : 1000000;
    if (cpu == &first->cpu)
        first->reset_wanted = true;
    if (fake_now > 2000000000)
        fake_hv.poweroff = true;
}

/* What the VMM does for it is the VM's own time, and the other keeps half. */
static void a_vm_pays_for_its_resets(void)
{
    struct vm *two = &fake_hv.vm[1];
    u64 all;

    start("\x90", 1);
    str_copy(fake_boot.module[0].line, BOOT_LINE, "vm=fake mem=1M");
    monitor_command(&fake_hv, "create vm=two mem=2M");
    EXPECT_EQ(two->state, VM_RUNNING);
    fake_hv.module_data = slow_module;
    fake_guest = resetter_and_worker;
    fake_step = 10;
    fake_now = 0;
    EXPECT_EQ(hv_run(&fake_hv), 0);
    all = vm->run_ns + two->run_ns;
    EXPECT(all > 1900000000);
    EXPECT(two->run_ns > all / 2 - 30000000);
    EXPECT(vm->run_ns > all / 2 - 30000000);
}

static void slow_serial(void *ctx, const char *text, size_t len)
{
    fake_now += 87000 * len;
}

/* VM 0 has an endless line and shows a byte more of it each time. */
static void dribbler_and_worker(struct cpu *cpu, struct arch_vcpu *av)
{
    av->vector = HOST_IRQ;
    fake_now += 1000000;
    if (cpu == &fake_hv.vm[0].cpu)
        console_guest(&fake_hv.console, 0, 'x', fake_now);
    if (fake_now > 20000000000)
        fake_hv.poweroff = true;
}

static void a_vm_pays_for_its_unfinished_lines(void)
{
    struct vm *two = &fake_hv.vm[1];

    start("\x90", 1);
    str_copy(fake_boot.module[0].line, BOOT_LINE, "vm=fake mem=1M");
    monitor_command(&fake_hv, "create vm=two mem=2M");
    fake_hv.console.out = (struct sink){slow_serial, NULL};
    fake_guest = dribbler_and_worker;
    fake_step = 10;
    fake_now = 0;
    EXPECT_EQ(hv_run(&fake_hv), 0);
    EXPECT(two->run_ns > 9900000000);
    EXPECT(vm->run_ns > 9900000000);
}

static const struct unit_case cases[] = {
    CASE(privileged_instructions_are_emulated),
    CASE(the_guests_own_fault_is_reflected),
    CASE(a_triple_fault_stops_the_vm),
    CASE(exceptions_that_no_guest_can_cause_stop_the_vm),
    CASE(an_fpu_error_goes_the_way_that_ne_says),
    CASE(exits_are_counted_by_kind),
    CASE(an_instruction_that_stops_the_vm_is_dropped),
    CASE(an_operand_over_the_top_is_the_guests_fault),
    CASE(page_faults_are_filled_or_reflected),
    CASE(a_store_to_a_device_is_emulated),
    CASE(a_store_to_a_watched_frame_is_emulated),
    CASE(a_host_interrupt_leaves_the_inner_loop),
    CASE(an_interrupt_waits_for_one_instruction_behind_sti),
    CASE(a_shadow_from_long_ago_is_over),
    CASE(only_a_shadow_here_and_now_counts),
    CASE(an_unknown_instruction_in_the_shadow_kills_nobody),
    CASE(an_nmi_is_an_exit_like_any),
    CASE(virtual_8086_mode_stops_the_vm),
    CASE(no_interrupt_while_if_is_clear),
    CASE(cli_behind_sti_keeps_the_interrupt_out),
    CASE(an_instruction_in_the_shadow_may_stop_the_vm),
    CASE(sti_hlt_waits_and_wakes),
    CASE(no_shadow_holds_while_halted),
    CASE(an_interrupt_ends_hlt),
    CASE(a_turn_of_no_length_gets_on),
    CASE(a_vm_pays_for_its_resets),
    CASE(a_vm_pays_for_its_unfinished_lines),
};
UNIT_MAIN(cases)
