# SPDX-License-Identifier: MIT
#
# Random guests (tests/fuzz/random) on the hosted VMM, by seeds that stay:
# under each shadow policy and engine the VMM must outlive them, its accounts
# must be right before and after they are destroyed, and a seed must end the
# same way twice. Most of these guests kill themselves sooner or later.
import re

from machine import cases, check
from program import PASS, run

NEEDS = ["fuzz/random.elf"]
WAYS = {"vtlb": "shadow=vtlb", "cached": "shadow=cached",
        "interp": "exec=interp"}
SEEDS = (15, 22)
STEPS = "steps=2000 every=250"
SCRIPT = ("?trapline: f: \nlist\n?memory free\naudit\n?audit: clean\n"
          "destroy f\n?f: destroyed\naudit\n?audit: clean\npoweroff\n")


def once(env, seed, way):
    result = run(env, [[f"{env.build}/fuzz/random.elf", "vm=f", "mem=8M",
                        WAYS[way], "--", f"seed={seed}", *STEPS.split()]],
                 "canary=1", script=SCRIPT)
    result.want_status(PASS)
    found = re.search(r"trapline: f: (exited|killed|resets)[^\n]*",
                      result.text)
    check(found, "the guest did not end")
    return found[0], result.figures()


@cases(*[f"{seed}-{way}" for seed in SEEDS for way in WAYS])
def test_seed(env, case):
    seed, way = case.split("-")
    first = once(env, seed, way)
    if seed == str(SEEDS[0]):
        again = once(env, seed, way)
        check(first == again, f"at first {first}, then {again}")
