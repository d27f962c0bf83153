# SPDX-License-Identifier: MIT
#
# VMs made and destroyed a thousand times, four of them alive at any moment,
# each cut off in the middle of an attack, while the witness computes beside
# them. No frame may be lost: the audit is clean all along, and when the last
# VM is gone every frame that was somebody's is free again, as many as before
# the first.
#
# And a guest that loads a million page directories gets through, and what the
# VMM kept of them was never more than it may keep.
#
# Commands are typed ahead, a batch at a time; the last answer of the batch is
# what one waits for.
import json
import re

from machine import EXIT_ZERO, PROMPT, check, limit

ROUNDS = 1000
ALIVE = 4        # VMs at any moment
BATCH = 25       # rounds typed at once
ATTACKS = ("res_shadow", "res_thrash", "res_irq", "res_resetcf9",
           "res_repmmio", "res_gploop", "res_pffetch", "alltables")
MEM = "mem=8M"
NOBODY = (r"0 of guests, 0 shadow, 0 p2m, 0 blocks, 0 names, 0 of probes, "
          r"0 of disks, 0 canaries")


def policy(i):
    return "cached" if i % 2 else "vtlb"


def create(i):
    return (f"create vm=v{i} {MEM} shadow={policy(i // len(ATTACKS))} "
            f"module={i % len(ATTACKS)}\r")


def one_round(i):
    """Makes VM i; the oldest one goes."""
    gone = f"destroy v{i - ALIVE}\r" if i >= ALIVE else ""
    return gone + create(i)


def batch(talk, first):
    """Sends the rounds from `first` on and waits for the last of them."""
    rounds = range(first, min(first + BATCH, ROUNDS))
    talk.type("".join(one_round(i) for i in rounds))
    text = talk.wait(rf"trapline: v{rounds[-1]}: created from boot module")
    talk.wait(re.escape(PROMPT))
    return text


def audit(talk):
    lines = talk.command("audit")
    check(lines[-1] == "audit: clean", f"`audit` is not clean: {lines[-8:]}")
    found = re.search(r"audit: \d+ frames: (\d+) free", "\n".join(lines))
    check(found, f"`audit` does not count the frames: {lines}")
    return int(found.group(1)), "\n".join(lines)


def destroy(talk, names):
    for name in names:
        talk.command(f"destroy {name}", f"{name}: destroyed")


def boot(env):
    """The machine with no VM in it, and the free frames of that."""
    names = [f"m{i}" for i in range(len(ATTACKS))]
    modules = [f"{env.build}/attack/{attack}.elf vm={name} {MEM} --"
               for attack, name in zip(ATTACKS, names)]
    modules.append(f"{env.build}/witness.elf vm=w {MEM} --")
    talk = env.session(env.vmm_machine(modules, append="canary=1"), 60)
    talk.wait(re.escape(PROMPT))
    destroy(talk, names + ["w"])
    free, text = audit(talk)
    check(re.search(NOBODY, text), f"frames are somebody's: {text}")
    return talk, free


@limit(180)
def test_thousand_rounds(env):
    talk, free = boot(env)
    talk.command(f"create vm=witness {MEM} module=w", "witness: created")
    talk.wait(r"witness: ready")
    failures = []
    for first in range(0, ROUNDS, BATCH):
        failures += re.findall(r"create: [^\r\n]*|no VM named[^\r\n]*",
                               batch(talk, first))
        if first % (10 * BATCH) == 0:
            audit(talk)
    check(not failures, f"{len(failures)} commands failed: {failures[:3]}")
    audit(talk)
    talk.command("list", r"witness .*(running|halted)")
    talk.type("type witness q\r")
    talk.wait(r"trapline: witness: exited with status 0x10")
    destroy(talk, [f"v{ROUNDS - 1 - i}" for i in range(ALIVE)] + ["witness"])
    after, text = audit(talk)
    check(re.search(NOBODY, text), f"frames are somebody's: {text}")
    check(after == free, f"{free - after} frames were lost: {free} were free "
                         f"before, {after} are now")
    print(f"\n{ROUNDS} rounds, {free - after} frames leaked")
    with open(f"{env.build}/attack/rounds.json", "w") as out:
        json.dump({"rounds": ROUNDS, "leaked": free - after}, out)
    talk.type("poweroff\r")
    check(talk.end() == EXIT_ZERO, "the machine did not power off")


MILLION = 0x100000       # a power of two, when the attack tells its count
SHADOW_PAGES = 256       # of 2,048 frames an eighth


# vtlb keeps nothing of a directory that is not in CR3.
@limit(330)
def test_million_directories(env):
    attack = f"{env.build}/attack/res_directories.elf"
    talk = env.session(env.vmm_machine(
        [f"{attack} vm=dirs {MEM} shadow=cached --"], append="canary=1"), 60)
    talk.wait(rf"attack: tried {MILLION:#x}\b", 300)
    lines = talk.command("stats dirs")
    found = re.search(r"pages in use +(\d+)", "\n".join(lines))
    check(found and int(found.group(1)) <= SHADOW_PAGES,
          f"more than {SHADOW_PAGES} shadow pages are in use: {lines}")
    audit(talk)
    destroy(talk, ["dirs"])
    text = audit(talk)[1]
    check(re.search(NOBODY, text), f"frames are somebody's: {text}")
    talk.type("poweroff\r")
    check(talk.end() == EXIT_ZERO, "the machine did not power off")
