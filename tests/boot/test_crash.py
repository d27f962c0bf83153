# SPDX-License-Identifier: MIT
#
# The VMM's own death: a fault of its own prints what a person needs to find
# the bug (what and where, registers, the stack by name), and ends the machine
# with a status nobody takes for success.
from machine import EXIT_PANIC, cases, check

SAYS = {"gp": "general protection", "ud": "invalid opcode",
        "stack": "stack has overflowed", "check": "panic"}


@cases(*SAYS)
def test_panic(env, kind):
    result = env.run_vmm([], append=f"crash={kind}")
    result.want_status(EXIT_PANIC)
    result.want(SAYS[kind], "trapline: panic: .+", "Stack, innermost call")
    result.want(r"^  [0-9a-f]{16}  (vmm_main|overflow_stack)[.\w]*\+0x")
    if kind != "check":
        result.want(r"rax [0-9a-f]{16}", r"cr2 [0-9a-f]{16}", r"r15 ")
    check(not result.has("panic inside a panic"), "it panicked twice")
