# SPDX-License-Identifier: MIT
#
# Names of a guest's addresses, from the symbol table of its ELF file (System
# V ABI, chapter 4; 32 and 64 bits, little endian). Functions and labels of
# sections that hold code count; the nearest one at or below an address names
# it, within its size where it has one, and never beyond its section. The file
# is whatever the person gave: every offset is checked, and what is wrong is a
# sentence.
import bisect
import struct

from .types import TraceError

SHT_SYMTAB, SHF_EXECINSTR = 2, 4
STT_NOTYPE, STT_FUNC = 0, 2
# By class: section offset, entry size and count in the header; a section
# header's and a symbol's form.
FORMS = {1: (32, "<I", 46, "<10I", "<IIIBBH"),
         2: (40, "<Q", 58, "<IIQQQQIIQQ", "<IBBHQQ")}


class Symbols:
    def __init__(self, entries=()):
        """entries: (address, end, name)."""
        best = {}
        for address, end, name in sorted(entries):
            best.setdefault(address, (end, name))
        self.starts = sorted(best)
        self.rest = [best[a] for a in self.starts]

    def find(self, address):
        """(name, offset) or None."""
        at = bisect.bisect_right(self.starts, address) - 1
        if at < 0 or address >= self.rest[at][0]:
            return None
        return self.rest[at][1], address - self.starts[at]

    def text(self, address):
        found = self.find(address)
        if not found:
            return f"{address:#010x}"
        return found[0] + (f"+{found[1]:#x}" if found[1] else "")


def sections(data, path):
    if data[:4] != b"\x7fELF" or data[4] not in FORMS or data[5] != 1:
        raise TraceError(f"{path} is no little-endian ELF file")
    at, form, count_at, section, _ = FORMS[data[4]]
    start, = struct.unpack_from(form, data, at)
    size, count = struct.unpack_from("<HH", data, count_at)
    if size < struct.calcsize(section) and count:
        raise TraceError(f"{path} has section headers of {size} bytes")
    return [struct.unpack_from(section, data, start + i * size)
            for i in range(count)]


def name_at(data, table, offset):
    start = table[4] + offset
    end = data.find(b"\0", start, start + 256)
    return data[start:end].decode("utf-8", "replace") if end > start else ""


def symbols(data, table, every):
    names = every[table[6]]
    form = FORMS[data[4]][4]
    step = struct.calcsize(form)
    for at in range(table[4], table[4] + table[5] - step + 1, step):
        row = struct.unpack_from(form, data, at)
        if data[4] == 1:
            name, value, size, info, _, index = row
        else:
            name, info, _, index, value, size = row
        if info & 15 not in (STT_NOTYPE, STT_FUNC) or \
                not 0 < index < len(every):
            continue
        section = every[index]
        if not section[2] & SHF_EXECINSTR:
            continue
        text = name_at(data, names, name)
        if text and text[0] not in ".$":
            last = section[3] + section[5]
            yield value, (min(value + size, last) if size else last), text


def load(path):
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as why:
        raise TraceError(f"{path}: {why.strerror}") from None
    try:
        every = sections(data, path)
        found = [s for table in every if table[1] == SHT_SYMTAB
                 for s in symbols(data, table, every)]
    except (struct.error, IndexError):
        raise TraceError(f"{path} is cut short, or no ELF file after "
                         "all") from None
    if not found:
        raise TraceError(f"{path} has no symbols (was it stripped?)")
    return Symbols(found)
