#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The essay at the head of every file, in reading order: from the words that
# all use, over the processor, memory and devices as plain C, up to the VM
# that is made of them, down to the hardware underneath, and across to the
# guest; the tests last. Within a folder headers come before what implements
# them. Of Hare the kernel is told as it comes up and as it is used: machine,
# memory, processes, scheduling, files, swapping, calls; then the programs.
# A file that no row of ORDER names would be left out, and is an error.
import os
import re
import sys

HARE = """
    include lib boot
    kernel/layout kernel/boot kernel/main kernel/kernel kernel/x86
    kernel/irqs kernel/gdt kernel/trap kernel/fault kernel/pic kernel/pit
    kernel/serial kernel/vga kernel/kbd kernel/console kernel/printf
    kernel/frames kernel/paging kernel/space kernel/region kernel/uaccess
    kernel/text kernel/elf kernel/ldt
    kernel/proc kernel/switch kernel/life kernel/signal
    policy/sched policy/sched_policy kernel/turns kernel/sched kernel/mix
    kernel/tar kernel/archive kernel/file kernel/fs kernel/pipe
    policy/replace kernel/swap kernel/ide kernel/evict kernel/lab
    kernel/syscall kernel/syscalls kernel/syscall_proc kernel/syscall_mem
    kernel/syscall_file kernel/syscall_sched kernel/syscall_swap kernel
    policy user/user user/crt user/lib user/init user/sh user
    """.split()
ORDER = ["vmm/base", "arch/x86/defs", "arch/x86/arch.h", "vmm/cpu", "vmm/mm",
         "drivers/bus", "drivers/irq", "drivers/model", "vmm/vm", "vmm/bt",
         "arch/x86/boot", "arch/x86", "drivers/host", "vmm/main.c",
         *(f"guest/{row}" for row in HARE), "docs", "tests", "scripts"]
NAMES = (".h", ".def", ".c", ".S", ".py", ".ld")
COMMENT = re.compile(r"\s*/\*\s?|\s*\*/\s*|\s*\*\s?|\s*#!.*|\s*#\s?")


def rank(path):
    """Where a file stands: its row, its folder, its name, header first."""
    rows = [(len(row), n) for n, row in enumerate(ORDER)
            if path.startswith((row + "/", row + ".")) or path == row]
    if not rows:
        sys.exit(f"tour: no row of ORDER names {path}")
    stem, kind = os.path.splitext(os.path.basename(path))
    return (max(rows)[1], os.path.dirname(path), stem, NAMES.index(kind))


def files():
    for top in sorted({row.split("/")[0] for row in ORDER}):
        for folder, _, names in os.walk(top):
            for name in names:
                if name.endswith(NAMES):
                    yield os.path.join(folder, name)


def essay(path):
    lines = []
    for line in open(path, errors="replace"):
        bare = line.strip()
        if not bare.startswith(("/*", "*", "#")) or bare.startswith(
                ("#include", "#ifndef", "#define")):
            break
        text = COMMENT.sub("", line.rstrip(), count=1)
        text = re.sub(r"\s*\*/$", "", text)
        if "SPDX-License" not in text and not bare.startswith("#!"):
            lines.append(text)
        if bare.endswith("*/"):
            break
    return "\n".join(lines).strip("\n/ ")


def main():
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for path in sorted(files(), key=rank):
        print(f"{path}\n{'-' * len(path)}\n{essay(path)}\n")


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.exit(0)
