/* SPDX-License-Identifier: MIT
 *
 * See disk.h. All frames are taken when the disk is made: a guest that writes
 * to a sector for the first time cannot find the machine out of memory.
 *
 * Invariant: page i is there for i < pages, and the tables that name those
 * pages are there, no others.
 */
#include "vmm/mm/disk.h"
#include "vmm/base/bits.h"
#include "vmm/base/check.h"
#include "vmm/base/str.h"

#define PAGE_SECTORS (PAGE_SIZE / DISK_SECTOR)

static u32 pages_of(u64 bytes)
{
    return (u32)(align_up(bytes, PAGE_SIZE) >> PAGE_SHIFT);
}

static u32 tables_of(u32 pages)
{
    return (pages + DISK_TABLE_PAGES - 1) / DISK_TABLE_PAGES;
}

u32 disk_frames_of(u64 bytes)
{
    return pages_of(bytes) + tables_of(pages_of(bytes));
}

u32 disk_frames(const struct disk *disk)
{
    return disk->pages + tables_of(disk->pages);
}

static mfn_t *entry(const struct disk *disk, u32 page)
{
    mfn_t *table =
        frame_ptr(disk->frames, disk->table[page / DISK_TABLE_PAGES]);

    return &table[page % DISK_TABLE_PAGES];
}

static bool add_page(struct disk *disk, u8 owner)
{
    u32 page = disk->pages, table = page / DISK_TABLE_PAGES;
    mfn_t m;

    if (page % DISK_TABLE_PAGES == 0 &&
        !frame_alloc(disk->frames, FRAME_DISK, owner, &disk->table[table]))
        return false;
    if (!frame_alloc(disk->frames, FRAME_DISK, owner, &m)) {
        if (page % DISK_TABLE_PAGES == 0)
            frame_free(disk->frames, disk->table[table]);
        return false;
    }
    *entry(disk, page) = m;
    disk->pages++;
    return true;
}

static void fill(struct disk *disk, const u8 *data, u64 size)
{
    for (u64 at = 0, n; at < size; at += n) {
        n = min_u64(size - at, PAGE_SIZE);
        memcpy(frame_ptr(disk->frames, *entry(disk, (u32)(at >> PAGE_SHIFT))),
               data + at, n);
    }
}

bool disk_make(struct disk *disk, struct frames *frames, u8 owner, u64 bytes,
               const u8 *data, u64 size)
{
    CHECK(bytes && bytes <= DISK_MAX && size <= bytes);
    *disk = (struct disk){.frames = frames};
    while (disk->pages < pages_of(bytes)) {
        if (add_page(disk, owner))
            continue;
        disk_destroy(disk);
        return false;
    }
    fill(disk, data, size);
    disk->sectors = (u32)((bytes + DISK_SECTOR - 1) / DISK_SECTOR);
    return true;
}

void disk_destroy(struct disk *disk)
{
    for (u32 i = 0; i < disk->pages; i++)
        frame_free(disk->frames, *entry(disk, i));
    for (u32 i = 0; i < tables_of(disk->pages); i++)
        frame_free(disk->frames, disk->table[i]);
    *disk = (struct disk){.pages = 0};
}

u8 *disk_sector(const struct disk *disk, u32 lba)
{
    u8 *page;

    CHECK(lba < disk->sectors);
    page = frame_ptr(disk->frames, *entry(disk, lba / PAGE_SECTORS));
    return page + lba % PAGE_SECTORS * DISK_SECTOR;
}
