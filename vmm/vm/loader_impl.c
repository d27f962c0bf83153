/* SPDX-License-Identifier: MIT
 *
 * See loader_impl.h. Guest RAM is in two pieces, below 640 KiB and from 1 MiB
 * on (vm.c makes it so), so its size says where it ends. The BIOS's place is
 * reserved though nothing is there: a guest that looks for tables (ACPI, MP,
 * SMBIOS) reads all ones, as from a bus on which nobody answers.
 */
#include "vmm/vm/loader_impl.h"
#include "arch/x86/defs/multiboot.h"
#include "arch/x86/defs/ports.h"
#include "vmm/base/fmt.h"
#include "vmm/base/str.h"

#define BIOS_START 0xf0000

bool load_refuse(const struct load_error *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fmt_vbuf(error->text, error->size, format, args);
    va_end(args);
    return false;
}

u32 load_ram_end(const struct p2m *p2m)
{
    u32 low = LOW_MEMORY_END >> PAGE_SHIFT;

    return HIGH_MEMORY + ((p2m->ram_frames - low) << PAGE_SHIFT);
}

bool load_in_ram(const struct p2m *p2m, u64 start, u64 end)
{
    if (end <= LOW_MEMORY_END)
        return true;
    return start >= HIGH_MEMORY && end <= load_ram_end(p2m);
}

void load_map(const struct p2m *p2m, struct load_range map[LOAD_RANGES])
{
    const struct load_range made[LOAD_RANGES] = {
        {0, LOAD_LOW_END, MB_RAM},
        {LOAD_LOW_END, LOW_MEMORY_END, MB_RESERVED},
        {BIOS_START, HIGH_MEMORY, MB_RESERVED},
        {HIGH_MEMORY, load_ram_end(p2m), MB_RAM},
    };

    memcpy(map, made, sizeof(made));
}
