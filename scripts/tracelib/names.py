# SPDX-License-Identifier: MIT
#
# What the reports know about events: the few names of the catalogue
# (vmm/vm/trace.def) that have a meaning here, in one table. Everything else
# is taken from the metadata, so that a new row of the catalogue appears in
# all that is written without a change. A trace without one of these events,
# or with other fields, only lacks the plots that need it.
#
# Also here: whom a record is about. The context's `vm` is the VM's slot + 1,
# and 0 is the VMM itself; what a VM is called comes from the enumeration that
# the field is, from the trace's env (vm_1 = "alpha"), or from the events that
# say so; and where the symbols of each stand (Book).

from .types import Enum, Int

# Event: the fields that the reports read. An event whose fields are not all
# there counts as any other event.
NEEDED = {
    "exit": ("kind", "cost"),
    "turn_end": ("why", "ran"),
    "idle": ("ns",),
    "gate": ("vector", "handler"),
    "exception": ("vector",),
    "irq_raise": ("line",),
    "irq_inject": ("vector",),
    "irq_eoi": ("line",),
    "shadow_fill": (),
    "shadow_drop": ("reason",),
    "shadow_drop_all": ("reason",),
    "shadow_flush": ("reason",),
    "shadow_flush_all": ("reason",),
    "page_entry": (),
}
# What an operation is told apart by, besides its name: "cr_write cr3".
KEYS = {
    "cr_read": ("cr", "cr{}"), "cr_write": ("cr", "cr{}"),
    "dr_read": ("dr", "dr{}"), "dr_write": ("dr", "dr{}"),
    "load_table": ("table", "{}"), "rdmsr": ("msr", "{:#x}"),
    "wrmsr": ("msr", "{:#x}"), "int": ("vector", "{:#x}"),
    "exception": ("vector", "{}"), "port_in": ("port", "{:#x}"),
    "port_out": ("port", "{:#x}"), "irq_inject": ("vector", "{:#x}"),
    **dict.fromkeys(("shadow_flush", "shadow_flush_all", "shadow_drop",
                     "shadow_drop_all"), ("reason", "{}")),
}
# Records between two exits that are not what the exit was for: what came of
# it, and what has nothing to do with it.
NO_OPERATION = ("exit", "vm", "cr", "table", "shadow_drop", "shadow_drop_all",
                "shadow_flush", "shadow_flush_all", "picked", "turn_end",
                "idle", "command", "created", "destroyed", "paused",
                "resumed", "reset", "exited", "killed", "irq_raise",
                "irq_inject", "irq_eoi", "triple_fault")
# Curves of the memory plot: events, what they are called, and a condition.
PAGE_FAULT = 14
CURVES = (
    (("exception",), "page faults of the guest", ("vector", PAGE_FAULT)),
    (("shadow_fill",), "shadow fills", None),
    (("shadow_drop", "shadow_drop_all"), "shadow pages dropped", None),
    (("shadow_flush", "shadow_flush_all"), "shadow flushes", None),
    (("page_entry",), "page-table writes", None),
)
EXCEPTIONS = ("#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF",
              "", "#TS", "#NP", "#SS", "#GP", "#PF", "", "#MF", "#AC", "#MC",
              "#XM")
# Whose record it is, where, and at which privilege level.
VM_FIELD, EIP_FIELD, CPL_FIELD, CPU_FIELD = "vm", "eip", "cpl", "cpu"
NAME_FIELD = "vm_name"
VMM = "VMM"


def usable(found):
    """Whether a class of records has the fields that the table wants."""
    return all(numeric(found, field) for field in NEEDED.get(found.name, ()))


def numeric(found, field):
    """Whether a class has a field of that name that is a number."""
    place = found.index.get(field)
    return place is not None and isinstance(found.kinds[place][1], (Int, Enum))


def vector_name(vector):
    name = EXCEPTIONS[vector] if vector < len(EXCEPTIONS) else ""
    return f"{vector:#04x} {name}".strip()


class Operation:
    """What a record is called in the table of operations, made once for each
    value of its key."""

    def __init__(self, found):
        self.found, self.labels = found, {}
        self.field, self.form = KEYS.get(found.name, (None, ""))
        if not self.field or not numeric(found, self.field):
            self.field = None
        self.place = found.index.get(self.field)

    def label(self, values):
        if self.place is None:
            return self.found.name
        key = values[self.place]
        label = self.labels.get(key)
        if label is None:
            label = self.make(key)
            if len(self.labels) < 4096:
                self.labels[key] = label
        return label

    def make(self, key):
        if self.field == "vector" and self.found.name == "exception":
            shown = vector_name(key)
        elif "#" in self.form:
            shown = self.form.format(key)
        else:
            shown = self.form.format(self.found.label(self.field, key))
        return f"{self.found.name} {shown}"


class Guests:
    """What VMs are called."""

    def __init__(self, trace):
        self.names, self.said = {}, {}
        for found in trace.all_classes():
            place = found.context.get(VM_FIELD)
            if place is None:
                continue
            kind = found.kinds[place][1]
            for label, first, last in getattr(kind, "ranges", ()):
                if first == last:
                    self.names[first] = label
            break
        for key, value in trace.meta.env.items():
            number = key[3:] if key[:3] == "vm_" else ""
            if number.isascii() and number.isdigit() and str(value):
                self.names[int(number)] = str(value)

    def event(self, number, name):
        """`created` and `destroyed` say a name. A slot that was given to
        another VM later has both."""
        said = self.said.setdefault(number, [])
        if isinstance(name, str) and name and name not in said and \
                len(said) < 4:
            said.append(name)

    def name(self, number):
        said = self.said.get(number)
        if number == 0:
            return self.names.get(0, VMM)
        if said:
            return ", ".join(said)
        return self.names.get(number, f"vm {number}")

    def known(self):
        """{name: number}, as far as the trace was read."""
        found = {name: number for number, name in self.names.items()}
        for number, said in self.said.items():
            found.update({name: number for name in said})
        return found


class Book:
    """The symbols of each guest, by the name that it has at the time; those
    under None are of all others."""

    def __init__(self, guests):
        self.guests, self.tables = guests, {}

    def of(self, number):
        said = self.guests.said.get(number)
        name = said[-1] if said else self.guests.names.get(number)
        return self.tables.get(name) or self.tables.get(None)

    def text(self, number, address):
        """symbol+0x12, or the address."""
        table = self.of(number)
        return table.text(address) if table else f"{address:#010x}"
