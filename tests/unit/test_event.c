/* SPDX-License-Identifier: MIT
 *
 * Event delivery: the frame and the flags, every check with its error code,
 * inner stacks, 16-bit gates, and what a fault on the way becomes.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/unit/segworld.h"

#define OK                0 /* in a table of cases: no exception */
#define VECTOR            0x80
#define IDT_ERROR(v, ext) ((v)*8u | TRAP_ERR_IDT | (ext))

static struct event software(u8 vector)
{
    return (struct event){EVENT_SOFTWARE, fault_plain(vector)};
}

static struct event interrupt(u8 vector)
{
    return (struct event){EVENT_INTERRUPT, fault_plain(vector)};
}

static struct event exception(struct fault fault)
{
    return (struct event){EVENT_EXCEPTION, fault};
}

static enum env_status enter(struct event e)
{
    return event_enter(&w.cpu, &env, &e, &f);
}

static void expect_frame(const u32 *want, u32 count)
{
    for (u32 i = 0; i < count; i++)
        EXPECT_EQ(mem32(w.cpu.gpr[ESP] + i * 4), want[i]);
}

static void interrupt_in_ring_0(void)
{
    world_ring(0);
    w.cpu.halted = 1;
    w.cpu.irq_shadow = 1;
    u32 flags = w.cpu.eflags;
    EXPECT_OK(enter(interrupt(0x20)));
    const u32 want[] = {before.eip, CODE0, flags};
    EXPECT_EQ(before.gpr[ESP] - w.cpu.gpr[ESP], sizeof(want));
    expect_frame(want, 3);
    EXPECT_EQ(w.cpu.eip, HANDLER + 0x20);
    EXPECT_EQ(w.cpu.eflags, flags & ~EFLAGS_IF);
    EXPECT_EQ(w.cpu.halted, 0);
    EXPECT_EQ(w.cpu.irq_shadow, 0);
    EXPECT_EQ(w.cpu.seg_dirty, BIT(SEG_CS));
    EXPECT_EQ(w.reads, 2);
    EXPECT_EQ(w.writes, 1);
}

static void syscall_from_ring_3(void)
{
    world_ring(3);
    put_idt(VECTOR, CODE0, 0xc0123456, SYS_TRAP32, 3);
    w.cpu.eflags |= EFLAGS_TF | EFLAGS_NT | EFLAGS_RF | EFLAGS_AC;
    u32 flags = w.cpu.eflags;
    EXPECT_OK(enter(software(VECTOR)));
    const u32 want[] = {before.eip, CODE(3), flags, before.gpr[ESP], DATA(3)};
    EXPECT_EQ(w.cpu.gpr[ESP], STACK_TOP(0) - sizeof(want));
    expect_frame(want, 5);
    EXPECT_EQ(w.cpu.eip, 0xc0123456);
    EXPECT_EQ(w.cpu.cpl, 0);
    EXPECT_EQ(w.cpu.seg[SEG_CS].sel, CODE0);
    EXPECT_EQ(w.cpu.seg[SEG_SS].sel, DATA0);
    EXPECT_EQ(w.cpu.seg[SEG_DS].sel, DATA(3));
    EXPECT_EQ(w.cpu.seg_dirty, BIT(SEG_CS) | BIT(SEG_SS));
    EXPECT_EQ(w.cpu.eflags, flags & ~(EFLAGS_TF | EFLAGS_NT | EFLAGS_RF));
    EXPECT_EQ(w.reads, 4);
    EXPECT_EQ(w.writes, 1);
    EXPECT_EQ(w.user_accesses, 0);

    /* and straight back */
    w.cpu.eflags &= ~EFLAGS_NT;
    EXPECT_OK(far_iret(&w.cpu, &env, 4, 0, &f));
    EXPECT_EQ(w.cpu.cpl, 3);
    EXPECT_EQ(w.cpu.eip, before.eip);
    EXPECT_EQ(w.cpu.eflags, flags);
    EXPECT_EQ(w.cpu.gpr[ESP], before.gpr[ESP]);
}

