# SPDX-License-Identifier: MIT
#
# A trace as comma-separated values (RFC 4180): one line a record, the columns
# that all records have first, then every field of every event in the order of
# the catalogue, empty where an event has none such. Numbers are written as
# the metadata wants them shown, so addresses are hexadecimal; words of
# enumerations are words.
#
# What a guest chose (a name, a text) must not become a formula in a
# spreadsheet: a text that begins with one of = + - @ gets a quotation mark.
import csv

from .names import CPL_FIELD, EIP_FIELD, VM_FIELD
from .types import Enum

FIRST = ("seconds", "ticks", "vm", "guest", "cpl", "eip", "symbol", "event")
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def harmless(text):
    return "'" + text if text.startswith(FORMULAS) else text


def shower(kind):
    """The function that writes a value of this type."""
    if isinstance(kind, Enum):
        return kind.label
    if getattr(kind, "base", 10) == 16:
        return lambda value: f"{value:#x}"
    return lambda value: value.hex() if isinstance(value, bytes) else \
        harmless(value) if isinstance(value, str) else value


class Table:
    def __init__(self, out, trace, guests, symbols):
        self.trace, self.guests, self.symbols = trace, guests, symbols
        self.rows = csv.writer(out, lineterminator="\r\n")
        self.start, self.hz = 0, trace.clock.hz
        self.columns = {}
        for found in trace.all_classes():
            for field, _, _ in found.fields:
                self.columns.setdefault(field, len(FIRST) + len(self.columns))
        self.rows.writerow(FIRST + tuple(self.columns))
        self.width = len(FIRST) + len(self.columns)

    def handler(self, found):
        fields = [(self.columns[f], i, shower(k)) for f, k, i in found.fields]
        vm_at, eip_at, cpl_at = (found.context.get(f) for f in
                                 (VM_FIELD, EIP_FIELD, CPL_FIELD))

        def handle(ticks, values):
            vm = values[vm_at] if vm_at is not None else 0
            row = [""] * self.width
            self.head(row, ticks, vm, found.name)
            if eip_at is not None and vm:
                eip = values[eip_at]
                row[5] = f"{eip:#010x}"
                table = self.symbols.of(vm)
                if table and table.find(eip):
                    row[6] = harmless(table.text(eip))
                row[4] = values[cpl_at] if cpl_at is not None else ""
            for column, place, show in fields:
                row[column] = show(values[place])
            self.rows.writerow(row)
        return handle

    def head(self, row, ticks, vm, event):
        row[0] = f"{(ticks - self.start) / self.hz:.9f}"
        row[1], row[2] = ticks, vm
        row[3], row[7] = harmless(self.guests.name(vm)), event

    def lost(self, first, last, count):
        row = [""] * self.width
        self.head(row, last, 0, f"{count} records were left out")
        self.rows.writerow(row)

    def close(self):
        pass
