/* SPDX-License-Identifier: MIT
 *
 * Memory, stack, strings, branches, fetching: what commits, what does not,
 * and where an interrupted instruction goes on.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/fake/flat.h"
#include "vmm/base/bits.h"

#define PAGE_END (2 * PAGE_SIZE)

static enum step_status run_at(u32 eip, const u8 *bytes, u32 count)
{
    flat_cpu.eip = eip;
    memcpy(flat_memory + eip, bytes, count);
    flat_before = flat_cpu;
    flat_fetches = 0;
    return cpu_step(&flat_cpu, &flat_env, &flat_step);
}

static void fetch_crosses_a_page_only_when_needed(void)
{
    flat_reset(0);
    EXPECT_EQ(run_at(PAGE_END - 1, (const u8[]){0x90}, 1), STEP_OK);
    EXPECT_EQ(flat_fetches, 1);
    EXPECT_EQ(run_at(PAGE_END - 2, (const u8[]){0xb8, 1, 2, 3, 4}, 5), STEP_OK);
    EXPECT_EQ(flat_fetches, 2);
    EXPECT_EQ(flat_cpu.gpr[EAX], 0x04030201);
    EXPECT_EQ(run_at(FLAT_SIZE - 1, (const u8[]){0x90}, 1), STEP_OK);
    EXPECT_FAULT(run_at(FLAT_SIZE - 1, (const u8[]){0xb8}, 1), TRAP_PF, 0);
    EXPECT_EQ(flat_step.fault.cr2, FLAT_SIZE);
}

static void code_ends_at_the_limit_of_cs(void)
{
    flat_reset(0);
    flat_cpu.seg[SEG_CS].limit = 0x1001;
    EXPECT_EQ(FLAT_RUN(0x66, 0x90), STEP_OK);
    EXPECT_FAULT(FLAT_RUN(0xb8, 1, 2, 3, 4), TRAP_GP, 0);
    EXPECT_FAULT(FLAT_RUN(0xeb, 0x40), TRAP_GP, 0);
    EXPECT_FAULT(FLAT_RUN(0x73, 0x40), TRAP_GP, 0);
    flat_cpu.eip = 0x1002;
    EXPECT_EQ(cpu_step(&flat_cpu, &flat_env, &flat_step), STEP_FAULT);
    EXPECT_EQ(flat_step.fault.vector, TRAP_GP);
}

static void a_faulting_write_changes_nothing(void)
{
    static const u8 into_edi[][4] = {
        {0x01, 0x07},       /* add [edi], eax */
        {0xff, 0x07},       /* inc [edi] */
        {0xd1, 0x27},       /* shl [edi], 1 */
        {0x87, 0x07},       /* xchg */
        {0x0f, 0xb1, 0x0f}, /* cmpxchg */
        {0x0f, 0xc1, 0x07}, /* xadd */
        {0x0f, 0xc7, 0x0f}, /* cmpxchg8b */
        {0x0f, 0xbb, 0x07}, /* btc */
        {0x89, 0x07},       /* mov */
        {0x8f, 0x07},       /* pop */
        {0xab},             /* stosd */
    };

    for (u32 i = 0; i < ARRAY_LEN(into_edi); i++) {
        flat_reset(0);
        flat_cpu.gpr[EDI] = FLAT_SIZE - 2;
        EXPECT_FAULT(flat_bytes(into_edi[i], 4), TRAP_PF, PF_WRITE);
    }
}

static void a_faulting_stack_keeps_esp(void)
{
    static const u8 users[][4] = {
        {0x50},       /* push eax */
        {0x9c},       /* pushf */
        {0x60},       /* pusha */
        {0xe8, 0},    /* call */
        {0xc8, 4, 0}, /* enter */
        {0x1e},       /* push ds */
    };

    for (u32 i = 0; i < ARRAY_LEN(users); i++) {
        flat_reset(0);
        flat_cpu.gpr[ESP] = FLAT_SIZE + 2 * PAGE_SIZE;
        EXPECT_FAULT(flat_bytes(users[i], 4), TRAP_PF, PF_WRITE);
    }
}

