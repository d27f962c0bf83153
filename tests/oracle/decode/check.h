/* SPDX-License-Identifier: MIT
 *
 * The decoders' contest: the strings that are decoded, and the counts that
 * its workers, which are processes, add to in shared memory.
 */
#ifndef ORACLE_CHECK_H
#define ORACLE_CHECK_H

#include "tests/oracle/decode/compare.h"

#define SWEEP (1u << 21)

void string_number(u64 seed, u32 i, struct sample *s);

#endif
