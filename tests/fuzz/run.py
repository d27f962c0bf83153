#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Random guests beside a witness, round after round, each from a seed.
#
# A round is one machine: a few random guests (tests/fuzz/random), every other
# one under the other shadow policy, and the witness, which checks itself.
# QEMU counts instructions for a clock (-icount), so a round is the same to
# the last instruction whenever it is run with the same seed; nothing is
# typed before every guest has ended. A guest may die, by its own doing;
# the round has failed when
#   - the VMM panics, or says nothing for too long and does not answer,
#   - the witness computes anything wrong or does not end,
#   - `audit` finds a violation in any VM, living or dead,
#   - a frame is still somebody's when all are destroyed.
# The command that replays a failed round is printed with it; the last line
# sums up for machines.
#
# usage: run.py [--build DIR] [--seed N] [--rounds N] [--time S] [--jobs N]
#               [--steps N] [--vms N] [--at-least N] [--twice] [--keep] [--host]
#   --time 0 runs until it is stopped, --at-least until so many steps are done;
#   --twice runs each round two times and compares every line of the console
#   and every counter; --keep goes on after a failure; --host runs the host
#   fuzzers (tests/fuzz/host) beside, for the same time
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "boot"))
import machine  # noqa: E402
import pexpect  # noqa: E402

ICOUNT = ["-icount", "shift=2,sleep=off", "-seed", "1", "-rtc",
          "base=2026-01-01T00:00:00,clock=vm"]
SILENCE_S = 30     # without a word from anybody: somebody is stuck
PATIENCE_S = 8     # the same, once the witness is through
ANSWER_S = 40
ROUND_S = 150      # of a whole round, on a slow and busy machine
STEPS, VMS = 2500, 4
# As `audit` says it.
NOBODYS = ("0 of guests, 0 shadow, 0 p2m, 0 blocks, 0 names, "
           "0 of probes, 0 of disks, 0 canaries")
WITNESS_MS = 1000  # of its own timer
ENDED = r"trapline: (\w+): (killed|exited|resets itself)"
POLICIES = ("cached", "vtlb")


