# SPDX-License-Identifier: MIT
#
# Screen and keyboard, as somebody sees and uses them who has no serial line:
# VGA text and frame buffers of several depths and sizes, the console on them,
# each guest's own screen behind F1 and the digits, keys that reach the guest
# that is shown, and a panic. qmp.py reads the pictures.
import re

from machine import EXIT_ZERO, PROMPT, cases, check, limit
from qmp import Qmp

PASSED = "all checks passed"
HERE = "^" + PROMPT.rstrip()
HARE = r"^ *hare\$ ?"
GRUB_S = 60

# Firmware, and the screen that GRUB is told to leave; none: as the menu says.
MODES = {
    "uefi": ("uefi", None),
    "bios": ("bios", None),
    "text": ("bios", "text"),
    "16-bits": ("bios", "800x600x16"),
    "24-bits": ("bios", "1024x768x24"),
    "twice": ("bios", "1280x800x32"),
}


def two_hares(env, *extra, append=""):
    return env.vmm_machine([env.hare_line("alpha", "", mem="16M"),
                            env.hare_line("beta", "", mem="16M")],
                           append=append, extra=(*Qmp.words(env), *extra))


def without_serial(command):
    at = command.index("chardev:console")
    return command[:at] + ["none"] + command[at + 1:]


def look_around(qmp, read):
    """From the console to the guests and back, by keys alone."""
    qmp.wait(read, HERE, r"beta\] hare: " + PASSED)
    qmp.type("list\n")
    qmp.wait(read, HERE + " list", "^beta +2 ", "2 of 16 VMs")
    qmp.type("2")
    lines = qmp.wait(read, HARE, "^ *hare: " + PASSED)
    check(HERE[1:] not in "\n".join(lines), "the console is still there")
    qmp.type("echo Hello, 2 of `~!@#\n")
    qmp.wait(read, HARE + "echo Hello, 2 of `~!@#", "^ *Hello, 2 of `~!@#")
    qmp.hit("f1")
    qmp.wait(read, HERE)
    qmp.hit("f1")
    lines = qmp.wait(read, HARE)
    check("Hello" not in "\n".join(lines), "alpha shows what beta was told")
    qmp.type("echo I am alpha\n")
    qmp.wait(read, "^ *I am alpha")
    qmp.hit("f1")
    qmp.wait(read, "^ *Hello, 2 of")
    qmp.hit("f1")
    qmp.wait(read, HERE)


def test_text(env):
    """The screen of text, and what the serial line sees of it all."""
    talk = env.session(two_hares(env))
    qmp = Qmp(env, talk)
    talk.wait(re.escape(PROMPT))
    look_around(qmp, qmp.drawn)
    talk.wait("list")
    talk.wait("2 of 16 VMs")
    talk.type("\r")
    lines = talk.command("screen beta")
    check("Hello, 2 of `~!@#" in lines, f"`screen beta` prints {lines}")
    qmp.wait(qmp.drawn, "^Hello, 2 of")
    talk.command("screen")
    qmp.wait(qmp.drawn, HERE + " screen$")
    long = "abcdefghijklmnopqrstuvwxyz0123456789"
    talk.command(f"type alpha echo {long}\\n")
    qmp.type("1")
    qmp.wait(qmp.drawn, f"^{long}")
    talk.command("destroy alpha")
    qmp.wait(qmp.drawn, "^trapline: alpha: destroyed")


def by_hand(talk, payload):
    """The first entry of the menu, but for the screen. GRUB takes the size of
    the screen out of the kernel's header, so it is told after that."""
    talk.type("c")
    talk.wait("grub> ")
    for line in ("insmod all_video", "multiboot2 /boot/trapline.elf",
                 f"set gfxpayload={payload}",
                 "module2 /boot/hare.elf vm=alpha mem=16M --",
                 "module2 /boot/hare.elf vm=beta mem=16M --"):
        talk.type(line + "\r")
        talk.wait("grub> ")
    talk.type("boot")


