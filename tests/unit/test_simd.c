/* SPDX-License-Identifier: MIT
 *
 * The vector instructions that compute nothing: moves, shuffles, shifts by
 * bytes, single words; and what vector instructions do when they may not run
 * or their operand is not there. No two bytes of the registers and of the
 * memory in use are alike, so that a result, written as its bytes in memory
 * order, says where each of them came from; and nothing but the destination
 * changes. By the Operation section of each instruction, SDM vol. 2A and 2B.
 * LINKS: vmm/cpu vmm/base
 */
#include "tests/fake/flat.h"
#include "vmm/base/bits.h"

#define DATA 0x2000u
#define AT   0x05, 0x00, 0x20, 0x00, 0x00 /* register 0 and memory */
#define RR   0xc1                         /* reg is 0, rm is 1 */

/* Where a place lies in what look() gathers, and how long it is. */
enum place {
    XMM0 = 0,
    XMM1 = 16,
    MEMORY = 32,
    MM0 = 48,
    MM1 = 56,
    EAX_ = 64,
    ECX_ = 68,
    ALL = 72,
};

struct vector {
    u8 code[10];
    enum place to;
    const char *bytes; /* from the destination's first one */
};

static void prepare(void)
{
    flat_reset(0);
    flat_cpu.cr0 |= CR0_NE | CR0_MP;
    flat_cpu.cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT;
    for (u32 i = 0; i < 16; i++) {
        fpu_xmm(&flat_fpu, 0)[i] = (u8)i;
        fpu_xmm(&flat_fpu, 1)[i] = (u8)(0x10 + i);
        flat_memory[DATA + i] = (u8)(0x20 + i);
    }
    for (u32 i = 0; i < 8; i++) {
        fpu_mmx(&flat_fpu, 0)[i] = (u8)(0x30 + i);
        fpu_mmx(&flat_fpu, 1)[i] = (u8)(0x40 + i);
    }
    flat_cpu.gpr[ECX] = 0x53525150;
    flat_cpu.gpr[EAX] = 0x63626160;
}

static void look(u8 all[ALL])
{
    memcpy(all + XMM0, fpu_xmm(&flat_fpu, 0), 16);
    memcpy(all + XMM1, fpu_xmm(&flat_fpu, 1), 16);
    memcpy(all + MEMORY, flat_memory + DATA, 16);
    memcpy(all + MM0, fpu_mmx(&flat_fpu, 0), 8);
    memcpy(all + MM1, fpu_mmx(&flat_fpu, 1), 8);
    put_le32(all + EAX_, flat_cpu.gpr[EAX]);
    put_le32(all + ECX_, flat_cpu.gpr[ECX]);
}

static u8 digit(char c)
{
    return (u8)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void run_vectors(const struct vector *list, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        const struct vector *v = &list[n];
        u8 want[ALL], have[ALL];
        prepare();
        look(want);
        for (u32 i = 0; v->bytes[i]; i += 2)
            want[v->to + i / 2] =
                (u8)(digit(v->bytes[i]) << 4 | digit(v->bytes[i + 1]));
        EXPECT_EQ(flat_bytes(v->code, sizeof(v->code)), STEP_OK);
        look(have);
        if (memcmp(want, have, ALL))
            printf("vector %zu\n", n);
        EXPECT(!memcmp(want, have, ALL));
        EXPECT_EQ(flat_fpu_runs, 0);
    }
}

#define LO0  "0001020304050607"
#define HI0  "08090a0b0c0d0e0f"
#define LO1  "1011121314151617"
#define HI1  "18191a1b1c1d1e1f"
#define LOM  "2021222324252627"
#define HIM  "28292a2b2c2d2e2f"
#define ZERO "0000000000000000"

