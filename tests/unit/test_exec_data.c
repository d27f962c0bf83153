/* SPDX-License-Identifier: MIT
 *
 * Exchanges, bit strings and table look-ups: what lands where, in registers
 * and in memory, with 16-bit addresses and operands.
 *
 * SDM vol. 2, under each instruction's name.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/fake/flat.h"
#include "vmm/base/bits.h"

#define DATA 0x2000u

#define EXPECT_ZF(want) EXPECT_EQ(!!(flat_cpu.eflags & EFLAGS_ZF), want)
#define EXPECT_CF(want) EXPECT_EQ(!!(flat_cpu.eflags & EFLAGS_CF), want)

/* "If ZF is clear, the accumulator gets the destination", which is written
 * back (vol. 2A CMPXCHG). */
static void cmpxchg_stores_or_loads(void)
{
    flat_reset(0);
    flat_poke(DATA, 0x11112222);
    flat_cpu.gpr[EDI] = DATA;
    flat_cpu.gpr[ECX] = 0xcafe;
    flat_cpu.gpr[EAX] = 0x11112222;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xb1, 0x0f), STEP_OK);
    EXPECT_ZF(1);
    EXPECT_EQ(flat_word(DATA), 0xcafe);
    EXPECT_EQ(flat_cpu.gpr[EAX], 0x11112222);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xb1, 0x0f), STEP_OK);
    EXPECT_ZF(0);
    EXPECT_EQ(flat_word(DATA), 0xcafe);
    EXPECT_EQ(flat_cpu.gpr[EAX], 0xcafe);
    EXPECT_EQ(flat_writes, 1);
}

static void cmpxchg_of_a_byte_keeps_the_rest_of_eax(void)
{
    flat_reset(0);
    flat_cpu.gpr[EAX] = 0x55667788;
    flat_cpu.gpr[EBX] = 0x99;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xb0, 0xcb), STEP_OK); /* cmpxchg bl, cl */
    EXPECT_ZF(0);
    EXPECT_EQ(flat_cpu.gpr[EAX], 0x55667799);
    EXPECT_EQ(flat_cpu.gpr[EBX], 0x99);
}

/* ZF alone changes (vol. 2A CMPXCHG8B). */
static void cmpxchg8b_exchanges_eight_bytes(void)
{
    u32 others = EFLAGS_CF | EFLAGS_OF | EFLAGS_SF | EFLAGS_AF | EFLAGS_PF;

    flat_reset(0);
    flat_cpu.eflags |= others;
    flat_poke(DATA, 1);
    flat_poke(DATA + 4, 2);
    flat_cpu.gpr[EDI] = DATA;
    flat_cpu.gpr[EAX] = 1;
    flat_cpu.gpr[EDX] = 2;
    flat_cpu.gpr[EBX] = 0x33;
    flat_cpu.gpr[ECX] = 0x44;
    EXPECT_EQ(FLAT_RUN(0xf0, 0x0f, 0xc7, 0x0f), STEP_OK);
    EXPECT_EQ(flat_cpu.eflags, others | EFLAGS_ZF | EFLAGS_ONE);
    EXPECT_EQ(flat_word(DATA), 0x33);
    EXPECT_EQ(flat_word(DATA + 4), 0x44);
    EXPECT_EQ(flat_cpu.gpr[EAX], 1);
    EXPECT_EQ(flat_cpu.gpr[EDX], 2);
}

/* One half equal is not equal. */
static void cmpxchg8b_loads_what_differs(void)
{
    for (u32 half = 0; half < 2; half++) {
        flat_reset(0);
        flat_cpu.eflags |= EFLAGS_ZF;
        flat_poke(DATA, 1);
        flat_poke(DATA + 4, 2);
        flat_cpu.gpr[EDI] = DATA;
        flat_cpu.gpr[EAX] = half ? 1 : 7;
        flat_cpu.gpr[EDX] = half ? 7 : 2;
        flat_cpu.gpr[EBX] = 0x33;
        EXPECT_EQ(FLAT_RUN(0x0f, 0xc7, 0x0f), STEP_OK);
        EXPECT_ZF(0);
        EXPECT_EQ(flat_cpu.gpr[EAX], 1);
        EXPECT_EQ(flat_cpu.gpr[EDX], 2);
        EXPECT_EQ(flat_word(DATA), 1);
        EXPECT_EQ(flat_word(DATA + 4), 2);
        EXPECT_EQ(flat_writes, 1);
    }
}

