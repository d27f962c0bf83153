/* SPDX-License-Identifier: MIT
 *
 * Units about the processor's own registers: control, debug, tables, task,
 * MSRs, flags, and the instructions that read them.
 *
 * Where a value would end the guest with its next trap (a table nowhere, a
 * bad CR3), the unit sets it with interrupts off and takes it back before
 * anything can trap. insn_deadly() alone leaves it, and is seldom used.
 *
 * SDM vol. 2 under each name; vol. 3A 2.5, 17.2.
 */
#include "arch/x86/defs/msr.h"
#include "tests/fuzz/random/random.h"

#define CLI 0xfa
#define STI 0xfb
#define NOP 0x90

static const u32 cr0_bits[] = {CR0_WP, CR0_TS, CR0_EM, CR0_MP,
                               CR0_NE, CR0_AM, CR0_CD, CR0_NW};
static const u32 cr4_bits[] = {
    CR4_PGE,        CR4_TSD,  CR4_DE,   CR4_MCE,    CR4_PCE, CR4_OSFXSR,
    CR4_OSXMMEXCPT, CR4_UMIP, CR4_VME,  CR4_PVI,    CR4_PSE, CR4_SMEP,
    CR4_SMAP,       1u << 14, 1u << 31, CR4_OSXSAVE};

static u32 base_reg(void)
{
    static const u32 regs[] = {AX, CX, DX, BX, SI, DI};

    return PICK(regs);
}

static void to_cr(struct gen *g, u32 n, u32 value)
{
    u32 reg = any_reg();

    emit_mov(g, reg, value);
    emit3(g, 0x0f, 0x22, MODRM_REG(n, reg));
    g->dirty |= DIRTY_CR;
}

static u32 some_cr0(void)
{
    u32 value = CR0_PE | CR0_ET | CR0_PG;

    if (comparing) /* no alignment checks, no caches off */
        return value | (chance(2) ? CR0_WP : 0) | (chance(4) ? CR0_NE : 0);

    for (u32 i = rnd_below(4); i--;)
        value ^= PICK(cr0_bits);
    return value;
}

/* Paging off, CR3 anywhere, a look around, and all of it back. */
static void without_paging(struct gen *g)
{
    u32 reg = base_reg();

    to_cr(g, 0, some_cr0() & ~CR0_PG);
    if (chance(2))
        to_cr(g, 3, rnd());
    emit_mov(g, reg, comparing ? ARENA + rnd_below(0x10000) : any_address());
    emit2(g, 0x8b, MODRM_MEM(AX, reg));
    to_cr(g, 3, (u32)page_dir);
    to_cr(g, 0, some_cr0());
}

static void change_spaces(struct gen *g)
{
    u32 dir = rnd_below(TABLES);

    mend_directory(dir);
    to_cr(g, 3,
          (u32)dirs[dir] | (!comparing && chance(4) ? rnd() & PAGE_MASK : 0));
}

static void flush(struct gen *g)
{
    u32 reg = base_reg();

    emit_mov(g, reg, any_address());
    emit3(g, 0x0f, 0x01, MODRM_MEM(7, reg));
}

static void read_cr(struct gen *g)
{
    static const u32 same[] = {0, 2, 3, 4};
    u32 n = comparing ? PICK(same) : rnd_below(chance(4) ? 8 : 5);

    emit3(g, 0x0f, 0x20, MODRM_REG(n, any_reg()));
}

void insn_control(struct gen *g)
{
    u32 cr4 = CR4_PSE;

    switch (rnd_below(8)) {
    case 0:
        read_cr(g);
        break;
    case 1:
        to_cr(g, 0, some_cr0());
        break;
    case 2:
        for (u32 i = rnd_below(3); i--;)
            cr4 ^= cr4_bits[comparing ? 1 + rnd_below(4)
                                      : rnd_below(ARRAY_LEN(cr4_bits))];
        to_cr(g, 4, cr4);
        break;
    case 3:
        without_paging(g);
        break;
    case 4:
        emit2(g, 0x0f, comparing || chance(2) ? 0x06 : 0x08 + rnd_below(2));
        g->dirty |= DIRTY_CR;
        break;
    case 5:
        flush(g);
        break;
    default:
        change_spaces(g);
    }
}

