# SPDX-License-Identifier: MIT
#
# Hare from its own disk: the boot sector, the image maker, and that the
# kernel's console is the one of a multiboot boot.
#
# What the boot sector must refuse is planted in an image one fault at a
# time; each is said on COM1 and on the screen, and then nothing happens.
import struct

from diskimage import make, multiboot, own
from machine import BARE, EXIT_PASS, EXIT_ZERO, Failure, check
from qmp import Qmp

SECTOR, HEADER, KERNEL = 512, 512, 4096
SUM, KERNEL_START = HEADER + 8, HEADER + 16
PHOFF, PHNUM = 28, 44
PH, PH_OFFSET, PH_PADDR, PH_FILESZ, PH_MEMSZ = 52, 4, 12, 16, 20
RED = 0x4f00
NEEDS = ["sector.bin"]
# The instruction that sets A20's bit, as bytes, and one that clears it.
A20 = b"\x0c\x02", b"\x24\xfd"
WORDS = "run=faults"
VMM_WORDS = "run=counters,fault:null"
WAYS = {"vtlb": "shadow=vtlb", "cached": "shadow=cached",
        "interp": "exec=interp"}


def machine(env, image, *more, memory=8):
    return env.machine("-drive", f"format=raw,file={image}", *more,
                       program=BARE, cpu=None, memory=memory)


def test_same(env):
    """Its console is line for line that of a multiboot boot; memory is read
    from both of the clock chip's words."""
    image = make(env, "hare.img", "--words", WORDS, "--swap", "1M")
    want = multiboot(env, image, WORDS)
    have = env.batch(machine(env, image, memory=32)).want_status(EXIT_PASS)
    check(own(have.lines) == want, "the two consoles differ")
    check(len(want) > 20, f"there was too little to compare: {want}")
    image = make(env, "small.img", "--words", "check=only quiet")
    env.batch(machine(env, image)).want_status(EXIT_PASS).want(
        "^hare: 8 MiB of memory", "^hare: all checks passed$")


def test_vmm(env):
    """Under the VMM the boot sector is interpreted, in real mode; what it
    boots then runs as each engine does it."""
    image = make(env, "hare.img", "--words", VMM_WORDS, "--swap", "1M")
    want = multiboot(env, image, VMM_WORDS)
    result = env.run_vmm([f"{image} vm={name} mem=32M {words}"
                          for name, words in WAYS.items()])
    result.want_status(EXIT_ZERO)
    for name in WAYS:
        check(own(result.of(name)) == want, f"{name}'s console differs")
    check(len(want) > 8, f"there was too little to compare: {want}")


def poke(at, *words):
    """32-bit words anywhere in the image; the header's sum stays right."""
    def change(data):
        struct.pack_into(f"<{len(words)}I", data, at, *words)
        struct.pack_into("<I", data, SUM, 0)
        total = sum(struct.unpack_from("<128I", data, HEADER))
        struct.pack_into("<I", data, SUM, -total & 0xffffffff)
    return change


def segment(field, word):
    return poke(KERNEL + PH + field, word)


def unsum(data):
    data[HEADER + 300] ^= 1


def no_a20(data):
    check(data[:SECTOR].count(A20[0]) == 1, "A20 is opened otherwise now")
    data[:SECTOR] = data[:SECTOR].replace(*A20)


FAULTS = {
    "A20 stays shut": (no_a20, "A20"),
    "the header's magic": (poke(HEADER, 0), "header"),
    "the header's sum": (unsum, "header"),
    "no kernel": (poke(KERNEL_START, 0), "kernel"),
    "a kernel beyond the disk": (poke(KERNEL_START, 0x0ffffff0), "disk"),
    "ELF's magic": (poke(KERNEL, 0), "kernel"),
    "ELF's type": (poke(KERNEL + 16, 0x00030003), "kernel"),
    "program headers elsewhere": (poke(KERNEL + PHOFF, 512), "kernel"),
    "no program header": (poke(KERNEL + PHNUM, 0), "kernel"),
    "too many": (poke(KERNEL + PHNUM, 15), "kernel"),
    "a segment off its sector": (segment(PH_OFFSET, 4097), "kernel"),
    "a segment beyond the disk": (segment(PH_OFFSET, 0xf0000000), "disk"),
    "a segment below 1 MiB": (segment(PH_PADDR, 0xff000), "kernel"),
    "a segment above the RAM": (segment(PH_PADDR, 0x800000), "kernel"),
    "a segment around the end": (segment(PH_MEMSZ, 0xfff00000), "kernel"),
    "more in the file": (segment(PH_FILESZ, 0x7fffffff), "kernel"),
}


def refused(env, name, change, what):
    with open(env.path("good.img"), "rb") as file:
        data = bytearray(file.read())
    change(data)
    image = env.write("bad.img", data)
    command = machine(env, image, *Qmp.words(env))
    talk = env.session(command, seconds=20)
    text = f"Hare: bad {what}"
    talk.wait(text)
    if name == "ELF's magic":
        cells = Qmp(env, talk).cells()[:len(text)]
        check(cells == [RED | ord(c) for c in text],
              f"the screen does not say {text!r}")
    talk.kill()


def test_refused(env):
    """One fault at a time: it is said, and nothing is started."""
    make(env, "good.img", "--words", "check=only")
    for name, (change, what) in FAULTS.items():
        print(f"\n{name}:")
        try:
            refused(env, name, change, what)
        except Failure as why:
            raise Failure(f"{name}: {why}") from None


def test_bochs(env):
    """The strict judge boots it; the disk's geometry fits it as well. What it
    thinks of selectors that are no good a processor would think, too."""
    image = make(env, "hare.img", "--words", "run=lives,signals")
    talk = env.bochs(image, memory=8)
    talk.wait("^hare: 8 MiB of memory")
    talk.wait("hare: all checks passed")
    talk.wait(r"lives: (\d+) of \1 promises were kept")
    talk.wait(r"signals: (\d+) of \1 promises were kept", 60)


def test_maker(env):
    """What does not fit a disk is refused with a sentence."""
    with open(env.hare, "rb") as file:
        good = bytearray(file.read())
    for name, (change, what) in FAULTS.items():
        data = bytearray(KERNEL) + good
        if what != "kernel" or name in ("no kernel",
                                        "a segment above the RAM"):
            continue
        change(data)
        said = make(env, "x.img", kernel=env.write("x.elf", data[KERNEL:]))
        check(said.startswith("disk: the kernel"), f"{name}: {said!r}")
    for words, sentence in (
            (("--words", "x" * 256), "command line has 256 bytes"),
            (("--swap", "200G"), "28 bits can number"),
            (("--swap", "much"), "is no size like 16M")):
        said = make(env, "x.img", *words)
        check(sentence in said, f"{words} was answered with {said!r}")