static void page_fault_from_ring_3(void)
{
    world_ring(3);
    EXPECT_OK(enter(exception(fault_page(PF_USER | PF_WRITE, gva(0x1234)))));
    const u32 want[] = {PF_USER | PF_WRITE,        before.eip,      CODE(3),
                        before.eflags | EFLAGS_RF, before.gpr[ESP], DATA(3)};
    EXPECT_EQ(w.cpu.gpr[ESP], STACK_TOP(0) - sizeof(want));
    expect_frame(want, 6);
    EXPECT_EQ(w.cpu.cr2, 0x1234);
    EXPECT_EQ(w.cpu.eflags & (EFLAGS_IF | EFLAGS_RF), 0);
}

/* The error code goes with the event, not with the vector. */
static void int_14_has_no_error_code(void)
{
    world_ring(0);
    w.cpu.cr2 = 0x55;
    EXPECT_OK(enter(software(TRAP_PF)));
    EXPECT_EQ(before.gpr[ESP] - w.cpu.gpr[ESP], 12);
    EXPECT_EQ(w.cpu.cr2, 0x55);
    EXPECT_EQ(mem32(w.cpu.gpr[ESP] + 8), before.eflags);
}

static void rf_in_the_pushed_image(void)
{
    static const u8 faults[] = {TRAP_DE, TRAP_BR, TRAP_UD, TRAP_NM,
                                TRAP_TS, TRAP_NP, TRAP_SS, TRAP_GP,
                                TRAP_PF, TRAP_MF, TRAP_AC, TRAP_XM};

    for (u8 v = 0; v < TRAP_EXCEPTIONS; v++) {
        bool want = false;
        for (size_t i = 0; i < ARRAY_LEN(faults); i++)
            want |= faults[i] == v;
        world_ring(0);
        EXPECT_OK(enter(exception(fault_plain(v))));
        EXPECT_EQ(mem32(w.cpu.gpr[ESP] + 8),
                  before.eflags | (want ? EFLAGS_RF : 0));
        world_ring(0);
        EXPECT_OK(enter(software(v)));
        EXPECT_EQ(mem32(w.cpu.gpr[ESP] + 8), before.eflags);
    }
}

