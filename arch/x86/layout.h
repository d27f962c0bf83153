/* SPDX-License-Identifier: MIT
 *
 * Where the VMM's half of the linear address space lies. The lower half is
 * the guest's, all 4 GiB of it, and holds nothing of the VMM.
 *
 *   0xffff800000000000  physmap: machine address a is at PHYSMAP + a,
 *                       read-write, no-execute, all RAM up to PHYSMAP_MAX
 *                       and at least the low 4 GiB (devices: uncached)
 *   0xffffff0000000000  one page, 4 GiB of it over and over: where a stack
 *                       pointer can have any upper half (enter.S)
 *   0xffffffff80000000  the VMM image, linked at + 1 MiB, loaded at 1 MiB
 *
 * All are above the 4 GiB that compatibility-mode code can address, global,
 * and reachable from every page-table root (entries 256..511 are shared).
 * Usable from assembly and the linker script as plain numbers.
 */
#ifndef X86_LAYOUT_H
#define X86_LAYOUT_H

#define PHYSMAP     0xffff800000000000
#define PHYSMAP_MAX 0x1000000000 /* 64 GiB */
#define VMM_BASE    0xffffffff80000000
#define ANY_STACK   0xffffff0000000000

#define LOW_4G     0x100000000
#define LARGE_SIZE 0x200000

#define VMM_STACK_SIZE  0x10000
#define TRAP_STACK_SIZE 0x1000

#ifndef __ASSEMBLER__
#include "vmm/base/types.h"

static inline void *physmap(hpa_t at)
{
    return (void *)(uintptr_t)(PHYSMAP + at.v);
}

static inline hpa_t physmap_hpa(const void *at)
{
    return hpa((u64)(uintptr_t)at - PHYSMAP);
}

/* The machine address of something in the VMM image. */
static inline hpa_t image_hpa(const void *at)
{
    return hpa((u64)(uintptr_t)at - VMM_BASE);
}
#endif

#endif
