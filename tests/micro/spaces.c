/* SPDX-License-Identifier: MIT
 *
 * Many address spaces: each of twenty directories maps the same window to
 * pages of its own, as a fork would leave them; they are switched in turn,
 * written, freed, used as data and made tables again elsewhere.
 *
 * SDM vol. 3A 4.10.4.1.
 */
#include "tests/micro/lib/micro.h"

#define SPACES 20
#define WINDOW 0x40000000
#define ROUNDS 6
#define OPEN   (PTE_P | PTE_W | PTE_U)
#define POOL   0x400000 /* frames from 4 MiB on are nobody's */
#define FRAMES 3        /* a directory, a table, a page */

enum { DIRECTORY, TABLE, DATA };

/* Frames move from part to part with `shift`. */
static u32 frame(u32 space, u32 part, u32 shift)
{
    return POOL + ((space * FRAMES + (part + shift) % FRAMES) << PAGE_SHIFT);
}

static void clear(u32 at)
{
    for (u32 i = 0; i < PAGE_SIZE; i += 4)
        poke(at + i, 0);
}

static void build(u32 space, u32 shift)
{
    u32 dir = frame(space, DIRECTORY, shift);
    u32 table = frame(space, TABLE, shift);
    u32 data = frame(space, DATA, shift);

    clear(dir);
    clear(table);
    clear(data);
    for (u32 i = 0; i < PAGED_MIB / 4; i++)
        poke(dir + 4 * i, page_dir[i]);
    poke(dir + (WINDOW >> 20), table | OPEN);
    poke(table, data | OPEN);
    poke(data, space);
}

static u32 user_counts(void)
{
    poke(WINDOW + 4, peek(WINDOW + 4) + 1);
    return peek(WINDOW);
}

/* Child takes parent's page, both read-only; the child's write faults and
 * gets a copy: what fork does. */
static void share(u32 parent, u32 child, u32 shift)
{
    u32 data = frame(parent, DATA, shift), own = frame(child, DATA, shift);

    poke(frame(parent, TABLE, shift), data | PTE_P | PTE_U);
    poke(frame(child, TABLE, shift), data | PTE_P | PTE_U);
    write_cr3(frame(child, DIRECTORY, shift));
    EXPECT_EQ(peek(WINDOW), parent, "the parent's page in the child");
    CATCH("movl $99, (%0)", : "r"(WINDOW) : "memory");
    EXPECT_TRAP(TRAP_PF, PF_PRESENT | PF_WRITE, 0, "the child's write");
    poke(own, child);
    poke(frame(child, TABLE, shift), own | OPEN);
    invlpg(WINDOW);
    EXPECT_EQ(peek(WINDOW), child, "the child's own page");
    poke(WINDOW, child);
    write_cr3(frame(parent, DIRECTORY, shift));
    EXPECT_EQ(peek(WINDOW), parent, "the parent's page after the copy");
    poke(frame(parent, TABLE, shift), data | OPEN);
    invlpg(WINDOW);
    poke(WINDOW, parent);
}

static void round(u32 shift)
{
    write_cr3((u32)page_dir);
    for (u32 s = 0; s < SPACES; s++)
        build(s, shift);
    for (u32 turn = 0; turn < 3; turn++) {
        for (u32 s = 0; s < SPACES; s++) {
            write_cr3(frame(s, DIRECTORY, shift));
            EXPECT_EQ(ring3(user_counts), s, "the space's number");
        }
    }
    for (u32 s = 0; s + 1 < SPACES; s++)
        share(s, s + 1, shift);
    for (u32 s = 0; s < SPACES; s++)
        EXPECT_EQ(peek(frame(s, DATA, shift) + 4), 3,
                  "how often ring 3 counted");
}

void test(void)
{
    paging_on();
    write_cr0(read_cr0() | CR0_WP);
    for (u32 shift = 0; shift < ROUNDS; shift++)
        round(shift);
    paging_off();
    EXPECT_EQ(peek(frame(7, DATA, ROUNDS - 1)), 7, "a page, paging off");
    paging_on();
    EXPECT_EQ(peek(frame(7, DATA, ROUNDS - 1)), 7, "a page, paging on again");
}