/* A gate at VECTOR in ring cpl; SPARE holds attr. */
static const struct {
    enum event_kind kind;
    u8 cpl, type, dpl;
    bool present;
    u16 sel;
    u32 attr;
    u8 vector;
    u32 error; /* for kinds but software with TRAP_ERR_EXT besides */
} gate_cases[] = {
    {EVENT_SOFTWARE, 0, SYS_INT32, 0, 1, SPARE, A_CODE, OK, 0},
    {EVENT_SOFTWARE, 3, SYS_INT32, 3, 1, SPARE, A_CODE, OK, 0},
    {EVENT_SOFTWARE, 3, SYS_INT32, 3, 1, SPARE | 3, A_CODE, OK, 0},
    {EVENT_SOFTWARE, 3, SYS_INT32, 2, 1, SPARE, A_CODE, TRAP_GP,
     IDT_ERROR(VECTOR, 0)},
    {EVENT_SOFTWARE, 3, SYS_INT32, 2, 0, SPARE, A_CODE, TRAP_GP,
     IDT_ERROR(VECTOR, 0)},
    {EVENT_INTERRUPT, 3, SYS_INT32, 0, 1, SPARE, A_CODE, OK, 0},
    {EVENT_EXCEPTION, 3, SYS_TRAP32, 0, 1, SPARE, A_CODE, OK, 0},
    {EVENT_SOFTWARE, 3, SYS_INT32, 3, 0, SPARE, A_CODE, TRAP_NP,
     IDT_ERROR(VECTOR, 0)},
    {EVENT_INTERRUPT, 0, SYS_INT32, 0, 0, SPARE, A_CODE, TRAP_NP,
     IDT_ERROR(VECTOR, 0)},
    {EVENT_SOFTWARE, 0, SYS_CALL32, 3, 1, SPARE, A_CODE, TRAP_GP,
     IDT_ERROR(VECTOR, 0)},
    {EVENT_INTERRUPT, 0, 0, 0, 0, SPARE, A_CODE, TRAP_GP, IDT_ERROR(VECTOR, 0)},
    {EVENT_INTERRUPT, 0, SYS_INT32 | 0x10, 0, 1, SPARE, A_CODE, TRAP_GP,
     IDT_ERROR(VECTOR, 0)},
    {EVENT_SOFTWARE, 0, SYS_TASK_GATE, 3, 1, TSS, A_CODE, TRAP_GP, TSS},
    {EVENT_EXCEPTION, 0, SYS_TASK_GATE, 3, 1, TSS, A_CODE, TRAP_GP, TSS},
    {EVENT_SOFTWARE, 0, SYS_INT32, 3, 1, 2, A_CODE, TRAP_GP, 0},
    {EVENT_INTERRUPT, 0, SYS_INT32, 3, 1, 0, A_CODE, TRAP_GP, 0},
    {EVENT_SOFTWARE, 0, SYS_INT32, 3, 1, BEYOND, A_CODE, TRAP_GP, BEYOND},
    {EVENT_EXCEPTION, 0, SYS_INT32, 3, 1, BEYOND, A_CODE, TRAP_GP, BEYOND},
    {EVENT_SOFTWARE, 0, SYS_INT32, 3, 1, SPARE, A_DATA, TRAP_GP, SPARE},
    {EVENT_INTERRUPT, 0, SYS_INT32, 3, 1, SPARE, A_DATA, TRAP_GP, SPARE},
    {EVENT_SOFTWARE, 0, SYS_INT32, 3, 1, SPARE, ATTR_P | SYS_CALL32, TRAP_GP,
     SPARE},
    {EVENT_SOFTWARE, 0, SYS_INT32, 3, 1, SPARE, A_CODE | A_DPL(1), TRAP_GP,
     SPARE},
    {EVENT_SOFTWARE, 0, SYS_INT32, 3, 1, SPARE, A_CONF | A_DPL(1), TRAP_GP,
     SPARE},
    {EVENT_INTERRUPT, 0, SYS_INT32, 3, 1, SPARE, A_CONF | A_DPL(1), TRAP_GP,
     SPARE},
    {EVENT_SOFTWARE, 0, SYS_INT32, 3, 1, SPARE, A_CODE & ~ATTR_P, TRAP_NP,
     SPARE},
    {EVENT_INTERRUPT, 0, SYS_INT32, 3, 1, SPARE, A_CODE & ~ATTR_P, TRAP_NP,
     SPARE},
};

static void gate_case(size_t i)
{
    enum event_kind kind = gate_cases[i].kind;
    struct event e = {kind, fault_plain(VECTOR)};
    u32 ext = kind == EVENT_SOFTWARE ? 0 : TRAP_ERR_EXT;

    world_ring(gate_cases[i].cpl);
    put_desc(SPARE, 0, FLAT, gate_cases[i].attr);
    put_idt(VECTOR, gate_cases[i].sel, HANDLER, gate_cases[i].type,
            gate_cases[i].dpl);
    if (!gate_cases[i].present)
        w.mem[IDT_AT + VECTOR * 8 + 5] &= ~ATTR_P;
    if (gate_cases[i].vector) {
        EXPECT_RAISES(enter(e), gate_cases[i].vector,
                      gate_cases[i].error | ext);
        EXPECT_EQ(w.writes, 0);
        return;
    }
    EXPECT_OK(enter(e));
    EXPECT_EQ(w.cpu.seg[SEG_CS].sel, SPARE);
    EXPECT_EQ(w.cpu.cpl, 0);
    EXPECT_EQ(w.cpu.eip, HANDLER);
}

