/* SPDX-License-Identifier: MIT
 *
 * Exits by cause: the words in which exits are counted, traced and told.
 *
 * A kind says what the exit turned out to be once it was handled, not which
 * vector brought it: a page fault is one of five kinds.
 */
#ifndef VM_KINDS_H
#define VM_KINDS_H

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

#endif
