#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# The font of the VMM's own screen, as a C table: 256 glyphs of 8 by 16 pixels
# in the order of code page 437, which is what a VGA's text mode has.
#
# The glyphs come from GNU Unifont in the form in which GRUB ships it
# (unicode.pf2 of the package grub-common, which the ISO needs anyway): all of
# code page 437, line drawing included, is in it, which cannot be said of the
# console fonts in PSF form. A PFF2 file is a row of sections, each with a name
# of four letters and a big-endian length; CHIX is an index from code point to
# file offset, and there a glyph has its size, its offset from the baseline,
# its advance, and its pixels without padding (GRUB manual, "Theme file
# format"; grub-core/font/font.c reads the same fields).
#
# usage: font.py FONT.pf2 OUT.c | --show FONT.pf2 TEXT | --selftest
import struct
import sys

WIDTH, HEIGHT, GLYPHS = 8, 16, 256
# What the codes below 32 look like; 0 is blank, and 127 is a house.
LOW = (" \u263a\u263b\u2665\u2666\u2663\u2660\u2022\u25d8\u25cb\u25d9\u2642"
       "\u2640\u266a\u266b\u263c\u25ba\u25c4\u2195\u203c\u00b6\u00a7\u25ac"
       "\u21a8\u2191\u2193\u2192\u2190\u221f\u2194\u25b2\u25bc")
HOUSE = "\u2302"


def characters():
    """The character of each code."""
    for code in range(GLYPHS):
        if code < len(LOW):
            yield LOW[code]
        else:
            yield HOUSE if code == 127 else bytes([code]).decode("cp437")


class Font:
    def __init__(self, data):
        self.data = data
        self.offsets = {}
        self.ascent = None
        for name, body in self.sections():
            if name == b"ASCE":
                self.ascent, = struct.unpack(">H", body)
            elif name == b"CHIX":
                self.offsets = {code: offset for code, _, offset
                                in struct.iter_unpack(">IBI", body)}
        if data[:12] != b"FILE\0\0\0\4PFF2" or self.ascent is None:
            raise ValueError("this is no font in PFF2 form")

    def sections(self):
        at = 0
        while at + 8 <= len(self.data):
            name, size = struct.unpack_from(">4sI", self.data, at)
            if name == b"DATA":
                return
            yield name, self.data[at + 8:at + 8 + size]
            at += 8 + size

    def glyph(self, character):
        """Sixteen bytes, the leftmost pixel in bit 7."""
        at = self.offsets.get(ord(character))
        if at is None:
            raise ValueError(f"the font has no {character!r}")
        width, height, left, below, advance = struct.unpack_from(
            ">HHhhh", self.data, at)
        top = self.ascent - below - height
        if (advance != WIDTH or left < 0 or left + width > WIDTH
                or top < 0 or top + height > HEIGHT):
            raise ValueError(f"{character!r} does not fit in "
                             f"{WIDTH} by {HEIGHT} pixels")
        lines = bytearray(HEIGHT)
        for bit in range(width * height):
            if self.data[at + 10 + bit // 8] & 0x80 >> bit % 8:
                lines[top + bit // width] |= 0x80 >> left + bit % width
        return bytes(lines)


def read(path):
    """All glyphs, by code."""
    with open(path, "rb") as source:
        font = Font(source.read())
    return [font.glyph(c) for c in characters()]


def write_c(glyphs, out):
    out.write("/* Made by scripts/font.py of GNU Unifont. */\n"
              '#include "drivers/host/host.h"\n\n'
              "const paint_glyph host_font[256] = {\n")
    for code, glyph in enumerate(glyphs):
        out.write("    {" + ", ".join(f"0x{line:02x}" for line in glyph) +
                  f"}}, /* 0x{code:02x} */\n")
    out.write("};\n")


def show(glyphs, text):
    codes = [list(characters()).index(c) for c in text]
    for y in range(HEIGHT):
        print(" ".join(f"{glyphs[c][y]:08b}".replace("0", ".").replace(
            "1", "#") for c in codes))


def section(name, body):
    return name + struct.pack(">I", len(body)) + body


def selftest():
    """A font of one letter, two by three pixels, one right of the margin and
    standing on the baseline; and the same too wide, or not there."""
    head = section(b"FILE", b"PFF2") + section(b"ASCE", b"\0\x0e")
    index = len(head) + 8 + 9 + 8

    def font(left):
        pixels = struct.pack(">HHhhh", 2, 3, left, 0, 8) + b"\x9c"
        return Font(head + section(b"CHIX", struct.pack(">IBI", 65, 0, index))
                    + section(b"DATA", pixels))

    lines = font(1).glyph("A")
    assert lines == bytes(11) + b"\x40\x20\x60" + bytes(2), lines
    refused = 0
    for wrong in (lambda: font(7).glyph("A"), lambda: font(1).glyph("B"),
                  lambda: Font(b"GIF89a")):
        try:
            wrong()
        except ValueError:
            refused += 1
    assert refused == 3, refused
    assert len(set(characters())) == GLYPHS - 1  # code 0 is a blank
    print("font: selftest read a letter and refused 3 wrong ones")


def main():
    if sys.argv[1:] == ["--selftest"]:
        return selftest()
    if sys.argv[1] == "--show":
        return show(read(sys.argv[2]), sys.argv[3])
    glyphs = read(sys.argv[1])
    with open(sys.argv[2], "w") as out:
        write_c(glyphs, out)


if __name__ == "__main__":
    main()
