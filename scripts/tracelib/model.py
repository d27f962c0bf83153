# SPDX-License-Identifier: MIT
#
# What the report counts, in one pass. Each class of records gets a function
# of its own that takes (ticks, values); the places of fields are looked up
# once, when the function is made. An exit's record comes behind the records
# of what was done for it, so the first of those since the last exit of the
# same VM says what the exit's cost was spent on.
#
# Whatever grows with the trace is bounded: time is in pieces (axis.py),
# addresses and operations beyond a limit are counted together under None, and
# of single things (turns, gates) the first so many are kept and the others
# counted. Slots of VMs are taken modulo 256, as the record has them.
import collections

from .axis import Axis
from .costs import BATCH, Costs
from .names import (CPL_FIELD, CURVES, EIP_FIELD, NO_OPERATION, VM_FIELD,
                    Operation, numeric, usable)

MOST_PLACES, MOST_OPERATIONS = 200000, 1000
MOST_TURNS, MOST_GATES = 400, 600
VMS = 256


class ExitRow:
    """Exits of one kind of one VM. label: what an exit was for when no record
    says it."""

    def __init__(self, axis, name):
        self.label = f"({name})"
        self.series, self.spent = axis.series(), axis.series()
        self.costs = Costs()


class Model:
    def __init__(self, trace):
        self.trace, self.axis = trace, Axis()
        self.hz, self.start = trace.clock.hz, 0
        self.counts = {}       # class name -> records by VM
        self.exits = {}        # (vm, kind) -> ExitRow
        self.places = {}       # (vm, cpl, eip) -> [exits, ticks]
        self.operations = {}   # (vm, label) -> Costs
        self.pending = [None] * VMS
        self.ran, self.turns, self.ends = {}, {}, {}
        self.more_turns = collections.Counter()
        self.gates, self.more_gates = [], 0
        self.curves = {}       # (vm, curve) -> series
        self.reasons = collections.Counter()
        self.irqs = collections.Counter()
        self.injected = {}
        self.left_out, self.lost_in = 0, self.axis.series()
        self.gaps = 0

    def handler(self, found):
        """The function that counts records of this class."""
        special = getattr(self, "of_" + found.name, None) \
            if usable(found) else None
        special = special(found) if special else None
        vm_at = found.context.get(VM_FIELD)
        counts = self.counts.setdefault(found.name, [0] * VMS)
        curves = [self.curve(found, number, row)
                  for number, row in enumerate(CURVES) if found.name in row[0]]
        operation = None if found.name in NO_OPERATION else Operation(found)
        pending, slot = self.pending, self.axis.slot

        def handle(ticks, values):
            vm = values[vm_at] & 255 if vm_at is not None else 0
            counts[vm] += 1
            slot(ticks)
            if operation and pending[vm] is None:
                pending[vm] = operation.label(values)
            if special:
                special(ticks, vm, values)
            for curve in curves:
                curve(ticks, vm, values)
        return handle

    # ---- exits

    def of_exit(self, found):
        kind_at, cost_at = found.index["kind"], found.index["cost"]
        eip_at, cpl_at = (found.context.get(EIP_FIELD),
                          found.context.get(CPL_FIELD))
        exits, places, pending = self.exits, self.places, self.pending
        operations, axis = self.operations, self.axis

        def handle(ticks, vm, values):
            kind, cost = values[kind_at], values[cost_at]
            if cost < 0:
                cost = 0
            row = exits.get((vm, kind))
            if row is None:
                row = self.new_exits(vm, kind)
            slot = axis.slot(ticks)
            row.series[slot] += 1
            if (ticks - cost - axis.start) >> axis.shift == slot:
                row.spent[slot] += cost
            else:
                axis.spread(row.spent, ticks - cost, ticks)
            row.costs.append(cost)
            if len(row.costs.fresh) >= BATCH:
                row.costs.flush()
            label, pending[vm] = pending[vm] or row.label, None
            costs = operations.get((vm, label))
            if costs is None:
                costs = self.new_operation(vm, label)
            costs.append(cost)
            if len(costs.fresh) >= BATCH:
                costs.flush()
            if eip_at is None:
                return
            key = vm, values[cpl_at] if cpl_at else 0, values[eip_at]
            place = places.get(key)
            if place is None:
                place = self.new_place(key)
            place[0] += 1
            place[1] += cost
        self.exit_class = found
        return handle

    def new_exits(self, vm, kind):
        """A kind is a number of an enumeration; what has no name there is
        one kind, whatever the number."""
        name = self.exit_class.label("kind", kind)
        name = "(unknown)" if name == str(kind) else name
        same = (vm, name)
        row = self.exits.setdefault(same, None) or ExitRow(self.axis, name)
        self.exits[same] = row
        if len(self.exits) < 1 << 14:
            self.exits[vm, kind] = row
        return row

    def new_operation(self, vm, label):
        if len(self.operations) >= MOST_OPERATIONS:
            label = "(others)"
        return self.operations.setdefault((vm, label), Costs())

    def new_place(self, key):
        if len(self.places) >= MOST_PLACES:
            key = key[0], None, None
        return self.places.setdefault(key, [0, 0])

    # ---- scheduling

    def of_turn_end(self, found):
        why_at, ran_at = found.index["why"], found.index["ran"]

        def handle(ticks, vm, values):
            ran = max(values[ran_at], 0)
            why = found.label("why", values[why_at])
            end = self.ends.setdefault((vm, why), [0, 0, 0])
            end[0] += 1
            end[1] += ran
            end[2] = max(end[2], ran)
            self.stretch(vm, ticks, ran)
        return handle

    def of_idle(self, found):
        ns_at = found.index["ns"]
        return lambda ticks, vm, values: self.stretch(0, ticks,
                                                      max(values[ns_at], 0))

    def stretch(self, vm, ticks, ran):
        """From `ran` nanoseconds before until now, the VM had the CPU."""
        first = max(ticks - ran * self.hz // 1000000000, self.axis.start)
        if vm not in self.ran:
            self.ran[vm], self.turns[vm] = self.axis.series(), []
        self.axis.spread(self.ran[vm], first, ticks)
        if len(self.turns[vm]) < MOST_TURNS:
            self.turns[vm].append((first, ticks))
        else:
            self.more_turns[vm] += 1

    def turn_count(self):
        return sum(len(row) for row in self.turns.values()) + \
            self.more_turns.total()

    # ---- memory, handlers, interrupts

    def curve(self, found, number, row):
        field, wanted = row[2] or (None, None)
        at = found.index[field] if field and numeric(found, field) else None

        def handle(ticks, vm, values):
            if at is not None and values[at] != wanted:
                return
            series = self.curves.get((vm, number))
            if series is None:
                series = self.curves[vm, number] = self.axis.series()
            series[self.axis.slot(ticks)] += 1
        return handle

    def of_shadow_drop(self, found):
        at, name = found.index["reason"], found.name

        def handle(ticks, vm, values):
            self.reasons[vm, name, found.label("reason", values[at])] += 1
        return handle

    of_shadow_drop_all = of_shadow_flush = of_shadow_flush_all = \
        of_shadow_drop

    def of_gate(self, found):
        at = {f: found.index[f] for f in ("vector", "handler", "old", "now",
                                          EIP_FIELD) if numeric(found, f)}

        def handle(ticks, vm, values):
            if len(self.gates) >= MOST_GATES:
                self.more_gates += 1
                return
            row = {f: values[i] for f, i in at.items()}
            self.gates.append((ticks, vm, row))
        return handle

    def counted(self, field, what):
        def make(found):
            at = found.index[field]

            def handle(ticks, vm, values):
                self.irqs[vm, what, values[at] & 255] += 1
                if what != "injected":
                    return
                series = self.injected.get(vm)
                if series is None:
                    series = self.injected[vm] = self.axis.series()
                series[self.axis.slot(ticks)] += 1
            return handle
        return make

    def of_irq_raise(self, found):
        return self.counted("line", "raised")(found)

    def of_irq_inject(self, found):
        return self.counted("vector", "injected")(found)

    def of_irq_eoi(self, found):
        return self.counted("line", "acknowledged")(found)

    # ---- losses

    def lost(self, first, last, count):
        """Records that the writer left out between two packets."""
        self.left_out += count
        self.gaps += 1
        self.axis.slot(last)
        self.axis.spread(self.lost_in, first, max(last, first + 1))

    def close(self):
        pass

    def records(self):
        return sum(sum(row) for row in self.counts.values())
