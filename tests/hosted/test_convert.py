# SPDX-License-Identifier: MIT
#
# What scripts/trace-convert makes of a trace: figures that agree with those
# of the maker of the trace, to the exit and the tick, in all three forms;
# JSON as the Trace Event Format wants it; a report that a browser draws; and
# for traces that are cut, damaged or made to do harm, a sentence. The types
# of CTF that Trapline does not write itself are read, too.
import csv
import html
import io
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from machine import Skip, check

import ctfmake
import pixels

ROOT = ctfmake.ROOT
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from tracelib import ctf, elf, text, tsdl  # noqa: E402
from tracelib.convert import Choice, run as convert_run  # noqa: E402
from tracelib.model import Model  # noqa: E402
from tracelib.names import Book, Guests  # noqa: E402
from tracelib.perfetto import Perfetto  # noqa: E402
from tracelib.progress import Progress  # noqa: E402
from tracelib.report import Report  # noqa: E402
from tracelib.table import Table  # noqa: E402
from tracelib.types import TraceError  # noqa: E402

CONVERT_S, BROWSER_S = 60, 60
BROWSERS = ("chromium", "google-chrome", "chrome")
SECTIONS = ("guests", "exits", "symbols", "latency", "scheduler", "memory",
            "gates", "interrupts", "events")


def convert(*words, status=0):
    """stderr of the command."""
    done = subprocess.run([os.path.join(ROOT, "scripts", "trace-convert"),
                           *words], capture_output=True, text=True,
                          timeout=CONVERT_S)
    check(done.returncode == status and "Traceback" not in done.stderr,
          f"trace-convert {words} ended with {done.returncode}, not {status}: "
          f"{done.stderr}")
    return done.stderr


def data_of(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)'
                      "</script>", open(page).read(), re.S)
    return json.loads(found[1])


# ---- figures

def sums_of_csv(path):
    sums, lines = {}, 0
    for row in csv.DictReader(open(path, newline="")):
        lines += 1
        if row["event"] == "exit":
            key = int(row["vm"]), row["kind"]
            count, total = sums.get(key, (0, 0))
            sums[key] = count + 1, total + int(row["cost"])
    return sums, lines


def check_event(event):
    """One object of the Trace Event Format."""
    check(event.get("ph") in ("X", "i", "C", "M"), f"phase of {event}")
    check(isinstance(event["name"], str) and event["ts"] >= 0 and
          isinstance(event["pid"], int), f"head of {event}")
    if event["ph"] == "X":
        check(event["dur"] >= 0 and isinstance(event["tid"], int),
              f"slice {event}")
    elif event["ph"] == "i":
        check(event["s"] in ("g", "p", "t"), f"scope of {event}")
    elif event["ph"] == "C":
        check(event["args"] and all(isinstance(v, (int, float)) for v in
                                    event["args"].values()),
              f"counter {event}")
    else:
        check(event["name"] in ("process_name", "process_sort_index",
                                "thread_name"), f"metadata {event}")


def sums_of_json(path):
    trace = json.load(open(path))
    sums, named, ends = {}, set(), {}
    for event in trace["traceEvents"]:
        check_event(event)
        if event["ph"] == "X" and event["cat"] == "exits":
            key = event["pid"] - 1, event["args"]["kind"]
            count, total = sums.get(key, (0, 0))
            sums[key] = count + 1, total + event["args"]["cost"]
        if event["ph"] == "X":
            track = event["pid"], event["tid"]
            check(event["ts"] >= ends.get(track, 0) - 0.002,
                  f"{event} begins before the slice in front of it ended")
            ends[track] = event["ts"] + event["dur"]
        if event["name"] == "process_name":
            named.add(event["pid"])
    unnamed = {e["pid"] for e in trace["traceEvents"]} - named
    check(not unnamed, f"processes without a name: {unnamed}")
    return sums


def sums_of_page(data):
    """Exits and their cost in ticks, of the distributions, and the exits of
    the curves."""
    sums, curves = {}, {}
    for row in data["costs"]:
        if row["g"] >= 0 and row["k"] >= 0:
            ticks = round(row["total"] * data["hz"] / 1e9)
            sums[row["g"], data["kinds"][row["k"]]] = row["count"], ticks
    for row in data["exits"]:
        key = row["g"], data["kinds"][row["k"]]
        curves[key] = sum(row["n"] if isinstance(row["n"], list)
                          else row["n"]["at"][1::2])
    return sums, curves


def near(sums, truth):
    """A page has whole nanoseconds."""
    return sums.keys() == truth.keys() and all(
        sums[k][0] == truth[k][0] and abs(sums[k][1] - truth[k][1]) < 3
        for k in truth)


