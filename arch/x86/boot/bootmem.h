/* SPDX-License-Identifier: MIT
 *
 * Memory before there are frames: which machine memory is RAM, and which of
 * it is still nobody's.
 *
 * First all RAM of the loader's map is added, then what must stay is
 * reserved (low memory, the VMM image, the modules, wherever they are), and
 * only then is anything allocated. What is left in `free` goes to the frame
 * allocator. Memory above PHYSMAP_MAX is left out.
 *
 * Invariant: `free` is whole pages and lies in `ram`. Pure: no hardware.
 */
#ifndef X86_BOOTMEM_H
#define X86_BOOTMEM_H

#include "vmm/base/ranges.h"

struct bootmem {
    struct ranges ram, free;
};

void bootmem_add(struct bootmem *m, hpa_t start, hpa_t end);
void bootmem_reserve(struct bootmem *m, hpa_t start, hpa_t end);
/* Whole pages below 4 GiB, not zeroed; false when there are none. */
bool bootmem_alloc(struct bootmem *m, u64 bytes, hpa_t *out);
/* Is there any RAM in [start, end)? */
bool bootmem_is_ram(const struct bootmem *m, hpa_t start, hpa_t end);
u64 bootmem_total(const struct bootmem *m);
hpa_t bootmem_top(const struct bootmem *m); /* end of the highest RAM */

#endif
