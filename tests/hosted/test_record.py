# SPDX-License-Identifier: MIT
#
# A trace on its way from the VMM to the tools of others: scripts/trace-record
# makes a folder of what two hosted guests did, babeltrace2 (which knows
# nothing of Trapline) reads it, and its figures are those of `stats`. A wire
# that loses and invents bytes costs packets, never the recording.
import os
import re
import shutil
import subprocess
import sys
from collections import Counter

from machine import Skip, check, clean
from program import LIMIT_MS

RECORD = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "../../scripts/trace-record")
RECORD_S = 60
LINE = re.compile(r"^\[\d\d:\d\d:(\d\d\.\d{9})\] \(\+\S+\) (\w+): "
                  r"\{ cpu_id = 0, adler32 = 0x\w+ \}, "
                  r"\{ vm = (\d+), cpl = (\d), eip = 0x(\w+) \}, (.*)$")


def tool(words, typed=b""):
    """(exit status, stdout, stderr)"""
    print("$", " ".join(words), flush=True)
    done = subprocess.run(words, input=typed, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=RECORD_S)
    said = done.stderr.decode(errors="replace")
    print(said, flush=True)
    return done.returncode, done.stdout.decode(errors="replace"), said


def record(*words, typed=b""):
    return tool([RECORD, *words], typed)


def read(folder):
    """What babeltrace2 makes of it: (event, VM, CPL, EIP, fields), in order,
    and what it complains about."""
    if not shutil.which("babeltrace2"):
        raise Skip("there is no babeltrace2 here")
    status, text, said = tool(["babeltrace2", folder])
    check(status == 0, f"babeltrace2 ends with {status}: {said[-600:]}")
    events, last = [], ""
    for line in text.splitlines():
        found = LINE.match(line)
        check(found, f"babeltrace2 shows an unexpected line: {line!r}")
        check(found[1] >= last, f"time goes back at {line!r}")
        last = found[1]
        events.append((found[2], int(found[3]), int(found[4]),
                       int(found[5], 16), found[6]))
    return events, said


def kinds(events, vm):
    """How many exits of each kind a VM had."""
    return Counter(re.search(r'kind = \( "([\w-]+)"', fields)[1]
                   for name, who, _, _, fields in events
                   if name == "exit" and who == vm)


def stats(lines, vm, words):
    """The same as `stats` says, which says more as well."""
    at = next(i for i, l in enumerate(lines) if re.match(rf"{vm}: \d+ exits",
                                                         l))
    rows = (re.match(r"  ([\w-]+) +(\d+)\b", l) for l in lines[at + 1:at + 20])
    return {r[1]: int(r[2]) for r in rows
            if r and r[1] in words and r[2] != "0"}


def test_record(env):
    """Two guests, one boot. babeltrace2 counts what `stats` counts; the same
    run again gives the same bytes."""
    script = ("?a: exited\n?b: exited\nstats a\nstats b\npoweroff\n"
              ).encode()
    folders = [env.path("one"), env.path("two")]
    for folder in folders:
        status, text, said = record(
            folder, "boot", "--hosted", "--build", env.build,
            f"--options=--limit={LIMIT_MS}", env.hare, "vm=a", "mem=8M", "--",
            "check=only", ",", env.hare, "vm=b", "mem=16M", "shadow=vtlb",
            "--", "check=only", typed=script)
        check(status == 0 and "nothing lost" in said,
              f"trace-record ends with {status}: {said}")
    check(open(folders[0] + "/stream_0", "rb").read() ==
          open(folders[1] + "/stream_0", "rb").read(),
          "the same run gave another trace")
    check(sorted(os.listdir(folders[0] + "/symbols")) == ["a.elf", "b.elf"],
          "the guests' images are not beside the trace")
    events, said = read(folders[0])
    check(not said, f"babeltrace2 complains: {said}")
    lines = clean(text)
    with open(folders[0] + "/metadata") as metadata:
        words = re.search(r"{(.*)} := enum_exit_t;", metadata.read())[1]
    words = re.findall(r'"([\w-]+)" =', words)
    for number, name in ((1, "a"), (2, "b")):
        want, got = stats(lines, name, words), dict(kinds(events, number))
        check(sum(want.values()) > 1000 and want == got,
              f"{name}: stats says {want}, babeltrace2 {got}")
    names = [(who, fields) for event, who, _, _, fields in events
             if event == "vm"]
    check(names == [(1, '{ vm_name = "a", memory = 8388608 }'),
                    (2, '{ vm_name = "b", memory = 16777216 }')],
          f"the names are {names}")
    commands = [fields for event, *_, fields in events if event == "command"]
    check(commands == ['{ line = "stats a" }', '{ line = "stats b" }',
                       '{ line = "poweroff" }'], f"it noted {commands}")
    check({cpl for event, _, cpl, _, _ in events if event == "int"} == {0, 3},
          "INT n does not come from rings 0 and 3")


