/* SPDX-License-Identifier: MIT
 *
 * A local table: segments by LLDT, another table, none; error codes carry
 * the TI bit; ring 3 runs in segments of the LDT.
 *
 * SDM vol. 3A 3.5.1, 3.4.2.
 */
#include "tests/micro/lib/micro.h"

#define LDT_A    (GDT_FREE * 8)
#define LDT_B    (GDT_FREE * 8 + 8)
#define LOCAL(n) ((n)*8 | SEL_TI)
#define LDT_SIZE 4

static u32 ldt_a[LDT_SIZE][2], ldt_b[LDT_SIZE][2];
static u32 words[2] = {0xaaaa, 0xbbbb};

static void lldt(u32 selector)
{
    __asm__ volatile("lldt %w0" : : "r"(selector) : "memory");
}

static void put(u32 (*ldt)[2], u32 slot, u32 base, u32 attr)
{
    ldt[slot][0] = desc_lo(base, 0xfffff);
    ldt[slot][1] = desc_hi(base, 0xfffff, attr | ATTR_G);
    barrier();
}

static u32 by_gs(u32 selector)
{
    u32 v;

    __asm__ volatile("movl %1, %%gs\n\t movl %%gs:0, %0"
                     : "=&r"(v)
                     : "r"(selector)
                     : "memory");
    return v;
}

static void try_gs(u32 selector)
{
    CATCH("movl %0, %%gs", : "r"(selector));
}

static u32 stored_gs(u32 selector)
{
    u32 v;

    __asm__ volatile("movl %1, %%gs\n\t movl %%gs, %0"
                     : "=r"(v)
                     : "r"(selector));
    return v;
}

static u32 user(void)
{
    return by_gs(LOCAL(3) | 3);
}

void test(void)
{
    put(ldt_a, 1, (u32)&words[0], ATTR_KDATA);
    put(ldt_b, 1, (u32)&words[1], ATTR_KDATA);
    put(ldt_a, 3, (u32)&words[0], ATTR_KDATA | ATTR_RING3);
    gdt_set(LDT_A >> 3, (u32)ldt_a, sizeof(ldt_a) - 1, ATTR_P | SYS_LDT);
    gdt_set(LDT_B >> 3, (u32)ldt_b, sizeof(ldt_b) - 1, ATTR_P | SYS_LDT);
    lldt(0);
    try_gs(LOCAL(1));
    EXPECT_TRAP(TRAP_GP, LOCAL(1), 0, "a local segment without an LDT");
    lldt(LDT_A);
    EXPECT_EQ(by_gs(LOCAL(1)), 0xaaaa, "a word by the first LDT");
    put(ldt_a, 0, (u32)&words[1], ATTR_KDATA);
    EXPECT_EQ(by_gs(LOCAL(0)), 0xbbbb, "a word by the LDT's first entry");
    EXPECT_EQ(stored_gs(LOCAL(0)), LOCAL(0), "the selector of that entry");
    lldt(LDT_B);
    EXPECT_EQ(by_gs(LOCAL(1)), 0xbbbb, "a word by the second LDT");
    put(ldt_b, 1, (u32)&words[0], ATTR_KDATA);
    EXPECT_EQ(by_gs(LOCAL(1)), 0xaaaa, "a word by the rewritten entry");
    try_gs(LOCAL(LDT_SIZE));
    EXPECT_TRAP(TRAP_GP, LOCAL(LDT_SIZE), 0, "a segment beyond the LDT");
    ldt_b[1][1] &= ~DESC_P;
    barrier();
    try_gs(LOCAL(1) | 1);
    EXPECT_TRAP(TRAP_GP, LOCAL(1), 0, "RPL 1 for a local segment of DPL 0");
    try_gs(LOCAL(1));
    EXPECT_TRAP(TRAP_NP, LOCAL(1), 0, "a local segment not present");
    lldt(LDT_A);
    EXPECT_EQ(ring3(user), 0xaaaa, "a word by ring 3's local segment");
    CATCH("lldt %w0", : "r"(KDATA));
    EXPECT_TRAP(TRAP_GP, KDATA, 0, "LLDT of a data segment");
    CATCH("lldt %w0", : "r"(LOCAL(1)));
    EXPECT_TRAP(TRAP_GP, LOCAL(1), 0, "LLDT of a local selector");
    gdt[LDT_B >> 3][1] &= ~DESC_P;
    barrier();
    CATCH("lldt %w0", : "r"(LDT_B));
    EXPECT_TRAP(TRAP_NP, LDT_B, 0, "LLDT of a table not present");
    EXPECT_EQ(by_gs(LOCAL(1)), 0xaaaa, "a word after LLDT failed");
    lldt(0);
    try_gs(LOCAL(1));
    EXPECT_TRAP(TRAP_GP, LOCAL(1), 0, "a local segment after LLDT 0");
    by_gs(KDATA);
}
