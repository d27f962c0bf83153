# SPDX-License-Identifier: MIT
#
# Hare swaps in the hosted VMM, interpreted: TF, hidden pages, the disk and its
# interrupts, all with the accounts checked on the way.
from program import PASS, run
from swaplab import judge_lab


def test_lab(env):
    done = run(env, [[env.hare, "vm=a", "mem=8M", "disk=1M", "exec=interp",
                      "--", "quiet swap=format run=swaplab"]], "exit=stopped")
    done.want_status(PASS)
    judge_lab(done.of("a"))
