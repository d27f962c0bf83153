/* SPDX-License-Identifier: MIT
 *
 * x87, MMX and SSE operands may lie anywhere: on the screen, in a page that
 * holds the GDT, in a live page table. The same instructions leave the same
 * bytes and registers there as in plain memory; a descriptor and a table
 * entry that they write count. A VMM that must see such accesses has to know
 * the instructions.
 *
 * SDM vol. 1 chapters 8, 9, 11; vol. 3A 4.10.4.2.
 */
#include "tests/micro/lib/micro.h"

#define SCREEN  0xb8000u
#define AREA    640u /* bytes the sequence works on */
#define WINDOW  0x40000000u
#define OSFXSR  0x200u
#define POINTER 6u /* FXSAVE: FOP to FDS, which processors keep differently */
#define REGS    24u
#define IMAGE   512u
#define ST      32u
#define XMM     160u
#define XMM_END 288u

static u8 ram[4096] __attribute__((aligned(4096)));
static u32 table_page[1024] __attribute__((aligned(4096))); /* GDT and area */
static u32 window_table[1024] __attribute__((aligned(4096)));
static u8 seen[2][AREA];
static u8 image[2][IMAGE] __attribute__((aligned(16)));
static u32 target[2][1024] __attribute__((aligned(4096)));

static void prepare(volatile u32 *at)
{
    for (u32 i = 0; i < AREA / 4; i++)
        at[i] = 0x3f800000 + i * 0x01234567;
    at[0] = 0x40490fdb; /* pi */
    at[4] = 0x0000037f; /* a control word */
    at[6] = 0x00001f80; /* MXCSR */
    at[8] = 0x87654321; /* BCD, with at[9] and half of at[10] */
    at[9] = 0x00000019;
    at[10] = 0x8000;
}

static void x87(volatile u32 *at)
{
    __asm__ volatile("fninit\n\t fldcw 16(%0)\n\t flds (%0)\n\t fadds 4(%0)\n\t"
                     "fldl 8(%0)\n\t fmull 16(%0)\n\t fildl 20(%0)\n\t"
                     "fidivs 24(%0)\n\t fbld 32(%0)\n\t fildll 48(%0)\n\t"
                     "fcoms 52(%0)\n\t fnstsw 56(%0)\n\t fistpll 64(%0)\n\t"
                     "fbstp 72(%0)\n\t fsts 84(%0)\n\t fstpt 88(%0)\n\t"
                     "fistl 100(%0)\n\t fstpl 104(%0)\n\t fnstcw 112(%0)\n\t"
                     "fldt 88(%0)\n\t"
                     :
                     : "r"(at)
                     : "memory");
}

/* The exponents that MMX leaves in the x87 registers are no part of this, for
 * QEMU's translator has them wrong. */
static void mmx(volatile u32 *at)
{
    __asm__ volatile("movq 8(%0), %%mm0\n\t paddb 16(%0), %%mm0\n\t"
                     "movd 24(%0), %%mm3\n\t punpcklbw 28(%0), %%mm3\n\t"
                     "psrlw 40(%0), %%mm3\n\t pshufw $0x1b, 8(%0), %%mm4\n\t"
                     "movq %%mm0, 128(%0)\n\t movd %%mm3, 140(%0)\n\t"
                     "movntq %%mm4, 144(%0)\n\t emms\n\t"
                     ".rept 8; fldz; .endr; fninit"
                     :
                     : "r"(at)
                     : "memory");
}

static void sse(volatile u32 *at)
{
    __asm__ volatile(
        "ldmxcsr 24(%0)\n\t movaps (%0), %%xmm0\n\t"
        "addps 32(%0), %%xmm0\n\t movups 5(%0), %%xmm1\n\t"
        "pshufd $0x2d, 16(%0), %%xmm2\n\t cvtpd2ps 48(%0), %%xmm3\n\t"
        "mulsd 8(%0), %%xmm2\n\t movhps 72(%0), %%xmm3\n\t"
        "cvtsi2sdl 40(%0), %%xmm4\n\t divss 60(%0), %%xmm1\n\t"
        "movaps %%xmm0, 160(%0)\n\t movups %%xmm1, 177(%0)\n\t"
        "movlpd %%xmm2, 200(%0)\n\t movntps %%xmm3, 208(%0)\n\t"
        "movss %%xmm4, 228(%0)\n\t movq %%xmm4, 232(%0)\n\t"
        "stmxcsr 244(%0)\n\t leal 240(%0), %%edi\n\t"
        "maskmovdqu %%xmm0, %%xmm1\n\t"
        :
        : "r"(at)
        : "memory", "edi");
}

