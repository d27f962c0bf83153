/* SPDX-License-Identifier: MIT
 *
 * Units that go somewhere: interrupts, far transfers to every ring, HLT, and
 * the instructions of other processors.
 *
 * A transfer leads behind its unit, whatever selector it names, so that the
 * step goes on where it succeeds. HLT is used with a timer set only: with
 * interrupts off it would be the end.
 */
#include "tests/fuzz/random/random.h"

#define BASED      0x40 /* a code segment that begins at BASE */
#define BASE       0x10000u
#define STI        0xfb
#define HLT        0xf4
#define IRET       0xcf
#define RETF       0xcb
#define FIELD_LATE 0xffffffff /* patched when the unit's end is known */

static void patch(u8 *at, u32 value)
{
    for (u32 i = 0; i < 4; i++)
        at[i] = (u8)(value >> 8 * i);
}

/* PUSH imm32 of an address yet to come: where to patch it. */
static u8 *push_late(struct gen *g)
{
    emit_push(g, FIELD_LATE);
    return g->at - 4;
}

static u32 code_selector(const struct gen *g)
{
    static const u32 known[] = {KCODE, KCODE, UCODE, UCODE, BASED, KCODE | 3};

    if (!chance(4))
        return g->ring == 3 ? UCODE : PICK(known);
    return comparing || chance(8)
               ? any_selector()
               : any_selector() & ~2u; /* rings 1 and 2 seldom */
}

static u32 target(const struct gen *g, u32 sel)
{
    return (u32)g->at - (sel == BASED ? BASE : 0);
}

static u32 iret_flags(void)
{
    u32 flags = rnd() & (EFLAGS_STATUS | EFLAGS_DF | EFLAGS_ID | EFLAGS_AC);

    if (comparing)
        return flags & EFLAGS_STATUS;
    if (chance(8))
        flags |= rnd() & (EFLAGS_TF | EFLAGS_RF | EFLAGS_IOPL | EFLAGS_VIF |
                          EFLAGS_VIP);
    return flags;
}

/* The way to ring 3 has left DS and ES null. */
static void data_of_ring3(struct gen *g)
{
    emit_mov(g, AX, UDATA);
    emit2(g, 0x8e, MODRM_REG(3, AX));
    emit2(g, 0x8e, MODRM_REG(0, AX));
}

void insn_iret(struct gen *g)
{
    u32 sel = code_selector(g);
    u8 *late;

    if (g->ring == 0 && (sel & SEL_RPL)) {
        emit_push(g, !comparing && chance(6) ? any_selector() : UDATA);
        emit_push(g, chance(6) ? any_address() : (u32)ring3_stack_top);
    }
    emit_push(g, iret_flags());
    emit_push(g, sel);
    late = push_late(g);
    emit(g, IRET);
    patch(late, target(g, sel));
    if (sel & SEL_RPL)
        data_of_ring3(g);
}

static void far_return(struct gen *g)
{
    u32 sel = code_selector(g);
    u8 *late;

    if (g->ring == 0 && (sel & SEL_RPL)) {
        emit_push(g, !comparing && chance(6) ? any_selector() : UDATA);
        emit_push(g, (u32)ring3_stack_top);
    }
    emit_push(g, sel);
    late = push_late(g);
    emit(g, RETF);
    patch(late, target(g, sel));
    if (sel & SEL_RPL)
        data_of_ring3(g);
}

/* JMP or CALL ptr16:32; a gate's selector goes where the gate leads. */
static void far_direct(struct gen *g)
{
    u32 sel = chance(2) ? code_selector(g) : any_selector();
    u8 *late;

    emit(g, comparing || chance(2) ? 0xea : 0x9a);
    late = g->at;
    emit_word(g, FIELD_LATE);
    emit2(g, sel & 0xff, sel >> 8 & 0xff);
    patch(late, target(g, sel));
}

static u32 pointer[2];

static void far_indirect(struct gen *g)
{
    u32 where = !comparing && chance(3) ? any_address() : (u32)pointer;

    emit2(g, 0xff, MODRM_MEM(!comparing && chance(2) ? 3 : 5, BP));
    emit_word(g, where);
    pointer[1] = code_selector(g);
    pointer[0] = target(g, pointer[1]);
}

void insn_far(struct gen *g)
{
    static const struct unit_kind kinds[] = {
        {2, far_return}, {3, far_direct}, {1, far_indirect}};

    write_one_of(g, kinds, ARRAY_LEN(kinds));
}