def damaged(raw):
    """A wire's bytes as a bad line makes them, by what it does to them."""
    middle = len(raw) // 2
    return {
        "late": (raw[5000:-300], "no metadata came whole"),
        "noise": (raw[:middle] + b"noise" + raw[middle:],
                  "bytes that were no whole packet"),
        "flip": (raw[:middle] + bytes([raw[middle] ^ 4]) + raw[middle + 1:],
                 "1 packet lost on the way and"),
        "gap": (raw[:middle] + raw[middle + 9000:],
                "packets lost on the way and"),
        "cut": (raw[:-100], "bytes that were no whole packet"),
        "before": (b"\xc1\x1f\xfc\xc1" * 30 + raw, "120 bytes that were"),
        "size": (raw[:-3000] + b"\xc1\x1f\xfc\xc1" + bytes(20) +
                 b"\0\0\x07\0" * 2 + bytes(50) + raw[-3000:],
                 "bytes that were no whole packet"),
        "whole": (raw, "nothing lost"),
    }


def test_damage(env):
    """Whatever the line does, the rest can be read, and what is missing is
    said. Only without metadata there is nothing to read."""
    raw = env.path("raw")
    tool([f"{env.build}/trapline-host", f"--trace={raw}", "exit=stopped",
          "trace=-device", env.hare, "vm=a", "mem=8M", "--", "check=only"])
    with open(raw, "rb") as file:
        cases = damaged(file.read())
    counts = {}
    for name, (data, sentence) in cases.items():
        folder = env.path(name)
        status, _, said = record(folder, "from", env.write(name + ".raw",
                                                           data))
        check(status == (name == "late") and sentence in said,
              f"{name}: trace-record ends with {status} and {said!r}")
        if status == 0:
            counts[name] = len(read(folder)[0])
    for name in ("noise", "flip", "gap", "cut", "size"):
        check(counts["whole"] * 0.8 < counts[name] < counts["whole"],
              f"{name}: {counts[name]} events of {counts['whole']}")
    check(counts["before"] == counts["whole"], "noise before costs events")


HANG_UP = ("import socket, sys\n"
           "socket.socket(socket.AF_UNIX).connect(sys.argv[1])")


def test_record_mistakes(env):
    """Each ends with a sentence, and leaves no folder behind."""
    folder = env.path("folder")
    os.mkdir(env.path("full"))
    env.write("full/file", b"")
    socket = env.path("a-socket")
    for words, sentence in (
            ([env.path("full"), "from", env.hare], "exists already"),
            ([folder, "from", "/nowhere"], "/nowhere is not there"),
            ([folder, "from", "/"], "/ is a folder"),
            ([folder, "from", env.hare], "no metadata came whole"),
            ([folder, "run", "true"], "no word of the command has {wire}"),
            ([folder, "run", "true", "{wire}"], "ended with exit code 0"),
            ([folder, "run", "/nowhere", "{wire}"], "cannot be run: No such"),
            ([folder, "run", sys.executable, "-c", HANG_UP, "{wire}"],
             "no metadata came whole"),
            (["--symbols", "a=/nowhere", folder, "from", env.hare],
             "/nowhere cannot be copied"),
            (["--symbols", "../a=x", folder, "from", env.hare],
             "cannot be the name of a VM"),
            ([folder, "boot", ","], "no guest beside a comma")):
        status, _, said = record(*words)
        check(status == 1 and sentence in said,
              f"{words} ends with {status} and {said!r}")
    check(not os.path.exists(folder), "a folder was left behind")
    for words, sentence in (
            (["trace=io"], '"trace=io" names no groups'),
            ([f"--trace={env.tmp}"], "cannot be a wire: Is a directory"),
            ([f"--gdb={socket}/x"], "cannot be a wire: No such file"),
            (["--gdb=" + "x" * 200], "cannot be a wire: File name too long")):
        status, _, said = tool([f"{env.build}/trapline-host", *words,
                                env.hare, "vm=a"])
        check(status == 2 and sentence in said,
              f"{words} ends with {status} and {said!r}")
