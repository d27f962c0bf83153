/* SPDX-License-Identifier: MIT
 *
 * Far JMP, CALL, RET and IRET, in the ring and across rings, through call
 * gates of both sizes; every check with its error code.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/unit/segworld.h"

#define OK     0 /* in a table of cases: no exception */
#define GATE   0x90
#define TARGET 0x7777
#define NEXT   0x123460

/* A target in SPARE for JMP and CALL alike. */
static const struct {
    u16 sel;
    u8 cpl;
    u32 attr;
    u8 vector;
    u32 error;
} direct_cases[] = {
    {SPARE, 0, A_CODE, OK, 0},
    {SPARE, 0, A_XCODE, OK, 0},
    {SPARE | 1, 0, A_CODE, TRAP_GP, SPARE},
    {SPARE | 3, 0, A_CODE | A_DPL(3), TRAP_GP, SPARE},
    {SPARE, 3, A_CODE | A_DPL(3), OK, 0},
    {SPARE | 3, 3, A_CODE | A_DPL(3), OK, 0},
    {SPARE, 3, A_CODE, TRAP_GP, SPARE},
    {SPARE | 3, 3, A_CONF, OK, 0},
    {SPARE | 3, 0, A_CONF, OK, 0},
    {SPARE, 0, A_CONF | A_DPL(1), TRAP_GP, SPARE},
    {SPARE, 0, A_CODE & ~ATTR_P, TRAP_NP, SPARE},
    {SPARE, 3, A_CODE & ~ATTR_P, TRAP_GP, SPARE},
    {SPARE, 0, A_DATA, TRAP_GP, SPARE},
    {SPARE, 0, ATTR_P | SYS_TSS32_BUSY, TRAP_GP, SPARE},
    {SPARE, 0, ATTR_P | SYS_TASK_GATE, TRAP_GP, 0}, /* names a null TSS */
    {SPARE, 0, ATTR_P | SYS_INT32, TRAP_GP, SPARE},
    {BEYOND | 2, 0, A_CODE, TRAP_GP, BEYOND},
    {0, 0, A_CODE, TRAP_GP, 0},
    {3, 3, A_CODE, TRAP_GP, 0},
};

static void expect_landed(u16 sel, u32 eip, u8 cpl)
{
    EXPECT_EQ(w.cpu.seg[SEG_CS].sel, (sel & ~SEL_RPL) | cpl);
    EXPECT_EQ(w.cpu.eip, eip);
    EXPECT_EQ(w.cpu.cpl, cpl);
    EXPECT(w.cpu.seg_dirty & BIT(SEG_CS));
}

static void direct_case(size_t i, bool call)
{
    u16 sel = direct_cases[i].sel;
    u8 cpl = direct_cases[i].cpl;

    world_ring(cpl);
    put_desc(SPARE, 0, FLAT, direct_cases[i].attr);
    if (direct_cases[i].vector) {
        EXPECT_RAISES(call ? far_call(&w.cpu, &env, sel, TARGET, 4, NEXT, &f)
                           : far_jmp(&w.cpu, &env, sel, TARGET, 4, NEXT, &f),
                      direct_cases[i].vector, direct_cases[i].error);
        EXPECT_EQ(w.writes, 0);
        return;
    }
    EXPECT_OK(call ? far_call(&w.cpu, &env, sel, TARGET, 4, NEXT, &f)
                   : far_jmp(&w.cpu, &env, sel, TARGET, 4, NEXT, &f));
    expect_landed(sel, TARGET, cpl);
    EXPECT_EQ(w.cpu.seg_dirty, BIT(SEG_CS));
    EXPECT_EQ(before.gpr[ESP] - w.cpu.gpr[ESP], call ? 8 : 0);
    if (!call)
        return;
    EXPECT_EQ(mem32(w.cpu.gpr[ESP]), NEXT);
    EXPECT_EQ(mem32(w.cpu.gpr[ESP] + 4), CODE(cpl));
}

static void direct_jumps_and_calls(void)
{
    for (size_t i = 0; i < ARRAY_LEN(direct_cases); i++) {
        int failures = unit_failures;
        direct_case(i, false);
        direct_case(i, true);
        if (failures != unit_failures)
            printf("direct case %zu\n", i);
    }
}

