/* SPDX-License-Identifier: MIT
 *
 * Two-level page tables (SDM vol. 3A 4.3), a directory per process.
 *
 * The upper quarter of every directory is the kernel's and the same in all
 * of them: RAM from physical 0, so that a page table or a program's page is
 * reached by adding KERNEL_BASE. Its tables are made once, here, before any
 * process; so a copy of the kernel's directory entries never grows old. Two
 * more kernel tables, for the checks' pages and the kernel stacks, are ready
 * in the same way.
 *
 * Kernel text and constants are read-only, and CR0.WP makes that count in
 * ring 0. The lower three quarters belong to the process: see space.c.
 */
#include "arch/x86/defs/cpuid.h"
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/regs.h"
#include "guest/kernel/kernel.h"

#define ENTRIES 1024

extern u8 kernel_start[], kernel_readonly_end[];

static u32 *kernel_directory;
static const u32 *used_directory; /* what CR3 says */

static u32 directory_index(u32 va)
{
    return va >> 22;
}

static u32 table_index(u32 va)
{
    return va >> 12 & (ENTRIES - 1);
}

u32 *paging_kernel_directory(void)
{
    return kernel_directory;
}

u32 *paging_entry(u32 *dir, u32 va)
{
    u32 pde = dir[directory_index(va)];

    if (!(pde & PTE_P))
        return NULL;
    return (u32 *)pa_to_va(pde & PTE32_ADDR) + table_index(va);
}

u32 *paging_add_table(u32 *dir, u32 va, u32 pa)
{
    dir[directory_index(va)] = pa | PTE_P | PTE_W | PTE_U;
    return paging_entry(dir, va);
}

static u32 kernel_flags(u32 va)
{
    int readonly = va >= (u32)kernel_start && va < (u32)kernel_readonly_end;

    return readonly ? 0 : PTE_W;
}

static u32 *kernel_entry(u32 va)
{
    u32 *pte = paging_entry(kernel_directory, va), pa;

    if (pte)
        return pte;
    pa = frame_alloc();
    if (!pa)
        panic("there is no memory for the kernel's page tables.");
    return paging_add_table(kernel_directory, va, pa);
}

void paging_init(void)
{
    u32 bytes = frames_mib() << 20;

    kernel_directory = pa_to_va(frame_alloc());
    for (u32 pa = 0; pa < bytes; pa += PAGE_SIZE) {
        u32 va = (u32)pa_to_va(pa);

        *kernel_entry(va) = pa | kernel_flags(va) | PTE_P;
    }
    kernel_entry(CHECK_BASE);
    kernel_entry(KSTACK_BASE);
    if (cpuid_edx(CPUID_FEATURES) & CPUID_1D_PSE)
        write_cr4(read_cr4() | CR4_PSE);
    directory_use(kernel_directory);
}

void paging_show(u32 va, u32 pa)
{
    *kernel_entry(va) = pa | PTE_W | PTE_P;
}

void paging_hide(u32 va)
{
    u32 *pte = kernel_entry(va);

    if (!(*pte & PTE_P))
        return;
    frame_drop(*pte & PTE32_ADDR);
    *pte = 0;
    invlpg(va);
}

void directory_use(u32 *dir)
{
    used_directory = dir;
    write_cr3(va_to_pa(dir));
}

int directory_is_used(const u32 *dir)
{
    return dir == used_directory;
}

u32 *directory_new(u32 pa)
{
    u32 *dir = pa_to_va(pa);

    for (u32 i = KERNEL_PDE; i < ENTRIES; i++)
        dir[i] = kernel_directory[i];
    return dir;
}
