/* SPDX-License-Identifier: MIT
 *
 * The interpreting engine: who runs which state, that interrupts, HLT, time
 * slices and stops are honoured, and that the engines hand over both ways.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/traps.h"
#include "tests/fake/machine.h"
#include "tests/unit/unit.h"
#include "vmm/vm/interp.h"

#define PORT_ELCR   0x4d0
#define IDT_AT      0x2000
#define GDT_AT      0x3000
#define TSS_AT      0x4000
#define STACK       0x9000
#define USER_STACK  0xa000
#define CODE_AT     0x200000
#define HANDLER     0x201000
#define VECTOR      0x20
#define KERNEL_CODE 0x00cf9b000000ffffull
#define KERNEL_DATA 0x00cf93000000ffffull
#define USER_CODE   0x00cffb000000ffffull
#define USER_DATA   0x00cff3000000ffffull
#define UCODE       0x1b
#define UDATA       0x23

static struct vm *vm;
static bool threaded;
static u8 room[BLOCK_SLOTS][BLOCK_SIZE] __attribute__((aligned(8)));

static void poke(u32 at, const void *bytes, u32 size)
{
    p2m_write(&vm->p2m, gpa(at), bytes, size);
}

static void start(const char *code, u32 size)
{
    static const u64 gdt[] = {0,         KERNEL_CODE, KERNEL_DATA,
                              USER_CODE, USER_DATA,   0x00008b0040000067ull};
    u64 gate = (u64)(HANDLER & 0xffff0000) << 32 | 0x8e00ull << 32 | 8 << 16 |
               (HANDLER & 0xffff);
    struct cpu_env env;

    vm = fake_vm(0x400000, SHADOW_CACHED);
    vm->config.exec = EXEC_INTERP;
    vm->config.dispatch = threaded ? DISPATCH_THREADED : DISPATCH_PLAIN;
    memset(room, 0, sizeof(room));
    for (u32 i = 0; i < BLOCK_SLOTS; i++)
        vm->blocks.slot[i] = (void *)room[i];
    env = env_of(vm);
    for (u32 v = 0; v < TRAP_VECTORS; v++)
        poke(IDT_AT + v * 8, &gate, 8);
    poke(GDT_AT, gdt, sizeof(gdt));
    poke(TSS_AT + 4, &(u64){STACK | 16ull << 32}, 8);
    vm->cpu.gdtr = (struct table_reg){GDT_AT, sizeof(gdt) - 1};
    vm->cpu.idtr = (struct table_reg){IDT_AT, 2047};
    vm->cpu.tr = (struct segment){0x28, 0x8b, TSS_AT, 103};
    env.table_loaded(vm, TABLE_GDT);
    env.table_loaded(vm, TABLE_IDT);
    vm->cpu.eip = CODE_AT;
    vm->cpu.gpr[ESP] = STACK;
    poke(CODE_AT, code, size);
    fake_windows = 0;
}

static u32 stack_word(u32 index)
{
    u32 word = 0;

    p2m_read(&vm->p2m, gpa(vm->cpu.gpr[ESP] + index * 4), &word, 4);
    return word;
}

static void raise_timer(void)
{
    fake_raise_timer(vm, VECTOR);
    EXPECT(vm->irq_waiting);
}

static void ring_3(struct cpu *cpu)
{
    cpu->cpl = 3;
    cpu->eflags = EFLAGS_ONE | EFLAGS_IF;
    cpu->seg[SEG_CS].sel = UCODE;
    cpu->seg[SEG_CS].attr |= 3 << ATTR_DPL_SHIFT;
    cpu->seg[SEG_SS].sel = UDATA;
    cpu->seg[SEG_SS].attr |= 3 << ATTR_DPL_SHIFT;
}

static void the_mode_chooses_the_engine(void)
{
    struct cpu cpu;

    cpu_reset_flat(&cpu, 0);
    EXPECT_EQ(engine_choose(EXEC_INTERP, &cpu), ENGINE_INTERP);
    EXPECT_EQ(engine_choose(EXEC_TRAP, &cpu), ENGINE_DIRECT);
    ring_3(&cpu);
    EXPECT_EQ(engine_choose(EXEC_INTERP, &cpu), ENGINE_DIRECT);
    cpu.cr0 |= CR0_PG;
    EXPECT_EQ(engine_choose(EXEC_INTERP, &cpu), ENGINE_DIRECT);
    cpu.cr4 |= CR4_PAE;
    EXPECT_EQ(engine_choose(EXEC_INTERP, &cpu), ENGINE_INTERP);
    cpu.cr0 &= ~(u32)CR0_PG;
    EXPECT_EQ(engine_choose(EXEC_INTERP, &cpu), ENGINE_DIRECT);
    cpu.eflags |= EFLAGS_VM;
    EXPECT_EQ(engine_choose(EXEC_INTERP, &cpu), ENGINE_INTERP);
}

/* A boot sector is on its way to protected mode; there a far jump is still
 * to come. */
