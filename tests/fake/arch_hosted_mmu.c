/* SPDX-License-Identifier: MIT
 *
 * The hosted machine's memory: what its processor finds at a linear address.
 *
 * The walk is that of 4-level paging with NXE and CR0.WP set, over the tables
 * whose root the VMM has loaded; accessed and dirty bits are set as hardware
 * sets them. Rings 0 to 2 are supervisors. Page tables or pages outside
 * machine memory, which a real processor would take from the bus, end the run:
 * no VMM means that.
 *
 * The TLB is a strict one. What it holds stays, rights included, until the
 * VMM drops it: by INVLPG, by a load of the root, or because the page has just
 * faulted. So a page-table entry that is made stricter without a flush goes
 * on giving the old rights, and one that is made laxer faults once more
 * than it should: both are what real processors may do (4.10.2.3, 4.10.4.3).
 * Directory entries are kept too (a paging-structure cache); any INVLPG drops
 * them all.
 *
 * SDM vol. 3A 4.5 to 4.8, 4.10.
 */
#include "arch/x86/defs/pte.h"
#include "arch/x86/defs/traps.h"
#include "tests/fake/arch_hosted.h"
#include "vmm/base/bits.h"
#include <string.h>

#define TLB_SIZE  1024u
#define DIRS_SIZE 64u
#define NO_PAGE   UINT32_MAX

#define LEVELS        4
#define LEVEL_BITS    9
#define LEVEL_MASK    511u
#define DIR_SHIFT     21
#define LARGE_MASK    0x1fffffu
#define LARGE_RSVD    0x001fe000u /* bits 20:13 of an entry for 2 MiB */
#define ADDRESS_WIDTH 40          /* what CPUID says */

/* Rights as they come down the levels: W and U are joined by AND, this
 * negation of NX as well. */
#define RIGHT_EXEC PTE_G
#define RIGHTS     (PTE_W | PTE_U | RIGHT_EXEC)

struct tlb_entry {
    u32 page;   /* linear page number, or NO_PAGE */
    u32 rights; /* and PTE_D: the entry in memory has it */
    u8 *host;
};

/* What a directory entry leads to. */
struct dir_entry {
    u32 page; /* linear address >> DIR_SHIFT, or NO_PAGE */
    u32 rights;
    u64 table;
};

static struct tlb_entry tlb[TLB_SIZE];
static struct dir_entry dirs[DIRS_SIZE];

static void drop_dirs(void)
{
    for (u32 i = 0; i < DIRS_SIZE; i++)
        dirs[i].page = NO_PAGE;
}

void hosted_tlb_flush(void)
{
    for (u32 i = 0; i < TLB_SIZE; i++)
        tlb[i].page = NO_PAGE;
    drop_dirs();
}

static void drop_page(u32 page)
{
    if (tlb[page % TLB_SIZE].page == page)
        tlb[page % TLB_SIZE].page = NO_PAGE;
}

void hosted_tlb_flush_page(gva_t at)
{
    drop_page(at.v >> PAGE_SHIFT);
    drop_dirs();
}

/* Machine memory as the processor's own accesses reach it. */
static u8 *machine(u64 at, u64 size, const char *what)
{
    if (at >= hosted.size || size > hosted.size - at)
        arch_panic("the processor was sent to %s at machine address 0x%llx; "
                   "there are %llu MiB",
                   what, (unsigned long long)at,
                   (unsigned long long)(hosted.size >> 20));
    return hosted.memory + at;
}

/* PF_ bits for a #PF, without PF_PRESENT. */
static u32 error_of(u32 access)
{
    u32 error = hosted.cpu.cpl == 3 ? PF_USER : 0;

    if (access & ACC_WRITE)
        error |= PF_WRITE;
    if (access & ACC_FETCH)
        error |= PF_FETCH;
    return error;
}

static bool allowed(u32 rights, u32 access)
{
    u32 need = hosted.cpu.cpl == 3 ? PTE_U : 0;

    if (access & ACC_WRITE)
        need |= PTE_W;
    if (access & ACC_FETCH)
        need |= RIGHT_EXEC;
    return (rights & need) == need;
}

static u32 rights_of(u64 entry)
{
    return (u32)(entry & (PTE_W | PTE_U)) |
           (entry & PTE64_NX ? 0 : (u32)RIGHT_EXEC);
}

