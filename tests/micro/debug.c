/* SPDX-License-Identifier: MIT
 *
 * Debug registers: an instruction breakpoint is a fault before it, a data
 * breakpoint a trap behind the access; DR6 names which; RF in the frame lets
 * an IRET step over the former; disabled ones do nothing.
 *
 * SDM vol. 3B 17.2, 17.3.
 */
#include "tests/micro/lib/micro.h"

#define DR7_L(n)       (1u << 2 * (n))
#define DR7_WRITE4(n)  (0xdu << (16 + 4 * (n))) /* write, four bytes */
#define DR7_ACCESS4(n) (0xfu << (16 + 4 * (n))) /* read or write */
#define DR6_HIT(n)     (1u << (n))

static u32 word, hits, last_dr6, last_eip;

#define SET_DR(n, v) __asm__ volatile("movl %0, %%dr" #n : : "r"(v) : "memory")

static u32 read_dr6(void)
{
    u32 v;

    __asm__ volatile("movl %%dr6, %0" : "=r"(v) : : "memory");
    return v;
}

static u32 read_dr7(void)
{
    u32 v;

    __asm__ volatile("movl %%dr7, %0" : "=r"(v) : : "memory");
    return v;
}

static void on_debug(struct frame *f)
{
    hits++;
    last_eip = f->eip;
    last_dr6 = read_dr6();
    SET_DR(6, 0);
    f->eflags |= EFLAGS_RF;
}

u32 spot; /* where the breakpoints of code() and data() belong */

static __attribute__((noinline, noclone)) u32 code(void)
{
    __asm__ volatile("movl $1f, spot\n\t movl $2, %%eax\n"
                     "1: incl %%eax"
                     :
                     :
                     : "eax", "memory", "cc");
    return hits;
}

static __attribute__((noinline, noclone)) u32 data(void)
{
    __asm__ volatile("movl $1f, spot\n\t movl $5, %0\n"
                     "1: nop"
                     : "=m"(word)
                     :
                     : "memory");
    return hits;
}

static void instruction(u32 (*run)(u32 (*fn)(void)), const char *what)
{
    hits = 0;
    code();
    SET_DR(0, spot);
    SET_DR(7, DR7_FIXED | DR7_L(0));
    EXPECT_EQ(run(code), 1, what);
    EXPECT_EQ(last_eip, spot, "EIP of an instruction breakpoint");
    EXPECT_EQ(last_dr6 & (DR6_HITS | DR6_BS), DR6_HIT(0),
              "DR6 of an instruction breakpoint");
    SET_DR(7, DR7_FIXED);
    EXPECT_EQ(run(code), 1, "hits once it is disabled");
}

static void access(u32 (*run)(u32 (*fn)(void)), const char *what)
{
    hits = 0;
    SET_DR(2, &word);
    SET_DR(7, DR7_FIXED | DR7_L(2) | DR7_WRITE4(2));
    EXPECT_EQ(run(data), 1, what);
    EXPECT_EQ(last_eip, spot, "EIP of a data breakpoint");
    EXPECT_EQ(last_dr6 & (DR6_HITS | DR6_BS), DR6_HIT(2),
              "DR6 of a data breakpoint");
    peek((u32)&word);
    EXPECT_EQ(hits, 1, "hits after a read of a word watched for writes");
    SET_DR(7, DR7_FIXED | DR7_L(2) | DR7_ACCESS4(2));
    peek((u32)&word);
    EXPECT_EQ(hits, 2, "hits after a read of a word watched for both");
    SET_DR(7, DR7_FIXED);
    EXPECT_EQ(run(data), 2, "hits once it is disabled");
}

static u32 directly(u32 (*fn)(void))
{
    return fn();
}

void test(void)
{
    u32 v;

    handlers[TRAP_DB] = on_debug;
    SET_DR(6, 0);
    SET_DR(1, 0x12345678);
    __asm__ volatile("movl %%dr1, %0" : "=r"(v));
    EXPECT_EQ(v, 0x12345678, "DR1 as written");
    SET_DR(7, DR7_FIXED | DR7_L(3));
    EXPECT_EQ(read_dr7(), DR7_FIXED | DR7_L(3), "DR7 as written");
    SET_DR(7, DR7_FIXED);
    instruction(directly, "hits of an instruction breakpoint in ring 0");
    instruction(ring3, "hits of an instruction breakpoint in ring 3");
    access(directly, "hits of a data breakpoint in ring 0");
    access(ring3, "hits of a data breakpoint in ring 3");
    EXPECT_EQ(read_dr6() & (DR6_HITS | DR6_BS), 0, "DR6 as cleared");
}