static void gate_checks(void)
{
    for (size_t i = 0; i < ARRAY_LEN(gate_cases); i++) {
        int failures = unit_failures;
        gate_case(i);
        if (failures != unit_failures)
            printf("gate case %zu\n", i);
    }
}

static void idt_limit(void)
{
    world_ring(0);
    w.cpu.idtr.limit = VECTOR * 8 + 6;
    EXPECT_RAISES(enter(software(VECTOR)), TRAP_GP, IDT_ERROR(VECTOR, 0));
    EXPECT_RAISES(enter(interrupt(VECTOR)), TRAP_GP, IDT_ERROR(VECTOR, 1));
    w.cpu.idtr.limit++;
    EXPECT_OK(enter(software(VECTOR)));
}

static void conforming_handler_keeps_the_ring(void)
{
    world_ring(3);
    put_idt(VECTOR, CONFORM0, HANDLER, SYS_INT32, 3);
    EXPECT_OK(enter(software(VECTOR)));
    EXPECT_EQ(w.cpu.cpl, 3);
    EXPECT_EQ(w.cpu.seg[SEG_CS].sel, CONFORM0 | 3);
    EXPECT_EQ(w.cpu.gpr[ESP], before.gpr[ESP] - 12);
    EXPECT_EQ(w.cpu.seg_dirty, BIT(SEG_CS));
    EXPECT_EQ(w.user_accesses, 1);
}

/* SS0 from the TSS; SPARE holds attr. */
static const struct {
    u16 ss;
    u32 attr;
    u8 vector;
    u32 error; /* without EXT */
} stack_cases[] = {
    {SPARE, A_DATA, OK, 0},
    {0, 0, TRAP_TS, 0},
    {3, 0, TRAP_TS, 0},
    {BEYOND, 0, TRAP_TS, BEYOND},
    {SPARE | 1, A_DATA, TRAP_TS, SPARE},
    {SPARE, A_DATA | A_DPL(1), TRAP_TS, SPARE},
    {SPARE, A_RODATA, TRAP_TS, SPARE},
    {SPARE, A_CODE, TRAP_TS, SPARE},
    {SPARE, ATTR_P | SYS_LDT, TRAP_TS, SPARE},
    {SPARE, A_DATA & ~ATTR_P, TRAP_SS, SPARE},
};

static void inner_stack_checks(void)
{
    for (size_t i = 0; i < ARRAY_LEN(stack_cases); i++) {
        world_ring(3);
        put_idt(VECTOR, CODE0, HANDLER, SYS_INT32, 3);
        put_desc(SPARE, 0, FLAT, stack_cases[i].attr);
        put_le32(w.mem + TSS_AT + TSS32_SS0, stack_cases[i].ss);
        if (!stack_cases[i].vector) {
            EXPECT_OK(enter(software(VECTOR)));
            EXPECT_EQ(w.cpu.seg[SEG_SS].sel, SPARE);
            continue;
        }
        EXPECT_RAISES(enter(software(VECTOR)), stack_cases[i].vector,
                      stack_cases[i].error);
        EXPECT_RAISES(enter(interrupt(VECTOR)), stack_cases[i].vector,
                      stack_cases[i].error | TRAP_ERR_EXT);
        EXPECT_EQ(w.writes, 0);
    }
}

static void tss_limit(void)
{
    world_ring(3);
    w.cpu.tr.limit = TSS32_SS0; /* SS0 is two bytes */
    EXPECT_RAISES(enter(interrupt(VECTOR)), TRAP_TS, TSS | TRAP_ERR_EXT);
    w.cpu.tr.limit++;
    EXPECT_OK(enter(interrupt(VECTOR)));
    world_ring(3);
    w.cpu.tr = (struct segment){0};
    EXPECT_RAISES(enter(interrupt(VECTOR)), TRAP_TS, TRAP_ERR_EXT);
}

