/* SPDX-License-Identifier: MIT
 *
 * The bytes on a VM's disk, in machine frames.
 *
 * A disk is as private as the VM's memory: its frames come from the pool,
 * zeroed, belong to the VM, and go back with it. What a boot module brings is
 * copied, so that a module is the same for whoever is made from it next, and
 * several VMs may begin with one; a disk may be larger than that, the rest is
 * zeros. No guest can reach the frames: they are in no p2m.
 *
 * Frames are found by two levels: table[] names frames that are full of
 * numbers of frames.
 */
#ifndef MM_DISK_H
#define MM_DISK_H

#include "vmm/mm/frames.h"

#define DISK_SECTOR      512u
#define DISK_MIN         (64u << 10)
#define DISK_MAX         (1u << 30)
#define DISK_TABLE_PAGES (PAGE_SIZE / sizeof(mfn_t))
#define DISK_TABLES      (DISK_MAX / PAGE_SIZE / DISK_TABLE_PAGES)

struct disk {
    struct frames *frames;
    u32 pages;
    u32 sectors; /* 0: there is no disk */
    mfn_t table[DISK_TABLES];
};

/* How many frames a disk of so many bytes takes. */
u32 disk_frames_of(u64 bytes);
/* A disk of `bytes` (at least `size`), whose first ones are these; false when
 * there are not enough frames, and none is kept. */
bool disk_make(struct disk *disk, struct frames *frames, u8 owner, u64 bytes,
               const u8 *data, u64 size);
/* Nothing to do where there is none. */
void disk_destroy(struct disk *disk);
/* Its 512 bytes; lba must be below `sectors`. */
u8 *disk_sector(const struct disk *disk, u32 lba);
/* Frames of FRAME_DISK that it takes. */
u32 disk_frames(const struct disk *disk);

#endif
