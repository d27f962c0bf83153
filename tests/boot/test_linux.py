# SPDX-License-Identifier: MIT
#
# Guests that start by Linux's 32-bit boot protocol: a small kernel of our
# own, which says what it was told (tests/linux), under each engine, moved
# about and with an initrd; and images, command lines and initrds that are
# wrong, each answered with one sentence.
import os
import struct

from machine import EXIT_ONE, EXIT_ZERO, cases, check

NEEDS = ("linux.bin", "trapline-host")
MEM = 8 << 20
PAGE = 4096
# What an engine cannot hide from a guest that looks: CS and SS with the ring
# they really have, and IF (README, "The seventeen").
LOOKS = {"trap": "cs 0x11 ss 0x19 ds 0x18 es 0x18 paging 0x0 protected 0x1 "
                 "interrupts 0x1",
         "interp": "cs 0x10 ss 0x18 ds 0x18 es 0x18 paging 0x0 "
                   "protected 0x1 interrupts 0x0"}
INITRD = bytes(range(256)) * 40 + b"the end"

# Offsets in the setup header, and how they are written.
FIELDS = {"sects": (0x1f1, "B"), "size": (0x1f4, "I"), "flag": (0x1fe, "H"),
          "jump": (0x201, "B"), "magic": (0x202, "4s"),
          "version": (0x206, "H"), "loadflags": (0x211, "B"),
          "start": (0x214, "I"), "initrd_max": (0x22c, "I"),
          "alignment": (0x230, "I"), "relocatable": (0x234, "B"),
          "min_alignment": (0x235, "B"), "cmdline": (0x238, "I"),
          "preferred": (0x258, "Q"), "init_size": (0x260, "I")}


def image(env, name="kernel.bin", cut=None, **fields):
    """The kernel with fields of its header altered; the path."""
    with open(os.path.join(env.build, "linux.bin"), "rb") as source:
        data = bytearray(source.read())
    for field, value in fields.items():
        at, form = FIELDS[field]
        struct.pack_into("<" + form, data, at, value)
    return env.write(name, bytes(data[:cut]))


def total(data):
    result = 0
    for byte in data:
        result = (result * 31 + byte) & 0xffffffff
    return result


def told(result, *lines):
    own = result.of("lx")
    for line in lines:
        check(f"linux: {line}" in own, f"no line {line!r} in {own}")


@cases(*LOOKS)
def test_start(env, engine):
    """Registers, segments, memory, screen and command line; and that there
    is nothing more than the loader told of."""
    line = f"{image(env)} vm=lx mem=8M exec={engine} -- root=/dev/x  ro quiet"
    result = env.run_vmm([line])
    told(result, LOOKS[engine], "segments loaded",
         "params at 0x90000 loader 0xff version 0x20f start 0x100000 "
         "alignment 0x100000", 'line "root=/dev/x  ro quiet"',
         "screen mode 0x3 columns 0x50 lines 0x19 vga 0x1",
         "map 0x0 0x9fc00 0x1", "map 0x9fc00 0x400 0x2",
         "map 0xf0000 0x10000 0x2", f"map 0x100000 {MEM - 0x100000:#x} 0x1",
         f"above {(MEM - 0x100000) >> 10:#x}",
         "initrd at 0x0 size 0x0 sum 0x0",
         "pci 0xffffffff 0xffffffff other 0xff 0xff",
         "tables 0x0 ebda 0x0 apics 0xffffffff 0xffffffff hpet 0xffffffff")
    result.want("lx: exited with status 0x10").want_status(EXIT_ZERO)


