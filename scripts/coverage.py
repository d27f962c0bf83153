#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# How much of the code that faces guests do the tests run?
#
# The pure layers are compiled once more by clang with a counter in each
# region of the source (scripts/mk/coverage.mk). The unit tests count in their
# own process and leave a profile. In the machine nobody writes files: QEMU is
# stopped when the VMM is done, and the counters are read out of its memory
# from outside (QMP pmemsave), so that the VMM is the one that ships but for
# the increments. It runs micro-guests and Hare ("guests"), and the attack
# guests, several side by side; what they have not done when QEMU has used
# ATTACK_S seconds of processor does not count. All profiles are merged, and
# llvm-cov says by file what was never run. A file under its floor fails the
# check, and so does a VMM that panics.
#
# The machine's profile is written in the text format of llvm-profdata, which
# has no version. Of the raw data only the records are read: (name's MD5, hash
# of the body, distance to the counters, ..., number of counters).
#
# LIMIT: a counter tells that a line ran, not that anybody looked at what it
# did. Known record layouts: clang 14 to 19, tried with 14. Assembly and the
# functions in headers are not counted.
#
# usage: coverage.py [BUILD] [--html] [--bare] | --selftest
#   --html   the report by line, in BUILD/coverage/html
#   --bare   the lines and branches that no test has run
import argparse
import concurrent.futures
import glob
import hashlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
UNIT_S, MACHINE_S, ATTACK_S, TOOL_S, POLL_S = 60, 90, 4, 60, 0.05
MICROS, ATTACKS = 10, 12  # guests side by side in one machine

# What a guest reaches: by a trap, a page table, a port or a device.
FACING = ("vmm/vm/exits.c", "vmm/vm/direct.c", "vmm/vm/env.c",
          "vmm/vm/priv.c", "vmm/vm/tables.c", "vmm/vm/hostgdt.c",
          "vmm/vm/fast.c", "vmm/vm/recorder.c", "vmm/vm/vm.c",
          "vmm/cpu/*.c", "vmm/mm/shadow*.c", "vmm/mm/walk.c",
          "vmm/mm/p2m.c", "vmm/mm/frames.c", "drivers/model/*.c",
          "drivers/bus/*.c")

# Percent of (lines, branches) that the tests must run. Near today's figures,
# so that code which arrives without a test fails; a little under them,
# because when an interrupt arrives in the machine is a matter of time.
TOTAL_FLOOR = (99, 97)
FILE_FLOOR = (95, 85)
FLOORS = {  # path: (lines, branches)
    # What is written back was read for writing: TRY() has no second way.
    "vmm/cpu/exec_data.c": (95, 80),
}


class Trouble(Exception):
    pass


def tool(*words):
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=TOOL_S)
    except FileNotFoundError:
        raise Trouble(f"{words[0]} is not installed; scripts/deps installs "
                      f"it (package llvm)") from None
    if done.returncode:
        raise Trouble(f"{' '.join(words[:2])} failed: "
                      f"{done.stderr.decode(errors='replace')[-400:]}")
    return done.stdout.decode()


# ---- unit tests

def run_unit(program, profile):
    """Runs one; its profile is worth something only when it passed."""
    environment = dict(os.environ, LLVM_PROFILE_FILE=profile)
    done = subprocess.run([program], stdin=subprocess.DEVNULL,
                          capture_output=True, env=environment,
                          timeout=UNIT_S)
    if done.returncode:
        raise Trouble(f"{program} failed: "
                      f"{done.stdout.decode(errors='replace')[-400:]}")
    return profile


def unit_profile(build, pool):
    """Only tests that are in the sources: a stale program does not count."""
    folder = f"{build}/coverage"
    names = [os.path.basename(s)[:-2]
             for s in sorted(glob.glob("tests/unit/test_*.c"))]
    raw = list(pool.map(lambda n: run_unit(f"{build}/unit/coverage/{n}",
                                           f"{folder}/{n}.profraw"), names))
    merged = f"{folder}/unit.profdata"
    tool("llvm-profdata", "merge", "-sparse", "-o", merged, *raw)
    return merged


# ---- the image: where its counters are, and whose

