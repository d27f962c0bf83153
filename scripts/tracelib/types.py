# SPDX-License-Identifier: MIT
#
# The types of CTF 1.8 (Common Trace Format, section 4) and how a value of one
# is read from a stream. Two ways lead to a value. The slow one walks the type
# bit by bit and takes everything: bit fields, strings, sequences, variants.
# The quick one is made for the records of which there are millions: a run of
# fields, each of whole bytes and of known size, becomes one struct.Struct.
# Alignment counts from the start of the packet (4.1.2), so there is one such
# Struct for each offset modulo the largest alignment.
#
# A value of a type that says "integer" is an int, also of an enumeration
# (Enum.label names it); an array of characters is a str, of other bytes bytes.
#
# The time that a value takes is bounded by its bits: a type says how many it
# has at least (least) and of how many parts it is made (parts), and arrays of
# nothing, or types that double themselves by name, are refused.
#
# LIMIT: bit fields in big-endian order must fill whole bytes.
import math
import struct

CODES = {8: "B", 16: "H", 32: "I", 64: "Q"}
MOST_ELEMENTS, MOST_PARTS = 1 << 20, 1 << 14


class TraceError(Exception):
    """A sentence that says what is wrong with a trace."""


def sum_of_parts(kinds):
    parts = 1 + sum(kind.parts for kind in kinds)
    if parts > MOST_PARTS:
        raise TraceError(f"a type has more than {MOST_PARTS} parts")
    return parts


class Int:
    parts = 1

    def __init__(self, size, align=None, signed=False, order=None, text=False,
                 base=10, clock=None):
        self.size, self.signed, self.order = size, signed, order
        self.align = align or (8 if size % 8 == 0 else 1)
        self.text, self.base, self.clock = text, base, clock
        self.least = size

    def code(self):
        code = CODES.get(self.size)
        return code.lower() if code and self.signed else code


class Float:
    parts = 1

    def __init__(self, size, align, order):
        self.size, self.align, self.order = size, align, order
        self.least = size

    def code(self):
        return {32: "f", 64: "d"}.get(self.size)


class Enum:
    parts = 1

    def __init__(self, container, ranges):
        self.container, self.ranges = container, ranges
        self.align, self.size = container.align, container.size
        self.order, self.least = container.order, container.size
        self.names = {a: n for n, a, b in reversed(ranges) if a == b}

    def code(self):
        return self.container.code()

    def label(self, value):
        name = self.names.get(value)
        if name is not None:
            return name
        for name, first, last in self.ranges:
            if first <= value <= last:
                return name
        return str(value)


class String:
    align, least, parts = 8, 8, 1


class Struct:
    def __init__(self, fields, align=1):
        self.fields = fields  # (name, type)
        self.align = max([align] + [t.align for _, t in fields])
        self.least = sum(t.least for _, t in fields)
        self.parts = sum_of_parts(t for _, t in fields)


class Array:
    """length: a number, or the name of the field that has it."""

    def __init__(self, element, length):
        self.element, self.length = element, length
        self.align, self.parts = element.align, sum_of_parts([element])
        self.least = element.least * (length if isinstance(length, int) else 0)
        if not element.least:
            raise TraceError("an array has elements of no bits")

    def is_bytes(self):
        return (isinstance(self.element, Int) and self.element.size == 8 and
                self.element.align <= 8)


class Variant:
    align = 1

    def __init__(self, tag, options):
        self.tag, self.options = tag, options  # name -> type
        self.least = min([t.least for t in options.values()], default=0)
        self.parts = sum_of_parts(options.values())


def characters(data):
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")


