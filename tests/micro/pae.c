/* SPDX-License-Identifier: MIT
 *
 * PAE paging: three levels of 64-bit entries, 2 MiB pages, directory pointers
 * that are registers, reserved bits, A and D, and ring 3 on top of it.
 *
 * QEMU's translator has no registers for the directory pointers: it reads them
 * from memory each time, marks them as accessed and never refuses one; and it
 * leaves P out of the error code for reserved bits. A bad pointer tells; the
 * rest is then left out.
 *
 * SDM vol. 3A 4.4, 4.7, 4.8, 4.10.4.
 */
#include "tests/micro/lib/micro.h"

#define LARGE     0x200000u
#define SMALL_PDE 3u /* the fourth 2 MiB, through a table */
#define AT        (SMALL_PDE * LARGE + 5 * 4096)
#define ALL       (PTE_P | PTE_W | PTE_U)
#define HIGH_RSVD 0x80000000u /* bit 63: XD, which is not enabled */

static bool by_the_book; /* not by QEMU's translator */

typedef volatile u32 entry[2]; /* low, high */

static entry pdpt[4] __attribute__((aligned(32)));
static entry dir[512] __attribute__((aligned(4096)));
static entry table[512] __attribute__((aligned(4096)));
static volatile u32 page_a[1024] __attribute__((aligned(4096)));
static volatile u32 page_b[1024] __attribute__((aligned(4096)));

static void put(volatile u32 *e, u32 low, u32 high)
{
    e[0] = low;
    e[1] = high;
}

static void show(u32 low, u32 high)
{
    put(table[5], low, high);
    invlpg(AT);
}

static void pae_on(void)
{
    put(pdpt[0], (u32)dir | PTE_P, 0);
    for (u32 i = 0; i < 4; i++)
        put(dir[i], i * LARGE | ALL | PTE_PS, 0);
    put(dir[SMALL_PDE], (u32)table | ALL, 0);
    for (u32 i = 0; i < 512; i++)
        put(table[i], (SMALL_PDE * LARGE + i * 4096) | ALL, 0);
    write_cr3((u32)pdpt);
    write_cr4(read_cr4() | CR4_PAE);
    write_cr0(read_cr0() | CR0_PG | CR0_WP);
}

static void translations(void)
{
    page_a[0] = 'a';
    page_b[0] = 'b';
    show((u32)page_a | ALL, 0);
    EXPECT_EQ(peek(AT), 'a', "a 4 KiB page");
    show((u32)page_b | ALL, 0);
    EXPECT_EQ(peek(AT), 'b', "behind INVLPG");
    put(dir[SMALL_PDE], ((u32)page_a & ~(LARGE - 1)) | ALL | PTE_PS, 0);
    invlpg(AT);
    EXPECT_EQ(peek(SMALL_PDE * LARGE + ((u32)page_a & (LARGE - 1))), 'a',
              "a 2 MiB page");
    put(dir[SMALL_PDE], (u32)table | ALL, 0);
    write_cr3(read_cr3());
    EXPECT_EQ(peek(AT), 'b', "a table again behind a load of CR3");
}

static void marks(void)
{
    show((u32)page_a | ALL, 0);
    EXPECT_EQ(table[5][0] & (PTE_A | PTE_D), 0, "A and D at first");
    (void)peek(AT);
    EXPECT_EQ(table[5][0] & (PTE_A | PTE_D), PTE_A, "A and D behind a load");
    poke(AT, 1);
    EXPECT_EQ(table[5][0] & (PTE_A | PTE_D), PTE_A | PTE_D,
              "A and D behind a store");
    EXPECT(dir[SMALL_PDE][0] & PTE_A, "the directory entry has no A");
    if (by_the_book)
        EXPECT_EQ(pdpt[0][0], (u32)dir | PTE_P, "the directory pointer");
}

#define FAULTS(code, error, what)                                              \
    do {                                                                       \
        CATCH(code, : "r"(AT) : "eax");                                        \
        EXPECT_TRAP(TRAP_PF, error, 0, what);                                  \
        EXPECT_EQ(caught.cr2, AT, "CR2 of " what);                             \
    } while (0)
#define LOAD  "movl (%0), %%eax"
#define STORE "movl %%eax, (%0)"

static void faults(void)
{
    show(0, 0);
    FAULTS(LOAD, 0, "a load from a missing page");
    FAULTS(STORE, PF_WRITE, "a store to a missing page");
    show((u32)page_a | PTE_P, 0);
    FAULTS(STORE, PF_PRESENT | PF_WRITE, "a store to a read-only page");
}

static void reserved_bits(void)
{
    show((u32)page_a | ALL, HIGH_RSVD);
    FAULTS(LOAD, PF_PRESENT | PF_RSVD, "a load through a reserved bit");
    show((u32)page_a | ALL, 0);
    put(dir[SMALL_PDE], LARGE | ALL | PTE_PS | 0x2000, 0);
    write_cr3(read_cr3());
    FAULTS(STORE, PF_PRESENT | PF_WRITE | PF_RSVD, "a bad 2 MiB page");
    put(dir[SMALL_PDE], (u32)table | ALL, 0);
    write_cr3(read_cr3());
}

static bool refuses_bad_pointers(void)
{
    put(pdpt[2], 2 | PTE_P, 0); /* reserved bit 1 */
    CATCH("movl %0, %%cr3", : "r"(pdpt));
    put(pdpt[2], 0, 0);
    write_cr3((u32)pdpt);
    return caught.count == 1 && caught.f.vector == TRAP_GP;
}

static void directory_pointers(void)
{
    put(pdpt[1], (u32)dir | PTE_P, 0);
    CATCH("movl (%0), %%eax", : "r"(0x40000000) : "eax");
    EXPECT_TRAP(TRAP_PF, 0, 0, "a directory pointer that is not loaded yet");
    write_cr3((u32)pdpt);
    page_a[1] = 'c';
    EXPECT_EQ(peek(0x40000000 + (u32)&page_a[1]), 'c', "the second GiB");
    put(pdpt[1], 0, 0);
    EXPECT_EQ(peek(0x40000000 + (u32)&page_a[1]), 'c',
              "directory pointers are registers");
    write_cr3((u32)pdpt);
}

static u32 user(void)
{
    u32 seen = peek(AT);

    CATCH("movl %%eax, (%0)", : "r"(AT));
    return seen;
}

static void ring_3_runs(void)
{
    page_a[0] = 'u';
    show((u32)page_a | PTE_P | PTE_U, 0);
    EXPECT_EQ(ring3(user), 'u', "what ring 3 reads");
    EXPECT_TRAP(TRAP_PF, PF_PRESENT | PF_WRITE | PF_USER, 0,
                "a store of ring 3");
}

void test(void)
{
    pae_on();
    by_the_book = refuses_bad_pointers();
    translations();
    marks();
    faults();
    ring_3_runs();
    if (by_the_book) {
        reserved_bits();
        directory_pointers();
    }
    write_cr0(read_cr0() & ~CR0_PG);
    write_cr4(read_cr4() & ~(u32)CR4_PAE);
}
