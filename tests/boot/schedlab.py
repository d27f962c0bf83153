# SPDX-License-Identifier: MIT
#
# What `schedlab` must print. The charts were drawn by hand, tick by tick,
# from the rules of each policy; turnaround and response times are counted
# off them here, and the averages are the textbook's, where it gives them
# (its jobs of 100 and 10 seconds are 10 ticks and 1).
import re

from machine import check

WORDS = "run=schedlab,schedlab:sjf:1/4:0/3,schedlab:fifo:0/0,sched:mlfq," \
        "sched"
USAGE = ("schedlab: usage: schedlab POLICY [KNOB=VALUE ...] [then=POLICY] "
         "ARRIVAL/TICKS[/BURSTS/WAIT] ...")
GAMER = ("mlfq: who gives way before every tick is charged for what it used, "
         "and sinks.")
RULES = "policies: fifo sjf stcf rr mlfq (rules)"

# Title, arrivals, chart, and averages of turnaround and response.
MIXES = [
    ("fifo: three equal jobs", (0, 0, 0), "AAAAABBBBBCCCCC", 10, 5),
    ("sjf: three equal jobs", (0, 0, 0), "AAAAABBBBBCCCCC", 10, 5),
    ("rr: three equal jobs", (0, 0, 0), "ABCABCABCABCABC", 14, 1),
    ("rr: a quantum of two", (0, 0, 0), "AABBCCAABBCCABC", 14, 2),
    ("fifo: a convoy", (0, 0, 0), "AAAAAAAAAABC", 11, 7),
    ("sjf: no convoy", (0, 0, 0), "BCAAAAAAAAAA", 5, 1),
    ("sjf: the short ones come late", (0, 1, 1), "AAAAAAAAAABC", 31 / 3,
     19 / 3),
    ("stcf: the short ones come late", (0, 1, 1), "ABCAAAAAAAAA", 5, 1 / 3),
    # A waits a tick behind each of its five; B has six.
    ("fifo: a job that waits often", (0, 0), "ABBBBBBA.A.A.A", 10.5, 0.5),
    ("stcf: a job that waits often", (0, 0), "ABABABABABB", 10, 0.5),
    # A has sunk to the third level when B comes.
    ("mlfq: a short job behind a long one", (0, 10), "AAAAAAAAAABBAAAA", 9,
     0),
    # C has used its ten ticks of the top when A and B come, who have ten each.
    ("mlfq: two that wait often starve a long one", (10, 11, 0),
     "CCCCCCCCCC" "ABABABABAB" "CCCC", 14, 0),
    # At 14 C is at the top again, behind nobody: A and B have just waited.
    ("mlfq: a boost cures it", (10, 11, 0), "CCCCCCCCCC" "ABAB" "CABCABCABC",
     16, 0),
    # A gives way after four ticks of five. Its next tick is the fifth all
    # the same: it sinks, behind B, which has sunk by its own five.
    ("mlfq: a gamer that waits before its slice is over", (0, 0),
     "AAAA" "BBBBB" "A" "BBBBB" "AAA" "BB" "AAAA", 22, 2),
    ("fifo: the first job brings in round-robin", (0, 0, 0),
     "AAAA" "BCBCBCBC", 9, 3),
    ("sjf: a mix of your own", (1, 0), "BBBAAAA", 4.5, 1),
]


def times(name, values, average):
    each = ", ".join(f"{chr(65 + n)} {v}" for n, v in enumerate(values))
    check(abs(sum(values) / len(values) - average) < 1e-9,
          f"the chart's average is not {average}")
    return f"  {name:12}{each}: average {average:.2f}"


def mix_lines(title, arrivals, chart, turnaround, response):
    jobs = [(chr(65 + n), at) for n, at in enumerate(arrivals)]
    return [title, f"  chart       {chart}",
            times("turnaround", [chart.rindex(j) + 1 - at for j, at in jobs],
                  turnaround),
            times("response", [chart.index(j) - at for j, at in jobs],
                  response)]


def verdict(lines):
    """Checks what a run of WORDS has printed, up to sched's figures."""
    want = [line for mix in MIXES[:-1] for line in mix_lines(*mix)]
    want += [GAMER, *mix_lines(*MIXES[-1]), USAGE,
             "init: schedlab fifo 0/0 ended with status 1.", RULES]
    start = next((n for n, l in enumerate(lines) if l == want[0]), 0)
    for number, line in enumerate(want):
        have = lines[start + number] if start + number < len(lines) else ""
        check(have == line, f"line {number}: {have!r} instead of {line!r}")
    check(any(re.fullmatch(r" +1 +\d+ +\d+ +\d+ +\d  init", l)
              for l in lines[start:]), "sched does not show init")
