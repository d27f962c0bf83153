# SPDX-License-Identifier: MIT
#
# The image as a file, and what is made of it, without booting: its size, the
# two platforms in it, a guest of one's own in the menu, the files that are
# refused; the disks that scripts/usb refuses, looking at a made-up kernel; a
# package that scripts/doctor misses.
import os
import re
import shutil
import subprocess
import sys

import pexpect

from machine import EXIT_ZERO, check

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
NEEDS = ("linux.bin",)
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
                env.hare, "--sector", env.sector,
                "--out", env.path("made.iso"), *words, status=status)


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


def test_linux(env):
    """A Linux image starts as the first entry, with its initrd."""
    initrd = env.write("initrd", b"ten bytes.")
    make_iso(env, "--guest", f"{env.build}/linux.bin", "--initrd", initrd,
             "--words", "vm=lx mem=8M -- quiet", "--append", "exit=stopped")
    result = env.batch(env.machine("-cdrom", env.path("made.iso"), "-boot",
                                   "d"))
    result.want('linux: line "quiet"', "linux: initrd at .* size 0xa sum ",
                "lx: exited with status 0x10").want_status(EXIT_ZERO)


def test_initrd_refused(env):
    initrd = env.write("initrd", b"x")
    kernel = ("--guest", f"{env.build}/linux.bin")
    for words, sentence in (
            ((*kernel, "--initrd", env.path("absent")), "cannot be read"),
            (("--initrd", initrd), "the first guest, and there is none"),
            (("--disk", initrd), "the first guest, and there is none"),
            ((*kernel, "--words", "for=me", "--initrd", initrd), "no vm=")):
        text = make_iso(env, *words, status=1)
        check(sentence in text, f"{text.strip()!r} is not {sentence!r}")


def test_guest_refused(env):
    """Each wrong file gets its own sentence, and no ISO comes of it."""
    with open(env.guest("good", "hlt"), "rb") as image:
        good = image.read()
    header = good.index(b"\x02\xb0\xad\x1b")
    wrong = (
        (env.path("absent"), "cannot be read: No such file"),
        (env.tmp, "cannot be read: Is a directory"),
        (env.write("text", b"hello\n"), "is no ELF file, no Linux"),
        (env.write("sector", bytes(510) + b"\x55\xab" + bytes(99)),
         "no disk with a boot sector"),
        (env.write("empty", b""), "is no ELF file"),
        (env.write("short", good[:20]), "not one of 32-bit x86"),
        (env.write("wide", good[:4] + b"\2" + good[5:]),
         "not one of 32-bit x86"),
        (env.write("sum", good[:header + 8] + b"\0" + good[header + 9:]),
         "no multiboot header"),
        (env.write("cut", good[:header + 12]), "is truncated: it names"),
    )
    for path, sentence in wrong:
        text = make_iso(env, "--guest", path, status=1)
        check(sentence in text, f"{path}: {text.strip()!r} is not the answer")
        check(not os.path.exists(env.path("made.iso")), "it made an ISO")


def test_guest_changes(env):
    """make takes another guest, other words and a changed file for news,
    and nothing else."""
    build, guest = env.path("b"), env.guest("my own", "hlt")
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
                          ((own, "INITRD=Makefile"), made),
                          ((own, "INITRD=Makefile"), quiet),
                          ((own, "GUEST_DISK=Makefile"), made),
                          ((own, "GUEST_WORDS=--", "VMM_WORDS=--"), made),
                          ((), made), ((), quiet)):
        check(answer in make(*words), f"make {words} did not say {answer!r}")
    make(own)
    future = os.path.getmtime(f"{build}/trapline.iso") + 5
    os.utime(guest, (future, future))
    check(made in make(own), "a changed guest made no new ISO")
    make("GUEST=absent", status=2)
    make("GUEST=absent, too", status=2)


# ---- the doctor

def test_doctor(env):
    """Here nothing is missing: these very tests run."""
    text = tool("scripts/doctor")
    check("Nothing is missing." in text, "it found something")
    check(re.search("ok +ovmf", text), "it did not look for ovmf")


def test_doctor_misses(env):
    """A package that is not installed, a GRUB that does not start and lacks
    a platform."""
    query = env.write("dpkg-query", b"""#!/bin/sh
for package in "$@"; do :; done
[ "$package" = ovmf ] || printf 'installed 1.0'
""")
    os.chmod(query, 0o755)
    os.chmod(env.write("grub-mkrescue", b"#!/bin/sh\nexit 127\n"), 0o755)
    os.makedirs(env.path("grub/i386-pc"))
    env.write("grub/i386-pc/moddep.lst", b"")
    text = tool("scripts/doctor", status=1, env={
        **os.environ, "PATH": f"{env.tmp}:{os.environ['PATH']}",
        "TRAPLINE_GRUB_DIR": env.path("grub")})
    for pattern in (r"(?m)^MISSING +ovmf ", r"(?m)^ok +xorriso +1\.0$",
                    r"(?m)^ok +GRUB i386-pc", r"(?m)^BAD +GRUB x86_64-efi",
                    r"(?m)^BAD +GRUB 2\.06", r"(?m)^Install: ovmf \(",
                    r"(?m)^3 of these"):
        check(re.search(pattern, text), f"no line like {pattern}")


