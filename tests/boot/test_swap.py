# SPDX-License-Identifier: MIT
#
# Hare swaps: to which disks, by which policies, and that nothing is lost.
#
# Memory is 8 MiB, as little as Hare wants, so that twice as much is quick. The
# fault counts are those of the textbooks that the strings come from, and the
# runs are real: the kernel's page faults, counted by the kernel.
import hashlib
import struct

from diskimage import make, own
from machine import BARE, EXIT_PASS, EXIT_ZERO
from machine import POLICIES as SHADOW
from machine import check, clean
from swaplab import POLICIES, judge_lab

SECTOR = 512
MIB = 1 << 20
# QEMU's disk cannot read the third slot, nor write the sixth.
FAILING = {"read": 24, "write": 48}
RULE = """[inject-error]
event = "{verb}_aio"
iotype = "{verb}"
errno = "5"
sector = "{sector}"
"""


def disk(env, mib, data=b""):
    path = env.write("disk.img", data)
    with open(path, "r+b") as image:
        image.truncate(int(mib * MIB))
    return path


def bare(env, drive, words, status=EXIT_PASS):
    done = env.batch(env.machine(
        "-kernel", env.hare, "-append", f"quiet {words}", "-drive",
        f"file={drive},format=raw,if=ide,index=0,rerror=report,werror=report",
        program=BARE, cpu=None, memory=8))
    return done.want_status(status)


def test_sums(env):
    """Twice the memory, by halves, under each policy."""
    done = bare(env, disk(env, 17), "swap=format run=sums:2")
    for policy in POLICIES:
        done.want(f"^sums: {policy}: 0 pages are wrong$")
    done.want(r"^sums: 7 of 7 policies lost nothing\.$")


def test_vmm(env):
    """Under each shadow policy it prints what it does bare; interpreted it
    is judged hosted."""
    words = "quiet swap=format run=swaplab"
    want = own(bare(env, disk(env, 1), words).lines)
    judge_lab(want)
    done = env.run_vmm([env.hare_line(name, words, f"disk=1M shadow={name}",
                                      "8M") for name in SHADOW])
    done.want_status(EXIT_ZERO)
    for name in SHADOW:
        check(own(done.of(name)) == want, f"{name}'s console differs")


def header(start, sectors, **more):
    """The header sector, as guest/include/disk.h has it."""
    words = [0] * 128
    words[0:2] = struct.unpack("<2I", b"Haredisk")
    words[3], words[6], words[7] = more.get("disk", 2048), start, sectors
    words[4:6] = more.get("kernel", (0, 0))
    words[2] = -sum(words) + more.get("wrong", 0) & 0xffffffff
    return bytes(SECTOR) + struct.pack("<128I", *words)


def digest(path):
    with open(path, "rb") as image:
        return hashlib.sha256(image.read()).hexdigest()


BOOTS = bytes(510) + b"\x55\xaa"
ALONE = r"^hare: the disk is not Hare's, so it is left alone"
MISSPELT = r'^hare: "swap=formatted" is no word it knows'
BEYOND = r"^hare: the disk's header names a swap area beyond the disk"
FOREIGN = {  # what is on the disk, the words, what is said
    "empty": (b"", "swap=formatted", ALONE),
    "misspelt": (b"", "swap=formatted", MISSPELT),
    "boots": (BOOTS, "swap=format", r"boots a system, so it was not format"),
    "wrong sum": (header(8, 64, wrong=1), "", ALONE),
    "beyond": (header(0xfffffff8, 64), "", BEYOND),
    "over itself": (header(0, 64), "swap=format", BEYOND),
    "over the kernel": (header(16, 64, kernel=(8, 9)), "", BEYOND),
    "under the kernel": (header(16, 64, kernel=(79, 8)), "", BEYOND),
}


def test_foreign(env):
    """A disk that is not Hare's keeps every byte."""
    for name, (data, words, sentence) in FOREIGN.items():
        image = disk(env, 1, data)
        before = digest(image)
        bare(env, image, f"{words} run=fault:memory").want(
            sentence, "memory is full, and it has the most pages")
        check(digest(image) == before, f"{name}: the disk was written")


def test_own(env):
    """A labelled one needs no word, and keeps what is beside its area; when
    it is full, one process ends and the machine goes on."""
    data = header(16, 512) + b"x" * 7168
    image = disk(env, 1, data)
    bare(env, image, "run=fault:memory,swapstat").want(
        "^hare: 64 pages of swap on the disk$",
        r"^hare: fault \(pid \d+\) was stopped: memory and swap are full, "
        r"and it has the most pages\.$", "of 64 pages of swap used$")
    with open(image, "rb") as after:
        check(after.read(len(data)) == data, "what is before the area changed")
        after.seek((16 + 512) * SECTOR)
        check(not any(after.read()), "what is behind the area changed")


def test_failing(env):
    """A disk that cannot read or write costs the process whose page it was,
    with a sentence, and no more."""
    rules = "".join(RULE.format(verb=verb, sector=sector)
                    for verb, sector in FAILING.items())
    done = bare(env, f"blkdebug:{env.write('rules', rules.encode())}:"
                f"{disk(env, 4)}", "swap=format run=usertests:storm,echo:on")
    for verb, sector in FAILING.items():
        done.want(rf"^hare: the disk did not {verb} its sectors {sector} to "
                  rf"{sector + 7}\.$", "the disk lost a page of it", "^on$")


def test_bochs(env):
    """The strict judge: TF and #DB, a disk with interrupts of its own."""
    image = make(env, "hare.img", "--words", "quiet run=swaplab,echo:done",
                 "--swap", "1M")
    judge_lab(own(clean(env.bochs(image, memory=8).wait("\ndone"))))
