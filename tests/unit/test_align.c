/* SPDX-License-Identifier: MIT
 *
 * Alignment checks (SDM vol. 3A 6.15, interrupt 17, table 6-7): who is
 * checked, what each kind of datum is aligned to, that the segment's faults
 * come first and the page's later; and the frames of PUSHA and POPA, which
 * wrap around a 16-bit stack.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/fake/flat.h"

#define DATA 0x4000u

/* Ring 3 with everything on that asks for #AC. */
static void reset(void)
{
    flat_reset(3);
    flat_cpu.cr0 |= CR0_AM;
    flat_cpu.eflags |= EFLAGS_AC;
}

#define EXPECT_AC(...)                                                         \
    do {                                                                       \
        EXPECT_FAULT(FLAT_RUN(__VA_ARGS__), TRAP_AC, 0);                       \
        EXPECT(flat_step.fault.has_error);                                     \
    } while (0)

static void who_is_checked(void)
{
    reset();
    flat_cpu.gpr[EBX] = DATA + 2;
    EXPECT_AC(0x8b, 0x03); /* mov eax, [ebx] */
    flat_cpu.eflags &= ~EFLAGS_AC;
    EXPECT_EQ(FLAT_RUN(0x8b, 0x03), STEP_OK);
    flat_cpu.eflags |= EFLAGS_AC;
    flat_cpu.cr0 &= ~(u32)CR0_AM;
    EXPECT_EQ(FLAT_RUN(0x8b, 0x03), STEP_OK);
    flat_cpu.cr0 |= CR0_AM;
    for (u8 cpl = 0; cpl < 3; cpl++) {
        flat_cpu.cpl = cpl;
        EXPECT_EQ(FLAT_RUN(0x8b, 0x03), STEP_OK);
    }
}

/* The linear address counts, not the offset. */
static void the_linear_address(void)
{
    reset();
    flat_cpu.gpr[EBX] = DATA + 2;
    flat_cpu.seg[SEG_DS].base = 2;
    EXPECT_EQ(FLAT_RUN(0x8b, 0x03), STEP_OK);
    flat_cpu.gpr[EBX] = DATA;
    EXPECT_AC(0x8b, 0x03);
}

/* Instructions with [ebx], and what ebx must be a multiple of. */
static const struct {
    u8 code[4];
    u8 count, unit;
} cases[] = {
    {{0x8a, 0x03}, 2, 1},             /* mov al, [ebx] */
    {{0x66, 0x8b, 0x03}, 3, 2},       /* mov ax, [ebx] */
    {{0x89, 0x03}, 2, 4},             /* mov [ebx], eax */
    {{0x01, 0x03}, 2, 4},             /* add [ebx], eax */
    {{0x0f, 0xb6, 0x03}, 3, 1},       /* movzx eax, byte [ebx] */
    {{0x0f, 0xb7, 0x03}, 3, 2},       /* movzx eax, word [ebx] */
    {{0x62, 0x03}, 2, 4},             /* bound eax, [ebx] */
    {{0x66, 0x62, 0x03}, 3, 2},       /* bound ax, [ebx] */
    {{0x0f, 0xc7, 0x0b}, 3, 8},       /* cmpxchg8b [ebx] */
    {{0x0f, 0xb4, 0x03}, 3, 4},       /* lfs eax, [ebx] */
    {{0x66, 0x0f, 0xb4, 0x03}, 4, 2}, /* lfs ax, [ebx] */
    {{0x0f, 0xa3, 0x03}, 3, 4},       /* bt [ebx], eax */
    {{0x8c, 0x1b}, 2, 2},             /* mov [ebx], ds */
    {{0xff, 0x33}, 2, 4},             /* push [ebx] */
    {{0x87, 0x03}, 2, 4},             /* xchg [ebx], eax */
    {{0x66, 0x0f, 0xc1, 0x03}, 4, 2}, /* xadd [ebx], ax */
    {{0xd7}, 1, 1},                   /* xlatb */
};

static void units(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int failures = unit_failures;
        for (u32 off = 0; off < 8; off++) {
            reset();
            flat_cpu.gpr[EBX] = DATA + off;
            enum step_status s = flat_bytes(cases[i].code, cases[i].count);
            if (off % cases[i].unit)
                EXPECT_FAULT(s, TRAP_AC, 0);
            else
                EXPECT_EQ(s, STEP_OK);
        }
        if (failures != unit_failures)
            printf("case %zu\n", i);
    }
}

/* SGDT: 2 bytes, then 4, so the operand lies 2 behind a multiple of 4 (SDM
 * vol. 3A 3.5.1). */
static void table_registers(void)
{
    for (u32 off = 0; off < 4; off++) {
        reset();
        flat_cpu.gpr[EBX] = DATA + off;
        enum step_status s = FLAT_RUN(0x0f, 0x01, 0x03);
        if (off == 2)
            EXPECT_EQ(s, STEP_OK);
        else
            EXPECT_FAULT(s, TRAP_AC, 0);
    }
}

