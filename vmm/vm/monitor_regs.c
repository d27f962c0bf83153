/* SPDX-License-Identifier: MIT
 *
 * The monitor's commands about the processor of a guest: regs, gdt, tss.
 *
 * What is shown is the virtual processor, as the guest would find it: its IF
 * and IOPL, its rings, its tables. Descriptor tables are read from its own
 * memory at this moment, by GDTR, LDTR and TR; the hidden parts of segment
 * registers are what they were loaded with, which may be something else.
 *
 * SDM vol. 3A 2.1-2.5, 3.4.5 (descriptors), 7.2.1 (the TSS), vol. 1 19.5.2
 * (the I/O permission bit map).
 */
#include "arch/x86/defs/desc.h"
#include "arch/x86/defs/regs.h"
#include "vmm/base/bits.h"
#include "vmm/cpu/event.h"
#include "vmm/cpu/seg.h"
#include "vmm/vm/inspect.h"
#include "vmm/vm/monitor_impl.h"
#include "vmm/vm/symbols.h"

#define ENTRY       8u
#define ENTRIES     64u /* shown of a table, beside null ones */
#define FRAMES      16u
#define SYMBOL_TEXT (SYMBOL_NAME + 16)

struct bit_name {
    u32 bit;
    const char *name;
};

static const struct bit_name eflags_names[] = {
    {EFLAGS_CF, "CF"}, {EFLAGS_PF, "PF"},   {EFLAGS_AF, "AF"},
    {EFLAGS_ZF, "ZF"}, {EFLAGS_SF, "SF"},   {EFLAGS_TF, "TF"},
    {EFLAGS_IF, "IF"}, {EFLAGS_DF, "DF"},   {EFLAGS_OF, "OF"},
    {EFLAGS_NT, "NT"}, {EFLAGS_RF, "RF"},   {EFLAGS_VM, "VM"},
    {EFLAGS_AC, "AC"}, {EFLAGS_VIF, "VIF"}, {EFLAGS_VIP, "VIP"},
    {EFLAGS_ID, "ID"}, {0, NULL},
};
static const struct bit_name cr0_names[] = {
    {CR0_PE, "PE"}, {CR0_MP, "MP"}, {CR0_EM, "EM"}, {CR0_TS, "TS"},
    {CR0_ET, "ET"}, {CR0_NE, "NE"}, {CR0_WP, "WP"}, {CR0_AM, "AM"},
    {CR0_NW, "NW"}, {CR0_CD, "CD"}, {CR0_PG, "PG"}, {0, NULL},
};
static const struct bit_name cr4_names[] = {
    {CR4_VME, "VME"},
    {CR4_PVI, "PVI"},
    {CR4_TSD, "TSD"},
    {CR4_DE, "DE"},
    {CR4_PSE, "PSE"},
    {CR4_PAE, "PAE"},
    {CR4_MCE, "MCE"},
    {CR4_PGE, "PGE"},
    {CR4_PCE, "PCE"},
    {CR4_OSFXSR, "OSFXSR"},
    {CR4_OSXMMEXCPT, "OSXMMEXCPT"},
    {CR4_UMIP, "UMIP"},
    {0, NULL},
};

/* " PE WP PG" */
static const char *bits(u32 value, const struct bit_name *names, char *out,
                        size_t size)
{
    size_t len = 0;

    out[0] = 0;
    for (; names->name && len < size; names++) {
        if (value & names->bit)
            len += fmt_buf(out + len, size - len, " %s", names->name);
    }
    return out;
}

static const char *mode_name(const struct cpu *cpu)
{
    switch (cpu_mode(cpu)) {
    case MODE_REAL:
        return "real-address mode";
    case MODE_V86:
        return "virtual-8086 mode";
    default:
        return cpu->seg[SEG_CS].attr & ATTR_DB ? "32-bit code" : "16-bit code";
    }
}