static void whole_registers(void)
{
    static const struct vector list[] = {
        {{0x0f, 0x10, RR}, XMM0, LO1 HI1}, /* movups */
        {{0x0f, 0x10, AT}, XMM0, LOM HIM},
        {{0x0f, 0x11, RR}, XMM1, LO0 HI0},
        {{0x0f, 0x11, AT}, MEMORY, LO0 HI0},
        {{0x66, 0x0f, 0x10, RR}, XMM0, LO1 HI1}, /* movupd */
        {{0x66, 0x0f, 0x10, AT}, XMM0, LOM HIM},
        {{0x66, 0x0f, 0x11, RR}, XMM1, LO0 HI0},
        {{0x66, 0x0f, 0x11, AT}, MEMORY, LO0 HI0},
        {{0x0f, 0x28, RR}, XMM0, LO1 HI1}, /* movaps */
        {{0x0f, 0x28, AT}, XMM0, LOM HIM},
        {{0x0f, 0x29, RR}, XMM1, LO0 HI0},
        {{0x0f, 0x29, AT}, MEMORY, LO0 HI0},
        {{0x66, 0x0f, 0x28, RR}, XMM0, LO1 HI1}, /* movapd */
        {{0x66, 0x0f, 0x29, AT}, MEMORY, LO0 HI0},
        {{0x66, 0x0f, 0x6f, RR}, XMM0, LO1 HI1}, /* movdqa */
        {{0x66, 0x0f, 0x6f, AT}, XMM0, LOM HIM},
        {{0x66, 0x0f, 0x7f, RR}, XMM1, LO0 HI0},
        {{0x66, 0x0f, 0x7f, AT}, MEMORY, LO0 HI0},
        {{0xf3, 0x0f, 0x6f, RR}, XMM0, LO1 HI1}, /* movdqu */
        {{0xf3, 0x0f, 0x6f, AT}, XMM0, LOM HIM},
        {{0xf3, 0x0f, 0x7f, RR}, XMM1, LO0 HI0},
        {{0xf3, 0x0f, 0x7f, AT}, MEMORY, LO0 HI0},
        {{0x0f, 0x2b, AT}, MEMORY, LO0 HI0},       /* movntps */
        {{0x66, 0x0f, 0x2b, AT}, MEMORY, LO0 HI0}, /* movntpd */
        {{0x66, 0x0f, 0xe7, AT}, MEMORY, LO0 HI0}, /* movntdq */
    };

    run_vectors(list, ARRAY_LEN(list));
}

static void parts_of_registers(void)
{
    static const struct vector list[] = {
        {{0xf3, 0x0f, 0x10, RR}, XMM0, "10111213"}, /* movss */
        {{0xf3, 0x0f, 0x10, AT}, XMM0, "2021222300000000" ZERO},
        {{0xf3, 0x0f, 0x11, RR}, XMM1, "00010203"},
        {{0xf3, 0x0f, 0x11, AT}, MEMORY, "00010203"},
        {{0xf2, 0x0f, 0x10, RR}, XMM0, LO1}, /* movsd */
        {{0xf2, 0x0f, 0x10, AT}, XMM0, LOM ZERO},
        {{0xf2, 0x0f, 0x11, RR}, XMM1, LO0},
        {{0xf2, 0x0f, 0x11, AT}, MEMORY, LO0},
        {{0x0f, 0x12, RR}, XMM0, HI1}, /* movhlps */
        {{0x0f, 0x12, AT}, XMM0, LOM}, /* movlps */
        {{0x0f, 0x13, AT}, MEMORY, LO0},
        {{0x66, 0x0f, 0x12, AT}, XMM0, LOM}, /* movlpd */
        {{0x66, 0x0f, 0x13, AT}, MEMORY, LO0},
        {{0x0f, 0x16, RR}, XMM0, LO0 LO1}, /* movlhps */
        {{0x0f, 0x16, AT}, XMM0, LO0 LOM}, /* movhps */
        {{0x0f, 0x17, AT}, MEMORY, HI0},
        {{0x66, 0x0f, 0x16, AT}, XMM0, LO0 LOM}, /* movhpd */
        {{0x66, 0x0f, 0x17, AT}, MEMORY, HI0},
        {{0xf3, 0x0f, 0x7e, RR}, XMM0, LO1 ZERO}, /* movq */
        {{0xf3, 0x0f, 0x7e, AT}, XMM0, LOM ZERO},
        {{0x66, 0x0f, 0xd6, RR}, XMM1, LO0 ZERO},
        {{0x66, 0x0f, 0xd6, AT}, MEMORY, LO0},
    };

    run_vectors(list, ARRAY_LEN(list));
}

