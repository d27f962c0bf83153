# SPDX-License-Identifier: MIT
#
# Module lines and images that are wrong: each kind is answered with one
# sentence that names the module by number and text, and the good guest
# beside it still runs its check to the end.
import struct

from machine import EXIT_ONE, EXIT_ZERO, cases, check

PT_LOAD = 1
BASE = 0x100000
CODE = b"\xfa\xeb\xfe"  # cli; jmp .
HEADER = struct.pack("<III", 0x1BADB002, 0, (-0x1BADB002) & 0xFFFFFFFF)


def elf(segments, entry=BASE, total=None, header=HEADER):
    """A 32-bit executable; the multiboot header stands before the program
    headers, so that a file may be cut anywhere behind it.
    segments: (paddr, bytes, size in memory)."""
    rows_at = 52 + len(header)
    offset, rows, body = rows_at + 32 * len(segments), header, b""
    for paddr, data, memory in segments:
        rows += struct.pack("<8I", PT_LOAD, offset + len(body), paddr, paddr,
                            len(data), memory, 7, 4)
        body += data
    head = b"\x7fELF\1\1\1" + bytes(9) + struct.pack(
        "<HHIIIIIHHHHHH", 2, 3, 1, entry, rows_at, 0, 0, 52, 32,
        len(segments), 0, 0, 0)
    return (head + rows + body)[:total]


def image(**more):
    return elf([(BASE, CODE, 64)], **more)


IMAGES = {
    "text": (b"#!/bin/sh\n" * 100, "not an image"),
    "no-header": (image(header=b""), "no multiboot header"),
    "truncated-header": (image(total=40), "truncated"),
    "truncated-rows": (image(total=70), "truncated"),
    "truncated-segment": (image(total=97), "truncated"),
    "overlap": (elf([(BASE, CODE, 0x2000),
                     (BASE + 0x1000, b"x", 16)]), "overlap"),
    "same-place": (elf([(BASE, CODE, 64),
                        (BASE, b"x", 1)]), "overlap"),
    "wrap": (elf([(BASE, CODE, 64),
                  (0xFFFFF000, b"x", 0x2000)]), "wraps"),
    "outside": (elf([(BASE, CODE, 64),
                     (0x40000000, b"x", 16)]), "outside the guest's memory"),
    "entry": (image(entry=0x300000), "entry point 0x300000"),
    "empty": (b"", "not an image"),
}

KEYS = {
    "unknown-key": ("vm=bad memory=32M --", "\"memory=32M\" is not a key"),
    "bad-number": ("vm=bad mem=32X --", "\"mem=32X\" will not do"),
    "zero-number": ("vm=bad mem=0 --", "\"mem=0\" will not do"),
    "huge-number": ("vm=bad mem=99999999999999999999 --", "will not do"),
    "bad-weight": ("vm=bad weight=0 --", "\"weight=0\" will not do"),
    "bad-policy": ("vm=bad shadow=magic --", "\"shadow=magic\" will not do"),
    "bad-engine": ("vm=bad exec=fast --", "\"exec=fast\" will not do"),
    "bad-name": ("vm=b!d --", "\"vm=b!d\" will not do"),
    "no-value": ("vm=bad mem= --", "mem= has no value"),
    "twice": ("vm=bad mem=8M mem=9M --", "mem= is given twice"),
    "no-name": ("mem=32M --", "there is no vm="),
    "nothing": ("", "nothing says what this module is for"),
    "duplicate": ("vm=good mem=16M --", "good"),
    "too-much": ("vm=bad mem=2G --", "memory"),
    "nobody": ("for=nobody data", "no VM has the name"),
}


def sentence(result, module, line, words):
    # The whole line: number, text (less the file), and what is wrong with it.
    head = f'trapline: module {module} ("{line.partition(" ")[2].strip()}'
    own = [l for l in result.lines if l.startswith(head)]
    check(own, f"no sentence begins {head!r}")
    check(len(own) == 1, f"more than one sentence: {own}")
    check(words in own[0], f"{own[0]!r} does not say {words!r}")
    check(own[0].endswith("."), f"not a sentence: {own[0]!r}")


def beside_good(env, line, words):
    good = env.hare_line("good", "check=only")
    result = env.run_vmm([good, line])
    sentence(result, 1, line, words)
    result.want("good: exited with status 0x10").want_status(EXIT_ZERO)
    check("hare: all checks passed" in result.of("good"),
          "the good guest did not finish its checks")


@cases(*KEYS)
def test_line(env, case):
    line, words = KEYS[case]
    beside_good(env, f"{env.hare} {line}", words)


@cases(*IMAGES)
def test_image(env, case):
    data, words = IMAGES[case]
    if case == "empty":
        data = b"\0"  # QEMU refuses a module without a byte
    path = env.write(case + ".elf", data)
    beside_good(env, f"{path} vm=bad mem=16M --", words)


def test_bad_before_good(env):
    """The order does not matter; who could not be started is not said to be
    nowhere as well."""
    good = env.hare_line("good", "check=only")
    result = env.run_vmm([f"{env.hare} vm=bad mem=x --", good,
                          f"{env.hare} vm=big mem=2G --",
                          f"{env.hare} for=big disk"])
    sentence(result, 0, f"{env.hare} vm=bad mem=x --", "will not do")
    sentence(result, 2, f"{env.hare} vm=big mem=2G --", "lower mem=")
    check("no VM has the name" not in result.text, "for=big is blamed too")
    result.want("good: exited with status 0x10").want_status(EXIT_ZERO)


def test_real_kernel_truncated(env):
    """A real kernel that ends early, as a broken download leaves it."""
    with open(env.hare, "rb") as whole:
        data = whole.read()
    at, count = struct.unpack_from("<I", data, 28)[0], data[44]
    rows = [struct.unpack_from("<8I", data, at + 32 * i) for i in range(count)]
    end = max(r[1] + r[4] for r in rows if r[0] == PT_LOAD)
    path = env.write("cut.elf", data[:end - 1])
    beside_good(env, f"{path} vm=bad --", "truncated")


def test_no_guest(env):
    result = env.run_vmm([])
    result.want("trapline: no guest was started").want_status(EXIT_ONE)


def test_only_bad_guests(env):
    result = env.run_vmm([f"{env.hare} vm=a memory=1M --",
                          f"{env.hare} vm=b mem=1X --"])
    sentence(result, 0, f"{env.hare} vm=a memory=1M --", "not a key")
    sentence(result, 1, f"{env.hare} vm=b mem=1X --", "will not do")
    result.want("trapline: no guest was started").want_status(EXIT_ONE)
