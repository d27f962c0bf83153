# SPDX-License-Identifier: MIT
#
# What the guest's swaplab prints, judged: how many page faults each policy has
# with the textbooks' reference strings. The counts are those of Silberschatz
# et al., Operating System Concepts, 10.4, and of Arpaci-Dusseau, Operating
# Systems: Three Easy Pieces, chapter 22; the loop's are counted by hand.
import re

from machine import check

POLICIES = ("fifo", "clock", "lru", "lfu", "mru", "random", "opt")
LAB = {
    "Belady's anomaly": {"fifo": (9, 10), "lru": (10, 8), "opt": (7, 6)},
    "Operating System Concepts": {"fifo": (15,), "lru": (12,), "opt": (9,)},
    "Three Easy Pieces": {"fifo": (7,), "lru": (5,), "opt": (5,)},
    "a loop": {"fifo": (15,), "lru": (15,), "mru": (7,), "opt": (7,)},
}


def lab(lines):
    """{string: {policy: faults}} of what swaplab has printed."""
    found, name = {}, None
    for line in lines:
        head = re.fullmatch(r"(\D+): [\d ]+", line)
        row = re.fullmatch(r"\s+(\w+):((?:\s+\d+ frames, \d+ faults)+)", line)
        if head:
            name = head[1]
            found[name] = {}
        elif row and name:
            found[name][row[1]] = tuple(
                int(n) for n in re.findall(r"(\d+) faults", row[2]))
    return found


def judge_lab(lines):
    found = lab(lines)
    for name, want in LAB.items():
        have = found.get(name, {})
        check(set(have) == set(POLICIES), f"{name}: {have} lacks a policy")
        for policy, faults in want.items():
            check(have[policy] == faults, f"{name}: {policy} has "
                  f"{have[policy]} faults, not {faults}")
