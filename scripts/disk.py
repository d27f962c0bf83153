#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Makes a disk for Hare: boot sector, header, kernel, swap area, as
# guest/include/disk.h has them. Without a kernel it is a disk that only
# swaps; without --swap it has no swap area.
#
#   disk.py --kernel build/hare.elf --sector build/sector.bin --swap 16M \
#           --words "run=faults" --out build/hare.img
#   disk.py --swap 64M --out build/swap.img
#
# The kernel is looked at as the boot sector will: what that would refuse is
# refused here, with a whole sentence. The image ends on a whole cylinder of
# 16 heads and 63 sectors, so that emulators agree on its geometry; it is
# sparse, and its bytes depend on nothing but what goes in.
import argparse
import re
import struct
import sys

SECTOR, ALIGN, CYLINDER = 512, 8, 16 * 63
MAGIC = b"Haredisk"
HEADER = "<8s6I224x256s"
CMDLINE = 256
LBA28 = 1 << 28
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
ELF_HEAD, PH_SIZE, PH_LOAD = 52, 32, 1
PH_MOST = (SECTOR - ELF_HEAD) // PH_SIZE
HIGH_MEMORY = 1 << 20


class Refused(Exception):
    pass


def bytes_of(words):
    """16M and the like."""
    found = re.fullmatch(r"(\d+)([KMG]?)", words.upper())
    if not found:
        raise argparse.ArgumentTypeError(f"{words!r} is no size like 16M")
    return int(found[1]) * UNITS[found[2]]


def up(number, unit):
    return -(-number // unit) * unit


def check_kernel(kernel):
    """What the boot sector wants of the kernel's ELF file."""
    if kernel[:7] != b"\x7fELF\1\1\1" or len(kernel) < ELF_HEAD:
        raise Refused("the kernel is no 32-bit little-endian ELF file.")
    kind, machine = struct.unpack_from("<HH", kernel, 16)
    if (kind, machine) != (2, 3):
        raise Refused(f"the kernel's ELF type is {kind}, its machine "
                      f"{machine}; an i386 executable has 2 and 3.")
    entry, phoff = struct.unpack_from("<II", kernel, 24)
    size, count = struct.unpack_from("<HH", kernel, 42)
    if phoff != ELF_HEAD or size != PH_SIZE or not 1 <= count <= PH_MOST:
        raise Refused(f"the kernel has {count} program headers at {phoff}; "
                      f"1 to {PH_MOST} at {ELF_HEAD} fit the first sector.")
    segments = [struct.unpack_from("<8I", kernel, phoff + i * PH_SIZE)
                for i in range(count)]
    inside = False
    for kind, at, _, to, filesz, memsz, _, _ in segments:
        if kind != PH_LOAD:
            continue
        if at % SECTOR or filesz > memsz or at + filesz > len(kernel) or \
                to < HIGH_MEMORY or to + memsz >= 1 << 32:
            raise Refused(f"the kernel's segment of {memsz} bytes, {filesz} "
                          f"at {at} of the file, cannot go to 0x{to:08x}.")
        inside |= to <= entry < to + filesz
    if not inside:
        raise Refused(f"the kernel's entry 0x{entry:08x} is in no segment.")


def header(sectors, kernel, swap, words):
    text = words.encode()
    if len(text) >= CMDLINE or b"\0" in text:
        raise Refused(f"the command line has {len(text)} bytes; the header "
                      f"has room for {CMDLINE - 1}.")

    def packed(total):
        return struct.pack(HEADER, MAGIC, total, sectors, *kernel, *swap, text)
    return packed(-sum(struct.unpack("<128I", packed(0))) & 0xffffffff)


def image(sector, kernel, words, swap):
    """What is at the image's beginning, and the size of the whole."""
    if kernel:
        check_kernel(kernel)
        if len(sector) != SECTOR or sector[-2:] != b"\x55\xaa":
            raise Refused(f"the boot sector has {len(sector)} bytes, not "
                          f"{SECTOR} that end in 55 AA.")
    where = ALIGN
    parts = []
    for size in len(kernel), swap:
        length = up(size, SECTOR * ALIGN) // SECTOR
        parts.append((where if length else 0, length))
        where += length
    sectors = up(where, CYLINDER)
    if sectors > LBA28:
        raise Refused(f"the disk would have {sectors} sectors; 28 bits can "
                      f"number {LBA28}.")
    head = sector.ljust(SECTOR, b"\0") + header(sectors, *parts, words)
    return head.ljust(ALIGN * SECTOR, b"\0") + kernel, sectors * SECTOR


def read(name):
    if not name:
        return b""
    with open(name, "rb") as file:
        return file.read()


def main():
    words = argparse.ArgumentParser(description="makes a disk for Hare")
    words.add_argument("--sector", help="the boot sector")
    words.add_argument("--kernel", help="the kernel, an ELF file")
    words.add_argument("--words", default="", help="its command line")
    words.add_argument("--swap", type=bytes_of, default=0,
                       help="size of the swap area, as 16M")
    words.add_argument("--out", required=True)
    given = words.parse_args()
    try:
        kernel = read(given.kernel)
        content, size = image(read(given.sector) if kernel else b"", kernel,
                              given.words, given.swap)
        with open(given.out, "wb") as file:
            file.write(content)
            file.truncate(size)
    except (Refused, OSError) as why:
        sys.exit(f"disk: {why}")


if __name__ == "__main__":
    main()