/* "Exchanges the operands, then loads the sum into the destination". */
static void xadd_leaves_sum_and_old_value(void)
{
    flat_reset(0);
    flat_cpu.gpr[EAX] = 0xffffffff;
    flat_cpu.gpr[EBX] = 2;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xc1, 0xd8), STEP_OK); /* xadd eax, ebx */
    EXPECT_EQ(flat_cpu.gpr[EAX], 1);
    EXPECT_EQ(flat_cpu.gpr[EBX], 0xffffffff);
    EXPECT_CF(1);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xc1, 0xc0), STEP_OK); /* with itself */
    EXPECT_EQ(flat_cpu.gpr[EAX], 2);
    flat_cpu.gpr[EDI] = DATA;
    flat_poke(DATA, 40);
    EXPECT_EQ(FLAT_RUN(0xf0, 0x0f, 0xc1, 0x07), STEP_OK);
    EXPECT_EQ(flat_word(DATA), 42);
    EXPECT_EQ(flat_cpu.gpr[EAX], 40);
}

static void bswap_reverses_bytes(void)
{
    flat_reset(0);
    flat_cpu.gpr[EDX] = 0x01020304;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xca), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EDX], 0x04030201);
    EXPECT_EQ(FLAT_RUN(0x66, 0x0f, 0xca), STEP_OK); /* undefined: cleared */
    EXPECT_EQ(flat_cpu.gpr[EDX], 0x04030000);
}

/* (E)BX by the address size, AL unsigned (vol. 2C XLAT). */
static void xlat_wraps_with_the_address_size(void)
{
    flat_reset(0);
    flat_cpu.gpr[EBX] = DATA;
    flat_cpu.gpr[EAX] = 0xffffff80;
    flat_poke(DATA + 0x80, 0xaa);
    EXPECT_EQ(FLAT_RUN(0xd7), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EAX], 0xffffffaa);
    flat_cpu.gpr[EBX] = 0x7fff0000u + DATA;
    flat_cpu.gpr[EAX] = 0x80;
    EXPECT_FAULT(FLAT_RUN(0xd7), TRAP_PF, 0);
    EXPECT_EQ(FLAT_RUN(0x67, 0xd7), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EAX], 0xaa);
}

static void bits_of_a_register_are_taken_modulo_its_size(void)
{
    flat_reset(0);
    flat_cpu.gpr[EAX] = 0x80000001;
    flat_cpu.gpr[ECX] = 63;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xa3, 0xc8), STEP_OK); /* bt eax, ecx */
    EXPECT_CF(1);
    EXPECT_EQ(flat_cpu.gpr[EAX], 0x80000001);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xb3, 0xc8), STEP_OK); /* btr eax, ecx */
    EXPECT_CF(1);
    EXPECT_EQ(flat_cpu.gpr[EAX], 1);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xb3, 0xc8), STEP_OK);
    EXPECT_CF(0);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xba, 0xe8, 33), STEP_OK); /* bts eax, 1 */
    EXPECT_EQ(flat_cpu.gpr[EAX], 3);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xba, 0xf8, 0), STEP_OK); /* btc eax, 0 */
    EXPECT_EQ(flat_cpu.gpr[EAX], 2);
    EXPECT_CF(1);
}

/* In memory the register is a signed offset into a bit string (vol. 2A BT);
 * the immediate is not. */
static void bits_of_memory_reach_far(void)
{
    flat_reset(0);
    flat_cpu.gpr[EDI] = DATA;
    flat_cpu.gpr[ECX] = 32 * 4 + 3;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xab, 0x0f), STEP_OK); /* bts [edi], ecx */
    EXPECT_EQ(flat_word(DATA + 16), 8);
    flat_cpu.gpr[ECX] = (u32)-1;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xab, 0x0f), STEP_OK);
    EXPECT_EQ(flat_word(DATA - 4), 0x80000000);
    EXPECT_EQ(FLAT_RUN(0x66, 0x0f, 0xb3, 0x0f), STEP_OK); /* btr, a word */
    EXPECT_EQ(flat_word(DATA - 4), 0);
    EXPECT_CF(1);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xba, 0x2f, 35), STEP_OK); /* bts [edi], 35 */
    EXPECT_EQ(flat_word(DATA), 8);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xba, 0x27, 3), STEP_OK); /* bt does not write */
    EXPECT_EQ(flat_writes, 0);
    EXPECT_CF(1);
}

