#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# A lower layer never includes a higher one. TABLE says for each folder what
# its files may include (their own folder always); every #include of a quoted
# name is looked up in it, and what the table does not allow is printed with
# file, line and rule. Includes are rooted at the repository, so a relative
# one, or one of a file that does not exist, is an error too.
#
# The longest folder that matches a file is its layer. A row entry that names
# a file allows just that file: vmm/vm sees the hardware through arch.h alone,
# and arch/x86 sees the processor's state but nothing that works on it.
#
# usage: layers.py [--selftest]
import os
import re
import sys
import tempfile

BASE, DEFS = "vmm/base", "arch/x86/defs"
PURE = [BASE, DEFS, "vmm/cpu", "vmm/mm", "vmm/bt", "vmm/vm", "drivers/bus",
        "drivers/irq", "drivers/model"]
TABLE = {
    "vmm/base": [],
    "arch/x86/defs": ["vmm/base/types.h"],
    "vmm/cpu": [BASE, DEFS],
    "vmm/mm": [BASE, DEFS],
    "vmm/bt": [BASE, DEFS, "vmm/cpu"],
    "drivers/bus": [BASE],
    "drivers/irq": [BASE, "drivers/bus"],
    "drivers/model": [BASE, DEFS, "drivers/bus", "drivers/irq"],
    "vmm/vm": PURE + ["arch/x86/arch.h"],
    "arch/x86": [BASE, DEFS, "vmm/cpu/cpu.h", "vmm/cpu/fpu.h"],
    "drivers/host": [BASE, DEFS, "arch/x86"],
    "vmm": PURE + ["arch/x86", "drivers/host"],
    "guest/include": [],
    "guest/policy": ["guest/include"],
    "guest": [DEFS, "guest/include", "guest/policy"],
    "tests": PURE + ["arch/x86", "guest/include", "guest/policy"],
    "tests/micro": [DEFS, "vmm/base/types.h"],
    "tests/attack": [DEFS, "vmm/base/types.h", "tests/micro"],
    "tests/fuzz/random": [DEFS, "vmm/base/types.h", "tests/micro"],
}
SOURCES = (".c", ".h", ".S", ".def")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def inside(path, folder):
    return path == folder or path.startswith(folder + "/")


def layer_of(path):
    rows = [row for row in TABLE if inside(path, row)]
    return max(rows, key=len, default=None)


def allowed(path, include):
    """An allowed folder does not allow the narrower layers within it."""
    layer = layer_of(path)
    target = layer_of(include)
    if layer is None:
        return False
    for entry in TABLE[layer] + [layer]:
        if include == entry or (inside(include, entry) and target == entry):
            return True
    return False


def sources(root):
    for top in sorted({row.split("/")[0] for row in TABLE}):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith(SOURCES):
                    yield os.path.relpath(os.path.join(folder, name), root)


def check_file(root, path):
    with open(os.path.join(root, path), errors="replace") as text:
        for number, line in enumerate(text, 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            name = found[1]
            if not os.path.exists(os.path.join(root, name)):
                yield (f"{path}:{number}: includes {name}, which is no file "
                       f"counted from the root of the repository")
            elif not allowed(path, name):
                layer = layer_of(path)
                may = ", ".join(TABLE.get(layer) or ["nothing"])
                yield (f"{path}:{number}: includes {name}; besides its own "
                       f"folder, {layer} may include {may}")


def check(root):
    problems, count = [], 0
    for path in sources(root):
        count += 1
        problems += check_file(root, path)
    return problems, count


def write(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w") as out:
        out.write(text)


def selftest():
    """A small tree with known violations: each must be found, no more."""
    with tempfile.TemporaryDirectory() as root:
        write(root, "vmm/base/types.h", "")
        write(root, "vmm/cpu/cpu.h", '#include "vmm/base/types.h"\n')
        write(root, "vmm/vm/vm.h", '#include "vmm/cpu/cpu.h"\n')
        write(root, "arch/x86/arch.h", '#include "vmm/cpu/cpu.h"\n')
        write(root, "arch/x86/asm.h", "")
        write(root, "vmm/vm/good.c", '#include "arch/x86/arch.h"\n')
        write(root, "vmm/main.c", '#include "arch/x86/asm.h"\n')
        bad = {"vmm/base/up.c": '\n#include "vmm/cpu/cpu.h"\n',
               "vmm/cpu/up.c": '\n#include "vmm/vm/vm.h"\n',
               "vmm/vm/asm.c": '\n # include "arch/x86/asm.h"\n',
               "guest/kernel.c": '\n#include "vmm/base/types.h"\n',
               "vmm/cpu/near.c": '\n#include "cpu.h"\n'}
        for path, text in bad.items():
            write(root, path, text)
        found = [p.split(": ")[0] for p in check(root)[0]]
        want = sorted(f"{path}:2" for path in bad)
        if sorted(found) != want:
            sys.exit(f"layers: the selftest found {sorted(found)}, not {want}")
    print(f"layers: selftest found all {len(bad)} planted violations")


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if sys.argv[1:] == ["--selftest"]:
        return selftest()
    problems, count = check(root)
    print("\n".join(problems + [f"layers: {count} files, "
                                f"{len(problems)} violations"]))
    sys.exit(bool(problems) or not count)


if __name__ == "__main__":
    main()
