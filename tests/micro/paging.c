/* SPDX-License-Identifier: MIT
 *
 * Who may do what to a page: present, writable and user bits of both levels
 * decide, CR0.WP decides for ring 0's writes, and the error code and CR2 say
 * what was refused.
 *
 * SDM vol. 3A 4.6, 4.7.
 */
#include "tests/micro/lib/micro.h"

static u8 pages[4 * PAGE_SIZE] __attribute__((aligned(4096)));

#define PAGE(n) ((u32)pages + (n)*PAGE_SIZE)

static void set(u32 n, u32 flags)
{
    *pte_of(PAGE(n)) = PAGE(n) | flags;
    invlpg(PAGE(n));
}

static u32 target;

static u32 read_it(void)
{
    CATCH("movl (%0), %%eax", : "r"(target) : "eax");
    return caught.count;
}

static u32 write_it(void)
{
    CATCH("movl %%eax, (%0)", : "r"(target));
    return caught.count;
}

static u32 run_it(void)
{
    CATCH("jmp *%0", : "r"(target));
    return caught.count;
}

static void refuses(u32 error, const char *what)
{
    EXPECT_EQ(caught.count, 1, what);
    EXPECT_EQ(caught.f.vector, TRAP_PF, what);
    EXPECT_EQ(caught.f.error, error, what);
    EXPECT_EQ(caught.cr2, target, "CR2");
}

static void in_ring0(void)
{
    target = PAGE(0) + 0x123;
    set(0, 0);
    read_it();
    refuses(0, "ring 0 reads a page not present");
    write_it();
    refuses(PF_WRITE, "ring 0 writes a page not present");
    set(0, PTE_P);
    read_it();
    EXPECT_NO_TRAP("ring 0 reads a supervisor page");
    write_it();
    EXPECT_NO_TRAP("ring 0 writes a read-only page with WP = 0");
    write_cr0(read_cr0() | CR0_WP);
    write_it();
    refuses(PF_PRESENT | PF_WRITE, "ring 0 writes a read-only page, WP = 1");
    set(0, PTE_P | PTE_U);
    write_it();
    refuses(PF_PRESENT | PF_WRITE, "ring 0 writes a read-only user page");
    write_cr0(read_cr0() & ~CR0_WP);
    write_it();
    EXPECT_NO_TRAP("ring 0 writes a read-only user page with WP = 0");
    set(0, PTE_P | PTE_W);
    write_it();
    EXPECT_NO_TRAP("ring 0 writes a supervisor page");
}

static void in_ring3(u32 wp)
{
    write_cr0((read_cr0() & ~CR0_WP) | wp);
    target = PAGE(1) + 0x456;
    set(1, 0);
    ring3(read_it);
    refuses(PF_USER, "ring 3 reads a page not present");
    ring3(write_it);
    refuses(PF_USER | PF_WRITE, "ring 3 writes a page not present");
    set(1, PTE_P | PTE_W);
    ring3(read_it);
    refuses(PF_USER | PF_PRESENT, "ring 3 reads a supervisor page");
    ring3(write_it);
    refuses(PF_USER | PF_PRESENT | PF_WRITE, "ring 3 writes it");
    ring3(run_it);
    refuses(PF_USER | PF_PRESENT, "ring 3 runs a supervisor page");
    EXPECT_EQ(caught.f.eip, target, "EIP of a refused fetch");
    set(1, PTE_P | PTE_U);
    ring3(read_it);
    EXPECT_NO_TRAP("ring 3 reads a read-only page");
    ring3(write_it);
    refuses(PF_USER | PF_PRESENT | PF_WRITE, "ring 3 writes a read-only page");
    /* ring 0 writes it with WP = 0, and ring 3 still must not */
    if (!wp) {
        write_it();
        EXPECT_NO_TRAP("ring 0 writes what ring 3 may only read");
        ring3(write_it);
        refuses(PF_USER | PF_PRESENT | PF_WRITE, "ring 3 after ring 0 wrote");
    }
    set(1, PTE_P | PTE_W | PTE_U);
    ring3(write_it);
    EXPECT_NO_TRAP("ring 3 writes an open page");
    write_cr0(read_cr0() & ~CR0_WP);
}

/* The directory's bits narrow what the table's bits allow. */
static void directory(void)
{
    static u32 table[1024] __attribute__((aligned(4096)));
    u32 window = 0x40000000, *slot = &page_dir[window >> 22];

    target = window + 8;
    table[0] = PAGE(2) | PTE_P | PTE_W | PTE_U;
    *slot = (u32)table | PTE_P | PTE_U;
    ring3(read_it);
    EXPECT_NO_TRAP("ring 3 reads under a read-only directory entry");
    ring3(write_it);
    refuses(PF_USER | PF_PRESENT | PF_WRITE, "ring 3 writes under it");
    *slot = (u32)table | PTE_P | PTE_W;
    invlpg(window);
    ring3(read_it);
    refuses(PF_USER | PF_PRESENT, "ring 3 under a supervisor directory entry");
    write_it();
    EXPECT_NO_TRAP("ring 0 under a supervisor directory entry");
    *slot = 0;
    invlpg(window);
    read_it();
    refuses(0, "ring 0 under an empty directory entry");
}

void test(void)
{
    paging_on();
    in_ring0();
    in_ring3(0);
    in_ring3(CR0_WP);
    directory();
}
