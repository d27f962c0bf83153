/* SPDX-License-Identifier: MIT
 *
 * What a guest does leaves the same events whichever engine runs it: by traps
 * (the short ways and the long one), by the interpreter step by step, and in
 * blocks. One kernel does all of it; then each record is looked at.
 *
 * LINKS: vmm/vm vmm/mm vmm/cpu drivers/model drivers/bus vmm/base
 */
#include "tests/unit/exitsworld.h"
#include "vmm/vm/interp.h"

#define IRET_AT  0x200800
#define TABLE_AT 0x4000 /* what LGDT and LIDT load from */
#define RECORDS  64     /* as many as the ring holds */
#define CR0_HERE (CR0_PE | CR0_ET | CR0_NE)

/* The kernel, at CODE_AT. INT 0x40 leads to an IRET, as does #UD to a HLT. */
static const u8 kernel[] = {
    0xfa,                            /* cli */
    0xb8, 0x05, 0,    0, 0,          /* mov eax, 5 */
    0xcd, 0x40,                      /* int 0x40 */
    0x0f, 0x20, 0xc3,                /* mov ebx, cr0 */
    0x0f, 0x22, 0xc3,                /* mov cr0, ebx */
    0x0f, 0x23, 0xc0,                /* mov dr0, eax */
    0x0f, 0x21, 0xc1,                /* mov ecx, dr0 */
    0x0f, 0x01, 0x15, 0, 0x40, 0, 0, /* lgdt [TABLE_AT] */
    0x0f, 0x01, 0x1d, 8, 0x40, 0, 0, /* lidt [TABLE_AT + 8] */
    0x0f, 0x01, 0x38,                /* invlpg [eax] */
    0xb9, 0x74, 1,    0, 0,          /* mov ecx, 0x174 */
    0x31, 0xd2,                      /* xor edx, edx */
    0x0f, 0x30,                      /* wrmsr */
    0x0f, 0x32,                      /* rdmsr */
    0x31, 0xc0,                      /* xor eax, eax */
    0x0f, 0x00, 0xd0,                /* lldt ax */
    0xb0, 0x18,                      /* mov al, 0x18 */
    0x0f, 0x00, 0xd8,                /* ltr ax */
    0x0f, 0x00, 0xcb,                /* str ebx */
    0x0f, 0x06,                      /* clts */
    0xb0, 0x20,                      /* mov al, 0x20 */
    0xe6, 0x20,                      /* out 0x20, al */
    0xe4, 0x21,                      /* in al, 0x21 */
    0xfb,                            /* sti */
    0x90,                            /* nop */
    0x0f, 0x0b,                      /* ud2 */
};

struct seen {
    u32 count;
    struct trace_record record[RECORDS];
};

static struct block memory[BLOCK_SLOTS];

static void gate(u32 vector, u32 to)
{
    u64 raw = (u64)(to & 0xffff0000) << 32 | 0x8e00ull << 32 | 8 << 16 |
              (to & 0xffff);

    poke(IDT_AT + vector * 8, &raw, 8);
}

static void boot(void)
{
    start((const char *)kernel, sizeof(kernel));
    gate(0x40, IRET_AT);
    poke(IRET_AT, "\xcf", 1);
    poke(HANDLER, "\xf4", 1);
    poke(GDT_AT + 24, &(u64){0x0000890050000067}, 8);
    poke(TABLE_AT, &(u64){(u64)GDT_AT << 16 | 31}, 8);
    poke(TABLE_AT + 8, &(u64){(u64)IDT_AT << 16 | 2047}, 8);
    env_of(vm).table_loaded(vm, TABLE_IDT);
    trace_want(vm, TRACE_LIVE,
               TRACE_EVERYTHING &
                   ~(BIT(TRACE_GROUP_EXIT) | BIT(TRACE_GROUP_SHADOW)));
}

static void gather(struct seen *out, struct trace_cursor *from)
{
    out->count = trace_read(&fake_hv.trace, from, out->record, RECORDS);
    EXPECT_EQ(from->lost, 0);
}

/* What ring 1 may not do; the error code says how the CPU refuses. */
static bool traps(const struct insn *insn, u32 *error)
{
    enum insn_class class = insn_class(insn->op);

    *error = 0;
    if (class == CLASS_INT)
        *error = (insn->imm & 0xff) << 3 | TRAP_ERR_IDT;
    if (class == CLASS_IRET)
        *error = 8;
    return op_rows[insn->op].rule == RULE_UMIP || class == CLASS_INT ||
           class == CLASS_IRET || class == CLASS_IO ||
           class == CLASS_PRIVILEGED;
}

/* One instruction on a CPU that runs the kernel in ring 1. The short ways are
 * for segment registers that the CPU has loaded. */
