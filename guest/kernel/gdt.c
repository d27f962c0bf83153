/* SPDX-License-Identifier: MIT
 *
 * Segments and the task state.
 *
 * Hare wants no segmentation of its own (ldt.c has what programs ask for): four
 * flat segments, code and data for ring 0 and ring 3, cover everything and
 * paging does the protecting. One TSS is needed for its SS0:ESP0, the stack the
 * processor takes when ring 3 traps; it is set anew whenever another process
 * runs. The TSS's I/O map lies beyond its limit, so ring 3 may touch no port.
 *
 * A seventh, four-byte segment exists for the self-check: reading through it
 * proves that the processor has this table. So does the busy bit that LTR
 * sets in memory. (SGDT and STR would tell a deprivileged kernel about
 * somebody else's tables.)
 *
 * The accessed bits are set beforehand, so the processor never writes to a
 * descriptor but to that busy bit. SDM vol. 3A 3.4.5, 7.2.
 */
#include "arch/x86/defs/desc.h"
#include "guest/kernel/kernel.h"

#define TSS_SS0_WORD  (TSS32_SS0 / 4)
#define TSS_ESP0_WORD (TSS32_ESP0 / 4)
#define PROBE_VALUE   0x68617265 /* "hare" */

#define FLAT(access) ((u64)(0x00cf0000 | (access) << 8) << 32 | 0xffff)

static u32 tss[TSS32_SIZE / 4];
static const u32 probe = PROBE_VALUE;

static TABLE_PAGE u64 gdt[] = {
    0,          FLAT(0x9b),  FLAT(0x93),    FLAT(0xfb),
    FLAT(0xf3), 0 /* TSS */, 0 /* probe */, 0 /* LDT */
};

u64 descriptor(u32 base, u32 limit, u32 attributes)
{
    u32 lo = (base << 16) | (limit & 0xffff);
    u32 hi = (base & 0xff000000) | ((base >> 16) & 0xff) | (attributes << 8) |
             (limit & 0xf0000);

    return ((u64)hi << 32) | lo;
}

static void load_segments(void)
{
    struct {
        u16 limit;
        u32 base;
    } __attribute__((packed)) gdtr = {sizeof(gdt) - 1, (u32)gdt};

    asm volatile("lgdt %0\n\t"
                 "ljmp %1, $1f\n"
                 "1:\tmov %2, %%ds\n\t"
                 "mov %2, %%es\n\t"
                 "mov %2, %%fs\n\t"
                 "mov %2, %%gs\n\t"
                 "mov %2, %%ss\n\t"
                 "ltr %w3"
                 :
                 : "m"(gdtr), "i"(SEL_KERNEL_CODE), "r"(SEL_KERNEL_DATA),
                   "r"(SEL_TSS)
                 : "memory");
}

void gdt_init(void)
{
    tss[TSS_SS0_WORD] = SEL_KERNEL_DATA;
    tss[TSS32_IOMAP / 4] = TSS32_SIZE << 16;
    gdt[SEL_TSS / 8] =
        descriptor((u32)tss, TSS32_SIZE - 1, ATTR_P | SYS_TSS32_FREE);
    gdt[SEL_PROBE / 8] = descriptor((u32)&probe, sizeof(probe) - 1,
                                    ATTR_P | ATTR_S | ATTR_ACCESSED | ATTR_DB);
    load_segments();
    ldt_load(NULL); /* after a reset LDTR shows a table at address 0 */
}

void ldt_load(const u64 *ldt)
{
    if (ldt)
        gdt[SEL_LDT / 8] =
            descriptor((u32)ldt, PAGE_SIZE - 1, ATTR_P | SYS_LDT);
    asm volatile("lldt %w0" : : "r"(ldt ? SEL_LDT : 0) : "memory");
}

void tss_set_stack(u32 esp0)
{
    tss[TSS_ESP0_WORD] = esp0;
}

u32 tss_stack(void)
{
    return tss[TSS_ESP0_WORD];
}

int gdt_is_loaded(void)
{
    u32 seen, type = (u32)(gdt[SEL_TSS / 8] >> 32) >> DESC_TYPE_SHIFT;

    asm volatile("mov %1, %%fs\n\t"
                 "mov %%fs:0, %0\n\t"
                 "mov %2, %%fs"
                 : "=&r"(seen)
                 : "r"(SEL_PROBE), "r"(SEL_KERNEL_DATA));
    return seen == PROBE_VALUE && (type & ATTR_TYPE) == SYS_TSS32_BUSY;
}
