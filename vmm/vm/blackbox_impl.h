/* SPDX-License-Identifier: MIT
 *
 * Between the files of the black box: how a dead guest's memory is looked at.
 * blackbox.c keeps and takes, blackbox_fault.c
 * has words for a chain of faults, blackbox_cause.c finds what is behind it,
 * blackbox_show.c prints the report.
 *
 * Bytes that are no printable ASCII (a symbol's name is the guest's) are
 * replaced when a line is put out.
 */
#ifndef VM_BLACKBOX_IMPL_H
#define VM_BLACKBOX_IMPL_H

#include "vmm/base/text.h"
#include "vmm/vm/blackbox.h"
#include "vmm/vm/vm.h"

/* Exits or interpreted instructions: what is further apart than that has
 * nothing to do with each other. */
#define BOX_RECENT 4096u

/* A guest at a moment: its memory, and the processor as it was then. */
struct scene {
    struct vm *vm;
    const struct cpu *cpu;
};

/* The scene's memory by its own tables, for looking. `read` with ACC_WRITE
 * asks whether a write would work, too. */
struct cpu_env box_env(struct scene *s);
/* Four bytes as ring 0 sees them; false: there are none. */
bool box_word(struct scene *s, u32 at, u32 *out);
/* Would ring 0 fetch from there? */
bool box_mapped(struct scene *s, u32 at);
/* The instruction at CS:EIP; false: it cannot be read, or is none. */
bool box_insn(struct scene *s, struct insn *out);
/* CS:EIP as a linear address. */
u32 box_here(const struct scene *s);
/* SS:ESP, or SS:SP. */
u32 box_stack(const struct scene *s);

/* Adds " write_byte+0x4", or nothing. */
void box_name(struct text *t, const struct vm *vm, u32 linear);
/* Adds "0008:c0101234 write_byte+0x4", the name if there is one. */
void box_place(struct text *t, const struct scene *s);

/* Is it a page fault for the sake of the code at CS:EIP? */
bool box_is_fetch(const struct scene *s, const struct event *event);
/* "the page fault at 0xdeadbeef (a write, from ...)" */
void box_fault(struct text *t, struct scene *s, const struct event *event);
/* "... could not be delivered: IDT entry 14 is not present; nor could ..." */
void box_chain(struct text *t, struct scene *s, const struct event_chain *chain,
               const struct blame *blame);
/* The one sentence. */
void box_cause(struct vm *vm);

#endif
