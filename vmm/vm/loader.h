/* SPDX-License-Identifier: MIT
 *
 * Loading a guest: a multiboot-1 32-bit ELF, or a Linux bzImage (linux.h),
 * into guest-physical memory, with the information structure the guest
 * expects to find. Which of them it is, its bytes say.
 *
 * The image is hostile: every offset and size is checked against the module,
 * every segment against guest RAM, against wrap and against each other, and
 * nothing is written before all checks have passed. Segments go to p_paddr;
 * bss is zeroed; the entry is e_entry (translated when it is a virtual
 * address of a segment). Attached modules (initrd, archive) are copied above
 * the image, page-aligned, and listed.
 */
#ifndef VM_LOADER_H
#define VM_LOADER_H

#include "vmm/mm/p2m.h"

#define LOAD_MODULES   8
#define LOAD_GDT_BYTES 32

struct load_module {
    const u8 *data;
    u64 size;
    const char *line;
};

struct load_request {
    const u8 *image;
    u64 size;
    const char *command_line;
    struct load_module module[LOAD_MODULES];
    u32 modules;
};

struct load_result {
    u32 entry;
    u32 magic; /* multiboot: for EAX */
    u32 info;  /* guest-physical address of the boot information: multiboot's
                  for EBX, Linux's for ESI */
    u32 gdt;   /* Linux: that of a GDT, with its segments; multiboot: 0 */
};

/* false: error holds one sentence; guest memory is untouched. */
bool loader_load(struct p2m *p2m, const struct load_request *request,
                 struct load_result *out, char *error, size_t size);

#endif
