/* SPDX-License-Identifier: MIT
 *
 * An event as a person reads it:
 *
 *   mov cr3 <- 0x00105000 at switch_to+0x1c
 *   exception 14 (#PF), error 0x00000004, cr2 0x08049000 -> page_fault as
 *   14 (#PF) at 0x08048123 (user)
 *
 * The text is the row's of trace.def, with each {field} in its type's way: an
 * address by the name that the guest's own image has for it, a vector with the
 * manual's short name (SDM vol. 3A 6.3.1), an instruction disassembled. Where
 * the guest was comes behind it, unless the event is not about the guest's
 * code.
 */
#ifndef VM_TRACE_LINE_H
#define VM_TRACE_LINE_H

#include "vmm/vm/trace.h"

/* The record's VM must be there still. Cut to size; returns its length. */
size_t trace_line(const struct hv *hv, const struct trace_record *record,
                  char *out, size_t size);

/* "14 (#PF)", "0x20" */
void trace_vector(u32 vector, char *out, size_t size);

#endif
