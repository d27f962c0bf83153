# SPDX-License-Identifier: MIT
#
# How long something took, millions of times: counted by value, so that
# percentiles are exact and several collections can be put together. A new
# cost is only appended; a full batch is counted at once, by C.
#
# A histogram has four pieces an octave, from 1 ns on: piece i holds costs
# from 2^(i/4) ns up to 2^((i+1)/4) ns.
import array
import collections
import math

BATCH = 1 << 14
OCTAVE = 4
PERCENTILES = (50, 90, 99)


class Costs:
    def __init__(self):
        self.fresh = array.array("Q")
        self.counter = collections.Counter()
        self.append = self.fresh.append

    def flush(self):
        """Called now and then by whoever appends, and before reading."""
        self.counter.update(self.fresh)
        del self.fresh[:]

    def join(self, other):
        other.flush()
        self.counter.update(other.counter)

    def summary(self, ns):
        """Count, total and distribution; ns: nanoseconds a tick."""
        self.flush()
        if not self.counter:
            return None
        values = sorted(self.counter)
        count = self.counter.total()
        total = sum(v * n for v, n in self.counter.items())
        made = {"count": count, "total": round(total * ns),
                "mean": round(total * ns / count, 1),
                "min": round(values[0] * ns, 1),
                "max": round(values[-1] * ns, 1)}
        made.update(self.percentiles(values, count, ns))
        made["hist"] = self.histogram(ns)
        return made

    def percentiles(self, values, count, ns):
        """The smallest value that so many of a hundred do not exceed."""
        found, seen = {}, 0
        wanted = [(p, -(-count * p // 100)) for p in PERCENTILES]
        for value in values:
            seen += self.counter[value]
            while wanted and seen >= wanted[0][1]:
                found[f"p{wanted.pop(0)[0]}"] = round(value * ns, 1)
        return found

    def histogram(self, ns):
        pieces = collections.Counter()
        for value, count in self.counter.items():
            time = max(value * ns, 1)
            pieces[int(math.log2(time) * OCTAVE)] += count
        low, high = min(pieces), max(pieces)
        return {"low": low, "n": [pieces[i] for i in range(low, high + 1)]}
