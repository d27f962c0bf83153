# SPDX-License-Identifier: MIT
#
# The report's tables as plain text, for a terminal: the same data as the page
# has (report.py), the rows that matter most, guest by guest.
#
# A name comes from the trace: control characters in it are shown as dots.
MOST = 12
UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1, "ns"))


def time(ns):
    for step, unit in UNITS:
        if ns >= step:
            return f"{ns / step:.3g} {unit}" if ns < 1000 * step else \
                f"{ns / step:.0f} {unit}"
    return "0 ns"


def share(part, whole):
    return f"{100 * part / whole:.1f} %" if whole else "-"


def plain(text):
    return "".join(c if c.isprintable() else "." for c in str(text))


def table(out, head, rows):
    """Columns as wide as their widest; all but the first to the right."""
    rows = [head] + [[plain(cell) for cell in row] for row in rows]
    wide = [max(len(row[i]) for row in rows) for i in range(len(head))]
    for row in rows:
        cells = [row[0].ljust(wide[0])] + [
            cell.rjust(w) for cell, w in zip(row[1:], wide[1:])]
        out.write("  " + "  ".join(cells).rstrip() + "\n")


def guests(out, data):
    out.write(f"{data['trace']}: {data['records']} records of "
              f"{time(data['span'])}, {data['lost']} left out\n\n")
    table(out, ["guest", "exits", "cost", "on the CPU", "interrupts",
                "exceptions", "shadow fills"],
          [[g["name"], g["exits"], time(g["spent"]),
            time(g["ran"]) if g["ran"] is not None else "-", g["injected"],
            g["exceptions"], g["fills"]] for g in data["guests"]])


def distribution(row):
    return [row["count"], time(row["total"]), time(row["mean"]),
            time(row["p50"]), time(row["p99"]), time(row["max"])]


COLUMNS = ["exits", "cost", "mean", "50 %", "99 %", "max"]


def of_guest(out, data, guest):
    kinds = [c for c in data["costs"]
             if c["g"] == guest["id"] and c["k"] >= 0]
    if not kinds:
        return
    kinds.sort(key=lambda c: -c["total"])
    out.write(f"\n{plain(guest['name'])}: exits by kind\n")
    table(out, ["kind"] + COLUMNS,
          [[data["kinds"][c["k"]], *distribution(c)] for c in kinds[:MOST]])
    rows = [r for r in data["operations"]["rows"] if r["g"] == guest["id"]]
    out.write(f"\n{plain(guest['name'])}: what exits were for\n")
    table(out, ["operation"] + COLUMNS,
          [[r["name"], *distribution(r)] for r in rows[:MOST]])
    places = [r for r in data["symbols"]["rows"] if r["g"] == guest["id"]]
    out.write(f"\n{plain(guest['name'])}: guest code by the cost of its "
              "exits\n")
    table(out, ["symbol", "exits", "cost", "share", "mean"],
          [[r["name"], r["count"], time(r["total"]),
            share(r["total"], guest["spent"]),
            time(r["total"] / r["count"])] for r in places[:MOST]])


def write(out, data):
    guests(out, data)
    for guest in data["guests"]:
        of_guest(out, data, guest)
