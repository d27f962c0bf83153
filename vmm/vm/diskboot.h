/* SPDX-License-Identifier: MIT
 *
 * Starting a guest from its disk, as a PC's firmware does it: sector 0 goes to
 * 0x7c00, and the processor goes there in real-address mode.
 */
#ifndef VM_DISKBOOT_H
#define VM_DISKBOOT_H

#include "vmm/vm/vm.h"

/* Memory, processor and interrupt controllers as a BIOS leaves them. */
void diskboot_start(struct vm *vm);

#endif
