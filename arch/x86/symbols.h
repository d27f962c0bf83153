/* SPDX-License-Identifier: MIT
 *
 * The VMM's own symbols, from the table that scripts/ksyms.py linked in.
 */
#ifndef X86_SYMBOLS_H
#define X86_SYMBOLS_H

#include "vmm/base/types.h"

/* The function that `at` is in and the distance from its start; null when
 * at is not VMM code. */
const char *symbol_find(u64 at, u32 *offset);

#endif