static bool reserved(u64 entry, u32 level)
{
    u64 beyond = PTE64_ADDR & ~(BIT64(ADDRESS_WIDTH) - 1);

    if (entry & beyond)
        return true;
    if (level == 1 || !(entry & PTE_PS))
        return false;
    return level > 2 || (entry & LARGE_RSVD);
}

static enum env_status page_fault(gva_t at, u32 error, struct fault *fault)
{
    drop_page(at.v >> PAGE_SHIFT);
    *fault = fault_page(error, at);
    return ENV_FAULT;
}

/* One level down. On ENV_OK *table is what the entry names, and *rights are
 * what is left of them. */
static enum env_status descend(gva_t at, u32 level, u32 access, u64 *table,
                               u32 *rights, u8 **entry, struct fault *fault)
{
    u32 shift = PAGE_SHIFT + (level - 1) * LEVEL_BITS;
    u64 index = (u64)at.v >> shift & LEVEL_MASK;
    u64 e;

    *entry = machine(*table + index * sizeof(e), sizeof(e), "a page table");
    memcpy(&e, *entry, sizeof(e));
    if (!(e & PTE_P))
        return page_fault(at, error_of(access), fault);
    if (reserved(e, level))
        return page_fault(at, error_of(access) | PF_PRESENT | PF_RSVD, fault);
    **entry |= PTE_A;
    *rights &= rights_of(e);
    *table = e & PTE64_ADDR;
    return ENV_OK;
}

/* Down to the table of 4 KiB entries, by the cache where it knows the way.
 * *level is 1 then, or 2 at a large page. */
static enum env_status find_table(gva_t at, u32 access, u64 *table, u32 *rights,
                                  u32 *level, u8 **entry, struct fault *fault)
{
    u32 page = at.v >> DIR_SHIFT;
    struct dir_entry *d = &dirs[page % DIRS_SIZE];

    *rights = RIGHTS;
    *table = hosted.root.v;
    *level = 1;
    if (d->page == page) {
        *rights = d->rights;
        *table = d->table;
        return ENV_OK;
    }
    for (*level = LEVELS; *level > 1; --*level) {
        enum env_status status =
            descend(at, *level, access, table, rights, entry, fault);
        if (status != ENV_OK)
            return status;
        if (*level == 2 && (**entry & PTE_PS))
            return ENV_OK;
    }
    *d = (struct dir_entry){page, *rights, *table};
    return ENV_OK;
}

static enum env_status walk(gva_t at, u32 access, u8 **out, struct fault *fault)
{
    struct tlb_entry *t = &tlb[(at.v >> PAGE_SHIFT) % TLB_SIZE];
    u8 *entry = NULL;
    u32 rights, level;
    u64 table;
    enum env_status status =
        find_table(at, access, &table, &rights, &level, &entry, fault);

    if (status == ENV_OK && level == 1)
        status = descend(at, level, access, &table, &rights, &entry, fault);
    if (status != ENV_OK)
        return status;
    if (!allowed(rights, access))
        return page_fault(at, error_of(access) | PF_PRESENT, fault);
    if (access & ACC_WRITE)
        *entry |= PTE_D;
    if (level == 2)
        table |= at.v & LARGE_MASK & ~PAGE_MASK;
    *t = (struct tlb_entry){at.v >> PAGE_SHIFT, rights | (*entry & PTE_D),
                            machine(table, PAGE_SIZE, "a page")};
    *out = t->host + (at.v & PAGE_MASK);
    return ENV_OK;
}

/* The byte at a linear address, when this access may have it. */
static enum env_status translate(gva_t at, u32 access, u8 **out,
                                 struct fault *fault)
{
    u32 page = at.v >> PAGE_SHIFT;
    const struct tlb_entry *t = &tlb[page % TLB_SIZE];

    if (t->page != page)
        return walk(at, access, out, fault);
    if (!allowed(t->rights, access))
        return page_fault(at, error_of(access) | PF_PRESENT, fault);
    if ((access & ACC_WRITE) && !(t->rights & PTE_D))
        return walk(at, access, out, fault);
    *out = t->host + (at.v & PAGE_MASK);
    return ENV_OK;
}

/* ---- for audits: what the tables say, without a trace */

