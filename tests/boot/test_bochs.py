# SPDX-License-Identifier: MIT
#
# The image in Bochs, the strict judge: it checks segment limits, reserved
# bits and alignment where QEMU's TCG does not look. The micro-guests are the
# same files as elsewhere, several of them in one machine, each a VM; so are
# the attack guests, beside a witness (on few processors under one shadow
# policy each; QEMU runs them under both).
import glob
import os
import re
import subprocess
import sys

from machine import POLICIES, PROMPT, THOROUGH, cases, check

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

# Processors, and how many MiB each has with it.
CPUS = {"corei7_sandy_bridge_2600k": 128, "athlon64_venice": 64,
        "corei7_skylake_x": 1024}


def segments(talk):
    """Limits that a program sets in its LDT stop it, by the processor."""
    talk.type("attach alpha\r")
    talk.wait("hare\\$ ")
    talk.type("segments\r")
    talk.wait("512 words were pushed before the stack overflowed")
    talk.wait("segments: ok")
    talk.type("\x1d")
    talk.wait(re.escape(PROMPT))


@cases(*CPUS)
def test_iso(env, case):
    """Both Hares pass, the monitor answers, the power goes off."""
    talk = env.bochs(env.iso, cpu=case, memory=CPUS[case])
    talk.wait("two Hares")
    talk.type("\r")
    for _ in range(2):
        talk.wait("hare: all checks passed")
    talk.type("\r")
    talk.wait(re.escape(PROMPT))
    answer = "\n".join(talk.command("list"))
    for name in ("alpha", "beta"):
        check(re.search(rf"\b{name}\b", answer), f"list shows no {name}")
    talk.command("audit", "audit: clean")
    if case == next(iter(CPUS)):
        segments(talk)
    talk.type("poweroff\r")
    talk.wait("poweroff, status 0")
    check("soft power off" in talk.end(), "the power did not go off")


def micro_guests():
    """name: the words behind it in tests/micro/expect.txt"""
    table = {os.path.splitext(os.path.basename(f))[0]: []
             for f in glob.glob(f"{ROOT}/tests/micro/*.c")}
    with open(f"{ROOT}/tests/micro/expect.txt") as lines:
        for line in lines:
            words = line.split("#")[0].split()
            if words:
                table[words[0]] = words[1:]
    return dict(sorted(table.items()))


def groups(names, n):
    """n at a time, as VMs of one machine."""
    return [names[i:i + n] for i in range(0, len(names), n)]


GUESTS = micro_guests()
GROUPS = groups(list(GUESTS), 10)
ATTACKS = groups(sorted(os.path.splitext(os.path.basename(f))[0]
                        for f in glob.glob(f"{ROOT}/tests/attack/*.c")), 7)


def image(env, guests, *words):
    """An ISO whose first entry starts these guests: (file, its line)."""
    command = [sys.executable, "iso/make.py", "--vmm", env.vmm, "--hare",
               env.hare, "--sector", env.sector,
               "--out", env.path("made.iso"), *words]
    for path, line in guests:
        command += ["--guest", f"{os.path.abspath(env.build)}/{path}.elf",
                    "--words", line]
    print("$", " ".join(command), flush=True)
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    return env.path("made.iso")


def first_entry(env, iso):
    talk = env.bochs(iso, memory=256)
    talk.wait("executed automatically")
    talk.type("\r")
    return talk


@cases(*[f"{policy}-{n}" for policy in POLICIES for n in range(len(GROUPS))])
def test_micro(env, case):
    policy, group = case.split("-")
    names = GROUPS[int(group)]
    guests = [(f"micro/{name}", f"vm={name}{suffix} mem=8M shadow={policy}"
               + " disk=1M" * ("disk" in GUESTS[name]))
              for name in names
              for suffix in (("", "-2") if "twice" in GUESTS[name] else ("",))]
    talk = first_entry(env, image(env, guests, "--append", "exit=stopped"))
    text = talk.wait(r"trapline: poweroff, status \d")
    for _, line in guests:
        vm = line.split()[0].removeprefix("vm=")
        words = set(GUESTS[vm.removesuffix("-2")])
        status = "0x11" if "trap=fails" in words else "0x10"
        end = "killed" if {"vmm=killed", "trap=killed"} & words else \
            rf"exited with status {status}\b"
        check(re.search(rf"trapline: {vm}: {end}", text),
              f"{vm} did not end as it should")


@cases(*[f"{policy}-{n}" for i, policy in enumerate(POLICIES)
         for n in range(len(ATTACKS)) if THOROUGH or n % 2 == i])
def test_attack(env, case):
    """Seven attackers at once: the witness finds nothing wrong, the VMM
    answers, its books are in order."""
    policy, group = case.split("-")
    guests = [("witness", f"vm=witness mem=8M shadow={policy} -- ms=300")]
    guests += [(f"attack/{name}", f"vm={name[:15]} mem=8M shadow={policy}")
               for name in ATTACKS[int(group)]]
    talk = first_entry(env, image(env, guests))
    talk.wait("trapline: witness: exited with status 0x10")
    talk.type("\r")
    talk.wait(re.escape(PROMPT))
    talk.type("audit\r")
    talk.wait("audit: clean")
    talk.type("poweroff\r")
    talk.wait("poweroff, status 0")