static void bits_of_memory_wrap_with_a_16_bit_address(void)
{
    flat_reset(0);
    flat_cpu.gpr[EBX] = 0xffff0004;
    flat_cpu.gpr[ECX] = (u32)-1;
    EXPECT_EQ(FLAT_RUN(0x67, 0x0f, 0xab, 0x0f), STEP_OK); /* bts [bx], ecx */
    EXPECT_EQ(flat_word(0), 0x80000000);
    flat_cpu.gpr[EBX] = 0;
    EXPECT_EQ(FLAT_RUN(0x67, 0x0f, 0xab, 0x0f), STEP_OK);
    EXPECT_EQ(flat_word(0xfffc), 0x80000000);
}

/* "If the source is 0, the destination is undefined": it stays, as on every
 * CPU there is. */
static void scans_of_zero_keep_the_destination(void)
{
    flat_reset(0);
    flat_cpu.gpr[EAX] = 77;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xbc, 0xc1), STEP_OK); /* bsf eax, ecx */
    EXPECT_ZF(1);
    EXPECT_EQ(flat_cpu.gpr[EAX], 77);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xbd, 0xc1), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EAX], 77);
    flat_cpu.gpr[ECX] = 0x00100400;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xbc, 0xc1), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EAX], 10);
    EXPECT_ZF(0);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xbd, 0xc1), STEP_OK);
    EXPECT_EQ(flat_cpu.gpr[EAX], 20);
}

/* The comparison with the real CPU: CLFLUSH goes where only fetches may (SDM
 * vol. 2A CLFLUSH). */
static void clflush_of_an_execute_only_segment(void)
{
    flat_reset(0);
    flat_cpu.seg[SEG_CS].attr &= ~(u32)ATTR_READABLE;
    EXPECT_EQ(FLAT_RUN(0x2e, 0x0f, 0xae, 0x3d, 0, 0x20, 0, 0), STEP_OK);
    EXPECT_FAULT(FLAT_RUN(0x2e, 0xa0, 0, 0x20, 0, 0), TRAP_GP, 0);
    EXPECT_FAULT(FLAT_RUN(0x2e, 0x0f, 0xae, 0x3d, 0, 0, 1, 0), TRAP_PF, 0);
    flat_cpu.seg[SEG_DS].limit = 0x1fff;
    EXPECT_FAULT(FLAT_RUN(0x0f, 0xae, 0x3d, 0, 0x20, 0, 0), TRAP_GP, 0);
}

/* The comparison with the real CPU: a repeated CMPS or SCAS that faults has
 * the flags it began with (SDM vol. 2B REP), and its count and pointers as far
 * as it got. */
static void a_faulting_scan_restores_the_flags(void)
{
    flat_reset(0);
    flat_cpu.gpr[EDI] = FLAT_SIZE - 2;
    flat_cpu.gpr[ECX] = 5;
    flat_cpu.gpr[EAX] = 1;
    flat_cpu.eflags |= EFLAGS_OF | EFLAGS_ZF;
    EXPECT_EQ(FLAT_RUN(0xf2, 0xae), STEP_FAULT); /* repne scasb */
    EXPECT_EQ(flat_step.fault.cr2, FLAT_SIZE);
    EXPECT_EQ(flat_cpu.eflags, flat_before.eflags);
    EXPECT_EQ(flat_cpu.gpr[ECX], 3);
    EXPECT_EQ(flat_cpu.gpr[EDI], FLAT_SIZE);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE);
}

/* What a fault of the operand's page leaves: everything as it was, and no
 * store; what will be written back is read for writing. */
