# SPDX-License-Identifier: MIT
#
# A trace for Perfetto (ui.perfetto.dev) and chrome://tracing, in the Trace
# Event Format: an object with the list traceEvents. A guest is a process with
# three tracks: its exits and its turns on the CPU are complete slices (ph X,
# with ts and dur in microseconds), everything else is an instant (ph i).
# Counters (ph C) say how many exits, page faults and shadow fills there were
# in each PERIOD. Records that were left out are slices of the VMM's own
# process, so that a gap is not taken for silence.
#
# Slices of one track must not overlap: an exit begins no earlier than the one
# before it ended, and nothing begins before the trace does.
import json

from .names import (CPL_FIELD, CURVES, EIP_FIELD, VM_FIELD, numeric,
                    usable, vector_name)
from .types import Enum

PERIOD_US = 10000
EXACT = 1 << 53  # JavaScript's numbers are exact up to there
EXITS, TURNS, EVENTS = 1, 2, 3
TRACKS = {EXITS: "exits", TURNS: "on the CPU", EVENTS: "events"}


class Perfetto:
    def __init__(self, out, trace, guests, symbols):
        self.out, self.trace, self.guests = out, trace, guests
        self.symbols = symbols
        self.scale = 1e6 / trace.clock.hz
        self.start, self.first = 0, True
        self.ends, self.seen = {}, set()
        self.counts, self.period = {}, 0
        out.write('{"displayTimeUnit":"ns","traceEvents":[')

    def write(self, event):
        self.out.write("\n" if self.first else ",\n")
        self.first = False
        self.out.write(json.dumps(event, separators=(",", ":")))

    def us(self, ticks):
        return max((ticks - self.start) * self.scale, 0)

    def slice(self, vm, track, name, end, length, args):
        begin = max(end - length, self.ends.get((vm, track), 0), 0)
        begin = min(begin, end)
        self.ends[vm, track] = end
        self.seen.add(vm)
        self.write({"name": name, "cat": TRACKS[track], "ph": "X",
                    "ts": round(begin, 3), "dur": round(end - begin, 3),
                    "pid": vm + 1, "tid": track, "args": args})

    def instant(self, vm, name, us, args):
        self.seen.add(vm)
        self.write({"name": name, "cat": "event", "ph": "i", "s": "t",
                    "ts": round(us, 3), "pid": vm + 1, "tid": EVENTS,
                    "args": args})

    def count(self, vm, what, us):
        """Counts are written when their period is over."""
        if us >= (self.period + 1) * PERIOD_US:
            self.flush()
            self.period = int(us / PERIOD_US)
        key = vm, what
        self.counts[key] = self.counts.get(key, 0) + 1

    def flush(self):
        for key, count in sorted(self.counts.items()):
            self.counter(key, self.period, count)
        # What did not go on falls back to zero.
        for key in self.counts:
            self.counter(key, self.period + 1, 0)
        self.counts = {}

    def counter(self, key, period, count):
        vm, what = key
        self.write({"name": f"{what} per {PERIOD_US // 1000} ms", "ph": "C",
                    "ts": period * PERIOD_US, "pid": vm + 1,
                    "args": {what: count}})

    def shown(self, kind, value):
        if isinstance(kind, Enum):
            return kind.label(value)
        if isinstance(value, bytes):
            return value.hex(" ")
        if getattr(kind, "base", 10) == 16 or \
                isinstance(value, int) and abs(value) > EXACT:
            return f"{value:#x}"
        return value

    def handler(self, found):
        fields = [(f, k, i) for f, k, i in found.fields]
        at = {f: found.context.get(f) for f in (VM_FIELD, EIP_FIELD,
                                                CPL_FIELD)}
        special = {"exit": self.exit, "turn_end": self.turn}.get(found.name) \
            if usable(found) else None
        curves = [(text, found.index[rule[0]] if rule and
                   numeric(found, rule[0]) else None, rule and rule[1])
                  for names, text, rule in CURVES if found.name in names]

        def handle(ticks, values):
            vm = values[at[VM_FIELD]] if at[VM_FIELD] is not None else 0
            us = self.us(ticks)
            args = {f: self.shown(k, values[i]) for f, k, i in fields}
            if at[EIP_FIELD] is not None and vm:
                eip = values[at[EIP_FIELD]]
                args["eip"] = f"{eip:#010x}"
                if self.symbols.of(vm):
                    args["at_symbol"] = self.symbols.text(vm, eip)
            for text, place, wanted in curves:
                if place is None or values[place] == wanted:
                    self.count(vm, text, us)
            if special:
                special(found, vm, us, values, args)
            else:
                self.instant(vm, found.name, us, args)
        return handle

    def exit(self, found, vm, us, values, args):
        name = str(args["kind"])
        if name in ("exception", "softint") and numeric(found, "vector"):
            name += " " + vector_name(values[found.index["vector"]])
        self.count(vm, "exits", us)
        cost = max(values[found.index["cost"]], 0)
        self.slice(vm, EXITS, name, us, cost * self.scale, args)

    def turn(self, found, vm, us, values, args):
        ran = max(values[found.index["ran"]], 0)
        self.slice(vm, TURNS, "runs", us, ran / 1000, args)

    def lost(self, first, last, count):
        begin, end = self.us(first), self.us(last)
        self.slice(0, EVENTS, f"{count} records were left out", end,
                   end - begin, {"records": count})

    def close(self):
        self.flush()
        for vm in sorted(self.seen):
            self.name(vm, "process_name", {"name": self.guests.name(vm)}, 0)
            self.name(vm, "process_sort_index", {"sort_index": vm}, 0)
            for track, words in TRACKS.items():
                self.name(vm, "thread_name", {"name": words}, track)
        self.out.write('\n],"otherData":' + json.dumps(
            {"trace": self.trace.folder, "clock_hz": self.trace.clock.hz,
             "notes": self.trace.notes}) + "}\n")

    def name(self, vm, what, args, track):
        self.write({"name": what, "ph": "M", "ts": 0, "pid": vm + 1,
                    "tid": track, "args": args})
