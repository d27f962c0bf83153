# SPDX-License-Identifier: MIT
#
# The hosted VMM as a program: its command line and what is wrong with it, the
# exit status, the terminal, that a run repeats to the instruction, and that a
# debugger finds its way.
import re
import shutil
import subprocess

from machine import PROMPT, Session, Skip, cases, check
from program import FAIL, PASS, RUN_S, USAGE, command, run

GDB_S = 60
MISTAKES = {
    "nothing": ([], "there is no FILE; --help shows the form"),
    "option": (["--fast"], 'there is no option "--fast"; --help lists them'),
    "memory": (["--memory=4M"], '"--memory=4M" is not between 16M and 3G'),
    "number": (["--limit=x"], '"--limit=x" needs a number'),
    "file": (["/nowhere/x.elf"], "/nowhere/x.elf cannot be opened: No such "
                                 "file or directory"),
    "folder": (["/"], "/ is not a file"),
    "comma": ([",", "x"], "there is no FILE beside a comma; --help shows the "
                          "form"),
}


def hare(env, *words):
    return [env.hare, "vm=alpha", "mem=16M", *words]


@cases(*MISTAKES)
def test_mistake(env, case):
    words, sentence = MISTAKES[case]
    result = run(env, [words])
    result.want_status(USAGE)
    check(result.said == f"trapline-host: {sentence}\n",
          f"it said {result.said!r}, not {sentence!r}")


def test_help(env):
    result = run(env, [["--help"]])
    check(result.status == PASS, f"--help ends with {result.status}")
    result.want("^usage: trapline-host", "--memory=SIZE")


def test_module_line(env):
    """The VMM's own sentence about a module, and its exit status."""
    result = run(env, [hare(env, "memory=1M")], "exit=stopped")
    result.want_status(FAIL)
    result.want(r'^trapline: module 0 \("vm=alpha mem=16M memory=1M"\): ')


def test_limit(env):
    """An endless guest ends with the machine time it was given."""
    result = run(env, [[f"{env.build}/attack/res_spin.elf", "vm=a",
                        "mem=8M"]], "--limit=50", "exit=stopped")
    check(result.status == FAIL and "50 ms of machine time" in result.said,
          f"--limit=50 ended with {result.status}: {result.said}")


def test_same(env):
    """Two runs of one script: every byte and every instruction the same. A
    third with one more line is another run."""
    script = ["?all checks passed", "attach alpha", "?hare$ ", "faults",
              "?hare$ ", "\x1d", "list", "poweroff", ""]
    runs = [run(env, [hare(env)], script="\n".join(text)) for text in
            (script, script, script[:3] + ["echo", "?hare$ "] + script[3:])]
    for result in runs:
        result.want_status(PASS)
    check(runs[0].text == runs[1].text, "the second run printed another text")
    check(runs[0].figures() == runs[1].figures(),
          f"the figures differ: {runs[0].figures()}, {runs[1].figures()}")
    check(runs[0].figures() != runs[2].figures(),
          "another script gave the same figures")


def test_commands(env):
    """trapline.cmd= runs before the guests and waits for them, and two such
    runs are the same to the instruction."""
    words = ("trapline.cmd=regs alpha; wait 20ms; walk alpha kmain; "
             "wait alpha exited; map alpha; log 3")
    runs = [run(env, [hare(env, "--", "check=only")], words, "exit=stopped")
            for _ in range(2)]
    for result in runs:
        result.want_status(PASS)
        result.want(r"^alpha: running, at 0008:\w+ \(_start", r"PTE +2\d\d ",
                    r"^  0xc0100000-0xc01\w\wfff .* S r- 4K ",
                    "^trapline: cmd: done$")
    check(runs[0].text == runs[1].text, "the second run printed another text")
    check(runs[0].figures() == runs[1].figures(),
          f"the figures differ: {runs[0].figures()}, {runs[1].figures()}")


def test_terminal(env):
    """At a terminal: typed at, attached to, left, switched off."""
    env.sessions.append(Session(command(env, [hare(env)], "--attach=alpha"),
                                RUN_S))
    talk = env.sessions[-1]
    talk.wait(r"hare\$ ")
    talk.type("echo at a terminal\r")
    talk.wait(r"\nat a terminal")
    talk.type("\x1d")
    talk.wait(re.escape(PROMPT))
    talk.command("list", r"alpha +1 +halted")
    talk.type("poweroff\r")
    talk.wait("trapline: poweroff, status 0")
    check(talk.end() == PASS, "poweroff ended with another status")


def test_gdb(env):
    """A breakpoint in the VMM, met by a guest's page fault."""
    if not shutil.which("gdb"):
        raise Skip("there is no gdb here")
    words = ["gdb", "-batch", "-nx", "-ex", "set confirm off",
             "-ex", "set breakpoint pending off", "-ex", "break shadow_fault",
             "-ex", "run", "-ex", "backtrace",
             "-ex", "up", "-ex", "print vm->config.name", "-ex", "kill",
             "--args",
             *command(env, [hare(env, "--", "check=only")], "exit=stopped")]
    print("$", " ".join(words), flush=True)
    done = subprocess.run(words, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=GDB_S)
    text = done.stdout.decode(errors="replace")
    print(text)
    if "ptrace: Operation not permitted" in text:
        raise Skip("this machine does not let gdb trace a process")
    for pattern in (r"^Breakpoint 1, shadow_fault \(", r"^#\d+ .* hv_run \(",
                    r"^#\d+ .* main \(", r'= "alpha\\0'):
        check(re.search(pattern, text, re.M), f"gdb shows no {pattern!r}")