static void inner_ring_1_and_2(void)
{
    for (u8 r = 1; r < 3; r++) {
        world_ring(3);
        put_idt(VECTOR, CODE(r), HANDLER, SYS_INT32, 3);
        EXPECT_OK(enter(software(VECTOR)));
        EXPECT_EQ(w.cpu.cpl, r);
        EXPECT_EQ(w.cpu.gpr[ESP], STACK_TOP(r) - 20);
        EXPECT_EQ(w.cpu.seg[SEG_SS].sel, DATA(r));
    }
}

static void tss_of_16_bits(void)
{
    world_ring(3);
    w.cpu.tr.attr = ATTR_P | SYS_TSS16_BUSY;
    w.cpu.tr.limit = 5;
    put_le16(w.mem + TSS_AT + 2, 0x8000);
    put_le16(w.mem + TSS_AT + 4, DATA0);
    EXPECT_OK(enter(interrupt(VECTOR)));
    EXPECT_EQ(w.cpu.gpr[ESP], 0x8000 - 20);
    EXPECT_EQ(w.cpu.seg[SEG_SS].sel, DATA0);
    world_ring(3);
    w.cpu.tr.attr = ATTR_P | SYS_TSS16_BUSY;
    w.cpu.tr.limit = 4;
    EXPECT_RAISES(enter(interrupt(VECTOR)), TRAP_TS, TSS | TRAP_ERR_EXT);
}

static void gate_of_16_bits(void)
{
    world_ring(3);
    put_idt(VECTOR, CODE0, 0xffff1234, SYS_INT16, 3);
    struct event e = exception(fault_error(VECTOR, 0x12345678));
    EXPECT_OK(enter(e));
    const u16 want[] = {0x5678,
                        (u16)before.eip,
                        CODE(3),
                        (u16)before.eflags,
                        (u16)before.gpr[ESP],
                        DATA(3)};
    EXPECT_EQ(w.cpu.gpr[ESP], STACK_TOP(0) - sizeof(want));
    EXPECT(!memcmp(w.mem + w.cpu.gpr[ESP], want, sizeof(want)));
    EXPECT_EQ(w.cpu.eip, 0x1234);
    EXPECT_EQ(w.cpu.eflags & EFLAGS_IF, 0);
    world_ring(0);
    put_idt(VECTOR, CODE0, 0x1234, SYS_TRAP16, 3);
    EXPECT_OK(enter(software(VECTOR)));
    EXPECT_EQ(w.cpu.gpr[ESP], before.gpr[ESP] - 6);
    EXPECT_EQ(w.cpu.eflags & EFLAGS_IF, EFLAGS_IF);
}

static void frame_must_fit(void)
{
    /* the current stack: #SS(EXT) */
    world_ring(0);
    put_desc(SPARE, 0x20000, 0xfff, A_DATA & ~ATTR_G);
    w.cpu.seg[SEG_SS] = seg_of(SPARE);
    w.cpu.gpr[ESP] = 12;
    EXPECT_RAISES(enter(exception(fault_error(TRAP_GP, 0))), TRAP_SS,
                  TRAP_ERR_EXT);
    w.cpu.gpr[ESP] = 8;
    EXPECT_RAISES(enter(software(VECTOR)), TRAP_SS, 0);
    EXPECT_EQ(w.writes, 0);
    w.cpu.gpr[ESP] = 12;
    EXPECT_OK(enter(software(VECTOR)));
    EXPECT_EQ(w.cpu.gpr[ESP], 0);
    /* an inner stack: #SS(SS0 + EXT) */
    world_ring(3);
    put_desc(DATA0, 0, STACK_TOP(0) - 2, A_DATA & ~ATTR_G);
    EXPECT_RAISES(enter(interrupt(VECTOR)), TRAP_SS, DATA0 | TRAP_ERR_EXT);
}

