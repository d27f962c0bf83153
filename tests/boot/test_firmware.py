# SPDX-License-Identifier: MIT
#
# Machines that are not like the one next door: consoles on a card or nowhere,
# no keyboard controller, no tables, no PIC, timers that are missing or are
# forced. And loaders that say odd things: a piece of code between QEMU's
# loader and the VMM changes what the VMM is told (Between, below).
import os
import re
import struct
import subprocess

from machine import EXIT_ONE, EXIT_PANIC, EXIT_ZERO, PROMPT, cases, check
from qmp import Qmp

PASSED = "hare: all checks passed"
MIB = 1 << 20
PASS = "mov $0x10, %al\nout %al, $0xf4\n"
FAIL = "mov $0x55, %al\nout %al, $0xf4\n"


def swap(command, serial):
    """A machine's command line with another serial port than COM1."""
    at = command.index("-serial")
    return command[:at] + list(serial) + command[at + 2:]


CARD = ("-serial", "none", "-device", "pci-serial,chardev=console")

# What the machine is told, and what the checklist must say then.
MACHINES = {
    "usual": ((), (r"firmware +BIOS", r"loader +qemu", r"ACPI +\d+ tables",
                   r"processors +1 present, 1 used", "alarm +local APIC timer",
                   "serial +COM1", "screen +80x25 characters",
                   "keyboard +8042", r"modules +0: \d+ bytes, vm=alpha")),
    "no-8042": (("-machine", "pc,i8042=off"), ("keyboard +none",)),
    "no-8042-q35": (("-machine", "q35,i8042=off"), ("keyboard +none",)),
    "no-hpet": (("-machine", "q35,hpet=off"), ("clock +TSC",)),
    "no-acpi": (("-machine", "pc,acpi=off"), ("ACPI +none: no root pointer",)),
    "no-vga": (("-vga", "none"), ("screen +none",)),
    "four": (("-smp", "4"), (r"processors +4 present, 1 used",)),
    "no-pic": (("-machine", "microvm,pic=off,acpi=on"),
               ("interrupts +no 8259 PIC", "channel 0 of the PIT",
                r"ACPI +\d+ tables, power-off by them")),
}

# The VMM's own options; the last is no word of theirs.
OPTIONS = {
    "clock=pit": ("clock .*measured by the PIT$",),
    "clock=pit0": ("clock .*measured by channel 0 of the PIT$",),
    "clock=acpi": ("clock .*measured by the ACPI timer$",),
    "clock=hpet": ("clock .*measured by the HPET$",),
    "clock=cpuid": ("clock .*asked for does not count$",),
    "alarm=apic": ("alarm +local APIC timer$",),
    "alarm=pit": ("alarm +PIT$",),
    "clock=sun": ('option "clock=sun" is unknown; there are .*clock=pit',),
    "alarm=": ('option "alarm=" is unknown',),
}


def passes(env, result):
    check(PASSED in result.of("alpha"),
          f"it did not pass: {result.of('alpha')[-3:]}")
    return result.want_status(EXIT_ZERO)


@cases(*MACHINES)
def test_machine(env, case):
    extra, lines = MACHINES[case]
    passes(env, env.run_vmm([env.hare_line()], extra=extra)).want(*lines)


@cases(*OPTIONS)
def test_option(env, case):
    passes(env, env.run_vmm([env.hare_line()], append="exit=stopped " + case)
           ).want(*OPTIONS[case])


def test_all_rates_agree(env):
    """Each yardstick gives the same rate, where instructions are counted."""
    rates = {}
    for clock in ("pit", "pit0", "acpi", "hpet"):
        result = env.run_vmm([env.guest("end", PASS) + " vm=a mem=8M"],
                             append=f"exit=stopped clock={clock}",
                             extra=("-icount", "shift=0"))
        result.want_status(EXIT_ZERO)
        rates[clock] = int(re.search(r"TSC, (\d+) MHz", result.text)[1])
    check(max(rates.values()) - min(rates.values()) <= 10,
          f"the rates in MHz differ: {rates}")


