#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The pure folders hold programs about a machine, not programs on one: no asm,
# no volatile, no header of the system but the four that are words only, and
# no variable that outlives a call; the guest's policies are the same. That is
# why they run under sanitizers and fuzzers as an ordinary process. The text is
# judged by its tokens (comments and strings apart), the rest by the objects of
# the VMM and of the guest: `nm` must show nothing in .data or .bss, and no
# undefined symbol but the four memory functions that a compiler emits calls
# to, check_failed(), the boundary arch_*(), and what another pure object
# defines.
#
# usage: purity.py BUILD | --selftest
import glob
import os
import re
import subprocess
import sys
import tempfile

PURE = ("vmm/base", "vmm/cpu", "vmm/mm", "vmm/bt", "vmm/vm", "drivers/bus",
        "drivers/irq", "drivers/model")
HEADERS = {"stdint.h", "stddef.h", "stdbool.h", "stdarg.h"}
MEMORY = {"memcpy", "memmove", "memset", "memcmp"}
BOUNDARY = re.compile(r"arch_\w+$|check_failed$")
WRITABLE = "dDbBcCsSgG"
NM_S = 60
NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
FORBIDDEN = re.compile(r"\b(asm|__asm__|__asm|volatile|__volatile__)\b")
SYSTEM = re.compile(r"^\s*#\s*include\s*<([^>]+)>", re.M)


def without_noise(text):
    """The text with comments and strings blanked, lines kept."""
    return NOISE.sub(lambda m: "\n" * m[0].count("\n"), text)


def check_text(path, text):
    code = without_noise(text)
    for found in FORBIDDEN.finditer(code):
        yield (f"{path}:{code.count(chr(10), 0, found.start()) + 1}: "
               f"{found[1]} in a pure folder")
    for found in SYSTEM.finditer(code):
        if found[1] not in HEADERS:
            line = code.count("\n", 0, found.start(1)) + 1
            yield f"{path}:{line}: <{found[1]}> in a pure folder"


def symbols(path):
    """(type, name) of each symbol in an object."""
    done = subprocess.run(["nm", path], capture_output=True, text=True,
                          timeout=NM_S, check=True)
    for line in done.stdout.splitlines():
        words = line.split()
        yield words[-2], words[-1]


def check_objects(objects):
    """objects: source path -> object path."""
    table = {source: list(symbols(o)) for source, o in objects.items()}
    defined = {name for rows in table.values() for kind, name in rows
               if kind.isupper() and kind != "U"}
    for source, rows in table.items():
        for kind, name in rows:
            if kind in WRITABLE:
                yield (f"{source}: {name} is a variable that outlives a call "
                       f"(nm type {kind})")
            elif kind == "U" and not (name in defined | MEMORY or
                                      BOUNDARY.match(name)):
                yield (f"{source}: uses {name}, which no pure folder defines")


def check(build):
    problems, objects = [], {}
    for folder in (*PURE, "guest/policy"):
        for path in sorted(glob.glob(f"{folder}/*.[chd]*")):
            with open(path, errors="replace") as text:
                problems += check_text(path, text.read())
            if not path.endswith(".c"):
                continue
            program = "hare" if folder.startswith("guest") else "vmm"
            objects[path] = f"{build}/{program}/{path[:-2]}.o"
            if not os.path.exists(objects[path]):
                problems.append(f"{path}: {objects.pop(path)} is not built")
    return problems + list(check_objects(objects)), len(objects)


def selftest():
    text = ('/* asm volatile */ const char *s = "asm";\nint a;\n'
            "#include <stdio.h>\n#include <stdint.h>\n"
            "void f(void) { __asm__(\"hlt\"); }\n")
    found = list(check_text("t.c", text))
    assert [p.split(": ")[0] for p in found] == ["t.c:5", "t.c:3"], found
    with tempfile.TemporaryDirectory() as root:
        source, target = f"{root}/t.c", f"{root}/t.o"
        with open(source, "w") as out:
            out.write("static int hidden; int seen = 1;\n"
                      "extern int printf(const char *, ...);\n"
                      "extern int arch_now(void);\n"
                      "static const int fine[] = {1, 2};\n"
                      "int f(int i) { hidden += arch_now(); printf(\"x\");\n"
                      "    return hidden + fine[i & 1]; }\n")
        subprocess.run(["gcc", "-ffreestanding", "-fno-pic", "-fno-builtin",
                        "-O1", "-c", source, "-o", target], check=True)
        found = list(check_objects({"t.c": target}))
    names = sorted(re.search(r"t\.c: (?:uses )?(\w+)", p)[1] for p in found)
    assert names == ["hidden", "printf", "seen"], found
    print("purity: selftest found all 5 planted impurities")


def main():
    if sys.argv[1:] == ["--selftest"]:
        return selftest()
    if len(sys.argv) != 2:
        sys.exit("usage: purity.py BUILD | --selftest")
    build = os.path.abspath(sys.argv[1])
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    problems, count = check(build)
    print("\n".join(problems + [f"purity: {count} objects, "
                                f"{len(problems)} impurities"]))
    sys.exit(bool(problems) or not count)


if __name__ == "__main__":
    main()
