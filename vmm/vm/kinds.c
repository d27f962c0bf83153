/* SPDX-License-Identifier: MIT
 *
 * See kinds.h. The words are those of the console, of traces and of reports:
 * a table of stats, `stats json`, the enumeration in a trace's metadata. A
 * script reads them, so they stay, and new ones come behind the others.
 */
#include "vmm/vm/kinds.h"

static const char *const exit_names[EXIT_KINDS] = {
    [EXIT_PRIVILEGED] = "privileged",
    [EXIT_SOFTINT] = "softint",
    [EXIT_IRET] = "iret",
    [EXIT_IO] = "io",
    [EXIT_EXCEPTION] = "exception",
    [EXIT_PAGE_TRUE] = "page-true",
    [EXIT_PAGE_FILL] = "page-fill",
    [EXIT_PAGE_WRITE] = "page-write",
    [EXIT_MMIO] = "mmio",
    [EXIT_PROBE] = "probe",
    [EXIT_HOST_IRQ] = "host-irq",
};

const char *exit_kind_name(enum exit_kind kind)
{
    return exit_names[kind];
}
