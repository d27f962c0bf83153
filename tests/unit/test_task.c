/* SPDX-License-Identifier: MIT
 *
 * Hardware task switches: what is saved, loaded, marked and linked for each
 * cause; which fault is the old task's and which the new one's, in the order
 * of SDM vol. 3A table 7-1; the error code of a task gate; 16-bit TSSs.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/unit/segworld.h"
#include "vmm/cpu/task.h"

enum {
    TASK = SPARE,      /* the new task's TSS */
    TASK_LDT = SPARE2, /* its LDT */
    GATE = 0x90,       /* a task gate to it */
    OTHER = 0x98,      /* a descriptor that a case is about */
    NEW_AT = 0x5000,   /* the TSS */
    NEW_LDT_AT = 0x6000,
    NEW_EIP = 0x2000,
    NEXT = 0x1234,
    NEW_STACK = 0xe000,
};

static u32 cr_written, dr_written, cr3_refused;

static enum env_status task_cr_check(void *ctx, unsigned n, u32 value,
                                     struct fault *fault)
{
    EXPECT_EQ(n, 3);
    *fault = fault_error(TRAP_GP, 0);
    return value == cr3_refused ? ENV_FAULT : ENV_OK;
}

static void task_cr_written(void *ctx, unsigned n, u32 old)
{
    cr_written |= BIT(n);
}

static void task_dr_written(void *ctx, unsigned n)
{
    dr_written |= BIT(n);
}

static struct cpu_env tenv;

static void tss_word(u32 at, u32 value)
{
    put_le32(w.mem + NEW_AT + at, value);
}