def test_figures(env):
    """All forms agree with the maker of the trace; 1 guest and 16; lost
    records are counted and shown; symbols; a choice of time and guest."""
    with tempfile.TemporaryDirectory() as folder:
        trace, page = f"{folder}/trace", f"{folder}/page.html"
        for guests in (1, 16):
            truth = ctfmake.make(trace, guests, 6000, guests, lose=True)
            said = convert(trace, "--html", page, "--json", f"{folder}/json",
                           "--csv", f"{folder}/csv", "--symbols",
                           f"alpha={env.hare}")
            check(not said, f"trace-convert said {said!r}")
            data = data_of(page)
            sums, lines = sums_of_csv(f"{folder}/csv")
            gaps = lines - data["records"]
            check(sums == truth and gaps == data["gaps"],
                  f"the CSV has {gaps} gaps and {sums}, not {truth}")
            check(sums_of_json(f"{folder}/json") == truth, "the JSON differs")
            sums, curves = sums_of_page(data)
            check(near(sums, truth), f"the page has {sums}, not {truth}")
            check(curves == {k: n for k, (n, _) in truth.items()},
                  "the curves differ")
            check(data["lost"] == 500 * data["gaps"] > 0,
                  f"{data['lost']} lost in {data['gaps']} gaps")
            check(len(data["guests"]) >= guests, "guests are missing")
        convert(trace, "--csv", f"{folder}/csv", "--guest", "beta", "--from",
                "0.001", "--to", "0.01")
        rows = list(csv.DictReader(open(f"{folder}/csv", newline="")))
        check(rows and all(r["guest"] == "beta" and 0.001 <=
                           float(r["seconds"]) <= 0.01 for r in rows if
                           not r["event"].endswith("left out")),
              "the choice is not kept to")
        babeltrace(trace)


def babeltrace(trace):
    """Another reader finds as many records in what the tests make."""
    if not shutil.which("babeltrace2"):
        return
    done = subprocess.run(["babeltrace2", trace], capture_output=True,
                          text=True, timeout=CONVERT_S)
    mine = sum(1 for _, found, _ in ctf.Trace(trace).records()
               if found is not ctf.LOST)
    theirs = len(done.stdout.splitlines())
    check(mine == theirs, f"babeltrace2 reads {theirs} records, not {mine}")


# ---- types

SMALL = """/* CTF 1.8 */
trace { major = 1; minor = 8; byte_order = le;
  packet.header := struct { integer { size = 32; } magic; }; };
typealias integer { size = 5; align = 1; } := five;
typealias integer { size = 27; align = 1; } := low;
typealias integer { size = 16; align = 8; signed = true; } := s16;
struct compact {
  enum : five { compact = 0 ... 30, extended = 31 } id;
  variant <id> {
    struct { low timestamp; } compact;
    struct { integer { size = 32; align = 8; } id;
             integer { size = 64; align = 8; } timestamp; } extended;
  } v;
} align(8);
stream { event.header := struct compact;
  packet.context := struct { integer { size = 32; } content_size;
                             integer { size = 32; } packet_size; }; };
event { name = "first"; id = 3; fields := struct {
  integer { size = 8; } _count; s16 row[count]; string words;
  integer { size = 3; align = 1; } bits; integer { size = 32; align = 32;
  byte_order = be; } wide; floating_point { exp_dig = 8; mant_dig = 24; } f;
}; };
event { name = "second"; id = 400; fields := struct {
  integer { size = 8; encoding = UTF8; } text[4]; unsigned char raw[2]; }; };
"""


def small_trace(folder):
    body = struct.pack("<I", 3 | 1000 << 5) + b"\x02" + struct.pack(
        "<hh", -5, 7) + b"words\0" + b"\x06"
    body += bytes(-(12 + len(body)) % 4) + struct.pack(">I", 0x11223344)
    body += struct.pack("<f", 1.5)
    body += b"\x1f" + struct.pack("<IQ", 400, 5000) + b"ab\0\0" + b"\x01\x02"
    size = 8 * (12 + len(body))
    os.makedirs(folder)
    open(f"{folder}/metadata", "w").write(SMALL)
    open(f"{folder}/stream", "wb").write(
        struct.pack("<III", 0xC1FC1FC1, size, size) + body)


def test_types(env):
    with tempfile.TemporaryDirectory() as folder:
        small_trace(f"{folder}/t")
        trace = ctf.Trace(f"{folder}/t")
        got = [(ticks, c.name, {f: v[i] for f, _, i in c.fields})
               for ticks, c, v in trace.records()]
        want = [(1000, "first", {"count": 2, "row": [-5, 7], "words": "words",
                                 "bits": 6, "wide": 0x11223344, "f": 1.5}),
                (5000, "second", {"text": "ab", "raw": b"\x01\x02"})]
        check(got == want and not trace.notes,
              f"read {got}, notes {trace.notes}, not {want}")
        packed_metadata(f"{folder}/t")