class Bits:
    """A packet's bits, from a position on, up to its last."""

    def __init__(self, data, at, end, order):
        self.data, self.at, self.end, self.order = data, at, end, order
        self.base = at

    def align(self, bits):
        over = (self.at - self.base) % bits
        if over:
            self.at += bits - over

    def take(self, bits):
        start = self.at
        if start + bits > self.end:
            raise TraceError("a packet ends within a field")
        self.at = start + bits
        return start

    def whole(self, count):
        """The next count bytes."""
        start = self.take(8 * count)
        if start % 8:
            raise TraceError("an array of bytes does not begin at a byte")
        return bytes(self.data[start // 8:start // 8 + count])

    def number(self, kind):
        self.align(kind.align)
        start = self.take(kind.size)
        low, high = start // 8, (start + kind.size + 7) // 8
        order = kind.order or self.order
        value = int.from_bytes(self.data[low:high], order)
        if order == "big" and (start % 8 or kind.size % 8):
            raise TraceError("a big-endian bit field is not read by this "
                             "program")
        value = (value >> start % 8) & ((1 << kind.size) - 1)
        if kind.signed and value >> (kind.size - 1):
            value -= 1 << kind.size
        return value

    def real(self, kind):
        self.align(kind.align)
        mark = "<" if (kind.order or self.order) == "little" else ">"
        return struct.unpack(mark + kind.code(), self.whole(kind.size // 8))[0]

    def string(self):
        self.align(8)
        start = self.at // 8
        end = self.data.find(b"\0", start, self.end // 8)
        if end < 0:
            raise TraceError("a packet ends within a string")
        self.at = 8 * (end + 1)
        return bytes(self.data[start:end]).decode("utf-8", "replace")

    def array(self, kind, scope):
        count = kind.length
        if isinstance(count, str):
            count = scope.number(count)
        if not 0 <= count <= MOST_ELEMENTS:
            raise TraceError(f"an array has {count} elements")
        self.align(kind.align)
        if kind.is_bytes():
            data = self.whole(count)
            return characters(data) if kind.element.text else data
        return [self.value(kind.element, scope) for _ in range(count)]

    def value(self, kind, scope):
        """Types nest as deep as the metadata's own braces, which tsdl.py
        counts."""
        if isinstance(kind, Int):
            return self.number(kind)
        if isinstance(kind, Enum):
            return self.number(kind.container)
        if isinstance(kind, Struct):
            return self.record(kind, Scope(scope))
        if isinstance(kind, Array):
            return self.array(kind, scope)
        if isinstance(kind, String):
            return self.string()
        if isinstance(kind, Float):
            return self.real(kind)
        label = scope.label(kind.tag)
        if label not in kind.options:
            raise TraceError(f'a variant has no "{label}"')
        return self.value(kind.options[label], scope)

    def record(self, kind, scope):
        self.align(kind.align)
        for name, field in kind.fields:
            scope.put(name, self.value(field, scope), field)
        return scope.values


class Scope:
    """The fields read so far, for lengths and tags that name one. A dotted
    name is looked up by its last word, outermost scope included."""

    def __init__(self, parent=None):
        self.parent, self.values, self.kinds = parent, {}, {}

    def put(self, name, value, kind):
        self.values[name], self.kinds[name] = value, kind

    def find(self, name):
        word, scope = name.split(".")[-1], self
        while scope is not None:
            for spelled in (word, word.lstrip("_")):
                if spelled in scope.values:
                    return scope.values[spelled], scope.kinds[spelled]
            scope = scope.parent
        raise TraceError(f'no field "{name}" was read before it is needed')

    def number(self, name):
        value, _ = self.find(name)
        if not isinstance(value, int):
            raise TraceError(f'the field "{name}" is no number')
        return value

    def label(self, name):
        value, kind = self.find(name)
        if not isinstance(kind, Enum):
            raise TraceError(f'the field "{name}" is no enumeration')
        return kind.label(value)


class Quick:
    """Structs, read one after the other, as one struct.Struct; None from
    make() where that cannot be. texts: places of arrays of characters."""

    def __init__(self, form, texts):
        self.struct, self.texts = struct.Struct(form), texts
        self.size = self.struct.size

    @staticmethod
    def make(structs, offset, order):
        """offset: in bits from the start of the packet."""
        form, texts, at, count = "<" if order == "little" else ">", [], \
            offset, 0
        for kind in structs:
            pieces = [(None, kind.align)] + [(f, f.align)
                                             for _, f in kind.fields]
            for field, align in pieces:
                align = math.lcm(align, 8)
                pad = -at % align
                at += pad
                form += "x" * (pad // 8)
                if field is None:
                    continue
                code, size = Quick.code(field, order)
                if not code:
                    return None
                if isinstance(field, Array) and field.element.text:
                    texts.append(count)
                form, at, count = form + code, at + size, count + 1
        return Quick(form, texts)

    @staticmethod
    def code(field, order):
        if isinstance(field, (Int, Enum, Float)):
            if (field.order or order) != order and field.size != 8:
                return None, 0
            return field.code(), field.size
        if isinstance(field, Array) and isinstance(field.length, int) and \
                field.is_bytes() and field.length <= MOST_ELEMENTS:
            return f"{field.length}s", 8 * field.length
        return None, 0

    def read(self, data, at):
        values = self.struct.unpack_from(data, at)
        if self.texts:
            values = list(values)
            for place in self.texts:
                values[place] = characters(values[place])
        return values
