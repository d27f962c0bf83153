/* SPDX-License-Identifier: MIT
 *
 * Which screen the machine starts with: the one that the boot loader names,
 * or else the one that a PC BIOS left behind.
 *
 * Both multiboot versions describe it by the same fields. They are checked
 * against one another here, so that whoever paints may rely on them: rows of
 * pixels fit into the pitch, colours into a pixel, everything into 52 bits of
 * address. A screen that does not fit together is no screen.
 */
#ifndef VM_BOOTSCREEN_H
#define VM_BOOTSCREEN_H

#include "vmm/vm/bootinfo.h"

/* fields: MB_SCREEN_SIZE bytes; rgb: MB_RGB_SIZE bytes, or null. */
struct screen_mode bootscreen_named(const u8 *fields, const u8 *rgb);
/* No loader said anything: what the BIOS noted down about its VGA. */
struct screen_mode bootscreen_guess(const struct boot_view *view);

#endif
