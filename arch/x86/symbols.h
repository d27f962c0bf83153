/* SPDX-License-Identifier: MIT
 *
 * The VMM's own symbols, for panics: names for addresses in its code, from
 * the table that scripts/ksyms.py makes of the first link and the second link
 * takes in.
 */
#ifndef X86_SYMBOLS_H
#define X86_SYMBOLS_H

#include "vmm/base/types.h"

/* The function that `at` is in and the distance from its start; null when
 * at is not VMM code. */
const char *symbol_find(u64 at, u32 *offset);

#endif
