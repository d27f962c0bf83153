/* SPDX-License-Identifier: MIT
 *
 * A disk in machine frames: sizes, what is copied, that nothing of its past
 * or of a module's end is on it, too little memory at each point, and that
 * every frame comes back.
 * LINKS: vmm/mm vmm/base
 */
#include "tests/unit/unit.h"
#include "vmm/mm/disk.h"

#define COUNT 2048u
#define OWNER 3

static u8 arena[COUNT * PAGE_SIZE] __attribute__((aligned(4096)));
static struct frame info[COUNT];
static struct frames f;
static struct disk disk;
static u8 data[3 * PAGE_SIZE];

static void begin(void)
{
    memset(arena, 0xaa, sizeof(arena));
    for (u32 i = 0; i < sizeof(data); i++)
        data[i] = (u8)(i / 251 + i);
    frames_init(&f, arena, info, COUNT);
    frames_add(&f, hpa(PAGE_SIZE), hpa(sizeof(arena)));
}

static u32 zeros_from(u32 lba)
{
    u32 n = 0;

    for (; lba < disk.sectors; lba++)
        for (u32 i = 0; i < DISK_SECTOR; i++)
            n += disk_sector(&disk, lba)[i] != 0;
    return n;
}

static void what_a_module_brings_is_copied(void)
{
    begin();
    EXPECT(disk_make(&disk, &f, OWNER, 5000, data, 5000));
    EXPECT_EQ(disk.sectors, 10);
    EXPECT_EQ(disk_frames(&disk), 3);
    for (u32 i = 0; i < 9; i++)
        EXPECT(!memcmp(disk_sector(&disk, i), data + i * DISK_SECTOR,
                       DISK_SECTOR));
    EXPECT(!memcmp(disk_sector(&disk, 9), data + 9 * DISK_SECTOR, 5000 % 512));
    EXPECT_EQ(disk_sector(&disk, 9)[5000 % 512], 0);
    data[0] ^= 1;
    EXPECT(disk_sector(&disk, 0)[0] != data[0]);
    disk_destroy(&disk);
}

static void the_rest_is_zero(void)
{
    begin();
    EXPECT(disk_make(&disk, &f, OWNER, 64 << 10, data, 512));
    EXPECT_EQ(disk.sectors, 128);
    EXPECT_EQ(zeros_from(1), 0);
    memset(disk_sector(&disk, 100), 0x55, DISK_SECTOR);
    disk_destroy(&disk);
    EXPECT(disk_make(&disk, &f, OWNER, 64 << 10, NULL, 0));
    EXPECT_EQ(zeros_from(0), 0);
    disk_destroy(&disk);
}

/* Two tables: 1024 pages are in the first. */
static void every_sector_is_another_place(void)
{
    u32 sectors = (1024 + 3) * 8;

    begin();
    EXPECT(disk_make(&disk, &f, OWNER, sectors * 512ull, NULL, 0));
    EXPECT_EQ(disk_frames(&disk), 1027 + 2);
    EXPECT_EQ(frames_owned(&f, OWNER, FRAME_DISK), 1029);
    EXPECT_EQ(disk_frames_of(sectors * 512ull), 1029);
    for (u32 i = 0; i < sectors; i++)
        memset(disk_sector(&disk, i), (int)(i * 7 % 255 + 1), DISK_SECTOR);
    for (u32 i = 0; i < sectors; i++)
        EXPECT_EQ(disk_sector(&disk, i)[i % DISK_SECTOR], i * 7 % 255 + 1);
    EXPECT_EQ(frames_audit(&f, 1u << OWNER, NULL), 0);
    disk_destroy(&disk);
    EXPECT_EQ(frames_owned(&f, OWNER, FRAME_DISK), 0);
    EXPECT_EQ(disk.sectors, 0);
    disk_destroy(&disk);
    EXPECT_EQ(disk_frames(&disk), 0);
}

/* However many there are. */
static void all_or_nothing(void)
{
    mfn_t m;

    for (u32 have = 0; have < 20; have++) {
        u32 before;
        begin();
        while (f.nfree > have)
            EXPECT(frame_alloc(&f, FRAME_GUEST, OWNER, &m));
        before = f.nfree;
        EXPECT_EQ(disk_make(&disk, &f, OWNER, 64 << 10, data, 100), have >= 17);
        EXPECT_EQ(frames_owned(&f, OWNER, FRAME_DISK), have >= 17 ? 17 : 0);
        disk_destroy(&disk);
        EXPECT_EQ(f.nfree, before);
    }
}

/* The second table, and not the page it is for. */
static void a_table_without_its_page(void)
{
    mfn_t m;

    begin();
    while (f.nfree > 1024 + 1 + 1)
        EXPECT(frame_alloc(&f, FRAME_GUEST, OWNER, &m));
    EXPECT(!disk_make(&disk, &f, OWNER, 1025 * PAGE_SIZE, NULL, 0));
    EXPECT_EQ(f.nfree, 1026);
}

static const struct unit_case cases[] = {
    CASE(what_a_module_brings_is_copied), CASE(the_rest_is_zero),
    CASE(every_sector_is_another_place),  CASE(all_or_nothing),
    CASE(a_table_without_its_page),
};

int main(void)
{
    return unit_main(cases, sizeof(cases) / sizeof(cases[0]));
}
