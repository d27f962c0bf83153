/* SPDX-License-Identifier: MIT
 *
 * A GDT and an LDT as large as they can be, each entry of them a temptation.
 * Entries below the GDT's first free one stay what the guest needs to live.
 */
#ifndef ATTACK_TEMPT_H
#define ATTACK_TEMPT_H

#include "tests/attack/lib/attack.h"

#define TEMPT_SLOTS 8192
#define TEMPT_TOP   64 /* where a VMM would keep descriptors of its own */
#define TEMPT_LDT   0x30

/* A flat segment, and a gate to an offset in the guest's kernel code. */
#define FLAT(attr)      ((u64)((attr) << 8 | 0xcf0000) << 32 | 0xffff)
#define FLAT16(attr)    ((u64)((attr) << 8 | 0x8f0000) << 32 | 0xffff)
#define GATE(type, dpl) FLAT(ATTR_P | (type) | (dpl) << ATTR_DPL_SHIFT)
#define LONG_MODE       ((u64)DESC_L << 32)

extern u64 tempt_gdt[TEMPT_SLOTS], tempt_ldt[TEMPT_SLOTS];

/* Fills the tables with `count` descriptors in turn, the first of them at
 * entry `shift` of the GDT, and loads them. */
void tempt(const u64 *with, u32 count, u32 shift);
/* The descriptor that a selector names. */
u64 tempted(u32 sel);

static inline bool tempt_is_top(u32 sel)
{
    return sel >> 3 >= TEMPT_SLOTS - TEMPT_TOP;
}

#endif
