# SPDX-License-Identifier: MIT
#
# Hare's shell in the hosted VMM, typed at from a script: every line of
# tests/boot/shell.py, and the machine's end when its first shell leaves.
from program import PASS, run
from shell import LINES, SHELL, judge


def test_shell(env):
    script = ["?" + SHELL.strip(), "attach a"]
    for line, _ in LINES:
        script += ["?" + SHELL.strip(), line]
    result = run(env, [[env.hare, "vm=a", "mem=8M"]], "exit=stopped",
                 script="\n".join(script + ["?" + SHELL.strip(), "exit", ""]))
    result.want_status(PASS)
    judge(LINES, result.text.split("leaves\r\n")[1])
