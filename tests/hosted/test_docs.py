# SPDX-License-Identifier: MIT
#
# The worked sessions of docs/ are typed again. All blocks of a page that are
# marked "console" are one session: "$ " begins a command of the shell, and
# "trapline> " a line that is typed into it; so does "hare$ ", and waits for
# that prompt. Every other line must come, in this order and with nothing
# between two of them unless "..." stands there. Numbers may differ, as
# addresses are the compiler's and times the machine's, and so may the width
# of columns; words may not.
#
# Of commands other than the hosted VMM, each line must come somewhere: rows
# are sorted by how long something took, which is not always the same.
import os
import re
import subprocess
import tempfile

from machine import check, clean

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
NEEDS = ["docs/kernel.elf", "trapline.elf"]
RUN_S = 60
NUMBER = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+(\.\d+)?(e[+-]\d+)?")
UNIT = re.compile(r"# (ns|us|ms|s)\b")


class Step:
    def __init__(self, command):
        self.command, self.typed, self.want = command, [], []


def file_of(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def steps(page):
    """The commands of a page, with what is typed and what must come."""
    found = []
    text = file_of(f"docs/{page}")
    for block in re.findall(r"```console\n(.*?)```", text, re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Step(line[2:]))
                continue
            if line.startswith("trapline> "):
                found[-1].typed.append(line[10:])
            if line.startswith("hare$ "):
                found[-1].typed += ["?hare$", line[6:]]
            found[-1].want.append(line)
    check(found, f"docs/{page} has no session")
    return found


def plain(line):
    line = UNIT.sub("# s", NUMBER.sub("#", line))
    return " ".join(line.split())


def in_order(lines, want):
    """The first line that does not come, or None."""
    at, gap = 0, True
    for line in want:
        if line == "...":
            gap = True
            continue
        rest = lines[at:] if gap else lines[at:at + 1]
        if plain(line) not in rest:
            return line
        at += rest.index(plain(line)) + 1
        gap = False
    return None


def run(env, step, folder):
    words = step.command.replace("/tmp/", folder + "/") \
        .replace("build/", env.build + "/")
    if words.startswith("scripts/trace-record"):
        words = words.replace(" boot ", f" boot --build {env.build} ")
    if "trapline-host" in words:
        words = words.replace("trapline-host", "trapline-host --limit=60000")
    print("$", words, flush=True)
    done = subprocess.run(words.split(), cwd=ROOT, timeout=RUN_S,
                          input="".join(t + "\n" for t in step.typed).encode(),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = done.stdout.decode(errors="replace")
    print(said)
    check(done.returncode == 0, f"{words} ended with {done.returncode}")
    return [l.replace(folder + "/", "/tmp/") for l in clean(said)
            if l.strip()]


def replay(env, page):
    """All that was printed."""
    printed = []
    with tempfile.TemporaryDirectory() as folder:
        for step in steps(page):
            came = run(env, step, folder)
            printed += came
            if "trapline-host" in step.command:
                missing = in_order([plain(l) for l in came], step.want)
            else:
                lines = [plain(l) for l in printed]
                missing = next((w for w in step.want if w != "..." and
                                plain(w) not in lines), None)
            check(missing is None, f"docs/{page}: {missing!r} does not come")
    return printed


def test_triple_fault(env):
    replay(env, "triple-fault.md")


def test_hare(env):
    replay(env, "hare.md")


def test_who_wrote(env):
    replay(env, "who-wrote.md")


def page_fills(lines):
    """(frame, entry) of each fill of the page of translation.md."""
    return [(int(m[1], 16), int(m[2], 16)) for m in
            (re.search(r"shadow fill 0x00700000, .*frame (0x[0-9a-f]+), "
                       r"entry (0x[0-9a-f]+)", l) for l in lines) if m]


def check_quotes():
    """What README.md has of the lab's trace stands in the lab."""
    page = file_of("docs/translation.md")
    quoted = re.findall(r"^ {4}((?:exception 14|iret|shadow fill) .*)$",
                        file_of("README.md"), re.M)
    check(len(quoted) == 3 and all(f" {q}\n" in page for q in quoted),
          f"README.md quotes {quoted}")


def test_translation(env):
    """The numbers belong together: the guest's entry and the fills name the
    same PFN, the fills and the p2m the same MFN; two fills with the vtlb, one
    with the cache."""
    check_quotes()
    lines = replay(env, "translation.md")
    cached = next(i for i, l in enumerate(lines) if "at=0x700000" in l)
    fills, kept = page_fills(lines[:cached]), page_fills(lines[cached:])
    text = "\n".join(lines[:cached])
    guest = re.findall(r"PTE +768 +(0x[0-9a-f]+)", text)[-1]
    p2m = re.search(r"guest frame (0x[0-9a-f]+) is RAM, on machine frame "
                    r"(0x[0-9a-f]+)", text)
    pfn, mfn = int(p2m[1], 16), int(p2m[2], 16)
    check(len(fills) == 2 and len(kept) == 1, f"fills: {fills}, {kept}")
    check(int(guest, 16) >> 12 == pfn, f"the guest says {guest}")
    check(all(f == pfn and e >> 12 == mfn for f, e in fills),
          f"{fills} for {pfn:#x} on {mfn:#x}")


def test_context_switch(env):
    """What the page says of the counts is so: with the vtlb, eleven fills a
    switch or thereabouts; with the cache next to none."""
    fills = {}
    for line in replay(env, "context-switch.md"):
        row = line.split()
        if row and row[0] in ("vtlb", "cached"):
            fills[row[0]] = int(row[-1])
    check(3600 < fills["vtlb"] < 5600 and fills["cached"] < 200,
          f"shadow fills: {fills}")