class Round:
    def __init__(self, build, seed, steps, vms):
        self.build, self.seed, self.steps = build, seed, steps
        self.names = [f"f{i}" for i in range(vms)]
        self.text = ""
        self.why = None
        self.emulator_died = None  # of this signal
        self.again = set()   # guests that reset themselves
        self.lost = []       # those, and guests that run astray for ever
        self.answers = []    # of the monitor, at the end

    def command(self):
        guest = os.path.join(self.build, "fuzz/random.elf")
        env = machine.Env(self.build, None)
        lines = [f"{guest} vm={name} mem=8M disk=64K "
                 f"shadow={POLICIES[i % 2]} -- seed={self.seed * 16 + i} "
                 f"steps={self.steps} every=250"
                 for i, name in enumerate(self.names)]
        lines.append(f"{self.build}/witness.elf vm=witness mem=8M "
                     f"shadow={POLICIES[self.seed % 2]} -- ms={WITNESS_MS}")
        return env.vmm_machine(lines, append="", memory=160, extra=ICOUNT)

    def replay(self):
        return (f"tests/fuzz/run.py --build {self.build} --seed {self.seed} "
                f"--steps {self.steps} --vms {len(self.names)} --rounds 1")

    def steps_of(self, name):
        """Steps done, by the guest's last report."""
        text = "\n".join(machine.clean(self.text))
        found = re.findall(rf"^\[{name}\] fuzz: \w+ step=(\d+)", text,
                           re.M)
        return max((int(n) for n in found if int(n) <= self.steps), default=0)

    def deaths(self):
        return [m for m in re.findall(r"trapline: (f\d+: killed: .*)",
                                      self.text)]

    # ---- the conversation

    def fail(self, why):
        self.why = self.why or why

    def ended_early(self, child):
        """QEMU 7.2 has faults of its own: it may die of a signal when a
        guest's breakpoint hits behind a far transfer. No VMM can do that."""
        child.close()
        self.emulator_died = child.signalstatus
        if not self.emulator_died:
            self.fail(f"the machine ended, exit code {child.exitstatus}")

    def note(self, ended):
        """A guest that resets itself begins anew, and so for ever."""
        if ended.group(2) == "resets itself":
            self.again.add(ended.group(1))

    def read_until_ended(self, child):
        """Reads until every VM has ended, or somebody is stuck."""
        waiting, until = set(self.names) | {"witness"}, time.time() + ROUND_S
        while waiting and time.time() < until:
            what = child.expect(["\n", pexpect.TIMEOUT, pexpect.EOF],
                                timeout=SILENCE_S if "witness" in waiting
                                else PATIENCE_S)
            self.text += child.before
            if what == 2:
                self.ended_early(child)
                return
            if what == 1:
                break
            self.text += "\n"
            line = machine.clean(child.before)[-1]
            ended = re.search(ENDED, line)
            if ended:
                waiting.discard(ended.group(1))
                self.note(ended)
            if "trapline: panic" in line or "trapline: check" in line:
                self.fail(line)
        self.lost = sorted(waiting | self.again)

    def ask(self, session, words):
        lines = session.command(words, seconds=ANSWER_S)
        self.answers.append((words, lines))
        return lines

    def judge(self, session):
        if "witness" in self.lost:
            self.fail("the witness did not end")
        if "witness: exited with status 0x10" not in self.text:
            self.fail("the witness found something wrong, or did not end")
        self.ask(session, "list")
        for name in self.lost:
            self.ask(session, f"pause {name}")
        for name in self.names + ["witness"]:
            lines = self.ask(session, f"audit {name}")
            if not any(f"audit: {name}: clean" in l for l in lines):
                self.fail(f"{lines[:3]}")
            self.ask(session, f"stats {name}")
        self.count_memory(session)

    def count_memory(self, session):
        for name in self.names + ["witness"]:
            self.ask(session, f"destroy {name}")
        lines = self.ask(session, "audit")
        if lines[-1:] != ["audit: clean"] or \
                not any(NOBODYS in l for l in lines):
            self.fail(f"frames are somebody's in the end: {lines[-3:]}")

    def run(self):
        session = machine.Session(self.command(), ANSWER_S)
        session.child.logfile_read = None
        try:
            self.read_until_ended(session.child)
            if not self.why and not self.emulator_died:
                session.type("\r")
                session.wait(re.escape(machine.PROMPT))
                self.judge(session)
        except machine.Failure as why:
            self.fail(f"the VMM does not answer: {why}")
        finally:
            session.kill()
        return self

    def trace(self):
        """All that must repeat. Time need not, to the microsecond: QEMU's
        serial port waits for whoever reads it, by the clock on the wall."""
        lines = machine.clean(self.text)
        return lines + [re.sub(r"[\d.]+ ms of CPU time", "", str(a))
                        for a in self.answers]


def difference(a, b):
    for one, other in zip(a.trace(), b.trace()):
        if one != other:
            return f"{one[:200]!r} and then {other[:200]!r}"
    return "one is longer"


def one_round(args, seed):
    first = Round(args.build, seed, args.steps, args.vms).run()
    if args.twice and not first.lost:
        second = Round(args.build, seed, args.steps, args.vms).run()
        if first.trace() != second.trace():
            first.fail("it was not the same twice: " +
                       difference(first, second))
    return first


