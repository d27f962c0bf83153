/* SPDX-License-Identifier: MIT
 *
 * What another guest left in the registers, and what it takes away.
 *
 * A new machine's FPU and SSE registers are as at power-on: anything else was
 * somebody's. Then every register a guest can have is filled with a pattern
 * that no other guest has: the general ones, x87 and MMX, XMM and MXCSR, the
 * control and last-instruction words, debug registers, segment registers with
 * bases. The guest counts while others run, and looks: a foreign value is a
 * leak, and its own pattern has leaked to those. Upper halves of vector
 * registers must stay out of reach.
 *
 * SDM vol. 1 8.1, 10.5; vol. 3A 9.1.1 (state after reset), 13.4.
 */
#include "tests/attack/lib/leap.h"

ATTACK("It looks for what other guests left in general, FPU, SSE, debug and "
       "segment registers.");

#define FXSAVE_SIZE  512
#define FXSAVE_MXCSR 24
#define FXSAVE_MASK  28
#define FXSAVE_ST    32
#define FXSAVE_XMM   160
#define FXSAVE_END   288 /* behind XMM7 */
#define FCW_RESET    0x037f
#define MXCSR_RESET  0x1f80
#define ROUNDS       24
#define SPIN         1000000
#define SEL          (GDT_FREE * 8)

static u8 state[FXSAVE_SIZE] __attribute__((aligned(16)));
static u8 mine[FXSAVE_SIZE] __attribute__((aligned(16)));
static u32 pattern;
static u32 patterned[4];

static u32 word(const u8 *area, u32 offset)
{
    return *(const volatile u32 *)(area + offset);
}

static void fxsave(u8 *area)
{
    __asm__ volatile("fxsave (%0)" : : "r"(area) : "memory");
}

/* All but the mask, which the processor makes. */
static void compare(const u8 *want, const char *sentence)
{
    for (u32 at = 0; at < FXSAVE_END; at += 4) {
        if (at == FXSAVE_MASK)
            continue;
        saw(at, word(state, at));
        if (word(state, at) != word(want, at))
            broken(sentence, at, word(state, at));
    }
}

static void as_at_power_on(void)
{
    fxsave(state);
    *(u32 *)mine = FCW_RESET;
    *(u32 *)(mine + FXSAVE_MXCSR) = MXCSR_RESET;
    attempts(FXSAVE_END / 4);
    compare(mine, "a new machine's FPU is not as at power-on");
}

static void fill(void)
{
    for (u32 at = 0; at < 16; at += 4)
        *(u32 *)(mine + at) = pattern + at;
    *(u32 *)mine = FCW_RESET;
    *(u32 *)(mine + 4) = 0;
    *(u32 *)(mine + FXSAVE_MXCSR) = MXCSR_RESET & ~(pattern & 0x1000);
    for (u32 at = FXSAVE_ST; at < FXSAVE_END; at += 4)
        *(u32 *)(mine + at) = pattern * (at | 1);
    for (u32 at = FXSAVE_ST; at < FXSAVE_XMM; at += 16) {
        *(u32 *)(mine + at + 8) &= 0xffff;
        *(u32 *)(mine + at + 12) = 0;
    }
    __asm__ volatile("fxrstor (%0)" : : "r"(mine) : "memory");
    fxsave(mine); /* what the processor keeps of it */
}

/* Counts for a while with the pattern in all the others. */
static void spin(void)
{
    u32 wrong, held = pattern;

    __asm__ volatile("pushl %%ebp\n\t"
                     "movl %%ebx, %%ecx\n\tmovl %%ebx, %%edx\n\t"
                     "movl %%ebx, %%esi\n\tmovl %%ebx, %%edi\n\t"
                     "movl %%ebx, %%ebp\n"
                     "1: decl %%eax\n\tjnz 1b\n\t"
                     "xorl %%ebx, %%ecx\n\txorl %%ebx, %%edx\n\t"
                     "xorl %%ebx, %%esi\n\txorl %%ebx, %%edi\n\t"
                     "xorl %%ebx, %%ebp\n\txorl pattern, %%ebx\n\t"
                     "orl %%ecx, %%eax\n\torl %%edx, %%eax\n\t"
                     "orl %%esi, %%eax\n\torl %%edi, %%eax\n\t"
                     "orl %%ebp, %%eax\n\torl %%ebx, %%eax\n\t"
                     "popl %%ebp"
                     : "=a"(wrong), "+b"(held)
                     : "a"(SPIN)
                     : "ecx", "edx", "esi", "edi", "memory", "cc");
    if (wrong)
        broken("a general register changed by itself", pattern, wrong);
}

static u32 read_dr(u32 n)
{
    u32 value = 0;

    if (n == 0)
        __asm__ volatile("movl %%dr0, %0" : "=r"(value));
    if (n == 1)
        __asm__ volatile("movl %%dr1, %0" : "=r"(value));
    if (n == 2)
        __asm__ volatile("movl %%dr2, %0" : "=r"(value));
    if (n == 3)
        __asm__ volatile("movl %%dr3, %0" : "=r"(value));
    return value;
}

static void fill_others(void)
{
    __asm__ volatile("movl %0, %%dr0\n\tmovl %0, %%dr1\n\t"
                     "movl %0, %%dr2\n\tmovl %0, %%dr3"
                     :
                     : "r"(pattern));
    gdt_set(SEL >> 3, (u32)patterned, sizeof(patterned) - 1, ATTR_KDATA);
    for (u32 i = 0; i < ARRAY_LEN(patterned); i++)
        patterned[i] = pattern;
    __asm__ volatile("movl %0, %%fs\n\tmovl %0, %%gs\n\tmovl %0, %%es"
                     :
                     : "r"(SEL));
}

static void check_others(void)
{
    u32 got[3];

    for (u32 n = 0; n < 4; n++)
        if (read_dr(n) != pattern)
            broken("a debug register changed by itself", n, read_dr(n));
    __asm__ volatile("movl %%fs:0, %0\n\tmovl %%gs:4, %1\n\tmovl %%es:8, %2"
                     : "=&r"(got[0]), "=&r"(got[1]), "=&r"(got[2]));
    for (u32 i = 0; i < ARRAY_LEN(got); i++)
        if (got[i] != pattern)
            broken("a segment register changed by itself", i, got[i]);
}

/* CR4.OSXSAVE is out of reach, so these are undefined. */
static void upper_halves(void)
{
    LEAP(".byte 0xc5, 0xfc, 0x77", "i"(0)); /* vzeroall */
    if (leap.f.vector == VECTOR_LANDED)
        broken("AVX works without XSAVE", leap.f.eip, 0);
    LEAP(".byte 0xc5, 0xfc, 0x11, 0x03", "b"(state)); /* vmovups [ebx], ymm0 */
    if (leap.f.vector == VECTOR_LANDED)
        broken("AVX works without XSAVE", leap.f.eip, 0);
}

void attack(void)
{
    u32 stamp;

    __asm__ volatile("movl %0, %%cr4" : : "r"(CR4_OSFXSR | CR4_OSXMMEXCPT));
    as_at_power_on();
    __asm__ volatile("rdtsc" : "=a"(stamp) : : "edx");
    pattern = stamp * 0x9e3779b1u | 1;
    fill();
    fill_others();
    for (u32 i = 0; i < ROUNDS; i++) {
        spin();
        attempts(FXSAVE_END / 4 + 16);
        fxsave(state);
        compare(mine, "an FPU or SSE register changed by itself");
        check_others();
    }
    leap_init();
    upper_halves();
    world_check();
}