static void operand_size_cuts_the_offset(void)
{
    world_ring(0);
    EXPECT_OK(far_jmp(&w.cpu, &env, CODE0, 0xabcd1234, 2, NEXT, &f));
    EXPECT_EQ(w.cpu.eip, 0x1234);
    EXPECT_OK(far_call(&w.cpu, &env, CODE0, 0xabcd4321, 2, 0x55667788, &f));
    EXPECT_EQ(w.cpu.eip, 0x4321);
    EXPECT_EQ(before.gpr[ESP] - w.cpu.gpr[ESP], 4);
    EXPECT_EQ(mem16(w.cpu.gpr[ESP]), 0x7788);
    EXPECT_EQ(mem16(w.cpu.gpr[ESP] + 2), CODE0);
}

static void limits_and_accessed_bit(void)
{
    world_ring(0);
    put_desc(SPARE, 0, TARGET - 1, A_CODE & ~(ATTR_G | ATTR_ACCESSED));
    EXPECT_RAISES(far_jmp(&w.cpu, &env, SPARE, TARGET, 4, NEXT, &f), TRAP_GP,
                  0);
    EXPECT_RAISES(far_call(&w.cpu, &env, SPARE, TARGET, 4, 0, &f), TRAP_GP, 0);
    EXPECT(!(type_byte(SPARE) & ATTR_ACCESSED));
    EXPECT_OK(far_jmp(&w.cpu, &env, SPARE, TARGET - 1, 4, NEXT, &f));
    EXPECT(type_byte(SPARE) & ATTR_ACCESSED);
    EXPECT(w.cpu.seg[SEG_CS].attr & ATTR_ACCESSED);
    w.cpu.seg[SEG_SS].limit = w.cpu.gpr[ESP] - 2;
    EXPECT_RAISES(far_call(&w.cpu, &env, CODE0, 1, 4, 0, &f), TRAP_SS, 0);
    w.cpu.seg[SEG_SS].limit = 0xffffffff;
    w.no_write[(w.cpu.gpr[ESP] - 8) / PAGE_SIZE] = 1;
    EXPECT_RAISES(far_call(&w.cpu, &env, CODE0, 1, 4, 0, &f), TRAP_PF,
                  PF_WRITE);
}

/* A call gate in GATE with this DPL, to a target in SPARE. */
static const struct {
    u16 gate;
    u8 cpl, dpl;
    bool present;
    u16 target;
    u32 attr;
    u8 call_vector;
    u32 call_error;
    u8 jmp_vector;
    u32 jmp_error;
} gate_cases[] = {
    {GATE, 0, 0, 1, SPARE, A_CODE, OK, 0, OK, 0},
    {GATE, 0, 0, 1, SPARE | 3, A_CODE, OK, 0, OK, 0},
    {GATE | 3, 3, 3, 1, SPARE, A_CODE | A_DPL(3), OK, 0, OK, 0},
    {GATE | 3, 3, 3, 1, SPARE, A_CONF, OK, 0, OK, 0},
    {GATE | 3, 3, 3, 1, SPARE, A_CODE, OK, 0, TRAP_GP, SPARE},
    {GATE | 3, 3, 3, 1, SPARE, A_CODE | A_DPL(1), OK, 0, TRAP_GP, SPARE},
    {GATE, 1, 1, 1, SPARE, A_CODE | A_DPL(2), TRAP_GP, SPARE, TRAP_GP, SPARE},
    {GATE, 3, 2, 1, SPARE, A_CODE, TRAP_GP, GATE, TRAP_GP, GATE},
    {GATE | 1, 0, 0, 1, SPARE, A_CODE, TRAP_GP, GATE, TRAP_GP, GATE},
    {GATE, 0, 0, 0, SPARE, A_CODE, TRAP_NP, GATE, TRAP_NP, GATE},
    {GATE, 0, 0, 1, 2, A_CODE, TRAP_GP, 0, TRAP_GP, 0},
    {GATE, 0, 0, 1, BEYOND, A_CODE, TRAP_GP, BEYOND, TRAP_GP, BEYOND},
    {GATE, 0, 0, 1, SPARE, A_DATA, TRAP_GP, SPARE, TRAP_GP, SPARE},
    {GATE, 0, 0, 1, SPARE, ATTR_P | SYS_CALL32, TRAP_GP, SPARE, TRAP_GP, SPARE},
    {GATE, 0, 0, 1, SPARE, A_CODE & ~ATTR_P, TRAP_NP, SPARE, TRAP_NP, SPARE},
};

