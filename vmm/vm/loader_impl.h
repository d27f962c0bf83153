/* SPDX-License-Identifier: MIT
 *
 * What the loaders of all kinds of images share: the guest's memory as a map,
 * and how an image is refused. Internal to the loaders.
 *
 * The map is a PC's: RAM to 0x9fc00, where the extended BIOS data would
 * begin, then reserved to 640 KiB, reserved below 1 MiB, RAM to the end.
 */
#ifndef VM_LOADER_IMPL_H
#define VM_LOADER_IMPL_H

#include "vmm/vm/loader.h"

#define LOAD_LOW_END 0x9fc00 /* of the RAM below 1 MiB */
#define LOAD_RANGES  4

struct load_error {
    char *text;
    size_t size;
};

struct load_range {
    u32 start, end, type; /* MB_RAM or MB_RESERVED; Linux's are the same */
};

/* Writes the sentence; false, for the caller to return. */
bool load_refuse(const struct load_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
u32 load_ram_end(const struct p2m *p2m);
/* Is [start, end) guest RAM, low or high? */
bool load_in_ram(const struct p2m *p2m, u64 start, u64 end);
void load_map(const struct p2m *p2m, struct load_range map[LOAD_RANGES]);

#endif
