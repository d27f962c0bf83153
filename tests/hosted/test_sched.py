# SPDX-License-Identifier: MIT
#
# The VMM's scheduler with guests that do nothing but run: shares and caps
# while the policy changes under them, and the textbook's three jobs of 100, 10
# and 10 ms, whose turnarounds are held to the values computed by hand.
import re

from machine import check
from program import PASS, run

FOREVER = "cli\n1: jmp 1b"
LOOPS_IN_MS = 5000   # two instructions each, 100 ns an instruction
EXIT = "mov $0x10, %al\nout %al, $0xf4\nhlt"
CPU_MS, TURNAROUND = 5, 10


def job(env, ms):
    return env.guest(f"job{ms}", f"mov ${ms * LOOPS_IN_MS}, %ecx\n"
                                 f"1: dec %ecx\njnz 1b\n{EXIT}")


def columns(result, name, column, width):
    """A column of all tables of that width, by time."""
    rows = [l.split() for l in result.lines]
    return [float(r[column]) for r in rows
            if r and r[0] == name and len(r) == width]


def near(got, want, within, what):
    check(all(abs(g - w) <= within for g, w in zip(got, want)) and
          len(got) == len(want), f"{what}: {got} and not {want}")


def test_shares(env):
    """1 and 3 by stride, with a third one that may have 10 of 100; nothing
    for the others under fifo; all again under mlfq."""
    loop = env.guest("loop", FOREVER)
    guests = [[loop, "vm=a", "mem=4M", "--"],
              [loop, "vm=b", "mem=4M", "weight=3", "--"],
              [loop, "vm=c", "mem=4M", "cap=10", "--"]]
    commands = ("wait 400ms; list; sched fifo; wait 100ms; list; sched mlfq "
                "boost=100ms; sched a weight=3; wait 400ms; list; poweroff")
    result = run(env, guests, "sched=stride", f"trapline.cmd={commands}")
    result.want_status(PASS)
    spent = {n: [y - x for x, y in zip([0] + ms, ms)] for n in "abc"
             for ms in [columns(result, n, CPU_MS, 8)]}
    print(spent)
    near([spent[n][0] for n in "abc"], [90, 270, 40], 11, "by stride")
    near(sorted(spent[n][1] for n in "abc"), [0, 0, 100], 11, "by fifo")
    near([spent[n][2] for n in "abc"], [180, 180, 40], 32, "by mlfq")
    result.want("fifo is for teaching: .*")


def test_jobs(env):
    """Turnarounds of 100, 10 and 10 ms that come together. They declare a
    millisecond more, for what the VMM does for them is theirs as well;
    so under round-robin those of 10 ms need a second turn."""
    for policy, want in (("fifo", [100, 110, 120]), ("sjf", [120, 10, 20]),
                         ("stcf", [120, 10, 20]), ("rr", [120, 30, 30]),
                         ("rr,quantum=1ms", [120, 30, 31])):
        guests = [[job(env, ms), f"vm={name}", "mem=4M",
                   f"length={ms + 1}ms", "--"] for name, ms in zip("abc", (100, 10, 10))]
        result = run(env, guests, f"sched={policy}", "exit=stopped",
                     "trapline.cmd=wait a stopped; wait b stopped; "
                     "wait c stopped; sched")
        result.want_status(PASS)
        got = [columns(result, n, TURNAROUND, 12)[0] for n in "abc"]
        near(got, want, 3, policy)


def test_mistake(env):
    loop = env.guest("loop", FOREVER)
    result = run(env, [[loop, "vm=a", "mem=4M", "--"]], "sched=magic")
    result.want_status(2)
    check("\"magic\" is no policy and no knob" in result.said, result.said)
