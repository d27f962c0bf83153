# SPDX-License-Identifier: MIT
#
# A real gdb in tests: its commands in a file, in batch mode, and what it has
# printed, in the order in which it is to come. It reads no file of the user's
# and asks nothing.
import re
import shutil
import subprocess

from machine import Failure, Skip, check

GDB_S = 90
HEAD = ["set pagination off", "set confirm off", "set width 0",
        "set debuginfod enabled off", "set print thread-events off"]
# Ctrl-C in so many seconds: gdb runs on meanwhile.
CTRL_C = "shell gdb=$PPID; (sleep {}; kill -INT $gdb) >/dev/null 2>&1 &"


def run(env, target, commands, seconds=GDB_S):
    """target: what follows `target`, as in "remote PATH"."""
    gdb = shutil.which("gdb")
    if not gdb:
        raise Skip("there is no gdb here; scripts/deps installs it")
    lines = HEAD + [f"target {target}"] + commands
    script = env.write("commands", "\n".join(lines + [""]).encode())
    words = [gdb, "-nx", "-q", "-batch", "-x", script]
    print("$", " ".join(words), "with\n" + "\n".join(lines), flush=True)
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, timeout=seconds,
                              stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired as late:
        print((late.stdout or b"").decode(errors="replace"))
        raise Failure(f"gdb did not end within {seconds} s") from None
    text = done.stdout.decode(errors="replace")
    print(text, flush=True)
    return text


def want(text, *patterns):
    """Each pattern behind the one before it."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern, re.M).search(text, at)
        check(found, f"gdb did not print {pattern!r} behind {text[:at]!r:.400}")
        at = found.end()
