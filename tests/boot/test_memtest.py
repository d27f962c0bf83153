# SPDX-License-Identifier: MIT
#
# Memtest86+ of the distribution, a kernel that nobody here wrote, in a guest
# of the interpreter: it starts by Linux's boot protocol, finds the memory
# that there is and no PCI, ACPI or SMBus, draws its screen, which F1 shows,
# passes its first tests on all its memory and nearly all of them on little,
# and is told so by the keyboard.
import os

from machine import EXIT_ZERO, check, limit
from qmp import Qmp

NEEDS = ("trapline-host",)
IMAGE = "/boot/memtest86+ia32.bin"
MEM = "4608K"  # it moves itself across 4 MiB, to test the other side
TESTING_S = 110
# What is to be seen when the tests 0 and 2 are passed (1 is off by default).
SCREEN = (r"^ +Memtest86\+ v\d+\.\d\d ", r"^Memory  : +4(\.\d+)?MB ",
          r"\bTest #3 ", r"Moving inversions, 1s & 0s",
          r"\bErrors: 0\b", r"Status: Testing", r"^ <ESC> Exit  <F1> Conf")


def memtest_image():
    check(os.path.exists(IMAGE), f"there is no {IMAGE}; install memtest86+ "
          "(scripts/deps does)")
    return IMAGE



def start(env, words):
    """memtest86+ on the screen of a machine."""
    talk = env.session(env.vmm_machine(
        [f"{memtest_image()} vm=memtest mem={MEM} exec=interp -- {words}"],
        append="", extra=Qmp.words(env)))
    qmp = Qmp(env, talk)
    talk.wait("trapline> ")
    qmp.hit("f1")
    return talk, qmp


def finish(talk):
    talk.type("poweroff\r")
    check(talk.end() == EXIT_ZERO, "it did not power off")


@limit(150)
def test_first(env):
    """Tests 0 and 2 find no error, and the screen says so; Escape starts it
    anew, by the keyboard controller's reset."""
    talk, qmp = start(env, "nosmp nopause nobench")
    qmp.wait(qmp.drawn, *SCREEN, seconds=TESTING_S)
    qmp.hit("f1")
    qmp.wait(qmp.drawn, "^trapline>")
    lines = talk.command("screen memtest")
    check(any("Errors: 0" in line for line in lines),
          f"`screen memtest` prints {lines}")
    qmp.hit("esc")
    qmp.wait(qmp.drawn, r"\bTest #0 ", r"\bErrors: 0\b", seconds=TESTING_S)
    qmp.hit("f1")
    finish(talk)


@limit(170)
def test_pass(env):
    """All tests but the last, which waits for minutes, over as much memory
    as there is time for; chosen in its menu, by the keyboard."""
    talk, qmp = start(env, "nosmp nobench")
    for keys, words in (("", "Press <F1> to configure"),
                        ("1", "<F2> +Address range"),
                        ("2", "<F1> +Set lower limit"),
                        ("1", "Enter lower limit"),
                        ("4m\n", r"range: 4(\.0+)?MB - "),
                        ("2", "Enter upper limit"), ("1028p\n", "- 4.01MB"),
                        ("0", "<F1> +Test selection"),
                        ("1", "<F2> +Remove one test"),
                        ("2", "Enter test #"), ("10\n", r"\*{8}\."),
                        ("0", "<F1> +Test selection"),
                        ("0", r"Test #\d")):
        qmp.type(keys)
        qmp.wait(qmp.drawn, words, seconds=20)
    qmp.wait(qmp.drawn, r"\bPass: +1\b", r"\bErrors: 0\b",
             r"Status: Pass\b", seconds=TESTING_S)
    qmp.hit("f1")
    finish(talk)


@limit(120)
def test_hosted(env):
    """The same in the VMM as an ordinary program, under sanitizers; what
    would be on the screen comes by the serial line."""
    talk = env.session([f"{env.build}/trapline-host", memtest_image(),
                        "vm=memtest", f"mem={MEM}", "exec=interp", "--",
                        "nosmp", "nopause", "nobench", "console=ttyS0"])
    talk.wait(r"Memtest86\+ v\d", 40)
    talk.wait("#[3-9]  ", 60)  # the tests before it are passed
    talk.wait("Errors: 0 ", 40)
    talk.type("poweroff\r")
    talk.end(40)