static void gate_world(size_t i)
{
    world_ring(gate_cases[i].cpl);
    put_desc(SPARE, 0, FLAT, gate_cases[i].attr);
    put_gate_at(GDT_AT + GATE, gate_cases[i].target, 0x87654, SYS_CALL32,
                gate_cases[i].dpl, 0);
    if (!gate_cases[i].present)
        w.mem[GDT_AT + GATE + 5] &= ~ATTR_P;
}

static void call_gate_checks(void)
{
    for (size_t i = 0; i < ARRAY_LEN(gate_cases); i++) {
        u16 gate = gate_cases[i].gate;
        int failures = unit_failures;
        gate_world(i);
        if (gate_cases[i].call_vector)
            EXPECT_RAISES(far_call(&w.cpu, &env, gate, 0, 4, NEXT, &f),
                          gate_cases[i].call_vector, gate_cases[i].call_error);
        else
            EXPECT_OK(far_call(&w.cpu, &env, gate, 0, 4, NEXT, &f));
        if (!gate_cases[i].call_vector)
            EXPECT_EQ(w.cpu.eip, 0x87654);
        gate_world(i);
        if (gate_cases[i].jmp_vector) {
            EXPECT_RAISES(far_jmp(&w.cpu, &env, gate, 0, 2, NEXT, &f),
                          gate_cases[i].jmp_vector, gate_cases[i].jmp_error);
        } else {
            EXPECT_OK(far_jmp(&w.cpu, &env, gate, 0, 2, NEXT, &f));
            expect_landed(SPARE, 0x87654, gate_cases[i].cpl);
        }
        if (failures != unit_failures)
            printf("gate case %zu\n", i);
    }
}

static void call_gate_copies_parameters(void)
{
    world_ring(3);
    push32(0x3333);
    push32(0x2222);
    push32(0x1111);
    u32 esp = w.cpu.gpr[ESP];
    put_gate_at(GDT_AT + GATE, CODE0, 0x87654, SYS_CALL32, 3, 3);
    w.no_write[STACK_AT / PAGE_SIZE + 3] = 1; /* the caller's is only read */
    EXPECT_OK(far_call(&w.cpu, &env, GATE | 3, 0, 4, NEXT, &f));
    expect_landed(CODE0, 0x87654, 0);
    EXPECT_EQ(w.writes, 1);
    const u32 want[] = {NEXT, CODE(3), 0x1111, 0x2222, 0x3333, esp, DATA(3)};
    EXPECT_EQ(w.cpu.gpr[ESP], STACK_TOP(0) - sizeof(want));
    EXPECT(!memcmp(w.mem + w.cpu.gpr[ESP], want, sizeof(want)));
    EXPECT_EQ(w.cpu.seg[SEG_SS].sel, DATA0);
    EXPECT_EQ(w.cpu.seg_dirty, BIT(SEG_CS) | BIT(SEG_SS));

    /* and back, releasing them on both stacks */
    EXPECT_OK(far_ret(&w.cpu, &env, 4, 12, &f));
    expect_landed(CODE(3), NEXT, 3);
    EXPECT_EQ(w.cpu.seg[SEG_SS].sel, DATA(3));
    EXPECT_EQ(w.cpu.gpr[ESP], esp + 12);
}

