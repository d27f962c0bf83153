#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Runs an attack guest beside the witness under the VMM, and judges the VMM.
#
# QEMU counts instructions (-icount), so that shares of the processor do not
# depend on how busy this machine is. The witness runs for WINDOW_MS of its
# own time. Then the VMM must answer on its console, its audit must be clean
# (shadows, p2m of everybody, canary frames, frame accounts), the witness must
# have found nothing wrong and have had its share. Last, the attacker is made
# anew, reset and destroyed in the middle, and every frame must be back.
#
# The fair share: beside an attacker that wants the processor all the time the
# witness gets half of it; what an attacker with less to do leaves over is the
# witness's. So
#   fair = rounds a ms when alone * (T - min(attacker's CPU time, T / 2))
#   slowdown = fair / rounds done
# with T by the processor's own cycle counter, and the like for several
# attackers. Their CPU time is what the VMM has written in its books, so work
# that the VMM does for an attacker without charging it shows as a slowdown.
#
# An attack whose end is not "returns" says so in its source: ATTACK_ENDS().
#
# usage: run.py [--build DIR] [--shadow vtlb|cached|interp] [NAME...]
#        run.py --together [...]    seven different attackers and one witness
#        run.py --report [...]      the figures of all that ran
import argparse
import fcntl
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/boot"))

from pexpect import fdpexpect

from attacks import endings, how_ended
from machine import (EXIT_PANIC, EXIT_ZERO, Env, Failure, POLICIES, PROMPT,
                     Session, check, clean)

F_SETPIPE_SZ = 1031     # Linux fcntl.h
PIPE_BYTES = 1 << 20
ICOUNT = ("-icount", "shift=2,sleep=off")
WINDOW_MS = 400
TOGETHER = ("res_shadow", "res_floodbytes", "res_irq", "res_resetcf9",
            "res_repmmio", "res_thrash", "res_pffetch")
TOGETHER_MS = 2400      # the witness's share is an eighth
SLOWDOWN_MAX = 1.10
TURN_MS = 10            # of one VM
WAIT_MS = 15            # and this much for an exit that takes its time
LOST_MS = 20            # a VM's ticks may lag by this much for each VM
LIMIT_S = 40            # real seconds for one wait
END_S = 20              # real seconds for an attack to end after the window
MIDDLE_S = 0.1          # real seconds until reset and destroy come
MEM = "mem=8M"
DISK = "disk=256K"       # of an attacker
CTRL_BRACKET = "\x1d"

ROUNDS = (r"witness: (\d+) rounds in (\d+) ms, (\d+) x 1024 cycles, "
          r"(\d+) at worst")
BOOKS = r"trapline: books at (\d+) us(.*)"


class Piped(fdpexpect.fdspawn):
    """A program that talks through pipes; what it says may be a megabyte
    ahead of who listens. A terminal holds 4 KiB, and the VMM does not wait
    for a serial port that takes nothing: a flood would lose other lines."""

    def __init__(self, command, **more):
        reading, writing = os.pipe()
        fcntl.fcntl(writing, F_SETPIPE_SZ, PIPE_BYTES)
        self.program = subprocess.Popen(command, stdin=subprocess.PIPE,
                                        stdout=writing, stderr=writing)
        os.close(writing)
        super().__init__(reading, **more)

    def send(self, text):
        self.program.stdin.write(text.encode())
        self.program.stdin.flush()

    def close(self, force=False):
        if force:
            self.program.kill()
        self.program.stdin.close()
        self.exitstatus = self.program.wait(LIMIT_S)
        super().close()


class Flooded(Session):
    """A session by pipes."""

    def __init__(self, command, seconds):
        print("$", " ".join(command), flush=True)
        self.child = Piped(command, timeout=seconds, encoding="utf-8",
                           codec_errors="replace", maxread=1 << 16)
        self.child.logfile_read = sys.stdout
        self.seconds = seconds


class Run:
    """What is known about one attack under one policy."""

    def __init__(self, build, name, policy):
        self.build = build
        self.name = name
        self.policy = policy
        self.together = name == "together"
        self.ends = ["endless"] if self.together else endings(name)
        self.modules = TOGETHER if self.together else [name]
        self.ms = TOGETHER_MS if self.together else WINDOW_MS
        # one attacker is "attacker", of several each has its own name
        self.vms = TOGETHER if self.together else ["attacker"]

    def result_path(self):
        return f"{self.build}/attack/{self.name}-{self.policy}.json"


# ---- the witness alone

def mhz(text):
    found = re.search(r"TSC,? (\d+) MHz", text)
    check(found, "the VMM did not say the frequency of the TSC")
    return int(found.group(1))


def witness_figures(text, vms=1):
    """(rounds, ms by the cycle counter, longest wait in ms)"""
    found = re.search(ROUNDS, text)
    check(found, "the witness did not say how many rounds it did")
    rounds, told, kilo, worst = map(int, found.groups())
    real = kilo * 1024 / (mhz(text) * 1000)
    check(rounds > 0 and abs(real - told) <= LOST_MS * vms,
          f"the witness counted {told} ms of ticks in {real:.0f} ms")
    return rounds, real, worst * 1024 / (mhz(text) * 1000)


