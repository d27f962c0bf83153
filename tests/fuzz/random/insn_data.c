/* SPDX-License-Identifier: MIT
 *
 * Units that touch memory, segments, tables in memory, ports, and their own
 * code.
 *
 * What a unit needs flat behind itself it makes flat again: DS and ES after
 * loads of segments, SS in ring 0. A stack that is not there is for ring 3,
 * whose traps come to another one.
 */
#include "tests/fuzz/random/random.h"

#define GOOD_DESCS 9
#define OP_OPSIZE  0x66
#define OP_LOCK    0xf0
#define OP_REP     0xf3
#define NOP        0x90
#define CLD        0xfc

static u32 base_reg(void)
{
    static const u32 regs[] = {AX, CX, DX, BX, SI, DI};

    return PICK(regs);
}

static void any_prefix(struct gen *g)
{
    static const u32 list[] = {OP_OPSIZE, OP_OPSIZE, OP_LOCK, OP_REP,
                               0xf2,      0x2e,      0x36,    0x3e,
                               0x26,      0x64,      0x65};

    if (comparing) {
        if (chance(4))
            emit(g, OP_OPSIZE);
        return;
    }
    for (u32 i = 0; i < 3 && chance(4); i++)
        emit(g, PICK(list));
}

/* The first so many leave no flag undefined, fault by paging only, and take
 * nothing off the stack, where frames are: a processor may save RF or not.
 * QEMU 7.2 spoils all flags in CMPXCHG8B; that is behind, too. */
#define SAME_ACCESSES 28

/* Opcode, and the ModRM register field or REG_ANY, and bytes of immediate. */
#define REG_ANY 8
static const struct access {
    u16 opcode; /* 0x0fxx: two bytes */
    u8 reg, immediate;
} accesses[] = {
    {0x8a, REG_ANY, 0},   {0x8b, REG_ANY, 0},   {0x88, REG_ANY, 0},
    {0x89, REG_ANY, 0},   {0x00, REG_ANY, 0},   {0x01, REG_ANY, 0},
    {0x29, REG_ANY, 0},   {0x33, REG_ANY, 0},   {0x39, REG_ANY, 0},
    {0x87, REG_ANY, 0},   {0x86, REG_ANY, 0},   {0x0fb1, REG_ANY, 0},
    {0x0fc1, REG_ANY, 0}, {0x0fab, REG_ANY, 0}, {0x0fa3, REG_ANY, 0},
    {0x0fba, 5, 1},       {0x0fa4, REG_ANY, 1}, {0xff, 0, 0},
    {0xfe, 1, 0},         {0xc6, 0, 1},         {0xc7, 0, 4},
    {0x80, 4, 1},         {0x81, 1, 4},         {0x83, 6, 1},
    {0x69, REG_ANY, 4},   {0x0fb6, REG_ANY, 0}, {0x0fbf, REG_ANY, 0},
    {0xff, 6, 0},         {0x8f, 0, 0},         {0x0fc7, 1, 0},
    {0xd1, 4, 0},         {0xc1, 3, 1},         {0xf7, 3, 0},
    {0xf7, 4, 0},         {0xf6, 7, 0},         {0x62, REG_ANY, 0},
    {0x8e, 0, 0},         {0x8c, 3, 0},         {0x0f00, 4, 0},
    {0x0f02, REG_ANY, 0}, {0x0f95, 0, 0},       {0x0fbc, REG_ANY, 0},
};

void insn_memory(struct gen *g)
{
    const struct access *a =
        &accesses[rnd_below(comparing ? SAME_ACCESSES : ARRAY_LEN(accesses))];
    u32 base = base_reg();
    u32 reg = a->reg == REG_ANY ? any_reg() : a->reg;

    emit_mov(g, base, any_address());
    if (!comparing || a->immediate != 4) /* which 66h makes two */
        any_prefix(g);
    if (a->opcode > 0xff)
        emit(g, a->opcode >> 8);
    emit2(g, a->opcode & 0xff, (u32)MODRM_MEM(reg, base));
    for (u32 i = 0; i < a->immediate; i++)
        emit(g, rnd() & 0xff);
}