/* Whole states: out, changed, in again. */
static void states(volatile u32 *at)
{
    __asm__ volatile("fldpi\n\t fnstenv 256(%0)\n\t fldenv 256(%0)\n\t"
                     "fnsave 256(%0)\n\t frstor 256(%0)\n\t"
                     :
                     : "r"(at)
                     : "memory");
    for (u32 i = 256; i < 256 + 28; i += 4)
        at[i / 4] = 0; /* with the pointers */
}

static void run(volatile u32 *at, u32 n)
{
    prepare(at);
    __asm__ volatile("pxor %xmm5, %xmm5");
    x87(at);
    mmx(at);
    sse(at);
    states(at);
    for (u32 i = 0; i < AREA; i++)
        seen[n][i] = ((volatile u8 *)at)[i];
    __asm__ volatile("fxsave (%0)" : : "r"(image[n]) : "memory");
}

/* Bytes of FXSAVE's image that mean something: behind the ten of an x87
 * register QEMU leaves what was there. */
static bool means(u32 i)
{
    if (i >= ST && i < XMM)
        return i % 16 < 10;
    return i < POINTER || i >= REGS;
}

static void compare(const char *bytes, const char *registers)
{
    u32 wrong = 0;

    for (u32 i = 0; i < AREA; i++)
        wrong += seen[0][i] != seen[1][i];
    EXPECT_EQ(wrong, 0, bytes);
    wrong = 0;
    for (u32 i = 0; i < XMM_END; i++) {
        if (means(i))
            wrong += image[0][i] != image[1][i];
    }
    EXPECT_EQ(wrong, 0, registers);
}

static void fxsave_there(volatile u32 *at)
{
    u32 wrong = 0;

    __asm__ volatile("fxsave (%0)" : : "r"(image[0]) : "memory");
    __asm__ volatile("fxsave (%0)" : : "r"(at) : "memory");
    for (u32 i = REGS; i < XMM_END; i++)
        wrong += means(i) && ((volatile u8 *)at)[i] != image[0][i];
    EXPECT_EQ(wrong, 0, "bytes of FXSAVE's image that differ");
    at[ST / 4] ^= 0x5555;
    __asm__ volatile("fxrstor (%0)" : : "r"(at) : "memory");
    __asm__ volatile("fxsave (%0)" : : "r"(image[1]) : "memory");
    EXPECT_EQ(*(u32 *)(image[1] + ST), *(u32 *)(image[0] + ST) ^ 0x5555,
              "what FXRSTOR loads");
}

/* A vector must be aligned there too, and TS counts. What an x87 error that
 * waits does is not tried: QEMU's translator has just WAIT look for one. */
static void faults(volatile u32 *at)
{
    CATCH("movaps 8(%0), %%xmm0", : "r"(at) : "memory");
    EXPECT_TRAP(TRAP_GP, 0, 0, "MOVAPS of an operand that is not aligned");
    write_cr0(read_cr0() | CR0_TS);
    CATCH("flds (%0)", : "r"(at) : "memory");
    EXPECT_TRAP(TRAP_NM, 0, 0, "FLD with TS set");
    CATCH("movaps (%0), %%xmm0", : "r"(at) : "memory");
    EXPECT_TRAP(TRAP_NM, 0, 0, "MOVAPS with TS set");
    __asm__ volatile("clts");
}

/* Vector instructions there neither report nor lose an x87 error that waits,
 * and what MXCSR unmasks does not disturb a move. */