/* A new 32-bit task of ring `ring`, whose registers can be told apart. */
static void new_task(u8 ring)
{
    put_desc(TASK, NEW_AT, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    put_desc(TASK_LDT, NEW_LDT_AT, 4 * 8 - 1, ATTR_P | SYS_LDT);
    put_gate_at(GDT_AT + GATE, TASK, 0, SYS_TASK_GATE, 0, 0);
    tss_word(TSS32_CR3, 0x9000);
    tss_word(TSS32_EIP, NEW_EIP);
    tss_word(TSS32_EIP + 4, EFLAGS_ONE | EFLAGS_ZF);
    for (u32 r = 0; r < GPR_COUNT; r++)
        tss_word(40 + r * 4, r == ESP ? NEW_STACK : 0xa0000 + r);
    for (u32 s = 0; s < SEG_COUNT; s++)
        tss_word(72 + s * 4, s == SEG_CS ? CODE(ring) : DATA(ring));
    tss_word(TSS32_LDT, TASK_LDT);
}

static void task_world(u8 cpl, u8 ring)
{
    world_ring(cpl);
    new_task(ring);
    tenv = env;
    tenv.cr_check = task_cr_check;
    tenv.cr_written = task_cr_written;
    tenv.dr_written = task_dr_written;
    cr_written = dr_written = cr3_refused = 0;
    for (u32 r = 0; r < GPR_COUNT; r++)
        if (r != ESP)
            w.cpu.gpr[r] = 0xb0000 + r;
    w.cpu.eip = 0x777;
    before = w.cpu;
}

static bool busy(u16 sel)
{
    return type_byte(sel) & 2;
}

static void expect_new_task(u8 ring)
{
    EXPECT_EQ(w.cpu.eip, NEW_EIP);
    EXPECT_EQ(w.cpu.cpl, ring);
    EXPECT_EQ(w.cpu.tr.sel, TASK);
    EXPECT_EQ(w.cpu.tr.base, NEW_AT);
    EXPECT_EQ(w.cpu.tr.attr, ATTR_P | SYS_TSS32_BUSY);
    EXPECT_EQ(w.cpu.ldtr.sel, TASK_LDT);
    EXPECT_EQ(w.cpu.ldtr.base, NEW_LDT_AT);
    EXPECT_EQ(w.cpu.gpr[EAX], 0xa0000);
    EXPECT_EQ(w.cpu.gpr[EDI], 0xa0000 + EDI);
    EXPECT_EQ(w.cpu.seg[SEG_CS].sel, CODE(ring));
    EXPECT_EQ(w.cpu.seg[SEG_GS].sel, DATA(ring));
    EXPECT(w.cpu.seg[SEG_GS].attr & ATTR_P);
    EXPECT_EQ(w.cpu.seg_dirty, BIT(SEG_COUNT) - 1);
    EXPECT(w.cpu.cr0 & CR0_TS);
    EXPECT_EQ(w.cpu.task_switches, before.task_switches + 1);
    EXPECT(w.loaded == (BIT(TABLE_TSS) | BIT(TABLE_LDT)));
    EXPECT(busy(TASK));
}

static u32 old_word(u32 at)
{
    return mem32(TSS_AT + at);
}

static void expect_saved(u32 eip, u32 eflags)
{
    EXPECT_EQ(old_word(TSS32_EIP), eip);
    EXPECT_EQ(old_word(TSS32_EIP + 4), eflags);
    for (u32 r = 0; r < GPR_COUNT; r++)
        EXPECT_EQ(old_word(40 + r * 4), before.gpr[r]);
    for (u32 s = 0; s < SEG_COUNT; s++)
        EXPECT_EQ((u16)old_word(72 + s * 4), before.seg[s].sel);
}

static void jump_to_a_task(void)
{
    task_world(0, 0);
    put_le32(w.mem + TSS_AT + 72, 0xabcd0000); /* above the selector of ES */
    w.cpu.eflags |= EFLAGS_NT;
    u32 flags = w.cpu.eflags;
    EXPECT_OK(far_jmp(&w.cpu, &tenv, TASK, 99, 4, NEXT, &f));
    expect_new_task(0);
    expect_saved(NEXT, flags);
    EXPECT_EQ(old_word(72), 0xabcd0000 | DATA0);
    EXPECT(!busy(TSS));
    EXPECT_EQ(mem16(NEW_AT), 0); /* no link */
    EXPECT_EQ(w.cpu.gpr[ESP], NEW_STACK);
    EXPECT_EQ(w.cpu.eflags, EFLAGS_ONE | EFLAGS_ZF);
    EXPECT_EQ(w.cpu.cr3, 0); /* paging is off */
    EXPECT_EQ(cr_written, BIT(0));
    EXPECT_EQ(w.cpu.debug_pending, 0);
}

static void call_and_return(void)
{
    task_world(0, 3);
    w.cpu.eflags |= EFLAGS_RF;
    u32 flags = w.cpu.eflags & ~EFLAGS_RF;
    EXPECT_OK(far_call(&w.cpu, &tenv, GATE, 99, 4, NEXT, &f));
    expect_new_task(3);
    expect_saved(NEXT, flags);
    EXPECT(busy(TSS));
    EXPECT_EQ(mem16(NEW_AT), TSS);
    EXPECT_EQ(w.cpu.eflags, EFLAGS_ONE | EFLAGS_ZF | EFLAGS_NT);

    w.cpu.gpr[EBX] = 0x4711;
    w.cpu.cr0 &= ~CR0_TS;
    EXPECT_OK(far_iret(&w.cpu, &tenv, 4, 0x2222, &f));
    EXPECT_EQ(w.cpu.eip, NEXT);
    EXPECT_EQ(w.cpu.cpl, 0);
    EXPECT_EQ(w.cpu.tr.sel, TSS);
    EXPECT_EQ(w.cpu.eflags, flags);
    EXPECT(!memcmp(w.cpu.gpr, before.gpr, sizeof(before.gpr)));
    EXPECT(busy(TSS) && !busy(TASK));
    EXPECT(w.cpu.cr0 & CR0_TS);
    EXPECT_EQ(mem32(NEW_AT + 40 + EBX * 4), 0x4711);
    EXPECT_EQ(mem32(NEW_AT + TSS32_EIP), 0x2222);
    /* NT is off in the image of the task that returned */
    EXPECT_EQ(mem32(NEW_AT + TSS32_EIP + 4), EFLAGS_ONE | EFLAGS_ZF);
    EXPECT_EQ(w.cpu.ldtr.attr, 0); /* the old TSS has none */
}

static void cr3_changes_with_paging(void)
{
    task_world(0, 0);
    w.cpu.cr0 |= CR0_PG | CR0_TS;
    EXPECT_OK(far_jmp(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f));
    EXPECT_EQ(w.cpu.cr3, 0x9000);
    EXPECT_EQ(cr_written, BIT(3));

    task_world(0, 0);
    w.cpu.cr0 |= CR0_PG;
    cr3_refused = 0x9000;
    EXPECT_RAISES(far_jmp(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f), TRAP_GP, 0);
    EXPECT(busy(TSS) && !busy(TASK));

    task_world(0, 0);
    w.cpu.cr0 |= CR0_PG;
    w.cpu.cr3 = 0x9000;
    EXPECT_OK(far_jmp(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f));
    EXPECT_EQ(cr_written, BIT(0));
}

static void local_breakpoints_go(void)
{
    task_world(0, 0);
    w.cpu.dr[7] = DR7_FIXED | 0x3ff;
    EXPECT_OK(far_jmp(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f));
    EXPECT_EQ(w.cpu.dr[7], DR7_FIXED | 0x2aa);
    EXPECT_EQ(dr_written, BIT(7));
}

static void debug_trap_of_a_task(void)
{
    task_world(0, 0);
    tss_word(TSS32_TRAP, TSS32_T);
    EXPECT_OK(far_jmp(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f));
    EXPECT_EQ(w.cpu.debug_pending, DR6_BT);
}

/* An exception through a task gate: the error code is on the new stack. */
static void event_through_a_task_gate(void)
{
    struct event e = {EVENT_EXCEPTION, fault_error(TRAP_GP, 0x5678)};

    task_world(3, 0);
    put_idt(TRAP_GP, TASK, 0, SYS_TASK_GATE, 0);
    w.cpu.halted = 1;
    EXPECT_OK(event_enter(&w.cpu, &tenv, &e, &f));
    expect_new_task(0);
    expect_saved(0x777, before.eflags | EFLAGS_RF);
    EXPECT_EQ(w.cpu.gpr[ESP], NEW_STACK - 4);
    EXPECT_EQ(mem32(NEW_STACK - 4), 0x5678);
    EXPECT_EQ(mem16(NEW_AT), TSS);
    EXPECT(w.cpu.eflags & EFLAGS_NT);
    EXPECT_EQ(w.cpu.halted, 0);

    task_world(3, 0);
    put_idt(0x30, TASK, 0, SYS_TASK_GATE, 0);
    e = (struct event){EVENT_INTERRUPT, fault_plain(0x30)};
    EXPECT_OK(event_enter(&w.cpu, &tenv, &e, &f));
    expect_saved(0x777, before.eflags);
    EXPECT_EQ(w.cpu.gpr[ESP], NEW_STACK);
    /* it is busy now: a second one finds no task, and EXT is set */
    EXPECT_RAISES(event_enter(&w.cpu, &tenv, &e, &f), TRAP_GP,
                  TASK | TRAP_ERR_EXT);
}

/* Found before the switch: nothing has changed. */
static const struct {
    u16 sel; /* of the CALL */
    u8 cpl;
    u32 attr, limit; /* of TASK */
    u16 gate_to;
    u8 vector;
    u32 error;
} old_cases[] = {
    {TASK | SEL_TI, 0, 0, 0x67, 0, TRAP_GP, TASK | SEL_TI},
    {TASK, 0, ATTR_P | SYS_TSS32_BUSY, 0x67, 0, TRAP_GP, TASK},
    {TASK, 0, ATTR_P | SYS_TSS16_BUSY, 0x67, 0, TRAP_GP, TASK},
    {TASK, 0, SYS_TSS32_FREE, 0x67, 0, TRAP_NP, TASK},
    {TASK, 0, ATTR_P | SYS_TSS32_FREE, 0x66, 0, TRAP_TS, TASK},
    {TASK, 0, ATTR_P | SYS_TSS16_FREE, 0x2a, 0, TRAP_TS, TASK},
    {TASK, 3, ATTR_P | SYS_TSS32_FREE, 0x67, 0, TRAP_GP, TASK},
    {TASK | 3, 0, ATTR_P | SYS_TSS32_FREE, 0x67, 0, TRAP_GP, TASK},
    {GATE, 0, ATTR_P | SYS_TSS32_FREE, 0x67, 0, TRAP_GP, 0},
    {GATE, 0, ATTR_P | SYS_TSS32_FREE, 0x67, BEYOND, TRAP_GP, BEYOND},
    {GATE, 0, ATTR_P | SYS_TSS32_FREE, 0x67, DATA0, TRAP_GP, DATA0},
    {GATE, 0, ATTR_P | SYS_TSS32_BUSY, 0x67, TASK, TRAP_GP, TASK},
    {GATE, 0, SYS_TSS32_FREE, 0x67, TASK | 3, TRAP_NP, TASK},
    {GATE, 0, ATTR_P | SYS_TSS32_FREE, 0x66, TASK, TRAP_TS, TASK},
    {GATE, 3, ATTR_P | SYS_TSS32_FREE, 0x67, TASK, TRAP_GP, GATE},
    {GATE | 1, 0, ATTR_P | SYS_TSS32_FREE, 0x67, TASK, TRAP_GP, GATE},
};

static void faults_of_the_old_task(void)
{
    for (size_t i = 0; i < ARRAY_LEN(old_cases); i++) {
        int failures = unit_failures;
        task_world(old_cases[i].cpl, 0);
        put_desc(TASK, NEW_AT, old_cases[i].limit, old_cases[i].attr);
        put_gate_at(GDT_AT + GATE, old_cases[i].gate_to, 0, SYS_TASK_GATE, 0,
                    0);
        EXPECT_RAISES(far_call(&w.cpu, &tenv, old_cases[i].sel, 0, 4, NEXT, &f),
                      old_cases[i].vector, old_cases[i].error);
        EXPECT_EQ(w.writes, 0);
        if (failures != unit_failures)
            printf("case %zu\n", i);
    }
}

/* A DPL of 3 lets ring 3 switch, and what a task gate names may be private. */
static void user_may_switch(void)
{
    task_world(3, 3);
    put_desc(TASK, NEW_AT, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE | A_DPL(3));
    EXPECT_OK(far_call(&w.cpu, &tenv, TASK | 3, 0, 4, NEXT, &f));
    expect_saved(NEXT, before.eflags);
    EXPECT_EQ(type_byte(TASK), (ATTR_P | SYS_TSS32_BUSY | A_DPL(3)));
    task_world(3, 3);
    put_gate_at(GDT_AT + GATE, TASK, 0, SYS_TASK_GATE, 3, 0);
    EXPECT_OK(far_jmp(&w.cpu, &tenv, GATE | 3, 0, 4, NEXT, &f));
    expect_new_task(3);
}

static void pages_are_tried_first(void)
{
    static const u32 at[] = {TSS_AT, NEW_AT, GDT_AT};

    for (size_t i = 0; i < ARRAY_LEN(at); i++) {
        task_world(0, 0);
        w.no_read[at[i] / PAGE_SIZE] = 1; /* a read to be written back too */
        before = w.cpu;
        EXPECT_EQ(far_jmp(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f), ENV_FAULT);
        EXPECT_EQ(f.vector, TRAP_PF);
        EXPECT(untouched());
        EXPECT_EQ(w.writes, 0);
    }
    task_world(0, 0);
    w.stop = true;
    EXPECT_EQ(far_jmp(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f), ENV_STOP);
}

static void the_old_tss_has_a_limit(void)
{
    task_world(0, 0);
    w.cpu.tr.limit = 94;
    EXPECT_RAISES(far_jmp(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f), TRAP_TS, TSS);
    w.cpu.tr.limit = 95;
    EXPECT_OK(far_jmp(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f));
    task_world(0, 0);
    w.cpu.tr.attr = 0;
    EXPECT_RAISES(far_jmp(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f), TRAP_TS, TSS);
    w.cpu.eflags |= EFLAGS_NT;
    EXPECT_RAISES(far_iret(&w.cpu, &tenv, 4, NEXT, &f), TRAP_TS, TSS);
}

/* The back link of an IRET. */
static void back_links(void)
{
    static const struct {
        u16 link;
        u32 attr;
        u8 vector;
    } links[] = {
        {0, 0, TRAP_TS},
        {TASK | SEL_TI, 0, TRAP_TS},
        {BEYOND, 0, TRAP_TS},
        {DATA0, 0, TRAP_TS},
        {TASK, ATTR_P | SYS_TSS32_FREE, TRAP_TS},
        {TASK, SYS_TSS32_BUSY, TRAP_NP},
    };

    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        task_world(0, 0);
        put_desc(TASK, NEW_AT, 0x67, links[i].attr);
        put_le16(w.mem + TSS_AT, links[i].link);
        w.cpu.eflags |= EFLAGS_NT;
        EXPECT_RAISES(far_iret(&w.cpu, &tenv, 4, NEXT, &f), links[i].vector,
                      links[i].link);
    }
    task_world(0, 0);
    put_desc(TASK, NEW_AT, 0x66, ATTR_P | SYS_TSS32_BUSY);
    put_le16(w.mem + TSS_AT, TASK);
    w.cpu.eflags |= EFLAGS_NT;
    EXPECT_RAISES(far_iret(&w.cpu, &tenv, 4, NEXT, &f), TRAP_TS, TASK);
}

