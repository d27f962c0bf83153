#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Runs micro-guests by hand, bare and under the VMM, and says how each went.
#
# A guest must behave the same in each place; what it prints is shown when it
# did not. tests/micro/expect.txt names the few whose end is not "pass":
#   NAME bare=reset vmm=killed   the machine resets, the VMM kills the VM
#   NAME trap=killed             so does the VMM with exec=trap only
#   NAME trap=fails              it sees the difference there
#   NAME same                    what it hashes is what it hashes bare
#   NAME twice                   under the VMM, two run side by side
#   NAME disk                    it is given an empty disk of 1 MiB
#
# usage: run.py [--build DIR] [--vmm ELF] [--on bare,vtlb,...] [NAME...]
import argparse
import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
QEMU = ["-accel", "tcg", "-display", "none", "-no-reboot", "-net", "none",
        "-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
# QEMU's exit code: (status << 1) | 1
BARE_PASS, VMM_PASS, VMM_NOT = 0x21, 1, 3
LIMIT_S = 20
DISK_BYTES = 1 << 20
# Where a guest runs beside the bare machine, as its module line says it.
PLACES = {"vtlb": "shadow=vtlb", "cached": "shadow=cached",
          "interp": "exec=interp", "interp-vtlb": "exec=interp shadow=vtlb"}


def expectations():
    table = {}
    with open(os.path.join(ROOT, "tests/micro/expect.txt")) as lines:
        for line in lines:
            words = line.split("#")[0].split()
            if words:
                table[words[0]] = set(words[1:])
    return table


def empty_disk(args):
    args.disk = tempfile.NamedTemporaryFile()
    args.disk.truncate(DISK_BYTES)
    return ["-drive", f"if=ide,index=0,format=raw,file={args.disk.name}"]


def command(args, name, where, expect):
    elf = f"{args.build}/micro/{name}.elf"
    if where == "bare":
        return (["qemu-system-i386", "-m", "16", "-kernel", elf] + QEMU +
                (empty_disk(args) if "disk" in expect else []))
    how = PLACES[where]
    if "disk" in expect:
        how += f" disk={DISK_BYTES}"
    line = f"{elf} vm=t mem=8M {how}"
    if "twice" in expect:
        line += f",{elf} vm=u mem=8M {how}"
    return ["qemu-system-x86_64", "-cpu", "max", "-m", "128", "-kernel",
            args.vmm, "-append", "exit=stopped", "-initrd", line] + QEMU


def wanted(where, expect):
    if where == "bare":
        return 0 if "bare=reset" in expect else BARE_PASS
    killed = "vmm=killed" in expect
    killed |= bool({"trap=killed", "trap=fails"} & expect and
                   "exec=" not in PLACES[where])
    return VMM_NOT if killed else VMM_PASS


def execute(words):
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=LIMIT_S)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        return f"no end in {LIMIT_S} s", late.stdout or b""


def hashes(text):
    return re.findall(rb"\bhash 0x[0-9a-f]+", text)


def run(args, name, where, expect):
    code, text = execute(command(args, name, where, expect))
    ok = code == wanted(where, expect)
    # QEMU exits with 1 also when it cannot start.
    ok &= where == "bare" or b"trapline: poweroff, status" in text
    if "same" in expect and wanted(where, expect) == VMM_PASS:
        bare = execute(command(args, name, "bare", expect))[1]
        ok &= hashes(text) == hashes(bare) != []
    print(f"{'ok  ' if ok else 'FAIL'} {name} {where}"
          f"{'' if ok else f' (exit {code})'}", flush=True)
    if not ok or args.verbose:
        print("     " + text.decode("latin-1").strip().replace("\n",
                                                               "\n     "))
    return ok


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--vmm")
    parser.add_argument("--on", default=",".join(["bare", *PLACES]))
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    args.vmm = args.vmm or f"{args.build}/trapline.elf"
    table = expectations()
    names = args.names or sorted(
        os.path.splitext(os.path.basename(f))[0]
        for f in glob.glob(f"{args.build}/micro/*.elf"))
    results = [run(args, name, where, table.get(name, set()))
               for name in names for where in args.on.split(",")]
    print(f"{sum(results)} of {len(results)} as expected")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
