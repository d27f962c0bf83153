/* SPDX-License-Identifier: MIT
 *
 * Accessed and dirty bits: a read sets A in both levels, a write sets D in
 * the table too, a refused access sets no D; cleared bits are set again after
 * INVLPG, and nothing else of the entry ever changes.
 *
 * SDM vol. 3A 4.8.
 */
#include "tests/micro/lib/micro.h"

static u8 page[PAGE_SIZE] __attribute__((aligned(4096)));

#define BITS (PTE_A | PTE_D)
#define AT   ((u32)page)

static void clear(void)
{
    *pte_of(AT) &= ~BITS;
    invlpg(AT);
}

static u32 bits(void)
{
    return *(volatile u32 *)pte_of(AT) & BITS;
}

static u32 user_write(void)
{
    CATCH("movl %%eax, (%0)", : "r"(AT));
    return caught.count;
}

void test(void)
{
    u32 *entry = pte_of(AT), *pde = &page_dir[AT >> 22];

    paging_on();
    clear();
    EXPECT_EQ(bits(), 0, "A and D before any access");
    peek(AT);
    EXPECT_EQ(bits(), PTE_A, "A and D after a read");
    poke(AT, 1);
    EXPECT_EQ(bits(), PTE_A | PTE_D, "A and D after a write");
    EXPECT(*(volatile u32 *)pde & PTE_A, "A of the directory is not set");
    EXPECT(!(*(volatile u32 *)pde & PTE_D), "D of the directory is set");
    clear();
    EXPECT_EQ(bits(), 0, "A and D after clearing");
    poke(AT, 2);
    EXPECT_EQ(bits(), PTE_A | PTE_D, "A and D after a write at once");
    *entry = (*entry & ~(BITS | PTE_W)) | PTE_AVAIL;
    invlpg(AT);
    ring3(user_write);
    EXPECT_EQ(caught.count, 1, "faults of a refused write");
    EXPECT(!(bits() & PTE_D), "a refused write sets D");
    EXPECT_EQ(*entry & ~PTE_A, AT | PTE_P | PTE_U | PTE_AVAIL,
              "the rest of the entry");
    *entry |= PTE_W;
    invlpg(AT);
    ring3(user_write);
    EXPECT_EQ(caught.count, 0, "faults of an allowed write");
    EXPECT_EQ(bits(), PTE_A | PTE_D, "A and D after ring 3 wrote");
    for (u32 i = 0; i < 50; i++) {
        clear();
        peek(AT);
        EXPECT_EQ(bits(), PTE_A, "A and D after a read, again");
        *entry &= ~PTE_A;
        write_cr3(read_cr3());
        poke(AT, i);
        EXPECT_EQ(bits(), PTE_A | PTE_D, "A and D after a write, again");
    }
}
