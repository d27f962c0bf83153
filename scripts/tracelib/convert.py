# SPDX-License-Identifier: MIT
#
# One pass over a trace, for everything that is to be written: each class of
# records is bound to the functions of the writers that want it, once, and a
# record is then handed to them. A stretch of time and a choice of guests
# narrow down what they see.
from .ctf import LOST
from .names import NAME_FIELD, VM_FIELD
from .progress import EVERY
from .types import TraceError


class Choice:
    """Which records are wanted. first, last: seconds from the first record;
    guests: numbers, or None for all."""

    def __init__(self, hz, first, last, guests):
        self.hz, self.guests = hz, guests
        self.first, self.last = first, last

    def bounds(self, start):
        low = start + int((self.first or 0) * self.hz)
        high = start + int(self.last * self.hz) if self.last is not None \
            else None
        return low, high


def bind(found, writers, choice):
    """The functions for one class of records, as one."""
    handlers = [w.handler(found) for w in writers]
    one = handlers[0] if len(handlers) == 1 else None
    at = found.context.get(VM_FIELD)
    if choice.guests is None and one:
        return one

    def handle(ticks, values):
        vm = values[at] if at is not None else 0
        if choice.guests is not None and vm not in choice.guests:
            return
        for handler in handlers:
            handler(ticks, values)
    return handle


def naming(trace):
    """The classes that say what a VM is called, with the places of its
    number and its name."""
    return {c: (c.context[VM_FIELD], c.index[NAME_FIELD])
            for c in trace.all_classes()
            if VM_FIELD in c.context and NAME_FIELD in c.index}


def run(trace, guests, writers, choice, progress):
    """Returns how many records were wanted. What guests are called is learnt
    from all."""
    names = naming(trace)
    records, bound, low, high = 0, {}, None, None
    for ticks, found, values in trace.records():
        if low is None:
            low, high = choice.bounds(ticks)
            for writer in writers:
                writer.start = ticks
        if found in names:
            vm_at, name_at = names[found]
            guests.event(values[vm_at], values[name_at])
        if ticks < low:
            continue
        if high is not None and ticks > high:
            break
        if found is LOST:
            for writer in writers:
                writer.lost(*values)
            continue
        handler = bound.get(found)
        if handler is None:
            handler = bound[found] = bind(found, writers, choice)
        handler(ticks, values)
        records += 1
        if not records % EVERY:
            progress.look(records)
    progress.end()
    for writer in writers:
        writer.close()
    if not records:
        why = trace.notes[0] if trace.notes else \
            "no stream of it holds a record of that time"
        raise TraceError(f"{trace.folder} has no records: {why}")
    return records