static void call_gate_copies_31_parameters(void)
{
    world_ring(3);
    for (u32 i = 0; i < 31; i++)
        put_le32(w.mem + w.cpu.gpr[ESP] + i * 4, 0x100 + i);
    put_gate_at(GDT_AT + GATE, CODE(1), 1, SYS_CALL32, 3, 31);
    EXPECT_OK(far_call(&w.cpu, &env, GATE | 3, 0, 4, NEXT, &f));
    EXPECT_EQ(w.cpu.cpl, 1);
    EXPECT_EQ(w.cpu.gpr[ESP], STACK_TOP(1) - 35 * 4);
    EXPECT_EQ(mem32(w.cpu.gpr[ESP] + 8), 0x100);
    EXPECT_EQ(mem32(w.cpu.gpr[ESP] + 8 + 30 * 4), 0x11e);
    EXPECT_EQ(mem32(w.cpu.gpr[ESP] + 8 + 31 * 4), before.gpr[ESP]);
}

static void call_gate_of_16_bits(void)
{
    world_ring(3);
    push16(0xbbbb);
    push16(0xaaaa);
    u32 esp = w.cpu.gpr[ESP];
    put_gate_at(GDT_AT + GATE, CODE0, 0xffff1234, SYS_CALL16, 3, 2);
    EXPECT_OK(far_call(&w.cpu, &env, GATE, 0, 4, 0x12345678, &f));
    expect_landed(CODE0, 0x1234, 0);
    const u16 want[] = {0x5678, CODE(3), 0xaaaa, 0xbbbb, (u16)esp, DATA(3)};
    EXPECT_EQ(w.cpu.gpr[ESP], STACK_TOP(0) - sizeof(want));
    EXPECT(!memcmp(w.mem + w.cpu.gpr[ESP], want, sizeof(want)));
    EXPECT_OK(far_ret(&w.cpu, &env, 2, 4, &f));
    expect_landed(CODE(3), 0x5678, 3);
    EXPECT_EQ(w.cpu.gpr[ESP], (esp & 0xffff) + 4);
}

static void call_gate_stack_faults(void)
{
    world_ring(3);
    put_gate_at(GDT_AT + GATE, CODE0, 0x87654, SYS_CALL32, 3, 2);
    w.cpu.seg[SEG_SS].limit = w.cpu.gpr[ESP] + 6;
    EXPECT_RAISES(far_call(&w.cpu, &env, GATE, 0, 4, 0, &f), TRAP_SS, 0);
    world_ring(3);
    put_gate_at(GDT_AT + GATE, CODE0, 0x87654, SYS_CALL32, 3, 2);
    w.no_write[STACK_AT / PAGE_SIZE] = 1;
    EXPECT_RAISES(far_call(&w.cpu, &env, GATE, 0, 4, 0, &f), TRAP_PF, PF_WRITE);
    w.cpu.tr.limit = 8;
    EXPECT_RAISES(far_call(&w.cpu, &env, GATE, 0, 4, 0, &f), TRAP_TS, TSS);
    world_ring(3);
    put_gate_at(GDT_AT + GATE, CODE0, 0x87654, SYS_CALL32, 3, 2);
    put_desc(DATA0, 0, STACK_TOP(0) - 2, A_DATA & ~ATTR_G);
    EXPECT_RAISES(far_call(&w.cpu, &env, GATE, 0, 4, 0, &f), TRAP_SS, DATA0);
    put_le32(w.mem + TSS_AT + TSS32_SS0, 0);
    EXPECT_RAISES(far_call(&w.cpu, &env, GATE, 0, 4, 0, &f), TRAP_TS, 0);
}

/* CS popped by a RET or IRET; SPARE holds attr. */
static const struct {
    u16 sel;
    u8 cpl;
    u32 attr;
    u8 vector;
    u32 error;
} return_cases[] = {
    {SPARE, 0, A_CODE, OK, 0},
    {SPARE | 3, 3, A_CODE | A_DPL(3), OK, 0},
    {SPARE | 3, 3, A_CONF, OK, 0},
    {SPARE | 3, 3, A_CONF | A_DPL(3), OK, 0},
    {SPARE, 3, A_CODE | A_DPL(3), TRAP_GP, SPARE},
    {SPARE, 1, A_CODE, TRAP_GP, SPARE},
    {SPARE, 0, A_CODE | A_DPL(3), TRAP_GP, SPARE},
    {SPARE, 0, A_CONF | A_DPL(3), TRAP_GP, SPARE},
    {SPARE | 3, 3, A_CODE, TRAP_GP, SPARE},
    {SPARE, 0, A_DATA, TRAP_GP, SPARE},
    {SPARE, 0, ATTR_P | SYS_CALL32, TRAP_GP, SPARE},
    {SPARE, 0, A_CODE & ~ATTR_P, TRAP_NP, SPARE},
    {BEYOND | 3, 3, A_CODE, TRAP_GP, BEYOND},
    {2, 0, A_CODE, TRAP_GP, 0},
};