def test_no_apic(env):
    """The PIT is the alarm, whatever one asks for."""
    result = env.run_vmm([env.hare_line()], append="exit=stopped alarm=apic",
                         cpu="max,-apic")
    passes(env, result).want("alarm +PIT; the alarm that was asked for does "
                             "not ring")


def test_no_timer(env):
    """Nothing to measure with: a sentence with advice."""
    result = env.run_vmm([env.hare_line()],
                         extra=("-machine", "microvm,pit=off,pic=off"))
    result.want("panic: the rate of the TSC cannot be found",
                "Switch the PC timer").want_status(EXIT_PANIC)


@cases("pc", "q35", "uefi")
def test_card(env, case):
    """A PCI serial card is the console, in both directions."""
    words = ("-machine", "pc" if case == "pc" else "q35")
    if case == "uefi":
        command = env.machine(*words, *env.uefi(), "-cdrom", env.iso,
                              "-boot", "d", memory=512)
    else:
        command = env.vmm_machine([env.hare_line()], append="", extra=words)
    talk = env.session(swap(command, CARD), 60)
    talk.wait(r"serial +PCI card 00:\w\w\.0")
    talk.wait(PASSED)
    talk.type("\r")
    talk.command("list", r"\balpha\b")
    talk.type("poweroff\r")
    talk.wait("poweroff, status 0")
    status = talk.end()
    check(status == EXIT_ZERO, f"QEMU's exit code is {status}")


@cases("pass", "fail")
def test_no_serial(env, case):
    """Without any serial port the machine runs to its end all the same: how
    its guest has ended shows in QEMU's exit code."""
    guest = env.guest("end", PASS if case == "pass" else FAIL)
    command = swap(env.vmm_machine([guest + " vm=a mem=8M"]),
                   ("-serial", "none"))
    result = env.batch(command)
    want = EXIT_ZERO if case == "pass" else EXIT_ONE
    check(result.status == want,
          f"QEMU's exit code is {result.status}, not {want}")


def test_no_serial_screen(env):
    """And the screen shows it."""
    command = swap(env.vmm_machine([env.hare_line()], append=""),
                   ("-serial", "none"))
    qmp = Qmp(env, env.session(command + list(Qmp.words(env))))
    qmp.wait(qmp.drawn, re.escape("[alpha] " + PASSED))


@cases("pc", "q35", "microvm,acpi=on,pic=off")
def test_soft_off(env, case):
    """As on a real PC, with no debug-exit device: the ACPI tables say how.
    (The last one has no PM1 registers but a sleep control register.)"""
    command = env.vmm_machine([env.guest("end", PASS) + " vm=a mem=8M"],
                              extra=("-machine", case))
    at = command.index("isa-debug-exit,iobase=0xf4,iosize=4")
    result = env.batch(command[:at - 1] + command[at + 1:], 20)
    check(result.status == 0, f"QEMU's exit code is {result.status}")
    result.want("poweroff, status 0", r"ACPI +\d+ tables, power-off by them")


# ---- loaders that say odd things

