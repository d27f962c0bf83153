# SPDX-License-Identifier: MIT
#
# The records of a CTF 1.8 trace: a folder with the file `metadata` and a file
# for each stream (sections 5 and 6). A stream is packets; a packet says how
# long it is, how much of that is used, and how many records its writer had to
# leave out. What comes out, in the order of time over all streams, is
# (ticks, class, values): a Class is what is known about one kind of record,
# values are its header's, contexts' and payload's fields in one row, and
# Class.index says where a name stands in it. A payload's field hides a
# context's of the same name; numbers of contexts stay in Class.context.
#
# What was left out comes in the same order as a record of the class LOST
# with the values (first tick, last tick, records).
#
# A folder is input like any other. What is wrong with metadata ends the
# reading (TraceError); what is wrong with a stream ends that packet, or the
# stream where the next packet cannot be found, is said once in `notes`, and
# what was read before it stays.
import heapq
import mmap
import os

from . import tsdl
from .types import Bits, Enum, Int, Quick, Scope, Struct, TraceError

MAGIC = 0xC1FC1FC1
EMPTY = Struct([])
MOST_NOTES = 20


class Class:
    """One kind of record."""

    def __init__(self, name, structs, context, fields):
        self.name, self.structs, self.number = name, structs, 0
        self.context, self.index, self.kinds = {}, {}, []
        for part in structs:
            for field, kind in part.fields:
                self.index[field] = len(self.kinds)
                if part in context and isinstance(kind, (Int, Enum)):
                    self.context[field] = len(self.kinds)
                self.kinds.append((field, kind))
        self.fields = [(f, k, self.index[f]) for f, k in fields.fields]
        self.quick = {}

    def label(self, field, value):
        """What a value of an enumeration is called."""
        kind = self.kinds[self.index[field]][1]
        return kind.label(value) if isinstance(kind, Enum) else str(value)


LOST = Class("lost", [], [], EMPTY)


class Clock:
    def __init__(self, found):
        self.name = str(found.get("name", ""))
        freq = found.get("freq", 1000000000)
        self.hz = freq if isinstance(freq, int) and freq > 0 else 1000000000
        self.found = found


def find_header(struct_type):
    """The places of id and timestamp in an event header of numbers that
    stand side by side."""
    names = [name for name, kind in struct_type.fields
             if isinstance(kind, (Int, Enum))]
    if len(names) < len(struct_type.fields) or "id" not in names or \
            "timestamp" not in names:
        return None
    return names.index("id"), names.index("timestamp")


def number(values, name, default):
    """A field that should be a number."""
    value = values.get(name, default)
    return value if isinstance(value, int) else default


def deep(values, name):
    """A field of an event header with variants, the innermost one."""
    found, todo = None, [values]
    while todo:
        here = todo.pop()
        if isinstance(here.get(name), int):
            found = here[name]
        todo += [v for v in here.values() if isinstance(v, dict)]
    return found


def deep_bits(kind):
    """The smallest timestamp in an event header."""
    sizes, todo = [64], [kind]
    while todo:
        here = todo.pop()
        pairs = here.fields if isinstance(here, Struct) else \
            here.options.items() if hasattr(here, "options") else ()
        for name, part in pairs:
            if name == "timestamp" and isinstance(part, Int):
                sizes.append(part.size)
            todo.append(part)
    return min(sizes)


class Packet:
    """Where a packet stands in its file, and what its head says."""

    def __init__(self, start, size, content, first, head):
        self.start, self.size, self.content = start, size, content  # bytes
        self.first = first  # bit of the first record
        self.head = head    # the packet context


