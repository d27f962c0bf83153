# SPDX-License-Identifier: MIT
#
# The image in Bochs, the strict judge: it checks segment limits, reserved
# bits and alignment where QEMU's TCG does not look.
import re

from machine import PROMPT, cases, check

CPUS = ("corei7_sandy_bridge_2600k", "athlon64_venice", "corei7_skylake_x")


@cases(*CPUS)
def test_iso(env, case):
    """Both Hares pass, the monitor answers, the power goes off."""
    talk = env.bochs(env.iso, cpu=case)
    talk.wait("two Hares")
    talk.type("\r")
    for _ in range(2):
        talk.wait("hare: all checks passed")
    talk.type("\r")
    talk.wait(re.escape(PROMPT))
    answer = "\n".join(talk.command("list"))
    for name in ("alpha", "beta"):
        check(re.search(rf"\b{name}\b", answer), f"list shows no {name}")
    talk.command("audit")
    talk.type("poweroff\r")
    talk.wait("poweroff, status 0")
    check("soft power off" in talk.end(), "the power did not go off")
