/* SPDX-License-Identifier: MIT
 *
 * Physical pages: one byte for each, how many hold it.
 *
 * A page is taken with one holder; fork, shared text and whoever reads it
 * while it may go away hold it, too, and the last one to drop it frees it.
 * The bytes lie behind the kernel, as many as the machine has pages.
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
#include "guest/kernel/swap.h"

#define MIB         0x100000
#define MAX_HOLDERS 255

extern u8 kernel_end[];

static u8 *holders;    /* of each frame */
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
    end = (mib - 1) * (MIB / PAGE_SIZE);
    holders = kernel_end;
    first = (va_to_pa(kernel_end) + end + PAGE_MASK) / PAGE_SIZE;
    memset(holders, 0, end);
    hint = first;
    free_count = end - first;
}

u32 frame_alloc(void)
{
    for (u32 f = hint; f < end; f++) {
        if (holders[f])
            continue;
        holders[f] = 1;
        hint = f + 1;
        free_count--;
        memset(pa_to_va(f * PAGE_SIZE), 0, PAGE_SIZE);
        return f * PAGE_SIZE;
    }
    hint = end;
    return 0;
}

void *frames_run(u32 bytes)
{
    u32 n = (bytes + PAGE_MASK) / PAGE_SIZE, run = 0;

    for (u32 f = first; f < end; f++) {
        run = holders[f] ? 0 : run + 1;
        if (run < n)
            continue;
        f -= n - 1;
        memset(&holders[f], 1, n);
        free_count -= n;
        return memset(pa_to_va(f * PAGE_SIZE), 0, n * PAGE_SIZE);
    }
    return NULL;
}

static u8 *holders_of(u32 pa)
{
    u32 f = pa / PAGE_SIZE;

    if (f < first || f >= end || !holders[f])
        panic("the kernel named page 0x%08x, which it had not taken.", pa);
    return &holders[f];
}

void frame_hold(u32 pa)
{
    u8 *n = holders_of(pa);

    if (*n == MAX_HOLDERS)
        panic("page 0x%08x has %u holders already.", pa, *n);
    ++*n;
}

void frame_drop(u32 pa)
{
    if (--*holders_of(pa))
        return;
    swap_gone(pa);
    free_count++;
    if (pa / PAGE_SIZE < hint)
        hint = pa / PAGE_SIZE;
}

u32 frame_holders(u32 pa)
{
    return *holders_of(pa);
}

u32 frames_shared(void)
{
    u32 n = 0;

    for (u32 f = first; f < end; f++)
        n += holders[f] > 1;
    return n;
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
