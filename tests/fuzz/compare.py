#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The random guest on the bare machine and under the VMM: do they agree?
#
# With the word `compare` the guest keeps to what no guest can tell from the
# bare machine, and the hash in its reports is over every trap, register and
# page-table entry it saw. The same seed must give the same hashes on QEMU
# without the VMM and under both shadow policies. Where they part, the first
# such step is run once more on both sides, and its code and traps are shown.
#
# usage: compare.py [--build DIR] [--seed N] [--rounds N] [--steps N]
import argparse
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "boot"))
import machine  # noqa: E402

POLICIES = ("cached", "vtlb")
LIMIT_S = 120
EVERY = 100


def command(build, where, words):
    guest = os.path.join(build, "fuzz/random.elf")
    if where != "bare":
        return machine.Env(build, None).vmm_machine(
            [f"{guest} vm=f mem=8M shadow={where} -- {words}"], memory=96)
    return [machine.BARE, "-accel", "tcg", "-cpu", "max", "-display", "none",
            "-no-reboot", "-net", "none", "-m", "8", "-kernel", guest,
            "-append", words, "-chardev", "stdio,id=console,signal=off",
            "-device", "isa-debugcon,iobase=0xe9,chardev=console",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]


def run(build, where, words):
    try:
        done = subprocess.run(command(build, where, words), timeout=LIMIT_S,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return done.stdout.decode("latin-1")
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode("latin-1")


def reports(text):
    return re.findall(r"fuzz: (?:at|done) step=(\d+) hash=(\d+)", text)


def first_difference(build, where, seed, steps):
    """The number of the first step that did not go alike."""
    words = f"seed={seed} compare steps={steps} every=1"
    pairs = zip(reports(run(build, "bare", words)),
                reports(run(build, where, words)))
    return next((int(a[0]) - 1 for a, b in pairs if a != b), steps - 1)


def show(build, where, seed, steps):
    step = first_difference(build, where, seed, steps)
    words = f"seed={seed} compare steps={step + 1} from={step}"
    print(f"why: seed {seed}, step {step}: the bare machine and the VMM "
          f"({where}) do not agree", flush=True)
    for place in ("bare", where):
        lines = [l for l in machine.clean(run(build, place, words))
                 if "fuzz:" in l or "killed" in l]
        print("\n".join([f"{place}: {words}"] + lines[:24]), flush=True)


def agree(build, seed, steps):
    words = f"seed={seed} compare steps={steps} every={EVERY}"
    bare = reports(run(build, "bare", words))
    if not bare or int(bare[-1][0]) != steps:
        print(f"why: seed {seed}: the bare machine did not get to the end")
        return False
    for where in POLICIES:
        if reports(run(build, where, words)) != bare:
            show(build, where, seed, steps)
            return False
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3000)
    args = parser.parse_args()
    seeds = range(args.seed, args.seed + args.rounds)
    good = sum(agree(args.build, seed, args.steps) for seed in seeds)
    print(f"fuzz compare: seeds={len(seeds)} agree={good} "
          f"steps={good * args.steps}", flush=True)
    return 0 if good == len(seeds) else 1


if __name__ == "__main__":
    sys.exit(main())