/* Breakpoints on the code, on data, on ports, on nothing. */
static u32 breakpoint(void)
{
    switch (rnd_below(4)) {
    case 0:
        return (u32)code + rnd_below(64);
    case 1:
        return any_port();
    case 2:
        return (u32)fuzz_stack_top - rnd_below(64);
    default:
        return any_address();
    }
}

static u32 debug_value(u32 n)
{
    if (comparing)
        return n == 7 ? rnd() & 0xffff0300 : rnd();
    if (n < 4)
        return breakpoint();
    return chance(4) ? rnd() : rnd() & ~(u32)DR7_GD;
}

void insn_debug(struct gen *g)
{
    static const u32 same[] = {0, 1, 2, 3, 7};
    u32 n = comparing ? PICK(same) : rnd_below(8), reg = any_reg();

    if (chance(3)) {
        emit3(g, 0x0f, 0x21, MODRM_REG(n, reg));
        return;
    }
    emit_mov(g, reg, debug_value(n));
    emit3(g, 0x0f, 0x23, MODRM_REG(n, reg));
    g->dirty |= DIRTY_DR;
}

static struct table_pointer pointers[2 * UNITS_MAX];
static u32 pointer_next;

static void load_table(struct gen *g, u32 which, u32 base, u32 limit)
{
    struct table_pointer *p = &pointers[pointer_next++ % ARRAY_LEN(pointers)];

    *p = (struct table_pointer){(u16)limit, base};
    emit3(g, 0x0f, 0x01, MODRM_MEM(which, BP));
    emit_word(g, (u32)p);
    g->dirty |= DIRTY_TABLES;
}

enum { SGDT, SIDT, LGDT, LIDT };

static void load_gdt(struct gen *g)
{
    u32 copy = rnd_below(GDTS);

    mend_gdt(copy);
    load_table(g, LGDT, (u32)gdts[copy],
               chance(2) ? sizeof(gdt) - 1 : 80 + rnd_below(0xff00));
}

static void load_idt(struct gen *g)
{
    load_table(g, LIDT, (u32)idt,
               chance(2) ? sizeof(idt) - 1 : 0x31 * 8 - 1 + rnd_below(0xf000));
}

/* A table that is nowhere, or of devices, or around the top, for a moment. */
static void load_nowhere(struct gen *g)
{
    u32 which = chance(2) ? LGDT : LIDT;

    emit(g, CLI);
    load_table(g, which, any_address(), chance(2) ? 0xffff : rnd());
    emit(g, NOP);
    if (which == LGDT)
        load_gdt(g);
    else
        load_idt(g);
}

void insn_tables(struct gen *g)
{
    u32 reg = base_reg();

    switch (rnd_below(3) + !comparing) {
    case 3:
        emit_mov(g, reg, any_address());
        emit3(g, 0x0f, 0x01, MODRM_MEM(rnd_below(2), reg));
        break;
    case 1:
        load_nowhere(g);
        break;
    case 2:
        load_gdt(g);
        break;
    default:
        load_idt(g);
    }
}

#define GDT_HI(sel) ((u32)&gdt[(sel) >> 3][1])

/* Any task register for a moment, then the good one, free again. */
static void load_task(struct gen *g)
{
    emit(g, CLI);
    emit_mov(g, AX, !comparing && chance(2) ? any_selector() : 0x38);
    emit3(g, 0x0f, 0x00, MODRM_REG(3, AX));
    emit_store(g, GDT_HI(TSS_SEL),
               desc_hi((u32)&tss, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE));
    emit_mov(g, AX, TSS_SEL);
    emit3(g, 0x0f, 0x00, MODRM_REG(3, AX));
}

void insn_task(struct gen *g)
{
    g->dirty |= DIRTY_TASK;
    switch (comparing ? 2 * rnd_below(2) : rnd_below(4)) {
    case 0:
        load_task(g);
        break;
    case 1:
        emit3(g, 0x0f, 0x00, MODRM_REG(rnd_below(2), any_reg()));
        break;
    default:
        emit_mov(g, AX, chance(4) ? 0x30 : any_selector());
        emit3(g, 0x0f, 0x00, MODRM_REG(2, AX));
    }
}