/* Down to the entries of `level`. False: not mapped. */
static bool look(u32 at, u32 level, u64 *table, u32 *rights)
{
    *table = hosted.root.v;
    *rights = RIGHTS;
    for (u32 l = LEVELS; l >= level; l--) {
        u32 shift = PAGE_SHIFT + (l - 1) * LEVEL_BITS;
        u64 e = get_le64(machine(*table + ((u64)at >> shift & LEVEL_MASK) * 8,
                                 8, "a page table"));
        if (!(e & PTE_P))
            return false;
        *rights &= rights_of(e);
        *table = e & PTE64_ADDR;
        if (l == 2 && (e & PTE_PS))
            *table |= at & LARGE_MASK & ~PAGE_MASK;
        if (l == 2 && (e & PTE_PS))
            return true;
    }
    return true;
}

static bool stale_page(const struct tlb_entry *t)
{
    u32 rights;
    u64 page;

    return t->page != NO_PAGE &&
           (!look(t->page << PAGE_SHIFT, 1, &page, &rights) ||
            t->host != hosted.memory + page || (t->rights & RIGHTS & ~rights));
}

static bool stale_dir(const struct dir_entry *d)
{
    u32 rights;
    u64 table;

    return d->page != NO_PAGE &&
           (!look(d->page << DIR_SHIFT, 2, &table, &rights) ||
            d->table != table || (d->rights & ~rights));
}

void hosted_tlb_audit(void)
{
    for (u32 i = 0; i < TLB_SIZE; i++) {
        if (stale_page(&tlb[i]))
            arch_panic("the TLB holds a stale entry for the page at 0x%08x: "
                       "the VMM has not flushed it",
                       tlb[i].page << PAGE_SHIFT);
    }
    for (u32 i = 0; i < DIRS_SIZE; i++) {
        if (stale_dir(&dirs[i]))
            arch_panic("the processor remembers a stale directory entry for "
                       "0x%08x: the VMM has not flushed it",
                       dirs[i].page << DIR_SHIFT);
    }
}

/* Host tables: descriptors, and the link in the TSS, which IRET looks at when
 * NT is set. The IDT holds not a byte, and nothing else of the TSS is asked
 * for. */
static u8 *table_byte(gva_t at, u32 size)
{
    static u8 link[2];
    const struct arch_vcpu *av = hosted.live;
    u64 *table = at.v < HOSTED_LDT ? av->gdt : av->ldt;
    u32 offset = at.v & (HOSTED_LDT - HOSTED_GDT - 1);

    if (at.v == HOSTED_TSS && size == sizeof(link))
        return link;
    if (at.v < HOSTED_GDT || at.v >= HOSTED_TSS ||
        offset + size > ARCH_GDT_SLOTS * 8)
        arch_panic("the processor asked for %u bytes at 0x%x of tables that "
                   "it does not have",
                   size, at.v);
    return (u8 *)table + offset;
}

/* The pieces of [at, at + size) in one page or two. */
struct span {
    u8 *first, *second;
    u32 split; /* bytes in the first page */
};

static enum env_status reach(gva_t at, u32 size, u32 access, struct span *s,
                             struct fault *fault)
{
    enum env_status status = translate(at, access, &s->first, fault);

    s->split = min_u32(size, PAGE_SIZE - (at.v & PAGE_MASK));
    s->second = NULL;
    if (status != ENV_OK || s->split == size)
        return status;
    return translate(gva(at.v + s->split), access, &s->second, fault);
}

enum env_status hosted_read(void *ctx, gva_t at, void *buf, u32 size,
                            u32 access, struct fault *fault)
{
    struct span s;
    enum env_status status;

    if (access & ACC_SYSTEM) {
        memcpy(buf, table_byte(at, size), size);
        return ENV_OK;
    }
    status = reach(at, size, access, &s, fault);
    if (status != ENV_OK)
        return status;
    memcpy(buf, s.first, s.split);
    if (s.second)
        memcpy((u8 *)buf + s.split, s.second, size - s.split);
    return ENV_OK;
}

enum env_status hosted_write(void *ctx, gva_t at, const void *buf, u32 size,
                             u32 access, struct fault *fault)
{
    struct span s;
    enum env_status status;

    if (access & ACC_SYSTEM)
        arch_panic("the processor marks the descriptor at 0x%x of a host "
                   "table; every copy should be marked already",
                   at.v);
    status = reach(at, size, access | ACC_WRITE, &s, fault);
    if (status != ENV_OK)
        return status;
    memcpy(s.first, buf, s.split);
    if (s.second)
        memcpy(s.second, (const u8 *)buf + s.split, size - s.split);
    return ENV_OK;
}
