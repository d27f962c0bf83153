# SPDX-License-Identifier: MIT
#
# Other processors, boards, memory sizes and ways to load: wherever the VMM
# starts, a guest passes its checks. Then the image itself, on every PC that
# two firmwares, two boards, three media, four processors, two sizes of memory
# and two numbers of processors make: GRUB's menu answers on the serial port,
# both guests of the first entry pass, the monitor answers, the power goes off.
# These 192 take 12 minutes of one processor. On fewer than four processors
# those are left that have every three values together; TRAPLINE_PCS=all or few
# in the environment decides otherwise. A PC with UEFI is on for the first time
# when it is the first of its board and medium; the others find the firmware's
# variables as that one left them, which saves a fifth of the time.
import itertools
import os
import re
import subprocess
import sys

from machine import EXIT_ONE, EXIT_ZERO, PROMPT, THOROUGH, cases, check

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
FIRMWARE_S = 60  # the longest silence: UEFI unpacks itself in 4 s on a fast PC

MACHINES = {
    "max": {},
    "qemu64": {"cpu": "qemu64"},
    "nehalem": {"cpu": "Nehalem"},
    "q35": {"extra": ("-machine", "q35")},
    "pc": {"extra": ("-machine", "pc")},
    "small": {"memory": 64, "mem": "16M"},
    "large": {"memory": "8G", "mem": "2G", "extra": ("-machine", "q35")},
}

# The image on every PC that these make. A value is what QEMU is told; {bus}
# and {board} stand for the machine's own. On q35, "ide" means AHCI.
FIRMWARE = ("bios", "uefi")
BOARDS = ("pc", "q35")
MEDIA = {
    "cd": ("-cdrom", "{iso}", "-boot", "d"),
    "disk": ("-drive", "file={iso},format=raw,if=ide,snapshot=on"),
    "usb": ("-drive", "file={iso},format=raw,if=none,id=stick,snapshot=on",
            "-device", "{usb}", "-device", "usb-storage,drive=stick"),
}
USB = {"pc": "usb-ehci", "q35": "qemu-xhci"}
CPUS = ("max", "qemu64", "Nehalem", "EPYC")
MEMORY = {"64M": "64", "8G": "8G"}
GRUB_GREEDY = (2, 12)  # from here on GRUB takes 32 MiB for itself under UEFI,
GRUB_MEMORY = "80"     # which OVMF does not have left of 64
COUNTS = ("1", "4")
FACTORS = (FIRMWARE, BOARDS, MEDIA, CPUS, MEMORY, COUNTS)


def triples(pc):
    """The three-at-a-time choices that a PC makes, as (factor, value)."""
    return set(itertools.combinations(enumerate(pc), 3))


def covering(pcs):
    """Few of the PCs, which make every triple that all of them make: the one
    with most triples that are still missing, until none is."""
    few, missing = [], set().union(*map(triples, pcs))
    while missing:
        best = max(pcs, key=lambda pc: len(triples(pc) & missing))
        few.append(best)
        missing -= triples(best)
    return few


ALL_PCS = list(itertools.product(*FACTORS))
FEW_PCS = covering(ALL_PCS)
PCS = ALL_PCS if THOROUGH else FEW_PCS


@cases(*MACHINES)
def test_kernel(env, case):
    keys = dict(MACHINES[case])
    line = env.hare_line(mem=keys.pop("mem", "32M"))
    result = env.run_vmm([line], **keys)
    check("hare: all checks passed" in result.of("alpha"),
          f"it did not pass: {result.of('alpha')[-3:]}")
    result.want_status(EXIT_ZERO)


def test_too_old(env):
    """A processor without long mode: one sentence, no silent death."""
    talk = env.session(env.machine("-kernel", env.vmm, cpu="qemu32"))
    talk.wait(r"64-bit|long mode")


# The menu's other entries: where they are, how many guests pass. Both of
# `disks` have one to swap to, one of them from its first sector.
MENU = {"vtlb": (1, 2), "eight": (2, 8), "traced": (3, 1), "disks": (4, 2),
        "yours": (5, 2), "bare": (6, 1)}
DOWN, END_OF_LINE, BOOT = "\x0e", "\x05", "\x18"  # GRUB's Ctrl-N, -E, -X