@cases(*LOOKS)
def test_initrd(env, engine):
    """The last pages of memory, or the last that the kernel takes."""
    initrd = env.write("initrd", INITRD)
    size = -(-len(INITRD) // PAGE) * PAGE
    for most, top in ((0x37ffffff, MEM), (0x4fffff, 0x500000)):
        result = env.run_vmm([
            f"{image(env, initrd_max=most)} vm=lx mem=8M exec={engine} --",
            f"{initrd} for=lx initrd"])
        told(result, 'line ""', f"initrd at {top - size:#x} "
             f"size {len(INITRD):#x} sum {total(INITRD):#x}")
        result.want_status(EXIT_ZERO)


@cases(*LOOKS)
def test_hosted(env, engine):
    """The same in the VMM as an ordinary program, under sanitizers."""
    result = env.batch([
        f"{env.build}/trapline-host", "exit=stopped", image(env), "vm=lx",
        "mem=8M", f"exec={engine}", "--", "quiet", ",",
        env.write("initrd", INITRD), "for=lx", "initrd"])
    told(result, LOOKS[engine], "segments loaded", 'line "quiet"',
         f"initrd at {MEM - 3 * PAGE:#x} size {len(INITRD):#x} "
         f"sum {total(INITRD):#x}",
         "pci 0xffffffff 0xffffffff other 0xff 0xff")
    result.want("lx: exited with status 0x10")


@cases("preferred", "lowest", "least", "fixed")
def test_place(env, case):
    """A kernel that can be moved, and where it is moved to."""
    wish = {"preferred": (0x400000, 0x200000, 21),
            "lowest": (0x1000000, 0x200000, 21),
            "least": (0x1000000, 0x1000000, 13),
            "fixed": (0x100000, 0x300000, 0)}
    at = {"preferred": 0x400000, "lowest": 0x200000, "least": 0x100000,
          "fixed": 0x300000}[case]
    alignment = {"least": 0x2000, "fixed": 0x300000}.get(case, 0x200000)
    preferred, align, least = wish[case]
    path = image(env, preferred=preferred, alignment=align,
                 min_alignment=least, relocatable=case != "fixed",
                 start=0x300000)
    result = env.run_vmm([f"{path} vm=lx mem=8M --"])
    told(result, f"params at 0x90000 loader 0xff version 0x20f start {at:#x} "
         f"alignment {alignment:#x}")
    result.want_status(EXIT_ZERO)


def test_reset_and_create(env):
    """The image and its initrd come back as they were; a second VM of the
    same module has no initrd, because that is for the first."""
    initrd = env.write("initrd", INITRD)
    talk = env.session(env.vmm_machine(
        [f"{image(env)} vm=lx mem=8M -- one", f"{initrd} for=lx initrd"],
        append=""))
    sum_line = f"sum {total(INITRD):#x}"
    for command in ("reset lx", "create vm=two mem=8M module=0 -- two"):
        talk.wait("exited with status 0x10")
        talk.wait("trapline> ")
        talk.type(command + "\r")
        talk.wait(r'line "(one|two)"')
        talk.wait(sum_line if command[0] == "r" else "initrd at 0x0 size 0x0")
    talk.type("poweroff\r")
    check(talk.end() == EXIT_ZERO, "it did not power off")


IMAGES = {
    "sector": (dict(magic=b"hdrs"), "it starts from its disk"),
    "old": (dict(version=0x205), "its boot protocol is 2.05, too old"),
    "zimage": (dict(loadflags=0), "it is a zImage"),
    "header": (dict(jump=0x10), "its setup header ends at byte 0x212"),
    "cut": (dict(cut=-100), "the Linux image is truncated"),
    "cut-setup": (dict(cut=0x220), "the Linux image is truncated"),
    "cut-sector": (dict(cut=0x1ff), "it is not an image"),
    "large": (dict(init_size=0x800000), "needs 8192 KiB from 0x100000 on"),
    "high": (dict(preferred=0x2000000), "from 0x2000000 on"),
    "alignment": (dict(relocatable=1, alignment=5), "is not a power of two"),
    "line": (dict(cmdline=3), "has 5 characters, and this kernel takes 3"),
}

INITRDS = {
    "two": ([b"x", b"y"], ["initrd", "initrd"], "two modules are its initrd"),
    "swap": ([b"x"], ["swap"], "says \"swap\""),
    "unsaid": ([b"x"], [""], "write for=NAME initrd"),
    "large": ([bytes(8 << 20)], ["initrd"], "the initrd of 8192 KiB does not"),
}


def refused(env, modules, module, words):
    result = env.run_vmm(modules)
    own = [l for l in result.lines
           if l.startswith(f"trapline: module {module} (")]
    check(len(own) == 1, f"not one sentence about module {module}: {own}")
    check(words in own[0] and own[0].endswith("."),
          f"{own[0]!r} does not say {words!r}")
    result.want("trapline: no guest was started").want_status(EXIT_ONE)


@cases(*IMAGES)
def test_bad_image(env, case):
    fields, words = IMAGES[case]
    refused(env, [f"{image(env, **fields)} vm=lx mem=8M -- words"], 0, words)


@cases(*INITRDS)
def test_bad_initrd(env, case):
    files, lines, words = INITRDS[case]
    attached = [f"{env.write(f'file{n}', data)} for=lx {line}"
                for n, (data, line) in enumerate(zip(files, lines))]
    refused(env, [f"{image(env)} vm=lx mem=8M --", *attached], 0, words)


def test_initrd_of_nobody(env):
    initrd = env.write("initrd", INITRD)
    result = env.run_vmm([f"{image(env)} vm=lx mem=8M --",
                          f"{initrd} for=xl initrd"])
    result.want('module 1 .".*for=xl initrd"\\): no VM has the name')
    told(result, "initrd at 0x0 size 0x0 sum 0x0")
    result.want_status(EXIT_ZERO)
