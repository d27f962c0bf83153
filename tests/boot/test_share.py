# SPDX-License-Identifier: MIT
#
# A guest that never lets go, whether its kernel loops with interrupts off or
# its program loops in ring 3, costs its neighbours nothing but its share: the
# working guest finishes, and the processor time that `list` shows is divided
# by weight. A guest that breaks down takes nobody with it.
import re
import time

from machine import EXIT_ONE, EXIT_ZERO, PROMPT, check, limit

LOOP = "cli\n1: jmp 1b"

# Loads its own descriptor table, then IRET to a loop in ring 3.
LOOP_RING3 = """
    lgdt table
    ljmp $8, $1f
1:  mov $16, %eax
    mov %eax, %ds
    mov %eax, %ss
    mov $0x180000, %esp
    push $0x23
    push $0x190000
    push $2
    push $0x1b
    push $2f
    iret
2:  jmp 2b
    .align 8
gdt: .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
    .quad 0x00cffa000000ffff, 0x00cff2000000ffff
table: .word 39
    .long gdt
"""

# No table for its traps: the first one is a triple fault.
TRIPLE = "lidt nothing\nud2\nnothing: .word 0\n.long 0"

CPU_MS = 5  # the column of `list`


def cpu_ms(lines, name):
    """The processor time in a line of `list`."""
    row = next((l for l in lines if re.match(rf"\s*{name}\b", l)), None)
    check(row is not None, f"`list` has no line for {name}: {lines}")
    return int(row.split()[CPU_MS])


def looper(env, code, keys=""):
    name = keys.split()[0].split("=")[1]
    return f"{env.guest(name, code)} {keys} mem=4M --"


def near(a, b, what):
    check(abs(a - b) <= 0.2 * max(a, b), f"{what}: {a:.0f} ms and {b:.0f} ms "
                                         f"are not within 20 %")


def test_loopers_beside_worker(env):
    modules = [looper(env, LOOP, "vm=kloop"),
               looper(env, LOOP_RING3, "vm=uloop"),
               env.hare_line("good", "check=only")]
    talk = env.session(env.vmm_machine(modules, append=""), 90)
    talk.wait(r"\[good\] hare: all checks passed")
    talk.wait("good: exited with status 0x10")
    talk.type("\r")
    talk.wait(re.escape(PROMPT))
    first = talk.command("list")
    time.sleep(4)
    lines = talk.command("list")
    spent = [cpu_ms(lines, n) - cpu_ms(first, n) for n in ("kloop", "uloop")]
    check(min(spent) > 500, f"the loopers hardly ran: {spent} ms")
    near(*spent, "equal weights")
    if cpu_ms(first, "kloop") > 500:  # long enough for shares to show
        near(cpu_ms(first, "kloop"), cpu_ms(first, "uloop"), "beside work")
    talk.type("poweroff\r")
    talk.end()


def test_weights(env):
    """By turns at first, then by stride, which takes over while they run."""
    modules = [looper(env, LOOP, "vm=light weight=1"),
               looper(env, LOOP, "vm=heavy weight=3")]
    talk = env.session(env.vmm_machine(modules, append=""))
    talk.wait(re.escape(PROMPT))
    time.sleep(2)
    turns = talk.command("sched stride") and talk.command("list")
    time.sleep(2)
    lines = talk.command("list")
    for name, first, then in (("weight 1 and 3", [], turns),
                              ("strides 3 and 1", turns, lines)):
        light, heavy = (cpu_ms(then, n) - (cpu_ms(first, n) if first else 0)
                        for n in ("light", "heavy"))
        near(3 * light, heavy, name)
    talk.type("poweroff\r")
    talk.end()


def test_triple_fault_beside_worker(env):
    broken = f"{env.guest('broken', TRIPLE)} vm=broken mem=4M --"
    result = env.run_vmm([broken, env.hare_line("good", "check=only")])
    result.want("broken: killed: .*triple fault.*",
                "good: exited with status 0x10").want_status(EXIT_ONE)
    check("hare: all checks passed" in result.of("good"), "good did not pass")


@limit(300)
def test_eight_at_once(env):
    names = [f"hare{n}" for n in range(8)]
    lines = [env.hare_line(n, "check=only",
                           f"shadow={'vtlb' if i % 2 else 'cached'}")
             for i, n in enumerate(names)]
    result = env.run_vmm(lines, 240, memory=512)
    for name in names:
        check("hare: all checks passed" in result.of(name),
              f"{name} did not pass: {result.of(name)[-3:]}")
    result.want_status(EXIT_ZERO)
