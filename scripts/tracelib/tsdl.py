# SPDX-License-Identifier: MIT
#
# What a trace says about itself: the Trace Stream Description Language (CTF
# 1.8.3, section 7 and appendix C), read by one function for each thing that
# may stand there. What comes out is a Metadata: byte order, clocks, env,
# streams, events, with their types resolved. Anything that is not as the
# grammar has it is a TraceError with the line it stands in: metadata is as
# much input as records are.
#
# LIMIT: typedefs with pointers and `callsite` are skipped over.
import re

from .tokens import Cursor, unpack
from .types import (MOST_ELEMENTS, Array, Enum, Float, Int, String, Struct,
                    TraceError, Variant)

LARGEST, WIDEST, MOST_ALIGNED = 8 << 20, 1 << 16, 4096
SIZES = {"char": 8, "short": 16, "int": 32, "long": 64}
C_WORDS = ("unsigned", "signed", "const", *SIZES)
ORDERS = {"le": "little", "be": "big", "network": "big"}


class Metadata:
    def __init__(self):
        self.order, self.uuid, self.header = "little", None, None
        self.version = (1, 8)
        self.clocks, self.env = {}, {}
        self.streams, self.events = {}, {}  # id; (stream, id)


class Stream:
    def __init__(self):
        self.id, self.packet_context, self.event_header = 0, None, None
        self.event_context = None


class Event:
    def __init__(self):
        self.id, self.stream, self.name = 0, 0, ""
        self.context, self.fields, self.loglevel = None, None, None


