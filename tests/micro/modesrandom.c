/* SPDX-License-Identifier: MIT
 *
 * Random 16-bit programs, the same ones in real-address and in virtual-8086
 * mode: registers, flags, segments and memory must come out the same in both,
 * and, which tests/micro/run.py sees to, the same as on the bare machine.
 *
 * The menu leaves out what differs between the modes, and flags that the
 * manual leaves undefined are not looked at; AF is one of them. Words do not
 * lie across offset FFFF, where QEMU's translator sees no limit.
 *
 * SDM vol. 3A 20.1, 20.2; vol. 2 by instruction.
 */
#include "tests/micro/lib/modes.h"

#define PROGRAMS   400
#define SEED       20260116u
#define DATA_AT    0x20000u
#define DATA_END   0x39000u
#define FLAGS_SEEN 0x0cc5 /* CF PF ZF SF DF OF */
#define DATA_SEL   0x2000
#define BELOW_SP   0x40
#define ABOVE_SP   0x40

static u32 seed, hash;

static u32 rnd(u32 n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static void mix(u32 value)
{
    hash = (hash ^ value) * 0x01000193;
    hash ^= hash >> 15;
}

static struct {
    u8 byte[160];
    u32 size;
} program;

static void emit(u32 byte)
{
    program.byte[program.size++] = (u8)byte;
}

static void emit_word(u32 word)
{
    emit(word);
    emit(word >> 8);
}

/* Any but SP. */
static u32 any_reg(void)
{
    u32 reg = rnd(7);

    return reg < R_ESP ? reg : reg + 1;
}

static void maybe_wide(void)
{
    if (rnd(3) == 0)
        emit(0x66);
}

/* A base register becomes even and small, so that its words lie well. */
static void tame(u32 reg)
{
    emit(0x81);
    emit(0xe0 | reg);
    emit_word(0x7ffe);
}

/* add or adc sbb and sub xor cmp, of two registers */
static void do_alu(void)
{
    maybe_wide();
    emit(rnd(8) << 3 | (rnd(2) ? 1 : 3));
    emit(0xc0 | any_reg() << 3 | any_reg());
}

/* The same with memory at [bx+disp8], [si+disp16] or [di], any segment. */
static void do_alu_memory(void)
{
    static const u8 override[] = {0x26, 0x3e, 0x64, 0x65};
    static const u8 base[] = {R_EBX, R_ESI, R_EDI};
    static const u8 modrm[] = {0x47, 0x84, 0x05};
    u32 form = rnd(3);

    tame(base[form]);
    emit(override[rnd(4)]);
    maybe_wide();
    emit(rnd(8) << 3 | rnd(4));
    emit(modrm[form] | any_reg() << 3);
    if (modrm[form] >> 6 == 1)
        emit(rnd(64) * 2);
    if (modrm[form] >> 6 == 2)
        emit_word(rnd(0x40) * 2);
}

static void do_unary(void)
{
    static const u8 group[] = {0xd0, 0xd8}; /* not, neg */
    static const u8 shift[] = {0xc0, 0xc8, 0xd0, 0xd8, 0xe0, 0xe8, 0xf8};

    maybe_wide();
    switch (rnd(3)) {
    case 0:
        emit(0xf7);
        emit(group[rnd(2)] | any_reg());
        break;
    case 1:
        emit(0xd1);
        emit(shift[rnd(7)] | any_reg());
        break;
    default:
        emit((rnd(2) ? 0x40 : 0x48) | any_reg());
    }
}

static void do_move(void)
{
    maybe_wide();
    switch (rnd(6)) {
    case 0:
        emit(0x0f);
        emit((rnd(2) ? 0xb6 : 0xbe) | rnd(2));
        emit(0xc0 | any_reg() << 3 | rnd(4));
        break;
    case 1:
        emit(rnd(2) ? 0x98 : 0x99); /* cbw, cwd */
        break;
    case 2:
        emit(0x87);
        emit(0xc0 | any_reg() << 3 | any_reg());
        break;
    case 3:
        emit(0x8d); /* lea reg, [bx+si+disp8] */
        emit(0x40 | any_reg() << 3);
        emit(rnd(256));
        break;
    case 4:
        emit(0x8c); /* mov reg, sreg */
        emit(0xc0 | rnd(S_COUNT) << 3 | any_reg());
        break;
    default:
        emit(0x89);
        emit(0xc0 | any_reg() << 3 | any_reg());
    }
}

static void do_stack(void)
{
    switch (rnd(4)) {
    case 0:
        maybe_wide();
        emit(0x50 | any_reg());
        break;
    case 1:
        maybe_wide();
        emit(0x58 | any_reg());
        break;
    case 2:
        emit(0x1e); /* push ds; pop es */
        emit(0x07);
        break;
    default:
        emit(0xc8); /* enter, leave */
        emit_word(rnd(16) * 2);
        emit(0);
        emit(0xc9);
    }
}

/* A data segment register, by way of AX. */
static void do_segment(void)
{
    static const u8 which[] = {S_ES, S_DS, S_FS, S_GS};

    emit(0xb8);
    emit_word(DATA_SEL + rnd(0x1000));
    emit(0x8e);
    emit(0xc0 | which[rnd(4)] << 3);
}

static void do_string(void)
{
    static const u8 code[] = {0xa4, 0xa5, 0xa6, 0xa7, 0xaa,
                              0xab, 0xac, 0xad, 0xae, 0xaf};

    tame(R_ESI);
    tame(R_EDI);
    emit(rnd(2) ? 0xfc : 0xfd);
    if (rnd(2)) {
        emit(0xb9); /* mov cx, few: nothing wraps within */
        emit_word(rnd(8));
        emit(0x81); /* or si, 400h; or di, 400h */
        emit(0xce);
        emit_word(0x400);
        emit(0x81);
        emit(0xcf);
        emit_word(0x400);
        emit(rnd(2) ? 0xf2 : 0xf3);
    } else {
        emit(0x81);
        emit(0xce);
        emit_word(0x10);
    }
    maybe_wide();
    emit(code[rnd(ARRAY_LEN(code))]);
}

static void do_branch(void)
{
    switch (rnd(4)) {
    case 0:
        emit(0x70 | rnd(16));
        emit(1);
        emit(0x40);
        break;
    case 1:
        emit(0xe0 | rnd(4)); /* loopne loope loop jcxz */
        emit(1);
        emit(0x42);
        break;
    case 2:
        emit(0xe8); /* call; jmp over; ret */
        emit_word(2);
        emit(0xeb);
        emit(1);
        emit(0xc3);
        break;
    default:
        emit(0x9a);
        emit_word(program.size + 6);
        emit_word(MODES_CODE);
        emit(0xeb);
        emit(1);
        emit(0xcb);
    }
}

static void write_program(void)
{
    static void (*const menu[])(void) = {do_alu,     do_alu_memory, do_unary,
                                         do_move,    do_stack,      do_string,
                                         do_segment, do_branch};
    u32 count = 3 + rnd(5);

    program.size = 0;
    while (count--)
        menu[rnd(ARRAY_LEN(menu))]();
}

static void fill(u32 from, u32 to)
{
    for (u32 at = from; at < to; at += 4)
        poke(at, 0);
}

static void random_registers(void)
{
    modes_reset();
    for (u32 i = 0; i < R_COUNT; i++) {
        if (i != R_ESP)
            MODES->r[i] = rnd(0x10000) << 16 | rnd(0x10000);
    }
    for (u32 i = 0; i < S_COUNT; i++) {
        if (i != S_CS && i != S_SS)
            MODES->s[i] = (u16)(DATA_SEL + rnd(0x1000));
    }
}

static void see(void)
{
    mix(modes_got);
    mix(MODES->eip);
    mix(MODES->eflags & FLAGS_SEEN);
    for (u32 i = 0; i < R_COUNT; i++)
        mix(MODES->r[i]);
    for (u32 i = 0; i < S_COUNT; i++)
        mix(MODES->s[i]);
}

static u32 pass(u32 (*run)(const u8 *code, u32 size))
{
    u32 stack = (MODES_STACK << 4) + MODES_SP;

    seed = SEED;
    hash = 0x811c9dc5;
    fill(DATA_AT, DATA_END);
    for (u32 i = 0; i < PROGRAMS; i++) {
        fill(stack - BELOW_SP, stack + ABOVE_SP);
        write_program();
        random_registers();
        run(program.byte, program.size);
        expect_end(TRAP_UD, program.size, __LINE__, "a random program");
        see();
    }
    for (u32 at = DATA_AT; at < DATA_END; at += 4)
        mix(peek(at));
    return hash;
}

void test(void)
{
    u32 real, v86;

    modes_init();
    real = pass(run_real);
    v86 = pass(run_v86);
    print("hash ");
    print_hex(real);
    print("\n");
    EXPECT_EQ(v86, real, "what the programs left in virtual-8086 mode");
}