static void on_a_cpu(bool short_ways)
{
    struct cpu_env env = env_of(vm);
    struct step step;
    u8 code[16];
    struct insn insn;
    u32 error;

    vm->cpu.seg_dirty = short_ways ? 0 : BIT(SEG_CS);
    p2m_read(&vm->p2m, gpa(vm->cpu.eip), code, sizeof(code));
    if (code[0] == 0x0f && code[1] == 0x0b) {
        trap(TRAP_UD, 0);
        return;
    }
    EXPECT_EQ(insn_decode(code, sizeof(code), true, &insn), DECODE_OK);
    if (traps(&insn, &error))
        trap(TRAP_GP, error);
    else
        EXPECT_EQ(cpu_step(&vm->cpu, &env, &step), STEP_OK);
}

static void run_by_traps(struct seen *out, bool short_ways)
{
    struct trace_cursor from;

    boot();
    from = trace_tail(&fake_hv.trace);
    for (u32 i = 0; i < RECORDS && !vm->cpu.halted; i++)
        on_a_cpu(short_ways);
    gather(out, &from);
}

static void run_interpreted(struct seen *out, enum vm_dispatch dispatch)
{
    struct trace_cursor from;

    boot();
    memset(memory, 0, sizeof(memory));
    for (u32 i = 0; i < BLOCK_SLOTS; i++)
        vm->blocks.slot[i] = &memory[i];
    vm->config.exec = EXEC_INTERP;
    vm->config.dispatch = dispatch;
    from = trace_tail(&fake_hv.trace);
    for (u32 i = 0; i < RECORDS && !vm->cpu.halted; i++) {
        vm->leave = false;
        interp_run(vm);
    }
    for (u32 i = 0; i < BLOCK_SLOTS; i++)
        vm->blocks.slot[i] = NULL;
    gather(out, &from);
}

static void expect_same(const struct seen *a, const struct seen *b)
{
    EXPECT_EQ(a->count, b->count);
    for (u32 i = 0; i < a->count && i < b->count; i++) {
        struct trace_record x = a->record[i], y = b->record[i];
        x.tsc = y.tsc = 0;
        if (!memcmp(&x, &y, sizeof(x)))
            continue;
        printf("record %u: %s at %x, %s at %x\n", i,
               trace_catalogue[x.event].name, x.eip,
               trace_catalogue[y.event].name, y.eip);
        EXPECT(false);
    }
}

static void every_engine_tells_the_same(void)
{
    struct seen traps, slow, plain, threaded;

    run_by_traps(&traps, true);
    EXPECT(vm->cpu.halted);
    EXPECT(vm->exit_count[EXIT_SOFTINT] && vm->exit_count[EXIT_IRET]);
    run_by_traps(&slow, false);
    EXPECT(vm->cpu.halted);
    run_interpreted(&plain, DISPATCH_PLAIN);
    EXPECT(vm->cpu.halted);
    run_interpreted(&threaded, DISPATCH_THREADED);
    EXPECT(vm->cpu.halted);
    expect_same(&traps, &slow);
    expect_same(&traps, &plain);
    expect_same(&traps, &threaded);
}

/* The events by name and by what their first words are. */
static const struct {
    enum trace_event event;
    u32 at, arg[3]; /* at: behind CODE_AT */
} want[] = {
    {TRACE_CLI, 0, {2}},
    {TRACE_INT, 6, {0x40, IRET_AT, 5}},
    {TRACE_IRET, IRET_AT - CODE_AT, {8, CODE_AT + 8, 2}},
    {TRACE_CR_READ, 8, {EBX, 0, CR0_HERE}},
    {TRACE_CR, 11, {0, CR0_HERE, CR0_HERE}},
    {TRACE_CR_WRITE, 11, {0, CR0_HERE}},
    {TRACE_DR_WRITE, 14, {0, 5}},
    {TRACE_DR_READ, 17, {ECX, 0, 5}},
    {TRACE_TABLE, 20, {TABLE_GDT, GDT_AT, 23}},
    {TRACE_LOAD_TABLE, 20, {TABLE_GDT, 0, GDT_AT}},
    {TRACE_TABLE, 27, {TABLE_IDT, IDT_AT, 2047}},
    {TRACE_LOAD_TABLE, 27, {TABLE_IDT, 0, IDT_AT}},
    {TRACE_INVLPG, 34, {5}},
    {TRACE_WRMSR, 44, {0x174, 5, 0}},
    {TRACE_RDMSR, 46, {0x174, 5, 0}},
    {TRACE_TABLE, 50, {TABLE_LDT}},
    {TRACE_LOAD_TABLE, 50, {TABLE_LDT, 0, 0}},
    {TRACE_DESCRIPTOR, 55, {TABLE_GDT, 3, 0x50000067}},
    {TRACE_TABLE, 55, {TABLE_TSS, 0, 0}},
    {TRACE_LOAD_TABLE, 55, {TABLE_TSS, 0x18, 0x5000}},
    {TRACE_PRIVILEGED, 58, {0xcb000f}},
    {TRACE_CR, 61, {0, CR0_HERE, CR0_HERE}},
    {TRACE_PRIVILEGED, 61, {0x060f}},
    {TRACE_PORT_OUT, 65, {0x20, 1, 0x20}},
    {TRACE_PORT_IN, 67, {0x21, 1}},
    {TRACE_STI, 69, {0x246}},
    {TRACE_EXCEPTION, 71, {TRAP_UD}},
    {TRACE_HLT, HANDLER - CODE_AT, {0x46}},
};

