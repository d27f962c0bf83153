/* SPDX-License-Identifier: MIT
 *
 * Boot memory: what is reserved is never handed out, whatever the order and
 * overlap of the loader's ranges, and nothing is handed out twice.
 *
 * LINKS: vmm/base
 */
#include "arch/x86/boot/bootmem.c"
#include "tests/unit/unit.h"

#define MIB 0x100000ull

static struct bootmem m;

static void pc(void)
{
    m = (struct bootmem){0};
    bootmem_add(&m, hpa(0), hpa(0x9fc00));
    bootmem_add(&m, hpa(MIB), hpa(64 * MIB));
}

static bool is_free(u64 at)
{
    for (u32 i = 0; i < m.free.count; i++) {
        if (at >= m.free.range[i].start && at < m.free.range[i].end)
            return true;
    }
    return false;
}

static u64 free_bytes(void)
{
    u64 sum = 0;

    for (u32 i = 0; i < m.free.count; i++)
        sum += m.free.range[i].end - m.free.range[i].start;
    return sum;
}

static void adds_whole_pages(void)
{
    pc();
    EXPECT_EQ(bootmem_total(&m), 0x9f000 + 63 * MIB);
    EXPECT_EQ(bootmem_top(&m).v, 64 * MIB);
    EXPECT(!is_free(0x9f000));
    m = (struct bootmem){0};
    bootmem_add(&m, hpa(0x1001), hpa(0x1fff));
    bootmem_add(&m, hpa(0x5000), hpa(0x4000));
    bootmem_add(&m, hpa(~0ull - 100), hpa(~0ull));
    EXPECT_EQ(m.ram.count, 0);
}

static void leaves_out_what_the_physmap_lacks(void)
{
    m = (struct bootmem){0};
    bootmem_add(&m, hpa(PHYSMAP_MAX - MIB), hpa(PHYSMAP_MAX + MIB));
    bootmem_add(&m, hpa(2 * PHYSMAP_MAX), hpa(2 * PHYSMAP_MAX + MIB));
    EXPECT_EQ(bootmem_total(&m), MIB);
    EXPECT_EQ(bootmem_top(&m).v, PHYSMAP_MAX);
}

static void overlaps_count_once(void)
{
    m = (struct bootmem){0};
    bootmem_add(&m, hpa(MIB), hpa(4 * MIB));
    bootmem_add(&m, hpa(2 * MIB), hpa(3 * MIB));
    bootmem_add(&m, hpa(3 * MIB), hpa(5 * MIB));
    EXPECT_EQ(free_bytes(), 4 * MIB);
}

static void reserves_at_each_edge(void)
{
    pc();
    bootmem_reserve(&m, hpa(MIB), hpa(2 * MIB));             /* start */
    bootmem_reserve(&m, hpa(63 * MIB), hpa(65 * MIB));       /* end */
    bootmem_reserve(&m, hpa(8 * MIB + 5), hpa(8 * MIB + 6)); /* a byte */
    bootmem_reserve(&m, hpa(0), hpa(MIB));                   /* a whole range */
    bootmem_reserve(&m, hpa(9 * MIB), hpa(9 * MIB));         /* nothing */
    EXPECT(!is_free(0x1000));
    EXPECT(!is_free(2 * MIB - 1));
    EXPECT(is_free(2 * MIB));
    EXPECT(is_free(8 * MIB - 1));
    EXPECT(!is_free(8 * MIB));
    EXPECT(!is_free(8 * MIB + 4095));
    EXPECT(is_free(8 * MIB + 4096));
    EXPECT(is_free(9 * MIB));
    EXPECT(is_free(63 * MIB - 1));
    EXPECT(!is_free(63 * MIB));
    EXPECT_EQ(free_bytes(), 61 * MIB - 4096);
}

static void alloc_avoids_reserved_memory(void)
{
    hpa_t got;
    u64 before;

    pc();
    bootmem_reserve(&m, hpa(0), hpa(3 * MIB));
    bootmem_reserve(&m, hpa(3 * MIB + 4096), hpa(10 * MIB));
    before = free_bytes();
    EXPECT(bootmem_alloc(&m, 1, &got));
    EXPECT_EQ(got.v, 3 * MIB);
    EXPECT(bootmem_alloc(&m, MIB, &got));
    EXPECT_EQ(got.v, 10 * MIB);
    EXPECT(bootmem_alloc(&m, 4097, &got));
    EXPECT_EQ(got.v, 11 * MIB);
    EXPECT_EQ(free_bytes(), before - 4096 - MIB - 8192);
    EXPECT(!bootmem_alloc(&m, 64 * MIB, &got));
}

