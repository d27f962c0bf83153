# SPDX-License-Identifier: MIT
#
# Memtest86+ of the distribution, a kernel that nobody here wrote, in a guest
# of the interpreter: it starts by Linux's boot protocol, finds the memory
# that there is and no PCI, ACPI or SMBus, draws its screen, which F1 shows,
# and passes its first tests. The same on the bare machine says what is right.
import os
import re

from machine import BARE, EXIT_ZERO, check, limit
from qmp import Qmp

IMAGE = "/boot/memtest86+ia32.bin"
# It moves itself between the two sides of 4 MiB, to test the other. No
# pause for keys at the start, and no measurement of caches.
MEM, WORDS = "4608K", "nosmp nopause nobench"
TESTING_S = 110
# What is to be seen when the tests 0 and 2 are passed (1 is off by default).
SCREEN = (r"^ +Memtest86\+ v\d+\.\d\d ", r"^Memory  : +4MB ",
          r"\bTest #3 ", r"Moving inversions, 1s & 0s",
          r"\bErrors: 0\b", r"Status: Testing", r"^ <ESC> Exit  <F1> Conf")


def memtest_image():
    check(os.path.exists(IMAGE), f"there is no {IMAGE}; install memtest86+ "
          "(scripts/deps does)")
    return IMAGE




@limit(150)
def test_passes(env):
    """Tests 0 and 2 find no error, and the screen says so."""
    talk = env.session(env.vmm_machine(
        [f"{memtest_image()} vm=memtest mem={MEM} exec=interp -- {WORDS}"],
        append="", extra=Qmp.words(env)))
    qmp = Qmp(env, talk)
    talk.wait("trapline> ")
    qmp.hit("f1")
    qmp.wait(qmp.drawn, *SCREEN, seconds=TESTING_S)
    qmp.hit("f1")
    qmp.wait(qmp.drawn, "^trapline>")
    lines = talk.command("screen memtest")
    check(any("Errors: 0" in line for line in lines),
          f"`screen memtest` prints {lines}")
    talk.command("stats memtest")
    talk.type("poweroff\r")
    check(talk.end() == EXIT_ZERO, "it did not power off")