/* Found in the new task (SDM vol. 3A table 7-1). OTHER holds attr. */
static const struct {
    u32 at; /* word of the TSS */
    u32 value;
    u32 attr;
    u8 vector;
    u32 error;
} new_cases[] = {
    {TSS32_LDT, OTHER | SEL_TI, 0, TRAP_TS, OTHER | SEL_TI},
    {TSS32_LDT, BEYOND, 0, TRAP_TS, BEYOND},
    {TSS32_LDT, OTHER, A_DATA, TRAP_TS, OTHER},
    {TSS32_LDT, OTHER, SYS_LDT, TRAP_TS, OTHER},
    {80, 0, 0, TRAP_TS, 0}, /* SS */
    {80, DATA0 | 1, 0, TRAP_TS, DATA0},
    {80, DATA(3), 0, TRAP_TS, DATA(3) & ~3u},
    {80, OTHER, A_RODATA, TRAP_TS, OTHER},
    {80, OTHER, A_CODE, TRAP_TS, OTHER},
    {80, OTHER, A_DATA & ~ATTR_P, TRAP_SS, OTHER},
    {80, BEYOND, 0, TRAP_TS, BEYOND},
    {76, 0, 0, TRAP_TS, 0}, /* CS */
    {76, BEYOND, 0, TRAP_TS, BEYOND},
    {76, OTHER, A_DATA, TRAP_TS, OTHER},
    {76, OTHER, A_CODE | A_DPL(1), TRAP_TS, OTHER},
    {76, OTHER, A_CONF | A_DPL(1), TRAP_TS, OTHER},
    {76, OTHER, A_CODE & ~ATTR_P, TRAP_NP, OTHER},
    {84, BEYOND, 0, TRAP_TS, BEYOND}, /* DS */
    {72, OTHER, A_XCODE, TRAP_TS, OTHER},
    {88, OTHER, ATTR_P | SYS_LDT, TRAP_TS, OTHER},
    {92, OTHER | 3, A_DATA, TRAP_TS, OTHER},
    {92, OTHER, A_DATA & ~ATTR_P, TRAP_NP, OTHER},
};

