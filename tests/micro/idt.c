/* SPDX-License-Identifier: MIT
 *
 * Handlers installed and installed anew: a gate overwritten in memory counts
 * at once, LIDT to another table counts at once, also when the table is
 * written before it is loaded, half a gate at a time, or by string moves; a
 * vector beyond the limit is #GP.
 *
 * SDM vol. 3A 6.10.
 */
#include "tests/micro/lib/micro.h"

static u32 other[TRAP_VECTORS][2] __attribute__((aligned(4096)));

/* What a vector's gate leads to: the number of the stub. */
static u32 reached(void)
{
    CATCH("int $0x50", );
    return caught.f.vector;
}

static u32 reached_by_ud(void)
{
    CATCH("ud2", );
    return caught.f.vector;
}

static void load(const void *table, u32 vectors)
{
    struct table_pointer p = {(u16)(vectors * 8 - 1), (u32)table};

    __asm__ volatile("lidt %0" : : "m"(p) : "memory");
}

static void copy(void *to, const void *from, u32 words)
{
    __asm__ volatile("rep movsl"
                     : "+D"(to), "+S"(from), "+c"(words)
                     :
                     : "memory");
}

void test(void)
{
    EXPECT_EQ(reached(), 0x50, "the first handler");
    for (u32 v = 0x60; v < 0x70; v++) {
        idt_set(0x50, SYS_INT32, 0, KCODE, stubs[v]);
        EXPECT_EQ(reached(), v, "a handler put in its place");
        EXPECT_EQ(ring3(reached), TRAP_GP, "ring 3 and its gate");
    }
    idt_set(0x50, SYS_INT32, 3, KCODE, stubs[0x50]);
    EXPECT_EQ(ring3(reached), 0x50, "the gate opened to ring 3");
    *(volatile u16 *)&idt[0x50][0] = (u16)stubs[0x71];
    *(volatile u16 *)((u8 *)idt[0x50] + 6) = (u16)(stubs[0x71] >> 16);
    EXPECT_EQ(reached(), 0x71, "a gate written in halves");
    copy(other, idt, 2 * TRAP_VECTORS);
    copy(other[0x50], idt[0x72], 2);
    copy(other[TRAP_UD], idt[0x73], 2);
    EXPECT_EQ(reached(), 0x71, "the handler while the other table is filled");
    load(other, TRAP_VECTORS);
    EXPECT_EQ(reached(), 0x72, "the other table's handler");
    EXPECT_EQ(reached_by_ud(), 0x73, "the other table's #UD");
    copy(idt[0x50], idt[0x74], 2);
    EXPECT_EQ(reached(), 0x72, "the handler while the old table changes");
    copy(other[0x50], idt[0x75], 2);
    EXPECT_EQ(reached(), 0x75, "a gate copied into the live table");
    load(other, 0x50);
    EXPECT_EQ(reached(), TRAP_GP, "a vector beyond the table");
    EXPECT_EQ(caught.f.error, 0x50 * 8 | TRAP_ERR_IDT, "its error code");
    load(idt, TRAP_VECTORS);
    EXPECT_EQ(reached(), 0x74, "the first table again");
    EXPECT_EQ(reached_by_ud(), TRAP_UD, "the first table's #UD");
    idt_set(0x50, SYS_INT32, 0, KDATA, stubs[0x50]);
    EXPECT_EQ(reached(), TRAP_GP, "a gate whose segment is data");
    EXPECT_EQ(caught.f.error, KDATA, "its error code");
    idt_set(0x50, SYS_INT32, 0, 0, stubs[0x50]);
    EXPECT_EQ(reached(), TRAP_GP, "a gate with a null segment");
    EXPECT_EQ(caught.f.error & ~TRAP_ERR_EXT, 0, "its error code");
    idt_set(0x50, SYS_LDT, 0, KCODE, stubs[0x50]);
    EXPECT_EQ(reached(), TRAP_GP, "a gate that is none");
    EXPECT_EQ(caught.f.error, 0x50 * 8 | TRAP_ERR_IDT, "its error code");
}
