/* SPDX-License-Identifier: MIT
 *
 * See tempt.h. The tables are changed while they are not in use, since a VMM
 * has to look at every write to one that is.
 */
#include "tests/attack/lib/tempt.h"

/* Alone in their pages. */
u64 tempt_gdt[TEMPT_SLOTS] __attribute__((aligned(4096)));
u64 tempt_ldt[TEMPT_SLOTS] __attribute__((aligned(4096)));

static u64 ldt_descriptor(void)
{
    u32 limit = sizeof(tempt_ldt) - 1;

    return (u64)desc_hi((u32)tempt_ldt, limit, ATTR_P | SYS_LDT) << 32 |
           desc_lo((u32)tempt_ldt, limit);
}

void tempt(const u64 *with, u32 count, u32 shift)
{
    struct table_pointer p = {sizeof(tempt_gdt) - 1, (u32)tempt_gdt};

    gdt_load();
    __asm__ volatile("lldt %w0" : : "r"(0) : "memory");
    for (u32 i = 0; i < TEMPT_SLOTS; i++) {
        tempt_gdt[i] = with[(i + count - shift % count) % count];
        tempt_ldt[i] = with[(i + count - shift % count + 3) % count];
    }
    __builtin_memcpy(tempt_gdt, gdt, TEMPT_LDT);
    tempt_gdt[TEMPT_LDT / 8] = ldt_descriptor();
    gdt_reload(&p);
    __asm__ volatile("lldt %w0" : : "r"(TEMPT_LDT) : "memory");
}

u64 tempted(u32 sel)
{
    const u64 *table = sel & SEL_TI ? tempt_ldt : tempt_gdt;

    return table[sel >> 3];
}