static void expand_down_stack(void)
{
    world_ring(3);
    put_desc(DATA0, 0, 0xff, (A_DATA | ATTR_DOWN) & ~ATTR_G);
    put_le32(w.mem + TSS_AT + TSS32_ESP0, 0x100 + 20);
    EXPECT_OK(enter(interrupt(VECTOR)));
    EXPECT_EQ(w.cpu.gpr[ESP], 0x100);
    world_ring(3);
    put_desc(DATA0, 0, 0x100, (A_DATA | ATTR_DOWN) & ~ATTR_G);
    put_le32(w.mem + TSS_AT + TSS32_ESP0, 0x100 + 20);
    EXPECT_RAISES(enter(interrupt(VECTOR)), TRAP_SS, DATA0 | TRAP_ERR_EXT);
}

static void handler_beyond_its_segment(void)
{
    world_ring(0);
    put_desc(SPARE, 0, HANDLER - 1, A_CODE & ~ATTR_G);
    put_idt(VECTOR, SPARE, HANDLER, SYS_INT32, 0);
    EXPECT_RAISES(enter(software(VECTOR)), TRAP_GP, 0);
    EXPECT_RAISES(enter(interrupt(VECTOR)), TRAP_GP, TRAP_ERR_EXT);
    EXPECT_EQ(w.writes, 0);
}

static void accessed_bits(void)
{
    world_ring(3);
    put_desc(CODE0, 0, FLAT, A_CODE & ~ATTR_ACCESSED);
    put_desc(DATA0, 0, FLAT, A_DATA & ~ATTR_ACCESSED);
    EXPECT_OK(enter(interrupt(VECTOR)));
    EXPECT_EQ(w.writes, 3);
    EXPECT(type_byte(CODE0) & ATTR_ACCESSED);
    EXPECT(type_byte(DATA0) & ATTR_ACCESSED);
    EXPECT_EQ(w.cpu.seg[SEG_CS].attr, A_CODE);
    EXPECT_EQ(w.cpu.seg[SEG_SS].attr, A_DATA);
}

/* A page fault at each thing that delivery touches. */
static void page_fault_on_the_way(void)
{
    static const u32 touched[] = {IDT_AT, GDT_AT, TSS_AT, STACK_TOP(0) - 4};

    for (size_t i = 0; i < ARRAY_LEN(touched); i++) {
        bool write = touched[i] == STACK_TOP(0) - 4;
        world_ring(3);
        w.no_read[touched[i] / PAGE_SIZE] = 1;
        w.no_write[touched[i] / PAGE_SIZE] = 1;
        EXPECT_RAISES(enter(interrupt(VECTOR)), TRAP_PF, write ? PF_WRITE : 0);
        EXPECT_EQ(f.cr2 / PAGE_SIZE, touched[i] / PAGE_SIZE);
    }
}

static void frame_across_pages_is_all_or_nothing(void)
{
    u8 copy[PAGE_SIZE];

    world_ring(3);
    put_le32(w.mem + TSS_AT + TSS32_ESP0, STACK_AT + PAGE_SIZE + 8);
    w.no_write[STACK_AT / PAGE_SIZE] = 1;
    memcpy(copy, w.mem + STACK_AT + PAGE_SIZE, PAGE_SIZE);
    EXPECT_RAISES(enter(interrupt(VECTOR)), TRAP_PF, PF_WRITE);
    EXPECT(!memcmp(copy, w.mem + STACK_AT + PAGE_SIZE, PAGE_SIZE));
    w.no_write[STACK_AT / PAGE_SIZE] = 0;
    EXPECT_OK(enter(interrupt(VECTOR)));
    EXPECT_EQ(mem32(STACK_AT + PAGE_SIZE + 4), DATA(3));
}

#define CONTRIB 0x1
#define PAGE    0x2

static u32 class_of(u8 v)
{
    static const u8 contributory[] = {TRAP_DE, TRAP_TS, TRAP_NP, TRAP_SS,
                                      TRAP_GP};

    for (size_t i = 0; i < ARRAY_LEN(contributory); i++)
        if (contributory[i] == v)
            return CONTRIB;
    return v == TRAP_PF ? PAGE : 0;
}