static void say_where(const struct monitor_args *args)
{
    const struct vm *vm = args->vm;
    const struct cpu *cpu = &vm->cpu;
    char name[SYMBOL_TEXT];

    symbols_print(vm, cpu->seg[SEG_CS].base + cpu->eip, name, sizeof(name));
    say(args, "%s: %s, at %04x:%08x (%s), ring %u, %s", vm->config.name,
        vm_state_name(vm), cpu->seg[SEG_CS].sel, cpu->eip, name, cpu->cpl,
        mode_name(cpu));
    if (vm->state == VM_KILLED)
        say(args, "  killed because %s", vm->reason);
    if (vm->state == VM_EXITED)
        say(args, "  exited with status 0x%x", vm->status);
}

static void say_general(const struct monitor_args *args)
{
    static const u8 order[GPR_COUNT] = {EAX, EBX, ECX, EDX, ESI, EDI, EBP, ESP};
    static const char *const names[GPR_COUNT] = {"eax", "ecx", "edx", "ebx",
                                                 "esp", "ebp", "esi", "edi"};
    const struct cpu *cpu = &args->vm->cpu;
    char text[80];

    for (u32 i = 0; i < GPR_COUNT; i += 4) {
        size_t len = 0;
        for (u32 k = i; k < i + 4; k++)
            len += fmt_buf(text + len, sizeof(text) - len, "  %s %08x",
                           names[order[k]], cpu->gpr[order[k]]);
        say(args, "%s", text);
    }
    say(args, "  eip %08x  eflags %08x IOPL=%u%s", cpu->eip, cpu->eflags,
        (cpu->eflags & EFLAGS_IOPL) >> EFLAGS_IOPL_SHIFT,
        bits(cpu->eflags, eflags_names, text, sizeof(text)));
}

/* "data, writable, expand-down", "busy 32-bit TSS" */
static void describe(u16 attr, char *out, size_t size)
{
    static const char *const system[16] = {
        [SYS_TSS16_FREE] = "16-bit TSS, available",
        [SYS_LDT] = "LDT",
        [SYS_TSS16_BUSY] = "16-bit TSS, busy",
        [SYS_CALL16] = "16-bit call gate",
        [SYS_TASK_GATE] = "task gate",
        [SYS_INT16] = "16-bit interrupt gate",
        [SYS_TRAP16] = "16-bit trap gate",
        [SYS_TSS32_FREE] = "32-bit TSS, available",
        [SYS_TSS32_BUSY] = "32-bit TSS, busy",
        [SYS_CALL32] = "32-bit call gate",
        [SYS_INT32] = "32-bit interrupt gate",
        [SYS_TRAP32] = "32-bit trap gate",
    };
    const char *name = system[attr & ATTR_TYPE];
    const char *wide = attr & ATTR_DB ? "32-bit" : "16-bit";

    if (!(attr & ATTR_S))
        fmt_buf(out, size, "%s", name ? name : "reserved type");
    else if (attr & ATTR_CODE)
        fmt_buf(out, size, "%s code%s%s", wide,
                attr & ATTR_READABLE ? ", readable" : ", execute-only",
                attr & ATTR_CONFORM ? ", conforming" : "");
    else
        fmt_buf(out, size, "%s data%s%s", wide,
                attr & ATTR_WRITABLE ? ", writable" : ", read-only",
                attr & ATTR_DOWN ? ", expand-down" : "");
}

static void say_segment(const struct monitor_args *args, const char *name,
                        const struct segment *seg)
{
    char what[64];

    if (!(seg->attr & ATTR_P)) {
        say(args, "  %-4s %04x  holds no segment", name, seg->sel);
        return;
    }
    describe(seg->attr, what, sizeof(what));
    say(args, "  %-4s %04x  base %08x  limit %08x  DPL %u  %s", name, seg->sel,
        seg->base, seg->limit, (seg->attr & ATTR_DPL) >> ATTR_DPL_SHIFT, what);
}

