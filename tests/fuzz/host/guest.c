/* SPDX-License-Identifier: MIT
 *
 * A guest made of random input, on the machine without a CPU: exits of every
 * vector with registers, code, descriptors and page tables as the input says,
 * and monitor commands between. The same machine takes what is typed at the
 * monitor and what comes on gdb's wire.
 *
 * The input may do all that real guest code could have done before its trap:
 * general registers, EIP, flags, loads of data segments that the host tables
 * allow. After each exit the VMM's promises are looked at: what the host
 * tables hold, what it would enter with, the flags, and, now and then, the
 * audit of the shadow. A guest that was killed has kept them.
 */
#include "arch/x86/defs/ports.h"
#include "arch/x86/defs/traps.h"
#include "tests/fake/machine.h"
#include "tests/fuzz/host/fuzz.h"
#include "vmm/base/bits.h"
#include "vmm/mm/audit.h"
#include "vmm/vm/exits.h"
#include "vmm/vm/hostgdt.h"
#include "vmm/vm/inspect.h"

#define IDT_AT   0x2000
#define GDT_AT   0x3000
#define LDT_AT   0x4000
#define DIR_AT   0x5000
#define TABLE_AT 0x6000 /* two tables: the 4 MiB there are, and a window */
#define TSS_AT   0x8000
#define STACK    0x9800
#define CODE_AT  0xa000
#define HANDLER  0xb000
#define WINDOW   0x400000u
#define GUEST    (4u << 20)
#define DESCS    32
#define STEPS    200
#define HOST_IRQ 0x30

static struct vm *vm;
static struct input *script;

static u64 descriptor(u32 type)
{
    static const u64 known[] = {0x00cf9b000000ffff, 0x00cf93000000ffff,
                                0x00cffb000000ffff, 0x00cff3000000ffff,
                                0x00008b0080000067, 0x000082004000007f};

    return known[type % ARRAY_LEN(known)];
}

static u64 any_descriptor(struct input *in)
{
    u32 kind = take8(in);

    if (kind & 1)
        return descriptor(kind >> 1) ^ (u64)1 << (take8(in) & 63);
    return (u64)take32(in) << 32 | take32(in);
}

static void poke(u32 at, u64 value, u32 size)
{
    p2m_write(&vm->p2m, gpa(at), &value, size);
}

static void make_tables(void)
{
    u64 gate = (u64)(HANDLER & 0xffff0000) << 32 | 0x8e00ull << 32 | 8 << 16 |
               (HANDLER & 0xffff);

    for (u32 v = 0; v < TRAP_VECTORS; v++)
        poke(IDT_AT + v * 8, gate | (v == 0x80 ? 0x6000ull << 32 : 0), 8);
    for (u32 i = 0; i < 6; i++)
        poke(GDT_AT + 8 + i * 8, descriptor(i), 8);
    for (u32 i = 0; i < 1024; i++)
        poke(TABLE_AT + i * 4, i << PAGE_SHIFT | PTE_P | PTE_W | PTE_U, 4);
    poke(DIR_AT, TABLE_AT | PTE_P | PTE_W | PTE_U, 4);
    poke(DIR_AT + 4, (TABLE_AT + PAGE_SIZE) | PTE_P | PTE_W | PTE_U, 4);
    poke(TSS_AT + TSS32_ESP0, STACK, 4);
    poke(TSS_AT + TSS32_SS0, 0x10, 4);
}

static void start(u32 options)
{
    struct cpu_env env;
    struct cpu *cpu;

    vm = fake_vm(GUEST, options & 1 ? SHADOW_CACHED : SHADOW_VTLB);
    cpu = &vm->cpu;
    env = env_of(vm);
    make_tables();
    cpu->gdtr = (struct table_reg){GDT_AT, DESCS * 8 - 1};
    cpu->idtr = (struct table_reg){IDT_AT, 2047};
    env.table_loaded(vm, TABLE_GDT);
    env.table_loaded(vm, TABLE_IDT);
    cpu->tr = (struct segment){
        .sel = 0x28, .attr = ATTR_P | SYS_TSS32_BUSY, TSS_AT, TSS32_SIZE - 1};
    cpu->eip = CODE_AT;
    cpu->gpr[ESP] = STACK;
    if (!(options & 2))
        return;
    cpu->cr3 = DIR_AT;
    env.cr_written(vm, 3, 0);
    cpu->cr0 |= CR0_PG;
    env.cr_written(vm, 0, cpu->cr0 & ~CR0_PG);
}

