/* SPDX-License-Identifier: MIT
 *
 * A page table of another address space is memory in this one, for stores of
 * the FPU too: a table maps a page, CR3 goes to a directory without it, FISTP
 * overwrites it, and CR3 comes back. A VMM that watches the frame all the
 * time must not depend on knowing the instruction that writes it.
 *
 * SDM vol. 3A 4.10.4.3; vol. 2A FIST/FISTP.
 */
#include "tests/micro/lib/micro.h"

#define WINDOW 0x40000000u /* what the table maps */
#define HERE   5           /* its page that the test looks at */
#define ROUNDS 20

static u32 table[1024] __attribute__((aligned(4096)));
static u32 other_dir[1024] __attribute__((aligned(4096)));
static u32 target[2][1024] __attribute__((aligned(4096)));

static u32 entry_of(u32 which)
{
    return (u32)target[which] | PTE_P | PTE_W | PTE_U;
}

/* Two entries at once, by the FPU. */
static void store(u32 index, u32 lo, u32 hi)
{
    u32 pair[2] = {lo, hi};

    __asm__ volatile("fildll %1\n\t fistpll %0"
                     : "=m"(*(u64 *)&table[index])
                     : "m"(*(u64 *)pair)
                     : "memory");
}

static u32 seen(void)
{
    return peek(WINDOW + HERE * PAGE_SIZE);
}

static void use(bool on)
{
    write_cr3((u32)(on ? other_dir : page_dir));
}

void test(void)
{
    paging_on();
    for (u32 i = 0; i < ARRAY_LEN(other_dir); i++)
        other_dir[i] = page_dir[i];
    other_dir[WINDOW >> 22] = (u32)table | PTE_P | PTE_W | PTE_U;
    __asm__ volatile("fninit");
    target[0][0] = 0x1111;
    target[1][0] = 0x2222;
    for (u32 i = 0; i < ROUNDS; i++) {
        table[HERE] = entry_of(i & 1);
        use(true);
        EXPECT_EQ(seen(), i & 1 ? 0x2222 : 0x1111, "the word behind the table");
        use(false);
        store(HERE - 1, i, entry_of(~i & 1));
        EXPECT_EQ(table[HERE - 1], i, "the FPU's first word");
        use(true);
        EXPECT_EQ(seen(), i & 1 ? 0x1111 : 0x2222, "behind the FPU's entry");
        use(false);
        store(HERE - 1, 0, 0);
    }
    paging_off();
}
