/* SPDX-License-Identifier: MIT
 *
 * Descriptors rewritten in memory count when a register is loaded again, and
 * not before; tables can be moved and shortened by LGDT.
 *
 * The register is read back by what it addresses, never by its selector.
 * SDM vol. 3A 3.4.3.
 */
#include "tests/micro/lib/micro.h"

#define SLOT (GDT_FREE * 8)

static u32 words[4] = {100, 101, 102, 103};
static u32 other[GDT_SIZE][2] __attribute__((aligned(64)));

static void load_fs(u32 selector)
{
    __asm__ volatile("movl %0, %%fs" : : "r"(selector) : "memory");
}

static u32 at_fs(void)
{
    u32 v;

    __asm__ volatile("movl %%fs:0, %0" : "=r"(v) : : "memory");
    return v;
}

static u32 by_fs(u32 selector)
{
    load_fs(selector);
    return at_fs();
}

static void base(u32 (*table)[2], u32 address)
{
    table[GDT_FREE][0] = desc_lo(address, 0xfffff);
    table[GDT_FREE][1] = desc_hi(address, 0xfffff, ATTR_KDATA | ATTR_G);
    barrier();
}

static void load_table(void *table, u32 entries)
{
    struct table_pointer p = {(u16)(entries * 8 - 1), (u32)table};

    __asm__ volatile("lgdt %0" : : "m"(p) : "memory");
}

static void rewriting(void)
{
    for (u32 i = 0; i < 40; i++) {
        base(gdt, (u32)&words[i & 3]);
        EXPECT_EQ(by_fs(SLOT), 100 + (i & 3), "a word by the new base");
    }
    base(gdt, (u32)&words[0]);
    load_fs(SLOT);
    base(gdt, (u32)&words[2]);
    EXPECT_EQ(at_fs(), 100, "a word by the base of before the rewriting");
    load_fs(SLOT);
    EXPECT_EQ(at_fs(), 102, "a word by the base of after it");
    *(volatile u8 *)&gdt[GDT_FREE][0] = 0xff;
    *((volatile u16 *)&gdt[GDT_FREE][0] + 1) = (u16)(u32)&words[3];
    EXPECT_EQ(by_fs(SLOT), 103, "a word by a base written in parts");
    gdt[GDT_FREE][1] &= ~DESC_P;
    barrier();
    CATCH("movl %0, %%fs", : "r"(SLOT));
    EXPECT_TRAP(TRAP_NP, SLOT, 0, "loading a segment not present");
    EXPECT_EQ(at_fs(), 103, "a word by the base kept after #NP");
    gdt[GDT_FREE][1] |= DESC_P;
    barrier();
    EXPECT_EQ(by_fs(SLOT), 103, "a word once the segment is present again");
}

static void moving(void)
{
    for (u32 i = 0; i < GDT_SIZE; i++) {
        other[i][0] = gdt[i][0];
        other[i][1] = gdt[i][1];
    }
    base(other, (u32)&words[1]);
    EXPECT_EQ(by_fs(SLOT), 103, "a word while the other table is filled");
    load_table(other, GDT_SIZE);
    EXPECT_EQ(by_fs(SLOT), 101, "a word by the other table");
    base(gdt, (u32)&words[0]);
    EXPECT_EQ(by_fs(SLOT), 101, "a word while the first table changes");
    load_table(other, GDT_FREE);
    CATCH("movl %0, %%fs", : "r"(SLOT));
    EXPECT_TRAP(TRAP_GP, SLOT, 0, "loading beyond the shortened table");
    load_table(gdt, GDT_SIZE);
    EXPECT_EQ(by_fs(SLOT), 100, "a word by the first table again");
    CATCH("int3", );
    EXPECT_TRAP(TRAP_BP, 0, 1, "INT3 after all that");
}

static u32 user(void)
{
    u32 v;

    __asm__ volatile("movl %1, %%fs\n\t movl %%fs:0, %0"
                     : "=&r"(v)
                     : "r"(SLOT | 3)
                     : "memory");
    return v;
}

void test(void)
{
    rewriting();
    moving();
    for (u32 i = 0; i < 8; i++) {
        gdt_set(GDT_FREE, (u32)&words[i & 3], 3, ATTR_KDATA | ATTR_RING3);
        EXPECT_EQ(ring3(user), 100 + (i & 3), "a word by ring 3's segment");
    }
    load_fs(KDATA);
}
