# SPDX-License-Identifier: MIT
#
# Guests on the hosted VMM end as they do on the machine: every micro-guest
# under each shadow policy and each engine, and Hare, whose self-check and
# programs must print what they print bare on QEMU, alone and two at a time.
import glob
import os
import re

from machine import EXIT_PASS, POLICIES, cases, check
from program import FAIL, PASS, run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
MICRO = sorted(os.path.splitext(os.path.basename(f))[0]
               for f in glob.glob(f"{ROOT}/tests/micro/*.c"))
NEEDS = [f"micro/{name}.elf" for name in MICRO] + ["hare-pushf.elf"]
# How a guest may run, as its module line says it.
WAYS = {"vtlb": ["shadow=vtlb"], "cached": ["shadow=cached"],
        "interp": ["exec=interp"]}
# What Hare is told to do, and then to end.
HARE = {"check": "check=only", "faults": "run=faults",
        "several": "run=echo:one:two,fault:null,fault:syscall,counters"}


def expectations():
    """tests/micro/expect.txt, as tests/micro/run.py reads it."""
    with open(f"{ROOT}/tests/micro/expect.txt") as lines:
        words = [line.split("#")[0].split() for line in lines]
    return {w[0]: set(w[1:]) for w in words if w}


@cases(*[f"{name}-{way}" for name in MICRO for way in WAYS])
def test_micro(env, case):
    name, way = case.split("-")
    expect = expectations().get(name, set())
    names = ("t", "u") if "twice" in expect else ("t",)
    guests = [[f"{env.build}/micro/{name}.elf", f"vm={vm}", "mem=8M",
               *WAYS[way], *["disk=1M"] * ("disk" in expect)] for vm in names]
    result = run(env, guests, "exit=stopped")
    killed = "vmm=killed" in expect
    killed |= bool({"trap=killed", "trap=fails"} & expect and
                   "exec=interp" not in WAYS[way])
    result.want_status(FAIL if killed else PASS)


def hare(env, name, *words):
    return [env.hare, f"vm={name}", "mem=16M", *words]


def own_lines(lines):
    first = next((n for n, l in enumerate(lines) if l.startswith("hare")), 0)
    return [l for l in lines[first:] if l]


@cases(*[f"{words}-{way}" for words in HARE for way in WAYS])
def test_hare(env, case):
    words, way = case.split("-")
    bare = env.batch(env.machine("-kernel", env.hare, "-append", HARE[words],
                                 program="qemu-system-i386", cpu=None,
                                 memory=16))
    bare.want_status(EXIT_PASS)
    guest = run(env, [hare(env, "alpha", *WAYS[way], "--", HARE[words])],
                "exit=stopped")
    guest.want_status(PASS)
    want, have = own_lines(bare.lines), guest.of("alpha")
    check(want == have, f"bare it prints {want}, hosted {have}")
    check(len(want) >= 3, f"too little to compare: {want}")


def test_processes(env):
    """What lives and signals promise of processes is kept interpreted."""
    guest = run(env, [hare(env, "alpha", "exec=interp", "--",
                           "run=lives,signals")], "exit=stopped")
    guest.want_status(PASS)
    for program in ("lives", "signals"):
        check(any(re.fullmatch(rf"{program}: (\d+) of \1 promises were kept.", l)
                  for l in guest.of("alpha")), f"{program}: a broken promise")


def test_pushf(env):
    """A kernel that reads IF by PUSHF: exact where it is interpreted, lost
    where it runs in ring 1."""
    for way, status in (("exec=interp", PASS), ("exec=trap", FAIL)):
        run(env, [[f"{env.build}/hare-pushf.elf", "vm=alpha", "mem=16M", way,
                   "--", "check=only"]], "exit=stopped").want_status(status)


@cases(*POLICIES)
def test_two(env, policy):
    """Both at once, to their prompts, and typed at by turns."""
    guests = [hare(env, name, f"shadow={policy}") for name in ("a", "b")]
    script = ["?[a] hare: all checks passed", "?[b] hare: all checks passed"]
    for name in ("a", "b"):
        script += [f"attach {name}", "?hare$ ", f"echo I am {name}",
                   "?hare$ ", "faults", "?(pid 22)", "\x1d"]
    result = run(env, guests, script="\n".join(script + ["poweroff", ""]))
    result.want_status(PASS)
    result.want("^I am a$", "^I am b$")
    alone = run(env, [hare(env, "a", f"shadow={policy}", "--",
                           "check=only")], "exit=stopped").of("a")
    for name in ("a", "b"):
        own = result.of(name)[:len(alone)]
        check(own == alone, f"{name} printed {own}, alone it is {alone}")
