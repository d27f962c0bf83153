/* SPDX-License-Identifier: MIT
 *
 * A changed page-table entry counts at the latest from INVLPG or a CR3 load
 * on: remapping, unmapping, narrowing; a widened or newly present entry needs
 * no flush when nothing was cached.
 *
 * SDM vol. 3A 4.10.4.
 */
#include "tests/micro/lib/micro.h"

static u8 pages[2 * PAGE_SIZE] __attribute__((aligned(4096)));
static u32 table[1024] __attribute__((aligned(4096)));

#define A_PAGE ((u32)pages)
#define B_PAGE ((u32)pages + PAGE_SIZE)
#define WINDOW 0x40000000
#define OPEN   (PTE_P | PTE_W | PTE_U)

static void flush(bool by_cr3)
{
    if (by_cr3)
        write_cr3(read_cr3());
    else
        invlpg(WINDOW);
}

static void read_window(void)
{
    CATCH("movl (%0), %%eax", : "r"(WINDOW) : "eax");
}

static void write_window(void)
{
    CATCH("movl $0x77, (%0)", : "r"(WINDOW) : "memory");
}

static void once(bool by_cr3)
{
    table[0] = A_PAGE | OPEN;
    flush(by_cr3);
    EXPECT_EQ(peek(WINDOW), 0xaaaa, "the window on page A");
    table[0] = B_PAGE | OPEN;
    flush(by_cr3);
    EXPECT_EQ(peek(WINDOW), 0xbbbb, "the window on page B");
    table[0] = 0;
    flush(by_cr3);
    read_window();
    EXPECT_TRAP(TRAP_PF, 0, 0, "reading the closed window");
    EXPECT_EQ(caught.cr2, WINDOW, "CR2");
    table[0] = A_PAGE | PTE_P; /* was not present: needs no flush */
    read_window();
    EXPECT_NO_TRAP("reading the window opened again");
    write_window();
    EXPECT_TRAP(TRAP_PF, PF_PRESENT | PF_WRITE, 0, "writing it");
    table[0] = A_PAGE | OPEN;
    flush(by_cr3);
    write_window();
    EXPECT_NO_TRAP("writing the window made writable");
    EXPECT_EQ(peek(A_PAGE), 0x77, "what was written through the window");
    poke(WINDOW, 0xaaaa);
    table[0] = A_PAGE | PTE_P | PTE_A | PTE_D;
    flush(by_cr3);
    write_window();
    EXPECT_TRAP(TRAP_PF, PF_PRESENT | PF_WRITE, 0,
                "writing the window made read-only");
}

/* A new directory entry for a table that was used elsewhere. */
static void directory(void)
{
    static u32 other[1024] __attribute__((aligned(4096)));

    table[0] = A_PAGE | OPEN;
    other[0] = B_PAGE | OPEN;
    flush(true);
    EXPECT_EQ(peek(WINDOW), 0xaaaa, "the window by the first table");
    page_dir[WINDOW >> 22] = (u32)other | OPEN;
    invlpg(WINDOW);
    EXPECT_EQ(peek(WINDOW), 0xbbbb, "the window by the second table");
    page_dir[WINDOW >> 22] = (u32)table | OPEN;
    flush(true);
    EXPECT_EQ(peek(WINDOW), 0xaaaa, "the window by the first table again");
}

void test(void)
{
    paging_on();
    write_cr0(read_cr0() | CR0_WP);
    page_dir[WINDOW >> 22] = (u32)table | OPEN;
    poke(A_PAGE, 0xaaaa);
    poke(B_PAGE, 0xbbbb);
    for (u32 i = 0; i < 50; i++) {
        once(false);
        once(true);
    }
    directory();
}
