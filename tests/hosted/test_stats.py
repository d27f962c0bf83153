# SPDX-License-Identifier: MIT
#
# `stats json` is JSON; with every exit measured, what is measured is what is
# counted, by kind and by place, and the places have the guest's own names.
# The live trace goes by filters, one a function of the guest's by its name,
# and says nothing else.
import json
import re

from machine import check
from program import PASS, run

COSTS = ("measured", "cost_ns", "min_ns", "mean_ns", "max_ns")
OWN = re.compile(r"^\[a\] \d+\.\d{6} (.*)$")
LINE = re.compile(r"^\[b\] (\d+\.\d{6}) (.*)$")


def summed(rows, key):
    return sum(row[key] for row in rows)


def judge(vm):
    kinds = vm["kinds"]
    for name, row in kinds.items():
        if name != "fatal":
            check(row["measured"] == row["count"],
                  f"{name}: {row['count']} exits, {row['measured']} measured")
        check(row["min_ns"] <= row["mean_ns"] <= row["max_ns"],
              f"{name}: {row}")
    check(summed(kinds.values(), "measured") == vm["exits"],
          f"the kinds do not add up to {vm['exits']} exits")
    places = vm["places"] + [vm["others"]]
    for key in ("measured", "cost_ns"):
        check(summed(kinds.values(), key) == summed(places, key),
              f"{key} of kinds and places differ")
    costs = [row["cost_ns"] for row in vm["places"]]
    check(costs == sorted(costs, reverse=True), "places are not by cost")
    names = {row["name"] for row in vm["places"]}
    check({"serial_write", "ring3_enter"} <= names,
          f"where are the kernel's functions in {names}?")
    check(vm["vectors"]["128"] >= 1 and vm["shadow"]["fills"] > 10,
          f"{vm['vectors']} {vm['shadow']}")


def test_stats(env):
    """One boot for all of it."""
    guests = [[env.hare, "vm=a", "mem=8M", "--", "check=only"],
              [env.hare, "vm=b", "mem=8M",
               "trace=int,exception,mode=user,rate=3", "--",
               "check=only"]]
    result = run(env, guests, "trapline.cmd=stats a exact; trace a "
                 "syscall at=check_int3",
                 script="?a: exited\n?b: exited\nstats a\nstats json a\n"
                        "stats json\ntrace\npoweroff\n")
    result.want_status(PASS)
    lines = [json.loads(l) for l in result.lines if l.startswith('{"version"')]
    check(len(lines) == 2 and all(l["version"] == 1 for l in lines),
          f"{len(lines)} lines of JSON")
    check([vm["name"] for vm in lines[0]["vms"]] == ["a"], "not a alone")
    check([vm["name"] for vm in lines[1]["vms"]] == ["a", "b"], "not both")
    for line in lines:
        vm = line["vms"][0]
        check(vm["sampling"]["exact"] and vm["state"] == "exited" and
              vm["status"] == 0x10, f"{vm['sampling']} {vm['state']}")
        judge(vm)
    kinds = lines[0]["vms"][0]["kinds"]
    for name, row in kinds.items():
        if name != "fatal":
            result.want(rf"^  {name} +{row['count']} +\d+\.\d%")
    own = [m[1] for m in map(OWN.match, result.lines) if m]
    check(len(own) == 2 and own[0].startswith("int 3 (#BP), ") and
          own[0].endswith("at check_int3+0xa") and
          own[1].startswith("iret -> 0x00000008:check_int3+0xb, "),
          f"in check_int3() was shown {own}")
    result.want(r"^a: trace is syscall at=0xc010\w+-0xc010\w+\.$",
                "^b: trace is exception,int mode=user rate=3")
    shown = [m[2] for m in map(LINE.match, result.lines) if m]
    left = [t for t in shown if t.endswith("which rate=3 left out")]
    check(len(shown) - len(left) == 3 and len(left) == 1,
          f"what was shown is {shown}")
    check(all(t in left or t.endswith(" (user)") for t in shown), f"{shown}")