class Totals:
    def __init__(self):
        self.lock = threading.Lock()
        self.rounds = self.steps = self.failed = self.lost = 0
        self.emulator_died = 0
        self.deaths = {}

    def add(self, r, verbose):
        with self.lock:
            self.rounds += 1
            self.steps += sum(r.steps_of(n) for n in r.names)
            self.lost += len(r.lost)
            for death in r.deaths():
                kind = re.sub(r"[0-9a-f]*\d[0-9a-f]*|bytes.*", "N",
                              death.split("killed: ")[1])[:60]
                self.deaths[kind] = self.deaths.get(kind, 0) + 1
                if verbose:
                    print(f"seed {r.seed}: {death}", flush=True)
            if r.emulator_died:
                self.emulator_died += 1
                print(f"seed {r.seed}: QEMU died of signal "
                      f"{r.emulator_died}: {r.replay()}", flush=True)
            if r.why:
                self.failed += 1
                print(f"FAIL seed {r.seed}: {r.why}\nwhy: seed {r.seed}: "
                      f"{r.why}; replay: {r.replay()}\n"
                      f"{r.text[-3000:]}", flush=True)


def rounds(args, totals):
    until = time.time() + args.time if args.time else None
    lock, state = threading.Lock(), {"next": args.seed}

    def worker():
        while not totals.failed or args.keep:
            with lock:
                seed, state["next"] = state["next"], state["next"] + 1
            if args.rounds and seed >= args.seed + args.rounds:
                return
            if until and time.time() >= until:
                return
            if args.at_least and totals.steps >= args.at_least:
                return
            totals.add(one_round(args, seed), args.verbose)

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for job in [pool.submit(worker) for _ in range(args.jobs)]:
            job.result()


class Host(threading.Thread):
    """The host fuzzers. A crash leaves its input in the build folder."""

    def __init__(self, args):
        super().__init__(daemon=True)
        self.folder = os.path.abspath(os.path.join(args.build, "fuzz"))
        self.corpus = os.path.join(self.folder, "corpus")
        self.runs, self.failed = 0, 0
        self.command = [
            os.path.join(self.folder, "host"), f"-seed={args.seed}",
            "-max_len=800", "-len_control=0", "-print_final_stats=1",
            f"-artifact_prefix={self.folder}/", self.corpus]
        if args.time:
            self.command.insert(1, f"-max_total_time={int(args.time)}")

    def run(self):
        os.makedirs(self.corpus, exist_ok=True)
        self.child = subprocess.Popen(self.command, cwd=self.folder,
                                      stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT)
        text = self.child.communicate()[0].decode(errors="replace")
        found = re.search(r"number_of_executed_units: (\d+)", text)
        self.runs = int(found.group(1)) if found else 0
        if self.child.returncode:
            self.failed = 1
            print(f"FAIL host fuzzers:\n{text[-4000:]}\nwhy: a host fuzzer "
                  f"ended with {self.child.returncode}; replay: "
                  f"{self.command[0]} and the file named above", flush=True)

    def stop(self):
        self.child.kill()
        self.failed = 0


def finish_host(host, args, interrupted):
    if not host:
        return "", 0
    if interrupted or not args.time:
        host.stop()
    host.join()
    return f" host_runs={host.runs} host_failed={host.failed}", host.failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--time", type=float, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--vms", type=int, default=VMS)
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--at-least", type=int, default=0)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--host", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    args.jobs = max(args.jobs, 1)
    totals, started = Totals(), time.time()
    host, interrupted = Host(args) if args.host else None, False
    if host:
        host.start()
    try:
        rounds(args, totals)
    except KeyboardInterrupt:
        interrupted = True
    words, host_failed = finish_host(host, args, interrupted)
    for kind, n in sorted(totals.deaths.items(), key=lambda d: -d[1]):
        print(f"  {n:5} guests died: {kind}")
    print(f"fuzz machine: rounds={totals.rounds} steps={totals.steps} "
          f"failed={totals.failed} deaths={sum(totals.deaths.values())} "
          f"lost={totals.lost} qemu_died={totals.emulator_died} "
          f"first_seed={args.seed} seconds={time.time() - started:.0f}{words}",
          flush=True)
    return 1 if totals.failed or host_failed or not totals.rounds else 0


if __name__ == "__main__":
    sys.exit(main())
