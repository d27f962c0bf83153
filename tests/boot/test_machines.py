# SPDX-License-Identifier: MIT
#
# Other processors, boards, memory sizes and ways to load: wherever the VMM
# starts, a guest passes its checks. The ISO is booted as a CD and as a disk.
import re

from machine import EXIT_ZERO, PROMPT, cases, check

MACHINES = {
    "max": {},
    "qemu64": {"cpu": "qemu64"},
    "nehalem": {"cpu": "Nehalem"},
    "q35": {"extra": ("-machine", "q35")},
    "pc": {"extra": ("-machine", "pc")},
    "small": {"memory": 64, "mem": "16M"},
    "large": {"memory": "8G", "mem": "2G", "extra": ("-machine", "q35")},
}

DISKS = {
    "cd": ("-cdrom", "{iso}", "-boot", "d"),
    "disk": ("-drive", "file={iso},format=raw,if=ide,snapshot=on"),
    "cd-q35": ("-machine", "q35", "-cdrom", "{iso}", "-boot", "d"),
}


@cases(*MACHINES)
def test_kernel(env, case):
    keys = dict(MACHINES[case])
    line = env.hare_line(mem=keys.pop("mem", "32M"))
    result = env.run_vmm([line], **keys)
    check("hare: all checks passed" in result.of("alpha"),
          f"it did not pass: {result.of('alpha')[-3:]}")
    result.want_status(EXIT_ZERO)


def test_too_old(env):
    """A processor without long mode: one sentence, no silent death."""
    talk = env.session(env.machine("-kernel", env.vmm, cpu="qemu32"))
    talk.wait(r"64-bit|long mode")


@cases(*DISKS)
def test_iso(env, case):
    words = [w.format(iso=env.iso) for w in DISKS[case]]
    talk = env.session(env.machine(*words, memory=512), 60)
    seen = ""
    for _ in range(2):
        seen += talk.wait("hare: all checks passed") + talk.child.after
    talk.type("\r")
    talk.wait(re.escape(PROMPT))
    talk.type("poweroff\r")
    talk.wait("poweroff, status ")
    talk.end()
