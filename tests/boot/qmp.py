# SPDX-License-Identifier: MIT
#
# A machine's screen and keyboard, by QEMU's machine protocol: keys are pressed,
# and the picture that a monitor would show is read back as text.
#
# Pixels that Trapline painted are read by its own font, glyph by glyph, at the
# place and size that a screen of that many pixels calls for. In VGA text mode
# the card draws, with a font that is nobody's business here. There the text is
# that of the card's memory, and the picture must agree with it: the same
# character looks the same wherever it stands, two characters look different,
# a blank is empty. Only the cell with the cursor may look otherwise.
import json
import os
import re
import socket
import time

import pexpect

from machine import Failure, check

TEXT_AT = 0xb8000
COLUMNS, ROWS = 80, 25
GLYPH = (8, 16)
POLL_S = 0.2
HOLD_MS = 15
GREY = 8
BLANKS = {0, 0x20, 0xff}
SHIFTED = dict(zip('!@#$%^&*()_+{}|:"<>?~', "1234567890-=[]\\;',./`"))
NAMES = {" ": "spc", "\n": "ret", "-": "minus", "=": "equal", ".": "dot",
         ",": "comma", "/": "slash", ";": "semicolon", "\\": "backslash",
         "[": "bracket_left", "]": "bracket_right", "'": "apostrophe",
         "`": "grave_accent"}


def keys_for(character):
    """The keys that are held together to type it."""
    if character in SHIFTED:
        return ["shift"] + keys_for(SHIFTED[character])
    if character.isupper():
        return ["shift", character.lower()]
    return [NAMES.get(character, character)]


