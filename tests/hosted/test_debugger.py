# SPDX-License-Identifier: MIT
#
# A real gdb and the hosted VMM, on a pipe: what a guest does under either
# engine when it is stepped, watched, killed, destroyed and made; programs of
# ring 3; registers and memory that are written; processes one by one.
import shlex

import gdb
from machine import cases, check
from program import command

# It waits for a word to become 7, and then has no way on.
DIES = """
    mov $7, %eax
wait:
    cmp %eax, word
    jne wait
    lidt none
    ud2
.data
none: .word 0
      .long 0
word: .long 0
"""


def target(env, guests, kind="remote"):
    words = command(env, guests, "--gdb=stdio", "gdb.wait=1")
    return f"{kind} | {shlex.join(words)} 2>{env.path('console')}"


def hare(env, name, *keys):
    return [env.hare, f"vm={name}", "mem=8M", *keys]


@cases("trap", "interp")
def test_steps(env, case):
    """In the kernel, by instruction, line and function, then in a program."""
    program = f"{env.build}/hare/program/init.elf"
    text = gdb.run(env, target(env, [hare(env, "alpha", f"exec={case}")]), [
        "break syscall", "continue", "step", "p f->eax", "set debug remote 1",
        "next", "set debug remote 0", "finish", "stepi", "delete",
        f"add-symbol-file {program}", "break program", "continue",
        "p $cpl", "p $cs & 3", "bt 1", "stepi", "delete",
        "watch ticks", "continue", "delete", "rwatch ticks", "continue",
        "awatch ticks", "continue", "delete", "p $cpl", "detach"])
    gdb.want(
        text, r"^46\s+cli", "hit Breakpoint 1.*syscall|^Breakpoint 1, syscall",
        r"^\d+\s+answer = calls", r"\$1 = \d+", r"vCont;r",
        r"^\d+\s+f->eax = ",
        r"trap(_common)? \(", r"^Breakpoint 2, program", r"\$2 = 3",
        r"\$3 = 3", r"#0 +program \(cmdline=", r"^0x080\w+",
        r"^Hardware watchpoint 3: ticks\n\nHardware watchpoint 3: ticks",
        r"Old value = \d+", r"^Hardware read watchpoint 4: ticks\n\n",
        r"Value = \d+", r"\n\nHardware (access|read)", r"\$4 = 0",
        r"detached\]")


def test_life(env):
    """Killed, destroyed, made, taken up and left, one by one."""
    dies = env.guest("dies", DIES)
    text = gdb.run(
        env, target(env, [[dies, "vm=dies", "mem=2M"],
                          hare(env, "beta")], "extended-remote"),
        ["info os processes", "attach 1", "set var *(int *)&word = 7",
         "x/xw &word", "maintenance packet Qqemu.PhyMemMode:1",
         "maintenance packet qqemu.PhyMemMode",
         "maintenance packet Qqemu.PhyMemMode:0", "p $idtr_limit", "p $eflags = $eflags | 0x40000", "p $eflags",
         "p $fs_base = 0x1000", "p $fs_base", "p $xmm3.uint128 = 5",
         "p $xmm3.v4_int32[0]", "continue", "x/i $eip", "p $idtr_limit",
         "continue", "monitor list",
         "add-inferior", "inferior 2", "attach 2", "p $cr0", "break kmain",
         "continue", "monitor destroy dies", "inferior 1", "continue",
         "inferior 2", "delete", "set schedule-multiple on",
         "monitor create vm=gamma mem=8M module=1", "info os processes",
         "add-inferior", "inferior 3", "attach 1", "break proc_idle",
         "continue", "info inferiors", "kill inferiors 3", "info inferiors",
         "inferior 2", "detach"])
    gdb.want(
        text, r"^1 +dies +paused +2M", r"^2 +beta +paused +8M",
        r"^0x\w+:\s+0x00000007",
        r'received: "1"', r"\$1 = 0", r"\$3 = \[.* AC .*\]", r"\$5 = 4096",
        r"\$7 = 5", r"signal SIGSEGV", r"=> 0x\w+.*ud2", r"\$8 = 0",
        r"signal SIGSEGV", r"^dies .* killed", r"\$9 = \[ PE ET NE \]",
        r"hit Breakpoint 1.*kmain", r"terminated with signal SIGKILL",
        r"^1 +gamma", r"hit Breakpoint \d.*proc_idle", r"process 1 ",
        r"<null>", r"\[Inferior 2 \(process 2\) detached\]")
    check("killed: triple fault" in open(env.path("console")).read(),
          "the guest did not die of a triple fault")