static void return_frame(size_t i, bool iret)
{
    world_ring(return_cases[i].cpl);
    put_desc(SPARE, 0, FLAT, return_cases[i].attr);
    if (iret)
        push32(EFLAGS_ONE);
    push32(0xffff0000 | return_cases[i].sel);
    push32(TARGET);
}

static void returns_in_the_ring(void)
{
    for (size_t i = 0; i < ARRAY_LEN(return_cases); i++)
        for (int iret = 0; iret < 2; iret++) {
            int failures = unit_failures;
            return_frame(i, iret);
            if (return_cases[i].vector) {
                EXPECT_RAISES(iret ? far_iret(&w.cpu, &env, 4, NEXT, &f)
                                   : far_ret(&w.cpu, &env, 4, 0, &f),
                              return_cases[i].vector, return_cases[i].error);
            } else {
                u32 esp = w.cpu.gpr[ESP];
                EXPECT_OK(iret ? far_iret(&w.cpu, &env, 4, NEXT, &f)
                               : far_ret(&w.cpu, &env, 4, 8, &f));
                expect_landed(SPARE, TARGET, return_cases[i].cpl);
                EXPECT_EQ(w.cpu.gpr[ESP] - esp, iret ? 12 : 16);
                EXPECT_EQ(w.cpu.seg_dirty, BIT(SEG_CS));
                EXPECT_EQ(w.writes, 0);
                EXPECT_EQ(w.reads, 2);
            }
            if (failures != unit_failures)
                printf("return case %zu, iret %d\n", i, iret);
        }
}

static void returns_check_limits(void)
{

    world_ring(0);
    put_desc(SPARE, 0, TARGET - 1, A_CODE & ~ATTR_G);
    push32(EFLAGS_ONE);
    push32(SPARE);
    push32(TARGET);
    EXPECT_RAISES(far_iret(&w.cpu, &env, 4, NEXT, &f), TRAP_GP, 0);
    EXPECT_RAISES(far_ret(&w.cpu, &env, 4, 0, &f), TRAP_GP, 0);
    w.cpu.seg[SEG_SS].limit = w.cpu.gpr[ESP] + 10;
    EXPECT_RAISES(far_iret(&w.cpu, &env, 4, NEXT, &f), TRAP_SS, 0);
    w.cpu.seg[SEG_SS].limit = w.cpu.gpr[ESP] + 6;
    EXPECT_RAISES(far_ret(&w.cpu, &env, 4, 0, &f), TRAP_SS, 0);
    w.cpu.seg[SEG_SS].limit = 0xffffffff;
    w.no_read[w.cpu.gpr[ESP] / PAGE_SIZE] = 1;
    EXPECT_RAISES(far_iret(&w.cpu, &env, 4, NEXT, &f), TRAP_PF, 0);
}

/* A frame in ring 0 that returns to ring 3. */
static void outer_frame(u16 ss, u32 esp, u32 eflags, u16 cs, bool iret)
{
    push32(ss);
    push32(esp);
    if (iret)
        push32(eflags);
    push32(cs);
    push32(TARGET);
}

