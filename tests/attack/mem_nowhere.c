/* SPDX-License-Identifier: MIT
 *
 * CR3, GDTR, IDTR, LDTR and TR aimed at nothing, at device memory, at tables
 * in use and across 4 GiB, with every limit: loaded, and loaded again before
 * they are needed; CR3 also with paging off, for frames all over physical
 * space. Last, with paging on, CR3 is loaded with a directory where nothing is,
 * which no guest survives.
 *
 * SDM vol. 3A 2.4, 2.5, 7.2.
 */
#include "tests/attack/mem.h"

ATTACK("It aims CR3, GDTR, IDTR, LDTR and TR at nothing, at devices and across "
       "4 GiB, and last runs without any page directory.");
ATTACK_ENDS("killed");

#define STRIDE   (977u << PAGE_SHIFT)
#define LDT_SEL  (GDT_FREE << 3)
#define NOWHERE  0xfffff000u
#define ATTR_LDT (ATTR_P | SYS_LDT)

static const u32 bases[] = {
    0,          0x7ff,      0xffc,      0x0009fffc, 0x000a0000, 0x000b8000,
    0x000bfffc, 0x000ffff8, 0x007ffff8, 0x00800000, 0x04000000, 0x7ffffff8,
    0x80000000, 0xc0000000, 0xfec00000, 0xfee00000, 0xffbffffc, 0xfffff000,
    0xfffffff8, 0xfffffffc, 0xffffffff};
static const u16 limits[] = {0, 1, 6, 7, 8, 0x67, 0x7ff, 0xfff, 0x1000, 0xffff};

static u32 table[TABLE] __attribute__((aligned(PAGE_SIZE)));

/* Away and back: nothing needs the table in between. */
static void tables_of(u32 base, u16 limit)
{
    struct table_pointer there = {limit, base};
    struct table_pointer g = {sizeof(gdt) - 1, (u32)gdt};
    struct table_pointer i = {sizeof(idt) - 1, (u32)idt};

    attempts(2);
    __asm__ volatile("lgdt %0\n\tlgdt %1\n\tlidt %0\n\tlidt %2"
                     :
                     : "m"(there), "m"(g), "m"(i)
                     : "memory");
}

static void segments_of(u32 base, u16 limit)
{
    gdt_set(GDT_FREE, base, limit, ATTR_LDT);
    gdt_set(TSS_SEL >> 3, base, limit, ATTR_P | SYS_TSS32_FREE);
    TRY("lldt %w0", : "r"(LDT_SEL) : "memory");
    for (u32 sel = SEL_TI; sel <= limit && sel < 0x10000; sel += 0x1c8)
        TRY("movw %w0, %%fs\n\tmovl %%fs:0, %%eax", : "r"(sel) : "eax");
    TRY("movw %w0, %%fs", : "r"(0));
    TRY("ltr %w0", : "r"(TSS_SEL) : "memory");
    TRY("lldt %w0", : "r"(0) : "memory");
    gdt_set(TSS_SEL >> 3, (u32)&tss, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    TRY("ltr %w0", : "r"(TSS_SEL) : "memory");
}

static void everywhere(void)
{
    for (u32 b = 0; b < ARRAY_LEN(bases); b++) {
        for (u32 l = 0; l < ARRAY_LEN(limits); l++) {
            tables_of(bases[b], limits[l]);
            segments_of(bases[b], limits[l]);
        }
    }
}

/* CR3 while nothing is walked through it. */
static void directories(void)
{
    u32 own = read_cr3();

    for (u32 i = 0; i < 4000; i++) {
        attempt();
        write_cr3(i * STRIDE | (i & 0xfff));
        write_cr4(read_cr4() ^ CR4_PSE);
    }
    write_cr3(own);
}

void attack(void)
{
    everywhere();
    directories();
    paging_on();
    for (u32 i = 0; i < TABLE; i++)
        table[i] = (i * STRIDE) | RIGHTS;
    for (u32 i = 2; i < TABLE; i++)
        page_dir[i] = i & 1 ? (u32)table | RIGHTS : i << 22 | RIGHTS | PTE_PS;
    flush_all();
    everywhere();
    attempt();
    tell();
    write_cr3(NOWHERE);
    broken("the guest runs on without a page directory", NOWHERE, read_cr3());
}