@cases(*MODES)
@limit(120)
def test_menu(env, case):
    """The image, with the screen that GRUB is told to leave."""
    firmware, payload = MODES[case]
    talk = env.session(env.machine(
        "-cdrom", env.iso, "-boot", "d", *Qmp.words(env),
        *(env.uefi() if firmware == "uefi" else ()), memory=512), GRUB_S)
    qmp = Qmp(env, talk)
    talk.wait("two Hares")
    if payload:
        by_hand(talk, payload)
    talk.type("\r")
    talk.wait(r"  screen +(\d+x\d+) (\w+)")
    size, kind = talk.child.match.groups()
    if payload:
        check(size == ("80x25" if payload == "text" else payload[:-3]),
              f"GRUB left a screen of {size} {kind}")
    talk.wait(re.escape(PROMPT))
    look_around(qmp, qmp.drawn if kind == "characters" else qmp.painted)


@cases("text", "pixels")
def test_alone(env, case):
    """No serial port at all: the keyboard leads to the end of the machine."""
    if case == "text":
        command = two_hares(env)
    else:
        command = env.machine("-cdrom", env.iso, "-boot", "d",
                              *Qmp.words(env), *env.uefi(), memory=512)
    talk = env.session(without_serial(command))
    qmp = Qmp(env, talk)
    if case == "text":
        read = qmp.drawn
        qmp.wait(read, HERE, r"beta\] hare: " + PASSED)
    else:
        read = qmp.painted
        qmp.wait(read, HERE, r"beta\] hare: " + PASSED, seconds=60)
    qmp.type("attach alpha\n")
    qmp.wait(read, "^attached to alpha")
    qmp.type("echo through the wire\n")
    qmp.wait(read, "^through the wire")
    qmp.hit("ctrl", "bracket_right")
    qmp.wait(read, HERE + "$")
    qmp.type("poweroff\n")
    status = talk.end()
    check(status == EXIT_ZERO, f"QEMU's exit code is {status}")


def test_pages(env):
    """What has left the screen is looked at again."""
    talk = env.session(two_hares(env))
    qmp = Qmp(env, talk)
    qmp.wait(qmp.drawn, HERE, r"beta\] hare: " + PASSED)
    qmp.type("help\n")
    lines = qmp.wait(qmp.drawn, "^`help COMMAND` shows")
    check("Trapline:" not in "\n".join(lines), "there is nothing to look for")
    for _ in range(8):
        qmp.hit("shift", "pgup")
    qmp.wait(qmp.drawn, "^Trapline: this machine")
    qmp.type("x")
    qmp.wait(qmp.drawn, HERE + " x")


@cases("gp", "stack")
def test_panic(env, case):
    """A machine that panics stops with the words on its screen."""
    command = two_hares(env, append=f"crash={case}")
    at = command.index("-device")
    talk = env.session(command[:at] + command[at + 2:])
    qmp = Qmp(env, talk)
    qmp.wait(qmp.drawn, "^trapline: panic: ", "^ rax", "^Stack, innermost")


def test_failure(env):
    """No panic, but no success either: the machine stops, and says so."""
    bad = env.guest("bad", "mov $0x31, %al; out %al, $0xf4; 1: jmp 1b")
    command = env.vmm_machine([f"{bad} vm=bad mem=2M"],
                              extra=Qmp.words(env))
    at = command.index("-device")
    talk = env.session(command[:at] + command[at + 2:])
    qmp = Qmp(env, talk)
    qmp.wait(qmp.drawn, "^trapline: poweroff, status 1$")


def test_nothing_there(env):
    """Neither keyboard controller nor VGA: the serial line does."""
    talk = env.session(env.vmm_machine(
        [env.hare_line(words="")], append="", extra=(
            "-machine", "q35,i8042=off", "-vga", "none")))
    talk.wait(PASSED)
    talk.wait(re.escape(PROMPT))
    talk.command("list", "alpha")
    talk.command("screen alpha", PASSED)
    talk.command("screen")
    talk.type("poweroff\r")
    check(talk.end() == EXIT_ZERO, "it did not power off")
