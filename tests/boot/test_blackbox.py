# SPDX-License-Identifier: MIT
#
# The black box on the machine: every way to die as on the hosted VMM, by the
# hardware's own faults.
from deaths import groups, judge_group
from machine import EXIT_ONE, cases

NEEDS = ["micro/die.elf"]


@cases("trap", "interp")
def test_ways(env, engine):
    for ways, lines in groups(env, engine, limits=engine != "trap"):
        modules = [" ".join(words) for words in lines]
        result = env.batch(env.vmm_machine(modules))
        result.want_status(EXIT_ONE)
        judge_group(result, ways, engine)
