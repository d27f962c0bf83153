/* SPDX-License-Identifier: MIT
 *
 * The state that the manual says a fault leaves, and the corners of limits
 * and stacks: nothing of an access that crosses into a bad page, segment ends
 * of both directions, addresses that wrap, ESP as operand and as base, IP cut
 * to 16 bits, and LOCK before everything it may not stand before.
 *
 * SDM vol. 3A 5.3, 6.5; vol. 2 under each instruction's name.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/fake/flat.h"

#define DATA 0x4000u
#define EDGE (FLAT_SIZE - 2) /* two bytes before the page that faults */

static u32 changed(const u8 *was)
{
    return memcmp(was, flat_memory + 0x2000, FLAT_SIZE - 0x2000) != 0;
}

/* Instructions that write across the edge: memory and registers stay. */
static void crossing_writes_change_nothing(void)
{
    static const struct {
        u8 code[4];
        u8 count;
    } cases[] = {
        {{0x89, 0x03}, 2},       /* mov [ebx], eax */
        {{0x01, 0x03}, 2},       /* add [ebx], eax */
        {{0xff, 0x03}, 2},       /* inc [ebx] */
        {{0xd1, 0x03}, 2},       /* rol [ebx], 1 */
        {{0x87, 0x03}, 2},       /* xchg [ebx], eax */
        {{0x0f, 0xc1, 0x03}, 3}, /* xadd [ebx], eax */
        {{0x0f, 0xb1, 0x03}, 3}, /* cmpxchg [ebx], eax */
        {{0x0f, 0xc7, 0x0b}, 3}, /* cmpxchg8b [ebx] */
        {{0x0f, 0xab, 0x03}, 3}, /* bts [ebx], eax */
        {{0x8f, 0x03}, 2},       /* pop [ebx] */
        {{0x0f, 0x01, 0x03}, 3}, /* sgdt [ebx] */
        {{0xab}, 1},             /* stosd */
        {{0xa5}, 1},             /* movsd */
        {{0x6d}, 1},             /* insd */
    };
    static u8 was[FLAT_SIZE - 0x2000];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        flat_reset(0);
        memset(flat_memory + 0x2000, 0x5a, FLAT_SIZE - 0x2000);
        memcpy(was, flat_memory + 0x2000, sizeof(was));
        flat_cpu.gpr[EBX] = flat_cpu.gpr[EDI] = EDGE;
        flat_cpu.gpr[ESI] = DATA;
        flat_cpu.gpr[EAX] = 1;
        EXPECT_FAULT(flat_bytes(cases[i].code, cases[i].count), TRAP_PF,
                     PF_WRITE);
        EXPECT_EQ(flat_step.fault.cr2, FLAT_SIZE);
        EXPECT(!changed(was));
        EXPECT_EQ(flat_port_count, 0); /* and no port was read */
    }
}

static void frames_that_do_not_fit(void)
{
    static const struct {
        u8 code[8];
        u8 count;
    } cases[] = {
        {{0x50}, 1},                      /* push eax */
        {{0x60}, 1},                      /* pushad */
        {{0xe8}, 5},                      /* call */
        {{0x9a, 0, 0, 0, 0, 8, 0}, 7},    /* call far 8:0 */
        {{0xc8, 0x10, 0, 2}, 4},          /* enter 16, 2 */
        {{0x9c}, 1},                      /* pushfd */
        {{0x0e}, 1},                      /* push cs */
        {{0xff, 0x35, 0, 0x40, 0, 0}, 6}, /* push [DATA] */
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        flat_reset(0);
        flat_poke(0x2008, 0x0000ffff);
        flat_poke(0x200c, 0x00cf9b00);
        flat_cpu.gdtr = (struct table_reg){0x2000, 0xf};
        flat_cpu.seg[SEG_SS].attr |= ATTR_DOWN; /* 8000h and up is stack */
        flat_cpu.seg[SEG_SS].limit = FLAT_STACK - 1;
        flat_poke(FLAT_STACK - 4, 0x77777777);
        flat_cpu.gpr[EBP] = FLAT_STACK + 0x40;
        EXPECT_FAULT(flat_bytes(cases[i].code, cases[i].count), TRAP_SS, 0);
        EXPECT_EQ(flat_word(FLAT_STACK - 4), 0x77777777);
        flat_cpu.gpr[ESP] += 8 * 4; /* room for each of them */
        EXPECT_EQ(flat_bytes(cases[i].code, cases[i].count), STEP_OK);
    }
}

