# SPDX-License-Identifier: MIT
#
# Memory as the textbooks compute it: the figures that Hare's programs print
# are those of the books' examples and of arithmetic by hand, under the engine
# that interprets and the one that traps. Limits of segments are checked here,
# which QEMU's translator does not do.
from machine import cases, check
from program import PASS, run

WAYS = {"interp": "run=copies,vmstat:0,segments", "trap": "run=vmstat,segments"}
K = 1024
# Base 16 KiB, bounds 4 KiB; then code, heap and stack, as (virtual, physical
# or None where the bounds say no). The heap has 3 KiB, and later 4.
BOUNDS = [(0, 16 * K), (1 * K, 17 * K), (3000, 19384), (4092, 20 * K - 4),
          (4400, None)]
PARTS = [(100, 32 * K + 100), (2 * K, None), (4200, 34 * K + 104),
         (7 * K, None), (15 * K, 27 * K), (14 * K, 26 * K),
         (14 * K - 4, None), (16 * K - 4, 28 * K - 4), (7 * K, 37 * K)]


def translations(lines):
    """What segments says, as (virtual, physical or None)."""
    found = []
    for words in (line.split() for line in lines):
        if words[:2] == ["segments:", "virtual"]:
            found.append((int(words[2]),
                          int(words[5]) if words[4] == "physical" else None))
    return found


def wants(lines, *expected):
    for line in expected:
        check(line in lines, f"{line!r} was not printed: {lines}")


@cases(*WAYS)
def test_figures(env, case):
    guest = run(env, [[env.hare, "vm=alpha", "mem=8M", f"exec={case}", "--",
                       WAYS[case]]], "exit=stopped")
    guest.want_status(PASS)
    lines = guest.of("alpha")
    found = translations(lines)
    check(found == BOUNDS + PARTS, f"the translations are {found}")
    wants(lines, "segments: 512 words were pushed before the stack overflowed",
          "segments: it did not run at virtual 2048, nor write to itself",
          "segments: ok",
          "tables: 8 KiB of page tables and 4 KiB of directory; a linear "
          "table takes 4096 KiB")
    if "copies" in WAYS[case]:
        # A stack page, maybe one of data, two page tables, a directory and
        # two pages of kernel stack; and nothing of the text.
        check(any(f"copies: the rest took {100 * each} pages, {each} for each"
                  in lines for each in (6, 7)), f"a copy costs more: {lines}")
        wants(lines, "copies: ok")