def packed_metadata(folder):
    """The same in packets (section 7.1)."""
    whole_text, made = SMALL.encode(), b""
    for at in range(0, len(whole_text), 300):
        piece = whole_text[at:at + 300]
        size = 8 * (37 + len(piece))
        made += struct.pack("<I16sIIIBBBBB", 0x75D11D57, bytes(16), 0, size,
                            size + 64, 0, 0, 0, 1, 8) + piece + bytes(8)
    open(f"{folder}/metadata", "wb").write(made)
    read = sum(1 for _ in ctf.Trace(folder).records())
    check(read == 2, f"with metadata in packets {read} records are read")


# ---- what is wrong

def whole(folder):
    """A conversion into everything, in this process."""
    trace = ctf.Trace(folder)
    guests = Guests(trace)
    model, book = Model(trace), Book(guests)
    writers = [model, Perfetto(io.StringIO(), trace, guests, book),
               Table(io.StringIO(), trace, guests, book)]
    convert_run(trace, guests, writers,
                Choice(trace.clock.hz, None, None, None),
                Progress(trace, True))
    data = Report(model, trace, guests, book, "t").data()
    json.dumps(data, allow_nan=False)
    text.write(io.StringIO(), data)


WRONG = {
    "brace": ("trace { major = 1;", "should stand there"),
    "deep": ("struct { " * 40, "braces nest deeper than 24"),
    "colons": ("enum a : " * 4000, "types nest too deep"),
    "nothing": ("stream { event.header := struct { struct {} a[9]; }; };",
                "elements of no bits"),
    "double": ("struct a0 { string s; };" + "".join(
        f"struct a{i} {{ struct a{i - 1} x; struct a{i - 1} y; }};"
        for i in range(1, 60)), "more than 16384 parts"),
    "wide": ("stream { event.header := struct { integer { size = 65; } a; }; "
             "};", "an integer of 65 bits is not read"),
    "unknown": ("stream { event.header := nowhere; };",
                'the type "nowhere" was not said before'),
    "twice": ("struct a { string s; string s; };", "the same name"),
    "sign": ("trace @", "'@' cannot stand there"),
    "none": ("/* CTF 1.8 */", "describes no stream"),
    "version": ("trace { major = 2; };", "the trace is of version 2"),
}


def wrong_metadata():
    for name, (metadata, words) in WRONG.items():
        try:
            tsdl.parse(metadata.encode())
        except TraceError as why:
            check(words in str(why), f"{name}: {why}")
            continue
        check(False, f"{name}: it was taken")


