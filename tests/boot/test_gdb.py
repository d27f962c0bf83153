# SPDX-License-Identifier: MIT
#
# A real gdb and the machine, over its second serial port: two kernels at once,
# with their symbols, breakpoints, watchpoints, steps and Ctrl-C, and a guest
# that reads its own code while there is a breakpoint in it. tests/hosted has
# what needs no machine.
import os
import shutil
import time

import gdb
from machine import EXIT_ZERO, Skip, check

WAIT_S = 20
# f and g are the same bytes; a breakpoint is in one of them.
SELF_READER = """
.macro body
    mov $3, %ecx
1:  add %ecx, %eax
    loop 1b
    ret
.endm
    mov $0x80000, %esp
    mov $3, %ebx
again:
    xor %eax, %eax
    call f
    dec %ebx
    jnz again
    mov $f, %esi
    mov $g, %edi
    mov $(g - f), %ecx
    repe cmpsb
    mov $0x10, %al
    je same
    mov $0x33, %al
same:
    mov $0xf4, %dx
    out %al, %dx
    hlt
f:  body
g:  body
"""


def machine(env, modules):
    """A QEMU whose COM2 is a socket that gdb can go to."""
    path = env.path("gdb.socket")
    talk = env.session(env.vmm_machine(
        modules, append="gdb=com2 gdb.wait=1",
        extra=("-chardev", f"socket,id=gdb,path={path},server=on,wait=off",
               "-serial", "chardev:gdb")))
    talk.wait("every guest waits for gdb", WAIT_S)
    end = time.monotonic() + WAIT_S
    while not os.path.exists(path):
        check(time.monotonic() < end, "QEMU made no socket")
        time.sleep(0.05)
    return talk, f"remote {path}"


def test_kernels(env):
    reader = env.guest("reader", SELF_READER)
    talk, target = machine(env, [
        env.hare_line("alpha", "", mem="8M"),
        env.hare_line("beta", "", mem="8M"),
        f"{reader} vm=reader mem=2M"])
    text = gdb.run(env, target, [
        "info inferiors",
        "inferior 3", "break f", "continue", "continue", "x/i $eip",
        "continue", "p $eax", "delete", "continue",  # it exits
        "detach", "inferior 1",
        "hbreak kmain", "set schedule-multiple on", "continue",
        "continue", "info threads", "delete",
        "break syscall", "continue", "bt", "set schedule-multiple off",
        "step", "next", "stepi", "set schedule-multiple on", "delete",
        "watch ticks", "continue", "continue", "delete",
        gdb.CTRL_C.format(2), "continue", "info threads",  # all are idle
        "inferior 2", "unset tdesc filename", "p $cr0", "p/x $cr3 != 0",
        "p ticks > 6", "x/2xw &ticks",
        "monitor list", "detach", "inferior 1", "detach"])
    gdb.want(
        text, r"^. 1 +process 1 ", r"^. 2 +process 2 ", r"^. 3 +process 3 ",
        r'Thread 3\.1 "reader" hit Breakpoint 1',
        r'Thread 3\.1 "reader" hit Breakpoint 1', r"<f>:\s+mov +\$0x3,%ecx",
        r'Thread 3\.1 "reader" hit Breakpoint 1', r"\$1 = 0",
        r"SIGTERM", r"\[Inferior 3 \(process 3\) detached\]",
        r"hit Breakpoint 2.*kmain \(\) at guest/kernel/main\.c",
        r"hit Breakpoint 2.*kmain \(\) at guest/kernel/main\.c",
        r'"alpha" \(paused\)', r'"beta" \(paused\)',
        r"hit Breakpoint 3.*syscall \(f=",
        r"#0 +syscall \(f=\S*0x", r"#1 +0x\w+ in trap \(",
        r"^12\d\s", r"^12\d\s", r"0x\w+\s",
        r"Hardware watchpoint 4: ticks", r"hit Hardware watchpoint 4: ticks",
        r"Old value = \d+\nNew value = \d+", r"pit\.c",
        r"hit Hardware watchpoint 4: ticks",
        r"received signal SIGINT", r'"alpha" \(paused\)',
        r'"beta" \(paused\)', r"\$2 = \[ PE .*PG \]", r"\$3 = 0x1", r"\$4 = 1",
        r"^alpha .* paused", r"^beta .* paused", r"^reader .* exited",
        r"detached\]", r"detached\]")
    talk.type("\r")
    talk.wait(r"trapline> ")
    talk.command("list", r"alpha +1 +(running|halted)")
    again = gdb.run(env, target, ["info threads", "kill inferiors 3",
                                  "info inferiors", "detach"])
    gdb.want(again, '"alpha"', '"beta"', r'"reader" \(exited\)',
             r"detached\]")
    talk.type("poweroff\r")
    check(talk.end() == EXIT_ZERO, "the machine did not end well")


def test_debug(env):
    """scripts/debug as a person has it: one terminal, and Ctrl-C is gdb's."""
    if not shutil.which("gdb"):
        raise Skip("there is no gdb here; scripts/deps installs it")
    os.environ["GDB_WORDS"] = "-nx"
    talk = env.session(["scripts/debug", env.build], WAIT_S)
    answers = (("set pagination off", ""), ("guest 2", "boot.S"),
               ("p $idtr_limit", "= 0"), ("program sh", "program/sh.elf"),
               ("break program", "Breakpoint 1"),
               ("continue", "hit Breakpoint 1"), ("p $cpl", "= 3"),
               ("system", r"cr0 [^(]*\sdr7 "), ("delete 1", ""),
               ("physical 1", "OK"), ("x/xw 0x100004", r":\s+0x"),
               ("physical", '"1"'), ("physical 0", "OK"),
               ("p $eip", "program"))
    talk.wait(r"\(gdb\) ")
    for typed, answer in answers:
        talk.type(typed + "\n")
        talk.wait(answer)
        talk.wait(r"\(gdb\) ")
    talk.type("continue\n")
    talk.wait("Continuing")
    time.sleep(0.5)
    talk.type("\3")
    talk.wait("received signal SIGINT")
    talk.wait(r"\(gdb\) ")
    for typed in "inferior 2", "reboot beta":  # whichever was interrupted
        talk.type(typed + "\n")
        talk.wait(r"\(gdb\) ")
    talk.type("x/i $eip\n")
    talk.wait("<.*_start")
    talk.wait(r"\(gdb\) ")
    talk.type("quit\n")
    talk.wait("Quit anyway")
    talk.type("y\n")
    check(talk.end() == 0, "scripts/debug ended with an error")