void insn_msr(struct gen *g)
{
    static const u32 list[] = {MSR_TSC,
                               MSR_SYSENTER_CS,
                               MSR_SYSENTER_ESP,
                               MSR_SYSENTER_EIP,
                               MSR_EFER,
                               0xc0000081,
                               0xc0000082,
                               0xc0000100,
                               0xc0000101,
                               0xc0000102,
                               0xc0000103,
                               0x1b,
                               0x277,
                               0x1d9,
                               0x3a,
                               0x8b,
                               0xfe,
                               0x1a0,
                               0x200,
                               0x2ff,
                               0x480,
                               0xc0010015,
                               0xc0010114,
                               0x830};

    u32 msr = chance(8) ? rnd() : PICK(list);

    emit_mov(g, CX, msr);
    if (msr == MSR_SYSENTER_EIP)
        emit_mov(g, AX, fuzz_stubs[rnd_below(TRAP_VECTORS)]);
    else if (msr == MSR_SYSENTER_ESP)
        emit_mov(g, AX, (u32)ring0_stack_top);
    else
        emit_mov(g, AX, chance(2) ? any_value() : any_selector());
    emit_mov(g, DX, any_value());
    emit2(g, 0x0f, chance(3) ? 0x32 : 0x30);
}

void insn_flags(struct gen *g)
{
    static const u32 plain[] = {CLI, STI, 0x9c, 0x9e, 0x9f, 0xfc, 0xfd, 0xf5};

    if (comparing) {
        emit(g, chance(2) ? CLI : STI);
        return;
    }
    if (chance(2)) {
        emit(g, PICK(plain));
        return;
    }
    emit_push(g, rnd() & ~(u32)(chance(4) ? EFLAGS_NT : EFLAGS_NT | EFLAGS_TF));
    if (chance(8))
        emit(g, 0x66);
    emit(g, 0x9d);
}

void insn_machine_word(struct gen *g)
{
    u32 reg = base_reg();

    emit_mov(g, reg, chance(2) ? any_address() : rnd() | CR0_PE);
    if (chance(3)) {
        emit3(g, 0x0f, 0x01, MODRM_REG(4, reg));
        return;
    }
    emit3(g, 0x0f, 0x01,
          chance(2) ? MODRM_REG(6, reg)
                    : (u32)MODRM_MEM(4 | rnd_below(2), reg));
    g->dirty |= DIRTY_CR;
}

/* LAR, LSL, VERR, VERW, ARPL, SLDT, STR, moves from segment registers. */
void insn_look(struct gen *g)
{
    u32 reg = base_reg(), to = any_reg();

    emit_mov(g, reg, any_selector());
    switch (rnd_below(4)) {
    case 0:
        emit3(g, 0x0f, 0x02 + rnd_below(2), MODRM_REG(to, reg));
        break;
    case 1:
        emit3(g, 0x0f, 0x00, MODRM_REG(4 + rnd_below(2), reg));
        break;
    case 2:
        emit2(g, 0x63, MODRM_REG(to, reg));
        break;
    default:
        emit2(g, 0x8c, MODRM_REG(rnd_below(8), to));
    }
}

/* What only one step in thousands may do: the end is near. */
static void table_nowhere(struct gen *g)
{
    load_table(g, chance(2) ? LGDT : LIDT, any_address(), rnd());
}

static void space_nowhere(struct gen *g)
{
    to_cr(g, 3, chance(2) ? (u32)window[0] : rnd());
}

static void no_such_mode(struct gen *g)
{
    if (chance(2))
        to_cr(g, 0, rnd());
    else
        to_cr(g, 4, rnd());
}

static void stack_nowhere(struct gen *g)
{
    emit_mov(g, SP, any_address());
}

static void spoil_identity(struct gen *g)
{
    emit_store(g, (u32)&page_tables[0][rnd_below(0x180)], any_entry());
    flush(g);
}

static void spoil_essentials(struct gen *g)
{
    u32 slot = 1 + rnd_below(8), d[2];

    any_desc(d);
    emit_store(g, (u32)&gdt[slot][0], d[0]);
    emit_store(g, (u32)&gdt[slot][1], d[1]);
    emit_store(g, (u32)&tss.word[rnd_below(26)], any_value());
    emit_store(g, (u32)&idt[rnd_below(32)][1], rnd());
    g->dirty |= DIRTY_TABLES;
}

void insn_deadly(struct gen *g)
{
    static const struct unit_kind kinds[] = {
        {1, table_nowhere}, {1, space_nowhere},  {1, no_such_mode},
        {1, stack_nowhere}, {1, spoil_identity}, {2, spoil_essentials},
    };

    write_one_of(g, kinds, ARRAY_LEN(kinds));
    emit2(g, 0x0f, 0x0b);
}