static void real_mode_is_interpreted_whatever_was_chosen(void)
{
    struct cpu cpu;

    cpu_reset_power_on(&cpu, 0);
    EXPECT_EQ(engine_choose(EXEC_TRAP, &cpu), ENGINE_INTERP);
    cpu.cr0 |= CR0_PE;
    EXPECT_EQ(engine_choose(EXEC_TRAP, &cpu), ENGINE_INTERP);
    cpu.eflags |= EFLAGS_VM; /* which the direct engine refuses */
    EXPECT_EQ(engine_choose(EXEC_TRAP, &cpu), ENGINE_DIRECT);
    cpu_reset_flat(&cpu, 0);
    EXPECT_EQ(engine_choose(EXEC_TRAP, &cpu), ENGINE_DIRECT);
}

/* PUSHF of ring 3 would show the host's IF and IOPL. */
static void flags_that_the_hardware_hides_are_interpreted(void)
{
    struct cpu cpu;

    cpu_reset_flat(&cpu, 0);
    ring_3(&cpu);
    cpu.eflags &= ~(u32)EFLAGS_IF;
    EXPECT_EQ(engine_choose(EXEC_INTERP, &cpu), ENGINE_INTERP);
    cpu.eflags |= EFLAGS_IF | EFLAGS_IOPL;
    EXPECT_EQ(engine_choose(EXEC_INTERP, &cpu), ENGINE_INTERP);
}

static void other_rings_and_real_mode_are_interpreted(void)
{
    struct cpu cpu;

    cpu_reset_flat(&cpu, 0);
    cpu.cpl = 1;
    EXPECT_EQ(engine_choose(EXEC_INTERP, &cpu), ENGINE_INTERP);
    cpu.cpl = 0;
    cpu.cr0 &= ~(u32)CR0_PE;
    EXPECT_EQ(engine_choose(EXEC_INTERP, &cpu), ENGINE_INTERP);
}

/* pushf; pop eax; mov ecx, cs; hlt */
static void what_does_not_trap_is_exact(void)
{
    start("\x9c\x58\x8c\xc9\xf4", 5);
    vm->cpu.eflags |= 2 << EFLAGS_IOPL_SHIFT;
    interp_run(vm);
    EXPECT_EQ(vm->cpu.gpr[EAX], EFLAGS_ONE | 2 << EFLAGS_IOPL_SHIFT);
    EXPECT_EQ(vm->cpu.gpr[ECX], 8);
    EXPECT(vm->cpu.halted);
    EXPECT(vm->leave);
    EXPECT(!vm->interrupted);
    EXPECT_EQ(vm->interpreted, 4);
}

/* jmp $ */
static void a_loop_lets_host_interrupts_in(void)
{
    start("\xeb\xfe", 2);
    interp_run(vm);
    EXPECT_EQ(fake_windows, 1);
    EXPECT(!vm->leave);
    fake_irq = true;
    interp_run(vm);
    EXPECT_EQ(fake_windows, 2);
    EXPECT(vm->leave && vm->interrupted);
    EXPECT_EQ(vm->cpu.eip, CODE_AT);
}

/* An exception whose handler faults again and again is no way round that. */
static void endless_faults_let_host_interrupts_in(void)
{
    start("\x0f\x0b", 2);
    poke(HANDLER, "\x0f\x0b", 2);
    interp_run(vm);
    EXPECT_EQ(fake_windows, 1);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
}

/* A level-triggered line that stays high, and automatic EOI. */
static void hold_line(u32 line)
{
    static const u16 setup[][2] = {
        {PORT_ELCR, 1 << IRQ_COM1}, {PORT_PIC1_CMD, 0x11},
        {PORT_PIC1_DATA, VECTOR},   {PORT_PIC1_DATA, 4},
        {PORT_PIC1_DATA, 3},        {PORT_PIC1_DATA, 0}};
    for (u32 i = 0; i < ARRAY_LEN(setup); i++)
        bus_write(&vm->pc.bus, BUS_PORT, setup[i][0], 1, setup[i][1]);
    irq_set(&vm->pc.irq, line, true);
    vm->irq_waiting = pc_irq_pending(&vm->pc);
    vm->leave = false;
    EXPECT(vm->irq_waiting);
}