static void new_case(size_t i, bool event)
{
    struct event e = {EVENT_INTERRUPT, fault_plain(0x30)};
    u32 ext = event ? TRAP_ERR_EXT : 0;

    task_world(0, 0);
    put_idt(0x30, TASK, 0, SYS_TASK_GATE, 0);
    put_desc(OTHER, 0, FLAT, new_cases[i].attr);
    tss_word(new_cases[i].at, new_cases[i].value);
    EXPECT_EQ(event ? event_enter(&w.cpu, &tenv, &e, &f)
                    : far_call(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f),
              ENV_FAULT);
    EXPECT_EQ(f.vector, new_cases[i].vector);
    EXPECT_EQ(f.error, new_cases[i].error | ext);
    EXPECT_EQ(w.cpu.task_switches, before.task_switches + 1);
    EXPECT_EQ(w.cpu.tr.sel, TASK);
    EXPECT_EQ(w.cpu.eip, NEW_EIP);
    EXPECT(busy(TASK));
    EXPECT_EQ(mem16(NEW_AT), TSS);
}

static void faults_of_the_new_task(void)
{
    for (size_t i = 0; i < ARRAY_LEN(new_cases); i++) {
        int failures = unit_failures;
        new_case(i, false);
        new_case(i, true);
        if (failures != unit_failures)
            printf("case %zu\n", i);
    }
}

