#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Which row of ops.def was judged by which oracle:
#
#   native  the processor of this machine ran the same instruction
#           (tests/diff; not a row that differs, nor one that only faults)
#   hand    a unit test of vmm/cpu executed it, with the manual beside it; the
#           cases that run random code are left out
#   guest   a micro-guest executed it on the hosted VMM and ended as it does
#           on QEMU (tests/hosted, tests/micro)
#
# Nothing is declared: the programs are watched while they run (rows/rows.c),
# so the table is of what happened. A row that nobody judges fails the test.
#
# usage: rows.py BUILD [CASES]
import glob
import os
import re
import subprocess
import sys
import tempfile
import textwrap

CASES = 60000
RUN_S = 100
JOBS = 2
ORACLES = ("native", "hand", "guest")
KILLED = 1  # exit status of the hosted VMM when a guest was killed


def lines(text):
    return [l for l in text.split("\n") if l]


def all_rows(build):
    """The names, in order; the first is that of no row."""
    return lines(run([f"{build}/diff/native", "--rows"])[1])


def run(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=RUN_S,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors="replace")


def native(build, cases):
    """Rows that agree with the processor. 77: this kernel has no LDT."""
    status, text = run([f"{build}/diff/native", "--judged", str(cases), "1"])
    if status == 77:
        print("native: not possible on this kernel")
        return set()
    return set(lines(text))


class Watched:
    """Rows that programs executed, each told by a file."""

    def __init__(self, folder, who):
        self.folder, self.who, self.number = folder, who, 0
        self.rows, self.failed, self.runs = set(), [], 0

    def start(self, command):
        self.number += 1
        path = os.path.join(self.folder, f"{self.who}{self.number}")
        environment = dict(os.environ, TRAPLINE_ROWS=path, UNIT_SKIP="random")
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, env=environment)
        return command, path, child

    def finish(self, started, good):
        command, path, child = started
        status = child.wait(RUN_S)
        self.runs += 1
        if status not in good:
            self.failed.append(f"{' '.join(command)}: exit code {status}")
        elif os.path.exists(path):
            self.rows |= set(lines(open(path).read()))

    def run(self, commands, good):
        waiting = []
        for command in commands:
            if len(waiting) == JOBS:
                self.finish(waiting.pop(0), good)
            waiting.append(self.start(command))
        for started in waiting:
            self.finish(started, good)


def hand(build, folder):
    watched = Watched(folder, "hand")
    watched.run([[p] for p in sorted(glob.glob(f"{build}/oracle/rows/test_*"))
                 if os.access(p, os.X_OK) and not p.endswith(".d")], (0,))
    return watched


def engine(name, expected):
    """The words for the engine that a micro-guest needs."""
    needs = re.search(rf"^{name}\s.*trap=killed", expected, re.M)
    return ["exec=interp", "interp=plain"] if needs else ["shadow=vtlb"]


def guests(build, folder):
    watched = Watched(folder, "guest")
    expected = open("tests/micro/expect.txt").read()
    names = sorted(os.path.splitext(os.path.basename(f))[0]
                   for f in glob.glob("tests/micro/*.c"))
    watched.run([[f"{build}/oracle/host", "--limit=120000", "exit=stopped",
                  f"{build}/micro/{name}.elf", "vm=t", "mem=8M",
                  *engine(name, expected)] for name in names], (0, KILLED))
    return watched


def table(rows, judged):
    """[(who, [row])], most oracles first."""
    groups = {}
    for row in rows:
        who = tuple(o for o in ORACLES if row in judged[o])
        groups.setdefault(who, []).append(row)
    return sorted(groups.items(), key=lambda g: -len(g[0]))


def show(groups):
    for who, rows in groups:
        print(f"{' + '.join(who) or 'NOBODY'}: {len(rows)} rows")
        print(textwrap.fill(" ".join(rows), 79, initial_indent="    ",
                            subsequent_indent="    ",
                            break_on_hyphens=False))


def main():
    build = sys.argv[1]
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else CASES
    rows = all_rows(build)
    with tempfile.TemporaryDirectory() as folder:
        by_hand, by_guest = hand(build, folder), guests(build, folder)
    judged = {"native": native(build, cases), "hand": by_hand.rows,
              "guest": by_guest.rows}
    groups = table(rows, judged)
    show(groups)
    missing = [r for who, some in groups if not who for r in some]
    failed = by_hand.failed + by_guest.failed
    print("rows: " + ", ".join(f"{o} {len(judged[o])}" for o in ORACLES) +
          f"; {len(rows)} rows, {len(missing)} judged by nobody; "
          f"{by_hand.runs} unit programs, {by_guest.runs} guest runs")
    for why in failed:
        print(f"why: {why}")
    if missing:
        print(f"why: no oracle judges {' '.join(missing[:20])}")
    return 1 if missing or failed or not by_hand.runs else 0


if __name__ == "__main__":
    sys.exit(main())