static void say_system(const struct monitor_args *args)
{
    const struct cpu *cpu = &args->vm->cpu;
    char text[80];

    say(args, "  gdtr base %08x  limit %04x    idtr base %08x  limit %04x",
        cpu->gdtr.base, cpu->gdtr.limit, cpu->idtr.base, cpu->idtr.limit);
    say(args, "  cr0 %08x%s", cpu->cr0,
        bits(cpu->cr0, cr0_names, text, sizeof(text)));
    say(args, "  cr2 %08x  cr3 %08x  cr4 %08x%s", cpu->cr2, cpu->cr3, cpu->cr4,
        bits(cpu->cr4, cr4_names, text, sizeof(text)));
    say(args, "  dr0 %08x  dr1 %08x  dr2 %08x  dr3 %08x", cpu->dr[0],
        cpu->dr[1], cpu->dr[2], cpu->dr[3]);
    say(args, "  dr6 %08x  dr7 %08x  sysenter %04x:%08x esp %08x", cpu->dr[6],
        cpu->dr[7], cpu->sysenter_cs, cpu->sysenter_eip, cpu->sysenter_esp);
}

static void say_returns(const struct monitor_args *args)
{
    u32 at[FRAMES], count = inspect_returns(args->vm, at, FRAMES);
    u32 base = args->vm->cpu.seg[SEG_CS].base;
    char name[SYMBOL_TEXT];

    if (count)
        say(args, "perhaps called by (words of the stack behind a CALL):");
    for (u32 i = 0; i < count; i++) {
        symbols_print(args->vm, base + at[i], name, sizeof(name));
        say(args, "  0x%08x  %s", at[i], name);
    }
}

static void say_stack(const struct monitor_args *args)
{
    struct inspect_frame frame[FRAMES];
    u32 count = inspect_stack(args->vm, frame, FRAMES);
    u32 base = args->vm->cpu.seg[SEG_CS].base;
    char name[SYMBOL_TEXT];

    if (count < 2)
        return;
    say(args, "called by (by the chain of EBP):");
    for (u32 i = 1; i < count; i++) {
        symbols_print(args->vm, base + frame[i].eip, name, sizeof(name));
        say(args, "  0x%08x  %s", frame[i].eip, name);
    }
}

void monitor_regs(const struct monitor_args *args)
{
    static const char *const names[SEG_COUNT] = {"es", "cs", "ss",
                                                 "ds", "fs", "gs"};
    const struct cpu *cpu = &args->vm->cpu;

    inspect_sync(args->vm);
    say_where(args);
    say_general(args);
    for (u32 s = 0; s < SEG_COUNT; s++)
        say_segment(args, names[s], &cpu->seg[s]);
    say_segment(args, "ldtr", &cpu->ldtr);
    say_segment(args, "tr", &cpu->tr);
    say_system(args);
    monitor_insns(args, cpu->eip, 1);
    say_stack(args);
    say_returns(args);
}

static bool is_gate(u32 type)
{
    static const u32 gates = BIT(SYS_CALL16) | BIT(SYS_CALL32) |
                             BIT(SYS_TASK_GATE) | BIT(SYS_INT16) |
                             BIT(SYS_INT32) | BIT(SYS_TRAP16) | BIT(SYS_TRAP32);

    return (gates >> type & 1) != 0;
}

/* Who has been loaded with it: " <- cs ss". */
static void put_users(const struct cpu *cpu, u16 sel, char *out, size_t size)
{
    static const char *const names[] = {"es", "cs", "ss",   "ds",
                                        "fs", "gs", "ldtr", "tr"};
    size_t len = 0;

    out[0] = 0;
    for (u32 i = 0; i < ARRAY_LEN(names) && len < size; i++) {
        u16 other = i < SEG_COUNT    ? cpu->seg[i].sel
                    : i == SEG_COUNT ? cpu->ldtr.sel
                                     : cpu->tr.sel;
        if ((other & ~SEL_RPL) == sel)
            len += fmt_buf(out + len, size - len, "%s%s", len ? " " : "  <- ",
                           names[i]);
    }
}