/* ---- promises */

static u32 dpl_of(u64 desc)
{
    return (u32)(desc >> 45) & 3;
}

static bool present(u64 desc)
{
    return desc >> 47 & 1;
}

static bool is_code(u64 desc)
{
    return (desc >> 43 & 3) == 3;
}

/* A descriptor that guest code may meet: no system descriptor, no 64-bit
 * code, never ring 0. */
static void check_desc(const u64 *slot)
{
    if (!*slot)
        return;
    MUST(present(*slot) && (*slot >> 44 & 1));
    MUST(dpl_of(*slot) != 0);
    MUST(!(*slot >> 53 & 1) || !is_code(*slot));
}

static void check_tables(void)
{
    for (u32 i = 0; i < ARCH_GDT_OWN; i++) {
        check_desc(&vm->arch.gdt[i]);
        check_desc(&vm->arch.ldt[i]);
        if (is_code(vm->arch.gdt[i]) && dpl_of(vm->arch.gdt[i]) == 3)
            MUST(vm->direct.open == &vm->arch.gdt[i] && vm->cpu.cpl == 3);
    }
    MUST(!vm->arch.gdt[0]);
    for (u32 i = ARCH_GDT_OWN; i < ARCH_GDT_SLOTS; i++) {
        if (i - ARCH_GDT_HIDDEN < SEG_COUNT)
            check_desc(&vm->arch.gdt[i]);
        else
            MUST(!vm->arch.gdt[i]);
    }
}

static void check_cpu(void)
{
    const struct cpu *cpu = &vm->cpu;

    MUST(cpu->eflags & EFLAGS_ONE);
    MUST(!(cpu->eflags & EFLAGS_VM) || cpu->cpl == 3);
    MUST(cpu->cpl <= 3);
    MUST(cpu->cr0 & CR0_PE);
    MUST(!(cpu->cr4 & CR4_PAE));
}

static void no_text(void *ctx, const char *text, size_t len)
{
    if (getenv("FUZZ_AUDIT"))
        fwrite(text, 1, len, stderr);
}

static void check_shadow(void)
{
    struct sink sink = {no_text, NULL};

    if (vm->shadow.ready)
        MUST(shadow_audit(&vm->shadow, &sink) == 0);
}

/* The descriptor behind a selector that the VMM enters with. */
static u64 named(u32 sel)
{
    return sel & SEL_TI ? vm->arch.ldt[sel >> 3] : vm->arch.gdt[sel >> 3];
}

static void check_entry(const struct arch_vcpu *av)
{
    u64 cs = named(av->hw_cs), ss = named(av->hw_ss);
    u32 ring = vm->cpu.cpl == 0 ? 1 : 3;

    MUST((av->hw_eflags & (EFLAGS_IF | EFLAGS_IOPL | EFLAGS_VM)) == EFLAGS_IF);
    MUST(present(cs) && is_code(cs) && dpl_of(cs) == ring);
    MUST((av->hw_cs & SEL_RPL) == ring && (av->hw_ss & SEL_RPL) == ring);
    MUST(present(ss) && !is_code(ss) && dpl_of(ss) == ring);
}

/* ---- what guest code does up to its trap */

static u32 any_address(struct input *in)
{
    static const u32 near[] = {CODE_AT, STACK,  TSS_AT, GDT_AT,  IDT_AT,
                               DIR_AT,  LDT_AT, WINDOW, 0xb8000, 0xfffffff0};
    u32 kind = take8(in);

    if (kind & 0x80)
        return take32(in);
    if (kind & 0x40)
        return WINDOW + (take16(in) << 4);
    return near[kind % ARRAY_LEN(near)] + take8(in) * 4;
}

/* A load that the real CPU would let pass, from the host's tables. */
static void load_segment(struct input *in)
{
    static const u8 data[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};
    u16 sel = (u16)take16(in);
    u32 s = data[take_below(in, 4)], ring = vm->cpu.cpl == 0 ? 1 : 3;
    u64 d = named(sel);

    if (take8(in) & 1)
        sel &= (DESCS - 1) * 8 | 7;
    d = named(sel);
    if (!(sel & ~SEL_RPL)) {
        fake_segs[s] = sel;
        return;
    }
    if (!present(d) || dpl_of(d) < ring || dpl_of(d) < (sel & SEL_RPL) ||
        (is_code(d) && !(d >> 41 & 1)))
        return;
    fake_segs[s] = sel;
}