static void alloc_stays_below_4_gib(void)
{
    hpa_t got;

    m = (struct bootmem){0};
    bootmem_add(&m, hpa(LOW_4G), hpa(LOW_4G + MIB));
    EXPECT(!bootmem_alloc(&m, 4096, &got));
    bootmem_add(&m, hpa(LOW_4G - 8192), hpa(LOW_4G));
    EXPECT(!bootmem_alloc(&m, 3 * 4096, &got));
    EXPECT(bootmem_alloc(&m, 2 * 4096, &got));
    EXPECT_EQ(got.v, LOW_4G - 8192);
}

static void knows_ram_from_holes(void)
{
    pc();
    bootmem_reserve(&m, hpa(0), hpa(64 * MIB));
    EXPECT(bootmem_is_ram(&m, hpa(0), hpa(2 * MIB)));
    EXPECT(bootmem_is_ram(&m, hpa(62 * MIB), hpa(64 * MIB)));
    EXPECT(!bootmem_is_ram(&m, hpa(64 * MIB), hpa(66 * MIB)));
    EXPECT(!bootmem_is_ram(&m, hpa(0xa0000), hpa(0xb0000)));
}

static void the_end_of_all_addresses(void)
{
    pc();
    bootmem_reserve(&m, hpa(63 * MIB), hpa(UINT64_MAX));
    EXPECT(is_free(63 * MIB - 1));
    EXPECT_EQ(m.free.range[m.free.count - 1].end, 63 * MIB);
    bootmem_add(&m, hpa(UINT64_MAX - 5), hpa(UINT64_MAX));
    bootmem_add(&m, hpa(UINT64_MAX), hpa(5));
    EXPECT_EQ(bootmem_top(&m).v, 64 * MIB);
}

/* Too many pieces: memory is lost, but nothing is free that should not be. */
static void a_full_list_only_loses(void)
{
    m = (struct bootmem){0};
    bootmem_add(&m, hpa(MIB), hpa(64 * MIB));
    for (u64 i = 1; i < 300; i++)
        bootmem_reserve(&m, hpa(MIB + i * 8192), hpa(MIB + i * 8192 + 1));
    EXPECT(m.free.count <= RANGES_MAX);
    for (u64 i = 1; i < 300; i++)
        EXPECT(!is_free(MIB + i * 8192));
}

/* Random maps, page by page: free is what is wholly RAM and in no part
 * reserved. Bytes of the world: 64 pages. */
static void random_maps_match_a_model(void)
{
    enum { PAGES = 64, BYTES = PAGES * 4096 };
    static u8 ram[BYTES], kept[BYTES];
    u32 seed = 1;

    for (u32 round = 0; round < 40; round++) {
        m = (struct bootmem){0};
        memset(ram, 0, sizeof(ram));
        memset(kept, 0, sizeof(kept));
        for (u32 i = 0; i < 12; i++) {
            u32 from = (seed = seed * 1664525 + 1013904223) >> 14;
            u32 bytes = (seed = seed * 1664525 + 1013904223) >> 17;
            bool add = i < 6;
            u32 whole = (from + 4095) / 4096 * 4096;
            bytes = bytes < BYTES - from ? bytes : BYTES - from;
            if (!add) {
                bootmem_reserve(&m, hpa(from), hpa(from + bytes));
                memset(kept + from, 1, bytes);
                continue;
            }
            bootmem_add(&m, hpa(from), hpa(from + bytes));
            for (u32 at = whole; at + 4096 <= from + bytes; at += 4096)
                memset(ram + at, 1, 4096);
        }
        for (u32 at = 0; at < BYTES; at += 4096)
            EXPECT_EQ(is_free(at), ram[at] && !memchr(kept + at, 1, 4096));
    }
}

static const struct unit_case cases[] = {
    CASE(adds_whole_pages),
    CASE(leaves_out_what_the_physmap_lacks),
    CASE(overlaps_count_once),
    CASE(reserves_at_each_edge),
    CASE(alloc_avoids_reserved_memory),
    CASE(alloc_stays_below_4_gib),
    CASE(knows_ram_from_holes),
    CASE(the_end_of_all_addresses),
    CASE(random_maps_match_a_model),
    CASE(a_full_list_only_loses),
};
UNIT_MAIN(cases)
