/* SPDX-License-Identifier: MIT
 *
 * The firmware's own description of the board: the few facts of the ACPI
 * tables that a VMM without an AML interpreter can use.
 *
 * The tables are found by the copy of their root that the boot loader gives,
 * or by the search that PCs have always needed. They are the firmware's, and
 * firmware has bugs: a table whose length or checksum is wrong, or that lies
 * out of reach, is left out, counted and named, and the machine is taken for
 * one that does not have it.
 *
 * ACPI 6.5 section 5.2.
 */
#ifndef VM_ACPI_H
#define VM_ACPI_H

#include "vmm/base/platform.h"
#include "vmm/vm/bootinfo.h"

void acpi_read(const struct boot_info *boot, const struct boot_view *view,
               struct platform *out);

#endif