static void guest_runs(struct cpu *cpu, struct arch_vcpu *av)
{
    struct input *in = script;
    u32 what = take8(in);

    check_entry(av);
    while (what & 3) {
        cpu->gpr[take_below(in, GPR_COUNT)] =
            what & 1 ? any_address(in) : take32(in);
        what >>= 2;
    }
    if (what & 1)
        load_segment(in);
    if (what & 2)
        av->hw_eflags ^= take32(in) & FLAGS_NATIVE;
    cpu->eip = take8(in) & 7 ? CODE_AT : any_address(in);
    av->fault_at = any_address(in);
    av->error = take8(in) & 1 ? take16(in) : 0;
    av->vector = take_below(in, 36);
    if (av->vector < 16)
        av->vector = TRAP_GP;
    if (av->vector >= TRAP_EXCEPTIONS)
        av->vector = HOST_IRQ;
    if (av->vector > TRAP_XM && av->vector < TRAP_EXCEPTIONS)
        av->vector = av->vector & 1 ? TRAP_PF : TRAP_NP;
    if (av->vector == TRAP_PF)
        av->error &= PF_PRESENT | PF_WRITE | PF_USER | PF_FETCH;
}

/* ---- between the traps */

/* Bytes that trap, in front of what the input has. */
static void write_code(struct input *in)
{
    static const u8 heads[][4] = {
        {2, 0x0f, 0x22}, {2, 0x0f, 0x20}, {2, 0x0f, 0x23}, {2, 0x0f, 0x01},
        {2, 0x0f, 0x00}, {1, 0xcf},       {1, 0xcb},       {1, 0xea},
        {1, 0x9a},       {1, 0xcd},       {1, 0x8e},       {1, 0x9d},
        {2, 0x0f, 0x30}, {2, 0x0f, 0x32}, {1, 0xec},       {1, 0xef},
        {2, 0xf3, 0x6d}, {2, 0xf3, 0x6f}, {1, 0xf4},       {1, 0xfa},
        {1, 0xfb},       {2, 0x0f, 0x34}, {2, 0x0f, 0x35}, {2, 0x0f, 0xb2},
        {1, 0xff},       {1, 0x17},       {2, 0xf3, 0xa5}, {2, 0xf3, 0xab},
        {1, 0x87},       {1, 0x89},       {2, 0x0f, 0x06}, {0}};
    u8 bytes[16] = {0};
    u32 head = take_below(in, ARRAY_LEN(heads)), len = heads[head][0];

    memcpy(bytes, &heads[head][1], len);
    take_bytes(in, bytes + len, sizeof(bytes) - len);
    p2m_write(&vm->p2m, gpa(CODE_AT), bytes, sizeof(bytes));
}

/* As the emulator stores for the guest's kernel: watched frames are seen. */
static void store(u32 at, u64 value, u32 size)
{
    struct cpu_env env = env_of(vm);
    struct fault fault;

    env.write(vm, gva(at), &value, size, ACC_WRITE | ACC_SYSTEM, &fault);
}

static void edit_tables(struct input *in)
{
    u32 where = take8(in), index = take8(in);
    static const u32 bases[] = {GDT_AT, LDT_AT, IDT_AT};

    if (where & 1) {
        store(bases[where % 3] + index % DESCS * 8, any_descriptor(in), 8);
        return;
    }
    if (where & 2)
        store(TABLE_AT + PAGE_SIZE + index % 64 * 4, take32(in), 4);
    else if (where & 4)
        store(DIR_AT + (1 + index % 8) * 4, take32(in), 4);
    else
        store(any_address(in), take32(in), 1u << where % 3);
}

static void pass_time(struct input *in)
{
    fake_now += (u64)take16(in) << 8;
    pc_run(&vm->pc, vm_now(vm));
    vm->irq_waiting = pc_irq_pending(&vm->pc);
}

/* One turn of the inner loop. */
static void run_once(void)
{
    vm->leave = false;
    direct_switch(vm);
    if (vm->irq_waiting)
        exit_inject(vm);
    if (vm->state != VM_RUNNING || vm->cpu.halted || !direct_run(vm))
        return;
    exit_handle(vm);
}

static void step(struct input *in)
{
    u32 what = take8(in);

    if (what & 1)
        write_code(in);
    if (what & 2)
        edit_tables(in);
    if (what & 4)
        pass_time(in);
    if ((what & 0xf8) == 0xf8)
        vm_pause(vm), vm_resume(vm);
    if ((what & 0xf8) == 0xf0)
        direct_leave(vm);
    run_once();
    vm->cpu.halted = 0;
    if ((what & 0x38) == 0x38)
        check_tables();
    check_cpu();
}

