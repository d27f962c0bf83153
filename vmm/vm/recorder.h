/* SPDX-License-Identifier: MIT
 *
 * The trap-handler recorder: what the guest installed, gate by gate, when,
 * from where, and how often the VMM reflected into it.
 *
 * LIDT, LGDT, LLDT and LTR arrive as exits; later writes into the recorded
 * tables arrive because their frames are traced. The recorder keeps a decoded
 * copy of the IDT (which the reflection fast path uses), a count per vector,
 * and a ring of the last changes with old and new value.
 *
 * A table is linear memory: its frames are found by walking the guest's
 * tables when it is loaded. LIMIT: a guest that remaps the linear page of a
 * table to another frame is noticed at the next CR3 load or INVLPG.
 */
#ifndef VM_RECORDER_H
#define VM_RECORDER_H

#include "arch/x86/defs/traps.h"
#include "vmm/cpu/event.h"

#define RECORD_RING 256

struct record_gate {
    u32 lo, hi;        /* as in the guest's table; 0,0: not there */
    u64 installed_ns;  /* virtual time of the last change; 0: never */
    u32 installed_eip; /* the instruction that did it */
    u64 reflected;
};

enum record_kind {
    RECORD_LIDT,
    RECORD_LGDT,
    RECORD_LLDT,
    RECORD_LTR,
    RECORD_IDT_GATE,
    RECORD_GDT_ENTRY,
    RECORD_LDT_ENTRY,
};

struct record {
    u64 when_ns;
    u32 eip;
    enum record_kind kind;
    u32 index;    /* vector or descriptor number */
    u64 old, new; /* gate or descriptor words; base<<16|limit for loads */
};

struct recorder {
    struct record_gate gate[TRAP_VECTORS];
    struct record ring[RECORD_RING];
    u64 records; /* ever; the ring holds the last RECORD_RING */
    u64 tss;     /* base and limit of the TSS, as in records of LTR */
};

void recorder_reset(struct recorder *r);
void recorder_load(struct recorder *r, enum record_kind kind, u64 old, u64 now,
                   u64 when_ns, u32 eip);
/* Gate `vector` reads lo,hi now. Nothing happens when it did before. */
void recorder_gate(struct recorder *r, u32 vector, u32 lo, u32 hi, u64 when_ns,
                   u32 eip);
void recorder_desc(struct recorder *r, enum record_kind kind, u32 index,
                   u64 old, u64 now, u64 when_ns, u32 eip);

#endif
