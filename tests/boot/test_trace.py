# SPDX-License-Identifier: MIT
#
# trace= shows the events it names and no others, with operands and symbols,
# in order with the guest's own lines; the guest does not notice. The same from
# the monitor, on a VM that runs already; there, too, its counters as JSON, and
# `top` until a key is pressed.
import json
import re

from machine import EXIT_ZERO, PROMPT, check

LINE = re.compile(r"^\[alpha\] (\d+\.\d{6}) (.*)$")
WANTED = (r"mov cr3 <- 0x[0-9a-f]{8} at _start\+0x",
          r"load gdt <- base gdt, limit 0x[0-9a-f]{8}, .* at gdt_init\+0x",
          r"load idt <- base idt, .* at trap_init\+0x",
          r"load tss <- base tss, ", r"cli, eflags 0x[0-9a-f]{8} at _start",
          r"int 0x80, eax .* at 0x[0-9a-f]{8} \(user\)$",
          r"iret -> ")


def traced(lines):
    return [m.groups() for m in map(LINE.match, lines) if m]


def test_kinds(env):
    result = env.run_vmm([env.hare_line(keys="trace=priv,syscall")])
    check("hare: all checks passed" in result.of("alpha"), "it did not pass")
    result.want_status(EXIT_ZERO)
    events = traced(result.lines)
    text = [what for _, what in events]
    for want in WANTED:
        check(any(re.match(want, t) for t in text), f"no {want!r} was shown")
    check(not any(t.startswith(("exit ", "exception ", "out ", "shadow "))
                  for t in text), "what was not asked for was shown")
    times = [float(when) for when, _ in events]
    check(times == sorted(times), "times run backwards")
    bp = [i for i, l in enumerate(result.lines) if " int 3 (#BP)" in l]
    ok = [i for i, l in enumerate(result.lines) if "check: int3 is" in l]
    check(bp and ok and bp[0] < ok[0], "INT3 was shown behind what follows")


def test_monitor(env):
    talk = env.session(env.vmm_machine([env.hare_line(words="")], append=""))
    talk.wait(r"hare\$")
    talk.type("\r")
    talk.wait(re.escape(PROMPT))
    talk.command("trace alpha port=0x20", "alpha: trace is all port=0x20.")
    # Its timer's end of interrupt, at least.
    talk.wait(r"\[alpha\] \d+\.\d+ out 0x20 <- 0x00000020 .*at \w+\+0x")
    talk.type("trace alpha off\r")
    talk.wait("alpha: trace is off.")
    talk.command("trace alpha device rate=1", "alpha: trace is device rate=1.")
    talk.wait(r"\[alpha\] \d+\.\d+ and \d+ more events, which rate=1 left out")
    talk.type("trace alpha off\r")
    talk.wait("alpha: trace is off.")
    talk.command("trace alpha io", '"io" is no kind of event; there are all, ')
    text = "".join(talk.command("stats json"))
    [vm] = json.loads(text)["vms"]
    check(vm["name"] == "alpha" and vm["interrupts"] > 0 and
          vm["kinds"]["io"]["mean_ns"] > 0, f"{vm}")
    talk.type("top\r")
    talk.wait(r"The last [1-9]\.\d+ s; any key ends it\.")
    talk.wait(r"alpha +\w+ +100\.0% +100\.0% ")
    talk.wait(r"alpha: by place, from \d+ samples")
    talk.type(" ")
    talk.wait(re.escape(PROMPT))
    talk.type("poweroff\r")
    talk.end()