static void errors_wait(volatile u32 *at)
{
    static const u16 zero_divide = 0x037b;
    static const u32 unmasked = 0;
    u32 fsw;

    __asm__ volatile(
        "fninit\n\t fldcw %0\n\t fldz\n\t fld1\n\t fdiv %%st(1)\n\t"
        "ldmxcsr %1"
        :
        : "m"(zero_divide), "m"(unmasked));
    CATCH("movaps (%1), %%xmm5\n\t movups %%xmm5, 1(%1)\n\t fnstsw (%1)\n\t"
          "movzwl (%1), %0",
          "=r"(fsw)
          : "r"(at)
          : "memory");
    EXPECT_NO_TRAP("moves with an error that waits");
    EXPECT_EQ(fsw & 0x80bf, 0x8084, "flags, summary and B in FNSTSW's word");
    CATCH("fwait", );
    EXPECT_TRAP(TRAP_MF, 0, 0, "WAIT with an error that waits");
    __asm__ volatile("fninit");
}

static void screen(void)
{
    errors_wait((volatile u32 *)SCREEN);
    run((volatile u32 *)SCREEN, 1);
    compare("bytes on the screen that differ", "registers differ by it");
    fxsave_there((volatile u32 *)SCREEN);
    faults((volatile u32 *)SCREEN);
}

/* A descriptor written by MOVQ, in a page that holds more. */
static void descriptors(void)
{
    struct table_pointer pointer = {sizeof(gdt) - 1, (u32)table_page};
    u32 pair[2], value;

    for (u32 i = 0; i < GDT_SIZE; i++) {
        table_page[2 * i] = gdt[i][0];
        table_page[2 * i + 1] = gdt[i][1];
    }
    gdt_reload(&pointer);
    for (u32 i = 0; i < 20; i++) {
        target[i & 1][0] = 100 + i;
        pair[0] = desc_lo((u32)target[i & 1], 0xfffff);
        pair[1] = desc_hi((u32)target[i & 1], 0xfffff, ATTR_KDATA | ATTR_G);
        __asm__ volatile("movq %2, %%xmm5\n\t movq %%xmm5, %1\n\t"
                         "movl %3, %%fs\n\t movl %%fs:0, %0"
                         : "=r"(value), "=m"(*(u64 *)&table_page[2 * GDT_FREE])
                         : "m"(*(u64 *)pair), "r"(GDT_FREE * 8)
                         : "memory");
        EXPECT_EQ(value, 100 + i, "a word by a descriptor that MOVQ wrote");
    }
    run((volatile u32 *)((u32)table_page + 1024), 1);
    compare("bytes beside a GDT that differ", "registers differ by it");
    __asm__ volatile("movl %0, %%fs" : : "r"(KDATA));
    gdt_load();
}

/* Entries written by FISTP, while the table is in use. */
static void entries(void)
{
    page_dir[WINDOW >> 22] = (u32)window_table | PTE_P | PTE_W;
    for (u32 i = 0; i < 20; i++) {
        u32 pair[2] = {(u32)target[i & 1] | PTE_P | PTE_W, 0};
        target[i & 1][1] = 200 + i;
        __asm__ volatile("fildll %1\n\t fistpll %0"
                         : "=m"(*(u64 *)&window_table[4])
                         : "m"(*(u64 *)pair)
                         : "memory");
        invlpg(WINDOW + 4 * PAGE_SIZE);
        EXPECT_EQ(peek(WINDOW + 4 * PAGE_SIZE + 4), 200 + i,
                  "a word by an entry that FISTP wrote");
    }
    run((volatile u32 *)((u32)window_table + 2048), 1);
    compare("bytes in a page table that differ", "registers differ by it");
}

void test(void)
{
    write_cr0((read_cr0() & ~(CR0_TS | CR0_EM)) | CR0_MP | CR0_NE);
    write_cr4(read_cr4() | OSFXSR);
    run((volatile u32 *)ram, 0); /* leaves something in every register */
    run((volatile u32 *)ram, 0);
    screen();
    run((volatile u32 *)ram, 0);
    run((volatile u32 *)ram, 0);
    descriptors();
    paging_on();
    entries();
    screen();
    paging_off();
}