/* A branch beyond CS is #GP(0) at the branch, with nothing pushed and no
 * count taken (vol. 2A CALL, LOOP, Jcc). */
static void branches_check_their_target(void)
{
    flat_reset(0);
    flat_cpu.seg[SEG_CS].limit = 0x1fff;
    flat_cpu.gpr[ECX] = 5;
    flat_cpu.gpr[EAX] = 0x2000;
    EXPECT_FAULT(FLAT_RUN(0xe8, 0, 0x10, 0, 0), TRAP_GP, 0); /* call */
    EXPECT_FAULT(FLAT_RUN(0xff, 0xd0), TRAP_GP, 0);          /* call eax */
    EXPECT_FAULT(FLAT_RUN(0xff, 0xe0), TRAP_GP, 0);          /* jmp eax */
    EXPECT_EQ(flat_writes, 0);
    flat_cpu.seg[SEG_CS].limit = 0x1003;
    EXPECT_FAULT(FLAT_RUN(0xe2, 0x10), TRAP_GP, 0); /* loop */
    EXPECT_EQ(flat_cpu.gpr[ECX], 5);
    flat_cpu.gpr[ECX] = 1;
    EXPECT_EQ(FLAT_RUN(0xe2, 0x10), STEP_OK);
    EXPECT_FAULT(FLAT_RUN(0xe3, 0x10), TRAP_GP, 0); /* jecxz */
}

static void returns_check_their_target(void)
{
    flat_reset(0);
    flat_cpu.seg[SEG_CS].limit = 0xffff;
    flat_poke(FLAT_STACK, 0x10000);
    EXPECT_FAULT(FLAT_RUN(0xc3), TRAP_GP, 0);
    EXPECT_FAULT(FLAT_RUN(0xc2, 8, 0), TRAP_GP, 0);
    flat_poke(FLAT_STACK, 0x2000);
    EXPECT_EQ(FLAT_RUN(0xc2, 8, 0), STEP_OK);
    EXPECT_EQ(flat_cpu.eip, 0x2000);
    EXPECT_EQ(flat_cpu.gpr[ESP], FLAT_STACK + 12);
}

/* RET imm16 on a 16-bit stack moves SP alone (vol. 2B RET). */
static void ret_releases_in_sp(void)
{
    flat_reset(0);
    flat_cpu.seg[SEG_SS].attr &= (u16)~ATTR_DB;
    flat_cpu.gpr[ESP] = 0xabcdfff8;
    flat_poke(0xfff8, 0x2000);
    EXPECT_EQ(FLAT_RUN(0xc2, 8, 0), STEP_OK);
    EXPECT_EQ(flat_cpu.eip, 0x2000);
    EXPECT_EQ(flat_cpu.gpr[ESP], 0xabcd0004);
}

static void pop_to_memory_uses_the_new_esp(void)
{
    flat_reset(0);
    flat_poke(FLAT_STACK, 0xcafe);
    EXPECT_EQ(FLAT_RUN(0x8f, 0x04, 0x24), STEP_OK); /* pop [esp] */
    EXPECT_EQ(flat_word(FLAT_STACK + 4), 0xcafe);
    EXPECT_EQ(FLAT_RUN(0x54), STEP_OK); /* push esp: the old value */
    EXPECT_EQ(flat_word(FLAT_STACK), FLAT_STACK + 4);
    EXPECT_EQ(FLAT_RUN(0x5c), STEP_OK); /* pop esp */
    EXPECT_EQ(flat_cpu.gpr[ESP], FLAT_STACK + 4);
}

