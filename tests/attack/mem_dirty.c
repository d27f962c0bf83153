/* SPDX-License-Identifier: MIT
 *
 * Games with accessed and dirty bits and with CR0.WP: bits are cleared behind
 * the processor's back at both levels, in small and large pages, in tables
 * that are mapped read-only, shared by two directories, out of memory and in
 * device memory; rights change between accesses of the kernel, with WP and
 * without, and of ring 3.
 *
 * A bit that was cleared and flushed must be set by the next access; and an
 * access must do what the entries allow at that moment, whoever made the one
 * before.
 *
 * SDM vol. 3A 4.6, 4.8, 4.10.4.
 */
#include "tests/attack/mem.h"

ATTACK("It clears accessed and dirty bits, toggles WP between accesses of "
       "kernel and user, and looks for writes that leave no trace.");

#define SPACE  0x50000000u
#define LARGE  0xc0000000u
#define MARKS  (PTE_A | PTE_D)
#define ROUNDS 4000u
#define PAGES  8u

static u32 table[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 window[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 frames[PAGES][TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 dirs[2][TABLE] __attribute__((aligned(PAGE_SIZE)));

static u32 *pde_of(u32 at)
{
    return (u32 *)(read_cr3() & PTE32_ADDR) + (at >> 22);
}

static bool allowed(u32 both, bool write, bool user)
{
    if (user && !(both & PTE_U))
        return false;
    return !write || (both & PTE_W) || (!user && !(read_cr0() & CR0_WP));
}

static void expect_marks(u32 at, const u32 *entry, u32 marks)
{
    if ((*entry & marks) != marks)
        broken("an access leaves no accessed or dirty bit", at, *entry);
}

/* One access, and what it must do and leave. No INVLPG: the caller knows
 * that nothing is cached that allows less than the tables, or more. */
static void access_now(u32 at, u32 *leaf, bool write, bool user)
{
    u32 *pde = pde_of(at), both = *pde & *leaf, value = at;
    bool through;

    if (write)
        through = user ? user_store(at, at) : store(at, at);
    else
        through = user ? user_load(at, &value) : load(at, &value);
    if (through != allowed(both, write, user))
        broken(through ? "an access that is not allowed is made"
                       : "an access that is allowed faults",
               at, both);
    if (!through && caught.f.error != (PF_PRESENT | (write ? PF_WRITE : 0) |
                                       (user ? PF_USER : 0)))
        broken("the wrong error code", at, caught.f.error);
    if (!through)
        return;
    saw(at, value);
    expect_marks(at, pde, PTE_A);
    expect_marks(at, leaf, write ? MARKS : PTE_A);
}

/* Rights and marks change, WP changes, accesses of both rings mix. Rights are
 * flushed; WP counts at once. */
static void mix(void)
{
    for (u32 i = 0; i < ROUNDS; i++) {
        u32 page = random_below(PAGES), at = SPACE + (page << PAGE_SHIFT);
        u32 what = random32();
        switch (what & 7) {
        case 0:
            table[page] ^= PTE_W;
            invlpg(at);
            break;
        case 1:
            table[page] ^= PTE_U;
            invlpg(at);
            break;
        case 2:
            table[page] &= ~(what >> 8 & MARKS);
            invlpg(at);
            break;
        case 3:
            *pde_of(at) ^= what >> 8 & (PTE_W | PTE_U | PTE_A);
            flush_all();
            break;
        case 4:
            write_cr0(read_cr0() ^ CR0_WP);
            break;
        case 5:
            write_cr3((u32)dirs[what >> 8 & 1]);
            break;
        default:
            break;
        }
        access_now(at, &table[page], what >> 16 & 1, !(what >> 17 & 3));
    }
}

/* The kernel writes a user's read-only page with WP = 0; then WP comes back
 * and nobody may any more. */
static void wp_comes_back(void)
{
    u32 at = SPACE, *leaf = &table[0];

    for (u32 i = 0; i < ROUNDS / 40; i++) {
        *leaf = (u32)frames[0] | PTE_P | PTE_U;
        *pde_of(at) |= RIGHTS;
        flush_all();
        write_cr0(read_cr0() & ~CR0_WP);
        access_now(at, leaf, true, false);
        access_now(at, leaf, false, true);
        access_now(at, leaf, true, true);
        access_now(at, leaf, true, false);
        write_cr0(read_cr0() | CR0_WP);
        access_now(at, leaf, true, false);
        access_now(at, leaf, true, true);
        access_now(at, leaf, false, true);
        attempts(7);
    }
}

/* A large page whose dirty bit comes and goes; both halves of it. */
static void large_pages(void)
{
    u32 *pde = pde_of(LARGE), frame = (u32)frames[0];

    write_cr4(read_cr4() | CR4_PSE);
    for (u32 i = 0; i < ROUNDS / 8; i++) {
        u32 at = LARGE + frame + (random_below(PAGES) << PAGE_SHIFT);
        *pde = RIGHTS | PTE_PS | (random32() & MARKS);
        if (i & 1)
            *pde &= ~(random32() & (PTE_W | PTE_U));
        invlpg(LARGE + (random_below(TABLE) << PAGE_SHIFT));
        access_now(at, pde, random_below(2), random_below(4) == 0);
        access_now(at ^ PAGE_SIZE, pde, random_below(2), false);
    }
    *pde = 0;
    write_cr4(read_cr4() & ~CR4_PSE);
}

/* The table cannot be written by the guest itself, but must be by walks. */
static void read_only_table(void)
{
    u32 *mine = pte_of((u32)table);

    write_cr0(read_cr0() | CR0_WP);
    *mine &= ~PTE_W;
    flush_all();
    if (store((u32)&table[5], 0))
        broken("a read-only table can be written", (u32)table, *mine);
    for (u32 i = 0; i < PAGES; i++)
        access_now(SPACE + (i << PAGE_SHIFT), &table[i], i & 1, false);
    *mine |= PTE_W;
    flush_all();
    for (u32 i = 0; i < PAGES; i++)
        table[i] = (u32)frames[i] | RIGHTS;
    flush_all();
}

/* Tables where no memory is: bits cannot be set there, nor anywhere else. */
static void foreign_tables(void)
{
    static const u32 at[] = {0x000a0000, 0x000b8000, 0x000c8000, 0x000ff000,
                             0x00800000, 0x04000000, 0x7ffff000, 0xfec00000,
                             0xfee00000, 0xfffff000};
    u32 value, here = SPACE + 2 * LARGE32_SIZE;

    for (u32 i = 0; i < ARRAY_LEN(at); i++) {
        for (u32 marks = 0; marks <= MARKS; marks += PTE_A) {
            *pde_of(here) = at[i] | RIGHTS | marks;
            flush_all();
            for (u32 k = 0; k < TABLE; k += 51) {
                if (load(here + (k << PAGE_SHIFT), &value))
                    saw(at[i], value);
            }
        }
        *pde_of(here) = (u32)window | RIGHTS;
        window[i] = at[i] | RIGHTS;
        flush_all();
        if (load(here + (i << PAGE_SHIFT), &value))
            saw(at[i], value);
        if (i != 7 && i != 8 && at[i] != 0x000b8000)
            store(here + (i << PAGE_SHIFT), i);
        expect_marks(here, &window[i], PTE_A);
    }
    *pde_of(here) = 0;
    flush_all();
}

void attack(void)
{
    paging_on();
    for (u32 i = 0; i < PAGES; i++)
        table[i] = (u32)frames[i] | RIGHTS;
    page_dir[SPACE >> 22] = (u32)table | RIGHTS;
    page_copy(dirs[0], page_dir);
    page_copy(dirs[1], page_dir);
    dirs[1][SPACE >> 22] &= ~PTE_U;
    write_cr3((u32)dirs[0]);
    mix();
    write_cr3((u32)dirs[0]);
    wp_comes_back();
    large_pages();
    read_only_table();
    foreign_tables();
    write_cr3((u32)page_dir);
}
