#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The part of the style that a program can judge, over every source file:
# the SPDX line, an essay at the head, files of at most 700 lines and lines of
# at most 80 columns, no notes to oneself, no code switched off; functions of
# at most 60 lines with at least nine in ten at 40 or less; and what
# clang-format 14 decides, when it is installed.
#
# A function is found by its braces: a brace at column 0 that a line ending
# in ")" or a lone "{" opens, up to the "}" at column 0. clang-format sees to
# it that this is where they stand. Tables (initialisers) end in "};" and are
# not functions.
#
# usage: style.py [--selftest]
import os
import re
import shutil
import subprocess
import sys
import tempfile

C_LIKE = (".c", ".h", ".S", ".def", ".ld")
OTHERS = (".py", ".mk", ".cfg", ".sh")
NAMED = ("Makefile", "scripts/deps", "scripts/run", "scripts/test", ".ci/run",
         "scripts/trace-record")
SKIP = (".git", "build")
FILE_LINES, COLUMNS, FUNCTION_LINES = 700, 80, 60
SHORT_LINES, SHORT_SHARE = 40, 0.9
ESSAY_LINES, HEADER_ESSAY_LINES = 4, 3
FORMAT_S = 100
# A line of a function's head: no statement, no comment, nothing empty.
HEAD = re.compile(r"(?![^;]*;)(?!.*\*/)[\w ]")
FORMAT_MAJOR = "14"
# Spelled in pieces, so that this file passes its own test.
NOTES = re.compile(r"\b(FIX" + r"ME|TO" + r"DO|XX" + r"X)\b|^\s*#\s*if\s+0\b")


def sources(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIP
                            and (f == ".ci" or f[0] != "."))
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root)
            if name.endswith(C_LIKE + OTHERS) or path in NAMED:
                yield path


def essay_lines(lines):
    """Lines of words in the comment at the head, the SPDX line included."""
    words = 0
    for line in lines:
        if line.startswith("#!"):
            continue
        if not re.match(r"\s*(/?\*|#(?!\s*(include|define|ifndef|if)\b)|//)",
                        line):
            break
        if re.search(r"\w", line):
            words += 1
        if "*/" in line:
            break
    return words


def functions(lines):
    """(line number, length) of each C function, head to closing brace."""
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            if line.strip() == "}":
                head = start
                while head > 1 and HEAD.match(lines[head - 2]):
                    head -= 1
                yield head, number - head + 1
            start = None


def essay_wanted(path):
    if path == ".ci/run" or path.endswith("check_host.c"):
        return 2
    if path.startswith(("tests/", "scripts/")):
        return 3
    return ESSAY_LINES if path.endswith((".c", ".S")) else HEADER_ESSAY_LINES


def check_head(path, lines):
    if not any("SPDX-License-Identifier: MIT" in l for l in lines[:2]):
        yield f"{path}:1: no SPDX line"
    want = essay_wanted(path)
    have = essay_lines(lines)
    if have < want:
        yield (f"{path}:1: the essay at the head has {have} lines, fewer "
               f"than {want}")


def check_lines(path, lines):
    if len(lines) > FILE_LINES:
        yield f"{path}:{len(lines)}: more than {FILE_LINES} lines"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS and path.endswith((".c", ".h", ".S")):
            yield f"{path}:{number}: {len(line)} columns, over {COLUMNS}"
        if NOTES.search(line):
            yield f"{path}:{number}: a note to oneself: {line.strip()}"


def formatter():
    """clang-format, if it is the release whose taste the tree follows:
    each release breaks a few lines differently."""
    tool = shutil.which("clang-format")
    if not tool:
        return None
    said = subprocess.run([tool, "--version"], capture_output=True, text=True,
                          timeout=FORMAT_S).stdout
    return tool if f"version {FORMAT_MAJOR}." in said else None


def check_format(root, paths):
    tool = formatter()
    files = [p for p in paths if p.endswith((".c", ".h"))]
    if not tool or not files:
        return []
    try:
        done = subprocess.run([tool, "--dry-run", "-Werror", *files],
                              cwd=root, capture_output=True, text=True,
                              timeout=FORMAT_S)
    except subprocess.TimeoutExpired:
        return [f"clang-format did not end within {FORMAT_S} s"]
    first = {}
    for line in done.stderr.splitlines():
        if ": error:" in line:
            first.setdefault(line.split(":")[0], line)
    return list(first.values())


def check(root):
    problems, lengths = [], []
    paths = list(sources(root))
    for path in paths:
        with open(os.path.join(root, path), errors="replace") as text:
            lines = text.read().splitlines()
        problems += check_head(path, lines)
        problems += check_lines(path, lines)
        if not path.endswith((".c", ".h")):
            continue
        for number, length in functions(lines):
            lengths.append(length)
            if length > FUNCTION_LINES:
                problems.append(f"{path}:{number}: a function of {length} "
                                f"lines, over {FUNCTION_LINES}")
    short = sum(length <= SHORT_LINES for length in lengths)
    if short < SHORT_SHARE * len(lengths):
        problems.append(f"only {short} of {len(lengths)} functions have at "
                        f"most {SHORT_LINES} lines; nine in ten should")
    problems += check_format(root, paths)
    return problems, len(paths), lengths


def selftest():
    """One file with each fault: every one must be found."""
    essay = "/* SPDX-License-Identifier: MIT\n *\n" + " * words\n" * 4 + " */\n"
    body = "    x();\n"
    bad = {"long.c": (essay + "void f(void)\n{\n" + body * 60 + "}\n",
                      "a function of 63 lines"),
           "spdx.c": (essay.replace("SPDX", "SP") + "int x;\n", "no SPDX"),
           "essay.h": ("/* SPDX-License-Identifier: MIT */\nint x;\n",
                       "the essay"),
           "wide.c": (essay + "//" + "w" * 79 + "\n", "81 columns"),
           "file.c": (essay + "int x;\n" * 700, "more than 700"),
           "note.c": (essay + "/* TO" + "DO: more */\n", "a note"),
           "off.c": (essay + "#if " + "0\n#endif\n", "a note")}
    if formatter():
        bad["format.c"] = (essay + "int  x ;\n", "clang-format")
    for name, (text, words) in bad.items():
        with tempfile.TemporaryDirectory() as root:
            with open(os.path.join(root, name), "w") as out:
                out.write(text)
            if not any(words in p for p in check(root)[0]):
                sys.exit(f"style: the selftest did not find {words!r}")
    print(f"style: selftest found all {len(bad)} planted faults")


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if sys.argv[1:] == ["--selftest"]:
        return selftest()
    problems, count, lengths = check(root)
    mean = sum(lengths) / max(1, len(lengths))
    print("\n".join(problems))
    print(f"style: {count} files, {len(lengths)} functions of {mean:.1f} "
          f"lines on average, {len(problems)} faults")
    sys.exit(bool(problems) or not count)


if __name__ == "__main__":
    main()