class Between:
    """A copy of the VMM's image with a piece of code that runs before it. It
    is entered by the boot loader, with EAX and EBX as the VMM wants them; that
    of multiboot 1 may change a copy of the information, at `info`."""

    AT = 16 * MIB
    COPY = """
        mov %ebx, %esi
        mov $info, %edi
        mov $22, %ecx
        cld
        rep movsl
    """
    SOURCE = """
    .code32
    .globl _start
    _start:
        {code}
        mov ${entry:#x}, %ecx
        jmp *%ecx
        .align 8
    info: .space 128
        {data}
    """
    USE_COPY = """
        mov $info, %ebx
        mov $0x2badb002, %eax
    """

    def __init__(self, env, code, data="", copy=True):
        if copy:
            code = self.COPY + code + self.USE_COPY
        with open(env.vmm, "rb") as source:
            image = bytearray(source.read())
        entry, headers = struct.unpack_from("<II", image, 24)
        size, count = struct.unpack_from("<HH", image, 42)
        text = self.SOURCE.format(code=code, data=data, entry=entry)
        blob = self.assemble(env, text)
        image += bytes(-len(image) % 4096)
        struct.pack_into("<IIIIIIII", image, headers + size * count, 1,
                         len(image), self.AT, self.AT, len(blob), len(blob),
                         7, 4096)
        struct.pack_into("<H", image, 44, count + 1)
        struct.pack_into("<I", image, 24, self.AT)
        self.image = env.write("between.elf", bytes(image + blob))

    def assemble(self, env, text):
        source = env.write("between.S", text.encode())
        made, flat = env.path("between.o"), env.path("between.bin")
        subprocess.run(["as", "--32", "-o", made, source], check=True)
        subprocess.run(["ld", "-m", "elf_i386", f"-Ttext={self.AT:#x}",
                        "--oformat", "binary", "-z", "noexecstack", "-o", flat,
                        made], check=True)
        with open(flat, "rb") as result:
            return result.read()

    def machine(self, env, *modules, append="exit=stopped", **more):
        command = env.vmm_machine(modules, append=append, **more)
        command[command.index(env.vmm)] = self.image
        return command


FRAME_BUFFER = """
    orl $0x1000, info
    movl ${low:#x}, info + 88
    movl ${high:#x}, info + 92
    movl ${pitch}, info + 96
    movl ${width}, info + 100
    movl ${height}, info + 104
    movl ${form:#x}, info + 108     # depth, type, red
    movl $0x08080810, info + 110    # the same red again, green
    movw $0x0800, info + 114        # blue
"""


