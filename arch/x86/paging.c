/* SPDX-License-Identifier: MIT
 *
 * The VMM's own page tables: the physmap and the image, nothing else.
 *
 * Every page-table root in the system shares entries 256..511 of the one
 * built here, so whatever is mapped is mapped for good; the lower half is
 * left to guests. No page of the image is both writable and executable. The
 * stack's guard page is absent. The physmap shows all RAM once more, writable
 * and never executable; below 4 GiB what is not RAM is there too, uncached,
 * for device registers. A 2 MiB page that is partly RAM is cached as RAM;
 * the firmware's MTRRs still hold for the rest of it.
 *
 * A frame buffer is painted through the physmap as well, so that none of its
 * frames is ever mapped with two memory types: its pages alone are made
 * write-combining, and large pages around it are split. It may lie above
 * PHYSMAP_MAX, which is a limit for RAM only.
 *
 * LIMIT: a frame buffer above SCREEN_TOP stays dark.
 *
 * SDM vol. 3A 4.5, 4.10.2.4 (global pages), 12.11.4 (MTRRs), 12.12 (PAT).
 */
#include "arch/x86/arch.h"
#include "arch/x86/asm.h"
#include "arch/x86/defs/msr.h"
#include "arch/x86/defs/pte.h"
#include "arch/x86/layout.h"
#include "arch/x86/machine.h"
#include "vmm/base/bits.h"
#include "vmm/base/str.h"

#define ENTRIES    512
#define LEVEL_BITS 9
#define BITS_TOP   39 /* address bits below an entry of the top table */
#define BITS_GIB   30
#define BITS_LARGE 21

#define SCREEN_TOP BIT64(46) /* half of the physmap's half */

/* The page attribute table as it is at reset, but for entry 4, which is
 * write-combining (SDM vol. 3A table 12-12); nobody else uses 4 to 7. */
#define PAT_OURS 0x0007040100070406

/* Not what firmware may have left: SYSCALL, SVM, or AMD's quicker FXSAVE, with
 * which XMM registers would go from guest to guest (APM vol. 2 3.1.7). */
#define EFER_KEPT ((u64)EFER_LME | EFER_LMA)

#define KEEP (PTE_P | PTE_A | PTE_D | PTE_G) /* the CPU never writes these */

static u64 host_pml4[ENTRIES] __attribute__((aligned(PAGE_SIZE)));

static hpa_t new_table(struct bootmem *mem)
{
    hpa_t new;

    if (!bootmem_alloc(mem, PAGE_SIZE, &new))
        arch_panic("there is no memory for the VMM's page tables; "
                   "give the machine 64 MiB or more");
    memset(physmap(new), 0, PAGE_SIZE);
    return new;
}

/* A table of small pages in place of a large page: the same in all. */
static u64 split(struct bootmem *mem, u64 large)
{
    hpa_t new = new_table(mem);
    u64 *table = physmap(new);

    for (u64 i = 0; i < ENTRIES; i++)
        table[i] = (large & ~(u64)PTE_PS) + (i << PAGE_SHIFT);
    return new.v | PTE_P | PTE_W | PTE_A;
}

/* The entry for `at` in the table whose entries cover 2^bits bytes each,
 * making the tables above it. */
static u64 *entry_for(struct bootmem *mem, u64 at, u32 bits)
{
    u64 *table = host_pml4;

    for (u32 level = BITS_TOP; level > bits; level -= LEVEL_BITS) {
        u64 *e = &table[at >> level & (ENTRIES - 1)];
        if (!(*e & PTE_P))
            *e = new_table(mem).v | PTE_P | PTE_W | PTE_A;
        else if (*e & PTE_PS)
            *e = split(mem, *e);
        table = physmap(hpa(*e & PTE64_ADDR));
    }
    return &table[at >> bits & (ENTRIES - 1)];
}

static void map_physmap(struct bootmem *mem)
{
    u64 top = max_u64(bootmem_top(mem).v, LOW_4G);

    for (u64 at = 0; at < top; at += LARGE_SIZE) {
        bool ram = bootmem_is_ram(mem, hpa(at), hpa(at + LARGE_SIZE));
        *entry_for(mem, PHYSMAP + at, BITS_LARGE) =
            at | KEEP | PTE_W | PTE_PS | PTE64_NX |
            (ram ? 0 : PTE_PCD | PTE_PWT);
    }
}

static void map_image(struct bootmem *mem, const char *start, const char *end,
                      u64 rights)
{
    for (const char *at = start; at < end; at += PAGE_SIZE) {
        if (at != vmm_stack_guard)
            *entry_for(mem, (u64)at, PAGE_SHIFT) =
                image_hpa(at).v | KEEP | rights;
    }
}

/* No page of the old tables uses the entry that changes, so nothing has to be
 * flushed for it but what the CR3 load flushes (SDM vol. 3A 12.12.4). */
static void set_memory_types(void)
{
    if (features_pat())
        wrmsr(MSR_PAT, PAT_OURS);
}

static void fill(hpa_t table, u32 count, u64 entry)
{
    u64 *to = physmap(table);

    for (u32 i = 0; i < count; i++)
        to[i] = entry;
}

/* Four tables make one page appear at all of 4 GiB. */
static void map_any_stack(struct bootmem *mem)
{
    hpa_t page = new_table(mem), small = new_table(mem);
    hpa_t large = new_table(mem), top = new_table(mem);
    u64 table = PTE_P | PTE_A | PTE_W;

    fill(small, ENTRIES, page.v | KEEP | PTE_W | PTE64_NX);
    fill(large, ENTRIES, small.v | table);
    fill(top, LOW_4G >> BITS_GIB, large.v | table);
    host_pml4[ANY_STACK >> BITS_TOP & (ENTRIES - 1)] = top.v | table;
}

void paging_init(struct bootmem *mem)
{
    set_memory_types();
    map_physmap(mem);
    map_any_stack(mem);
    map_image(mem, vmm_text_start, vmm_text_end, 0);
    map_image(mem, vmm_text_end, vmm_rodata_end, PTE64_NX);
    map_image(mem, vmm_rodata_end, vmm_data_end, PTE_W | PTE64_NX);
    map_image(mem, vmm_data_end, vmm_end, PTE64_NX);
    wrmsr(MSR_EFER, (rdmsr(MSR_EFER) & EFER_KEPT) | EFER_NXE);
    write_cr3(paging_root().v);
}

void *paging_map_screen(struct bootmem *mem, hpa_t at, u64 size)
{
    u64 from = align_down(at.v, PAGE_SIZE);
    u64 end = min_u64(features_address_end(), SCREEN_TOP);
    u64 type = features_pat() ? PTE_PAT : PTE_PCD | PTE_PWT;

    if (at.v >= end || size > end - at.v)
        return NULL;
    for (; from < at.v + size; from += PAGE_SIZE) {
        *entry_for(mem, PHYSMAP + from, PAGE_SHIFT) =
            from | KEEP | PTE_W | PTE64_NX | type;
        invlpg(PHYSMAP + from);
    }
    wbinvd(); /* lines that were read under the old type (12.12.4) */
    return physmap(at);
}

hpa_t paging_root(void)
{
    return image_hpa(host_pml4);
}

const u64 *arch_host_pml4(void)
{
    return host_pml4;
}

void arch_load_root(hpa_t root)
{
    write_cr3(root.v);
}

void arch_flush_page(gva_t at)
{
    invlpg(at.v);
}

/* Guest translations are never global: a CR3 load drops them all. */
void arch_flush_all(void)
{
    write_cr3(read_cr3());
}
