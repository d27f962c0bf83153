# SPDX-License-Identifier: MIT
#
# Disks of VMs from the outside: where they come from, that two VMs with one
# module have two disks, how long what is on them lasts, what the monitor
# shows, every refusal, and that all memory comes back. tests/micro/disk.c
# is the guest: it writes and reads, and says when anything is not as it was.
import re

from machine import check
from program import PASS, run

NEEDS = ["micro/disk.elf"]
BYTES = 100000  # a module; the last sector is not whole
SECTORS = (BYTES + 511) // 512

REFUSALS = {
    "create vm=x mem=8M disk=3000":
        'create: "disk=3000" will not do; disk= wants a size from 64K to 1G '
        "in whole pages, such as 16M.",
    "create vm=x mem=8M disk=512M":
        r"create: mem=8M and its disk of 524288 KiB are more than the \d+ "
        "MiB that are free, less what its page tables take; make one smaller "
        "or give the machine more memory.",
    "create vm=both mem=8M":
        "create: boot modules 4 and 5 are both its disk, and it can have one; "
        "take one away.",
    "create vm=t mem=8M disk=64K":
        "create: disk=64K is smaller than boot module 2, which is to be on it "
        "and has 98 KiB; raise disk= or leave it out.",
}


def test_disks(env):
    elf, how = f"{env.build}/micro/disk.elf", "mem=8M"
    image = env.write("image", b"\x5a" * BYTES)
    guests = [[elf, "vm=t", how], [elf, "vm=u", how, "disk=256K"],
              [image, "for=t", "disk"], [image, "for=u", "disk"],
              [image, "for=both", "disk"], [image, "for=both", "disk"]]
    script = ["wait t exited", "wait u exited", "devices t", "devices u",
              "audit", "reset t", "wait t exited", "destroy u", "destroy t",
              *REFUSALS, "create vm=n mem=8M disk=64K module=0",
              "wait n exited", "destroy n", "audit", "poweroff"]
    result = run(env, guests, "trapline.cmd=" + ";".join(script))
    result.want_status(PASS)
    check(result.text.count("exited with status 0x10") == 4,
          "not all of the four runs have passed")
    result.want(rf"  ide    {SECTORS} sectors \(98 KiB\), status 50",
                r"  ide    512 sectors \(256 KiB\), status 50",
                r"audit: .* 91 of disks, 0 canaries", "audit: clean")
    figures = re.findall(r"sectors read (\d+), written (\d+), commands failed "
                         r"(\d+)", result.text)
    check(len(figures) == 2 and figures[0] == figures[1],
          f"two disks were used differently by one program: {figures}")
    check(all(int(n) for n in figures[0]), f"they were not used: {figures}")
    for sentence in REFUSALS.values():
        result.want(sentence)
    check(re.search(r" 0 of guests, .* 0 of disks, 0 canaries", result.text),
          "memory was left behind")
