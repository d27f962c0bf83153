/* SPDX-License-Identifier: MIT
 *
 * Instructions that only a run shows for what they are: given as bytes, run
 * in ring 0 or 3, with breakpoints behind them to come home by. `leap` says
 * what became of them.
 */
#ifndef ATTACK_SOUP_H
#define ATTACK_SOUP_H

#include "tests/attack/lib/leap.h"

#define SOUP_MAX 16

/* What the general registers hold: a small number, the address of a page of
 * the guest's own, and where in it ESI and EDI point. */
struct soup {
    u32 eax, ebx, ecx, edx, esi, edi;
};

extern u8 soup_page[4096], soup_code[4096];

void soup_run(const u8 *bytes, u32 count, bool ring3, const struct soup *r);
/* As any program would have them: pointers into soup_page. */
struct soup soup_plain(void);

#endif
