# SPDX-License-Identifier: MIT
#
# The image as a file, and what is made of it, without booting: its size, the
# two platforms in it, a guest of one's own in the menu, the files that are
# refused.
import os
import re
import shutil
import subprocess
import sys

from machine import check

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
ISO_BYTES = 8 << 20
TOOL_S = 120


def tool(*words, status=0, **more):
    """What a command of ours prints; its exit status is checked."""
    print("$", " ".join(words), flush=True)
    done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=TOOL_S, **more)
    text = done.stdout.decode(errors="replace")
    print(text, flush=True)
    check(done.returncode == status,
          f"{words[0]} ended with {done.returncode}, not {status}: "
          f"{text.splitlines()[-1:]}")
    return text


def make_iso(env, *words, status=0):
    return tool(sys.executable, "iso/make.py", "--vmm", env.vmm, "--hare",
                env.hare, "--out", env.path("made.iso"), *words,
                status=status)


def read_from(env, iso, path):
    """One file of an image."""
    out = env.path(os.path.basename(path))
    tool("xorriso", "-osirrox", "on", "-indev", iso, "-extract", path, out)
    with open(out, errors="replace") as text:
        return text.read()


def test_size(env):
    size = os.path.getsize(env.iso)
    check(size <= ISO_BYTES, f"the ISO has {size} bytes, more than 8 MiB")


def test_platforms(env):
    """A CD and a disk, for BIOS and for UEFI: four ways in."""
    text = tool("xorriso", "-indev", env.iso, "-report_el_torito", "plain",
                "-report_system_area", "plain")
    for pattern, what in (
            (r"El Torito boot img.*BIOS +y", "a BIOS boot image for CDs"),
            (r"El Torito boot img.*UEFI +y", "a UEFI boot image for CDs"),
            (r"summary: MBR.*grub2-mbr.*GPT", "GRUB's MBR and a GPT"),
            (r"MBR partition +: .* 0x80", "an active MBR partition"),
            (r"GPT type GUID.*28732ac11ff8d211ba4b00a0c93ec93b",
             "an EFI system partition for disks")):
        check(re.search(pattern, text), f"the ISO lacks {what}")


def test_platform_missing(env):
    """Half of GRUB would make an image that half of the PCs cannot start."""
    os.makedirs(env.path("grub/i386-pc"))
    env.write("grub/i386-pc/moddep.lst", b"")
    text = make_iso(env, "--grub", env.path("grub"), status=1)
    check("install grub-efi-amd64-bin" in text,
          "it does not say which package is missing")
    check(not os.path.exists(env.path("made.iso")), "it made an ISO")


def test_guest(env):
    """A kernel of one's own is the first entry, its words as they were."""
    guest = env.guest("own", "hlt")
    make_iso(env, "--guest", guest,
             "--words", "vm=mine mem=64M -- a=$b it's \"c\"")
    config = read_from(env, env.path("made.iso"), "/boot/grub/grub.cfg")
    first = config[config.index("menuentry"):].splitlines()
    check(first[0] == "menuentry 'Trapline: own.elf' {",
          f"the first entry is {first[0]}")
    check(first[3] == "    module2 /boot/guest.elf 'vm=mine' 'mem=64M' '--' "
          "'a=$b' 'it'\\''s' '\"c\"'", f"the guest's line is {first[3]}")


def test_guest_refused(env):
    """Each wrong file gets its own sentence, and no ISO comes of it."""
    with open(env.guest("good", "hlt"), "rb") as image:
        good = image.read()
    header = good.index(b"\x02\xb0\xad\x1b")
    wrong = (
        (env.path("absent"), "cannot be read: No such file"),
        (env.tmp, "cannot be read: Is a directory"),
        (env.write("text", b"hello\n"), "is no ELF file"),
        (env.write("empty", b""), "is no ELF file"),
        (env.write("short", good[:20]), "not one of 32-bit x86"),
        (env.write("wide", good[:4] + b"\2" + good[5:]),
         "not one of 32-bit x86"),
        (env.write("sum", good[:header + 8] + b"\0" + good[header + 9:]),
         "no multiboot header"),
    )
    for path, sentence in wrong:
        text = make_iso(env, "--guest", path, status=1)
        check(sentence in text, f"{path}: {text.strip()!r} is not the answer")
        check(not os.path.exists(env.path("made.iso")), "it made an ISO")


def test_guest_changes(env):
    """make takes another guest, other words and a changed file for news,
    and nothing else."""
    build, guest = env.path("b"), env.guest("own", "hlt")
    os.mkdir(build)
    for name in ("trapline.elf", "hare.elf"):
        shutil.copy(f"{env.build}/{name}", build)

    def make(*words, status=0):
        return tool("make", f"B={build}", "-o", f"{build}/trapline.elf",
                    "-o", f"{build}/hare.elf", *words, "iso", status=status)

    made, quiet = "iso/make.py", "Nothing to be done"
    own = f"GUEST={guest}"
    for words, answer in (((), made), ((), quiet), ((own,), made),
                          ((own,), quiet),
                          ((own, "GUEST_WORDS=vm=a -- b"), made),
                          ((own, "GUEST_WORDS=vm=a -- b"), quiet),
                          ((), made), ((), quiet)):
        check(answer in make(*words), f"make {words} did not say {answer!r}")
    make(own)
    future = os.path.getmtime(f"{build}/trapline.iso") + 5
    os.utime(guest, (future, future))
    check(made in make(own), "a changed guest made no new ISO")
    make("GUEST=absent", status=2)
