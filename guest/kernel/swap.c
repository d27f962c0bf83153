/* SPDX-License-Identifier: MIT
 *
 * The swap area: which disk may be written, and what its pages hold.
 *
 * A disk is used when its header says that it is Hare's and names a swap area
 * (disk.h). Any other disk is only read, once; the kernel's word swap=format
 * puts a header on it, unless its first sector says that it boots something.
 * What was in the area before a start is of no use to anybody.
 *
 * A slot is a page of the area. Its holders are the page-table entries that
 * name it, a frame in memory that still has the same bytes, and whoever is
 * reading it; the last one frees it. A slot that could not be written or read
 * is bad: reading it fails, so no program sees bytes that are not its own, and
 * it is not taken again.
 *
 * LIMIT: no more slots than SWAP_TIMES pages for each page of memory, so that
 * the table of slots stays small beside the memory that it serves.
 */
#include "guest/kernel/swap.h"
#include "arch/x86/defs/ata.h"
#include "guest/include/disk.h"
#include "guest/kernel/kernel.h"

#define SLOT_SECTORS (PAGE_SIZE / ATA_SECTOR)
#define SLOT_SHIFT   12
#define SWAP_TIMES   8
#define BAD          0x8000
#define HELD         0x7fff
#define BOOT_MARK    0xaa55 /* in the last word of a sector that boots */

static u16 *holders; /* of each slot, and BAD */
static u32 slots, used, hint;
static u32 start; /* sector */
static u32 reads, writes;

static u16 *holders_of(u32 pte)
{
    u32 slot = pte >> SLOT_SHIFT;

    if (!pte_is_swapped(pte) || slot >= slots || !(holders[slot] & HELD))
        panic("the kernel named slot %u, which it had not taken.", slot);
    return &holders[slot];
}

static u32 sector_of(u32 pte)
{
    return start + (pte >> SLOT_SHIFT) * SLOT_SECTORS;
}

u32 swap_take(void)
{
    while (hint < slots && holders[hint])
        hint++;
    if (hint == slots)
        return SWAP_NONE;
    holders[hint] = 1;
    used++;
    return hint++ << SLOT_SHIFT | SWAP_PTE;
}

void swap_hold(u32 pte)
{
    ++*holders_of(pte);
}

void swap_drop(u32 pte)
{
    u16 *n = holders_of(pte);

    if (--*n & HELD)
        return;
    *n &= BAD;
    used--;
    if (!*n && n < holders + hint)
        hint = (u32)(n - holders);
}

u32 swap_holders(u32 pte)
{
    return *holders_of(pte) & HELD;
}

int swap_is_bad(u32 pte)
{
    return (*holders_of(pte) & BAD) != 0;
}

void swap_write(u32 pte, u32 pa)
{
    writes++;
    if (disk_write(sector_of(pte), pa_to_va(pa), SLOT_SECTORS))
        *holders_of(pte) |= BAD;
}

u32 swap_read(u32 pte)
{
    u32 pa;

    swap_hold(pte); /* until the frame goes its own way */
    pa = frame_obtain();
    if (pa && !swap_is_bad(pte)) {
        reads++;
        if (disk_read(sector_of(pte), pa_to_va(pa), SLOT_SECTORS))
            *holders_of(pte) |= BAD;
    }
    /* Or the page's write failed, while this waited for its turn. */
    if (pa && !swap_is_bad(pte)) {
        evict_cache(pa, pte);
        return pa;
    }
    if (pa)
        frame_drop(pa);
    swap_drop(pte);
    return 0;
}

void swap_tell(struct swap_info *info)
{
    info->slots = slots;
    info->used = used;
    info->reads = reads;
    info->writes = writes;
}

static u32 sum_of(const struct disk_header *h)
{
    const u32 *word = (const u32 *)h;
    u32 sum = 0;

    for (u32 i = 0; i < sizeof(*h) / sizeof(*word); i++)
        sum += word[i];
    return sum;
}

static int is_ours(const struct disk_header *h)
{
    return h->magic[0] == DISK_MAGIC_0 && h->magic[1] == DISK_MAGIC_1 &&
           sum_of(h) == 0;
}

static int is_on_disk(const struct disk_header *h)
{
    u32 disk = disk_sectors();

    return h->swap_start > DISK_HEADER_SECTOR && h->swap_start < disk &&
           h->swap_sectors <= disk - h->swap_start;
}

/* The area is on the disk; is it beside the kernel's file? */
static int is_apart(const struct disk_header *h)
{
    if (h->kernel_start < h->swap_start)
        return h->kernel_sectors <= h->swap_start - h->kernel_start;
    return h->kernel_start - h->swap_start >= h->swap_sectors;
}

static int put_header(struct disk_header *h)
{
    u32 disk = disk_sectors();
    u16 boot[ATA_SECTOR / 2];

    if (disk_read(0, boot, 1))
        return ERR_IO;
    if (boot[ATA_SECTOR / 2 - 1] == BOOT_MARK) {
        printf("hare: the disk boots a system, so it was not formatted.\n");
        return ERR_INVAL;
    }
    if (disk < 2 * DISK_ALIGN) {
        printf("hare: a disk of %u sectors is too small to swap.\n", disk);
        return ERR_INVAL;
    }
    *h = (struct disk_header){
        .magic = {DISK_MAGIC_0, DISK_MAGIC_1},
        .sectors = disk,
        .swap_start = DISK_ALIGN,
        .swap_sectors = disk - DISK_ALIGN,
    };
    h->sum = 0u - sum_of(h);
    return disk_write(DISK_HEADER_SECTOR, h, 1);
}

static int find_area(int may_format)
{
    struct disk_header h;

    if (disk_read(DISK_HEADER_SECTOR, &h, 1))
        return ERR_IO;
    if (!is_ours(&h)) {
        if (!may_format)
            printf("hare: the disk is not Hare's, so it is left alone; "
                   "swap=format makes it so.\n");
        if (!may_format || put_header(&h))
            return ERR_NOENT;
    }
    if (h.swap_sectors && !(is_on_disk(&h) && is_apart(&h))) {
        printf("hare: the disk's header names a swap area beyond the disk or "
               "over the kernel.\n");
        return ERR_INVAL;
    }
    start = h.swap_start;
    slots = h.swap_sectors / SLOT_SECTORS;
    if (slots > SWAP_TIMES * frames_total())
        slots = SWAP_TIMES * frames_total();
    return slots ? 0 : ERR_NOENT;
}

void swap_init(int may_format)
{
    if (disk_init() || find_area(may_format))
        return;
    holders = frames_run(slots * sizeof(*holders));
    if (!holders || evict_init()) {
        slots = 0;
        printf("hare: there is no memory for the tables of swapping.\n");
        return;
    }
    printf("hare: %u pages of swap on the disk\n", slots);
}
