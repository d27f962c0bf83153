/* SPDX-License-Identifier: MIT
 *
 * Names for a guest's addresses, from the symbol table of its own ELF image.
 *
 * The image is a boot module, which stays in memory for as long as the VMM
 * runs; what is kept of it per VM is an index of its functions and objects,
 * sorted by address. The file comes from a guest's owner and is not believed:
 * every offset, index and string is checked, and a table that is broken or
 * absent means that there are no names and nothing else. Stripped kernels and
 * other formats: numbers are shown. A name with a character that a terminal
 * might obey is no name.
 *
 * LIMIT: names of 127 characters, and 32768 of them, those that come first in
 * the table; ELF-32 alone, with fewer than 0xff00 sections.
 *
 * System V ABI, gABI chapter 4, sections and symbol table.
 */
#ifndef VM_SYMBOLS_H
#define VM_SYMBOLS_H

#include "vmm/base/str.h"
#include "vmm/base/types.h"

#define SYMBOL_NAME  127
#define SYMBOL_PAGES 32 /* of the index */

struct vm;

/* Of one VM: where the tables of its image are, and the numbers of the good
 * entries, sorted by address, in pages of the machine. */
struct symbols {
    const u8 *entries, *names, *sections;
    u32 names_size, section_count;
    u32 count;
    u32 *page[SYMBOL_PAGES];
};

/* Of the VM's image; and given back. */
void symbols_init(struct vm *vm);
void symbols_destroy(struct vm *vm);

struct symbol {
    struct slice name;
    u32 at, size; /* size: up to the next one, where the table has none */
    u32 number;   /* in the index, by address; stable while the VM is there */
};

/* Frames of FRAME_NAMES that the index takes. */
u32 symbols_frames(const struct vm *vm);

/* The symbol of this number; false: there are fewer. */
bool symbols_at(const struct vm *vm, u32 number, struct symbol *out);
/* The function or object that holds the address. */
bool symbols_find(const struct vm *vm, u32 at, struct symbol *out);
/* The address of a name; of several, that of a global one. */
bool symbols_value(const struct vm *vm, struct slice name, u32 *at);
/* "switch_to+0x1c", "switch_to", or "0xc0101f00" without a name. Returns the
 * length. */
size_t symbols_print(const struct vm *vm, u32 at, char *out, size_t size);
/* An address as people write it: "0xc0100000", "4096", "main",
 * "main+0x10", "$eip" and the other registers. False: error is a sentence
 * without its full stop. */
bool symbols_parse(const struct vm *vm, struct slice word, u32 *at, char *error,
                   size_t size);

#endif