def words_of(policy):
    """Those of the attacker's module line."""
    return "exec=interp" if policy == "interp" else f"shadow={policy}"


def witness_line(env, policy, ms):
    shadow = "cached" if policy == "interp" else policy
    return (f"{env.build}/witness.elf vm=witness {MEM} shadow={shadow} "
            f"-- ms={ms}")


def measure_alone(env, policy):
    result = env.run_vmm([witness_line(env, policy, WINDOW_MS)],
                         extra=ICOUNT, memory=128)
    result.want("witness: exited with status 0x10").want_status(EXIT_ZERO)
    rounds, ms, _ = witness_figures(result.text)
    return rounds / ms


def alone(env, policy):
    """Rounds a ms of a witness that is alone; measured once for each VMM."""
    path = f"{env.build}/attack/alone-{policy}.json"
    stamp = [os.stat(f).st_mtime_ns
             for f in (env.vmm, f"{env.build}/witness.elf")]
    try:
        kept = json.load(open(path))
        if kept["stamp"] == stamp:
            return kept["rate"]
    except (OSError, ValueError, KeyError):
        pass
    rate = measure_alone(env, policy)
    save(path, {"stamp": stamp, "rate": rate})
    return rate


def save(path, value):
    """Others may be reading or writing the same."""
    with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(path),
                                     delete=False) as out:
        json.dump(value, out)
    os.replace(out.name, path)


# ---- the attack

def keys(run, vm):
    return f"vm={vm} {MEM} {DISK} {words_of(run.policy)}"


def boot(env, run):
    modules = [f"{run.build}/attack/{name}.elf {keys(run, vm)}"
               for name, vm in zip(run.modules, run.vms)]
    modules.append(witness_line(env, run.policy, run.ms))
    env.sessions.append(Flooded(
        env.vmm_machine(modules, append="canary=1", extra=ICOUNT, memory=128),
        LIMIT_S))
    return env.sessions[-1]


def books_cpu(text, name):
    """CPU ms in the last line of books of this text."""
    lines = re.findall(BOOKS, text)
    check(lines, "the VMM printed no books")
    found = re.search(rf", {name} (\d+) us", lines[-1][1])
    check(found, f"{name} is not in the books: {lines[-1]}")
    return int(found.group(1)) / 1000


def wait_for_end(talk, run, text):
    if "endless" in run.ends or how_ended(text) != "endless":
        return text
    try:
        return text + talk.wait(r"trapline: books at [^\n]*\n", END_S) + \
            talk.child.after
    except Failure as why:
        raise Failure(f"{why}; is this attack endless and does not say "
                      f"so?") from None


def audit(talk):
    lines = talk.command("audit")
    check(lines and lines[-1] == "audit: clean",
          f"`audit` is not clean: {lines[-12:]}")


def look_at(talk, vm):
    """What a person would do who wonders about a VM."""
    talk.command("list", r"witness .*exited")
    talk.command(f"stats {vm}", r"exits in .* ms of CPU time")
    talk.command(f"idt {vm}", r"trap handler|changes recorded")
    talk.command(f"type {vm} keys")
    talk.type(f"attach {vm}\r")
    talk.wait(r"Ctrl-\] leaves")
    talk.type(CTRL_BRACKET)
    talk.wait(re.escape(PROMPT))


def in_the_middle(talk, run):
    """The same attacks again: paused and reset while they run, then
    destroyed."""
    for vm in run.vms:
        talk.command(f"destroy {vm}", f"{vm}: destroyed")
    audit(talk)
    for module, vm in enumerate(run.vms):
        talk.command(f"create {keys(run, vm)} module={module}", "created")
    time.sleep(MIDDLE_S)
    for vm in run.vms:
        talk.command(f"pause {vm}", f"{vm}: paused|only a running VM")
    audit(talk)
    for vm in run.vms:
        talk.command(f"resume {vm}", f"{vm}: resumed|only a paused VM")
        talk.command(f"reset {vm}", f"{vm}: reset")
    time.sleep(MIDDLE_S)
    audit(talk)
    for vm in run.vms:
        talk.command(f"destroy {vm}", f"{vm}: destroyed")
    audit(talk)


def attempts(run, text):
    """The last counts the attackers printed; each is at least one itself."""
    total = 0
    for vm in run.vms:
        counts = re.findall(rf"\[{vm}\] attack: tried 0x([0-9a-f]+)", text)
        total += max(1, int(counts[-1], 16)) if counts else 1
    return total


def judge(env, run, text):
    check("attack: BROKEN" not in text, "the attacker says the wall is "
                                        "broken")
    check("witness: exited with status 0x10" in text,
          "the witness was harmed or did not end")
    end = how_ended(text)
    check(end in run.ends, f"the attack ended as \"{end}\", not as "
                           f"\"{'|'.join(run.ends)}\" (ATTACK_ENDS)")
    return end


