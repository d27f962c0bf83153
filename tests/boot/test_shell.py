# SPDX-License-Identifier: MIT
#
# Hare's shell on a bare machine of 8 MiB: every line of tests/boot/shell.py,
# as tests/hosted/test_shell.py types them under the VMM.
import re

from machine import BARE, EXIT_PASS, check, limit
from shell import LINES, SHELL, judge, prompts


@limit(120)
def test_shell(env):
    talk = env.session(env.machine("-kernel", env.hare, program=BARE, cpu=None,
                                   memory=8), 30)
    text = talk.wait(re.escape(SHELL)) + SHELL
    for typed, _ in LINES:
        for line in typed.split("\n"):
            if line.startswith("?"):
                text += talk.wait(re.escape(line[1:])) + line[1:]
            else:
                talk.type(line + "\r")
        for _ in range(prompts(typed)):
            text += talk.wait(re.escape(SHELL)) + SHELL
    talk.type("exit\r")
    status = talk.end()
    check(status == EXIT_PASS, f"QEMU's exit code is {status}")
    judge(LINES, text)