static void say_entry(const struct monitor_args *args, u16 sel, u64 raw)
{
    struct desc d = {(u32)raw, (u32)(raw >> 32)};
    u16 attr = desc_attr(d);
    char what[64], users[48];
    const char *absent = attr & ATTR_P ? "" : "  not present";

    describe(attr, what, sizeof(what));
    put_users(&args->vm->cpu, sel, users, sizeof(users));
    if (!(attr & ATTR_S) && is_gate(attr & ATTR_TYPE)) {
        struct gate g = gate_decode(d.lo, d.hi);
        say(args, "  %04x  to %04x:%08x                  DPL %u  %s%s%s", sel,
            g.sel, g.offset, g.dpl, what, absent, users);
        return;
    }
    say(args, "  %04x  base %08x  limit %08x  DPL %u  %s%s%s%s", sel,
        desc_base(d), desc_limit(d), desc_dpl(d), what,
        attr & ATTR_L ? ", L" : "", absent, users);
}

/* Null entries and what cannot be read are left out, and counted. */
static void say_table(const struct monitor_args *args, u32 base, u32 bytes,
                      u32 ti)
{
    u32 full = 0, null = 0, missing = 0;

    for (u32 at = 0; at + ENTRY <= bytes; at += ENTRY) {
        u8 raw[ENTRY];
        if (inspect_read(args->vm, gva(base + at), raw, ENTRY) != ENTRY)
            missing++;
        else if (!get_le64(raw))
            null++;
        else if (full++ < ENTRIES)
            say_entry(args, (u16)(at | ti), get_le64(raw));
    }
    say(args, "  %u null %s%s", null, null == 1 ? "entry" : "entries",
        null == bytes / ENTRY ? " and nothing else" : "");
    if (full > ENTRIES)
        say(args, "  %u more that are not null", full - ENTRIES);
    if (missing)
        say(args, "  %u more where nothing is mapped", missing);
}

void monitor_gdt(const struct monitor_args *args)
{
    const struct cpu *cpu = &args->vm->cpu;
    const char *name = args->vm->config.name;

    inspect_sync(args->vm);
    say(args, "%s: GDT at 0x%08x, limit 0x%04x", name, cpu->gdtr.base,
        cpu->gdtr.limit);
    say_table(args, cpu->gdtr.base, (u32)cpu->gdtr.limit + 1, 0);
    if (!(cpu->ldtr.attr & ATTR_P)) {
        say(args, "%s: no LDT is loaded", name);
        return;
    }
    say(args, "%s: LDT %04x at 0x%08x, limit 0x%04x", name, cpu->ldtr.sel,
        cpu->ldtr.base, cpu->ldtr.limit);
    say_table(args, cpu->ldtr.base, min_u32(cpu->ldtr.limit, 0xffff) + 1,
              SEL_TI);
}

