# SPDX-License-Identifier: MIT
#
# The interpreting engine on the machine: what pure trap-and-emulate cannot
# run, runs; and time is shared with it as with any other.
from machine import EXIT_ONE, EXIT_PASS, EXIT_ZERO, cases, check

NEEDS = ("hare-pushf.elf",)
PROPERTY = "PUSHF and POPF show and change the interrupt flag"


def pushf_line(env, keys):
    return f"{env.build}/hare-pushf.elf vm=alpha mem=8M {keys} -- " \
           "run=echo:one,fault:null,counters"


@cases("bare", "trap", "interp")
def test_pushf(env, where):
    """A Hare that trusts PUSHF and POPF: right on a bare machine and under
    exec=interp; under exec=trap its own check finds out and it panics."""
    if where == "bare":
        end = env.run_bare("check=only", kernel=f"{env.build}/hare-pushf.elf")
        end.want(f"^check: {PROPERTY}: ok").want_status(EXIT_PASS)
        return
    end = env.run_vmm([pushf_line(env, f"exec={where}")])
    if where == "trap":
        end.want(f"^.alpha. .*panic.*{PROPERTY}.*failed")
        end.want_status(EXIT_ONE)
        return
    end.want(f"check: {PROPERTY}: ok", "hare: all checks passed",
             "alpha: exited with status 0x10").want_status(EXIT_ZERO)
    check("counters: neither disturbed the other." in end.of("alpha"),
          "its timer does not interrupt its programs")