class Image:
    """An ELF64 with clang's profile sections."""

    def __init__(self, path):
        with open(path, "rb") as elf:
            self.bytes = elf.read()
        at, = struct.unpack_from("<Q", self.bytes, 40)
        entry, count, names = struct.unpack_from("<HHH", self.bytes, 58)
        heads = [struct.unpack_from("<IIQQQQIIQQ", self.bytes,
                                    at + i * entry) for i in range(count)]
        base = heads[names][4]
        self.sections = {}
        for head in heads:
            start = base + head[0]
            name = self.bytes[start:self.bytes.index(b"\0", start)].decode()
            self.sections[name] = head[3], head[4], head[5]

    def section(self, name):
        """(address, content)"""
        address, offset, size = self.sections[name]
        return address, self.bytes[offset:offset + size]

    def physical(self, address):
        """Where a loader puts it, by the program headers."""
        at, = struct.unpack_from("<Q", self.bytes, 32)
        entry, count = struct.unpack_from("<HH", self.bytes, 54)
        for i in range(count):
            _, _, _, virtual, real, _, size, _ = struct.unpack_from(
                "<IIQQQQQQ", self.bytes, at + i * entry)
            if virtual <= address < virtual + size:
                return real + address - virtual
        raise Trouble(f"no segment holds address {address:#x}")

    def counters(self):
        address, _, size = self.sections["__llvm_prf_cnts"]
        return self.physical(address), size