class Parser(Cursor):
    def __init__(self, text):
        super().__init__(text)
        self.scopes = [{}]
        self.out = Metadata()

    # ---- types

    def settings(self):
        """{ name = value; ... }"""
        found = {}
        self.enter()
        while self.peek() != "}":
            name = self.word()
            self.want("=")
            found[name] = self.value()
            self.want(";")
        self.leave()
        return found

    def order(self, words):
        name = words.get("byte_order", "native")
        if name == "native":
            return None
        if name not in ORDERS:
            self.wrong(f'the byte order "{name}" is not known')
        return ORDERS[name]

    def size(self, words, name, default):
        size = words.get(name, default)
        if not isinstance(size, int) or not 1 <= size <= WIDEST:
            self.wrong(f"{name} is {size}, which is no number of bits")
        return size

    def alignment(self, align):
        if not isinstance(align, int) or not 1 <= align <= MOST_ALIGNED or \
                align & (align - 1):
            self.wrong(f"an alignment is a power of two up to {MOST_ALIGNED}, "
                       f"which {align} is not")
        return align

    def integer(self):
        words = self.settings()
        size = self.size(words, "size", None)
        if size > 64:
            self.wrong(f"an integer of {size} bits is not read")
        clock = str(words.get("map", ""))
        base = {"hexadecimal": 16, "hex": 16, "x": 16, "X": 16, "p": 16, 16: 16,
                "binary": 2, 2: 2, "octal": 8, 8: 8}.get(words.get("base"), 10)
        align = words.get("align", 8 if size % 8 == 0 else 1)
        return Int(size, self.alignment(align),
                   words.get("signed", 0) in (1, "true", "TRUE"),
                   self.order(words),
                   words.get("encoding") in ("UTF8", "ASCII", "utf8"), base,
                   clock.split(".")[1] if clock.count(".") else None)

    def floating(self):
        words = self.settings()
        size = self.size(words, "exp_dig", None) + \
            self.size(words, "mant_dig", None)
        if size not in (32, 64):
            self.wrong(f"a floating-point number of {size} bits is not read")
        return Float(size, self.alignment(words.get("align", 8)),
                     self.order(words))

    def string_type(self):
        if self.peek() == "{":
            self.settings()
        return String()

    def struct_type(self):
        name = self.word() if self.kind() == "word" else None
        if self.peek() != "{":
            return self.lookup("struct " + str(name))
        found = Struct(self.members())
        if self.accept("align"):
            self.want("(")
            found = Struct(found.fields, self.alignment(self.number()))
            self.want(")")
        if name:
            self.scopes[-1]["struct " + name] = found
        return found

    def members(self):
        fields = []
        self.scopes.append({})
        self.enter()
        while self.peek() != "}":
            if self.definition():
                continue
            base = self.type()
            while True:
                fields.append(self.declarator(base))
                if not self.accept(","):
                    break
            self.want(";")
        self.leave()
        self.scopes.pop()
        if len({name for name, _ in fields}) < len(fields):
            self.wrong("two fields of a structure have the same name")
        return fields

    def declarator(self, base):
        name, lengths = self.word(), []
        while self.accept("["):
            lengths.append(self.value())
            self.want("]")
        base = self.complete(base)
        for length in reversed(lengths):
            base = self.array(base, length)
        return (name[1:] if name[0] == "_" and name[1:] else name), base

    def complete(self, base):
        if isinstance(base, dict):
            self.wrong("a variant without a tag is no type of a field")
        return base

    def array(self, base, length):
        if isinstance(length, int) and not 0 <= length <= MOST_ELEMENTS:
            self.wrong(f"an array has {length} elements")
        return Array(base, length)

    def enum_type(self):
        name = self.word() if self.kind() == "word" else None
        container = self.type() if self.accept(":") else Int(32)
        if self.peek() != "{":
            return self.lookup("enum " + str(name))
        if not isinstance(container, Int):
            self.wrong("the container of an enumeration is an integer")
        found, following = [], 0
        self.enter()
        while self.peek() != "}":
            label = self.value() if self.kind() == "string" else self.word()
            first = last = following
            if self.accept("="):
                first = last = self.number()
                if self.accept("..."):
                    last = self.number()
            found.append((label, first, last))
            following = last + 1
            if not self.accept(","):
                break
        self.leave()
        kind = Enum(container, found)
        if name:
            self.scopes[-1]["enum " + name] = kind
        return kind

    def variant_type(self):
        name = self.word() if self.kind() == "word" else None
        tag = None
        if self.accept("<"):
            tag = self.value()
            self.want(">")
        if self.peek() == "{":
            options = dict(self.members())
            if name:
                self.scopes[-1]["variant " + name] = options
        else:
            options = self.lookup("variant " + str(name))
        if tag is None:
            return options
        return Variant(tag, options)

    def lookup(self, name):
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        self.wrong(f'the type "{name}" was not said before')

    def type(self):
        word = self.word()
        made = {"integer": self.integer, "floating_point": self.floating,
                "string": self.string_type, "struct": self.struct_type,
                "enum": self.enum_type, "variant": self.variant_type}
        if word in made:
            return made[word]()
        words = [word]
        while words[0] in C_WORDS and self.peek() in C_WORDS:
            words.append(self.next())
        for scope in reversed(self.scopes):
            if " ".join(words) in scope:
                return scope[" ".join(words)]
        plain = [w for w in words if w != "const"]
        if plain and all(w in C_WORDS for w in plain):
            size = min([SIZES[w] for w in plain if w in SIZES] or [32])
            return Int(64 if plain.count("long") else size,
                       signed="unsigned" not in plain)
        self.at -= 1
        return self.lookup(" ".join(words))

    def names(self, base):
        """The names that a typedef or typealias gives to a type."""
        words = self.word()
        while self.kind() == "word":
            words += " " + self.next()
        while self.accept("["):
            base = self.array(self.complete(base), self.value())
            self.want("]")
        self.scopes[-1][words] = base
        self.want(";")

    def definition(self):
        """typealias and typedef; whether one stood there."""
        if self.accept("typealias"):
            base = self.type()
            self.want(":=")
            self.names(base)
            return True
        if self.accept("typedef"):
            self.names(self.type())
            return True
        return False

    # ---- blocks

    def block(self, types, plain):
        """trace, stream, event: types by ":=", values by "="."""
        self.scopes.append({})
        self.enter()
        while self.peek() != "}":
            if self.definition():
                continue
            name = self.value()
            if self.accept(":="):
                kind = self.type()
                if name not in types or not isinstance(kind, Struct):
                    self.wrong(f'"{name}" is no structure of this block')
                types[name] = kind
            else:
                self.want("=")
                plain[name] = self.value()
            self.want(";")
        self.leave()
        self.scopes.pop()
        self.want(";")

    def trace(self):
        types, plain = {"packet.header": None}, {}
        self.block(types, plain)
        out = self.out
        out.order = self.order(plain) or out.order
        out.version = (plain.get("major", 1), plain.get("minor", 8))
        if out.version[0] != 1:
            self.wrong(f"the trace is of version {out.version[0]} of the "
                       "format; 1 is read")
        if plain.get("uuid"):
            digits = str(plain["uuid"]).replace("-", "")
            if not re.fullmatch("[0-9a-fA-F]{32}", digits):
                self.wrong("the uuid should have 32 hexadecimal digits")
            out.uuid = bytes.fromhex(digits)
        out.header = types["packet.header"]

    def identity(self, plain, name):
        if not isinstance(plain.get(name, 0), int):
            self.wrong(f"{name} is no number")
        return plain.get(name, 0)

    def stream(self):
        types = dict.fromkeys(("packet.context", "event.header",
                               "event.context"))
        plain, made = {}, Stream()
        self.block(types, plain)
        made.id = self.identity(plain, "id")
        made.packet_context = types["packet.context"]
        made.event_header = types["event.header"]
        made.event_context = types["event.context"]
        self.out.streams[made.id] = made

    def event(self):
        types, plain = {"fields": None, "context": None}, {}
        self.block(types, plain)
        made = Event()
        made.id = self.identity(plain, "id")
        made.stream = self.identity(plain, "stream_id")
        made.name = str(plain.get("name", f"event {made.id}"))
        made.loglevel = plain.get("loglevel")
        made.context, made.fields = types["context"], types["fields"]
        self.out.events[made.stream, made.id] = made

    def skip(self):
        while self.peek() and not self.accept("}"):
            self.next()
        self.want(";")

    def top(self):
        if self.definition() or self.accept(";"):
            return
        word = self.peek()
        if word in ("trace", "stream", "event"):
            self.next()
            getattr(self, word)()
        elif word in ("env", "clock"):
            self.next()
            found = self.settings()
            self.want(";")
            if word == "env":
                self.out.env.update(found)
            else:
                self.out.clocks[str(found.get("name", ""))] = found
        elif self.accept("callsite"):
            self.skip()
        elif word in ("struct", "enum", "variant"):
            self.type()
            self.want(";")
        else:
            self.wrong("a block of the metadata should stand there")


def parse(raw):
    """The Metadata of the bytes of a metadata file."""
    if len(raw) > LARGEST:
        raise TraceError(f"the metadata has {len(raw)} bytes; at most "
                         f"{LARGEST} are read")
    text = unpack(raw).rstrip(b"\0").decode("utf-8", "replace")
    parser = Parser(text)
    try:
        while parser.kind():
            parser.top()
    except RecursionError:
        parser.wrong("types nest too deep")
    if not parser.out.streams:
        raise TraceError("the metadata describes no stream")
    return parser.out