/* A CS of RPL 1 takes non-conforming code of DPL 1 only, conforming code of
 * ring 0 as well. */
static void code_of_another_ring(void)
{
    static const struct {
        u32 attr;
        bool fine;
    } codes[] = {{A_CODE, false}, {A_CODE | A_DPL(1), true}, {A_CONF, true}};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        task_world(0, 1);
        put_desc(OTHER, 0, FLAT, codes[i].attr);
        tss_word(76, OTHER | 1);
        EXPECT_EQ(far_call(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f),
                  codes[i].fine ? ENV_OK : ENV_FAULT);
        EXPECT_EQ(w.cpu.cpl, 1);
        if (!codes[i].fine)
            EXPECT_EQ(f.vector, TRAP_TS);
    }
}

static void unchecked_segments_are_absent(void)
{
    task_world(0, 0);
    tss_word(84, BEYOND);
    EXPECT_EQ(far_call(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f), ENV_FAULT);
    EXPECT_EQ(w.cpu.seg[SEG_DS].sel, BEYOND);
    EXPECT_EQ(w.cpu.seg[SEG_DS].attr, 0);
    EXPECT_EQ(w.cpu.seg[SEG_GS].sel, DATA0);
    EXPECT_EQ(w.cpu.seg[SEG_GS].attr, 0);
    EXPECT(w.cpu.seg[SEG_SS].attr & ATTR_P);
}

