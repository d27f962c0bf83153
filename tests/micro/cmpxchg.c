/* SPDX-License-Identifier: MIT
 *
 * Locked and compound instructions on ordinary memory and on a page that is
 * traced because it holds a page table: CMPXCHG, CMPXCHG8B, XADD, XCHG, BTS
 * give the same results and flags in both.
 *
 * SDM vol. 2A.
 */
#include "tests/micro/lib/micro.h"

static u32 plain[1024] __attribute__((aligned(4096)));

static bool cmpxchg(u32 *at, u32 old, u32 new)
{
    u8 zf;

    __asm__ volatile("lock cmpxchgl %3, %0\n\t setz %1"
                     : "+m"(*at), "=q"(zf), "+a"(old)
                     : "r"(new)
                     : "memory", "cc");
    return zf;
}

static bool cmpxchg8b(u64 *at, u64 *old, u64 new)
{
    u32 lo = (u32)*old, hi = (u32)(*old >> 32);
    u8 zf;

    __asm__ volatile("lock cmpxchg8b (%3)\n\t setz %0"
                     : "=q"(zf), "+a"(lo), "+d"(hi)
                     : "S"(at), "b"((u32) new), "c"((u32)(new >> 32))
                     : "memory", "cc");
    *old = (u64)hi << 32 | lo;
    return zf;
}

static void all(u32 *words)
{
    u64 old = 0x1111111122222222;
    u32 v = 5;
    u8 carry;

    words[0] = 7;
    words[4] = 0;
    EXPECT(cmpxchg(words, 7, 9), "CMPXCHG with the equal value leaves ZF = 0");
    EXPECT_EQ(words[0], 9, "the word after CMPXCHG");
    EXPECT(!cmpxchg(words, 7, 1), "CMPXCHG with another sets ZF");
    EXPECT_EQ(words[0], 9, "the word after CMPXCHG that failed");
    words[2] = 0x22222222;
    words[3] = 0x11111111;
    EXPECT(cmpxchg8b((u64 *)&words[2], &old, 0x3333333344444444),
           "CMPXCHG8B with the equal value leaves ZF = 0");
    EXPECT_EQ(words[2], 0x44444444, "the low word after CMPXCHG8B");
    EXPECT_EQ(words[3], 0x33333333, "the high word after CMPXCHG8B");
    EXPECT(!cmpxchg8b((u64 *)&words[2], &old, 0),
           "CMPXCHG8B with another sets ZF");
    EXPECT_EQ(old, 0x44444444, "EAX after CMPXCHG8B that failed");
    EXPECT_EQ(old >> 32, 0x33333333, "EDX after CMPXCHG8B that failed");
    __asm__ volatile("lock xaddl %0, %1" : "+r"(v), "+m"(words[0]));
    EXPECT_EQ(v, 9, "what XADD returns");
    EXPECT_EQ(words[0], 14, "the word after XADD");
    __asm__ volatile("xchgl %0, %1" : "+r"(v), "+m"(words[0]));
    EXPECT_EQ(v, 14, "what XCHG returns");
    __asm__ volatile("lock btsl $37, %1\n\t setc %0"
                     : "=q"(carry), "+m"(words[0])
                     :
                     : "memory", "cc");
    EXPECT_EQ(words[0], 9 | 1 << 5, "the word after BTS by an immediate");
    EXPECT_EQ(carry, 0, "CF of BTS");
    __asm__ volatile("btsl %2, %1\n\t setc %0"
                     : "=q"(carry), "+m"(words[0])
                     : "r"(2 * 32 + 2)
                     : "memory", "cc");
    EXPECT_EQ(carry, 1, "CF of BTS by a register, two words on");
    __asm__ volatile("incw %0\n\t negb 3+%0" : "+m"(words[4]) : : "cc");
    EXPECT_EQ(words[4], 1, "a word after INCW and NEGB");
    words[4] = 0;
}

void test(void)
{
    u32 *unused = page_tables[1] + 1000; /* of a page nobody touches */

    all(plain);
    paging_on();
    all(plain);
    all(unused);
    CATCH("lock cmpxchg8b (%0)", : "r"(0x90000000) : "memory");
    EXPECT_EQ(caught.f.vector, TRAP_PF, "CMPXCHG8B on a page not present");
    EXPECT_EQ(caught.cr2, 0x90000000, "CR2");
}
