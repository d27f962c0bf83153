# SPDX-License-Identifier: MIT
#
# The model as data for the page: plain lists and names that JSON can hold,
# with times in nanoseconds, everything in the order in which it is shown, and
# every list with an end. What a list leaves out is said beside it. Series are
# in the axis's pieces; the time spent in exits is in millionths of a piece.
#
# The browser only draws: it adds up series of the chosen guests and nothing
# else.
import collections

from .axis import EACH, FEWEST, packed
from .costs import Costs
from .names import CURVES, vector_name

MOST_SYMBOLS, MOST_EACH, MOST_ROWS = 40, 15, 60
MOST_TURNS = 240  # that are drawn one by one
MOST_VMS = 17  # the VMM and 16 guests


class Report:
    def __init__(self, model, trace, guests, symbols, words):
        self.model, self.trace, self.guests = model, trace, guests
        self.symbols, self.words = symbols, words
        self.ns = 1e9 / model.hz
        model.axis.coarsen(max(FEWEST, model.records() // EACH))
        self.used = model.axis.used()
        self.single = 0
        count = collections.Counter()
        for row in model.counts.values():
            count.update({vm: n for vm, n in enumerate(row) if n})
        self.vms = sorted(vm for vm, _ in count.most_common(MOST_VMS))
        self.more_vms = len(count) - len(self.vms)

    def data(self):
        """Everything, without the guests for which there is no room."""
        data = self.everything()
        for value in list(data.values()):
            rows = value.get("rows") if isinstance(value, dict) \
                else value
            if isinstance(rows, list):
                rows[:] = [r for r in rows if not isinstance(r, dict) or
                           r.get("g", -1) in (-1, *self.vms)]
        return data

    def everything(self):
        axis = self.model.axis
        start = axis.start or 0
        kinds, turns = self.kinds(), self.turns()
        return {
            "trace": self.words, "hz": self.model.hz,
            "since": round((start - self.model.start) * self.ns),
            "span": round((axis.last - start) * self.ns),
            "piece": (1 << axis.shift) * self.ns, "pieces": self.used,
            "records": self.model.records(),
            "lost": self.model.left_out, "gaps": self.model.gaps,
            "lostIn": self.shares(self.model.lost_in),
            "notes": self.trace.notes + (
                [f"and {self.trace.more} more"] if self.trace.more else []),
            "moreGuests": self.more_vms,
            "guests": [self.guest(vm) for vm in self.vms],
            "kinds": kinds, "exits": self.exits(kinds),
            "costs": self.costs(kinds), "operations": self.operations(),
            "symbols": self.places(), "turns": turns, "single": self.single,
            "moreTurns": self.model.turn_count() > sum(len(row["turns"])
                                                       for row in turns),
            "ends": self.ends(), "curves": [row[1] for row in CURVES],
            "memory": self.memory(), "reasons": self.reasons(),
            "gates": self.gates(), "moreGates": self.model.more_gates,
            "irqs": self.irqs(), "injected": self.injected(),
            "events": self.events(),
        }

    def shares(self, series):
        width = 1 << self.model.axis.shift
        return packed([min(round(v * 1e6 / width), 10 ** 7)
                       for v in series], self.used)

    def rows(self):
        """(vm, kind's name) -> ExitRow."""
        return {key: row for key, row in self.model.exits.items()
                if isinstance(key[1], str)}

    def kinds(self):
        count = collections.Counter()
        for (vm, kind), row in self.rows().items():
            count[kind] += sum(row.series)
        return [kind for kind, _ in count.most_common(20)]

    def guest(self, vm):
        counts, ran = self.model.counts, self.model.ran.get(vm)

        def of(name):
            return counts[name][vm] if name in counts else 0
        spent = sum(sum(row.spent) for (v, _), row in self.rows().items()
                    if v == vm)
        return {"id": vm, "name": self.guests.name(vm), "isVmm": vm == 0,
                "records": sum(row[vm] for row in counts.values()),
                "exits": of("exit"), "spent": round(spent * self.ns),
                "ran": round(sum(ran) * self.ns) if ran else None,
                "turns": sum(e[0] for (v, _), e in self.model.ends.items()
                             if v == vm),
                "injected": of("irq_inject"), "exceptions": of("exception"),
                "syscalls": of("int"), "fills": of("shadow_fill")}

    def exits(self, kinds):
        return [{"g": vm, "k": kinds.index(kind),
                 "n": packed(row.series, self.used),
                 "t": self.shares(row.spent)}
                for (vm, kind), row in sorted(self.rows().items())
                if kind in kinds]

    def costs(self, kinds):
        """Distributions: of each guest and kind, and of all of either, which
        is -1."""
        joined = collections.defaultdict(Costs)
        for (vm, kind), row in self.rows().items():
            for key in {(vm, kind), (vm, None), (None, kind), (None, None)}:
                joined[key].join(row.costs)
        found = []
        for (vm, kind), costs in joined.items():
            if kind is None or kind in kinds:
                found.append({"g": -1 if vm is None else vm,
                              "k": -1 if kind is None else kinds.index(kind),
                              **costs.summary(self.ns)})
        return found

    def best(self, rows, weight):
        """The heaviest of all, and the heaviest of each guest."""
        rows = sorted(rows, key=weight, reverse=True)
        kept, each = [], collections.Counter()
        for place, row in enumerate(rows):
            if place < MOST_SYMBOLS or each[row["g"]] < MOST_EACH:
                kept.append(row)
                each[row["g"]] += 1
        return {"rows": kept, "more": len(rows) - len(kept)}

    def operations(self):
        """Of each guest, and of all guests together, which is -1."""
        joined = collections.defaultdict(Costs)
        for (vm, label), costs in self.model.operations.items():
            for guest in (vm, -1):
                joined[guest, label].join(costs)
        made = []
        for (guest, name), costs in joined.items():
            row = costs.summary(self.ns)
            if row:
                del row["hist"]
                made.append({"g": guest, "name": name, **row})
        return self.best(made, lambda row: row["total"])

    def place_name(self, vm, cpl, eip):
        if eip is None:
            return "(other addresses)", ""
        table = self.symbols.of(vm)
        found = table.find(eip) if table else None
        ring = f"ring {cpl}" if cpl else "kernel"
        return (found[0] if found else f"{eip:#010x}"), ring

    def places(self):
        sums = {}
        for (vm, cpl, eip), (count, cost) in self.model.places.items():
            name, ring = self.place_name(vm, cpl, eip)
            row = sums.setdefault((vm, name, ring), [0, 0, 0])
            row[0] += count
            row[1] += cost
            row[2] += 1
        made = [{"g": vm, "name": name, "ring": ring, "count": row[0],
                 "total": round(row[1] * self.ns), "places": row[2]}
                for (vm, name, ring), row in sums.items()]
        return self.best(made, lambda row: row["total"])

    def turns(self):
        """The share of each piece, and the first turns one by one, as far as
        they are known of everybody."""
        model, start = self.model, self.model.axis.start or 0
        known = [row[-1][1] for vm, row in model.turns.items()
                 if model.more_turns[vm]]
        every = sorted(b for row in model.turns.values() for _, b in row)
        last = min(known + every[MOST_TURNS:][:1] + every[-1:], default=start)
        self.single = round((last - start) * self.ns)
        return [{"g": vm, "share": self.shares(series),
                 "turns": [[round((a - start) * self.ns),
                            round((b - start) * self.ns)]
                           for a, b in model.turns[vm] if b <= last]}
                for vm, series in sorted(model.ran.items())]

    def ends(self):
        return [{"g": vm, "why": why, "count": e[0], "ran": e[1],
                 "most": e[2]}
                for (vm, why), e in sorted(self.model.ends.items())]

    def memory(self):
        return [{"g": vm, "c": number, "n": packed(series, self.used)}
                for (vm, number), series in sorted(self.model.curves.items())]

    def reasons(self):
        return [{"g": vm, "event": event.replace("_", " "), "why": why,
                 "count": count} for (vm, event, why), count in
                self.model.reasons.most_common(MOST_ROWS)]

    def gates(self):
        start, made = self.model.axis.start or 0, []
        for ticks, vm, row in self.model.gates:
            handler = self.symbols.text(vm, row["handler"])
            by = self.symbols.text(vm, row["eip"]) if "eip" in row else ""
            made.append({"g": vm, "t": round((ticks - start) * self.ns),
                         "v": row["vector"],
                         "vector": vector_name(row["vector"]),
                         "handler": handler, "by": by,
                         "at": f"{row['handler']:#010x}",
                         "old": f"{row.get('old', 0):016x}",
                         "now": f"{row.get('now', 0):016x}"})
        return made

    def irqs(self):
        return [{"g": vm, "what": what,
                 "which": vector_name(n) if what == "injected" else f"IRQ {n}",
                 "count": count} for (vm, what, n), count in
                self.model.irqs.most_common(MOST_ROWS)]

    def injected(self):
        return [{"g": vm, "n": packed(series, self.used)}
                for vm, series in sorted(self.model.injected.items())]

    def events(self):
        return [{"name": name, "n": {str(vm): n for vm, n in enumerate(row)
                                     if n}}
                for name, row in self.model.counts.items() if any(row)]
