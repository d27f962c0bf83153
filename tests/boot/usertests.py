# SPDX-License-Identifier: MIT
#
# What `usertests` prints, read: one line for each check, and the count. A
# sentence about what a check found instead is a failure like any other.
import re

from diskimage import own
from machine import Failure, check

WORDS = "quiet run=usertests"
LEAST = 60


def verdicts(lines):
    """The names of the checks; all must have passed."""
    lines = own(lines)
    found = [re.fullmatch(r"usertests: ([\w-]+): (ok|FAILED)", l)
             for l in lines]
    names = [f[1] for f in found if f and f[2] == "ok"]
    said = [l for l in lines if l.startswith("usertests: ")
            and not l.endswith(": ok")]
    if said != [f"usertests: {len(names)} of {len(names)} passed"]:
        raise Failure(f"usertests said {said[-4:]}")
    check(len(set(names)) == len(names), "two checks have the same name")
    return names