/* Table 6-5 as it stands there. */
static void combining(void)
{
    for (u8 a = 0; a < TRAP_EXCEPTIONS; a++)
        for (u8 b = 0; b < TRAP_EXCEPTIONS; b++) {
            struct event first = exception(fault_plain(a));
            struct fault second = fault_page(0x77, gva(0x88)), out;
            second.vector = b;
            u32 ca = class_of(a), cb = class_of(b);
            bool twice = (ca == CONTRIB && cb == CONTRIB) || (ca == PAGE && cb);
            bool alive = event_combine(&first, &second, &out);
            EXPECT_EQ(alive, !(a == TRAP_DF && cb));
            if (!alive)
                continue;
            EXPECT_EQ(out.vector, twice ? TRAP_DF : b);
            EXPECT_EQ(out.error, twice ? 0 : 0x77);
            EXPECT(out.has_error);
            for (int kind = EVENT_INTERRUPT; kind <= EVENT_SOFTWARE; kind++) {
                first.kind = kind;
                EXPECT(event_combine(&first, &second, &out));
                EXPECT_EQ(out.vector, b);
            }
        }
}

static enum event_status deliver(struct event e, u8 *vector)
{
    *vector = 0xff;
    return event_deliver(&w.cpu, &env, &e, vector);
}

static void plain_delivery(void)
{
    u8 v;

    world_ring(3);
    EXPECT_EQ(deliver(interrupt(VECTOR), &v), EVENT_OK);
    EXPECT_EQ(v, VECTOR);
    struct event e = interrupt(VECTOR);
    EXPECT_EQ(event_deliver(&w.cpu, &env, &e, NULL), EVENT_OK);
    w.stop = true;
    before = w.cpu;
    EXPECT_EQ(deliver(interrupt(VECTOR), &v), EVENT_STOPPED);
    EXPECT(untouched());
}

static void unusable(u8 vector)
{
    w.mem[IDT_AT + vector * 8u + 5] &= ~ATTR_P;
}

/* INT 0x80 by a gate of DPL 0 is a #GP with the gate's number. */
static void refused_int_is_a_gp(void)
{
    u8 v;

    world_ring(3);
    EXPECT_EQ(deliver(software(VECTOR), &v), EVENT_OK);
    EXPECT_EQ(v, TRAP_GP);
    EXPECT_EQ(mem32(w.cpu.gpr[ESP]), IDT_ERROR(VECTOR, 0));
    EXPECT_EQ(mem32(w.cpu.gpr[ESP] + 4), before.eip);
}

static void serial_delivery(void)
{
    u8 v;

    world_ring(0); /* benign, then contributory */
    unusable(TRAP_UD);
    EXPECT_EQ(deliver(exception(fault_plain(TRAP_UD)), &v), EVENT_OK);
    EXPECT_EQ(v, TRAP_NP);
    EXPECT_EQ(mem32(w.cpu.gpr[ESP]), IDT_ERROR(TRAP_UD, 1));

    world_ring(3); /* contributory, then page fault: on ring 1's stack */
    put_idt(TRAP_GP, CODE(1), HANDLER, SYS_INT32, 0);
    w.no_write[(STACK_TOP(1) - 4) / PAGE_SIZE] = 1;
    EXPECT_EQ(deliver(exception(fault_error(TRAP_GP, 0)), &v), EVENT_OK);
    EXPECT_EQ(v, TRAP_PF);
    EXPECT_EQ(w.cpu.cr2 / PAGE_SIZE, (STACK_TOP(1) - 4) / PAGE_SIZE);
    EXPECT_EQ(mem32(w.cpu.gpr[ESP]), PF_WRITE);
}

