# SPDX-License-Identifier: MIT
#
# How an attack guest ends: what its source says, and what the console showed.
# The machine (tests/attack/run.py) and the hosted VMM (tests/hosted) judge it
# alike.
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def endings(name):
    """Of done, odd, killed and endless those that ATTACK_ENDS() names."""
    source = open(f"{ROOT}/tests/attack/{name}.c").read()
    found = re.search(r'ATTACK_ENDS\("([a-z|]+)"\)', source)
    return found.group(1).split("|") if found else ["done"]


def how_ended(text):
    """done, odd (another status), killed or endless, so far."""
    found = re.search(r"trapline: attacker: (exited with status 0x(\w+)|"
                      r"killed: )", text)
    if not found:
        return "endless"
    if not found.group(2):
        return "killed"
    return "done" if found.group(2) == "10" else "odd"
