/* SPDX-License-Identifier: MIT
 *
 * Page tables that are made of themselves: a directory all of whose entries
 * point to itself, with every right; two that point to each other; each of
 * many frames in turn as directory, as table of another, as data, freed and
 * taken again at another level, until the VMM's memory for shadows is used up
 * many times over, and then some more.
 *
 * At every step the mapping must be what the entries say.
 *
 * SDM vol. 3A 4.3.
 */
#include "tests/attack/mem.h"

ATTACK("It builds page tables out of themselves and of each other, frees them "
       "and uses them at other levels, until all shadow memory is used up.");

#define KERNEL 2u   /* entries that map the guest itself */
#define FRAMES 160u /* times 1024 entries: far more than a shadow holds */
#define REACH  24u  /* directory entries touched in one directory */
#define ROUNDS 3u
#define NUMBER 1000u /* word of a frame that holds its number, not present */
#define TAG(n) ((n) << 8)

static u32 frames[FRAMES][TABLE] __attribute__((aligned(PAGE_SIZE)));

static void make_kernel(u32 *frame)
{
    page_clear(frame);
    for (u32 i = 0; i < KERNEL; i++)
        frame[i] = page_dir[i];
}

static void expect(u32 at, u32 want, const char *sentence)
{
    u32 got;

    if (!load(at, &got))
        broken("a page that is mapped faults", at, caught.f.error);
    if (got != want)
        broken(sentence, at, got);
}

/* Every entry but the kernel's is the directory itself: each page of linear
 * space but the kernel's maps it, or what its first entries name. */
static void fractal(void)
{
    static const u32 rights[] = {RIGHTS, PTE_P | PTE_W, PTE_P | PTE_U, PTE_P};
    u32 *self = frames[0];

    for (u32 r = 0; r < ARRAY_LEN(rights); r++) {
        make_kernel(self);
        for (u32 i = KERNEL; i < TABLE; i++)
            self[i] = (u32)self | rights[r];
        self[NUMBER] = TAG(7);
        write_cr3((u32)self);
        for (u32 i = 0; i < 1500; i++) {
            u32 pde = KERNEL + random_below(NUMBER - KERNEL);
            u32 pte = KERNEL + random_below(NUMBER - KERNEL);
            u32 at = pde << 22 | pte << PAGE_SHIFT;
            expect(at + NUMBER * 4, TAG(7), "a fractal is broken");
            if ((r < 2) != store(at + NUMBER * 4, TAG(7)) &&
                (read_cr0() & CR0_WP))
                broken("a right in a fractal", at, rights[r]);
        }
        write_cr3((u32)page_dir);
    }
}

/* One entry of a fractal is changed by way of itself. */
static void fractal_edits(void)
{
    u32 *self = frames[0];

    make_kernel(self);
    for (u32 i = KERNEL; i < TABLE; i++)
        self[i] = (u32)self | RIGHTS;
    self[NUMBER] = TAG(7);
    write_cr3((u32)self);
    for (u32 i = 0; i < 800; i++) {
        u32 entry = KERNEL + random_below(NUMBER - KERNEL);
        u32 other = KERNEL + random_below(NUMBER - KERNEL);
        u32 at = other << 22 | other << PAGE_SHIFT, value;
        if (other == entry)
            continue;
        if (!store(at + entry * 4, 0))
            broken("a fractal cannot write itself", at, entry);
        flush_all();
        if (load(entry << 22, &value) ||
            load(other << 22 | entry << PAGE_SHIFT, &value))
            broken("an entry that is gone still maps", entry, value);
        if (!store(at + entry * 4, (u32)self | RIGHTS))
            broken("a fractal cannot write itself", at, entry);
        expect((entry << 22 | other << PAGE_SHIFT) + NUMBER * 4, TAG(7),
               "an entry that came back maps something else");
    }
    write_cr3((u32)page_dir);
}

/* Directory d has all frames as tables; each frame as a table has all frames
 * as pages: 160 directories of 160 tables, all of the same 160 frames. */
static void everyone_everything(void)
{
    for (u32 f = 0; f < FRAMES; f++) {
        make_kernel(frames[f]);
        for (u32 i = 0; i < FRAMES; i++)
            frames[f][KERNEL + i] = (u32)frames[(f + i) % FRAMES] | RIGHTS;
        frames[f][NUMBER] = TAG(f);
    }
    for (u32 n = 0; n < ROUNDS * FRAMES; n++) {
        u32 d = n * 7 % FRAMES;
        write_cr3((u32)frames[d]);
        for (u32 k = 0; k < REACH; k++) {
            u32 t = random_below(FRAMES), p = random_below(FRAMES);
            expect(((KERNEL + t) << 22 | (KERNEL + p) << PAGE_SHIFT) +
                       NUMBER * 4,
                   TAG((d + t + p) % FRAMES), "one of many tables");
        }
    }
    write_cr3((u32)page_dir);
}

/* A frame is a directory, then data, then a table, then data. */
static void reused(void)
{
    for (u32 n = 0; n < ROUNDS * FRAMES; n++) {
        u32 *dir = frames[n % FRAMES], *table = frames[(n + 1) % FRAMES];
        u32 *data = frames[(n + 2) % FRAMES], at = 5u << 22 | 9u << PAGE_SHIFT;
        make_kernel(dir);
        page_clear(table);
        dir[5] = (u32)table | RIGHTS;
        table[9] = (u32)data | RIGHTS;
        data[NUMBER] = TAG(n);
        write_cr3((u32)dir);
        expect(at + NUMBER * 4, TAG(n), "a directory that was a table");
        store(at + NUMBER * 4, TAG(n + 1));
        if (data[NUMBER] != TAG(n + 1))
            broken("a write by reused tables", n, data[NUMBER]);
        write_cr3((u32)page_dir);
        for (u32 i = 0; i < TABLE; i += 16)
            dir[i] = table[i] = n; /* data now */
        if (dir[16] != n || table[32] != n)
            broken("a table that became data", n, dir[16]);
    }
}

void attack(void)
{
    paging_on();
    write_cr0(read_cr0() | CR0_WP);
    fractal();
    fractal_edits();
    everyone_everything();
    reused();
}
