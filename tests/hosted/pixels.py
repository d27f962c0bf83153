# SPDX-License-Identifier: MIT
#
# The pixels of a PNG (RFC 2083) of 8-bit RGB or RGBA without interlace, which
# is what browsers write: enough to see that a screenshot shows something.
import struct
import zlib


def predicted(kind, left, up, corner):
    """Section 6: what a filter adds to a byte."""
    if kind == 1:
        return left
    if kind == 2:
        return up
    if kind == 3:
        return (left + up) // 2
    guess = left + up - corner
    a, b, c = abs(guess - left), abs(guess - up), abs(guess - corner)
    return left if a <= b and a <= c else up if b <= c else corner


def unfiltered(kind, row, above, step):
    if kind == 2:
        return bytearray((a + b) & 255 for a, b in zip(row, above))
    if kind:
        for i, value in enumerate(row):
            left, corner = (row[i - step], above[i - step]) if i >= step \
                else (0, 0)
            row[i] = (value + predicted(kind, left, above[i], corner)) & 255
    return row


def rows(path):
    """(width, the bytes of each row, bytes a pixel)"""
    data = open(path, "rb").read()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError(f"{path} is no PNG")
    at, packed, head = 8, b"", None
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IHDR":
            head = struct.unpack_from(">IIBBBBB", data, at + 8)
        elif kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += size + 12
    width, height, depth, colour, _, _, interlace = head
    if depth != 8 or colour not in (2, 6) or interlace:
        raise ValueError(f"{path} is of a form that is not read: {head}")
    step = 3 if colour == 2 else 4
    flat, made = zlib.decompress(packed), []
    above = bytearray(width * step)
    for row in range(height):
        start = row * (width * step + 1)
        above = unfiltered(flat[start], bytearray(
            flat[start + 1:start + 1 + width * step]), above, step)
        made.append(above)
    return width, made, step


def colours(path):
    """{(r, g, b): pixels}"""
    found = {}
    _, every, step = rows(path)
    for row in every:
        for i in range(0, len(row), step):
            pixel = row[i], row[i + 1], row[i + 2]
            found[pixel] = found.get(pixel, 0) + 1
    return found
