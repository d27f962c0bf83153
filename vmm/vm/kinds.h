/* SPDX-License-Identifier: MIT
 *
 * Exits by cause: the words in which exits are counted, traced and told.
 *
 * A kind says what the exit turned out to be once it was handled, not which
 * vector brought it: a page fault is one of five kinds.
 */
#ifndef VM_KINDS_H
#define VM_KINDS_H

#include "vmm/base/str.h"

enum exit_kind {
    EXIT_PRIVILEGED, /* emulated instruction, but for those below */
    EXIT_SOFTINT,    /* INT n, INT3, INTO */
    EXIT_IRET,
    EXIT_IO,
    EXIT_EXCEPTION,  /* reflected */
    EXIT_PAGE_TRUE,  /* reflected #PF */
    EXIT_PAGE_FILL,  /* hidden: shadow filled */
    EXIT_PAGE_WRITE, /* traced page written */
    EXIT_MMIO,
    EXIT_PROBE, /* a probed page (probe.h) */
    EXIT_HOST_IRQ,
    EXIT_KINDS
};

const char *exit_kind_name(enum exit_kind kind);

/* "privileged,io", "all" or "off" into bits by enum exit_kind; false when a
 * word is none of them. */
bool exit_kinds_parse(struct slice words, u32 *kinds);
/* The same words again, for people; cut to size. */
void exit_kinds_format(u32 kinds, char *out, size_t size);

#endif
