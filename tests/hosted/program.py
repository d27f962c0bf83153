# SPDX-License-Identifier: MIT
#
# The hosted VMM in tests: one run of build/trapline-host from a script to its
# end. There is no QEMU and no waiting: the script's lines `?TEXT` wait for
# what is printed (tests/fake/arch_hosted_script.c), in machine time, so each
# run is the same to the instruction. What the program says of itself goes to
# stderr and is kept apart from the console.
import re
import subprocess

from machine import Failure, Result, check

PASS, FAIL, USAGE = 0, 1, 2
LIMIT_MS = 120000   # of machine time
AUDIT = 97          # all accounts before so many entries
RUN_S = 120         # of real time


class Run(Result):
    """What a run has left: exit status, console, and figures."""

    def __init__(self, done):
        super().__init__(done.returncode,
                         done.stdout.decode(errors="replace"))
        self.said = done.stderr.decode(errors="replace")

    def figures(self):
        """(instructions, exits, interpreted, ms)"""
        found = re.search(r"(\d+) instructions, (\d+) exits, (\d+) "
                          r"interpreted, ([\d.]+) ms", self.said)
        check(found, f"the program did not say what it has run: {self.said}")
        return tuple(int(n) for n in found.groups()[:3]) + (found[4],)

    def want_status(self, status):
        check(self.status == status,
              f"the exit status is {self.status}, not {status}; last words: "
              f"{[l for l in self.lines if l][-3:]} {self.said[-1500:]}")
        if status in (PASS, FAIL):
            last = [l for l in self.lines if l][-1:]
            check(last == [f"trapline: poweroff, status {status}"],
                  f"the last line is {last}")
        return self


def command(env, guests, *options):
    """guests: one list of words each, the file first."""
    words = [f"{env.build}/trapline-host", *options]
    for number, guest in enumerate(guests):
        words += ([","] if number else []) + guest
    return words


def run(env, guests, *options, script="", seconds=RUN_S):
    words = command(env, guests, f"--limit={LIMIT_MS}",
                    f"--audit={AUDIT}", *options)
    print("$", " ".join(words), flush=True)
    path = env.write("script", script.encode())
    try:
        with open(path, "rb") as typed:
            done = subprocess.run(words, stdin=typed, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=seconds)
    except subprocess.TimeoutExpired as late:
        print((late.stdout or b"").decode(errors="replace"))
        raise Failure(f"the program did not end within {seconds} s") from None
    result = Run(done)
    print(result.text + result.said, flush=True)
    return result
