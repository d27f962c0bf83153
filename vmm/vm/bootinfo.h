/* SPDX-License-Identifier: MIT
 *
 * What the boot loader told us, in our own words.
 *
 * Multiboot 1 and 2 hand over the same facts in different shapes; this file
 * reads either (through a bounded view of machine memory, so that a broken
 * loader cannot walk us off a cliff) into one struct with everything copied:
 * after bootinfo_parse() nothing refers to the loader's tables any more.
 *
 * RAM is what some part of the memory map calls RAM and no other part calls
 * anything else: ranges may overlap, repeat and come in any order.
 *
 * Multiboot 0.6.96 section 3.3; Multiboot2 2.0 section 3.6.
 */
#ifndef VM_BOOTINFO_H
#define VM_BOOTINFO_H

#include "vmm/base/ranges.h"
#include "vmm/base/screen.h"

#define BOOT_MODULES 32
#define BOOT_LINE    512

struct boot_module {
    hpa_t start;
    u64 size;
    char line[BOOT_LINE]; /* with a leading file name taken off */
    bool cut;             /* the line was longer than BOOT_LINE - 1 */
};

struct boot_info {
    char command_line[BOOT_LINE];
    char loader[64];
    struct boot_module module[BOOT_MODULES];
    u32 modules;
    u32 modules_dropped;
    struct ranges ram; /* machine addresses: RAM that is nobody's */
    struct screen_mode screen;
    bool screen_guessed; /* not the loader's word */
    u8 rsdp[36];         /* ACPI's root pointer, if the loader gave a copy */
    u32 rsdp_bytes;
    bool uefi; /* the firmware; else a BIOS, or something that passes for it */
};

/* Machine memory as the parser may see it: a pointer to size bytes at a
 * machine address, or null when out of reach. */
struct boot_view {
    const void *(*at)(void *ctx, hpa_t where, u64 size);
    void *ctx;
};

/* magic is what the loader left in EAX, info what it left in EBX. Returns
 * null, or a sentence about what is wrong. */
const char *bootinfo_parse(u32 magic, hpa_t info, const struct boot_view *view,
                           struct boot_info *out);

#endif
