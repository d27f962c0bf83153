/* SPDX-License-Identifier: MIT
 *
 * Debug exceptions of the direct engine: those that the hardware raises, and
 * those that follow from instructions which the VMM runs for it.
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/unit/exitsworld.h"

/* The hardware's DR6 is the guest's, and GD is clear in the handler (vol. 3B
 * 17.2.3, 17.2.4). */
static void a_debug_exception_shows_in_dr6(void)
{
    start("\x90", 1);
    vm->cpu.dr[7] = DR7_FIXED | DR7_GD;
    fake_dr6 = DR6_BS | 1;
    trap(TRAP_DB, 0);
    fake_dr6 = 0;
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT_EQ(vm->cpu.dr[6] & (DR6_BS | 15), DR6_BS | 1);
    EXPECT_EQ(vm->cpu.dr[7] & DR7_GD, 0);
    EXPECT_EQ(vm->exit_count[EXIT_EXCEPTION], 1);
}

/* An emulated instruction under TF: #DB behind it, TF in the frame. */
static void tf_traps_behind_an_emulated_instruction(void)
{
    start("\xfa\x90", 2);
    vm->cpu.eflags |= EFLAGS_TF;
    trap(TRAP_GP, 0);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT_EQ(stack_word(0), CODE_AT + 1);
    EXPECT_EQ(stack_word(2) & EFLAGS_TF, EFLAGS_TF);
    EXPECT(vm->cpu.dr[6] & DR6_BS);
    EXPECT_EQ(vm->cpu.eflags & EFLAGS_TF, 0);
}

/* INT n does not trap behind itself, but its handler runs without TF
 * (vol. 3B 17.3.1.4). */
static void tf_is_quiet_behind_a_software_interrupt(void)
{
    start("\xcd\x80", 2);
    vm->cpu.eflags |= EFLAGS_TF;
    vm->cpu.seg[SEG_SS].limit = 0x0fffffff; /* the long way */
    trap(TRAP_GP, 0x80 * 8 | TRAP_ERR_IDT);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT_EQ(stack_word(0), CODE_AT + 2);
    EXPECT_EQ(vm->cpu.dr[6] & DR6_BS, 0);
    EXPECT_EQ(vm->recorder.gate[0x80].reflected, 1);
    EXPECT_EQ(vm->exit_count[EXIT_SOFTINT], 1);
}

/* A TSS of `task` at 0x5000, entry 3 of the GDT, with its T bit set. */
static void task_with_t(void)
{
    u32 tss[TSS32_SIZE / 4] = {[TSS32_EIP / 4] = CODE_AT + 0x100,
                               [TSS32_EIP / 4 + 1] = EFLAGS_ONE,
                               [14] = STACK - 0x100, /* ESP */
                               [18] = 16,
                               8,
                               16,
                               16,
                               16,
                               16,
                               [TSS32_TRAP / 4] = TSS32_T};

    poke(0x5000, tss, sizeof(tss));
    poke(GDT_AT + 24, &(u64){0x0000890050000067}, 8);
    vm->cpu.gdtr.limit = 31;
    vm->cpu.tr = (struct segment){0, ATTR_P | SYS_TSS32_BUSY, 0x6000, 0x67};
}

/* A switch to a task with T ends in its debug trap (SDM vol. 3A 7.2.1). */
static void a_task_with_t_traps_before_it_runs(void)
{
    start("\xea\0\0\0\0\x18\0", 7); /* ljmp 18h:0 */
    task_with_t();
    trap(TRAP_GP, 0x18);
    EXPECT_EQ(vm->cpu.tr.sel, 0x18);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT_EQ(stack_word(0), CODE_AT + 0x100);
    EXPECT_EQ(vm->cpu.dr[6] & (DR6_BT | DR6_BS), DR6_BT);
    EXPECT_EQ(vm->cpu.debug_pending, 0);
}

/* By an exception through a task gate it begins the next turn. */
static void a_task_gate_leaves_its_trap_too(void)
{
    start("\x90", 1);
    task_with_t();
    poke(IDT_AT + TRAP_UD * 8, &(u64){0x0000850000180000}, 8);
    trap(TRAP_UD, 0);
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 0x100);
    EXPECT(vm->leave);
    exit_pending(vm);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
}

/* mov ss, [watched]; incl [mem]: the breakpoint is reported behind the second
 * instruction, whichever of them the VMM runs. */
static void a_trap_held_back_is_not_lost(void)
{
    start("\x8e\x15\0\x40\0\0\x40\x90", 8);
    poke(0x4000, &(u16){0x10}, 2);
    vm->cpu.dr[0] = 0x4000;
    vm->cpu.dr[7] = DR7_FIXED | 1 | DR7_RW_ACCESS << DR7_RW_SHIFT(0);
    trap(TRAP_GP, 0);
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 6);
    EXPECT(vm->leave);
    exit_pending(vm);
    EXPECT_EQ(vm->cpu.eip, HANDLER);
    EXPECT_EQ(stack_word(0), CODE_AT + 7);
    EXPECT_EQ(vm->cpu.dr[6] & DR6_HITS, 1);
}

/* The processor has looked for breakpoints before the instruction faulted. */
static void an_emulated_instruction_does_not_meet_its_breakpoint(void)
{
    start("\xfa\xfa\x90", 3);
    vm->cpu.dr[0] = CODE_AT;
    vm->cpu.dr[7] = DR7_FIXED | 1;
    trap(TRAP_GP, 0);
    EXPECT_EQ(vm->cpu.eip, CODE_AT + 1);
    EXPECT_EQ(vm->cpu.eflags & EFLAGS_RF, 0);
}

static const struct unit_case cases[] = {
    CASE(a_debug_exception_shows_in_dr6),
    CASE(tf_traps_behind_an_emulated_instruction),
    CASE(tf_is_quiet_behind_a_software_interrupt),
    CASE(a_task_with_t_traps_before_it_runs),
    CASE(a_task_gate_leaves_its_trap_too),
    CASE(a_trap_held_back_is_not_lost),
    CASE(an_emulated_instruction_does_not_meet_its_breakpoint),
};
UNIT_MAIN(cases)
