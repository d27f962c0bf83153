/* SPDX-License-Identifier: MIT
 *
 * From numbers to a step: units of code in the buffer, an end behind them.
 *
 * A unit is a few MOVs and one instruction of interest. Where each unit
 * begins is kept, so that a trap costs its unit only. What stands behind the
 * end is INT3 all over: whoever jumps there comes back.
 */
#include "tests/fuzz/random/random.h"

#define OPCODE_INT  0xcd
#define OPCODE_INT3 0xcc
#define ROOM        (CODE_BYTES - 96)

void emit(struct gen *g, u32 byte)
{
    *g->at++ = (u8)byte;
}

void emit2(struct gen *g, u32 first, u32 second)
{
    emit(g, first);
    emit(g, second);
}

void emit3(struct gen *g, u32 first, u32 second, u32 third)
{
    emit2(g, first, second);
    emit(g, third);
}

void emit_word(struct gen *g, u32 value)
{
    for (u32 i = 0; i < 4; i++)
        emit(g, value >> 8 * i & 0xff);
}

void emit_mov(struct gen *g, u32 reg, u32 value)
{
    emit(g, 0xb8 + reg);
    emit_word(g, value);
}

void emit_store(struct gen *g, u32 at, u32 value)
{
    emit2(g, 0xc7, 0x05);
    emit_word(g, at);
    emit_word(g, value);
}

void emit_push(struct gen *g, u32 value)
{
    emit(g, 0x68);
    emit_word(g, value);
}

u32 any_reg(void)
{
    static const u32 regs[] = {AX, CX, DX, BX, BP, SI, DI};

    return PICK(regs);
}

void write_one_of(struct gen *g, const struct unit_kind *kinds, u32 count)
{
    u32 total = 0, at;

    for (u32 i = 0; i < count; i++)
        total += kinds[i].weight;
    at = rnd_below(total);
    for (u32 i = 0; i < count; i++) {
        if (at < kinds[i].weight) {
            kinds[i].write(g);
            return;
        }
        at -= kinds[i].weight;
    }
}

static const struct unit_kind kinds[] = {
    {6, insn_control},      {3, insn_debug},     {4, insn_tables},
    {4, insn_task},         {3, insn_msr},       {6, insn_port},
    {1, insn_halt},         {5, insn_flags},     {5, insn_iret},
    {5, insn_far},          {4, insn_int},       {4, insn_odd},
    {3, insn_machine_word}, {3, insn_look},      {8, insn_segment},
    {3, insn_stack},        {12, insn_memory},   {5, insn_string},
    {6, insn_edit_desc},    {8, insn_edit_page}, {3, insn_patch},
    {2, insn_noise},
};

/* What is the same on the bare machine: no time, no devices, nothing that
 * shows the ring, no TLB entry that has outlived its page table. */
static const struct unit_kind same_kinds[] = {
    {6, insn_control}, {2, insn_debug},     {3, insn_tables},
    {3, insn_task},    {2, insn_flags},     {5, insn_iret},
    {5, insn_far},     {5, insn_int},       {2, insn_odd},
    {3, insn_segment}, {3, insn_stack},     {14, insn_memory},
    {6, insn_string},  {4, insn_edit_desc}, {8, insn_edit_page},
    {2, insn_patch},
};

static void end(struct gen *g)
{
    g->unit[g->units] = (u32)(g->at - code);
    emit2(g, OPCODE_INT, VECTOR_DONE);
    while (g->at < code + CODE_BYTES)
        emit(g, OPCODE_INT3);
}

void generate(struct gen *g)
{
    u32 wanted = 1 + rnd_below(UNITS_MAX - 1);

    g->at = code;
    while (g->units < wanted && g->at < code + ROOM) {
        g->unit[g->units++] = (u32)(g->at - code);
        if (comparing)
            write_one_of(g, same_kinds, ARRAY_LEN(same_kinds));
        else
            write_one_of(g, kinds, ARRAY_LEN(kinds));
    }
    if (g->deadly)
        insn_deadly(g);
    end(g);
}
