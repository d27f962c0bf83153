# SPDX-License-Identifier: MIT
#
# The figures repeat; reflecting a system call or a fault costs at most 250
# instructions of the VMM for each entry while nobody traces, and a record of
# the trace at most 62. Counts are machine-independent here (-icount), so a
# limit is a limit.
import os
import re

from machine import Failure, check, limit
import subprocess

NEEDS = ("bench/interp",)
LIMIT = 250
RECORD_LIMIT = 62
SECONDS = 420


@limit(SECONDS + 20)
def test_counts(env):
    command = ["/usr/bin/python3", "scripts/bench.py", env.build, "--counts",
               "--json", env.path("bench.json"), "--limit", str(LIMIT),
               "--record-limit", str(RECORD_LIMIT)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=SECONDS,
                              stderr=subprocess.STDOUT, text=True)
    except subprocess.TimeoutExpired:
        raise Failure(f"the bench did not end within {SECONDS} s") from None
    print(done.stdout)
    told = [l for l in done.stdout.splitlines() if l.startswith("bench: ")]
    check(done.returncode == 0, "; ".join(told) or "the bench failed")
    check(os.path.getsize(env.path("bench.json")) > 100, "the JSON is empty")
    check(re.search(r"^null_syscall\s", done.stdout, re.M),
          "no figure for a null syscall")
    check(re.search(r"^the trace, VMM instructions for a record: null_syscall",
                    done.stdout, re.M), "no figure for a record")
    check(re.search(r"^threaded\s.* of the VMM for one", done.stdout, re.M),
          "no figure for the interpreter")