void insn_int(struct gen *g)
{
    switch (comparing ? 3 : rnd_below(8)) {
    case 0:
        emit(g, 0xcc);
        break;
    case 1:
        emit(g, chance(2) ? 0xce : 0xf1);
        break;
    case 2:
        emit2(g, 0xcd, rnd_below(VECTOR_SPOIL));
        break;
    default:
        emit2(g, 0xcd, spoilt_vector());
    }
}

void insn_halt(struct gen *g)
{
    g->dirty |= DIRTY_LINES;
    if (g->ring == 0) {
        emit_mov(g, AX, (u32)arm_timer);
        emit2(g, 0xff, MODRM_REG(2, AX));
        emit(g, STI);
    }
    emit(g, HLT);
}

/* Length first. What other processors, modes and privileges have. */
static const u8 odd[][6] = {
    {2, 0x0f, 0xa2},
    {2, 0x0f, 0x31},
    {2, 0x0f, 0x33},
    {2, 0x0f, 0x34},
    {2, 0x0f, 0x05},
    {2, 0x0f, 0x07},
    {3, 0x0f, 0x01, 0xc1},
    {3, 0x0f, 0x01, 0xc2},
    {3, 0x0f, 0x01, 0xc4},
    {3, 0x0f, 0x01, 0xd8},
    {3, 0x0f, 0x01, 0xd9},
    {3, 0x0f, 0x01, 0xdc},
    {3, 0x0f, 0x01, 0xdd},
    {3, 0x0f, 0x01, 0xde},
    {3, 0x0f, 0x01, 0xdf},
    {3, 0x0f, 0x01, 0xc8},
    {3, 0x0f, 0x01, 0xc9},
    {3, 0x0f, 0x01, 0xd0},
    {3, 0x0f, 0x01, 0xf8},
    {3, 0x0f, 0x01, 0xf9},
    {3, 0x0f, 0x01, 0xca},
    {3, 0x0f, 0x01, 0xcb},
    {2, 0x0f, 0xaa},
    {2, 0x0f, 0x0b},
    {3, 0x0f, 0xb9, 0xc0},
    {3, 0x0f, 0x78, 0xc0},
    {3, 0x0f, 0xff, 0xc0},
    {5, 0x66, 0x0f, 0x38, 0x80, 0x06},
    {5, 0x66, 0x0f, 0x38, 0x82, 0x06},
    {4, 0xf3, 0x0f, 0xae, 0xc0},
    {4, 0xf3, 0x0f, 0xae, 0xd0},
    {3, 0x0f, 0xc7, 0xf0},
    {4, 0xf3, 0x0f, 0xc7, 0x36},

    {2, 0xdb, 0xe3},
    {2, 0xd9, 0xe8},
    {1, 0x9b},
    {2, 0x0f, 0x77},
    {3, 0x0f, 0x10, 0xc1},
    {3, 0x0f, 0x18, 0x06},
    {1, 0xd6},
    {2, 0xd4, 0x00},
    {2, 0xf7, 0xf1},
    {2, 0xf6, 0xf9},
    {2, 0x62, 0x06},
    {4, 0xc5, 0xf8, 0x77, 0x90},
    {3, 0xf0, 0x0f, 0xa2},
    {3, 0xf0, 0xfa, 0x90},
    {3, 0x66, 0x0f, 0x05},
    {3, 0x0f, 0x24, 0xc0},
    {3, 0x0f, 0x26, 0xc0},
    {3, 0x82, 0xc0, 0x01},
    {5, 0x67, 0x66, 0xf3, 0x6c, 0x90},
    {3, 0x8e, 0xc8, 0x90},
};

/* Faults of their own, on every processor. */
static const u8 same_odd[][6] = {
    {2, 0x0f, 0x0b}, {2, 0xd4, 0x00}, {2, 0xf7, 0xf1}, {2, 0xf6, 0xf9}};

void insn_odd(struct gen *g)
{
    const u8 *bytes = PICK(odd);

    if (comparing)
        bytes = PICK(same_odd);
    if (!comparing && chance(32)) { /* SYSEXIT goes to EDX, ECX */
        emit_mov(g, DX, (u32)code + rnd_below(CODE_BYTES));
        emit_mov(g, CX, (u32)ring3_stack_top);
        emit2(g, 0x0f, 0x35);
        return;
    }
    for (u32 i = 1; i <= bytes[0]; i++)
        emit(g, bytes[i]);
}
