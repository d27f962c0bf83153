#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Makes the bootable image: one file that starts as a CD and as the raw bytes
# of a disk or USB stick, by BIOS and by UEFI.
#
# grub-mkrescue knows how to lay such a file out, but puts all of GRUB into
# it, 20 MiB. Here it takes the modules that the menu uses (those that they
# need come along), no fonts, languages or themes, and the programs go in
# without their debug information. Without the files of one platform it would
# silently make an image that half of the PCs cannot start; so that is asked
# first. The MBR gets an active partition, for BIOSes that start nothing else.
#
# With --guest, kernels of one's own become the first entry: multiboot ELF
# files, Linux images, to which --initrd attaches a file, or disks with a boot
# sector. --disk attaches a disk. Each guest is looked at as GRUB and Trapline
# will look at it, so that a wrong file is told here and not on the machine
# that is to boot.
#
# LIMIT: the words of the guest's line get there with one blank between them,
# and GRUB puts a backslash before each quote and backslash.
# Manual: Multiboot Specification 0.6.96, 3.1.1 (the magic fields); ELF, TIS
# 1.2, 1-4 (the header); Linux, Documentation/arch/x86/boot.rst (its header).
#
# usage: make.py --vmm ELF --hare ELF --sector BIN --out ISO [--append WORDS]
#                [--guest FILE --words WORDS]... [--initrd FILE]
#                [--disk FILE]
import argparse
import os
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PLATFORMS = {"i386-pc": "grub-pc-bin", "x86_64-efi": "grub-efi-amd64-bin"}
MODULES = "normal multiboot multiboot2 serial all_video test echo halt reboot"
GRUB_S = 120
SECTOR = 512

ELF_MAGIC, ELFCLASS32, EM_386, PT_LOAD = b"\x7fELF", 1, 3, 1
PROGRAM_HEADER = 32
MULTIBOOT_MAGIC, MULTIBOOT_SEARCH = 0x1badb002, 8192
BOOT_FLAG, BOOT_FLAG_AT = b"\x55\xaa", 0x1fe


class Refused(Exception):
    pass


def check_platforms(folder):
    for platform, package in PLATFORMS.items():
        if not os.path.exists(f"{folder}/{platform}/moddep.lst"):
            raise Refused(f"GRUB's files for {platform} are not in {folder}; "
                          f"install {package} (scripts/deps does)")


def has_multiboot_header(data):
    """Three words, 4-aligned, within the first 8 KiB, whose sum is 0."""
    for at in range(0, min(len(data), MULTIBOOT_SEARCH) - 11, 4):
        magic, flags, checksum = struct.unpack_from("<III", data, at)
        if magic == MULTIBOOT_MAGIC and \
                (magic + flags + checksum) & 0xffffffff == 0:
            return True
    return False


def bytes_wanted(data):
    """Where the last byte stands that a loader takes: of the program headers
    and of the segments that they name."""
    at, = struct.unpack_from("<I", data, 28)
    size, count = struct.unpack_from("<HH", data, 42)
    end = at + size * count
    if end > len(data):
        return end
    if size < PROGRAM_HEADER:
        return 0  # no loader takes such; Trapline says so
    for header in range(at, end, size):
        kind, offset, _, _, length = struct.unpack_from("<5I", data, header)
        if kind == PT_LOAD:
            end = max(end, offset + length)
    return end


def read(what, path):
    try:
        with open(path, "rb") as source:
            return source.read()
    except OSError as why:
        raise Refused(f"the {what} {path} cannot be read: {why.strerror}")


def check_guest(path):
    data = read("guest", path)
    if data[:4] != ELF_MAGIC:
        # Of a Linux image and of a disk.
        if data[BOOT_FLAG_AT:BOOT_FLAG_AT + 2] == BOOT_FLAG:
            return
        raise Refused(f"the guest {path} is no ELF file, no Linux image and "
                      "no disk with a boot sector; Trapline starts 32-bit "
                      "multiboot ELF kernels, bzImages and such disks")
    if len(data) < 52 or data[4] != ELFCLASS32 or \
            struct.unpack_from("<H", data, 18)[0] != EM_386:
        raise Refused(f"the guest {path} is an ELF file, but not one of "
                      "32-bit x86; link it with ld -m elf_i386")
    if not has_multiboot_header(data):
        raise Refused(f"the guest {path} has no multiboot header (the magic "
                      "0x1badb002, flags, checksum) in its first 8 KiB")
    if bytes_wanted(data) > len(data):
        raise Refused(f"the guest {path} is truncated: it names "
                      f"{bytes_wanted(data)} bytes and has {len(data)}")


def quoted(word):
    """As GRUB's script reads it: nothing in single quotes is special."""
    return "'" + word.replace("'", "'\\''") + "'"


