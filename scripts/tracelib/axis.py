# SPDX-License-Identifier: MIT
#
# Time, in at most BINS pieces of one width, before anybody knows how long the
# trace is. The width begins at one tick; whenever a record comes later than
# the last piece, the width doubles and all that was counted is folded two and
# two. So one pass over the records suffices, the memory does not grow with
# them, and at the end between half of BINS and BINS pieces are in use.
#
# LIMIT: a time before the first is counted in the first piece.
BINS = 480
FEWEST, EACH = 60, 40  # pieces, and what a piece should hold at least


class Axis:
    def __init__(self):
        self.start, self.shift, self.last = None, 0, 0
        self.all = []

    def slot(self, ticks):
        if self.start is None:
            self.start = self.last = ticks
        if ticks > self.last:
            self.last = ticks
        slot = (ticks - self.start) >> self.shift
        if slot >= BINS:
            self.fold(ticks)
            slot = (ticks - self.start) >> self.shift
        return slot if slot > 0 else 0

    def fold(self, ticks):
        while (ticks - self.start) >> self.shift >= BINS:
            self.double()

    def double(self):
        self.shift += 1
        for series in self.all:
            folded = [a + b for a, b in zip(series[::2], series[1::2])]
            series[:] = folded + [0] * (BINS - len(folded))

    def coarsen(self, most):
        """At the end: no more pieces than that, for few records make no
        curve in many."""
        while self.used() > most:
            self.double()

    def series(self):
        made = [0] * BINS
        self.all.append(made)
        return made

    def used(self):
        if self.start is None:
            return 0
        return ((self.last - self.start) >> self.shift) + 1

    def spread(self, series, first, last):
        """A stretch of time, in ticks, over the pieces that it touches."""
        self.slot(last)
        first = max(first, self.start)
        if last <= first:
            return
        low, high = self.slot(first), self.slot(last)
        if low == high:
            series[low] += last - first
            return
        width = 1 << self.shift
        series[low] += self.start + (low + 1) * width - first
        for slot in range(low + 1, high):
            series[slot] += width
        series[high] += last - self.start - high * width


def packed(series, used):
    """For the report: zeros are not written out. [place, value, place, ...]
    where that is shorter."""
    row = [v for v in series[:used]]
    filled = [(i, v) for i, v in enumerate(row) if v]
    if 2 * len(filled) + 1 < len(row):
        return {"at": [x for pair in filled for x in pair]}
    return row
