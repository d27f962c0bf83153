# SPDX-License-Identifier: MIT
#
# The same Hare, the same command line: bare on QEMU and as a guest under each
# shadow policy. What it prints must agree line for line; the guest cannot
# tell the difference, and so neither can this test.
from machine import EXIT_PASS, EXIT_ZERO, POLICIES, cases, check

WORDS = {
    "check": "check=only",
    "counters": "run=counters",
    "faults": "run=faults",  # every fault maker, one after the other
    "spawnmany": "run=spawnmany",
    "several": "run=echo:one:two,fault:null,fault:syscall,counters",
}


def same(env, words, policy):
    bare = env.run_bare(words)
    bare.want_status(EXIT_PASS)
    guest = env.run_vmm([env.hare_line("alpha", words, f"shadow={policy}")])
    guest.want("alpha: exited with status 0x10").want_status(EXIT_ZERO)
    want = hare_lines(bare.lines)
    have = guest.of("alpha")
    for number, (w, h) in enumerate(zip(want, have), 1):
        check(w == h, f"line {number} differs: bare {w!r}, under the VMM "
                      f"with shadow={policy} {h!r}")
    check(len(want) == len(have), f"bare prints {len(want)} lines, under the "
                                  f"VMM {len(have)}")
    check(len(want) >= 3, f"too little to compare: {want}")
    return want


def hare_lines(lines):
    """From Hare's first word: the firmware may have spoken before it."""
    first = next((n for n, l in enumerate(lines) if l.startswith("hare")), 0)
    return [l for l in lines[first:] if l]


@cases(*[f"{w}-{p}" for w in WORDS for p in POLICIES])
def test_same(env, case):
    name, policy = case.split("-")
    lines = same(env, WORDS[name], policy)
    if name == "check":
        check("hare: all checks passed" in lines, "a check of Hare failed")