static void iret_to_ring_3(void)
{

    world_ring(0);
    put_desc(SPARE, 0, FLAT, A_CONF); /* may stay */
    w.cpu.seg[SEG_ES] = seg_of(DATA(3));
    w.cpu.seg[SEG_FS] = seg_of(SPARE);
    w.cpu.seg[SEG_GS] = (struct segment){.sel = 1};
    outer_frame(DATA(3), 0x9abc, EFLAGS_ONE | EFLAGS_IF | EFLAGS_ZF, CODE(3),
                true);
    EXPECT_OK(far_iret(&w.cpu, &env, 4, NEXT, &f));
    expect_landed(CODE(3), TARGET, 3);
    EXPECT_EQ(w.cpu.eflags, EFLAGS_ONE | EFLAGS_IF | EFLAGS_ZF);
    EXPECT_EQ(w.cpu.gpr[ESP], 0x9abc);
    EXPECT_EQ(w.cpu.seg[SEG_SS].sel, DATA(3));
    EXPECT_EQ(w.cpu.seg[SEG_DS].sel, 0);
    EXPECT_EQ(w.cpu.seg[SEG_DS].attr, 0);
    EXPECT_EQ(w.cpu.seg[SEG_ES].sel, DATA(3));
    EXPECT_EQ(w.cpu.seg[SEG_FS].sel, SPARE);
    EXPECT_EQ(w.cpu.seg[SEG_GS].sel, 1);
    EXPECT_EQ(w.cpu.seg_dirty, BIT(SEG_CS) | BIT(SEG_SS) | BIT(SEG_DS));
    EXPECT_EQ(w.reads, 4);
    EXPECT_EQ(w.writes, 0);
    EXPECT_EQ(w.user_accesses, 0);
}

/* SS of the outer frame; SPARE holds attr. */
static const struct {
    u16 ss;
    u32 attr;
    u8 vector;
    u32 error;
} outer_cases[] = {
    {SPARE | 3, A_DATA | A_DPL(3), OK, 0},
    {SPARE, A_DATA | A_DPL(3), TRAP_GP, SPARE},
    {SPARE | 3, A_DATA, TRAP_GP, SPARE},
    {SPARE | 3, A_RODATA | A_DPL(3), TRAP_GP, SPARE},
    {SPARE | 3, A_CODE | A_DPL(3), TRAP_GP, SPARE},
    {SPARE | 3, (A_DATA | A_DPL(3)) & ~ATTR_P, TRAP_SS, SPARE},
    {BEYOND | 3, 0, TRAP_GP, BEYOND},
    {3, 0, TRAP_GP, 0},
};

static void outer_stack_checks(void)
{
    for (size_t i = 0; i < ARRAY_LEN(outer_cases); i++)
        for (int iret = 0; iret < 2; iret++) {
            world_ring(0);
            put_desc(SPARE, 0, FLAT, outer_cases[i].attr);
            outer_frame(outer_cases[i].ss, 1, EFLAGS_ONE, CODE(3), iret);
            if (outer_cases[i].vector)
                EXPECT_RAISES(iret ? far_iret(&w.cpu, &env, 4, NEXT, &f)
                                   : far_ret(&w.cpu, &env, 4, 0, &f),
                              outer_cases[i].vector, outer_cases[i].error);
            else
                EXPECT_OK(iret ? far_iret(&w.cpu, &env, 4, NEXT, &f)
                               : far_ret(&w.cpu, &env, 4, 0, &f));
        }
}

static void outer_frame_must_be_there(void)
{

    world_ring(0);
    outer_frame(DATA(3), 1, EFLAGS_ONE, CODE(3), true);
    w.cpu.seg[SEG_SS].limit = w.cpu.gpr[ESP] + 18;
    EXPECT_RAISES(far_iret(&w.cpu, &env, 4, NEXT, &f), TRAP_SS, 0);
    world_ring(0);
    outer_frame(DATA(3), 1, 0, CODE(3), false);
    put_desc(CODE(3), 0, TARGET - 1, (A_CODE | A_DPL(3)) & ~ATTR_G);
    EXPECT_RAISES(far_ret(&w.cpu, &env, 4, 0, &f), TRAP_GP, 0);
    w.cpu.seg[SEG_SS].limit = w.cpu.gpr[ESP] + 14;
    EXPECT_RAISES(far_ret(&w.cpu, &env, 4, 0, &f), TRAP_SS, 0);
}

static void outer_16_bit_stack_gets_sp_only(void)
{

    world_ring(0);
    put_desc(SPARE, 0, 0xffff, (A_DATA | A_DPL(3)) & ~(ATTR_G | ATTR_DB));
    outer_frame(SPARE | 3, 0xdead5678, EFLAGS_ONE, CODE(3), true);
    EXPECT_OK(far_iret(&w.cpu, &env, 4, NEXT, &f));
    EXPECT_EQ(w.cpu.gpr[ESP], (STACK_TOP(0) & 0xffff0000) | 0x5678);
}

