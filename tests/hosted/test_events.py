# SPDX-License-Identifier: MIT
#
# A kernel leaves the same trace whichever engine runs it: three guests in one
# run, under exec=trap and under both dispatchers of exec=interp. Left out is
# what cannot be the same: times, the flags at a moment that an interrupt
# chose, interrupts and the returns from them, and writes to page tables that
# the shadow has no reason to watch where nothing runs on the bare CPU. The
# same trace tells whose turns there were.
import csv
import os
import subprocess

import program
from machine import check

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "../../scripts")
TOOL_S = 60
GROUPS = "priv,exception,syscall,install,control,monitor,sched"
GUESTS = {"trap": ["exec=trap"], "threaded": ["exec=interp"],
          "plain": ["exec=interp", "interp=plain"]}
ABOUT = ("seconds", "ticks", "vm", "guest", "eflags", "vm_name")
RING_3 = "0x1b"
LEAST = 200
TURNS = ("picked", "turn_end")


def tool(*words):
    done = subprocess.run(words, capture_output=True, text=True,
                          timeout=TOOL_S)
    check(done.returncode == 0, f"{words} ends with {done.returncode}: "
          f"{done.stderr}")


def rows_of(env, raw):
    folder, table = env.path("trace"), env.path("table.csv")
    tool(f"{SCRIPTS}/trace-record", folder, "from", raw)
    tool(f"{SCRIPTS}/trace-convert", "--quiet", "--csv", table, folder)
    with open(table, newline="") as file:
        return list(csv.DictReader(file))


def story(rows, guest):
    """What is to be the same, in order."""
    mine = [row for row in rows if row["guest"] == guest and
            row["event"] not in TURNS]
    return [{key: value for key, value in row.items()
             if value and key not in ABOUT}
            for row in mine
            if row["event"] != "iret" or row["cs"] == RING_3]


def check_turns(rows):
    """Who is picked runs until his turn ends; his last one ends with him."""
    turns = [row for row in rows if row["event"] in TURNS]
    for begin, end in zip(turns[::2], turns[1::2]):
        check((begin["event"], end["event"]) == TURNS and
              begin["guest"] == end["guest"], f"{begin} and {end} are no turn")
    for name in GUESTS:
        last = [row["why"] for row in turns if row["guest"] == name][-1]
        check(last == "stop", f"the last turn of {name} ended by {last}")
    check({"irq", "stop"} <= {row["why"] for row in turns[1::2]},
          "turns ended for too few reasons")


def test_engines(env):
    raw = env.path("raw")
    guests = [[env.hare, f"vm={name}", "mem=8M", *keys, "--", "check=only"]
              for name, keys in GUESTS.items()]
    program.run(env, guests, f"--trace={raw}", "exit=stopped",
                f"trace={GROUPS}").want_status(program.PASS)
    rows = rows_of(env, raw)
    check_turns(rows)
    stories = {name: story(rows, name) for name in GUESTS}
    want = stories["trap"]
    kinds = {row["event"] for row in want}
    check(len(want) >= LEAST and
          {"cli", "sti", "cr_read", "cr_write", "cr", "invlpg", "load_table",
           "table", "descriptor", "gate", "int", "iret", "exception",
           "exited"} <= kinds, f"{len(want)} events of {sorted(kinds)}")
    for name, got in stories.items():
        for number, (a, b) in enumerate(zip(want, got)):
            check(a == b, f"event {number} under trap is {a}, {name} says {b}")
        check(len(got) == len(want),
              f"{name} has {len(got)} events, not {len(want)}")
