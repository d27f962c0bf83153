/* SPDX-License-Identifier: MIT
 *
 * INS and OUTS: counts, steps and directions with and without REP, memory
 * that faults in the middle with the registers saying how far it came, and
 * writes to a read-only page refused.
 *
 * SDM vol. 2A INS, vol. 2B OUTS, REP.
 */
#include "tests/micro/lib/micro.h"

#define NOWHERE 0x5f00
#define SCRATCH (PORT_COM1 + 7)

static u8 pages[2 * PAGE_SIZE] __attribute__((aligned(4096)));
static u32 to, from, count;

#define INS(code)                                                              \
    __asm__ volatile(code : "+D"(to), "+c"(count) : "d"((u16)port) : "memory")
#define OUTS(code)                                                             \
    __asm__ volatile(code                                                      \
                     : "+S"(from), "+c"(count)                                 \
                     : "d"((u16)port)                                          \
                     : "memor"                                                 \
                       "y")

static void reset(u32 n)
{
    for (u32 i = 0; i < sizeof(pages); i++)
        pages[i] = 0;
    to = from = (u32)pages + 16;
    count = n;
}

static u32 ones(void)
{
    u32 n = 0;

    for (u32 i = 0; i < sizeof(pages); i++)
        n += pages[i] == 0xff;
    return n;
}

static void inputs(u16 port)
{
    reset(5);
    INS("rep insb");
    EXPECT_EQ(to, (u32)pages + 21, "EDI after five INSB");
    EXPECT_EQ(count, 0, "ECX after five INSB");
    EXPECT_EQ(ones(), 5, "bytes stored by five INSB");
    reset(3);
    INS("rep insl");
    EXPECT_EQ(to, (u32)pages + 28, "EDI after three INSD");
    EXPECT_EQ(ones(), 12, "bytes stored by three INSD");
    reset(3);
    INS("std\n\t rep insw\n\t cld");
    EXPECT_EQ(to, (u32)pages + 10, "EDI after three INSW downwards");
    EXPECT_EQ(ones(), 6, "bytes stored by three INSW");
    reset(9);
    INS("insb");
    EXPECT_EQ(to, (u32)pages + 17, "EDI after one INSB");
    EXPECT_EQ(count, 9, "ECX after one INSB");
    reset(0);
    INS("rep insb");
    EXPECT_EQ(ones(), 0, "bytes stored by REP INSB with ECX = 0");
}

static void outputs(u16 port)
{
    reset(4);
    for (u32 i = 0; i < 32; i++)
        pages[i] = (u8)i;
    OUTS("rep outsb");
    EXPECT_EQ(from, (u32)pages + 20, "ESI after four OUTSB");
    EXPECT_EQ(count, 0, "ECX after four OUTSB");
    EXPECT_EQ(in8(SCRATCH), 19, "the last of four bytes written");
    count = 2;
    OUTS("std\n\t rep outsb\n\t cld");
    EXPECT_EQ(from, (u32)pages + 18, "ESI after two OUTSB downwards");
    EXPECT_EQ(in8(SCRATCH), 19, "the last of two bytes written downwards");
}

/* The second page is not present: the sixth byte faults. */
static void faults(u16 port)
{
    reset(0);
    *pte_of((u32)pages + PAGE_SIZE) = 0;
    invlpg((u32)pages + PAGE_SIZE);
    to = (u32)pages + PAGE_SIZE - 5;
    CATCH("rep insb", : "D"(to), "c"(9), "d"(port) : "memory");
    EXPECT_TRAP(TRAP_PF, PF_WRITE, 0, "REP INSB across into nothing");
    EXPECT_EQ(caught.f.ecx, 4, "ECX in its frame");
    EXPECT_EQ(caught.f.edi, (u32)pages + PAGE_SIZE, "EDI in its frame");
    EXPECT_EQ(caught.cr2, (u32)pages + PAGE_SIZE, "CR2");
    CATCH("rep outsb", : "S"(to), "c"(9), "d"(port) : "memory");
    EXPECT_TRAP(TRAP_PF, 0, 0, "REP OUTSB across into nothing");
    EXPECT_EQ(caught.f.ecx, 4, "ECX in its frame");
    EXPECT_EQ(caught.f.esi, (u32)pages + PAGE_SIZE, "ESI in its frame");
    *pte_of((u32)pages + PAGE_SIZE) = ((u32)pages + PAGE_SIZE) | PTE_P;
    write_cr0(read_cr0() | CR0_WP);
    to = (u32)pages + PAGE_SIZE - 4;
    CATCH("rep insl", : "D"(to), "c"(2), "d"(port) : "memory");
    EXPECT_TRAP(TRAP_PF, PF_PRESENT | PF_WRITE, 0,
                "REP INSD into a read-only page");
    EXPECT_EQ(caught.f.ecx, 1, "ECX in its frame");
}

void test(void)
{
    inputs(NOWHERE);
    outputs(SCRATCH);
    paging_on();
    inputs(NOWHERE);
    faults(NOWHERE);
}