/* Behind a trap gate IF stays set: interrupt after interrupt, and not one
 * instruction. */
static void endless_interrupts_let_host_interrupts_in(void)
{
    u64 gate = (u64)(HANDLER & 0xffff0000) << 32 | 0x8f00ull << 32 | 8 << 16 |
               (HANDLER & 0xffff);

    start("\x90", 1);
    poke(IDT_AT + (VECTOR + IRQ_COM1) * 8, &gate, 8);
    vm->cpu.eflags |= EFLAGS_IF;
    hold_line(IRQ_COM1);
    interp_run(vm);
    EXPECT_EQ(fake_windows, 1);
    EXPECT(!vm->leave);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT(vm->cpu.gpr[ESP] > STACK - 0x1000);
}

/* rep stosd into the GDT, and each store is watched. */
static void dear_instructions_count_for_more(void)
{
    start("\xf3\xab\xb9\x80\x00\x00\x00\xeb\xf7", 9);
    vm->cpu.gpr[ECX] = 128;
    vm->cpu.gpr[EDI] = GDT_AT + 0x100;
    vm->work = 0;
    interp_run(vm);
    EXPECT_EQ(fake_windows, 1);
    EXPECT_EQ(vm->interpreted, 1);
}

/* sti; nop; hlt: behind the NOP, not before. */
static void an_interrupt_waits_for_the_shadow_of_sti(void)
{
    start("\xfb\x90\xf4", 3);
    raise_timer();
    poke(HANDLER, "\xf4", 1);
    interp_run(vm);
    EXPECT_EQ(vm->cpu.eip, HANDLER + 1);
    EXPECT_EQ(stack_word(0), CODE_AT + 2);
}

/* sti; nop; cli: behind the NOP the window is open. */
static void a_window_of_one_instruction_is_open(void)
{
    start("\xfb\x90\xfa\xf4", 4);
    raise_timer();
    poke(HANDLER, "\xf4", 1);
    interp_run(vm);
    EXPECT_EQ(stack_word(0), CODE_AT + 2);
}

static void an_interrupt_waits_for_if(void)
{
    start("\x90\xf4", 2);
    raise_timer();
    interp_run(vm);
    EXPECT(vm->irq_waiting);
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 2);
}

/* in al, dx */
static void a_device_ends_the_run(void)
{
    start("\xec\x90", 2);
    interp_run(vm);
    EXPECT(vm->leave);
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 1);
}

static void tf_traps_behind_each_instruction(void)
{
    start("\x90\x90", 2);
    vm->cpu.eflags |= EFLAGS_TF;
    poke(HANDLER, "\xf4", 1);
    interp_run(vm);
    EXPECT_EQ(stack_word(0), CODE_AT + 1);
    EXPECT(vm->cpu.dr[6] & DR6_BS);
}

static void a_fault_enters_its_handler(void)
{
    start("\x0f\x0b", 2);
    poke(HANDLER, "\xf4", 1);
    interp_run(vm);
    EXPECT_EQ(vm->cpu.eip, HANDLER + 1);
    EXPECT_EQ(stack_word(0), CODE_AT);
    EXPECT_EQ(vm->recorder.gate[TRAP_UD].reflected, 1);
}

static void a_triple_fault_ends_it(void)
{
    start("\x0f\x0b", 2);
    vm->cpu.idtr.limit = 0;
    interp_run(vm);
    EXPECT_EQ(vm->state, VM_KILLED);
    EXPECT(vm->leave);
}

/* iretd to ring 3, whose selectors only then reach the hardware. */
static void ring_3_is_for_the_direct_engine(void)
{
    u32 frame[] = {CODE_AT + 64, UCODE, EFLAGS_ONE | EFLAGS_IF, USER_STACK,
                   UDATA};

    start("\xcf", 1);
    vm->cpu.gpr[ESP] = STACK - sizeof(frame);
    poke(vm->cpu.gpr[ESP], frame, sizeof(frame));
    interp_run(vm);
    EXPECT(!vm->leave);
    EXPECT_EQ(vm->cpu.cpl, 3);
    EXPECT_EQ(fake_windows, 0);
    EXPECT_EQ(engine_choose(vm->config.exec, &vm->cpu), ENGINE_DIRECT);
    EXPECT(direct_load(vm));
    EXPECT_EQ(vm->arch.hw_cs, UCODE);
    EXPECT_EQ(vm->arch.hw_ss, UDATA);
    EXPECT_EQ(vm->arch.gdt[UCODE >> 3], USER_CODE);
}