static void tear_down(void)
{
    u32 before = fake_hv.frames.nfree;

    vm_destroy(vm);
    MUST(fake_hv.frames.nfree > before);
    for (u32 i = 0; i < SEG_COUNT; i++)
        fake_segs[i] = 0;
}

void fuzz_guest(struct input *in)
{
    script = in;
    fake_guest = guest_runs;
    fake_now = 1000000;
    fake_looks = 0;
    start(take8(in));
    for (u32 i = 0; i < STEPS && in->left && vm->state == VM_RUNNING; i++)
        step(in);
    check_tables();
    check_shadow();
    tear_down();
}

/* ---- the monitor */

static void type_byte(u8 byte)
{
    const char *line;

    switch (console_key(&fake_hv.console, byte, &line)) {
    case LINE_DONE:
        monitor_command(&fake_hv, line);
        break;
    case LINE_COMPLETE:
        monitor_complete(&fake_hv);
        break;
    default:
        break;
    }
}

/* A processor and page tables as bad as they can be made from outside. */
static void spoil(struct input *in)
{
    struct cpu *cpu = &vm->cpu;
    u32 entry;

    if (vm->state == VM_EMPTY)
        return;
    for (u32 i = 0; i < GPR_COUNT; i++)
        cpu->gpr[i] = take32(in);
    cpu->eip = take32(in);
    cpu->gdtr = (struct table_reg){take32(in), (u16)take16(in)};
    cpu->idtr = (struct table_reg){take32(in), (u16)take16(in)};
    cpu->tr = (struct segment){(u16)take16(in), (u16)take16(in), take32(in),
                               take32(in)};
    cpu->ldtr = (struct segment){(u16)take16(in), (u16)take16(in), take32(in),
                                 take32(in)};
    cpu->seg[SEG_CS].attr = (u16)take16(in);
    cpu->seg[SEG_CS].base = take32(in);
    cpu->cr0 = take32(in) | CR0_PE;
    cpu->cr3 = take32(in) & 0x1fffff;
    cpu->cr4 = take32(in) & (CR4_PSE | CR4_PAE | CR4_PGE);
    for (u32 i = 0; i < 16; i++) {
        entry = take32(in);
        inspect_write_phys(vm, gpa(cpu->cr3 + 4 * (entry >> 28)), &entry, 4);
    }
    inspect_changed(vm);
}

void fuzz_monitor(struct input *in)
{
    static const char *const words[] = {
        "list",   "attach ",  "pause ",  "resume ",   "reset ",  "destroy ",
        "create", "idt ",     "audit",   "stats ",    "modules", "type ",
        "help ",  "trace ",   "screen ", "poweroff ", "fake",    " ",
        "all",    "module=",  "vm=x ",   "mem=1M",    "none",    "-- ",
        "json ",  "top ",     "exact",   "at=",       "rate=1 ", "priv,exit ",
        "regs ",  "mem ",     "dis ",    "walk ",     "map ",    "gdt ",
        "tss ",   "devices ", "log ",    "phys ",     "$esp",    "0x"};

    vm = fake_vm(2u << 20, SHADOW_VTLB);
    fake_guest = NULL;
    for (u32 i = 0; i < STEPS && in->left; i++) {
        u32 word = take8(in);
        if (word < ARRAY_LEN(words)) {
            for (const char *c = words[word]; *c; c++)
                type_byte((u8)*c);
        } else if (word < 0x80) {
            type_byte(word < 0x40 ? '\r' : (u8)take8(in));
        } else if (word < 0x84) {
            spoil(in);
        } else {
            console_guest(&fake_hv.console, 0, (u8)take8(in), fake_now);
            console_tick(&fake_hv.console, fake_now += word << 20);
        }
    }
}

/* ---- gdb's wire */

#define GDB_OUT (4 * GDB_PACKET)

static u8 gdb_in[2 * GDB_PACKET], gdb_out[GDB_OUT];
static u32 gdb_in_len;

static void to_gdb(const void *data, size_t len)
{
    len = min_u64(len, sizeof(gdb_in) - gdb_in_len);
    memcpy(gdb_in + gdb_in_len, data, len);
    gdb_in_len += (u32)len;
}

