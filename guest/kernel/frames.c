/* SPDX-License-Identifier: MIT
 *
 * Physical pages: one bit for each, set while the page is in use.
 *
 * The pool is what lies between the end of the kernel and the end of RAM as
 * the memory map tells it. Firmware tables eat a little at the top, a
 * different amount on every machine; so the size is rounded up to whole MiB
 * and the last MiB is left alone. Then every machine of the same size has
 * the same pool. LIMIT: RAM above MAX_RAM_MIB or above a hole is not used.
 *
 * A search starts where the last one ended, or lower where a page was freed.
 */
#include "arch/x86/defs/multiboot.h"
#include "arch/x86/defs/ports.h"
#include "guest/kernel/kernel.h"

#define MIB        0x100000
#define MAX_FRAMES (MAX_RAM_MIB * (MIB / PAGE_SIZE))

extern u8 kernel_end[];

static u32 used[MAX_FRAMES / 32];
static u32 first, end; /* of the pool, as frame numbers */
static u32 hint;
static u32 free_count;
static u32 mib;

static u32 map_word(u32 at)
{
    u32 word;

    memcpy(&word, boot_data.mmap + at, sizeof(word));
    return word;
}

/* The end of the RAM that begins at or below 1 MiB and goes beyond. */
static u32 ram_end(void)
{
    u32 at = 0, top = 0;

    while (at + MB1_MMAP_SIZE <= boot_data.mmap_bytes) {
        u32 base = map_word(at + MB1_MMAP_BASE);
        u32 size = map_word(at + MB1_MMAP_BYTES);
        u32 high = map_word(at + MB1_MMAP_BASE + 4);

        if (map_word(at + MB1_MMAP_TYPE) == MB_RAM && high == 0 &&
            base <= HIGH_MEMORY && base + size > HIGH_MEMORY)
            top = base + size;
        at += map_word(at) + 4;
    }
    if (top == 0 && boot_data.info[0] & MB1_INFO_MEMORY)
        top = HIGH_MEMORY + boot_data.info[MB1_MEM_UPPER / 4] * 1024;
    return top;
}

void frames_init(void)
{
    mib = ram_end() / MIB + (ram_end() % MIB != 0);
    if (mib > MAX_RAM_MIB)
        mib = MAX_RAM_MIB;
    if (mib < 8)
        panic("the boot loader reports %u MiB of memory; Hare needs 8.", mib);
    first = va_to_pa(kernel_end) / PAGE_SIZE;
    end = (mib - 1) * (MIB / PAGE_SIZE);
    hint = first;
    free_count = end - first;
}

u32 frame_alloc(void)
{
    for (u32 f = hint; f < end; f++) {
        if (used[f / 32] >> f % 32 & 1)
            continue;
        used[f / 32] |= 1u << f % 32;
        hint = f + 1;
        free_count--;
        memset(pa_to_va(f * PAGE_SIZE), 0, PAGE_SIZE);
        return f * PAGE_SIZE;
    }
    return 0;
}

void frame_free(u32 pa)
{
    u32 f = pa / PAGE_SIZE;

    if (f < first || f >= end || !(used[f / 32] >> f % 32 & 1))
        panic("the kernel freed page 0x%08x, which it had not taken.", pa);
    used[f / 32] &= ~(1u << f % 32);
    free_count++;
    if (f < hint)
        hint = f;
}

u32 frames_free_count(void)
{
    return free_count;
}

u32 frames_total(void)
{
    return end - first;
}

u32 frames_mib(void)
{
    return mib;
}
