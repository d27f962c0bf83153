/* SPDX-License-Identifier: MIT
 *
 * 4 MiB pages: translation, permissions, A and D in the directory entry,
 * and the change from a large page to a table and back.
 *
 * SDM vol. 3A 4.3.
 */
#include "tests/micro/lib/micro.h"

#define WINDOW 0x80000000
#define LARGE  (PTE_P | PTE_PS | PTE_W | PTE_U)

static u8 page[PAGE_SIZE] __attribute__((aligned(4096)));
static u32 table[1024] __attribute__((aligned(4096)));

static u32 user_write(void)
{
    CATCH("movl %%eax, (%0)", : "r"(WINDOW + (u32)page));
    return caught.count;
}

static u32 entry(u32 slot)
{
    return *(volatile u32 *)&page_dir[slot];
}

void test(void)
{
    u32 slot = WINDOW >> 22, at = WINDOW + (u32)page;

    write_cr4(read_cr4() | CR4_PSE);
    paging_on();
    page_dir[slot] = LARGE;
    poke((u32)page, 0x11111111);
    EXPECT_EQ(peek(at), 0x11111111, "a word through the large page");
    EXPECT_EQ(entry(slot), LARGE | PTE_A, "the entry after a read");
    poke(at, 0x22222222);
    EXPECT_EQ(peek((u32)page), 0x22222222, "a word written through it");
    EXPECT_EQ(entry(slot), LARGE | PTE_A | PTE_D, "the entry after a write");
    page_dir[slot] = LARGE & ~PTE_U;
    invlpg(at);
    ring3(user_write);
    EXPECT_EQ(caught.f.error, PF_PRESENT | PF_WRITE | PF_USER,
              "the error code for ring 3 and a supervisor large page");
    EXPECT_EQ(caught.cr2, at, "CR2 in a large page");
    page_dir[slot] = LARGE & ~PTE_W;
    invlpg(at);
    ring3(user_write);
    EXPECT_EQ(caught.f.error, PF_PRESENT | PF_WRITE | PF_USER,
              "the error code for a read-only large page");
    page_dir[slot] = LARGE;
    invlpg(at);
    EXPECT_EQ(ring3(user_write), 0, "faults in an open large page");
    table[(u32)page >> 12 & 1023] = (u32)table | PTE_P;
    page_dir[slot] = (u32)table | PTE_P | PTE_W;
    invlpg(at);
    EXPECT_EQ(peek(at + ((u32)page >> 10 & 0xffc)) & ~PTE_A, (u32)table | PTE_P,
              "the table through the window it made");
    page_dir[slot] = LARGE;
    write_cr3(read_cr3());
    poke((u32)page, 0x33333333);
    EXPECT_EQ(peek(at), 0x33333333, "the large page after the table");
    /* the whole identical range by large pages, code and stack included */
    page_dir[0] = LARGE;
    page_dir[1] = LARGE | LARGE32_SIZE;
    write_cr3(read_cr3());
    EXPECT_EQ(peek(at), 0x33333333, "a word once all is in large pages");
    EXPECT_EQ(ring3(user_write), 0, "faults once all is in large pages");
}
