# SPDX-License-Identifier: MIT
#
# The black box on the hosted VMM: every way to die, by each engine, fifteen at
# a time beside one that lives; and what a person does with it then.
from deaths import groups, judge_group, parts, report
from machine import cases, check
from program import FAIL, PASS, run

NEEDS = ["micro/die.elf"]
ENGINES = ("trap", "interp")
WAYS = 35  # at least


@cases(*ENGINES)
def test_ways(env, engine):
    count = 0
    for ways, lines in groups(env, engine):
        result = run(env, lines, "exit=stopped").want_status(FAIL)
        judge_group(result, ways, engine)
        count += len(ways)
    check(count >= WAYS, f"only {count} ways to die")


def test_again(env):
    """Asked for again it is the same, a living guest has none, and a reset
    ends it."""
    die = f"{env.build}/micro/die.elf"
    script = ["?d: next", "list", "?killed", "blackbox d", "?anew.",
              "blackbox lives", "?has no black box", "reset d", "?d: next",
              "destroy d", "blackbox d", "?no VM named", "poweroff", ""]
    result = run(env, [[die, "vm=d", "mem=2M", "--", "absent"],
                       [die, "vm=lives", "mem=2M"]],
                 script="\n".join(script)).want_status(PASS)
    first = report(result.lines, "d")
    at = result.lines.index("black box:")
    again = parts(result.lines[at + 1:])
    check(again == first, f"it says {first}, and then {again}")
    result.want("^lives has not died; it is exited, and has no black box")
    check(result.text.count("d: black box:") == 2,
          "a guest that died, was reset and died again left one black box")
