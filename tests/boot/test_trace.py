# SPDX-License-Identifier: MIT
#
# trace= prints the exits it names and no others, with the instruction and
# where it led; the guest does not notice. The same from the monitor, on a VM
# that runs already.
import re

from machine import EXIT_ZERO, PROMPT, check

LINE = re.compile(r"^trace alpha (\d+\.\d{6}) (\S+) +"
                  r"([0-9a-f]{4}):([0-9a-f]{8})  (.*)$")


def traced(lines):
    return [m.groups() for m in map(LINE.match, lines) if m]


def test_kinds(env):
    result = env.run_vmm([env.hare_line(keys="trace=privileged,softint")])
    check("hare: all checks passed" in result.of("alpha"), "it did not pass")
    result.want_status(EXIT_ZERO)
    events = traced(result.lines)
    kinds = {kind for _, kind, _, _, _ in events}
    check(kinds == {"privileged", "softint"}, f"kinds are {kinds}")
    text = [what for _, _, _, _, what in events]
    for want in ("mov cr3, e", "lgdt ", "lidt ", "ltr ", "cli"):
        check(any(t.startswith(want) for t in text), f"no {want!r} was traced")
    calls = [t for t in text if t.startswith("int 0x")]
    check(calls and all(re.search(r" -> 0008:c01\w{5}$", t) for t in calls),
          f"system calls do not lead into the kernel: {calls}")
    times = [float(when) for when, *_ in events]
    check(times == sorted(times), "times run backwards")


def test_monitor(env):
    talk = env.session(env.vmm_machine([env.hare_line(words="")], append=""))
    talk.wait(r"hare\$")
    talk.type("\r")
    talk.wait(re.escape(PROMPT))
    talk.command("trace alpha io", "alpha: trace is io.")
    talk.wait(r"trace alpha \d+\.\d+ io +0008:")  # its timer's EOI, at least
    talk.type("trace alpha off\r")
    talk.wait("alpha: trace is off.")
    talk.command("trace alpha io,", "not a list of exit kinds")
    talk.type("poweroff\r")
    talk.end()