static void eip_and_error_code_of_the_new_task(void)
{
    struct event e = {EVENT_EXCEPTION, fault_error(TRAP_GP, 0)};

    task_world(0, 0);
    put_desc(OTHER, 0, NEW_EIP - 1, A_CODE & ~ATTR_G);
    tss_word(76, OTHER);
    EXPECT_EQ(far_call(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f), ENV_FAULT);
    EXPECT_EQ(f.vector, TRAP_GP);
    EXPECT_EQ(f.error, 0);
    EXPECT_EQ(w.cpu.seg[SEG_CS].sel, OTHER);

    task_world(0, 0);
    put_idt(TRAP_GP, TASK, 0, SYS_TASK_GATE, 0);
    w.no_write[(NEW_STACK - 4) / PAGE_SIZE] = 1;
    EXPECT_EQ(event_enter(&w.cpu, &tenv, &e, &f), ENV_FAULT);
    EXPECT_EQ(f.vector, TRAP_PF);
    EXPECT_EQ(w.cpu.tr.sel, TASK);
}

/* A bad handler task: #TS of the new task while #GP was delivered is #DF. */
static void a_fault_in_the_new_task_escalates(void)
{
    struct event e = {EVENT_EXCEPTION, fault_error(TRAP_GP, 0)};
    u8 vector = 0;

    task_world(0, 0);
    put_idt(TRAP_GP, TASK, 0, SYS_TASK_GATE, 0);
    tss_word(84, BEYOND);
    EXPECT_EQ(event_deliver(&w.cpu, &tenv, &e, &vector), EVENT_OK);
    EXPECT_EQ(vector, TRAP_DF);
    EXPECT_EQ(w.cpu.tr.sel, TASK);
    EXPECT_EQ(w.cpu.eip, HANDLER + TRAP_DF);
    EXPECT_EQ(mem32(w.cpu.gpr[ESP] + 4), NEW_EIP);
}

