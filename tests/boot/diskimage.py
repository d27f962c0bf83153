# SPDX-License-Identifier: MIT
#
# Images of Hare's disk for tests, by scripts/disk.py, and the lines of a
# console that are Hare's own.
import os
import subprocess
import sys

from machine import BARE, EXIT_PASS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def make(env, name, *words, kernel=None):
    """An image; or the sentence by which the maker refused."""
    command = [sys.executable, "scripts/disk.py", "--out", env.path(name),
               "--sector", os.path.abspath(f"{env.build}/sector.bin"),
               "--kernel", kernel or os.path.abspath(env.hare), *words]
    done = subprocess.run(command, cwd=ROOT, timeout=60, text=True,
                          stderr=subprocess.PIPE)
    return done.stderr or env.path(name)


def multiboot(env, image, words):
    """The lines of a bare Hare that a multiboot loader has started, with the
    same disk, which swaps."""
    done = env.batch(env.machine(
        "-kernel", env.hare, "-append", words, "-drive",
        f"format=raw,file={image}", program=BARE, cpu=None, memory=32))
    return own(done.want_status(EXIT_PASS).lines)


def own(lines):
    """From Hare's first word: the firmware may have spoken before it. A line
    that the VMM showed unfinished, because others went on, comes again; so
    of two lines the first of which begins the second, the second counts."""
    first = next((n for n, l in enumerate(lines) if l.startswith("hare")), 0)
    lines = [l for l in lines[first:] if l]
    return [l for l, after in zip(lines, lines[1:] + [""])
            if not after.startswith(l)]