class StreamFile:
    def __init__(self, trace, path):
        self.trace, self.path = trace, path
        self.name = os.path.basename(path)
        self.size = os.path.getsize(path)
        self.read = 0  # bytes, for the progress
        self.last = 0  # the newest full timestamp

    def note(self, words):
        self.trace.note(f"{self.name}: {words}")

    def packets(self, data):
        at = 0
        while at < len(data):
            packet = self.packet(data, at)
            if not packet:
                return
            yield packet
            at += packet.size

    def packet(self, data, at):
        """The packet at a byte, with its stream; None where none can be."""
        trace, bits = self.trace, Bits(data, 8 * at, 8 * len(data),
                                       self.trace.meta.order)
        try:
            head = bits.record(trace.meta.header or EMPTY, Scope())
            magic = number(head, "magic", MAGIC)
            if magic != MAGIC:
                raise TraceError(f"its magic is {magic:#x}, not {MAGIC:#x}")
            stream = trace.meta.streams.get(number(head, "stream_id", 0))
            if not stream:
                raise TraceError("it is of a stream that the metadata does "
                                 "not know")
            context = bits.record(stream.packet_context or EMPTY, Scope())
        except TraceError as why:
            self.note(f"no packet at byte {at}: {why}; the last "
                      f"{len(data) - at} bytes are left out")
            return None
        size = number(context, "packet_size", 8 * (len(data) - at))
        content = number(context, "content_size", size)
        if not bits.at - 8 * at <= content <= size or size % 8:
            self.note(f"the packet at byte {at} says that {content} of its "
                      f"{size} bits are used; the last {len(data) - at} bytes "
                      "are left out")
            return None
        if at + size // 8 > len(data):
            self.note(f"the packet at byte {at} is cut: {len(data) - at} of "
                      f"its {size // 8} bytes are there")
        end = min(at + content // 8, len(data))
        made = Packet(at, size // 8, end, bits.at, context)
        made.stream = stream
        return made

    def ticks(self, stamp, bits):
        """A timestamp with less than 64 bits goes on from the last (6.1)."""
        if bits < 64:
            stamp += self.last & -(1 << bits)
            if stamp < self.last:
                stamp += 1 << bits
        self.last = stamp
        return stamp

    def records(self):
        """(ticks, class, values) of the whole file."""
        if not self.size:
            return
        with open(self.path, "rb") as file, \
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            discarded = following = 0
            for packet in self.packets(data):
                head = packet.head
                begin = number(head, "timestamp_begin", self.last)
                before, self.last = self.last or begin, max(begin, 0)
                lost = number(head, "events_discarded", 0)
                if lost != discarded:
                    # A counter that went back has begun again.
                    count = lost - discarded if lost > discarded else lost
                    yield begin, LOST, (min(before, begin), begin, count)
                discarded = lost
                here = number(head, "packet_seq_num", following)
                if following < here:
                    self.note(f"{here - following} packets before number "
                              f"{here} are missing")
                following = here + 1
                try:
                    yield from self.of_packet(data, packet)
                except TraceError as why:
                    self.note(f"the packet at byte {packet.start} is left out "
                              f"from byte {self.at // 8} on: {why}")
                self.read = packet.start + packet.size
        self.read = self.size

    def of_packet(self, data, packet):
        stream = packet.stream
        header = stream.event_header or EMPTY
        bits = Bits(data, 8 * packet.start, 8 * packet.content,
                    self.trace.meta.order)
        places = find_header(header)
        self.at = packet.first
        if places:
            quick = Quick.make([header], 0, self.trace.meta.order)
            if quick:
                yield from self.quickly(data, packet, bits, places)
                return
        while self.at < bits.end:
            yield self.slowly(packet, bits)

    def quickly(self, data, packet, bits, places):
        """Records with an event header of fixed size. The layout of each
        class hangs on the offset modulo the largest alignment alone."""
        stream, start = packet.stream, 8 * packet.start
        classes, align = self.trace.classes[stream.id], self.trace.align
        header = stream.event_header
        heads = [Quick.make([header], offset, self.trace.meta.order)
                 for offset in range(0, align, 8)]
        stamps = header.fields[places[1]][1].size
        id_at, stamp_at = places
        end, at, mask = packet.content, self.at // 8, align // 8 - 1
        while at < end:
            phase = (at - packet.start) & mask
            head = heads[phase]
            self.at, self.read = 8 * at, at
            if at + head.size > end:
                raise TraceError("it ends within a record")
            values = head.struct.unpack_from(data, at)
            found = classes.get(values[id_at])
            if not found:
                raise TraceError(f"the metadata knows no event "
                                 f"{values[id_at]}")
            layout = found.quick.get(phase)
            if layout is None:
                layout = found.quick[phase] = Quick.make(
                    found.structs, 8 * phase, self.trace.meta.order) or False
            if layout:
                if at + layout.size > end:
                    raise TraceError("it ends within a record")
                values = layout.read(data, at)
                stamp = values[stamp_at]
                at += layout.size
            else:
                bits.at = 8 * at
                values = self.row(bits, found)
                stamp = values[stamp_at]
                at = -(-bits.at // 8)
            if stamps < 64:
                stamp = self.ticks(stamp, stamps)
            yield stamp, found, values
        self.at = 8 * at
        if stamps == 64 and at > packet.first // 8:
            self.last = stamp
        self.last = max(self.last, number(packet.head, "timestamp_end", 0))

    def row(self, bits, found):
        """The values of a record's structs, in the order of Class.index."""
        scope, values = Scope(), []
        for part in found.structs:
            scope = Scope(scope)
            values += bits.record(part, scope).values()
        return values

    def slowly(self, packet, bits):
        """One record whose header has to be read before its id is known."""
        stream = packet.stream
        self.at = start = bits.at = max(self.at, packet.first)
        header = bits.record(stream.event_header or EMPTY, Scope())
        event = deep(header, "id") or 0
        found = self.trace.classes[stream.id].get(event)
        if not found:
            raise TraceError(f"the metadata knows no event {event}")
        stamp = deep(header, "timestamp")
        size = deep_bits(stream.event_header or EMPTY)
        bits.at = start
        values = self.row(bits, found)
        if bits.at == start:
            raise TraceError("its records have no bits")
        self.at = bits.at
        ticks = self.last if stamp is None else self.ticks(stamp, size)
        return ticks, found, values


class Trace:
    def __init__(self, folder):
        self.folder, self.notes, self.more = folder, [], 0
        try:
            with open(os.path.join(folder, "metadata"), "rb") as file:
                self.meta = tsdl.parse(file.read(tsdl.LARGEST + 1))
        except OSError as why:
            raise TraceError(f"{why.filename}: {why.strerror}; a trace is a "
                             "folder with a file \"metadata\"") from None
        clocks = list(self.meta.clocks.values()) or [{}]
        self.clock = Clock(clocks[0])
        self.classes = {s: {} for s in self.meta.streams}
        self.align = 8
        for (stream, event_id), event in sorted(self.meta.events.items()):
            if stream not in self.classes:
                raise TraceError(f'the event "{event.name}" is of stream '
                                 f"{stream}, which is not described")
            self.classes[stream][event_id] = self.class_of(event)
        self.files = [StreamFile(self, p) for p in self.stream_paths()]

    def class_of(self, event):
        stream = self.meta.streams[event.stream]
        fields = event.fields or EMPTY
        context = [p for p in (stream.event_context, event.context) if p]
        structs = [stream.event_header or EMPTY, *context, fields]
        self.align = max([self.align] + [part.align for part in structs])
        made = Class(event.name, structs, context, fields)
        made.number, made.level = event.id, event.loglevel
        return made

    def stream_paths(self):
        for name in sorted(os.listdir(self.folder)):
            path = os.path.join(self.folder, name)
            if name[0] != "." and name != "metadata" and \
                    os.path.isfile(path):
                yield path

    def note(self, words):
        if len(self.notes) < MOST_NOTES:
            self.notes.append(words)
        else:
            self.more += 1

    def size(self):
        return sum(f.size for f in self.files)

    def read(self):
        return sum(f.read for f in self.files)

    def all_classes(self):
        return [c for classes in self.classes.values()
                for c in classes.values()]

    def records(self):
        if len(self.files) == 1:
            return self.files[0].records()
        return heapq.merge(*(f.records() for f in self.files),
                           key=lambda record: record[0])