static void double_fault(void)
{
    u8 v;

    world_ring(0);
    unusable(TRAP_GP);
    EXPECT_EQ(deliver(exception(fault_error(TRAP_GP, 0x18)), &v), EVENT_OK);
    EXPECT_EQ(v, TRAP_DF);
    EXPECT_EQ(mem32(w.cpu.gpr[ESP]), 0);
    EXPECT_EQ(mem32(w.cpu.gpr[ESP] + 4), before.eip);
    EXPECT_EQ(mem32(w.cpu.gpr[ESP] + 12) & EFLAGS_RF, 0);

    world_ring(0);
    unusable(TRAP_PF);
    EXPECT_EQ(deliver(exception(fault_page(0, gva(0x44))), &v), EVENT_OK);
    EXPECT_EQ(v, TRAP_DF);
    EXPECT_EQ(w.cpu.cr2, 0x44);

    world_ring(3); /* page fault twice: CR2 is the second one's */
    put_idt(TRAP_PF, CODE(1), HANDLER, SYS_INT32, 0);
    w.no_write[(STACK_TOP(1) - 4) / PAGE_SIZE] = 1;
    EXPECT_EQ(deliver(exception(fault_page(0, gva(0x44))), &v), EVENT_OK);
    EXPECT_EQ(v, TRAP_DF);
    EXPECT_EQ(w.cpu.cr2 / PAGE_SIZE, (STACK_TOP(1) - 4) / PAGE_SIZE);
}

static void triple_fault(void)
{
    u8 v;

    world_ring(3);
    unusable(TRAP_GP);
    unusable(TRAP_DF);
    before = w.cpu;
    EXPECT_EQ(deliver(exception(fault_error(TRAP_GP, 0)), &v), EVENT_TRIPLE);
    EXPECT(untouched());
    EXPECT_EQ(v, 0xff);

    world_ring(0); /* the longest chain: interrupt, #NP, #DF, shutdown */
    w.cpu.idtr.limit = 0;
    before = w.cpu;
    EXPECT_EQ(deliver(interrupt(VECTOR), &v), EVENT_TRIPLE);
    EXPECT(untouched());

    world_ring(0); /* a stack that cannot be written */
    w.no_write[(w.cpu.gpr[ESP] - 4) / PAGE_SIZE] = 1;
    w.cpu.cr2 = 0x99;
    EXPECT_EQ(deliver(exception(fault_plain(TRAP_UD)), &v), EVENT_TRIPLE);
    EXPECT_EQ(w.cpu.cr2 / PAGE_SIZE, (w.cpu.gpr[ESP] - 4) / PAGE_SIZE);
    w.cpu.cr2 = before.cr2;
    EXPECT(untouched());
}

static void gates_decode(void)
{
    struct gate g = gate_decode(0x00081234, 0xc000ee00);
    EXPECT_EQ(g.sel, 8);
    EXPECT_EQ(g.offset, 0xc0001234);
    EXPECT_EQ(g.type, SYS_INT32);
    EXPECT_EQ(g.dpl, 3);
    EXPECT(g.present);
    g = gate_decode(0x00081234, 0xc0002700);
    EXPECT_EQ(g.offset, 0x1234);
    EXPECT_EQ(g.type, SYS_TRAP16);
    EXPECT_EQ(g.dpl, 1);
    EXPECT(!g.present);
}

static const struct unit_case cases[] = {
    CASE(interrupt_in_ring_0),
    CASE(syscall_from_ring_3),
    CASE(page_fault_from_ring_3),
    CASE(int_14_has_no_error_code),
    CASE(rf_in_the_pushed_image),
    CASE(gate_checks),
    CASE(idt_limit),
    CASE(conforming_handler_keeps_the_ring),
    CASE(inner_stack_checks),
    CASE(tss_limit),
    CASE(inner_ring_1_and_2),
    CASE(tss_of_16_bits),
    CASE(gate_of_16_bits),
    CASE(frame_must_fit),
    CASE(expand_down_stack),
    CASE(handler_beyond_its_segment),
    CASE(accessed_bits),
    CASE(page_fault_on_the_way),
    CASE(frame_across_pages_is_all_or_nothing),
    CASE(combining),
    CASE(plain_delivery),
    CASE(refused_int_is_a_gp),
    CASE(serial_delivery),
    CASE(double_fault),
    CASE(triple_fault),
    CASE(gates_decode),
};
UNIT_MAIN(cases)
