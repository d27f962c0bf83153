/* SPDX-License-Identifier: MIT
 *
 * The guest's descriptor tables, watched.
 *
 * When the guest loads GDTR, LDTR or IDTR, the frames under the table are
 * traced; from then on every write into them comes here. GDT and LDT entries
 * are mirrored as sanitised copies into the host tables (hostgdt.h), IDT
 * gates into the recorder. A table is linear memory and may be remapped under
 * our feet: tables_recheck() walks again at each CR3 load and INVLPG.
 *
 * In real-address mode IDTR names far pointers, not gates: nothing is watched
 * until CR0.PE is set.
 *
 * Invariant: a host copy is the sanitised form of what the guest's table
 * holds now, or absent; pages of a table that are not mapped have absent
 * copies.
 */
#ifndef VM_TABLES_H
#define VM_TABLES_H

#include "vmm/base/types.h"

#define TABLE_PAGES 17 /* 64 KiB, unaligned */
#define TABLE_KINDS 3

struct vm;
enum cpu_table;

struct table_page {
    gfn_t frame;
    bool mapped;
};

struct table {
    u32 base;
    u32 bytes;  /* a multiple of 8; 0: not loaded */
    u32 copies; /* host entries that may be present */
    struct table_page page[TABLE_PAGES];
};

/* Descriptors as they were before their bytes are overwritten: enough for
 * tables that share no frame with each other or themselves. What does not fit
 * is mirrored all the same, but not recorded. */
#define TABLE_WRITE_MAX 32
#define TABLE_OLD       18
struct table_old {
    u32 count;
    u64 value[TABLE_OLD];
};

/* An entry as it stands in guest memory; 0 where nothing is mapped. */
u64 tables_entry(const struct vm *vm, enum cpu_table which, u32 index);
/* The register behind `which` changed (LGDT, LIDT, LLDT). */
void tables_load(struct vm *vm, enum cpu_table which);
/* Paging changed: look whether the tables still lie where they lay. */
void tables_recheck(struct vm *vm);
/* Around a write of at most TABLE_WRITE_MAX bytes to a traced frame. */
void tables_before(const struct vm *vm, gpa_t at, u32 size,
                   struct table_old *old);
void tables_after(struct vm *vm, gpa_t at, u32 size,
                  const struct table_old *old);
/* The word at `at` changed by a walk's A and D bits. */
void tables_marked(struct vm *vm, gpa_t at);
void tables_reset(struct vm *vm);
/* Takes off all traces, so that frame numbers may change their meaning
 * (A20); tables_resume() then finds the tables again. */
void tables_suspend(struct vm *vm);
void tables_resume(struct vm *vm);

#endif