static void a_small_stack_wraps_in_sp(void)
{
    flat_reset(0);
    flat_cpu.seg[SEG_SS].attr &= (u16)~ATTR_DB;
    flat_cpu.seg[SEG_SS].limit = 0xffff;
    flat_cpu.gpr[ESP] = 0xabcd0000;
    EXPECT_EQ(FLAT_RUN(0x68, 1, 2, 3, 4), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[ESP], 0xabcdfffc);
    EXPECT_EQ(flat_word(0xfffc), 0x04030201);
    EXPECT_EQ(FLAT_RUN(0x60), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[ESP], 0xabcdffdc);
    EXPECT_EQ(FLAT_RUN(0x61), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[ESP], 0xabcdfffc);
}

static void rep_stops_at_a_fault_with_its_work_done(void)
{
    flat_reset(0);
    flat_cpu.gpr[EDI] = FLAT_SIZE - 8;
    flat_cpu.gpr[ECX] = 5;
    flat_cpu.gpr[EAX] = 0x55;
    EXPECT_EQ(FLAT_RUN(0xf3, 0xab), STEP_FAULT);
    EXPECT_EQ(flat_step.fault.vector, TRAP_PF);
    EXPECT_EQ(flat_cpu.gpr[ECX], 3);
    EXPECT_EQ(flat_cpu.gpr[EDI], FLAT_SIZE);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE);
}

static void rep_yields_and_goes_on(void)
{
    flat_reset(0);
    flat_cpu.gpr[ESI] = 0x9000;
    flat_cpu.gpr[EDI] = 0x2000;
    flat_cpu.gpr[ECX] = STEP_REP_MAX + 2;
    EXPECT_EQ(FLAT_RUN(0xf3, 0xa4), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[ECX], 2);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE);
    EXPECT_EQ(cpu_step(&flat_cpu, &flat_env, &flat_step), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[ECX], 0);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE + 2);
    EXPECT_EQ(flat_cpu.gpr[EDI], 0x2000 + STEP_REP_MAX + 2);
}

static void rep_single_steps_under_tf(void)
{
    flat_reset(0);
    flat_cpu.eflags |= EFLAGS_TF;
    flat_cpu.gpr[EDI] = 0x2000;
    flat_cpu.gpr[ECX] = 2;
    EXPECT_EQ(FLAT_RUN(0xf3, 0xaa), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[ECX], 1);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE);
    EXPECT_EQ(FLAT_RUN(0xf3, 0xaa), STEP_OK);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE + 2);
}

static void strings_honour_df_segments_and_16_bits(void)
{
    flat_reset(0);
    flat_cpu.eflags |= EFLAGS_DF;
    flat_cpu.seg[SEG_FS].base = 0x100;
    flat_cpu.gpr[ESI] = 0xabc00000;
    flat_cpu.gpr[EDI] = 0xabc02000;
    flat_poke(0x100, 0xfeed);
    EXPECT_EQ(FLAT_RUN(0x64, 0x67, 0xa5), STEP_OK);
    EXPECT_EQ(flat_word(0x2000), 0xfeed);
    EXPECT_EQ(flat_cpu.gpr[ESI], 0xabc0fffc);
    EXPECT_EQ(flat_cpu.gpr[EDI], 0xabc01ffc);
}

static void repe_and_repne_stop(void)
{
    flat_reset(0);
    memcpy(flat_memory + 0x2000, "aaab", 5);
    flat_cpu.gpr[EDI] = 0x2000;
    flat_cpu.gpr[EAX] = 'a';
    flat_cpu.gpr[ECX] = 10;
    EXPECT_EQ(FLAT_RUN(0xf3, 0xae), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EDI], 0x2004);
    EXPECT_EQ(flat_cpu.gpr[ECX], 6);
    flat_cpu.gpr[EAX] = 0;
    EXPECT_EQ(FLAT_RUN(0xf2, 0xae), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EDI], 0x2005);
    EXPECT(flat_cpu.eflags & EFLAGS_ZF);
}

