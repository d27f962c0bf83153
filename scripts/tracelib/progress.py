# SPDX-License-Identifier: MIT
#
# How far a long conversion is, on stderr: nothing for the first two seconds,
# then a line that is written over on a terminal and a new line every five
# seconds elsewhere. The share is that of the bytes read.
import sys
import time

FIRST_S, TERMINAL_S, LINE_S = 2, 0.2, 5
EVERY = 4096  # records between two looks at the clock


class Progress:
    def __init__(self, trace, quiet, out=sys.stderr):
        self.trace, self.quiet, self.out = trace, quiet, out
        self.terminal = out.isatty()
        self.started = time.monotonic()
        self.due = self.started + FIRST_S
        self.shown = False

    def look(self, records):
        now = time.monotonic()
        if self.quiet or now < self.due:
            return
        self.due = now + (TERMINAL_S if self.terminal else LINE_S)
        share = self.trace.read() / max(1, self.trace.size())
        spent = now - self.started
        left = f", {spent / share - spent:.0f} s left" if share > 0.02 else ""
        words = f"{100 * share:3.0f} % of the trace, {records} records{left}"
        self.out.write(f"\r\033[K{words}" if self.terminal else words + "\n")
        self.out.flush()
        self.shown = True

    def end(self):
        if self.shown and self.terminal:
            self.out.write("\r\033[K")
            self.out.flush()
