# SPDX-License-Identifier: MIT
#
# Hare from its own disk on the hosted VMM: the boot sector in real mode, the
# kernel from the disk, and then the console that a multiboot boot has. What
# the boot sector refuses, it says here as well.
from diskimage import make, multiboot, own
from machine import check
from program import PASS, run

NEEDS = ["sector.bin"]
WORDS = "run=counters,fault:null"
WAYS = {"vtlb": "shadow=vtlb", "cached": "shadow=cached",
        "interp": "exec=interp"}


def test_ways(env):
    image = make(env, "hare.img", "--words", WORDS, "--swap", "1M")
    want = multiboot(env, image, WORDS)
    result = run(env, [[image, f"vm={name}", "mem=32M", words]
                       for name, words in WAYS.items()], "exit=stopped")
    result.want_status(PASS)
    for name in WAYS:
        check(own(result.of(name)) == want, f"{name}'s console differs")


def test_refused(env):
    with open(make(env, "hare.img"), "rb") as file:
        data = bytearray(file.read())
    data[600] ^= 1
    image = env.write("bad.img", data)
    result = run(env, [[image, "vm=bad", "mem=8M"]], "exit=stopped",
                 script="?Hare: bad header\nlist\npoweroff\n")
    check(any("Hare: bad header" in l for l in result.lines),
          "a bad header is not said")
