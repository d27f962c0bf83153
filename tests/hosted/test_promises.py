# SPDX-License-Identifier: MIT
#
# `usertests` on the hosted VMM, interpreted: every instruction of Hare and of
# the checks by the interpreter, whose segment limits are real.
from machine import check, limit
from program import PASS, run
from usertests import LEAST, WORDS, verdicts


@limit(120)
def test_interp(env):
    result = run(env, [[env.hare, "vm=alpha", "mem=8M", "exec=interp", "--",
                        *WORDS.split()]], "exit=stopped")
    result.want_status(PASS)
    check(len(verdicts(result.of("alpha"))) > LEAST,
          "there were too few checks")
