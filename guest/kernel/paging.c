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
 * ring 0. The lower three quarters belong to the process: each page there is
 * a frame of its own, so freeing a directory frees every page it shows.
 */
#include "arch/x86/defs/cpuid.h"
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/regs.h"
#include "guest/kernel/kernel.h"

#define ENTRIES 1024

extern u8 kernel_start[], kernel_readonly_end[];

static u32 *kernel_directory;

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

u32 *paging_entry(u32 *dir, u32 va, int make)
{
    u32 *pde = &dir[directory_index(va)];
    u32 table;

    if (!(*pde & PTE_P)) {
        if (!make)
            return NULL;
        table = frame_alloc();
        if (!table)
            return NULL;
        *pde = table | PTE_P | PTE_W | PTE_U;
    }
    return (u32 *)pa_to_va(*pde & PTE32_ADDR) + table_index(va);
}

int paging_map(u32 *dir, u32 va, u32 pa, u32 flags)
{
    u32 *pte = paging_entry(dir, va, 1);

    if (!pte)
        return ERR_NOMEM;
    *pte = pa | flags | PTE_P;
    return 0;
}

void paging_unmap(u32 *dir, u32 va)
{
    u32 *pte = paging_entry(dir, va, 0);

    if (!pte || !(*pte & PTE_P))
        return;
    frame_free(*pte & PTE32_ADDR);
    *pte = 0;
    invlpg(va);
}

static u32 kernel_flags(u32 va)
{
    int readonly = va >= (u32)kernel_start && va < (u32)kernel_readonly_end;

    return readonly ? 0 : PTE_W;
}

void paging_init(void)
{
    u32 bytes = frames_mib() << 20;

    kernel_directory = pa_to_va(frame_alloc());
    for (u32 pa = 0; pa < bytes; pa += PAGE_SIZE) {
        u32 va = (u32)pa_to_va(pa);

        if (paging_map(kernel_directory, va, pa, kernel_flags(va)))
            panic("there is no memory for the kernel's page tables.");
    }
    paging_entry(kernel_directory, CHECK_BASE, 1);
    paging_entry(kernel_directory, KSTACK_BASE, 1);
    if (cpuid_edx(CPUID_FEATURES) & CPUID_1D_PSE)
        write_cr4(read_cr4() | CR4_PSE);
    directory_use(kernel_directory);
}

void directory_use(u32 *dir)
{
    write_cr3(va_to_pa(dir));
}

u32 *directory_new(void)
{
    u32 pa = frame_alloc();
    u32 *dir = pa_to_va(pa);

    if (!pa)
        return NULL;
    for (u32 i = KERNEL_PDE; i < ENTRIES; i++)
        dir[i] = kernel_directory[i];
    return dir;
}

static void free_table(u32 *table)
{
    for (u32 i = 0; i < ENTRIES; i++)
        if (table[i] & PTE_P)
            frame_free(table[i] & PTE32_ADDR);
    frame_free(va_to_pa(table));
}

void directory_free(u32 *dir)
{
    for (u32 i = 0; i < KERNEL_PDE; i++)
        if (dir[i] & PTE_P)
            free_table(pa_to_va(dir[i] & PTE32_ADDR));
    frame_free(va_to_pa(dir));
}

u32 paging_user_pages(u32 *dir)
{
    u32 pages = 0;

    for (u32 i = 0; i < KERNEL_PDE; i++) {
        u32 *table = pa_to_va(dir[i] & PTE32_ADDR);

        for (u32 j = 0; dir[i] & PTE_P && j < ENTRIES; j++)
            pages += table[j] & PTE_P;
    }
    return pages;
}
