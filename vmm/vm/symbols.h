/* SPDX-License-Identifier: MIT
 *
 * Names for a guest's addresses, from the symbol table of its own ELF image.
 *
 * The image is a boot module, which stays in memory for as long as the VMM
 * runs; what is kept of it per VM is an index of its functions and objects,
 * sorted by address. The file comes from a guest's owner and is not believed:
 * every offset, index and string is checked, and a table that is broken or
 * absent means that there are no names and nothing else. Stripped kernels and
 * other formats: numbers are shown.
 *
 * System V ABI, gABI chapter 4, symbol table.
 */
#ifndef VM_SYMBOLS_H
#define VM_SYMBOLS_H

#include "vmm/base/str.h"
#include "vmm/base/types.h"

struct vm;

struct symbol {
    struct slice name;
    u32 at, size; /* size: up to the next one, where the table has none */
    u32 number;   /* in the index, by address; stable while the VM is there */
};

/* The function or object that holds the address. */
bool symbols_find(const struct vm *vm, u32 at, struct symbol *out);
/* The address of a name. */
bool symbols_value(const struct vm *vm, struct slice name, u32 *at);
/* "switch_to+0x1c", "switch_to", or "0xc0101f00" without a name. Returns the
 * length. */
size_t symbols_print(const struct vm *vm, u32 at, char *out, size_t size);
/* An address as people write it: "0xc0100000", "4096", "main",
 * "main+0x10", "$eip" and the other registers. False: error is a sentence. */
bool symbols_parse(const struct vm *vm, struct slice word, u32 *at, char *error,
                   size_t size);

#endif
