# SPDX-License-Identifier: MIT
#
# The words of a trace's metadata (CTF 1.8.3, section 7 and appendix C): the
# text, plain or put together from packets (7.1), cut into tokens; and a
# cursor over them that looks ahead, takes a name, a number or a value, and
# says with the line what is wrong. Braces nest at most DEEPEST times, so the
# parser's own functions cannot nest deeper either.
import re
import struct

from .types import TraceError

TOKEN = re.compile(r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/) |
    (?P<string>"(?:[^"\\]|\\.)*") |
    (?P<number>0[xX][0-9a-fA-F]+|\d+) |
    (?P<word>[A-Za-z_]\w*) |
    (?P<sign>:=|\.\.\.|->|[{}\[\]();:,.=<>+\-*])
    """, re.X | re.S)
PACKET_MAGIC, PACKET_HEADER = 0x75D11D57, 37
DEEPEST, MOST_DIGITS = 24, 24
SUFFIXES = ("u", "l", "ul", "ll", "ull")


def unpack(raw):
    """The text; metadata in packets is put together first."""
    for mark, order in (("<", "little"), (">", "big")):
        if raw[:4] == PACKET_MAGIC.to_bytes(4, order):
            break
    else:
        return raw
    text, at = b"", 0
    while at + PACKET_HEADER <= len(raw):
        magic, = struct.unpack_from(mark + "I", raw, at)
        content, size = struct.unpack_from(mark + "II", raw, at + 24)
        if magic != PACKET_MAGIC or raw[at + 32] or raw[at + 33]:
            raise TraceError("a packet of the metadata is no plain packet")
        if not PACKET_HEADER * 8 <= content <= size or content % 8:
            raise TraceError(f"a packet of the metadata says that {content} "
                             f"of its {size} bits are used")
        text += raw[at + PACKET_HEADER:at + content // 8]
        at += size // 8
    return text


def tokens(text):
    found, at, line = [], 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        if not match:
            raise TraceError(f"metadata, line {line}: {text[at]!r} cannot "
                             "stand there")
        if match.lastgroup != "space":
            found.append((match.lastgroup, match.group(), line))
        line += match.group().count("\n")
        at = match.end()
    return found


class Cursor:
    def __init__(self, text):
        self.tokens, self.at, self.depth = tokens(text), 0, 0

    def peek(self, ahead=0):
        at = self.at + ahead
        return self.tokens[at][1] if at < len(self.tokens) else ""

    def kind(self):
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def next(self):
        word = self.peek()
        self.at += 1
        return word

    def wrong(self, words):
        at = min(self.at, len(self.tokens) - 1)
        line = self.tokens[at][2] if self.tokens else 1
        found = f'"{self.peek()}"' if self.peek() else "its end"
        raise TraceError(f"metadata, line {line}: {words}, not {found}")

    def want(self, word):
        if self.peek() != word:
            self.wrong(f'"{word}" should stand there')
        return self.next()

    def accept(self, word):
        if self.peek() != word:
            return False
        self.at += 1
        return True

    def word(self):
        if self.kind() != "word":
            self.wrong("a name should stand there")
        return self.next()

    def number(self):
        sign = -1 if self.accept("-") else 1
        self.accept("+")
        if self.kind() != "number":
            self.wrong("a number should stand there")
        if len(self.peek()) > MOST_DIGITS:
            self.wrong(f"a number has at most {MOST_DIGITS} digits")
        text = self.next()
        if self.peek().lower() in SUFFIXES:
            self.next()
        base = 8 if re.fullmatch("0[0-7]+", text) else 10
        return sign * int(text, 16 if text[:2] in ("0x", "0X") else base)

    def value(self):
        """What follows "=": a number, a string, or words with dots."""
        if self.kind() == "string":
            text = self.next()[1:-1]
            while self.kind() == "string":
                text += self.next()[1:-1]
            return re.sub(r"\\(.)", r"\1", text)
        if self.kind() == "number" or self.peek() in ("-", "+"):
            return self.number()
        words = self.word()
        while self.peek() in (".", "->"):
            self.next()
            words += "." + self.word()
        return words

    def enter(self):
        self.want("{")
        self.depth += 1
        if self.depth > DEEPEST:
            self.wrong(f"braces nest deeper than {DEEPEST}")

    def leave(self):
        self.want("}")
        self.depth -= 1
