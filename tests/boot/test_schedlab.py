# SPDX-License-Identifier: MIT
#
# The textbook's job mixes on Hare's scheduler, bare and as a guest: the
# charts and figures worked out by hand, whatever the machine is busy with.
from machine import EXIT_PASS, EXIT_ZERO
from schedlab import WORDS, verdict


def test_bare(env):
    result = env.run_bare(WORDS)
    result.want_status(EXIT_PASS)
    verdict(result.lines)


def test_vmm(env):
    result = env.run_vmm([env.hare_line("alpha", WORDS, mem="8M")])
    result.want_status(EXIT_ZERO)
    verdict(result.of("alpha"))