def leb128(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def function_names(data):
    """{MD5: name}. Objects have a chunk each: plain and packed size, then
    the names; zeros between the chunks."""
    found, at = {}, 0
    while at < len(data):
        if not data[at]:
            at += 1
            continue
        plain, at = leb128(data, at)
        packed, at = leb128(data, at)
        chunk = data[at:at + (packed or plain)]
        at += len(chunk)
        chunk = zlib.decompress(chunk) if packed else chunk
        for name in chunk.split(b"\x01"):
            key, = struct.unpack("<Q", hashlib.md5(name).digest()[:8])
            found[key] = name.decode()
    return found


def record_layout(major):
    """(format, index of the number of counters) of a record."""
    if 14 <= major <= 17:
        return "<QQQQQIHH", 5
    if 18 <= major <= 19:
        return "<QQQQQQIHHI", 6
    raise Trouble(f"coverage.py does not know the records of clang {major}")


def profile_text(image, major, memory):
    """The counters of one machine as llvm-profdata's text."""
    form, number = record_layout(major)
    names = function_names(image.section("__llvm_prf_names")[1])
    base = image.sections["__llvm_prf_cnts"][0]
    address, data = image.section("__llvm_prf_data")
    size = (struct.calcsize(form) + 7) & ~7
    lines = []
    for at in range(0, len(data), size):
        record = struct.unpack_from(form, data, at)
        start = (address + at + record[2] & (1 << 64) - 1) - base
        counts = struct.unpack_from(f"<{record[number]}Q", memory, start)
        lines += [names[record[0]], str(record[1]), str(len(counts)),
                  *map(str, counts), ""]
    return "\n".join(lines)


# ---- machines

class Qmp:
    def __init__(self, path, deadline):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise Trouble("QEMU did not open its QMP socket")
                time.sleep(POLL_S)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.ask("qmp_capabilities")

    def ask(self, what, **arguments):
        self.file.write(json.dumps({"execute": what,
                                    "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline() or '{"error": "gone"}')
            if "error" in answer:
                raise Trouble(f"QMP {what}: {answer['error']}")
            if "return" in answer:
                return answer["return"]

    def close(self):
        self.file.close()
        self.socket.close()


def machine_command(build, stem, modules):
    return ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m",
            "512", "-display", "none", "-no-reboot", "-net", "none",
            "-action", "shutdown=pause", "-serial", f"file:{stem}.log",
            "-qmp", f"unix:{stem}.qmp,server=on,wait=off",
            "-kernel", f"{build}/coverage/trapline.elf", "-append",
            "exit=stopped", "-initrd",
            ",".join(m.replace(",", ",,") for m in modules)]


class Machine:
    """Guests under the VMM. All of them have to stop, unless `enough` says
    after how many seconds of processor it is enough."""

    def __init__(self, name, modules, enough=None):
        self.name = name
        self.modules = modules
        self.enough = enough


def ended(log):
    """Whether the VMM is done. Lines of guests begin with their names."""
    try:
        with open(log, errors="replace") as text:
            said = text.read()
    except FileNotFoundError:
        return False
    if re.search(r"(?m)^trapline: panic", said):
        raise Trouble(f"the VMM has panicked; see {log}")
    return re.search(r"(?m)^trapline: poweroff, status", said)


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for(machine, child, stem):
    deadline = time.monotonic() + MACHINE_S
    while not ended(f"{stem}.log"):
        if child.poll() is not None:
            raise Trouble(f"machine {machine.name}: QEMU ended with exit "
                          f"code {child.returncode}; see {stem}.log")
        if machine.enough and processor_seconds(child.pid) > machine.enough:
            return
        if time.monotonic() > deadline:
            raise Trouble(f"machine {machine.name} did not end within "
                          f"{MACHINE_S} s; see {stem}.log")
        time.sleep(POLL_S)


def run_machine(build, image, machine):
    """The counters' bytes when the VMM was done, or its time was up."""
    stem = os.path.abspath(f"{build}/coverage/{machine.name}")
    for old in glob.glob(f"{stem}.*"):
        os.unlink(old)
    child = subprocess.Popen(machine_command(build, stem, machine.modules),
                             stdin=subprocess.DEVNULL)
    try:
        wait_for(machine, child, stem)
        qmp = Qmp(f"{stem}.qmp", time.monotonic() + MACHINE_S)
        qmp.ask("stop")
        at, size = image.counters()
        qmp.ask("pmemsave", val=at, size=size, filename=f"{stem}.memory")
        qmp.close()
    finally:
        child.kill()
        child.wait()
    with open(f"{stem}.memory", "rb") as memory:
        return memory.read()


def groups(build, kind, most):
    """(name, modules): every program of tests/KIND, `most` to a machine,
    under both policies."""
    names = [os.path.basename(s)[:-2]
             for s in sorted(glob.glob(f"tests/{kind}/*.c"))]
    for policy in ("vtlb", "cached"):
        for at in range(0, len(names), most):
            yield (f"{kind}-{policy}-{at // most}",
                   [f"{build}/{kind}/{n}.elf vm={n[:12]}{i} mem=8M disk=1M "
                    f"shadow={policy}"
                    for i, n in enumerate(names[at:at + most])])


def guest_machines(build):
    for name, modules in groups(build, "micro", MICROS):
        yield Machine(name, modules)
    for policy in ("vtlb", "cached"):
        yield Machine(f"hare-{policy}",
                      [f"{build}/hare.elf vm={n} mem=32M shadow={policy} -- "
                       f"check=only" for n in ("alpha", "beta")])


def attack_machines(build):
    for name, modules in groups(build, "attack", ATTACKS):
        yield Machine(name, modules, ATTACK_S)


def machine_profile(build, pool, name, machines):
    image = Image(f"{build}/coverage/trapline64.elf")
    major = int(tool("clang", "-dumpversion").split(".")[0])

    def one(machine):
        path = f"{build}/coverage/{machine.name}.proftext"
        text = profile_text(image, major, run_machine(build, image, machine))
        with open(path, "w") as out:
            out.write(text)
        return path

    texts = list(pool.map(one, machines))
    merged = f"{build}/coverage/{name}.profdata"
    tool("llvm-profdata", "merge", "-sparse", "-o", merged, *texts)
    return merged


# ---- the report

def facing():
    return sorted({f for pattern in FACING for f in glob.glob(pattern)})


def summary(build, profile):
    """{path: {lines, branches: (covered, count)}} of guest-facing files."""
    told = json.loads(tool("llvm-cov", "export", "-summary-only",
                           f"-instr-profile={profile}",
                           f"{build}/coverage/trapline64.elf"))
    wanted, found = set(facing()), {}
    for entry in told["data"][0]["files"]:
        path = os.path.relpath(entry["filename"], ROOT)
        if path in wanted:
            found[path] = {kind: (entry["summary"][kind]["covered"],
                                  entry["summary"][kind]["count"])
                           for kind in ("lines", "branches")}
    absent = wanted - set(found)
    if absent:
        raise Trouble(f"nothing is known of {' '.join(sorted(absent))}")
    return found


def total(files, kind):
    pairs = [f[kind] for f in files.values()]
    return sum(p[0] for p in pairs), sum(p[1] for p in pairs)


def percent(pair):
    return 100.0 * pair[0] / pair[1] if pair[1] else 100.0


def table(parts):
    """parts: {heading: summary}; the last is all of them together."""
    everything = list(parts.values())[-1]
    print(f"{'':29}lines, run by" + " " * (8 * len(parts) - 5) + "branches")
    print(f"{'':35}" + "".join(f"{h:>8}" for h in parts) + f"{'all':>17}")
    rows = [(path, [s[path] for s in parts.values()]) for path in everything]
    rows.append(("total", [{k: total(s, k) for k in ("lines", "branches")}
                           for s in parts.values()]))
    for path, found in rows:
        print(f"{path:28} {found[-1]['lines'][1]:6}" +
              "".join(f"{percent(f['lines']):7.1f}%" for f in found) +
              f"{found[-1]['branches'][1]:9}"
              f"{percent(found[-1]['branches']):7.1f}%")


def under_floor(everything):
    for path, found in everything.items():
        floors = FLOORS.get(path, FILE_FLOOR)
        for kind, floor in zip(("lines", "branches"), floors):
            if percent(found[kind]) < floor:
                yield path, kind, percent(found[kind]), floor
    for kind, floor in zip(("lines", "branches"), TOTAL_FLOOR):
        if percent(total(everything, kind)) < floor:
            yield "all files", kind, percent(total(everything, kind)), floor


def note(bare, line, column, branch):
    way = [w for w, n in (("true", branch[4]), ("false", branch[5])) if not n]
    if way:
        bare.setdefault(line, []).append(
            f"{column}: never {' nor '.join(way)}")


def show_bare(build, profile):
    """Lines and branches that no test has run, by file."""
    told = json.loads(tool("llvm-cov", "export",
                           f"-instr-profile={profile}",
                           f"{build}/coverage/trapline64.elf"))
    wanted = set(facing())
    for entry in told["data"][0]["files"]:
        path = os.path.relpath(entry["filename"], ROOT)
        if path not in wanted:
            continue
        source = open(path).read().split("\n")
        bare = {}
        for line, column, count, counted, start, gap in entry["segments"]:
            if counted and start and not gap and not count:
                bare.setdefault(line, []).append(f"{column}: never run")
        for b in entry["branches"]:
            note(bare, b[0], b[1], b)
        for e in entry["expansions"]:
            for b in e["branches"]:
                note(bare, *e["source_region"][:2], b)
        for line in sorted(bare):
            print(f"{path}:{line}: {source[line - 1].strip()}\n"
                  f"    {'; '.join(dict.fromkeys(bare[line]))}")


def measure(args):
    build = args.build
    os.makedirs(f"{build}/coverage", exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        profiles = {
            "unit": unit_profile(build, pool),
            "guests": machine_profile(build, pool, "guests",
                                      guest_machines(build)),
            "attacks": machine_profile(build, pool, "attacks",
                                       attack_machines(build))}
    both = f"{build}/coverage/all.profdata"
    tool("llvm-profdata", "merge", "-sparse", "-o", both, *profiles.values())
    profiles["all"] = both
    parts = {name: summary(build, p) for name, p in profiles.items()}
    found = parts["all"]
    table(parts)
    if args.bare:
        show_bare(build, both)
    if args.html:
        tool("llvm-cov", "show", "-format=html", "-show-branches=count",
             f"-output-dir={build}/coverage/html",
             f"-instr-profile={both}",
             f"{build}/coverage/trapline64.elf", *facing())
        print(f"by line: {build}/coverage/html/index.html")
    low = list(under_floor(found))
    for path, kind, have, floor in low:
        print(f"why: {path}: tests run {have:.1f}% of the {kind}, the floor "
              f"is {floor}%")
    return 1 if low else 0


# ---- the tool on itself

def selftest():
    """Names, records and floors of known content."""
    packed = zlib.compress(b"one.c:a\x01two")
    data = bytes([9, len(packed)]) + packed + b"\0\0" + bytes([3, 0]) + b"six"
    names = function_names(data)
    assert sorted(names.values()) == ["one.c:a", "six", "two"], names
    assert leb128(b"\xe5\x8e\x26", 0) == (624485, 3)
    key = next(k for k, v in names.items() if v == "six")
    image = Image.__new__(Image)
    image.bytes = data + struct.pack("<QQQQQIHH", key, 77,
                                     -0xff8 & (1 << 64) - 1, 0, 0, 2, 0, 0)
    image.sections = {"__llvm_prf_names": (0, 0, len(data)),
                      "__llvm_prf_cnts": (0x1000, 0, 0),
                      "__llvm_prf_data": (0x2000, len(data), 48)}
    text = profile_text(image, 14, struct.pack("<QQQ", 5, 6, 7))
    assert text.split() == ["six", "77", "2", "6", "7"], text
    full = {"lines": (100, 100), "branches": (100, 100)}
    low = {"lines": (100, 100), "branches": (1, 100)}
    assert not list(under_floor({"a.c": full}))
    assert {w[:2] for w in under_floor({"a.c": full, "b.c": low})} == {
        ("b.c", "branches"), ("all files", "branches")}
    print("coverage: selftest ok")
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--selftest", action="store_true")
    parser.add_argument("build", nargs="?", default="build")
    parser.add_argument("--html", action="store_true")
    parser.add_argument("--bare", action="store_true")
    args = parser.parse_args()
    os.chdir(ROOT)
    if args.selftest:
        return selftest()
    try:
        return measure(args)
    except (Trouble, subprocess.TimeoutExpired) as why:
        print(f"why: {why}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