# ---- the stick

def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write(text)


def disk(env, name="sdx", **changes):
    """A made-up kernel with one disk and a partition of it; the disk."""
    root = env.path(name)
    facts = {"removable": "1", "ro": "0", "size": "16384", "dev": "8:16",
             "device/type": "0", "device/vendor": "Acme",
             "device/model": "Stick"}
    facts.update(changes)
    for fact, text in facts.items():
        put(f"{root}/sys/block/{name}/{fact}", text + "\n")
    part = f"{root}/sys/block/{name}/{name}1"
    put(f"{part}/partition", "1\n")
    put(f"{part}/dev", "8:17\n")
    put(f"{root}/sys/class/block/{name}1/partition", "1\n")
    for table in ("mounts", "swaps", "self/mountinfo"):
        put(f"{root}/proc/{table}", "")
    put(f"{root}/dev/{name}", "-" * 64)
    put(f"{root}/dev/{name}1", "")
    return root


def usb(env, root, dev, typed=None):
    """scripts/usb at a terminal, or without one: (status, text)."""
    words = ["scripts/usb", env.iso, f"{root}/dev/{dev}" if dev else ""]
    around = {**os.environ, "TRAPLINE_ROOT": root}
    if typed is None:
        done = subprocess.run(words, cwd=ROOT, env=around, timeout=TOOL_S,
                              stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout
    talk = pexpect.spawn(words[0], words[1:], cwd=ROOT, env=around,
                         timeout=TOOL_S, encoding="utf-8")
    talk.expect("to go on: ")
    asked = talk.before
    talk.sendline(typed)
    talk.expect(pexpect.EOF)
    talk.close()
    return talk.exitstatus, asked + talk.before


def refused(env, root, dev, sentence, typed=None):
    status, text = usb(env, root, dev, typed)
    print(text)
    check(status == 1 and sentence in text,
          f"exit status {status}, {text.strip()!r}; not {sentence!r}")
    if os.path.exists(f"{root}/dev/sdx"):
        check(os.path.getsize(f"{root}/dev/sdx") == 64, "the disk has changed")


def test_usb_refuses(env):
    """Anything but a whole, removable, unused disk of some size."""
    facts = (
        ({"removable": "0"}, "is not a removable disk"),
        ({"removable": ""}, "is not a removable disk"),
        ({"device/type": "5"}, "a drive of another kind"),
        ({"ro": "1"}, "is write-protected"),
        ({"size": "0"}, "has no medium"),
        ({"size": str(os.path.getsize(env.iso) // 512 - 1)}, "the ISO"),
        ({"holders/dm-0": ""}, "/dev/sdx is part of dm-0"),
        ({"sdx1/holders/md0": ""}, "/dev/sdx1 is part of md0"),
        ({"device/type": ""}, "at a terminal"),
        ({}, "at a terminal"),
    )
    for changes, sentence in facts:
        refused(env, disk(env, **changes), "sdx", sentence)
        shutil.rmtree(env.path("sdx"))


def test_usb_refuses_in_use(env):
    for table, row in (("mounts", "/dev/sdx / ext4 rw 0 0\n"),
                       ("mounts", "/dev/sdx1 /media/me vfat rw 0 0\n"),
                       ("swaps", "Filename Type\n/dev/sdx1 partition 1 0\n"),
                       ("self/mountinfo", "1 2 8:17 / /m rw - vfat /dev/q\n"),
                       ("self/mountinfo", "1 2 8:16 / /m rw - vfat /dev/q\n")):
        root = disk(env)
        put(f"{root}/proc/{table}", row)
        refused(env, root, "sdx", "is mounted or in use as swap")


def test_usb_refuses_names(env):
    root = disk(env)
    put(f"{root}/elsewhere", "")
    for dev, sentence in (("", "say which disk"), ("sdy", "there is no"),
                          ("sdx1", "is a partition"),
                          ("../elsewhere", "is no disk")):
        refused(env, root, dev, sentence)
    put(f"{root}/dev/tty", "")
    refused(env, root, "tty", "is no disk that the kernel knows")
    refused(env, root, "sdx", "nothing was written", typed="yes")
    refused(env, root, "sdx", "nothing was written", typed="")


def test_usb_refuses_real(env):
    """Without a made-up kernel, neither a file nor a character device."""
    for dev in (env.write("file", b""), "/dev/null"):
        text = tool("scripts/usb", env.iso, dev, status=1)
        check("is no disk in /dev" in text, f"{dev} was not refused as such")


def test_usb_writes(env):
    """The right disk, its name typed: the image, byte by byte. A link to it
    will do."""
    root = disk(env)
    os.makedirs(f"{root}/dev/disk/by-id")
    os.symlink("../../sdx", f"{root}/dev/disk/by-id/stick")
    status, text = usb(env, root, "disk/by-id/stick", typed="sdx")
    check(status == 0, f"exit status {status}: {text}")
    check("Acme Stick, 8 MiB" in text, "it does not say which disk")
    with open(env.iso, "rb") as want, open(f"{root}/dev/sdx", "rb") as got:
        check(want.read() == got.read(), "the disk does not hold the image")