def in_menu(env, memory=128):
    talk = env.session(env.machine("-cdrom", env.iso, "-boot", "d",
                                   memory=memory), FIRMWARE_S)
    talk.wait("will be executed automatically")
    return talk


@cases(*MENU)
def test_menu(env, case):
    row, guests = MENU[case]
    talk = in_menu(env)
    talk.type(DOWN * row + "\r")
    text = "".join(talk.wait("hare: all checks passed")
                   for _ in range(guests))
    disks = len(re.findall(r"hare: \d+ pages of swap on the disk", text))
    check(disks == (2 if case == "disks" else 0),
          f"{disks} guests have a disk to swap to")


def test_menu_edited(env):
    """Somebody adds a guest at the end of an entry, then boots that."""
    talk = in_menu(env)
    talk.type(DOWN * MENU["yours"][0] + "e")
    talk.wait("vm=mine")
    talk.type(DOWN * 20 + END_OF_LINE
              + "\rmodule2 /boot/hare.elf vm=third mem=8M -- check=only"
              + BOOT)
    talk.wait("third: exited with status 0x10")


@cases(*FIRMWARE)
def test_no_serial(env, case):
    """Without COM1 neither GRUB nor Trapline waits for anything. The guest
    ends as failed, so that QEMU's exit code can come from nobody else."""
    guest = env.guest("fails", "mov $0x11, %al\nout %al, $0xf4\nhlt")
    image = env.path("own.iso")
    subprocess.run([sys.executable, os.path.join(ROOT, "iso/make.py"),
                    "--vmm", env.vmm, "--hare", env.hare,
                    "--sector", env.sector, "--out", image,
                    "--guest", guest, "--append", "exit=stopped"],
                   check=True, timeout=FIRMWARE_S)
    words = env.uefi() if case == "uefi" else []
    words = env.machine("-cdrom", image, "-boot", "d", *words, memory=128)
    words[words.index("chardev:console")] = "none"
    result = env.batch(words)
    check(result.status == EXIT_ONE, f"QEMU's exit code is {result.status}")


def test_few_pcs(env):
    """The few PCs leave no triple of values out, and most PCs."""
    for factors in itertools.combinations(range(len(FACTORS)), 3):
        made = {tuple(pc[f] for f in factors) for pc in FEW_PCS}
        want = set(itertools.product(*(FACTORS[f] for f in factors)))
        check(made == want, f"factors {factors} lack {want - made}")
    check(len(FEW_PCS) * 4 < len(ALL_PCS), f"{len(FEW_PCS)} PCs are not few")


def memory_of(firmware, size):
    """What QEMU gets for a size. The image's GRUB is this machine's."""
    words = subprocess.run(["grub-mkrescue", "--version"], check=True,
                           capture_output=True, text=True).stdout
    version = tuple(map(int, re.search(r"(\d+)\.(\d+)", words).groups()))
    greedy = firmware == "uefi" and version >= GRUB_GREEDY
    return GRUB_MEMORY if greedy and size == "64M" else MEMORY[size]


@cases(*map("-".join, PCS))
def test_pc(env, case):
    firmware, board, media, cpu, memory, count = case.split("-")
    words = [w.format(iso=env.iso, usb=USB[board]) for w in MEDIA[media]]
    known_as = f"{board}-{media}"
    if firmware == "uefi":
        words += env.uefi(known_as)
    talk = env.session(env.machine(
        "-machine", board, "-smp", count, *words, cpu=cpu,
        memory=memory_of(firmware, memory)), FIRMWARE_S)
    talk.wait("two Hares")
    talk.type("\r")
    for _ in range(2):
        talk.wait("hare: all checks passed")
    talk.type("\r")
    talk.wait(re.escape(PROMPT))
    answer = "\n".join(talk.command("list"))
    for name in ("alpha", "beta"):
        check(re.search(rf"\b{name}\b", answer), f"list shows no {name}")
    talk.type("poweroff\r")
    talk.wait("poweroff, status 0")
    status = talk.end()
    check(status == EXIT_ZERO, f"QEMU's exit code is {status}")
    if firmware == "uefi":
        env.settled(known_as)