def fair_share(ms, used):
    """What is left for one who wants all of it, when each of the others has
    wanted `used` and nobody gets more than anybody else who wants more."""
    left, others = ms, sorted(used)
    while others and others[0] < left / (len(others) + 1):
        left -= others.pop(0)
    return left / (len(others) + 1)


def shares(env, run, window):
    """(slowdown, longest wait in ms) of the witness"""
    rounds, ms, wait = witness_figures(window, 1 + len(run.vms))
    used = [books_cpu(window, vm) for vm in run.vms]
    return alone(env, run.policy) * fair_share(ms, used) / rounds, wait


def first_window(talk):
    """Everything up to the witness's end, with the books."""
    text = talk.wait(r"trapline: witness: (exited|killed)[^\n]*\n")
    text += talk.child.after
    return text + talk.wait(r"trapline: books at [^\n]*\n") + talk.child.after


def attack(env, run):
    talk = boot(env, run)
    window = "\n".join(clean(first_window(talk)))
    text = "\n".join(clean(wait_for_end(talk, run, window)))
    talk.type("\r")
    talk.wait(re.escape(PROMPT))
    end = judge(env, run, text)
    look_at(talk, run.vms[0])
    audit(talk)
    in_the_middle(talk, run)
    talk.type("poweroff\r")
    status = talk.end()
    check(status == EXIT_ZERO, f"QEMU's exit code after poweroff is {status}")
    slow, wait = shares(env, run, window)
    result = {"attempts": attempts(run, text), "end": end, "slowdown": slow,
              "wait": wait}
    save(run.result_path(), result)
    print(f"\nattack {run.name}: {result['attempts']} attempts, {end}, "
          f"witness slowdown {slow:.2f} of its fair share, longest wait "
          f"{wait:.1f} ms", flush=True)
    check(slow <= SLOWDOWN_MAX, f"the witness's slowdown is {slow:.2f}; "
                                f"{SLOWDOWN_MAX:.2f} is the most")
    most = TURN_MS * len(run.vms) + WAIT_MS
    check(wait <= most, f"the witness once had to wait {wait:.1f} ms; {most} "
                        f"ms is the most")


def panicked(env):
    env.close()
    return any(s.child.exitstatus == EXIT_PANIC for s in env.sessions)


def run_one(run):
    with tempfile.TemporaryDirectory(prefix="trapline-") as tmp:
        env = Env(run.build, tmp)
        try:
            attack(env, run)
        except Failure as why:
            print(f"\nwhy: {run.name}, {run.policy}: {why}", flush=True)
            save(run.result_path(), {"failed": str(why),
                                     "panic": panicked(env)})
            return False
        finally:
            env.close()
    return True


# ---- all of them

def names():
    return sorted(os.path.splitext(os.path.basename(f))[0]
                  for f in glob.glob(f"{ROOT}/tests/attack/*.c"))


def report(build):
    results = {}
    for policy in POLICIES:
        for name in names() + ["together"]:
            path = Run(build, name, policy).result_path()
            if os.path.exists(path):
                results[f"{name}/{policy}"] = json.load(open(path))
    good = {n: r for n, r in results.items() if "failed" not in r}
    for name in sorted(set(results) - set(good)):
        print(f"FAIL {name}: {results[name]['failed']}")
    check(good, f"no results in {build}/attack; run the attacks first")
    worst = max(good, key=lambda r: good[r]["slowdown"])
    ends = {end: sum(r["end"] == end for r in good.values())
            for end in ("done", "odd", "killed", "endless")}
    print(f"attacks: {len(results)} runs, {len(good)} withstood; "
          f"{sum(r['attempts'] for r in good.values())} attempts")
    panics = sum(r.get("panic", False) for r in results.values())
    print(f"panics and asserts of the VMM: {panics}")
    print("ends: " + ", ".join(f"{n} {end}" for end, n in ends.items()))
    print(f"witness slowdown against its fair share, at worst: "
          f"{good[worst]['slowdown']:.3f} ({worst})")
    worst = max(good, key=lambda r: good[r]["wait"])
    print(f"longest wait of the witness: {good[worst]['wait']:.1f} ms "
          f"({worst})")
    rounds = f"{build}/attack/rounds.json"
    if os.path.exists(rounds):
        kept = json.load(open(rounds))
        print(f"frames leaked after {kept['rounds']} rounds of create and "
              f"destroy: {kept['leaked']}")
    return good == results


def main():
    parser = argparse.ArgumentParser(description="attack the VMM")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--shadow", default=",".join(POLICIES))
    parser.add_argument("--together", action="store_true")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    if args.report:
        return 0 if report(args.build) else 1
    wanted = ["together"] if args.together else args.names or names()
    results = [run_one(Run(args.build, name, policy))
               for name in wanted
               for policy in args.shadow.split(",")]
    if len(results) > 1:
        print(f"{sum(results)} of {len(results)} attacks were withstood")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