static void a_faulting_operand_changes_nothing(void)
{
    static const struct {
        u8 code[4], length, error;
    } list[] = {
        {{0x01}, 1, PF_WRITE},
        {{0x03}, 1, 0}, /* add */
        {{0x39}, 1, 0},
        {{0x3b}, 1, 0},              /* cmp */
        {{0x85}, 1, 0},              /* test */
        {{0xff}, 1, PF_WRITE},       /* inc */
        {{0xd1}, 1, PF_WRITE},       /* rol */
        {{0x0f, 0xa5}, 2, PF_WRITE}, /* shld */
        {{0x0f, 0xaf}, 2, 0},
        {{0x69}, 1, 0},              /* imul */
        {{0x0f, 0xa3}, 2, 0},        /* bt */
        {{0x0f, 0xab}, 2, PF_WRITE}, /* bts */
        {{0x0f, 0xbc}, 2, 0},
        {{0x0f, 0xbd}, 2, 0}, /* bsf, bsr */
        {{0x8b}, 1, 0},
        {{0x89}, 1, PF_WRITE}, /* mov */
        {{0x0f, 0xb6}, 2, 0},
        {{0x0f, 0xbf}, 2, 0},        /* movzx, movsx */
        {{0x87}, 1, PF_WRITE},       /* xchg */
        {{0x0f, 0xb1}, 2, PF_WRITE}, /* cmpxchg */
        {{0x0f, 0xc1}, 2, PF_WRITE}, /* xadd */
        {{0x0f, 0x44}, 2, 0},        /* cmovz: read whatever ZF is */
        {{0x0f, 0x94}, 2, PF_WRITE}, /* setz */
    };

    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        u8 bytes[16] = {0};
        flat_reset(0);
        flat_cpu.eflags |= EFLAGS_CF | EFLAGS_OF;
        memcpy(bytes, list[i].code, list[i].length);
        bytes[list[i].length] = 0x05; /* eax, [FLAT_SIZE] */
        put_le32(bytes + list[i].length + 1, FLAT_SIZE);
        EXPECT_FAULT(flat_bytes(bytes, sizeof(bytes)), TRAP_PF, list[i].error);
        EXPECT_EQ(flat_step.fault.cr2, FLAT_SIZE);
    }
}

/* Those whose operation is in modrm.reg. */
static void a_faulting_operand_of_a_group(void)
{
    static const struct {
        u8 opcode, reg, error;
    } list[] = {
        {0x81, 7, 0},        {0x81, 0, PF_WRITE}, /* cmp, add */
        {0xf7, 0, 0},        {0xf7, 2, PF_WRITE}, /* test, not */
        {0xf7, 4, 0},        {0xf7, 5, 0},        /* mul, imul */
        {0xf7, 6, 0},        {0xf7, 7, 0},        /* div, idiv */
        {0xc1, 4, PF_WRITE}, {0xd3, 7, PF_WRITE}, /* shl, sar */
    };

    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        u8 bytes[16] = {list[i].opcode, (u8)(list[i].reg << 3 | 5)};
        flat_reset(0);
        put_le32(bytes + 2, FLAT_SIZE);
        EXPECT_FAULT(flat_bytes(bytes, sizeof(bytes)), TRAP_PF, list[i].error);
    }
    flat_reset(0);
    EXPECT_FAULT(FLAT_RUN(0x0f, 0xc7, 0x0d, 0, 0, 1, 0), TRAP_PF,
                 PF_WRITE); /* cmpxchg8b */
    flat_cpu.gpr[EBX] = FLAT_SIZE;
    EXPECT_FAULT(FLAT_RUN(0xd7), TRAP_PF, 0); /* xlat */
}

static const struct unit_case cases[] = {
    CASE(cmpxchg_stores_or_loads),
    CASE(cmpxchg_of_a_byte_keeps_the_rest_of_eax),
    CASE(cmpxchg8b_exchanges_eight_bytes),
    CASE(cmpxchg8b_loads_what_differs),
    CASE(xadd_leaves_sum_and_old_value),
    CASE(bswap_reverses_bytes),
    CASE(xlat_wraps_with_the_address_size),
    CASE(bits_of_a_register_are_taken_modulo_its_size),
    CASE(bits_of_memory_reach_far),
    CASE(bits_of_memory_wrap_with_a_16_bit_address),
    CASE(scans_of_zero_keep_the_destination),
    CASE(clflush_of_an_execute_only_segment),
    CASE(a_faulting_scan_restores_the_flags),
    CASE(a_faulting_operand_changes_nothing),
    CASE(a_faulting_operand_of_a_group),
};
UNIT_MAIN(cases)
