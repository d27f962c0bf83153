/* SPDX-License-Identifier: MIT
 *
 * The text screen is memory: moves of each width, string moves, pushes, pops
 * and the read-modify-write forms do there what they do in RAM, with the same
 * flags, with paging off and on, and from ring 3.
 *
 * SDM vol. 2; IBM VGA reference for the window at 0xb8000.
 */
#include "tests/micro/lib/micro.h"

static u8 ram[64] __attribute__((aligned(64)));
static volatile u8 *at;
static u32 flags_sum;

static u32 word_at(u32 i)
{
    return *(volatile u32 *)(at + i);
}

static void moves(void)
{
    *(volatile u32 *)at = 0x07420741;
    EXPECT_EQ(word_at(0), 0x07420741, "a dword stored");
    at[1] = 0x1f;
    *(volatile u16 *)(at + 2) = 0x2e43;
    EXPECT_EQ(word_at(0), 0x2e431f41, "a byte and a word stored into it");
    EXPECT_EQ(at[3], 0x2e, "a byte loaded");
    EXPECT_EQ(*(volatile u16 *)(at + 1), 0x431f, "a word loaded across");
    __asm__ volatile("movb $0x77, 4(%0)\n\t movw $0x6655, 5(%0)\n\t"
                     "movb $0x44, 7(%0)"
                     :
                     : "r"(at)
                     : "memory");
    EXPECT_EQ(word_at(4), 0x44665577, "immediates stored");
    EXPECT_EQ((s32)(s8) * (volatile s8 *)(at + 4), 0x77, "MOVSX of a byte");
}

static void strings(void)
{
    u32 to = (u32)at + 8, from = (u32)at, count = 2;

    __asm__ volatile("rep movsl"
                     : "+D"(to), "+S"(from), "+c"(count)
                     :
                     : "memory");
    EXPECT_EQ(word_at(12), 0x44665577, "a dword moved within the window");
    EXPECT_EQ(to - (u32)at, 16, "EDI behind REP MOVSD");
    count = 5;
    __asm__ volatile("rep stosw"
                     : "+D"(to), "+c"(count)
                     : "a"(0x0720)
                     : "memory");
    EXPECT_EQ(word_at(22), 0x07200720, "words stored by REP STOSW");
    from = (u32)at;
    __asm__ volatile("lodsl" : "+S"(from), "=a"(count));
    EXPECT_EQ(count, 0x2e431f41, "what LODSD loads");
    to = (u32)at + 16;
    count = 8;
    __asm__ volatile("repe scasw" : "+D"(to), "+c"(count) : "a"(0x0720) : "cc");
    EXPECT_EQ(count, 2, "ECX behind REPE SCASW");
    from = (u32)at;
    to = (u32)at + 8;
    count = 9;
    __asm__ volatile("repe cmpsb"
                     : "+S"(from), "+D"(to), "+c"(count)
                     :
                     : "memory", "cc");
    EXPECT_EQ(count, 0, "ECX behind REPE CMPSB");
}

/* Adds up the flags each instruction leaves. */
#define FLAGS(code, in)                                                        \
    do {                                                                       \
        u32 flags;                                                             \
        __asm__ volatile(code "\n\t pushfl\n\t popl %0"                        \
                         : "=&r"(flags)                                        \
                         : "r"(at), "q"(in)                                    \
                         : "memory", "cc", "eax");                             \
        flags_sum = flags_sum * 3 + (flags & EFLAGS_STATUS & ~EFLAGS_AF);      \
    } while (0)

static void arithmetic(void)
{
    *(volatile u32 *)(at + 32) = 0x7fffffff;
    FLAGS("addl $1, 32(%1)", 0);
    FLAGS("incw 34(%1)", 0);
    FLAGS("orb $0x0f, 33(%1)", 0);
    FLAGS("subl %2, 32(%1)", 0x1111);
    FLAGS("adcb $0xff, 32(%1)", 0);
    FLAGS("notl 32(%1)", 0);
    FLAGS("negw 32(%1)", 0);
    FLAGS("shll $3, 32(%1)", 0);
    FLAGS("testb $0x80, 35(%1)", 0);
    FLAGS("cmpw $0x1234, 32(%1)", 0);
    FLAGS("btsl $4, 32(%1)", 0);
    FLAGS("xorl %2, 32(%1)", 0x00ff00ff);
    FLAGS("decb 35(%1)", 0);
    FLAGS("sarl $1, 32(%1)", 0);
    FLAGS("xaddl %2, 32(%1)", 0);
    FLAGS("movl $5, %%eax\n\t movl $5, 36(%1)\n\t"
          "cmpxchgl %2, 36(%1)\n\t movl $0, %%eax",
          9);
}

static u32 stack(void)
{
    u32 v = 0x5a5a1234;

    __asm__ volatile("pushl %1\n\t popl 40(%2)\n\t pushl 40(%2)\n\t popl %0\n\t"
                     "xchgl %0, 44(%2)\n\t xchgl %0, 44(%2)\n\t"
                     "movl %%esp, %%ecx\n\t leal 64(%2), %%esp\n\t"
                     "pushl $0x11223344\n\t pushw $0x5566\n\t"
                     "popw 48(%2)\n\t popl 52(%2)\n\t movl %%ecx, %%esp"
                     : "=&r"(v)
                     : "r"(v), "r"(at)
                     : "ecx", "memory");
    EXPECT_EQ(*(volatile u16 *)(at + 48), 0x5566, "a word popped");
    EXPECT_EQ(word_at(52), 0x11223344, "a dword popped");
    EXPECT_EQ(word_at(40), 0x5a5a1234, "a dword popped from the stack");
    return v;
}

/* All of it at one place; a sum that is the same for RAM and screen. */
static u32 all(void)
{
    u32 sum = 0;

    flags_sum = 0;
    for (u32 i = 0; i < sizeof(ram); i += 4)
        *(volatile u32 *)(at + i) = 0;
    moves();
    strings();
    arithmetic();
    sum = stack();
    for (u32 i = 0; i < sizeof(ram); i += 4)
        sum = sum * 31 + word_at(i);
    return sum + flags_sum;
}

void test(void)
{
    u32 want;

    at = ram;
    want = all();
    at = (u8 *)VGA_TEXT;
    EXPECT_EQ(all(), want, "the sum on the screen");
    at = (u8 *)VGA_TEXT + 0xf31;
    EXPECT_EQ(all(), want, "the sum on the screen, unaligned");
    paging_on();
    EXPECT_EQ(all(), want, "the sum on the screen with paging");
    EXPECT_EQ(ring3(all), want, "the sum on the screen from ring 3");
}
