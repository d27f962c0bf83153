# SPDX-License-Identifier: MIT
#
# Guests on the hosted VMM end as they do on the machine: every micro-guest
# under each shadow policy, and Hare, whose self-check must print what it
# prints bare on QEMU, alone and two at a time.
import glob
import os
import re

from machine import EXIT_PASS, POLICIES, cases, check
from program import FAIL, PASS, run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
MICRO = sorted(os.path.splitext(os.path.basename(f))[0]
               for f in glob.glob(f"{ROOT}/tests/micro/*.c"))


def expectations():
    """tests/micro/expect.txt, as tests/micro/run.py reads it."""
    with open(f"{ROOT}/tests/micro/expect.txt") as lines:
        words = [line.split("#")[0].split() for line in lines]
    return {w[0]: set(w[1:]) for w in words if w}


@cases(*[f"{name}-{policy}" for name in MICRO for policy in POLICIES])
def test_micro(env, case):
    name, policy = case.split("-")
    expect = expectations().get(name, set())
    names = ("t", "u") if "twice" in expect else ("t",)
    guests = [[f"{env.build}/micro/{name}.elf", f"vm={vm}", "mem=8M",
               f"shadow={policy}"] for vm in names]
    result = run(env, guests, "exit=stopped")
    result.want_status(FAIL if "vmm=killed" in expect else PASS)


def hare(env, name, *words):
    return [env.hare, f"vm={name}", "mem=16M", *words]


def self_check(lines):
    first = next((n for n, l in enumerate(lines) if l.startswith("hare")), 0)
    return [l for l in lines[first:] if l]


@cases(*POLICIES)
def test_hare(env, policy):
    bare = env.batch(env.machine("-kernel", env.hare, "-append", "check=only",
                                 program="qemu-system-i386", cpu=None,
                                 memory=16))
    bare.want_status(EXIT_PASS)
    guest = run(env, [hare(env, "alpha", f"shadow={policy}", "--",
                           "check=only")], "exit=stopped")
    guest.want_status(PASS)
    want, have = self_check(bare.lines), guest.of("alpha")
    check(want == have, f"bare it prints {want}, hosted {have}")
    check("hare: all checks passed" in have, "a check of Hare failed")


@cases(*POLICIES)
def test_two(env, policy):
    """Both at once, to their prompts, and typed at by turns."""
    guests = [hare(env, name, f"shadow={policy}") for name in ("a", "b")]
    script = ["?[a] hare: all checks passed", "?[b] hare: all checks passed"]
    for name in ("a", "b"):
        script += [f"attach {name}", "?hare$ ", f"echo I am {name}",
                   "?hare$ ", "faults", "?hare$ ", "\x1d"]
    result = run(env, guests, script="\n".join(script + ["poweroff", ""]))
    result.want_status(PASS)
    result.want("^I am a$", "^I am b$")
    alone = run(env, [hare(env, "a", f"shadow={policy}", "--",
                           "check=only")], "exit=stopped").of("a")
    own = [[l for l in result.of(name) if re.match("hare:|check:", l)]
           for name in ("a", "b")]
    check(own[0] == own[1], f"a printed {own[0]}, b {own[1]}")
    check(own[0][:len(alone)] == alone,
          f"a printed {own[0]}, alone it is {alone}")
