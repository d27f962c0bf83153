/* SPDX-License-Identifier: MIT
 *
 * See symbols.h. The table is sorted by address, so the function that an
 * address is in is the last one that starts at or before it: a binary search.
 * It runs inside a panic: no locks, no memory, nothing that can fault but the
 * table itself, which is read-only and linked in.
 */
#include "arch/x86/symbols.h"
#include "arch/x86/machine.h"

struct ksyms {
    u32 count;
    struct {
        u32 offset; /* from vmm_text_start */
        u32 name;   /* offset in the names behind the table */
    } entry[];
};
extern const struct ksyms ksyms;

const char *symbol_find(u64 at, u32 *offset)
{
    u32 low = 0, high = ksyms.count;
    u64 want = at - (u64)vmm_text_start;

    if (at < (u64)vmm_text_start || at >= (u64)vmm_text_end)
        return NULL;
    while (low < high) {
        u32 middle = (low + high) / 2;
        if (ksyms.entry[middle].offset <= want)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return NULL;
    *offset = (u32)(want - ksyms.entry[low - 1].offset);
    return (const char *)&ksyms.entry[ksyms.count] + ksyms.entry[low - 1].name;
}