static void each_record_has_its_words(void)
{
    struct seen seen;

    run_by_traps(&seen, true);
    EXPECT_EQ(seen.count, ARRAY_LEN(want));
    for (u32 i = 0; i < seen.count && i < ARRAY_LEN(want); i++) {
        const struct trace_record *r = &seen.record[i];
        EXPECT_STR(trace_catalogue[r->event].name,
                   trace_catalogue[want[i].event].name);
        EXPECT_EQ(r->eip, CODE_AT + want[i].at);
        for (u32 k = 0; k < 3; k++)
            if (want[i].arg[k])
                EXPECT_EQ(r->arg[k], want[i].arg[k]);
    }
}

/* A kernel of one HLT, of which all is wanted. */
static struct trace_cursor watched(void)
{
    start("\xf4", 1);
    trace_want(vm, TRACE_LIVE, TRACE_EVERYTHING);
    return trace_tail(&fake_hv.trace);
}

static void write_at(u32 at, const void *bytes, u32 size)
{
    struct cpu_env env = env_of(vm);
    struct fault fault;

    EXPECT_EQ(env.write(vm, gva(at), bytes, size, ACC_WRITE, &fault), ENV_OK);
}

static const struct trace_record *find(const struct seen *s,
                                       enum trace_event event, u32 nth)
{
    for (u32 i = 0; i < s->count; i++) {
        if (s->record[i].event == event && !nth--)
            return &s->record[i];
    }
    printf("no %s\n", trace_catalogue[event].name);
    abort();
}

static void stores_into_tables(void)
{
    struct trace_cursor from = watched();
    const struct trace_record *r;
    struct seen seen;

    write_at(IDT_AT + 8 * 3, "\x78\x56", 2);
    write_at(GDT_AT + 8, "\x11", 1);
    gather(&seen, &from);
    r = find(&seen, TRACE_GATE, 0);
    EXPECT_EQ(r->eip, CODE_AT);
    EXPECT_EQ(r->arg[0], 3);
    EXPECT_EQ(r->arg[1], 8 << 16 | (HANDLER & 0xffff));
    EXPECT_EQ(r->arg[3], 8 << 16 | 0x5678);
    EXPECT_EQ(r->arg[5], (HANDLER & 0xffff0000) | 0x5678);
    r = find(&seen, TRACE_DESCRIPTOR, 0);
    EXPECT_EQ(r->arg[0], TABLE_GDT);
    EXPECT_EQ(r->arg[1], 1);
    EXPECT_EQ(r->arg[2], 0x0000ffff);
    EXPECT_EQ(r->arg[4], 0x0000ff11);
}

static void stores_into_page_tables(void)
{
    struct trace_cursor from = watched();
    const struct trace_record *r;
    struct seen seen;

    poke(0x5000, "\1\2\3\4\5\6\7\10", 8);
    p2m_set_trace(&vm->p2m, gfn(5), TRACE_PAGE_TABLE);
    write_at(0x5003, "\xaa\xbb", 2);
    vm->shadow.mode.pae = true;
    write_at(0x5004, "\xcc", 1);
    vm->shadow.mode.pae = false;
    gather(&seen, &from);
    r = find(&seen, TRACE_PAGE_ENTRY, 0);
    EXPECT_EQ(r->arg[0], 0x5000);
    EXPECT_EQ(r->arg[1], 4);
    EXPECT_EQ(r->arg[2], 0x04030201);
    EXPECT_EQ(r->arg[4], 0xaa030201);
    r = find(&seen, TRACE_PAGE_ENTRY, 1);
    EXPECT_EQ(r->arg[0], 0x5004);
    EXPECT_EQ(r->arg[4], 0x080706bb);
    r = find(&seen, TRACE_PAGE_ENTRY, 2);
    EXPECT_EQ(r->arg[0], 0x5000);
    EXPECT_EQ(r->arg[1], 8);
    EXPECT_EQ(r->arg[3], 0x080706bb);
    EXPECT_EQ(r->arg[5], 0x080706cc);
}

