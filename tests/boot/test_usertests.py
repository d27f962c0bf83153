# SPDX-License-Identifier: MIT
#
# What Hare promises to its programs, as `usertests` finds it: bare with a
# swap area, and under the VMM with each shadow policy, one of them with such an
# area and one without, in one machine. Which checks there are, and that all pass, is the same everywhere;
# who was stopped on the way may depend on time. The interpreter has its turn
# on the hosted VMM (tests/hosted/test_promises.py).
from diskimage import make
from machine import BARE, EXIT_PASS, EXIT_ZERO, POLICIES, check, limit
from usertests import LEAST, WORDS, verdicts

NEEDS = ["sector.bin"]


def test_bare(env):
    image = make(env, "swap.img", "--words", WORDS, "--swap", "2M")
    result = env.batch(env.machine("-drive", f"format=raw,file={image}",
                                   program=BARE, cpu=None, memory=8))
    result.want_status(EXIT_PASS).want("^hare: 512 pages of swap")
    check(len(verdicts(result.lines)) > LEAST, "there were too few checks")


@limit(120)
def test_vmm(env):
    result = env.run_vmm([env.hare_line(policy, f"swap=format {WORDS}",
                                        f"shadow={policy} {disk}", mem="8M")
                          for policy, disk in zip(POLICIES, ("disk=2M", ""))],
                         seconds=100)
    result.want_status(EXIT_ZERO)
    both = [verdicts(result.of(policy)) for policy in POLICIES]
    check(both[0] == both[1], "the two policies differ")
    check(len(both[0]) > LEAST, "there were too few checks")