#define ALL_FLAGS                                                              \
    (EFLAGS_STATUS | EFLAGS_TF | EFLAGS_IF | EFLAGS_DF | EFLAGS_IOPL |         \
     EFLAGS_NT | EFLAGS_RF | EFLAGS_AC | EFLAGS_VIF | EFLAGS_VIP | EFLAGS_ID)
#define ALWAYS (EFLAGS_STATUS | EFLAGS_TF | EFLAGS_DF | EFLAGS_NT)
#define WIDE   (EFLAGS_RF | EFLAGS_AC | EFLAGS_ID)

/* IRET at cpl with IOPL iopl may set `set`, and nothing else. */
static const struct {
    u8 cpl, iopl, opsize;
    u32 set;
} flag_cases[] = {
    {0, 0, 4, ALL_FLAGS},     {0, 0, 2, ALWAYS | EFLAGS_IF | EFLAGS_IOPL},
    {1, 0, 4, ALWAYS | WIDE}, {1, 1, 4, ALWAYS | WIDE | EFLAGS_IF},
    {3, 2, 4, ALWAYS | WIDE}, {3, 3, 4, ALWAYS | WIDE | EFLAGS_IF},
    {3, 0, 2, ALWAYS},        {3, 3, 2, ALWAYS | EFLAGS_IF},
};

static void iret_flags(void)
{
    for (size_t i = 0; i < ARRAY_LEN(flag_cases); i++) {
        u8 cpl = flag_cases[i].cpl, opsize = flag_cases[i].opsize;
        u32 iopl = (u32)flag_cases[i].iopl << EFLAGS_IOPL_SHIFT;
        world_ring(cpl);
        w.cpu.eflags = EFLAGS_ONE | iopl;
        u32 image = cpl ? 0xffffffff : ~(u32)EFLAGS_VM;
        if (opsize == 4) {
            push32(image);
            push32(CODE(cpl));
            push32(TARGET);
        } else {
            push16((u16)image);
            push16(CODE(cpl));
            push16(TARGET);
        }
        EXPECT_OK(far_iret(&w.cpu, &env, opsize, NEXT, &f));
        EXPECT_EQ(w.cpu.eflags, EFLAGS_ONE | iopl | flag_cases[i].set);
        EXPECT_EQ(w.cpu.gpr[ESP], before.gpr[ESP]);
        EXPECT_EQ(w.cpu.eip, TARGET);

        /* the same flags can be cleared, and nothing else */
        world_ring(cpl);
        w.cpu.eflags = EFLAGS_ONE | ((ALL_FLAGS & ~EFLAGS_IOPL) | iopl);
        w.cpu.eflags &= ~EFLAGS_NT;
        u32 had = w.cpu.eflags;
        for (u32 n = 0; n < 3; n++) {
            u32 word = n == 0 ? 0 : n == 1 ? CODE(cpl) : TARGET;
            if (opsize == 4)
                push32(word);
            else
                push16((u16)word);
        }
        EXPECT_OK(far_iret(&w.cpu, &env, opsize, NEXT, &f));
        EXPECT_EQ(w.cpu.eflags, had & ~flag_cases[i].set);
    }
}

static void iret_nt_and_vm(void)
{
    world_ring(0); /* the TSS links to nothing */
    w.cpu.eflags |= EFLAGS_NT;
    EXPECT_RAISES(far_iret(&w.cpu, &env, 4, NEXT, &f), TRAP_TS, 0);

    /* outside ring 0 the VM bit of the image is ignored */
    world_ring(3);
    push32(EFLAGS_ONE | EFLAGS_VM);
    push32(CODE(3));
    push32(TARGET);
    EXPECT_OK(far_iret(&w.cpu, &env, 4, NEXT, &f));
    EXPECT_EQ(w.cpu.eflags & EFLAGS_VM, 0);
}