static void between_the_register_files(void)
{
    static const struct vector list[] = {
        {{0x0f, 0x6e, RR}, MM0, "5051525300000000"}, /* movd */
        {{0x0f, 0x6e, AT}, MM0, "2021222300000000"},
        {{0x0f, 0x7e, RR}, ECX_, "30313233"},
        {{0x0f, 0x7e, AT}, MEMORY, "30313233"},
        {{0x66, 0x0f, 0x6e, RR}, XMM0, "5051525300000000" ZERO},
        {{0x66, 0x0f, 0x6e, AT}, XMM0, "2021222300000000" ZERO},
        {{0x66, 0x0f, 0x7e, RR}, ECX_, "00010203"},
        {{0x66, 0x0f, 0x7e, AT}, MEMORY, "00010203"},
        {{0x0f, 0x6f, RR}, MM0, "4041424344454647"}, /* movq */
        {{0x0f, 0x6f, AT}, MM0, LOM},
        {{0x0f, 0x7f, RR}, MM1, "3031323334353637"},
        {{0x0f, 0x7f, AT}, MEMORY, "3031323334353637"},
        {{0x0f, 0xe7, AT}, MEMORY, "3031323334353637"},          /* movntq */
        {{0xf3, 0x0f, 0xd6, RR}, XMM0, "4041424344454647" ZERO}, /* movq2dq */
        {{0xf2, 0x0f, 0xd6, RR}, MM0, LO1},                      /* movdq2q */
    };

    run_vectors(list, ARRAY_LEN(list));
}

/* 93h chooses the elements 3, 0, 1, 2. */
static void shuffles(void)
{
    static const struct vector list[] = {
        {{0x0f, 0x70, RR, 0x93}, MM0, "4647404142434445"}, /* pshufw */
        {{0x0f, 0x70, AT, 0x93}, MM0, "2627202122232425"},
        {{0xf2, 0x0f, 0x70, RR, 0x93}, XMM0, "1617101112131415" HI1},
        {{0xf3, 0x0f, 0x70, RR, 0x93}, XMM0, LO1 "1e1f18191a1b1c1d"},
        {{0x66, 0x0f, 0x70, RR, 0x93}, /* pshufd */
         XMM0,
         "1c1d1e1f101112131415161718191a1b"},
        {{0x66, 0x0f, 0x70, AT, 0x93},
         XMM0,
         "2c2d2e2f202122232425262728292a2b"},
        {{0x0f, 0xc6, RR, 0x93}, /* shufps */
         XMM0,
         "0c0d0e0f000102031415161718191a1b"},
        {{0x66, 0x0f, 0xc6, RR, 0x01}, XMM0, HI0 LO1}, /* shufpd */
        {{0x66, 0x0f, 0xc6, RR, 0x02}, XMM0, LO0 HI1},
        {{0x66, 0x0f, 0xc6, AT, 0xfd}, XMM0, HI0 LOM}, /* two bits count */
    };

    run_vectors(list, ARRAY_LEN(list));
}

static void bytes_and_words(void)
{
    static const struct vector list[] = {
        {{0x66, 0x0f, 0x73, 0xd8, 5}, /* psrldq */
         XMM0,
         "05060708090a0b0c0d0e0f0000000000"},
        {{0x66, 0x0f, 0x73, 0xd8, 15}, XMM0, "0f00000000000000" ZERO},
        {{0x66, 0x0f, 0x73, 0xd8, 16}, XMM0, ZERO ZERO},
        {{0x66, 0x0f, 0x73, 0xf8, 5}, /* pslldq */
         XMM0,
         "0000000000000102030405060708090a"},
        {{0x66, 0x0f, 0x73, 0xf8, 0}, XMM0, LO0 HI0},
        {{0x66, 0x0f, 0x73, 0xf8, 0xff}, XMM0, ZERO ZERO},
        {{0x0f, 0xc4, RR, 0x06}, MM0, "3031323350513637"}, /* pinsrw */
        {{0x0f, 0xc4, AT, 0x03}, MM0, "3031323334352021"},
        {{0x66, 0x0f, 0xc4, RR, 0x0d}, XMM0, LO0 "080950510c0d0e0f"},
        {{0x66, 0x0f, 0xc4, AT, 0x00}, XMM0, "2021020304050607"},
        {{0x0f, 0xc5, RR, 0x06}, EAX_, "44450000"}, /* pextrw */
        {{0x66, 0x0f, 0xc5, RR, 0x0d}, EAX_, "1a1b0000"},
    };

    run_vectors(list, ARRAY_LEN(list));
}

