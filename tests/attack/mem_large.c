/* SPDX-License-Identifier: MIT
 *
 * Large pages that are half in and half out of this guest's memory, over
 * device memory, over the whole physical space, over its own page tables;
 * the same address by a large page and by small ones in turn; CR4.PSE cleared
 * while large pages are live; reserved bits of directory entries.
 *
 * SDM vol. 3A 4.3, 4.10.4.
 */
#include "tests/attack/mem.h"

ATTACK("It maps large pages over the edge of its memory, over devices and over "
       "page tables in use, and changes between page sizes.");

#define LARGE  0xc0000000u
#define SPACE  0x50000000u
#define STEP   (61u << 6) /* bytes between the words that are read */
#define ROUNDS 300u
#define FRAMES 8u

static u32 table[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 small[TABLE] __attribute__((aligned(PAGE_SIZE)));
static u32 frames[FRAMES][TABLE] __attribute__((aligned(PAGE_SIZE)));

static void set_pde(u32 at, u32 entry)
{
    page_dir[at >> 22] = entry;
    invlpg(at + random_below(LARGE32_SIZE)); /* any address of it will do */
}

/* Reads all over one large page. */
static void look(u32 entry)
{
    u32 value;

    set_pde(LARGE, entry);
    for (u32 offset = 0; offset < LARGE32_SIZE; offset += STEP) {
        if (load(LARGE + (offset & ~3u), &value))
            saw((entry & PDE32_LARGE) + offset, value);
    }
}

/* All 1024 large pages; those behind the first, where nothing of the guest
 * can be for a memory of 8 MiB, are written as well. */
static void everywhere(void)
{
    for (u32 at = 0; at < TABLE; at++) {
        set_pde(LARGE, at << 22 | RIGHTS | PTE_PS);
        for (u32 k = 0; k < 3; k++) {
            u32 offset = random_below(LARGE32_SIZE) & ~3u, value;
            if (!load(LARGE + offset, &value))
                continue;
            saw(at << 22 | offset, value);
            if (at >= 2 && at < 1000)
                store(LARGE + offset, at);
        }
    }
    for (u32 at = 0; at < 4; at++)
        look(at << 22 | RIGHTS | PTE_PS);
    for (u32 at = 1019; at < TABLE; at++)
        look(at << 22 | RIGHTS | PTE_PS);
}

/* Bits that are reserved on some processors and an address on others. */
static void reserved(void)
{
    for (u32 bit = PAGE_SHIFT; bit < 22; bit++) {
        u32 value;
        set_pde(LARGE, 1u << bit | RIGHTS | PTE_PS);
        if (load(LARGE + (u32)frames[0], &value))
            saw(bit, value);
        else if (!(caught.f.error & PF_RSVD))
            broken("a reserved bit raises the wrong fault", bit,
                   caught.f.error);
    }
}

/* The same address by a large page and by small ones. */
static void sizes(void)
{
    for (u32 i = 0; i < ROUNDS; i++) {
        u32 index = random_below(FRAMES), other = random_below(FRAMES), got;
        u32 at = LARGE + (u32)frames[index];
        set_pde(LARGE, RIGHTS | PTE_PS);
        flush_all(); /* INVLPG would only drop one of the small pages */
        if (!load(at, &got) || got != index || !store(at, index))
            broken("a large page", at, got);
        small[(u32)frames[index] >> PAGE_SHIFT & 1023] =
            (u32)frames[other] | RIGHTS;
        set_pde(LARGE, (u32)small | RIGHTS);
        if (!load(at, &got) || got != other || !store(at, other))
            broken("a small page where a large one was", at, got);
        if (load(at + FRAMES * PAGE_SIZE, &got))
            broken("a large page is still there", at, got);
    }
    set_pde(LARGE, 0);
    flush_all();
}

/* Without PSE the same entry is a table: the page at its address. */
static void toggled(void)
{
    for (u32 i = 0; i < ROUNDS; i++) {
        u32 at = LARGE + (u32)frames[1], got;
        set_pde(LARGE, RIGHTS | PTE_PS);
        if (!load(at, &got) || got != 1)
            broken("a large page under PSE", at, got);
        write_cr4(read_cr4() & ~CR4_PSE);
        if (load(at, &got)) /* frame 0 as a table */
            saw(at, got);
        set_pde(LARGE, (u32)small | RIGHTS | PTE_PS);
        small[(u32)frames[1] >> PAGE_SHIFT & 1023] = (u32)frames[2] | RIGHTS;
        invlpg(at);
        if (!load(at, &got) || got != 2)
            broken("a table whose entry has PS, without PSE", at, got);
        set_pde(LARGE, RIGHTS | PTE_PS);
        write_cr4(read_cr4() | CR4_PSE);
        if (!load(at, &got) || got != 1)
            broken("a large page after PSE came back", at, got);
    }
}

/* The large page covers the page table of other pages in use, its own
 * directory, and itself. */
static void over_tables(void)
{
    set_pde(LARGE, RIGHTS | PTE_PS);
    page_dir[SPACE >> 22] = (u32)table | RIGHTS;
    for (u32 i = 0; i < ROUNDS; i++) {
        u32 page = random_below(TABLE), frame = random_below(FRAMES), got;
        u32 at = SPACE + (page << PAGE_SHIFT);
        if (!store(LARGE + (u32)&table[page], (u32)frames[frame] | RIGHTS))
            broken("a table under a large page cannot be written", at, page);
        invlpg(at);
        if (!load(at, &got) || got != frame)
            broken("a table written by a large page", at, got);
        if (store(at, frame) != ((page_dir[SPACE >> 22] & PTE_W) != 0))
            broken("a right of a directory under a large page", at, frame);
        if (!store(LARGE + (u32)&table[page], 0))
            broken("a table in use cannot be written", at, page);
        invlpg(at);
        if (load(at, &got))
            broken("an unmapped page is still there", at, got);
        /* the directory entry of the large page, through the large page */
        if (!store(LARGE + (u32)&page_dir[LARGE >> 22], RIGHTS | PTE_PS))
            broken("a large page cannot write its own entry", i, 0);
        if (!store(LARGE + (u32)&page_dir[SPACE >> 22],
                   i & 1 ? (u32)table | RIGHTS : (u32)table | PTE_P | PTE_U))
            broken("a directory under a large page cannot be written", i, 0);
        invlpg(SPACE);
    }
}

void attack(void)
{
    for (u32 f = 0; f < FRAMES; f++)
        frames[f][0] = f;
    paging_on();
    write_cr0(read_cr0() | CR0_WP);
    write_cr4(read_cr4() | CR4_PSE);
    everywhere();
    reserved();
    sizes();
    toggled();
    over_tables();
}
