# SPDX-License-Identifier: MIT
#
# `usertests` on the hosted VMM, interpreted: every instruction of Hare and of
# the checks by the interpreter, whose segment limits are real.
from machine import check, limit
from program import PASS, run
from usertests import LEAST, WORDS, verdicts

AUDIT = 997  # without shadow tables there is little to audit


@limit(120)
def test_interp(env):
    result = run(env, [[env.hare, "vm=alpha", "mem=8M", "exec=interp", "--",
                        *WORDS.split()]], f"--audit={AUDIT}", "exit=stopped")
    result.want_status(PASS)
    check(len(verdicts(result.of("alpha"))) > LEAST,
          "there were too few checks")


def test_held(env):
    """Who takes all memory but a few pages, and keeps it, starves nobody:
    init's next program gets what it needs, however few there are."""
    leave = range(3)
    programs = [f"stress:hold:{n},echo:{n}" for n in leave]
    done = run(env, [[env.hare, "vm=a", "mem=8M", "--",
                      "quiet run=" + ",".join(programs)]], "exit=stopped")
    done.want_status(PASS).want("memory is full, and it has the most pages")
    lines = done.of("a")
    for n in leave:
        check(str(n) in lines, f"echo {n} did not run: {lines}")