static void task_of_16_bits(void)
{
    task_world(0, 0);
    put_desc(TASK, NEW_AT, TSS16_SIZE - 1, ATTR_P | SYS_TSS16_FREE);
    memset(w.mem + NEW_AT, 0, TSS32_SIZE);
    put_le16(w.mem + NEW_AT + TSS16_IP, NEW_EIP);
    put_le16(w.mem + NEW_AT + 16, EFLAGS_ONE | EFLAGS_SF);
    for (u32 r = 0; r < GPR_COUNT; r++)
        put_le16(w.mem + NEW_AT + 18 + r * 2, (u16)(0xc000 + r));
    for (u32 s = 0; s < 4; s++)
        put_le16(w.mem + NEW_AT + 34 + s * 2, s == SEG_CS ? CODE0 : DATA0);
    put_le16(w.mem + NEW_AT + 42, TASK_LDT);
    EXPECT_OK(far_call(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f));
    expect_saved(NEXT, before.eflags);
    EXPECT_EQ(w.cpu.eip, NEW_EIP);
    EXPECT_EQ(w.cpu.eflags, EFLAGS_ONE | EFLAGS_SF | EFLAGS_NT);
    EXPECT_EQ(w.cpu.gpr[EBX], 0xffffc003);
    EXPECT_EQ(w.cpu.seg[SEG_DS].sel, DATA0);
    EXPECT_EQ(w.cpu.seg[SEG_FS].sel, 0);
    EXPECT_EQ(w.cpu.ldtr.sel, TASK_LDT);
    EXPECT_EQ(w.cpu.tr.attr, ATTR_P | SYS_TSS16_BUSY);
    EXPECT_EQ(type_byte(TASK), ATTR_P | SYS_TSS16_BUSY);

    w.cpu.gpr[EDX] = 0x12345678;
    w.cpu.eip = 0x10000;
    EXPECT_OK(far_iret(&w.cpu, &tenv, 4, 0x56789, &f));
    EXPECT_EQ(mem16(NEW_AT + TSS16_IP), 0x6789);
    EXPECT_EQ(mem16(NEW_AT + 18 + EDX * 2), 0x5678);
    EXPECT_EQ(mem16(NEW_AT + 40), DATA0);
    EXPECT_EQ(mem16(NEW_AT + 42), TASK_LDT);
    EXPECT_EQ(w.cpu.eip, NEXT);
}

static void task_of_virtual_8086_mode(void)
{
    task_world(0, 0);
    tss_word(TSS32_EIP + 4, EFLAGS_ONE | EFLAGS_VM);
    for (u32 s = 0; s < SEG_COUNT; s++)
        tss_word(72 + s * 4, 0x200 + s);
    EXPECT_OK(far_call(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f));
    EXPECT_EQ(w.cpu.cpl, 3);
    EXPECT_EQ(w.cpu.seg[SEG_CS].base, 0x2010);
    EXPECT_EQ(w.cpu.seg[SEG_GS].base, 0x2050);
    EXPECT_EQ(w.cpu.seg[SEG_GS].limit, 0xffff);
    EXPECT(cpu_mode(&w.cpu) == MODE_V86);

    task_world(0, 0);
    tss_word(TSS32_EIP + 4, EFLAGS_ONE | EFLAGS_VM);
    tss_word(TSS32_EIP, 0x10000);
    EXPECT_EQ(far_call(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f), ENV_FAULT);
    EXPECT_EQ(f.vector, TRAP_GP);
}

/* Two descriptors of one TSS: what was saved is what is loaded. */
static void a_task_may_meet_itself(void)
{
    task_world(0, 0);
    put_desc(TASK, TSS_AT, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    EXPECT_OK(far_jmp(&w.cpu, &tenv, TASK, 0, 4, NEXT, &f));
    EXPECT_EQ(w.cpu.eip, NEXT);
    EXPECT(!memcmp(w.cpu.gpr, before.gpr, sizeof(before.gpr)));
    EXPECT_EQ(w.cpu.tr.sel, TASK);
}

static const struct unit_case cases[] = {
    CASE(jump_to_a_task),
    CASE(call_and_return),
    CASE(cr3_changes_with_paging),
    CASE(local_breakpoints_go),
    CASE(debug_trap_of_a_task),
    CASE(event_through_a_task_gate),
    CASE(faults_of_the_old_task),
    CASE(user_may_switch),
    CASE(pages_are_tried_first),
    CASE(the_old_tss_has_a_limit),
    CASE(back_links),
    CASE(faults_of_the_new_task),
    CASE(code_of_another_ring),
    CASE(unchecked_segments_are_absent),
    CASE(eip_and_error_code_of_the_new_task),
    CASE(a_fault_in_the_new_task_escalates),
    CASE(task_of_16_bits),
    CASE(task_of_virtual_8086_mode),
    CASE(a_task_may_meet_itself),
};
UNIT_MAIN(cases)