static void strings(void)
{
    reset();
    flat_cpu.gpr[ESI] = DATA + 1;
    flat_cpu.gpr[EDI] = DATA + 0x100;
    flat_cpu.gpr[ECX] = 2;
    EXPECT_AC(0xf3, 0xa5); /* rep movsd */
    flat_cpu.gpr[ESI] = DATA;
    flat_cpu.gpr[EDI] = DATA + 0x102;
    EXPECT_AC(0xf3, 0xa5);
    EXPECT_EQ(FLAT_RUN(0x66, 0xa5), STEP_OK);
    EXPECT_EQ(FLAT_RUN(0xa4), STEP_OK);
}

static void stacks(void)
{
    reset();
    flat_cpu.gpr[ESP] = FLAT_STACK + 2;
    EXPECT_AC(0x50);                          /* push eax */
    EXPECT_AC(0x58);                          /* pop eax */
    EXPECT_AC(0xe8, 0, 0, 0, 0);              /* call */
    EXPECT_AC(0xc3);                          /* ret */
    EXPECT_AC(0x60);                          /* pushad */
    EXPECT_AC(0x61);                          /* popad */
    EXPECT_AC(0xcb);                          /* retf */
    EXPECT_AC(0xcf);                          /* iretd */
    EXPECT_AC(0xc8, 0, 0, 0);                 /* enter 0, 0 */
    EXPECT_EQ(FLAT_RUN(0x66, 0x50), STEP_OK); /* push ax */
    flat_cpu.gpr[ESP] = FLAT_STACK + 2;
    EXPECT_EQ(FLAT_RUN(0x66, 0x60), STEP_OK); /* pusha */
    EXPECT_EQ(FLAT_RUN(0x66, 0x61), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[ESP], FLAT_STACK + 2);
    flat_cpu.gpr[ESP] = FLAT_STACK + 1;
    EXPECT_AC(0x66, 0x60);
}

/* Limit before alignment, alignment before the page. */
static void order_of_faults(void)
{
    reset();
    flat_cpu.gpr[EBX] = FLAT_SIZE + 1;
    EXPECT_AC(0x8b, 0x03);
    flat_cpu.seg[SEG_DS].limit = FLAT_SIZE;
    EXPECT_FAULT(FLAT_RUN(0x8b, 0x03), TRAP_GP, 0);
}

/* Gates, TSSs and inner stacks are the processor's own business. */
static void system_accesses_are_not_checked(void)
{
    reset();
    flat_poke(0x2008, 0x0000ffff);
    flat_poke(0x200c, 0x00cf9b00);
    flat_poke(0x2010, 0x0000ffff);
    flat_poke(0x2014, 0x00cf9300);
    flat_poke(0x3001, 0x00085000); /* the gate of vector 0 */
    flat_poke(0x3005, 0x0000ee00);
    flat_poke(0x6003 + TSS32_ESP0, 0x7001);
    flat_poke(0x6003 + TSS32_SS0, 0x10);
    flat_cpu.gdtr = (struct table_reg){0x2000, 0x17};
    flat_cpu.idtr = (struct table_reg){0x3001, 7};
    flat_cpu.tr = (struct segment){0, ATTR_P | SYS_TSS32_BUSY, 0x6003, 0x67};
    EXPECT_EQ(FLAT_RUN(0xcd, 0x00), STEP_OK);
    EXPECT_EQ(flat_cpu.eip, 0x5000);
    EXPECT_EQ(flat_cpu.gpr[ESP], 0x7001 - 20);
}

static void small_stack(u32 sp)
{
    flat_reset(0);
    flat_cpu.seg[SEG_SS].attr &= (u16)~ATTR_DB;
    flat_cpu.seg[SEG_SS].limit = 0xffff;
    flat_cpu.gpr[ESP] = 0xabcd0000 | sp;
    for (u32 r = 0; r < GPR_COUNT; r++)
        if (r != ESP)
            flat_cpu.gpr[r] = 0x1111 * (r + 1);
}

/* SP goes through 0 between two words (SDM vol. 2B PUSHA). */
static void pusha_wraps(void)
{
    u32 gpr[GPR_COUNT];

    small_stack(6);
    memcpy(gpr, flat_cpu.gpr, sizeof(gpr));
    EXPECT_EQ(FLAT_RUN(0x66, 0x60), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[ESP], 0xabcdfff6);
    EXPECT_EQ(flat_word(4) & 0xffff, 0x1111);   /* AX */
    EXPECT_EQ(flat_word(0xfffc) >> 16, 0x4444); /* BX, below the edge */
    EXPECT_EQ(flat_word(0xfffc) & 0xffff, 6);   /* SP as it was */
    memset(flat_cpu.gpr, 0, ESP * sizeof(u32));
    EXPECT_EQ(FLAT_RUN(0x66, 0x61), STEP_OK);
    EXPECT(!memcmp(gpr, flat_cpu.gpr, sizeof(gpr)));
    small_stack(7); /* a word across the edge */
    EXPECT_FAULT(FLAT_RUN(0x66, 0x60), TRAP_SS, 0);
}

static const struct unit_case all[] = {
    CASE(who_is_checked),  CASE(the_linear_address),
    CASE(units),           CASE(table_registers),
    CASE(strings),         CASE(stacks),
    CASE(order_of_faults), CASE(system_accesses_are_not_checked),
    CASE(pusha_wraps),
};
UNIT_MAIN(all)
