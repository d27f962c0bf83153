/* SPDX-License-Identifier: MIT
 *
 * What boot modules bring to a VM besides its image: files for its loader
 * (for=NAME and any words), and a disk (for=NAME disk, or its own image when
 * that is a disk's, or disk=SIZE for one of zeros).
 */
#ifndef VM_ATTACH_H
#define VM_ATTACH_H

#include "vmm/vm/loader.h"
#include "vmm/vm/vm.h"

/* The files, in the order of the boot menu, each with the words behind its
 * for=NAME, which stay in `config`. */
void attach_files(const struct vm *vm, struct load_request *request,
                  struct vm_config config[LOAD_MODULES]);
/* Makes the disk, if the VM has one; false: error has one sentence. */
bool attach_disk(struct vm *vm, char *error, size_t size);
/* Does it start from its disk? */
bool attach_boots(const struct vm *vm);

#endif