def damaged(folder, made, seed):
    """A copy with a piece cut off, bytes changed, or both files swapped."""
    chance = random.Random(seed)
    for name, data in made.items():
        data = bytearray(data)
        if chance.random() < 0.4:
            del data[chance.randrange(len(data)):]
        for _ in range(chance.choice((0, 1, 4, 30))):
            if data:
                data[chance.randrange(len(data))] = chance.choice(
                    (0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        open(f"{folder}/{name}", "wb").write(data)


OTHERS = ("string", "u8", "x32", "u64", "time32", "struct {", "}", "1", "0",
          "64", "-1", "1000000", '"x"', "vm", "9" * 5000, "be", "[vm]",
          "integer { size = 8; encoding = UTF8; }",
          "floating_point { exp_dig = 8; mant_dig = 24; }",
          "integer { size = 5; align = 1; }", "enum : u8 { a }",
          "variant <vm> { u8 a; u16 b; }", "integer { size = 32; "
          "byte_order = be; signed = true; }")


def other_words(folder, metadata, seed):
    """Metadata with a word or two replaced: fields of other types, sizes,
    names."""
    chance = random.Random(seed)
    words = re.split(r"(\w+)", metadata.decode())
    for _ in range(chance.choice((1, 1, 2))):
        words[chance.randrange(1, len(words), 2)] = chance.choice(OTHERS)
    open(f"{folder}/metadata", "w").write("".join(words))


def wrong_symbols(env, folder):
    good, chance = open(env.hare, "rb").read(), random.Random(5)
    for _ in range(60):
        bad = bytearray(good[:chance.choice((3, 40, 60, len(good) // 2,
                                             len(good)))])
        for _ in range(20):
            bad[chance.choice((4, 32, 33, 46, 48, 50)) % len(bad)] = \
                chance.randrange(256)
        open(f"{folder}/elf", "wb").write(bad)
        try:
            elf.load(f"{folder}/elf")
        except TraceError:
            pass
    table = elf.load(env.hare)
    start = table.starts[len(table.starts) // 2]
    check(table.find(start)[1] == 0 and table.find(1) is None,
          "the symbols of hare are not found")


def test_hostile(env):
    """Damage by dice: a sentence or a report, never anything else; and the
    command's own words for what people do wrong."""
    wrong_metadata()
    with tempfile.TemporaryDirectory() as folder:
        good, bad = f"{folder}/good", f"{folder}/bad"
        ctfmake.make(good, 2, 300)
        os.mkdir(bad)
        made = {n: open(f"{good}/{n}", "rb").read() for n in ("metadata",
                                                              "stream")}
        read = refused = 0
        for seed in range(140):
            only = made if seed % 4 == 0 else {"stream": made["stream"]}
            open(f"{bad}/metadata", "wb").write(made["metadata"])
            damaged(bad, only, seed)
            if seed % 4 == 1:
                other_words(bad, made["metadata"], seed)
            try:
                whole(bad)
                read += 1
            except TraceError:
                refused += 1
        check(read > 15 and refused > 15,
              f"of the damaged traces {read} were read, {refused} refused")
        wrong_symbols(env, folder)
        page = f"{folder}/page"
        words = convert(f"{folder}/nowhere", "--html", page, status=1)
        check("a trace is a folder" in words, words)
        words = convert(good, "--html", page, "--guest", "nobody", status=1)
        check("it has: alpha, beta" in words, words)
        convert(good, status=2)
        os.truncate(f"{good}/stream", 5000)
        words = convert(good, "--html", page)
        check(re.search(r"is cut: \d+ of its \d+ bytes are there", words),
              words)


# ---- the page

PROBE = """<script>
const seen = [];
function hover() {
  document.querySelectorAll("svg rect, svg circle").forEach(node => {
    const box = node.getBoundingClientRect();
    for (const kind of ["pointerenter", "pointermove", "pointerleave"]) {
      node.dispatchEvent(new PointerEvent(kind, {clientX: box.x + box.width / 2,
                                                 clientY: box.y + 1}));
      if (kind === "pointermove" && !document.getElementById("tip").hidden)
        seen.push(document.getElementById("tip").textContent);
    }
  });
}
for (const chip of document.querySelectorAll("#chips button")) {
  chip.click();
  hover();
}
document.querySelectorAll("th").forEach(head => head.click());
document.querySelectorAll(".key button").forEach(key => key.click());
document.querySelector("#chips button").click();
document.body.append(Object.assign(document.createElement("p"), {id: "seen",
  textContent: `${seen.length} read-outs`}));
</script></body>"""


def browse(page, shot, folder):
    browser = next((b for b in map(shutil.which, BROWSERS) if b), None)
    if not browser:
        raise Skip("there is no Chromium or Chrome to show the report")
    command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu",
               "--hide-scrollbars", f"--user-data-dir={folder}/profile",
               "--window-size=1000,1000", f"--screenshot={shot}",
               "--dump-dom", f"file://{page}"]
    done = subprocess.run(command, capture_output=True, text=True,
                          timeout=BROWSER_S, env={**os.environ, "HOME":
                                                  folder})
    if done.returncode or not os.path.exists(shot):
        raise Skip(f"{browser} does not run here: {done.stderr[-300:]!r}")
    return done.stdout


def test_page(env):
    """A browser draws every section, with the figures, for each guest."""
    with tempfile.TemporaryDirectory() as folder:
        trace, page = f"{folder}/trace", f"{folder}/page.html"
        ctfmake.NAMES = ("</script><b>alpha", *ctfmake.NAMES[1:])
        truth = ctfmake.make(trace, 3, 5000, lose=True)
        convert(trace, "--html", page)
        source = open(page).read()
        check(not re.search(r"""(src|href)\s*=|url\(|@import|fetch\(""", source),
              "the page wants something from elsewhere")
        open(page, "w").write(source.replace("</body>", PROBE))
        dom = browse(page, f"{folder}/shot.png", folder)
        check("could not be drawn" not in dom.split("<script")[0],
              "the page's program failed")
        for name in SECTIONS:
            check(f'<section id="{name}">' in dom, f"no section {name}")
        check(dom.count("<svg") >= 8, f"{dom.count('<svg')} plots")
        seen = re.search(r'id="seen">(\d+) read-outs', dom)
        check(seen and int(seen[1]) > 100, f"read-outs: {seen}")
        exits = sum(n for n, _ in truth.values())
        check(f"{exits:,}".replace(",", "\u202f") in html.unescape(dom),
              f"{exits} exits are not to be read")
        check("<b>alpha" not in dom.split('id="data"')[0] and
              "&lt;/script&gt;&lt;b&gt;alpha" in dom,
              "a guest's name became markup")
        found = pixels.colours(f"{folder}/shot.png")
        painted = sum(n for (r, g, b), n in found.items()
                      if max(r, g, b) - min(r, g, b) > 60)
        check(len(found) > 200 and painted > 20000,
              f"the screenshot has {len(found)} colours and {painted} "
              "coloured points")