class Qmp:
    """A machine started with Qmp.words(env), and its session."""

    @staticmethod
    def path(env):
        return env.path("qmp")

    @staticmethod
    def words(env):
        return ("-qmp", f"unix:{Qmp.path(env)},server,nowait")

    def __init__(self, env, talk, seconds=20):
        self.env = env
        self.talk = talk
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        end = time.monotonic() + seconds
        while True:
            try:
                self.socket.connect(self.path(env))
                break
            except OSError:
                check(time.monotonic() < end, "QEMU opened no QMP socket")
                time.sleep(POLL_S)
        self.stream = self.socket.makefile("rw")
        self.stream.readline()
        self.ask("qmp_capabilities")
        with open(os.path.join(env.build, "font.c")) as source:
            codes = re.findall(r"0x(\w\w)[,}]", source.read())
        self.font = {}
        for code in range(256):
            glyph = codes[code * GLYPH[1]:(code + 1) * GLYPH[1]]
            self.font.setdefault(bytes.fromhex("".join(glyph)), code)

    def ask(self, command, **arguments):
        self.stream.write(json.dumps({"execute": command,
                                      "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline() or "{}")
            if "return" in answer:
                return answer["return"]
            if "event" not in answer:
                raise Failure(f"QMP: {command} failed: {answer}")

    def hit(self, *names):
        """Keys that are pressed together and let go."""
        self.ask("send-key", **{"hold-time": HOLD_MS, "keys": [
            {"type": "qcode", "data": name} for name in names]})
        time.sleep(2 * HOLD_MS / 1000)

    def type(self, text):
        for character in text:
            self.hit(*keys_for(character))

    # ---- the picture

    def picture(self):
        """Width, height, and the rows of three bytes a pixel."""
        path = self.env.path("screen.ppm")
        self.ask("screendump", filename=path)
        with open(path, "rb") as source:
            data = source.read()
        head = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
        width, height = int(head[1]), int(head[2])
        pixels = data[head.end():]
        return width, height, [pixels[y * width * 3:(y + 1) * width * 3]
                               for y in range(height)]

    def painted(self):
        """The lines of a screen that Trapline painted in pixels."""
        width, height, rows = self.picture()
        scale = max(1, min(width // (COLUMNS * GLYPH[0]),
                           height // (ROWS * GLYPH[1])))
        cell = (GLYPH[0] * scale, GLYPH[1] * scale)
        columns, lines = min(width // cell[0], 160), min(height // cell[1], 64)
        left = (width - columns * cell[0]) // 2 // GLYPH[0] * GLYPH[0]
        above = (height - lines * cell[1]) // 2
        bits = [self.bits(row, left, columns, scale) for row in rows]
        text = []
        for n in range(lines):
            top = above + n * cell[1]
            for y in range(top, top + cell[1], scale):
                check(all(bits[y + i] == bits[y] for i in range(scale)),
                      "lines that belong to one pixel of the font differ")
            strip = bits[top:top + cell[1]:scale]
            text.append("".join(self.character(bytes(b[c] for b in strip))
                                for c in range(columns)).rstrip())
        return text

    @staticmethod
    def bits(row, left, columns, scale):
        """A byte for each cell: which of its pixels are not black. What
        nobody coloured is grey, however few bits the screen has for it."""
        begin = left * 3
        end = begin + columns * GLYPH[0] * scale * 3
        if not any(row[begin:end]):
            return bytes(columns)
        pixels = list(zip(*(row[begin + i:end:3 * scale] for i in range(3))))
        check(all(max(p) - min(p) <= GREY for p in pixels),
              "there are colours on the screen")
        lit = "".join("1" if any(p) else "0" for p in pixels)
        return bytes(int(lit[i:i + 8], 2) for i in range(0, len(lit), 8))

    def character(self, glyph):
        """What it shows; under a cursor its last two lines are full."""
        for last in (glyph[-2:], b"\0\0"):
            code = self.font.get(glyph[:-2] + last)
            if code is not None:
                return chr(code or 32)
        return "\ufffd"

    def cells(self):
        """VGA's text memory: characters and attributes."""
        said = self.ask("human-monitor-command", **{
            "command-line": f"xp /{COLUMNS * ROWS}hx {TEXT_AT:#x}"})
        return [int(word, 16) for line in said.splitlines()
                for word in line.split(":")[1].split()]

    def drawn(self):
        """The lines of a VGA text screen, if the picture agrees with them."""
        for _ in range(5):  # the guest may print between the two
            before = self.cells()
            width, height, rows = self.picture()
            if self.cells() == before:
                break
        check(width % COLUMNS == 0 and height % ROWS == 0,
              f"a text screen of {width} by {height} pixels")
        size = (width // COLUMNS * 3, height // ROWS)
        looks, odd = {}, 0
        for i, cell in enumerate(before):
            x, y = i % COLUMNS * size[0], i // COLUMNS * size[1]
            image = b"".join(row[x:x + size[0]]
                             for row in rows[y:y + size[1]])
            if cell & 0xff in BLANKS:
                cell &= 0x7000
            looks.setdefault(cell, {}).setdefault(image, 0)
            looks[cell][image] += 1
        most = {}
        for cell, images in looks.items():
            image = max(images, key=images.get)
            odd += sum(images.values()) - images[image]
            check(most.setdefault(image, cell) == cell,
                  f"cells {cell:#x} and {most[image]:#x} look the same")
        check(odd <= 1, f"{odd} cells look unlike the others of their kind")
        text = "".join(chr(c & 0xff or 32) for c in before)
        return [text[i:i + COLUMNS].rstrip()
                for i in range(0, len(text), COLUMNS)]

    def wait(self, read, *patterns, seconds=15):
        """Until each pattern is found on the screen; its lines."""
        end = time.monotonic() + seconds
        while True:
            missing = list(patterns)
            try:
                lines = read()
                text = "\n".join(lines)
                missing = [p for p in patterns
                           if not re.search(p, text, re.M)]
                why = f"the screen does not show {missing[:1]}"
            except Failure as odd:  # not yet, or no longer, Trapline's
                lines, why = [], str(odd)
            if not missing or time.monotonic() > end:
                print("\n".join(["---- the screen"] + lines + ["----"]))
            if not missing:
                return lines
            check(time.monotonic() < end, f"{why}, and {seconds} s passed")
            # Read meanwhile, or the serial line stands still.
            self.talk.child.expect(pexpect.TIMEOUT, timeout=POLL_S)