static void pops_beyond_the_limit(void)
{
    static const u8 cases[][2] = {
        {0x58}, {0x61}, {0x9d}, {0xc3}, {0xcb}, {0xcf}, {0x1f}, {0xc9},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        flat_reset(0);
        flat_cpu.seg[SEG_SS].limit = FLAT_STACK + 2;
        flat_cpu.gpr[EBP] = FLAT_STACK;
        EXPECT_FAULT(flat_bytes(cases[i], 1), TRAP_SS, 0);
    }
}

/* mov al, [ebx] with DS expand-down above 0fffh. */
static void expand_down(void)
{
    static const struct {
        u32 at;
        u16 big;
        bool fine;
    } cases[] = {
        {0x0fff, 0, false},  {0x1000, 0, true},      {0xffff, 0, true},
        {0x0fff, 1, false},  {0x1000, 1, true},      {0xffff, 1, true},
        {0x10000, 0, false}, {0xfffffffe, 0, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        flat_reset(0);
        flat_cpu.seg[SEG_DS].attr |= ATTR_DOWN;
        if (!cases[i].big)
            flat_cpu.seg[SEG_DS].attr &= (u16)~ATTR_DB;
        flat_cpu.seg[SEG_DS].limit = 0xfff;
        flat_cpu.gpr[EBX] = cases[i].at;
        if (cases[i].fine)
            EXPECT_EQ(FLAT_RUN(0x8a, 0x03), STEP_OK);
        else
            EXPECT_FAULT(FLAT_RUN(0x8a, 0x03), TRAP_GP, 0);
    }
    /* a word whose second byte is beyond 64 KiB, or at the limit */
    flat_reset(0);
    flat_cpu.seg[SEG_DS].attr |= ATTR_DOWN;
    flat_cpu.seg[SEG_DS].attr &= (u16)~ATTR_DB;
    flat_cpu.seg[SEG_DS].limit = 0xfff;
    flat_cpu.gpr[EBX] = 0xffff;
    EXPECT_FAULT(FLAT_RUN(0x66, 0x8b, 0x03), TRAP_GP, 0);
    flat_cpu.gpr[EBX] = 0xfff;
    EXPECT_FAULT(FLAT_RUN(0x66, 0x8b, 0x03), TRAP_GP, 0);
}

static void addresses_wrap(void)
{
    flat_reset(0);
    flat_poke(DATA, 0x12345678);
    flat_cpu.seg[SEG_DS].base = 0xfffff000; /* base + offset, at 4 GiB */
    flat_cpu.gpr[EBX] = DATA + 0x1000;
    EXPECT_EQ(FLAT_RUN(0x8b, 0x03), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EAX], 0x12345678);
    flat_cpu.seg[SEG_DS].base = 0;
    flat_cpu.gpr[EBX] = 0xfff0; /* [bx + si], at 64 KiB */
    flat_cpu.gpr[ESI] = DATA + 0x10;
    EXPECT_EQ(FLAT_RUN(0x67, 0x66, 0x8b, 0x08), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[ECX], 0x5678);
    flat_cpu.gpr[EBX] = 0xffffffff; /* a datum across the top of its segment */
    EXPECT_FAULT(FLAT_RUN(0x66, 0x8b, 0x03), TRAP_GP, 0);
}

static void esp_as_operand_and_as_base(void)
{
    flat_reset(0);
    EXPECT_EQ(FLAT_RUN(0x54), STEP_OK); /* push esp: as it was before */
    EXPECT_EQ(flat_word(FLAT_STACK - 4), FLAT_STACK);
    flat_poke(FLAT_STACK - 4, 0x7000);
    EXPECT_EQ(FLAT_RUN(0x5c), STEP_OK); /* pop esp: what was popped */
    EXPECT_EQ(flat_cpu.gpr[ESP], 0x7000);
    flat_poke(0x7000, 0x1111);
    EXPECT_EQ(FLAT_RUN(0xff, 0x34, 0x24), STEP_OK); /* push [esp] */
    EXPECT_EQ(flat_word(0x6ffc), 0x1111);
    EXPECT_EQ(FLAT_RUN(0x8f, 0x44, 0x24, 0x04), STEP_OK); /* pop [esp + 4] */
    EXPECT_EQ(flat_cpu.gpr[ESP], 0x7000);
    EXPECT_EQ(flat_word(0x7004), 0x1111);
}