static const char *const gdb_words[] = {
    "qSupported:multiprocess+;swbreak+;hwbreak+",
    "QStartNoAckMode",
    "!",
    "?",
    "vAttach;",
    "vCont",
    ";c",
    ";s",
    ";r100020,100030",
    ":p1.1",
    ":p2.2",
    "D;",
    "vKill;",
    "1",
    "2",
    "g",
    "G",
    "m100000,",
    "M100020,4:",
    "X100020,4:",
    "Z0,100020,1",
    "z0,100020,1",
    "Z2,",
    "Z4,",
    "p",
    "P2",
    "=",
    "Hg",
    "Hcp1.",
    "T",
    "qXfer:",
    "features:read:target.xml:",
    "threads:read::",
    "osdata:read::",
    "exec-file:read:1:",
    "0,fff",
    "ffffffff",
    "qRcmd,",
    "6c697374",
    "7265736574",
    "vFile:",
    "open:2f66616b652e656c66,0,0",
    "pread:0,",
    "fstat:0",
    "Qqemu.PhyMemMode:1",
    "qThreadExtraInfo,",
    "k",
    "vCont;c",
    "00000000",
    "}",
};

/* Words that make packets, and bytes between them. */
static void gdb_text(struct input *in)
{
    u32 word = take8(in);
    u8 byte = (u8)take8(in);

    if (word < ARRAY_LEN(gdb_words))
        to_gdb(gdb_words[word], strlen(gdb_words[word]));
    else
        to_gdb(&byte, 1);
}

static void gdb_packet(struct input *in)
{
    u32 from, parts = 1 + take_below(in, 6);
    char sum[4];
    u8 all = 0;

    to_gdb("$", 1);
    from = gdb_in_len;
    while (parts-- && in->left)
        gdb_text(in);
    for (u32 i = from; i < gdb_in_len; i++)
        all += gdb_in[i];
    snprintf(sum, sizeof(sum), "#%02x", all);
    to_gdb(sum, 3);
}

/* What goes out is frames and acknowledgements, whatever came in. */
static void check_frames(const struct fake_wire *w)
{
    size_t at = 0;

    while (at < w->written) {
        size_t from = ++at;
        if (gdb_out[from - 1] != '$') {
            MUST(strchr("+-", gdb_out[from - 1]));
            continue;
        }
        while (at < w->written && gdb_out[at] != '#')
            MUST(gdb_out[at++] != '$');
        MUST(at - from <= GDB_PACKET);
        at += 3;
    }
}

/* While gdb waits for no stop, nobody runs whom it has. */
static void check_held(void)
{
    for (u32 i = 0; i < HV_VMS && !fake_hv.gdb.waiting; i++)
        MUST(!fake_hv.gdb.slot[i].attached ||
             fake_hv.vm[i].state != VM_RUNNING ||
             fake_hv.vm[i].bond != GDB_HAS);
}

static void gdb_event(struct input *in)
{
    struct vm *which = &fake_hv.vm[take_below(in, 3)];

    switch (take_below(in, 6)) {
    case 0:
        vm_kill(which, "it had to be");
        break;
    case 1:
        if (which->state != VM_EMPTY)
            vm_destroy(which);
        break;
    case 2:
        probe_interrupt(which);
        break;
    case 3:
        monitor_command(&fake_hv, "create vm=x mem=1M");
        break;
    case 4:
        fake_now += (u64)take8(in) << 28;
        break;
    default:
        to_gdb("\3", 1);
        break;
    }
}

void fuzz_gdb(struct input *in)
{
    struct fake_wire *w = &fake_wires[ARCH_WIRE_GDB];
    u32 options = take8(in);

    fake_now = 1000000;
    fake_looks = 0;
    fake_guest = NULL;
    start(options);
    *w = (struct fake_wire){.out = gdb_out};
    for (u32 i = 0; i < STEPS && in->left; i++) {
        bool cut = gdb_port_left(&fake_hv.gdb.port) != 0;
        u32 what = take8(in);
        gdb_in_len = 0;
        if (what & 1)
            gdb_packet(in);
        else if (what & 2)
            gdb_text(in);
        else
            gdb_event(in);
        w->in = gdb_in;
        w->in_size = gdb_in_len;
        w->written = 0;
        w->room = what & 0x80 ? what : GDB_OUT;
        for (u32 k = 0; k < 4; k++)
            gdb_poll(&fake_hv);
        if (w->room == GDB_OUT && !cut)
            check_frames(w);
        gdb_poll(&fake_hv);
        check_held();
        if (vm->state != VM_EMPTY)
            check_cpu();
    }
    *w = (struct fake_wire){0};
    if (vm->state == VM_EMPTY)
        return;
    check_tables();
    check_shadow();
    tear_down();
}