class Memory(Qmp):
    """Pictures are taken out of the machine's memory, where no card looks."""

    AT, WIDTH, HEIGHT = 1 << 32, 1024, 768

    def picture(self):
        path = self.env.path("pixels")
        self.ask("pmemsave", val=self.AT, size=self.WIDTH * self.HEIGHT * 4,
                 filename=path)
        with open(path, "rb") as source:
            data = source.read()
        rgb = bytearray(len(data) // 4 * 3)
        for colour in range(3):
            rgb[colour::3] = data[2 - colour::4]
        row = self.WIDTH * 3
        return self.WIDTH, self.HEIGHT, [
            bytes(rgb[y * row:(y + 1) * row]) for y in range(self.HEIGHT)]


def test_frame_buffer_above_4_gib(env):
    """Memory that no map of RAM mentions, behind the first 4 GiB, is named as
    the frame buffer: the console is painted there."""
    odd = Between(env, FRAME_BUFFER.format(
        low=Memory.AT & 0xffffffff, high=Memory.AT >> 32, width=Memory.WIDTH,
        height=Memory.HEIGHT, pitch=Memory.WIDTH * 4, form=0x0120))
    command = odd.machine(
        env, env.hare_line(), append="",
        extra=("-object", "memory-backend-ram,id=far,size=64M",
               "-device", "pc-dimm,id=dimm,memdev=far"))
    command[command.index("-m") + 1] += ",slots=1,maxmem=2G"
    talk = env.session(command + list(Qmp.words(env)))
    talk.wait(r"screen +1024x768 pixels of 32 bits at 0x100000000")
    talk.wait(PASSED)
    qmp = Memory(env, talk)
    qmp.wait(qmp.painted, re.escape("[alpha] " + PASSED))


def test_frame_buffer_nowhere(env):
    """One that no processor could address: there is no screen, and nothing
    else is missing."""
    odd = Between(env, FRAME_BUFFER.format(
        low=0, high=0x80000, width=1024, height=768, pitch=4096, form=0x0120))
    passes(env, env.batch(odd.machine(env, env.hare_line(), extra=(
        "-vga", "none")))).want("screen +none")


def test_low_module(env):
    """A module below 64 KiB, where BIOSes have their things."""
    odd = Between(env, """
        mov info + 24, %ebp
        mov (%ebp), %esi
        mov 4(%ebp), %ecx
        sub %esi, %ecx
        mov $0xd000, %edi
        mov %edi, (%ebp)
        rep movsb
        mov %edi, 4(%ebp)
        mov (%ebp), %esi
    """)
    guest = env.guest("end", PASS)
    check(os.path.getsize(guest) < 0x3000, "the guest does not fit there")
    env.batch(odd.machine(env, guest + " vm=a mem=8M")).want(
        r"a: exited with status 0x10").want_status(EXIT_ZERO)


HOLE = 96 * MIB  # 16 MiB that are reserved in the middle of RAM

# An unsorted map with overlaps, a range twice, one that wraps, and a hundred
# single reserved pages.
MAP = [(128 * MIB, 128 * MIB, 1), (1 * MIB, 143 * MIB, 1),
       (1 * MIB, 143 * MIB, 1), (HOLE, 16 * MIB, 2), (0, 0x9fc00, 1),
       (160 * MIB, 4096, 3), (2**64 - 4096, 8192, 1)]
MAP += [(176 * MIB + i * 8192, 4096, 2) for i in range(100)]
MAP_KIB = 0x9f000 // 1024 + (255 - 16) * 1024 - 4 - 400


def test_odd_map(env):
    """Guests that take nearly all memory never get what is reserved."""
    words = "".join(f".long 20\n.quad {start:#x}, {size:#x}\n.long {kind}\n"
                    for start, size, kind in MAP)
    odd = Between(env, f"""
        movl $map, info + 48
        movl ${24 * len(MAP)}, info + 44
        mov ${HOLE:#x}, %edi
        mov ${16 * MIB // 4}, %ecx
        mov $0xa5a5a5a5, %eax
        rep stosl
    """, "map:\n" + words)
    talk = env.session(odd.machine(
        env, *(env.hare_line(name, mem="100M") for name in ("alpha", "beta")),
        append="") + list(Qmp.words(env)))
    talk.wait(rf"memory +{MAP_KIB // 1024} MiB, ")
    for _ in range(2):
        talk.wait(PASSED)
    path = env.path("hole")
    Qmp(env, talk).ask("pmemsave", val=HOLE, size=16 * MIB, filename=path)
    with open(path, "rb") as source:
        check(source.read() == b"\xa5" * (16 * MIB), "the hole was written to")


def test_x2apic_left_on(env):
    """Firmware that hands over the local APIC in x2APIC mode, which it may not
    leave again. QEMU's own processors have no such mode, some of Bochs's do."""
    odd = Between(env, """
        mov %eax, %edi
        mov $0x1b, %ecx
        rdmsr
        or $0xc00, %eax
        wrmsr
        mov %edi, %eax
    """, copy=False)
    iso = env.path("x2apic.iso")
    subprocess.run(["xorriso", "-indev", env.iso, "-outdev", iso, "-update",
                    odd.image, "/boot/trapline.elf",
                    "-boot_image", "any", "discard", "-boot_image", "grub",
                    "bin_path=/boot/grub/i386-pc/eltorito.img",
                    "-boot_image", "any", "boot_info_table=on",
                    "-boot_image", "grub", "grub2_boot_info=on"], check=True)
    talk = env.bochs(iso, cpu="corei7_skylake_x")
    talk.wait("two Hares")
    talk.type("\r")
    talk.wait(r"alarm +local APIC timer")
    talk.wait(r"local APIC \(x2APIC\)")
    for _ in range(2):
        talk.wait(PASSED)
    talk.type("\r")
    talk.wait(re.escape(PROMPT))
