# SPDX-License-Identifier: MIT
#
# The same Hare, the same command line: bare on QEMU and as a guest under each
# shadow policy, and interpreted. What it prints must agree line for line; the
# guest cannot tell the difference, and so neither can this test.
import re

from machine import EXIT_PASS, EXIT_ZERO, POLICIES, cases, check

WORDS = {
    "check": "check=only",
    "counters": "run=counters",
    "processes": "run=lives,signals",  # they judge, too
    "faults": "run=faults",  # every fault maker, one after the other
    "spawnmany": "run=spawnmany",
    "memory": "run=copies:20,vmstat:0,segments",
    "several": "run=echo:one:two,fault:null,fault:syscall,counters",
}
HOW = {**{p: f"shadow={p}" for p in POLICIES}, "interp": "exec=interp"}


def same(env, words, how):
    bare = env.run_bare(words)
    bare.want_status(EXIT_PASS)
    guest = env.run_vmm([env.hare_line("alpha", words, how)])
    guest.want("alpha: exited with status 0x10").want_status(EXIT_ZERO)
    want = hare_lines(bare.lines)
    have = guest.of("alpha")
    for number, (w, h) in enumerate(zip(want, have), 1):
        check(w == h, f"line {number} differs: bare {w!r}, under the VMM "
                      f"with {how} {h!r}")
    check(len(want) == len(have), f"bare prints {len(want)} lines, under the "
                                  f"VMM {len(have)}")
    check(len(want) >= 3, f"too little to compare: {want}")
    return want


def hare_lines(lines):
    """From Hare's first word: the firmware may have spoken before it."""
    first = next((n for n, l in enumerate(lines) if l.startswith("hare")), 0)
    return [l for l in lines[first:] if l]


# Interpreted on the machine the processes would take half a minute; the hosted
# VMM interprets them.
@cases(*[f"{w}-{p}" for w in WORDS for p in HOW
         if (w, p) != ("processes", "interp")])
def test_same(env, case):
    name, how = case.split("-")
    lines = same(env, WORDS[name], HOW[how])
    if name == "check":
        check("hare: all checks passed" in lines, "a check of Hare failed")
    for program in ("lives", "signals") if name == "processes" else ():
        check(any(re.fullmatch(rf"{program}: (\d+) of \1 promises were kept.", l)
                  for l in lines), f"{program} found a broken promise")