struct tss_field {
    const char *name;
    u8 at, size;
};
static const struct tss_field tss32[] = {
    {"link", 0, 2}, {"esp0", 4, 4},    {"ss0", 8, 2},     {"esp1", 12, 4},
    {"ss1", 16, 2}, {"esp2", 20, 4},   {"ss2", 24, 2},    {"cr3", 28, 4},
    {"eip", 32, 4}, {"eflags", 36, 4}, {"eax", 40, 4},    {"ecx", 44, 4},
    {"edx", 48, 4}, {"ebx", 52, 4},    {"esp", 56, 4},    {"ebp", 60, 4},
    {"esi", 64, 4}, {"edi", 68, 4},    {"es", 72, 2},     {"cs", 76, 2},
    {"ss", 80, 2},  {"ds", 84, 2},     {"fs", 88, 2},     {"gs", 92, 2},
    {"ldt", 96, 2}, {"T", 100, 2},     {"iomap", 102, 2},
};
static const struct tss_field tss16[] = {
    {"link", 0, 2},   {"sp0", 2, 2},  {"ss0", 4, 2},  {"sp1", 6, 2},
    {"ss1", 8, 2},    {"sp2", 10, 2}, {"ss2", 12, 2}, {"ip", 14, 2},
    {"flags", 16, 2}, {"ax", 18, 2},  {"cx", 20, 2},  {"dx", 22, 2},
    {"bx", 24, 2},    {"sp", 26, 2},  {"bp", 28, 2},  {"si", 30, 2},
    {"di", 32, 2},    {"es", 34, 2},  {"cs", 36, 2},  {"ss", 38, 2},
    {"ds", 40, 2},    {"ldt", 42, 2},
};

static void say_fields(const struct monitor_args *args,
                       const struct tss_field *field, u32 count)
{
    u32 base = args->vm->cpu.tr.base;
    char text[96];
    size_t len = 0;

    for (u32 i = 0; i < count; i++) {
        u8 raw[4] = {0};
        if (inspect_read(args->vm, gva(base + field[i].at), raw,
                         field[i].size) != field[i].size) {
            say(args, "  %s at 0x%08x cannot be read", field[i].name,
                base + field[i].at);
            return;
        }
        len += fmt_buf(text + len, sizeof(text) - len, "  %6s %0*x",
                       field[i].name, 2 * field[i].size, get_le32(raw));
        if (i % 5 != 4 && i + 1 != count)
            continue;
        say(args, "%s", text);
        len = 0;
    }
}

/* A clear bit allows; ports that nobody keeps a bit of are forbidden. */
static bool port_open(struct vm *vm, u32 map, u32 port)
{
    u32 at = map + port / 8;
    u8 byte;

    return at <= vm->cpu.tr.limit &&
           inspect_read(vm, gva(vm->cpu.tr.base + at), &byte, 1) == 1 &&
           !(byte >> port % 8 & 1);
}

static void say_ports(const struct monitor_args *args)
{
    struct vm *vm = args->vm;
    char text[200];
    size_t len = 0;
    u8 raw[2];
    u32 map;

    if (inspect_read(vm, gva(vm->cpu.tr.base + TSS32_IOMAP), raw, 2) != 2)
        return;
    map = get_le16(raw);
    for (u32 port = 0, end; port < 0x10000 && len < sizeof(text); port = end) {
        for (end = port + 1; end < 0x10000 && port_open(vm, map, port) &&
                             port_open(vm, map, end);)
            end++;
        if (port_open(vm, map, port))
            len += fmt_buf(text + len, sizeof(text) - len,
                           end - port > 1 ? " 0x%04x-0x%04x" : " 0x%04x", port,
                           end - 1);
    }
    if (len >= sizeof(text))
        say(args, "  ports open to ring 3:%s ...", text);
    else
        say(args, "  ports open to ring 3:%s", len ? text : " none");
}

void monitor_tss(const struct monitor_args *args)
{
    const struct segment *tr = &args->vm->cpu.tr;
    bool wide = (tr->attr & SYS_TSS32_FREE & ~SYS_TSS16_FREE) != 0;
    const char *name = args->vm->config.name;

    inspect_sync(args->vm);
    if (!(tr->attr & ATTR_P)) {
        say(args, "%s: no task register is loaded: the guest has not done LTR",
            name);
        return;
    }
    say(args, "%s: %s-bit TSS %04x at 0x%08x, limit 0x%x", name,
        wide ? "32" : "16", tr->sel, tr->base, tr->limit);
    if (wide) {
        say_fields(args, tss32, ARRAY_LEN(tss32));
        say_ports(args);
    } else {
        say_fields(args, tss16, ARRAY_LEN(tss16));
    }
}