/* MASKMOVQ and MASKMOVDQU: mask in register 1, to [edi]. */
static void masked_moves(void)
{
    prepare();
    flat_cpu.gpr[EDI] = DATA;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xf7, RR), STEP_OK); /* no top bit in the mask */
    EXPECT_EQ(flat_word(DATA), 0x23222120);
    EXPECT_EQ(flat_writes, 0);
    EXPECT_EQ(flat_fpu.image[FX_FTW], 0xff); /* mmx is in use all the same */
    fpu_mmx(&flat_fpu, 1)[1] = 0x80;
    fpu_mmx(&flat_fpu, 1)[3] = 0xff;
    EXPECT_EQ(FLAT_RUN(0x0f, 0xf7, RR), STEP_OK);
    EXPECT_EQ(flat_word(DATA), 0x33223120);
    EXPECT_EQ(flat_word(DATA + 4), 0x27262524);
    fpu_xmm(&flat_fpu, 1)[15] = 0x80;
    EXPECT_EQ(FLAT_RUN(0x66, 0x0f, 0xf7, RR), STEP_OK);
    EXPECT_EQ(flat_word(DATA + 12), 0x0f2e2d2c);
    flat_cpu.gpr[EDI] = FLAT_SIZE - 15;
    EXPECT_FAULT(FLAT_RUN(0x66, 0x0f, 0xf7, RR), TRAP_PF, PF_WRITE);
    flat_cpu.cr0 |= CR0_TS;
    EXPECT_FAULT(FLAT_RUN(0x66, 0x0f, 0xf7, RR), TRAP_NM, 0);
}

#define EXPECT_NOTHING(status, trap, code)                                     \
    do {                                                                       \
        EXPECT_FAULT(status, trap, code);                                      \
        EXPECT(!memcmp(&flat_fpu, &flat_fpu_before, sizeof(flat_fpu)));        \
    } while (0)

static void operands_that_fault(void)
{
    prepare();
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0x10, 0x05, 1, 0xff, 1, 0), TRAP_PF, 0);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0x11, 0x05, 0, 0, 1, 0), TRAP_PF, PF_WRITE);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0x28, 0x05, 8, 0x20, 0, 0), TRAP_GP, 0);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0x7f, 0x05, 0, 0, 1, 0), TRAP_PF, PF_WRITE);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xae, 0x15, 0, 0, 1, 0), TRAP_PF, 0);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xae, 0x05, 0, 0, 1, 0), TRAP_PF, PF_WRITE);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xae, 0x0d, 0, 0, 1, 0), TRAP_PF, 0);
    flat_cpu.seg[SEG_DS].limit = DATA + 14; /* comes before the alignment */
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0x28, 0x05, 0, 0x20, 0, 0), TRAP_GP, 0);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0x29, 0x05, 0, 0x20, 0, 0), TRAP_GP, 0);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xae, 0x05, 0, 0x20, 0, 0), TRAP_GP, 0);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xae, 0x0d, 0, 0x20, 0, 0), TRAP_GP, 0);
}

static void the_units_own_instructions_want_it(void)
{
    prepare();
    flat_cpu.cr0 |= CR0_TS;
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0x77), TRAP_NM, 0);     /* emms */
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xae, AT), TRAP_NM, 0); /* fxsave */
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xae, 0x0d, 0, 0x20, 0, 0), TRAP_NM, 0);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xae, 0x15, 0, 0x20, 0, 0), TRAP_NM, 0);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xae, 0x1d, 0, 0x20, 0, 0), TRAP_NM, 0);
}

/* Without CR0.NE a waiting x87 error pulls the wire, and they wait too. */
static void mmx_waits_for_an_x87_error(void)
{
    prepare();
    flat_cpu.gpr[EDI] = DATA;
    fpu_mmx(&flat_fpu, 1)[0] = 0x80;
    flat_fpu.image[FX_FCW] &= (u8)~FPU_IE;
    EXPECT_EQ(FLAT_RUN(0xd9, 0xe0), STEP_OK); /* fchs of an empty register */
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0x77), TRAP_MF, 0);
    EXPECT_NOTHING(FLAT_RUN(0x0f, 0xf7, RR), TRAP_MF, 0);
    flat_cpu.cr0 &= ~(u32)CR0_NE;
    EXPECT_EQ(FLAT_RUN(0x0f, 0x77), STEP_OK);
    EXPECT_EQ(FLAT_RUN(0x0f, 0xf7, RR), STEP_OK);
    EXPECT_EQ(FLAT_RUN(0x0f, 0x6f, RR), STEP_OK);
    EXPECT_EQ(flat_fpu_errors, 3);
    EXPECT_EQ(flat_cpu.eip, FLAT_CODE);
    EXPECT_EQ(flat_word(DATA), 0x23222120);
    EXPECT(!memcmp(&flat_fpu, &flat_fpu_before, sizeof(flat_fpu)));
}

static const struct unit_case cases[] = {
    CASE(whole_registers),
    CASE(parts_of_registers),
    CASE(between_the_register_files),
    CASE(shuffles),
    CASE(bytes_and_words),
    CASE(masked_moves),
    CASE(operands_that_fault),
    CASE(the_units_own_instructions_want_it),
    CASE(mmx_waits_for_an_x87_error),
};

UNIT_MAIN(cases)