void insn_string(struct gen *g)
{
    static const u32 ops[] = {0xa4, 0xa5, 0xa6, 0xa7, 0xaa,
                              0xab, 0xac, 0xad, 0xae, 0xaf};

    emit_mov(g, CX, rnd_below(40));
    emit_mov(g, SI, any_address());
    emit_mov(g, DI, any_address());
    emit(g, CLD + rnd_below(2));
    emit(g, OP_REP - rnd_below(2));
    if (chance(4))
        emit(g, OP_OPSIZE);
    emit(g, PICK(ops));
    emit(g, CLD);
}

static const u8 pops[] = {0x07, 0x17, 0x1f};
enum { ES, CS, SS, DS, FS, GS };

static void flat(struct gen *g, u32 s)
{
    emit_mov(g, AX, g->ring ? UDATA : KDATA);
    emit2(g, 0x8e, MODRM_REG(s, AX));
}

/* Uses the segment register: an override and a load or a store. */
static void use(struct gen *g, u32 s)
{
    static const u8 override[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};

    emit_mov(g, SI, any_address());
    emit(g, override[s]);
    emit2(g, chance(2) ? 0x8a : 0x88, MODRM_MEM(AX, SI));
}

static void load_segment(struct gen *g, u32 s, u32 sel)
{
    if (chance(2) && s < FS && s != CS) {
        emit_push(g, sel);
        emit(g, pops[s == ES ? 0 : s - 1]);
        return;
    }
    emit_mov(g, AX, sel);
    emit2(g, 0x8e, MODRM_REG(s, AX));
}

/* LDS, LES, LSS, LFS, LGS. */
static void load_pointer(struct gen *g)
{
    static const u32 ops[] = {0x0fb4, 0x0fb5, 0xc4, 0xc5};
    u32 op = PICK(ops);

    emit_mov(g, SI, any_address());
    if (op > 0xff)
        emit(g, op >> 8);
    emit2(g, op & 0xff, MODRM_MEM(BX, SI));
    flat(g, DS);
    flat(g, ES);
}

void insn_segment(struct gen *g)
{
    static const u32 regs[] = {ES, SS, DS, FS, GS, ES, DS, FS, GS, CS};
    u32 s = PICK(regs);

    if (!comparing && chance(6)) {
        load_pointer(g);
        return;
    }
    load_segment(g, s, any_selector());
    if (!comparing && s != CS && s != SS && chance(2))
        use(g, s);
    if (s == DS || s == ES || s == SS)
        flat(g, s);
}

void insn_stack(struct gen *g)
{
    static const u32 ops[] = {0x50, 0x60, 0x06, 0x1e, 0x58,
                              0x61, 0xc9, 0x9c, 0x0e, 0x16};

    if (g->ring == 3 && chance(2))
        emit_mov(g, SP, any_address());
    if (!comparing && chance(4)) {
        emit(g, 0xc8);
        emit3(g, rnd() & 0x7f, 0, rnd_below(4));
        return;
    }
    if (g->ring == 0)
        emit2(g, 0x89, MODRM_REG(SP, BP)); /* where LEAVE goes */
    emit(g, ops[rnd_below(comparing ? 4 : ARRAY_LEN(ops))]);
}

/* Values that end or reset the guest are left out. */
static u32 port_value(u32 port)
{
    if (port == PORT_SYS_A)
        return rnd() & 0xfefefefe;
    if (port == PORT_KBD_CMD)
        return rnd() & 0x0f0f0f0f;
    return chance(2) ? rnd() & 0xff : rnd();
}

static bool ends_guest(u32 port)
{
    return (port >= 0xf0 && port < 0xf8) || (port >= 0xcf6 && port <= 0xcf9) ||
           port == 0x91 || port == 0x8f || port == 0x90;
}

void insn_port(struct gen *g)
{
    static const u32 strings[] = {0x6c, 0x6d, 0x6e, 0x6f};
    u32 port = any_port();

    if (ends_guest(port))
        port = PORT_POST;
    g->dirty |= DIRTY_LINES;
    emit_mov(g, DX, port);
    emit_mov(g, AX, port_value(port));
    emit_mov(g, CX, rnd_below(8));
    if (chance(4))
        emit(g, OP_OPSIZE);
    if (chance(4) && port != PORT_KBD_CMD && port != PORT_SYS_A)
        emit2(g, OP_REP, PICK(strings));
    else if (port < 0x100 && chance(3))
        emit2(g, 0xe4 + rnd_below(4), port);
    else
        emit(g, 0xec + rnd_below(4));
}