static void bit_strings_reach_beyond(void)
{
    flat_reset(0);
    flat_cpu.gpr[EDI] = 0x3000;
    flat_cpu.gpr[EAX] = (u32)-33;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xab, 0x07), STEP_OK);
    EXPECT_EQ(flat_word(0x2ff8), 0x80000000);
    flat_cpu.gpr[EAX] = 0x12340000 | (u16)-17;
    EXPECT_EQ(FLAT_RUN(0x66, 0x0f, 0xab, 0x07), STEP_OK);
    EXPECT_EQ(flat_word(0x2ffc), 0x8000);
}

static void enter_copies_the_display(void)
{
    flat_reset(0);
    flat_cpu.gpr[EBP] = 0x7000;
    flat_poke(0x6ffc, 0x1111);
    EXPECT_EQ(FLAT_RUN(0xc8, 0x10, 0, 2), STEP_OK);
    EXPECT_EQ(flat_word(FLAT_STACK - 4), 0x7000);
    EXPECT_EQ(flat_word(FLAT_STACK - 8), 0x1111);
    EXPECT_EQ(flat_word(FLAT_STACK - 12), FLAT_STACK - 4);
    EXPECT_EQ(flat_cpu.gpr[EBP], FLAT_STACK - 4);
    EXPECT_EQ(flat_cpu.gpr[ESP], FLAT_STACK - 12 - 16);
    EXPECT_EQ(FLAT_RUN(0xc9), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EBP], 0x7000);
    EXPECT_EQ(flat_cpu.gpr[ESP], FLAT_STACK);
}

/* A flat GDT at 0x4000 and a trap gate for vector 0x30 and 4. */
static void make_tables(void)
{
    static const u32 gates[] = {3, 4, 0x30};

    flat_reset(0);
    flat_cpu.gdtr = (struct table_reg){0x4000, 0x17};
    flat_cpu.idtr = (struct table_reg){0x5000, 0x7ff};
    flat_poke(0x4008, 0x0000ffff);
    flat_poke(0x400c, 0x00cf9b00);
    flat_poke(0x4010, 0x0000ffff);
    flat_poke(0x4014, 0x00cf9300);
    for (u32 i = 0; i < ARRAY_LEN(gates); i++) {
        flat_poke(0x5000 + gates[i] * 8, 0x00080000 | 0x6000);
        flat_poke(0x5004 + gates[i] * 8, 0x8f00);
    }
}

static void software_interrupts_enter_and_iret_returns(void)
{
    make_tables();
    flat_cpu.eflags |= EFLAGS_CF;
    EXPECT_EQ(FLAT_RUN(0xcd, 0x30), STEP_OK);
    EXPECT(flat_step.software_int);
    EXPECT_EQ(flat_step.vector, 0x30);
    EXPECT_EQ(flat_cpu.eip, 0x6000);
    EXPECT_EQ(flat_word(FLAT_STACK - 12), FLAT_CODE + 2);
    EXPECT_EQ(flat_word(FLAT_STACK - 4), EFLAGS_ONE | EFLAGS_CF);
    flat_cpu.eflags = EFLAGS_ONE;
    EXPECT_EQ(run_at(0x6000, (const u8[]){0xcf}, 1), STEP_OK);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE + 2);
    EXPECT(flat_cpu.eflags & EFLAGS_CF);
    EXPECT_EQ(flat_cpu.gpr[ESP], FLAT_STACK);
}

static void into_and_int3(void)
{
    make_tables();
    EXPECT_EQ(FLAT_RUN(0xce), STEP_OK);
    EXPECT(!flat_step.software_int);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE + 1);
    flat_cpu.eflags |= EFLAGS_OF;
    EXPECT_EQ(FLAT_RUN(0xce), STEP_OK);
    EXPECT_EQ(flat_step.vector, TRAP_OF);
    EXPECT_EQ(FLAT_RUN(0xcc), STEP_OK);
    EXPECT_EQ(flat_step.vector, TRAP_BP);
}

static void a_missing_gate_faults_at_the_int(void)
{
    make_tables();
    EXPECT_EQ(FLAT_RUN(0xcd, 0x31), STEP_FAULT);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE);
    EXPECT_EQ(flat_cpu.gpr[ESP], FLAT_STACK);
    EXPECT(flat_step.fault.vector == TRAP_NP ||
           flat_step.fault.vector == TRAP_GP);
    EXPECT_EQ(flat_step.fault.error, 0x31 * 8 + TRAP_ERR_IDT);
}

