# SPDX-License-Identifier: MIT
#
# The attack kit on the hosted VMM: each attack beside the witness, under each
# shadow policy and interpreted, with canary frames, and all accounts audited
# while it runs, is paused, reset and destroyed. What tests/attack/run.py does
# on the machine, but under sanitizers, and on a processor whose TLB forgets
# nothing that it was not told to forget.
#
# Time is the machine's here and the VMM itself takes none of it, so shares and
# waits of the witness prove nothing and are not judged.
import glob
import os

from attacks import endings, how_ended
from machine import POLICIES, cases, check
from program import PASS, run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
MEM = "mem=8M"
WITNESS = "-- ms=50 mib=2"  # a twentieth of a second, 2 MiB to look after
NAMES = sorted(os.path.splitext(os.path.basename(f))[0]
               for f in glob.glob(f"{ROOT}/tests/attack/*.c"))
NEEDS = [f"attack/{name}.elf" for name in NAMES]
WAYS = {**{p: f"shadow={p}" for p in POLICIES}, "interp": "exec=interp"}
# Each of the schedulers that promise to starve nobody.
FAIR = {"vtlb": "mlfq", "cached": "rr", "interp": "stride"}
# What only an interpreted guest may do: stay in virtual-8086 mode, where the
# bytes behind the attack's own are code, too.
ENDS_INTERPRETED = {"priv_v86": ["done", "killed", "endless"],
                    "priv_v86loop": ["endless"]}
AUDIT = ["audit", "?audit: clean"]
CTRL_BRACKET = "\x1d"


def script(ends, keys):
    lines = ["?trapline: witness: exited"]
    if "endless" not in ends:
        lines += ["?trapline: attacker: "]
    lines += ["list", "stats attacker", "?exits in", "idt attacker",
              "type attacker keys", "attach attacker",
              CTRL_BRACKET, *AUDIT,
              "destroy attacker", "?attacker: destroyed", *AUDIT,
              f"create {keys} module=0", "?created",
              "pause attacker", *AUDIT, "resume attacker",
              "reset attacker", "?attacker: reset", *AUDIT,
              "destroy attacker", "?attacker: destroyed", *AUDIT, "poweroff"]
    return "\n".join(lines) + "\n"


@cases(*[f"{name}-{way}" for name in NAMES for way in WAYS])
def test_attack(env, case):
    name, way = case.split("-")
    ends = endings(name)
    if way == "interp":
        ends = ENDS_INTERPRETED.get(name, ends)
    keys = f"vm=attacker {MEM} {WAYS[way]}"
    result = run(env, [[f"{env.build}/attack/{name}.elf", *keys.split()],
                       [f"{env.build}/witness.elf", "vm=witness", MEM,
                        *WITNESS.split()]],
                 "canary=1", f"sched={FAIR[way]}", script=script(ends, keys))
    result.want_status(PASS)
    check("attack: BROKEN" not in result.text,
          "the attacker says the wall is broken")
    result.want("trapline: witness: exited with status 0x10$")
    window = result.text.split("memory free")[0]
    check(how_ended(window) in ends,
          f"the attack ended as \"{how_ended(window)}\", not as "
          f"\"{'|'.join(ends)}\" (ATTACK_ENDS)")