/* mov eax, fs; hlt, behind a program that loaded FS itself. */
static void what_ring_3_loaded_is_read_back(void)
{
    start("\x8c\xe0\xf4", 3);
    vm->cpu.seg_dirty = 0;
    fake_segs[SEG_FS] = UDATA;
    interp_run(vm);
    EXPECT_EQ(vm->cpu.gpr[EAX], UDATA);
    EXPECT_EQ(vm->cpu.seg[SEG_FS].limit, 0xffffffff);
}

/* A shadow that directly run instructions have left behind. */
static void an_old_shadow_is_none(void)
{
    start("\x90\xf4", 2);
    raise_timer();
    vm->cpu.eflags |= EFLAGS_IF;
    vm->cpu.irq_shadow = 1;
    vm->shadow_eip = CODE_AT - 1;
    poke(HANDLER, "\xf4", 1);
    interp_run(vm);
    EXPECT_EQ(stack_word(0), CODE_AT);
}

/* mov cr0, eax; hlt */
static void protected_mode_may_be_left(void)
{
    start("\x0f\x22\xc0\xf4", 4);
    vm->cpu.gpr[EAX] = CR0_ET;
    interp_run(vm);
    EXPECT_EQ(vm->state, VM_RUNNING);
    EXPECT(vm->cpu.halted);
    EXPECT_EQ(cpu_mode(&vm->cpu), MODE_REAL);
}

static u32 entries;

/* Ring 3 is entered, and traps at once. */
static void user_traps(struct cpu *cpu, struct arch_vcpu *av)
{
    entries++;
    EXPECT_EQ(cpu->eip, CODE_AT + 64);
    EXPECT_EQ(av->hw_cs, UCODE);
    av->vector = TRAP_UD;
    av->error = av->fault_at = av->fault_above = 0;
}

/* iretd to ring 3; its #UD comes back to a kernel that ends the VM. */
static void the_loop_goes_from_engine_to_engine(void)
{
    u32 frame[] = {CODE_AT + 64, UCODE, EFLAGS_ONE | EFLAGS_IF, USER_STACK,
                   UDATA};

    start("\xcf", 1);
    poke(HANDLER, "\xb0\x10\xe6\xf4", 4); /* mov al, 0x10; out 0xf4, al */
    vm->cpu.gpr[ESP] = STACK - sizeof(frame);
    poke(vm->cpu.gpr[ESP], frame, sizeof(frame));
    entries = 0;
    fake_guest = user_traps;
    fake_step = 1000;
    fake_hv.exit_when_idle = true;
    EXPECT_EQ(hv_run(&fake_hv), 0);
    fake_step = 0;
    fake_guest = NULL;
    EXPECT_EQ(vm->state, VM_EXITED);
    EXPECT_EQ(entries, 1);
    EXPECT_EQ(vm->exits, 1);
    EXPECT_EQ(vm->interpreted, 3);
}

static void run_all(void)
{
    what_does_not_trap_is_exact();
    a_loop_lets_host_interrupts_in();
    endless_faults_let_host_interrupts_in();
    endless_interrupts_let_host_interrupts_in();
    dear_instructions_count_for_more();
    an_interrupt_waits_for_the_shadow_of_sti();
    a_window_of_one_instruction_is_open();
    an_interrupt_waits_for_if();
    a_device_ends_the_run();
    tf_traps_behind_each_instruction();
    a_fault_enters_its_handler();
    a_triple_fault_ends_it();
    ring_3_is_for_the_direct_engine();
    what_ring_3_loaded_is_read_back();
    an_old_shadow_is_none();
    protected_mode_may_be_left();
    the_loop_goes_from_engine_to_engine();
}

static void plain_dispatch(void)
{
    threaded = false;
    run_all();
}

static void threaded_dispatch(void)
{
    threaded = true;
    run_all();
    EXPECT(vm->blocks.built);
}

static const struct unit_case cases[] = {
    CASE(the_mode_chooses_the_engine),
    CASE(real_mode_is_interpreted_whatever_was_chosen),
    CASE(flags_that_the_hardware_hides_are_interpreted),
    CASE(other_rings_and_real_mode_are_interpreted),
    CASE(plain_dispatch),
    CASE(threaded_dispatch),
};
UNIT_MAIN(cases)