static void segment_loads_shadow_and_restore(void)
{
    make_tables();
    flat_cpu.gpr[EAX] = 0x10;
    EXPECT_EQ(FLAT_RUN(0x8e, 0xd0), STEP_OK); /* mov ss, ax */
    EXPECT_EQ(flat_cpu.irq_shadow, SHADOW_SS);
    flat_poke(FLAT_STACK, 0x10);
    EXPECT_EQ(FLAT_RUN(0x17), STEP_OK); /* pop ss: the second in a row */
    EXPECT_EQ(flat_cpu.irq_shadow, 0);
    flat_poke(FLAT_STACK + 4, 0x10);
    EXPECT_EQ(FLAT_RUN(0x17), STEP_OK);
    EXPECT_EQ(flat_cpu.irq_shadow, SHADOW_SS);
    EXPECT_EQ(FLAT_RUN(0x90), STEP_OK);
    EXPECT_EQ(flat_cpu.irq_shadow, 0);
    flat_cpu.gpr[ESP] = FLAT_STACK;
    flat_poke(FLAT_STACK, 0x20);
    EXPECT_FAULT(FLAT_RUN(0x1f), TRAP_GP, 0x20); /* pop ds: no such entry */
}

static void far_transfers(void)
{
    make_tables();
    EXPECT_EQ(FLAT_RUN(0xea, 0, 0x60, 0, 0, 8, 0), STEP_OK);
    EXPECT_EQ(flat_cpu.eip, 0x6000);
    EXPECT_EQ(FLAT_RUN(0x9a, 0, 0x60, 0, 0, 8, 0), STEP_OK);
    EXPECT_EQ(flat_word(FLAT_STACK - 8), FLAT_CODE + 7);
    EXPECT_EQ(run_at(0x6000, (const u8[]){0xcb}, 1), STEP_OK);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE + 7);
    EXPECT_FAULT(FLAT_RUN(0xea, 0, 0x60, 0, 0, 0x20, 0), TRAP_GP, 0x20);
    flat_poke(0x3000, 0x1234);
    flat_poke(0x3004, 0x10);
    EXPECT_EQ(FLAT_RUN(0xc4, 0x1d, 0, 0x30, 0, 0), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EBX], 0x1234);
    EXPECT_EQ(flat_cpu.seg[SEG_ES].sel, 0x10);
}

static void loops_count_in_their_address_size(void)
{
    flat_reset(0);
    flat_cpu.gpr[ECX] = 0x10001;
    EXPECT_EQ(FLAT_RUN(0x67, 0xe2, 0x10), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[ECX], 0x10000);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE + 3);
    EXPECT_EQ(FLAT_RUN(0x67, 0xe3, 0x10), STEP_OK);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE + 3 + 0x10);
    EXPECT_EQ(FLAT_RUN(0x66, 0xeb, 0x10), STEP_OK);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE + 3 + 0x10);
}

static void rf_lasts_one_instruction(void)
{
    flat_reset(0);
    flat_cpu.eflags |= EFLAGS_RF;
    EXPECT_EQ(FLAT_RUN(0x90), STEP_OK);
    EXPECT_EQ(flat_cpu.eflags & EFLAGS_RF, 0);
    flat_cpu.eflags |= EFLAGS_RF;
    flat_cpu.gpr[EAX] = FLAT_SIZE;
    EXPECT_FAULT(FLAT_RUN(0x8b, 0x00), TRAP_PF, 0);
}