static void devices_in_memory(void)
{
    struct trace_cursor from = watched();
    struct cpu_env env = env_of(vm);
    struct fault fault;
    struct seen seen;
    u32 word;

    write_at(0xb8000, "\x41\x07", 2);
    EXPECT_EQ(env.read(vm, gva(0xb8000), &word, 4, ACC_READ, &fault), ENV_OK);
    gather(&seen, &from);
    EXPECT_EQ(find(&seen, TRACE_MMIO_STORE, 0)->arg[0], 0xb8000);
    EXPECT_EQ(find(&seen, TRACE_MMIO_STORE, 0)->arg[1], 2);
    EXPECT_EQ(find(&seen, TRACE_MMIO_STORE, 0)->arg[2], 0x0741);
    EXPECT_EQ(find(&seen, TRACE_MMIO_LOAD, 0)->arg[1], 4);
    EXPECT_EQ(find(&seen, TRACE_MMIO_LOAD, 0)->arg[2], word);
}

static void an_interrupt_comes_and_ends(void)
{
    struct trace_cursor from = watched();
    struct cpu_env env = env_of(vm);
    struct seen seen;

    fake_raise_timer(vm, VECTOR);
    vm->cpu.eflags |= EFLAGS_IF;
    exit_inject(vm);
    env.out(vm, PORT_PIC1_CMD, 1, 0x20);
    gather(&seen, &from);
    EXPECT_EQ(find(&seen, TRACE_IRQ_RAISE, 0)->arg[0], IRQ_TIMER);
    EXPECT_EQ(find(&seen, TRACE_IRQ_INJECT, 0)->eip, CODE_AT);
    EXPECT_EQ(find(&seen, TRACE_IRQ_INJECT, 0)->arg[0], VECTOR);
    EXPECT_EQ(find(&seen, TRACE_IRQ_INJECT, 0)->arg[1], HANDLER);
    EXPECT_EQ(find(&seen, TRACE_IRQ_EOI, 0)->arg[0], IRQ_TIMER);
}

static void a_fault_without_a_handler(void)
{
    struct trace_cursor from = watched();
    struct seen seen;

    vm->cpu.idtr.limit = 0;
    vm->arch.vector = TRAP_UD;
    exit_handle_traced(vm);
    gather(&seen, &from);
    EXPECT_EQ(find(&seen, TRACE_TRIPLE_FAULT, 0)->arg[0], TRAP_UD);
    EXPECT_EQ(find(&seen, TRACE_KILLED, 0)->vm, vm->slot + 1);
    EXPECT_EQ(find(&seen, TRACE_EXIT, 0)->arg[0], EXIT_EXCEPTION);
    EXPECT_EQ(find(&seen, TRACE_EXIT, 0)->arg[1], TRAP_UD);
    EXPECT_EQ(seen.record[seen.count - 1].event, TRACE_EXIT);
}

static void the_shadow_says_why(void)
{
    struct trace_cursor from = watched();
    struct seen seen;

    vm->arch.fault_at = 0x7123;
    trap(TRAP_PF, PF_WRITE);
    env_of(vm).invlpg(vm, gva(0x7000));
    shadow_load_cr3(&vm->shadow, 0x6000);
    gather(&seen, &from);
    EXPECT_EQ(find(&seen, TRACE_SHADOW_FILL, 0)->arg[0], 0x7123);
    EXPECT_EQ(find(&seen, TRACE_SHADOW_FILL, 0)->arg[1], PF_WRITE);
    EXPECT_EQ(find(&seen, TRACE_SHADOW_FILL, 0)->arg[2], 7);
    EXPECT(find(&seen, TRACE_SHADOW_FILL, 0)->arg[3] & PTE_W);
    EXPECT_EQ(find(&seen, TRACE_SHADOW_FLUSH, 0)->arg[0], SHADOW_BY_INVLPG);
    EXPECT_EQ(find(&seen, TRACE_SHADOW_FLUSH, 0)->arg[1], 0x7000);
    EXPECT_EQ(find(&seen, TRACE_SHADOW_DROP_ALL, 0)->arg[0], SHADOW_BY_CR3);
    EXPECT_EQ(find(&seen, TRACE_SHADOW_FLUSH_ALL, 0)->arg[0], SHADOW_BY_CR3);
}

static const struct unit_case cases[] = {
    CASE(stores_into_tables),          CASE(stores_into_page_tables),
    CASE(devices_in_memory),           CASE(an_interrupt_comes_and_ends),
    CASE(a_fault_without_a_handler),   CASE(the_shadow_says_why),
    CASE(every_engine_tells_the_same), CASE(each_record_has_its_words),
};
UNIT_MAIN(cases)
