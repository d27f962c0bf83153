#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The VMM's own symbol table, as assembly.
#
#   ksyms.py --empty OUT.S     a table without entries, for the first link
#   ksyms.py PASS1.elf OUT.S   the functions of that link
#
# The image is linked twice: functions get their addresses in the first link,
# and the table stands behind everything else, so that the second link moves
# nothing. Layout (arch/x86/symbols.h reads it): u32 count; count pairs of u32
# (address - vmm_text_start, offset of the name), by address; the names. The
# output depends on the input only: ties are broken by name.

import struct
import sys

SHT_SYMTAB, STT_FUNC, STT_NOTYPE = 2, 2, 0


def sections(elf):
    """Yields (type, offset, size, link) of each section of an ELF64."""
    if elf[:6] != b"\x7fELF\x02\x01":
        sys.exit("ksyms.py: the input is not a little-endian 64-bit ELF file")
    at, = struct.unpack_from("<Q", elf, 40)
    entry, count = struct.unpack_from("<HH", elf, 58)
    for i in range(count):
        f = struct.unpack_from("<IIQQQQIIQQ", elf, at + i * entry)
        yield f[1], f[4], f[5], f[6]


def symbols(elf):
    """Yields (name, type, section, value) of each symbol."""
    table = list(sections(elf))
    for kind, offset, size, link in table:
        if kind != SHT_SYMTAB:
            continue
        names = table[link][1]
        for at in range(offset, offset + size, 24):
            name, info, _, shndx, value, _ = struct.unpack_from(
                "<IBBHQQ", elf, at)
            end = elf.index(b"\0", names + name)
            yield elf[names + name:end].decode(), info & 15, shndx, value


def functions(elf):
    """[(offset from vmm_text_start, name)], sorted, one name an address."""
    every = list(symbols(elf))
    where = {name: value for name, _, _, value in every}
    start, end = where["vmm_text_start"], where["vmm_text_end"]
    found = {}
    for name, kind, shndx, value in sorted(every):
        code = kind in (STT_FUNC, STT_NOTYPE) and 0 < shndx < 0xff00
        if not code or not start <= value < end or not name:
            continue
        if name == "vmm_text_start":
            continue
        found.setdefault(value - start, name)
    return sorted(found.items())


def assembly(table):
    lines = ["/* Made by scripts/ksyms.py. */", '.section .ksyms, "a"',
             ".balign 8", ".globl ksyms", "ksyms:", f".long {len(table)}"]
    offset = 0
    for address, name in table:
        lines.append(f".long {address:#x}, {offset}")
        offset += len(name) + 1
    lines += [f'.asciz "{name}"' for _, name in table]
    return "\n".join(lines) + "\n"


def main(source, target):
    table = []
    if source != "--empty":
        with open(source, "rb") as f:
            table = functions(f.read())
    with open(target, "w") as f:
        f.write(assembly(table))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: ksyms.py PASS1.elf OUT.S | ksyms.py --empty OUT.S")
    main(sys.argv[1], sys.argv[2])
