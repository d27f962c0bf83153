# SPDX-License-Identifier: MIT
#
# The textbook's job mixes on Hare, on the hosted VMM: the same lines again as
# bare and as a guest of the machine's.
from program import PASS, run
from schedlab import WORDS, verdict


def test_hosted(env):
    result = run(env, [[env.hare, "vm=alpha", "mem=8M", "--", *WORDS.split()]],
                 "exit=stopped")
    result.want_status(PASS)
    verdict(result.of("alpha"))
