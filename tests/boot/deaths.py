# SPDX-License-Identifier: MIT
#
# What the black box says of the ways to die in tests/micro/die.c, and what it
# should say: tests/micro/die.txt. The machine (tests/boot/test_blackbox.py)
# and the hosted VMM (tests/hosted/test_deaths.py) judge it alike.
#
# die.txt has an entry for each way: its name (and the engine, where they do
# not end alike, or "limits"), and below it, indented, the cause. Numbers that
# the linker chooses are replaced by letters before anything is compared:
#   IMAGE  an address within the guest's image
#   WORDS  the two words of a descriptor
# and how far into a function something is, is left out.
import os
import re

from machine import check

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
AT_ONCE = 15      # and one that lives
LINES_MAX = 60
# The parts of a report, in their order; not all are there each time.
HEADS = ["cause", "at", "chain", "regs", "space", "walk", "stack", "exits",
         "faults", "next"]
# A trap out of ring 3 while no TSS is loaded: no library would let that pass.
NO_TSS = """
    mov $0x80000, %esp
    lgdt table
    lidt idtr
    ljmp $8, $1f
1:  mov $0x10, %eax
    mov %eax, %ss
    mov $0x23, %eax
    mov %eax, %ds
    push $0x23
    push $stack
    push $2
    push $0x1b
    push $user
    iret
user: ud2
    .align 8
gdt: .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
    .quad 0x00cffa000000ffff, 0x00cff2000000ffff
table: .word 39
    .long gdt
idtr: .word 2047
    .long idt
    .align 8
idt: .rept 32
    .quad 0x00108e0000080000
    .endr
    .fill 64, 4, 0
stack:
"""


def expected(engine, limits=True):
    """{way: cause} by this engine. QEMU's translator does not check limits of
    segments, so a guest that runs on it directly does not die of them."""
    table, name = {}, None
    with open(f"{ROOT}/tests/micro/die.txt") as lines:
        for line in lines:
            words = line.split("#")[0].split()
            if not words:
                continue
            if not line[0].isspace():
                name, *where = words
                if where and engine not in where and where != ["limits"]:
                    name = None
                if "limits" in where and not limits:
                    name = None
            elif name:
                table[name] = f"{table.get(name, '')} {' '.join(words)}".strip()
    return table


def plain(text):
    """Without what the linker chose."""
    text = re.sub(r"\b[0-9a-f]{8} [0-9a-f]{8}\b", "WORDS", text)
    text = re.sub(r"\b(0x|[0-9a-f]{4}:)001[0-9a-f]{5}\b", r"\1IMAGE", text)
    return re.sub(r"\b(\w+)\+0x[0-9a-f]+\b", r"\1", text)


def report(lines, name):
    """The report on this VM as it came by itself: [(head, line)]."""
    head = f"trapline: {name}: "
    own = [l[len(head):] for l in lines if l.startswith(head)]
    check("black box:" in own, f"{name} left no black box: {own}")
    return parts(own[own.index("black box:") + 1:])


def parts(lines):
    out, head = [], ""
    for line in lines:
        head = line[:6].strip() or head
        out.append((head, line[7:]))
        if head == "next":
            break
    return out


def cause(found):
    return " ".join(line.strip() for head, line in found if head == "cause")


def judge(lines, name, want):
    """Is the report whole, short, and says what it should?"""
    found = report(lines, name)
    heads = [head for head, _ in found]
    order = [h for i, h in enumerate(heads) if i == 0 or heads[i - 1] != h]
    check(order == [h for h in HEADS if h in order],
          f"{name}: the parts of the report are {order}")
    for head in ("cause", "at", "regs", "stack", "next"):
        check(head in order, f"{name}: the report has no {head}")
    check(len(found) <= LINES_MAX, f"{name}: {len(found)} lines")
    check(plain(cause(found)) == want,
          f"{name}: the cause is\n{plain(cause(found))}\nnot\n{want}")
    return found


def groups(env, engine, limits=True):
    """[(ways, module lines)]; the last guest of each lives."""
    ways = sorted(expected(engine, limits))
    for first in range(0, len(ways), AT_ONCE):
        some = ways[first:first + AT_ONCE]
        lines = [[image(env, way), f"vm={way}", "mem=2M", f"exec={engine}",
                  "--", way] for way in some]
        lines.append([f"{env.build}/micro/die.elf", "vm=lives", "mem=2M",
                      f"exec={engine}"])
        yield some, lines


def image(env, way):
    if way == "notss":
        return env.guest(way, NO_TSS)
    return f"{env.build}/micro/die.elf"


def judge_group(result, ways, engine):
    want = expected(engine)
    for way in ways:
        judge(result.lines, way, want[way])
    result.want("^trapline: lives: exited with status 0x10$")
