/* SPDX-License-Identifier: MIT
 *
 * Hare's disk: what is where. The boot sector, the kernel, the image maker
 * (scripts/disk.py) and the swapper agree here; assembly reads this too.
 *
 *   sector 0   the boot sector, which ends in 55 AA; zeros on a disk that
 *              only swaps and does not boot
 *   sector 1   the header below: it says that the disk is Hare's
 *   ...        the kernel, an ELF file, from kernel_start
 *   ...        the swap area, raw pages, from swap_start
 *
 * Both parts begin on a multiple of DISK_ALIGN sectors, which is a page. A
 * part whose number of sectors is 0 is not there. The 128 words of the header
 * add up to 0; so a header cut short is none. Only a disk with a good header
 * is ever written, and only inside its swap area: all but the header's maker
 * treat it as read-only. Whoever reads it checks that a part lies inside the
 * disk; `sectors` is what the maker knew of its size.
 */
#ifndef HARE_DISK_H
#define HARE_DISK_H

#define DISK_SECTOR        512
#define DISK_ALIGN         8
#define DISK_HEADER_SECTOR 1
#define DISK_MAGIC_0       0x65726148 /* "Hare" */
#define DISK_MAGIC_1       0x6b736964 /* "disk" */
#define DISK_CMDLINE_SIZE  256

/* Offsets in the header, for assembly. */
#define DISK_MAGIC        0
#define DISK_KERNEL_START 16
#define DISK_CMDLINE      256

#ifndef __ASSEMBLY__
#include "guest/include/types.h"

struct disk_header {
    u32 magic[2];
    u32 sum;     /* makes the sum of all words 0 */
    u32 sectors; /* of the whole disk */
    u32 kernel_start, kernel_sectors;
    u32 swap_start, swap_sectors;
    u32 reserved[56];                /* 0 */
    char cmdline[DISK_CMDLINE_SIZE]; /* of the kernel; ends in 0 */
};

_Static_assert(sizeof(struct disk_header) == DISK_SECTOR, "one sector");
_Static_assert(__builtin_offsetof(struct disk_header, kernel_start) ==
                       DISK_KERNEL_START &&
                   __builtin_offsetof(struct disk_header, cmdline) ==
                       DISK_CMDLINE,
               "what assembly reads is where C puts it");
#endif

#endif