void insn_edit_desc(struct gen *g)
{
    u32 d[2], *at = ldt[rnd_below(LDT_ENTRIES)];

    any_desc(d);
    switch (rnd_below(4)) {
    case 0:
        any_gate(d);
        at = idt[spoilt_vector()];
        break;
    case 1:
        at = gdts[rnd_below(GDTS)]
                 [GOOD_DESCS + rnd_below(GDT_SIZE - GOOD_DESCS)];
        break;
    case 2:
        at = gdt[GOOD_DESCS + rnd_below(GDT_SIZE - GOOD_DESCS)];
        break;
    }
    emit_store(g, (u32)at, d[0]);
    emit_store(g, (u32)(at + 1), d[1]);
}

/* An entry, perhaps a flush, and a touch of what it maps. */
static void edit(struct gen *g, u32 entry_at, u32 entry, u32 maps)
{
    u32 base = base_reg();

    emit_store(g, entry_at, entry);
    emit_mov(g, base, maps + rnd_below(PAGE_SIZE));
    if (comparing) { /* all that may still lie in a TLB goes */
        emit3(g, 0x0f, 0x20, MODRM_REG(3, AX));
        emit3(g, 0x0f, 0x22, MODRM_REG(3, AX));
        emit_mov(g, base, maps + rnd_below(PAGE_SIZE));
    } else if (chance(2)) {
        emit3(g, 0x0f, 0x01, MODRM_MEM(7, base));
    }
    if (chance(2))
        emit2(g, chance(2) ? 0x8b : 0x89, MODRM_MEM(AX, base));
}

void insn_edit_page(struct gen *g)
{
    u32 table = rnd_below(TABLES), page = rnd_below(16);
    u32 slot = FREE_PDE + rnd_below(FREE_PDES);

    if (chance(4))
        edit(g, (u32)&dirs[table][slot], any_big(),
             slot << 22 | rnd_below(1024) << PAGE_SHIFT);
    else
        edit(g, (u32)&window[table][page], any_entry(),
             (WINDOW + table) << 22 | page << PAGE_SHIFT);
}

/* Writes over the four NOPs that follow, one to one or through another
 * mapping of the page. */
void insn_patch(struct gen *g)
{
    static const u32 words[] = {0x90909090, 0xcccccccc, 0x0b0f0b0f, 0x40404040,
                                0x9090fafb, 0xa20f9090, 0x31400f90};
    u32 table = rnd_below(TABLES), page = rnd_below(16), at;
    u8 *store;

    if (!comparing && chance(2))
        emit_store(g, (u32)&window[table][page],
                   ((u32)code & PTE32_ADDR) | PTE_P | PTE_W | PTE_U);
    store = g->at + 2;
    emit_store(g, 0, words[rnd_below(comparing ? 5 : ARRAY_LEN(words))]);
    at = (u32)g->at;
    if (!comparing && chance(2) && !(((u32)code ^ at) & PTE32_ADDR))
        at = ((WINDOW + table) << 22 | page << PAGE_SHIFT) + (at & PAGE_MASK);
    for (u32 i = 0; i < 4; i++)
        store[i] = (u8)(at >> 8 * i);
    for (u32 i = 0; i < 4; i++)
        emit(g, NOP);
}

/* Jumps that could turn for ever, and the instructions of the FPU and the
 * vector units: x87 shows the selectors it ran with, and the emulator knows no
 * vector unit newer than SSE2. */
static bool unwelcome(u32 byte)
{
    return (byte >= 0x70 && byte < 0x80) || (byte >= 0xd8 && byte < 0xe4) ||
           (byte >= 0xe8 && byte < 0xec) || byte == 0x0f || byte == 0x8f ||
           byte == 0xc4 || byte == 0xc5;
}

/* Bytes of no meaning; in the kernel's ring one must be lucky. */
void insn_noise(struct gen *g)
{
    if (g->ring == 0 && !chance(64)) {
        emit(g, NOP);
        return;
    }
    g->dirty |= DIRTY_ALL;
    for (u32 i = 2 + rnd_below(6); i--;) {
        u32 byte = rnd() & 0xff;
        emit(g, unwelcome(byte) ? NOP : byte);
    }
}