/* The address is made before a register changes. */
static void exchanges_with_their_own_address(void)
{
    flat_reset(0);
    flat_poke(DATA, 7);
    flat_cpu.gpr[EBX] = DATA;
    EXPECT_EQ(FLAT_RUN(0x87, 0x1b), STEP_OK); /* xchg [ebx], ebx */
    EXPECT_EQ(flat_word(DATA), DATA);
    EXPECT_EQ(flat_cpu.gpr[EBX], 7);
    flat_poke(DATA, 7);
    flat_cpu.gpr[EBX] = DATA;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xc1, 0x1b), STEP_OK); /* xadd [ebx], ebx */
    EXPECT_EQ(flat_word(DATA), DATA + 7);
    EXPECT_EQ(flat_cpu.gpr[EBX], 7);
}

/* A 66 prefix cuts the target to 16 bits. */
static void branches_of_16_bits(void)
{
    static const struct {
        u8 code[5];
        u8 count;
    } cases[] = {
        {{0x66, 0xeb, 0x10}, 3},                                   /* jmp */
        {{0x66, 0x74, 0x10}, 3},                                   /* jz */
        {{0x66, 0x0f, 0x84, 0x0f, 0}, 5}, {{0x66, 0xe3, 0x10}, 3}, /* jecxz */
        {{0x66, 0xe2, 0x10}, 3},                                   /* loop */
        {{0x66, 0xe9, 0x0f, 0}, 4},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        flat_reset(0);
        flat_cpu.eflags |= EFLAGS_ZF;
        flat_cpu.gpr[ECX] = cases[i].code[1] == 0xe3 ? 0 : 2;
        flat_cpu.seg[SEG_CS].base = (u32)-0x50000; /* EIP is 51000h */
        flat_cpu.eip = FLAT_CODE + 0x50000;
        memcpy(flat_memory + FLAT_CODE, cases[i].code, cases[i].count);
        EXPECT_EQ(cpu_step(&flat_cpu, &flat_env, &flat_step), STEP_OK);
        EXPECT_EQ(flat_cpu.eip, FLAT_CODE + 0x13 + (cases[i].code[1] == 0x0f));
    }
}

/* The memory forms that LOCK may stand before (SDM vol. 2A LOCK). */
static bool lockable(u32 map, u32 byte, u32 reg)
{
    if (map)
        return byte == 0xab || byte == 0xb3 || byte == 0xbb || byte == 0xb0 ||
               byte == 0xb1 || byte == 0xc0 || byte == 0xc1 ||
               (byte == 0xba && reg >= 5) || (byte == 0xc7 && reg == 1);
    if (byte < 0x38)
        return (byte & 7) < 2;
    if (byte >= 0x80 && byte <= 0x83)
        return reg != 7;
    if (byte == 0xf6 || byte == 0xf7)
        return reg == 2 || reg == 3;
    return byte == 0x86 || byte == 0x87 ||
           ((byte == 0xfe || byte == 0xff) && reg < 2);
}

static bool is_prefix(u32 byte)
{
    return (byte & 0xe7) == 0x26 || (byte >= 0x64 && byte <= 0x67) ||
           byte == 0xf0 || byte == 0xf2 || byte == 0xf3 || byte == 0x0f;
}

static void lock_case(u32 map, u32 byte, u32 modrm)
{
    u8 code[16] = {0xf0, 0x0f, (u8)byte, (u8)modrm};
    bool memory = modrm >> 6 != 3;
    enum step_status status;

    if (!map)
        memmove(code + 1, code + 2, sizeof(code) - 2);
    flat_reset(0);
    flat_cpu.gpr[EBX] = DATA;
    status = flat_bytes(code, sizeof(code));
    if (memory && lockable(map, byte, modrm >> 3 & 7))
        EXPECT_EQ(status, STEP_OK);
    else if (status != STEP_FAULT || flat_step.fault.vector != TRAP_UD) {
        printf("lock %x %x %x\n", map, byte, modrm);
        EXPECT_EQ(flat_step.fault.vector, TRAP_UD);
    }
}

static void lock_stands_where_it_may(void)
{
    for (u32 byte = 0; byte < 256; byte++) {
        for (u32 reg = 0; reg < 8; reg++) {
            for (u32 mod = 0; mod < 4; mod += 3) {
                u32 modrm = mod << 6 | reg << 3 | EBX;
                if (!is_prefix(byte))
                    lock_case(0, byte, modrm);
                lock_case(1, byte, modrm);
            }
        }
    }
}

static const struct unit_case all[] = {
    CASE(crossing_writes_change_nothing),
    CASE(frames_that_do_not_fit),
    CASE(pops_beyond_the_limit),
    CASE(expand_down),
    CASE(addresses_wrap),
    CASE(esp_as_operand_and_as_base),
    CASE(exchanges_with_their_own_address),
    CASE(branches_of_16_bits),
    CASE(lock_stands_where_it_may),
};
UNIT_MAIN(all)