static void divide_and_bound_errors(void)
{
    flat_reset(0);
    EXPECT_FAULT(FLAT_RUN(0xf7, 0xf0), TRAP_DE, 0);
    EXPECT_FAULT(FLAT_RUN(0xd4, 0x00), TRAP_DE, 0);
    flat_poke(0x3000, 5);
    flat_poke(0x3004, 9);
    flat_cpu.gpr[EAX] = 4;
    EXPECT_FAULT(FLAT_RUN(0x62, 0x05, 0, 0x30, 0, 0), TRAP_BR, 0);
    flat_cpu.gpr[EAX] = 9;
    EXPECT_EQ(FLAT_RUN(0x62, 0x05, 0, 0x30, 0, 0), STEP_OK);
}

static void limits_and_stack_faults(void)
{
    flat_reset(0);
    flat_cpu.seg[SEG_DS].limit = 0x2000;
    flat_cpu.seg[SEG_SS].limit = 0x2000;
    flat_cpu.gpr[EBX] = flat_cpu.gpr[EBP] = 0x1ffe;
    EXPECT_FAULT(FLAT_RUN(0x8b, 0x03), TRAP_GP, 0);
    EXPECT_FAULT(FLAT_RUN(0x8b, 0x45, 0x00), TRAP_SS, 0);
    EXPECT_FAULT(FLAT_RUN(0x50), TRAP_SS, 0);
    EXPECT_EQ(FLAT_RUN(0x3e, 0x66, 0x8b, 0x45, 0x00), STEP_OK);
}

/* Any bytes: no sanitizer report, and a fault leaves EIP where it was. */
static void random_code_is_survived(void)
{
    u32 seed = 3;

    make_tables();
    for (u32 i = 0; i < 200000; i++) {
        u8 bytes[INSN_MAX];
        enum step_status status;
        for (u32 k = 0; k < INSN_MAX; k++) {
            seed = seed * 1664525 + 1013904223;
            bytes[k] = (u8)(seed >> 24);
        }
        if (i % 64 == 0)
            make_tables();
        flat_cpu.cpl = i & 1 ? 3 : 0;
        flat_cpu.gpr[seed >> 9 & 7] = seed >> (seed & 31);
        status = flat_bytes(bytes, INSN_MAX);
        if (status != STEP_OK)
            EXPECT_EQ(flat_cpu.eip, FLAT_CODE);
    }
}

/* A fuzzer's: INT1 whose handler cannot be entered has not cleared DR7.GD. */
static void int1_that_fails_changes_nothing(void)
{
    flat_reset(0);
    flat_cpu.dr[7] = DR7_FIXED | DR7_GD;
    EXPECT_FAULT(FLAT_RUN(0xf1), TRAP_GP,
                 TRAP_DB << 3 | TRAP_ERR_IDT | TRAP_ERR_EXT);
}

static const struct unit_case cases[] = {
    CASE(fetch_crosses_a_page_only_when_needed),
    CASE(code_ends_at_the_limit_of_cs),
    CASE(a_faulting_write_changes_nothing),
    CASE(a_faulting_stack_keeps_esp),
    CASE(branches_check_their_target),
    CASE(returns_check_their_target),
    CASE(ret_releases_in_sp),
    CASE(pop_to_memory_uses_the_new_esp),
    CASE(a_small_stack_wraps_in_sp),
    CASE(rep_stops_at_a_fault_with_its_work_done),
    CASE(rep_yields_and_goes_on),
    CASE(rep_single_steps_under_tf),
    CASE(strings_honour_df_segments_and_16_bits),
    CASE(repe_and_repne_stop),
    CASE(bit_strings_reach_beyond),
    CASE(enter_copies_the_display),
    CASE(software_interrupts_enter_and_iret_returns),
    CASE(into_and_int3),
    CASE(a_missing_gate_faults_at_the_int),
    CASE(segment_loads_shadow_and_restore),
    CASE(far_transfers),
    CASE(loops_count_in_their_address_size),
    CASE(rf_lasts_one_instruction),
    CASE(divide_and_bound_errors),
    CASE(limits_and_stack_faults),
    CASE(int1_that_fails_changes_nothing),
    CASE(random_code_is_survived),
};
UNIT_MAIN(cases)
