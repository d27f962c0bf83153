/* SPDX-License-Identifier: MIT
 *
 * Loading a Linux kernel image (bzImage) by the 32-bit boot protocol, as GRUB
 * does it where there is no BIOS: the protected-mode kernel goes to its place
 * in memory, and instead of running the 16-bit setup code the loader fills in
 * what that code would have found out, struct boot_params.
 *
 * The image is hostile: everything is judged before guest memory is touched.
 * The command line is the guest's; the one module that may be attached is the
 * initrd (for=NAME initrd), which goes as high as kernel and memory let it.
 * The kernel starts at its first byte, with ESI pointing at boot_params, a
 * GDT that has the two flat segments, interrupts off and no paging.
 */
#ifndef VM_LINUX_H
#define VM_LINUX_H

#include "vmm/vm/loader.h"

/* Does it look like one? It may still be refused. */
bool linux_image(const u8 *image, u64 size);
/* As loader_load(). */
bool linux_load(struct p2m *p2m, const struct load_request *request,
                struct load_result *out, char *error, size_t size);

#endif
