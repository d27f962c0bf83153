# SPDX-License-Identifier: MIT
#
# The README's table of the seventeen instructions, cell by cell, against
# what a micro-guest finds (tests/micro/seventeen.c): a cell that says "exact"
# and no more must be, one that says more must name something that differs,
# and one that is exact by UMIP must be so with UMIP and not without.
import os
import re

from machine import cases, check

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
NEEDS = ("micro/seventeen.elf",)
CPUS = {"umip": "max", "old": "qemu64"}
COUNT = 20  # lines of the guest; PUSH, MOV and far are several each
NAMES = {"MOV from sreg": "PUSH sreg, MOV from sreg",
         "MOV to sreg": "POP sreg, MOV to sreg", "far RET": "far JMP, RET"}


def table(engine):
    """The README's cells for this engine, by the names in the first one."""
    lines = open(os.path.join(ROOT, "README.md")).read().splitlines()
    head = next(n for n, l in enumerate(lines) if l.startswith("| instruc"))
    column = [c.strip() for c in lines[head].split("|")].index(
        f"under `exec={engine}`")
    rows = {}
    for line in lines[head + 2:]:
        if not line.startswith("|"):
            return rows
        cells = [c.strip() for c in line.split("|")]
        rows[cells[1]] = cells[column]
    return rows


def row_of(name, rows):
    if name in NAMES:
        return NAMES[name]
    found = [r for r in rows if name in r.split(", ")]
    check(len(found) == 1, f"the README has {len(found)} rows for {name}")
    return found[0]


def wanted(cell, umip):
    """True: all exact; False: something differs."""
    if re.search("UMIP", cell):
        return umip
    return bool(re.fullmatch(r"exact( \(.*\))?", cell))


@cases(*[f"{e}-{c}" for e in ("trap", "interp") for c in CPUS])
def test_cells(env, case):
    engine, cpu = case.split("-")
    rows = table(engine)
    end = env.run_vmm([f"{env.build}/micro/seventeen.elf vm=t mem=8M "
                       f"exec={engine}"], cpu=CPUS[cpu])
    said = dict(re.findall(r"^seventeen: (.*): (exact|differs)$",
                           "\n".join(end.of("t")), re.M))
    check(len(said) == COUNT, f"the guest tells of {len(said)} instructions")
    exact = {}
    for name, word in said.items():
        exact.setdefault(row_of(name, rows), []).append(word == "exact")
    check(set(exact) == set(rows), f"no guest looks at {set(rows) - set(exact)}")
    for row, found in exact.items():
        check(all(found) == wanted(rows[row], cpu == "umip"),
              f"{row}: the README says \"{rows[row]}\", the guest finds "
              f"{found}")