static void frame_wraps_around_a_small_stack(void)
{
    world_ring(0);
    put_desc(SPARE, 0x20000, 0xffff, A_DATA & ~(ATTR_G | ATTR_DB));
    w.cpu.seg[SEG_SS] = seg_of(SPARE);
    w.cpu.gpr[ESP] = 0xabcd0004;
    EXPECT_OK(far_call(&w.cpu, &env, CODE0, TARGET, 4, NEXT, &f));
    EXPECT_EQ(w.cpu.gpr[ESP], 0xabcdfffc);
    EXPECT_EQ(mem32(0x2fffc), NEXT);
    EXPECT_EQ(mem32(0x20000), CODE0);
    EXPECT_OK(far_ret(&w.cpu, &env, 4, 0, &f));
    EXPECT_EQ(w.cpu.gpr[ESP], 0xabcd0004);
    expect_landed(CODE0, NEXT, 0);
    w.cpu.gpr[ESP] = 2; /* a word of the frame would cross 64 KiB */
    EXPECT_RAISES(far_call(&w.cpu, &env, CODE0, TARGET, 4, 0, &f), TRAP_SS, 0);
}

/* The accessed bit of the new CS goes into a table that cannot be written:
 * #PF before anything else has changed. */
static void tables_that_cannot_be_marked(void)
{

    world_ring(0);
    put_desc(SPARE, 0, FLAT, A_CODE & ~ATTR_ACCESSED);
    w.no_write[GDT_AT / PAGE_SIZE] = 1;
    EXPECT_RAISES(far_jmp(&w.cpu, &env, SPARE, TARGET, 4, NEXT, &f), TRAP_PF,
                  PF_WRITE);
    EXPECT_RAISES(far_call(&w.cpu, &env, SPARE, TARGET, 4, NEXT, &f), TRAP_PF,
                  PF_WRITE);
    push32(EFLAGS_ONE);
    push32(SPARE);
    push32(TARGET);
    EXPECT_RAISES(far_iret(&w.cpu, &env, 4, NEXT, &f), TRAP_PF, PF_WRITE);
    EXPECT_RAISES(far_ret(&w.cpu, &env, 4, 0, &f), TRAP_PF, PF_WRITE);
    world_ring(0);
    put_desc(SPARE, 0, FLAT, (A_CODE | A_DPL(3)) & ~ATTR_ACCESSED);
    w.no_write[GDT_AT / PAGE_SIZE] = 1;
    outer_frame(DATA(3), 1, EFLAGS_ONE, SPARE | 3, true);
    EXPECT_RAISES(far_iret(&w.cpu, &env, 4, NEXT, &f), TRAP_PF, PF_WRITE);
}

static void stopped_environment(void)
{

    world_ring(0);
    w.stop = true;
    EXPECT_EQ(far_jmp(&w.cpu, &env, CODE0, 0, 4, NEXT, &f), ENV_STOP);
    EXPECT_EQ(far_call(&w.cpu, &env, CODE0, 0, 4, 0, &f), ENV_STOP);
    EXPECT_EQ(far_ret(&w.cpu, &env, 4, 0, &f), ENV_STOP);
    EXPECT_EQ(far_iret(&w.cpu, &env, 4, NEXT, &f), ENV_STOP);
    EXPECT(untouched());
}

static const struct unit_case cases[] = {
    CASE(direct_jumps_and_calls),
    CASE(operand_size_cuts_the_offset),
    CASE(limits_and_accessed_bit),
    CASE(call_gate_checks),
    CASE(call_gate_copies_parameters),
    CASE(call_gate_copies_31_parameters),
    CASE(call_gate_of_16_bits),
    CASE(call_gate_stack_faults),
    CASE(returns_in_the_ring),
    CASE(returns_check_limits),
    CASE(iret_to_ring_3),
    CASE(outer_stack_checks),
    CASE(outer_frame_must_be_there),
    CASE(outer_16_bit_stack_gets_sp_only),
    CASE(iret_flags),
    CASE(iret_nt_and_vm),
    CASE(frame_wraps_around_a_small_stack),
    CASE(tables_that_cannot_be_marked),
    CASE(stopped_environment),
};
UNIT_MAIN(cases)
