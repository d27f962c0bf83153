# SPDX-License-Identifier: MIT
#
# What a user does: boots the ISO, sees two guests come up behind their names,
# and speaks to the monitor and through it to a guest. Every command is given
# at least once, and once wrongly; none of it may disturb the other guest.
import re

from machine import EXIT_ZERO, PROMPT, cases, check, limit

LEAVE = "\x1d"  # Ctrl-]


def boot(env):
    talk = env.session(env.machine("-cdrom", env.iso, "-boot", "d",
                                   memory=512), 60)
    text = ""
    while not all(f"[{n}] hare$ " in text for n in ("alpha", "beta")):
        text += talk.wait(r"\[\w+\] hare\$ ") + talk.child.after
    for name in ("alpha", "beta"):
        check(f"[{name}] hare: all checks passed" in text,
              f"{name} did not pass its checks")
    talk.type("\r")
    talk.wait(re.escape(PROMPT))
    return talk


def state(talk, name):
    lines = talk.command("list")
    row = next((l for l in lines if re.match(rf"\s*{name}\b", l)), "")
    found = re.search(r"\b(running|halted|paused|exited|killed)\b", row)
    return found[1] if found else "absent"


def idle(talk, name, *wanted):
    have = state(talk, name)
    check(have in wanted, f"{name} is {have}, not {' or '.join(wanted)}")


@limit(240)
def test_two_guests(env):
    talk = boot(env)
    idle(talk, "alpha", "running", "halted")
    idle(talk, "beta", "running", "halted")
    talk.type("attach alpha\r")
    talk.wait("attached to alpha")
    talk.wait(r"hare\$ ")
    talk.type("ps\r")
    talk.wait("(?i)pid")
    talk.wait(r"hare\$ ")
    talk.type(LEAVE)
    talk.wait(re.escape(PROMPT))
    talk.type("poweroff\r")
    talk.wait("trapline: poweroff, status ")
    talk.end()


@limit(240)
def test_life(env):
    talk = boot(env)
    talk.command("pause alpha")
    idle(talk, "alpha", "paused")
    idle(talk, "beta", "running", "halted")
    talk.command("resume alpha")
    idle(talk, "alpha", "running", "halted")
    talk.type("reset alpha\r")
    talk.wait(r"\[alpha\] hare: all checks passed")
    talk.wait(r"\[alpha\] hare\$ ")
    talk.type("\r")
    talk.wait(re.escape(PROMPT))
    talk.command("destroy beta")
    idle(talk, "beta", "absent")
    talk.type("create vm=gamma mem=16M shadow=vtlb module=0 --\r")
    talk.wait(r"\[gamma\] hare: all checks passed")
    talk.wait(r"\[gamma\] hare\$ ")
    talk.type("\r")
    talk.wait(re.escape(PROMPT))
    idle(talk, "gamma", "running", "halted")
    idle(talk, "alpha", "running", "halted")
    talk.type("poweroff\r")
    talk.wait("trapline: poweroff, status ")
    talk.end()


@limit(240)
def test_looking(env):
    talk = boot(env)
    lines = talk.command("idt alpha")
    text = "\n".join(lines)
    for word in ("128|0x80", "14|0x0?e"):
        check(re.search(word, text), f"`idt` shows no vector {word}: {lines}")
    for name in ("alpha", "beta"):
        lines = talk.command(f"audit {name}", seconds=60)
        check(lines == [f"audit: {name}: clean"], f"`audit` said {lines}")
    check(len(talk.command("stats alpha")) >= 5, "`stats` says too little")
    help_lines = talk.command("help")
    for word in ("list", "attach", "pause", "resume", "reset", "destroy",
                 "create", "idt", "audit", "stats", "poweroff", "help"):
        check(any(re.match(rf"\s*{word}\b", l) for l in help_lines),
              f"`help` does not name {word}")
    talk.type("poweroff\r")
    talk.end()


WRONG = {
    "unknown": "frobnicate",
    "no-vm": "pause nobody",
    "no-name": "attach",
    "bad-create": "create vm=alpha --",
    "bad-key": "create vm=delta speed=9 module=0 --",
    "bad-module": "create vm=delta module=77 --",
    "resume-running": "resume alpha",
}


@limit(240)
def test_wrong_commands(env):
    talk = boot(env)
    for words in WRONG.values():
        lines = talk.command(words)
        check(lines and any(len(l.split()) > 2 for l in lines),
              f"{words!r} was answered {lines}, not with a sentence")
    idle(talk, "alpha", "running", "halted")
    talk.type("poweroff\r")
    talk.end()