def words_of(words):
    return "".join(" " + quoted(w) for w in words.split())


def complete(number, words):
    """The words of a module's line, with what goes without saying."""
    words = words.split()
    own = words[:words.index("--")] if "--" in words else words
    if not any(w.startswith(("vm=", "for=")) for w in own):
        words.insert(0, f"vm=guest{number or ''}")
    if "--" not in words:
        words.append("--")
    return words


def attached(args):
    """What the first guest is given, and the file it comes from."""
    files = {"initrd": args.initrd, "disk": args.disk}
    return {what: path for what, path in files.items() if path}


def guest_lines(args):
    """Paths on the image and words, for each module of the first entry."""
    words = args.words + [""] * (len(args.guest) - len(args.words))
    lines = [complete(n, w) for n, w in enumerate(words)]
    for n, line in enumerate(lines):
        yield f"/boot/guest{n or ''}.elf" + words_of(" ".join(line))
    for what in attached(args):
        name = [w[3:] for w in lines[0] if w.startswith("vm=")]
        if not name:
            raise Refused(f"the {what} is for the first guest, but that has "
                          "no vm= in its words")
        yield f"/boot/{what}" + words_of(f"for={name[0]} {what}")


def menu(args):
    text = open(f"{HERE}/grub.cfg").read()
    head, mark, tail = text.partition("# GUEST\n")
    if not mark:
        raise Refused('iso/grub.cfg has no line "# GUEST" left')
    if not args.guest:
        return head + tail
    names = ", ".join(os.path.basename(g) for g in args.guest)
    title = quoted(f"Trapline: {names}")
    lines = "".join(f"    module2 {line}\n" for line in guest_lines(args))
    return (head + f"menuentry {title} {{\n"
            f"    multiboot2 /boot/trapline.elf{words_of(args.append)}\n"
            "    set gfxpayload=$screen\n"
            f"{lines}}}\n\n" + tail)


def make_disk(root, sector):
    """Hare's disk, without the empty swap area at its end: the menu's disk=
    makes up for it, with zeros."""
    path = f"{root}/boot/hare.img"
    subprocess.run([sys.executable, f"{HERE}/../scripts/disk.py",
                    "--sector", sector, "--kernel", f"{root}/boot/hare.elf",
                    "--swap", "16M", "--out", path], check=True)
    with open(path, "rb") as disk:
        used = len(disk.read().rstrip(b"\0"))
    os.truncate(path, -(-used // SECTOR) * SECTOR)


def fill(root, args):
    """The files of the image, in the folder root."""
    os.makedirs(f"{root}/boot/grub")
    for path, name in ((args.vmm, "trapline.elf"), (args.hare, "hare.elf")):
        subprocess.run(["objcopy", "--strip-debug", path,
                        f"{root}/boot/{name}"], check=True)
    make_disk(root, args.sector)
    for n, guest in enumerate(args.guest):
        shutil.copyfile(guest, f"{root}/boot/guest{n or ''}.elf")
    for what, path in attached(args).items():
        shutil.copyfile(path, f"{root}/boot/{what}")
    with open(f"{root}/boot/grub/grub.cfg", "w") as out:
        out.write(menu(args))


def rescue(root, out):
    command = ["grub-mkrescue", "-o", out, f"--install-modules={MODULES}",
               "--fonts=", "--locales=", "--themes=", root, "--",
               "-volid", "TRAPLINE",
               "-boot_image", "any", "mbr_force_bootable=on"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=GRUB_S)
    if done.returncode:
        raise Refused("grub-mkrescue failed:\n"
                      + done.stdout.decode(errors="replace"))


def make(args):
    check_platforms(args.grub)
    for guest in args.guest:
        check_guest(guest)
    for what, path in attached(args).items():
        read(what, path)
        if not args.guest:
            raise Refused(f"the {what} is for the first guest, and there is "
                          "none")
    made = args.out + ".new"
    with tempfile.TemporaryDirectory(prefix="trapline-iso-") as root:
        fill(root, args)
        try:
            rescue(root, made)
            os.replace(made, args.out)
        finally:
            if os.path.exists(made):
                os.remove(made)


def main():
    parser = argparse.ArgumentParser(description="make the bootable image")
    parser.add_argument("--vmm", required=True)
    parser.add_argument("--hare", required=True)
    parser.add_argument("--sector", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--guest", action="append", default=[])
    parser.add_argument("--words", action="append", default=[])
    parser.add_argument("--initrd", default="")
    parser.add_argument("--disk", default="")
    parser.add_argument("--append", default="")
    parser.add_argument("--grub", default="/usr/lib/grub")
    args = parser.parse_args()
    try:
        make(args)
    except (Refused, OSError, subprocess.SubprocessError) as why:
        print(f"iso: error: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
