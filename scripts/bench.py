#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# What does the indirection cost? Hare's `bench` program, the same binary, is
# run bare and under the VMM with each shadow policy, on one emulated machine
# under -icount: a tick of the TSC is then one instruction, and every figure
# repeats exactly (each configuration runs twice, and this program says so if
# they differ). For each operation it prints
#
#   instructions   of one operation, bare and under the VMM, and the ratio
#   entries        times the VMM was entered for one operation
#   VMM/entry      instructions the VMM spent on each of those entries
#
# For the interpreter there is one operation, work of the kernel that needs no
# privilege, under both dispatchers: what it costs, and the VMM's instructions
# for each of the guest's. Behind that stand its speed under TCG (medians of
# interleaved runs) and as an ordinary program on this very machine
# (tests/bench), which are the only figures here that are times.
#
# What a record of the trace costs is the difference that record=all makes,
# divided by the records: each exit of these operations leaves two, the exit
# and what it was for.
#
# The same is written as JSON. No other seconds are measured: under TCG they
# say little about silicon, where only the counts carry over.
#
# usage: bench.py BUILD [--json FILE] [--limit N] [--record-limit N]
#                 [--counts]
#   --limit N   fail when reflecting a syscall or fault costs more than N
#               VMM instructions an entry
#   --record-limit N
#               the same for a record of the trace
#   --counts    no times under TCG
import argparse
import json
import os
import re
import statistics
import subprocess
import sys

LINE = re.compile(r"bench (\S+) ops=(\d+) tsc=(\d+) exits=(-?\d+)")
REFLECTED = ("null_syscall", "divide_fault", "page_fault")
INTERPRETED = "kernel_compute"
RECORDED = ("null_syscall", "divide_fault", "page_fault", "cli_sti")
RECORDS_AN_EXIT = 2
DISPATCHERS = ("plain", "threaded")
TIMED_RUNS = 5
CLOCK = re.compile(r"clock +TSC, (\d+) MHz")
SECONDS = 240
PASS = 0x21
ICOUNT = ("-icount", "shift=0,sleep=off")


def qemu(*args):
    return ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max",
            "-display", "none", "-no-reboot", "-net", "none", "-serial",
            "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", *args]


def bare_machine(build, program):
    return qemu("-m", "32", "-kernel", os.path.join(build, "hare.elf"),
                "-append", f"quiet run={program}"), PASS


def vmm_machine(build, keys, program, option=""):
    line = (f"{os.path.join(build, 'hare.elf')} vm=bench mem=32M {keys} -- "
            f"quiet run={program}")
    return qemu("-m", "128", "-kernel", os.path.join(build, "trapline.elf"),
                "-append", f"exit=stopped {option}", "-initrd", line), 1


def interpreter(build, how):
    return vmm_machine(build, f"exec=interp interp={how}",
                       f"bench:{INTERPRETED}")


def configurations(build):
    yield "bare", *bare_machine(build, "bench")
    for policy in ("vtlb", "cached"):
        yield policy, *vmm_machine(build, f"shadow={policy}", "bench")
    for how in DISPATCHERS:
        yield how, *interpreter(build, how)


def say(name, command, want):
    """What the run printed; it must end as wanted."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        sys.exit(f"bench: the {name} run did not end within {SECONDS} s")
    text = done.stdout.decode(errors="replace")
    if done.returncode != want or not LINE.search(text):
        sys.exit(f"bench: the {name} run ended with status "
                 f"{done.returncode}, not {want}:\n{text[-2000:]}")
    return text


def rows_of(text):
    return {m[1]: {"ops": int(m[2]), "tsc": int(m[3]), "exits": int(m[4])}
            for m in LINE.finditer(text)}


def run(name, command, want):
    return rows_of(say(name, [*command, *ICOUNT], want))


def timed(name, command, want):
    """Ticks of the TSC, which is real time here, for one operation; and how
    many MHz it has, where the VMM says so."""
    text = say(name, command, want)
    row = rows_of(text)[INTERPRETED]
    mhz = CLOCK.search(text)
    return row["tsc"] / row["ops"], int(mhz[1]) if mhz else None


def measure(build):
    results = {}
    for name, command, want in configurations(build):
        first, second = (run(name, command, want) for _ in range(2))
        if first != second:
            print(f"bench: two {name} runs differ; the counts do not repeat",
                  file=sys.stderr)
            for op in first:
                if first[op] != second.get(op):
                    print(f"  {op}: {first[op]} {second.get(op)}",
                          file=sys.stderr)
        results[name] = {"rows": first, "repeats": first == second}
    return results


def derive(results):
    """One record per operation: figures per operation, every configuration."""
    table = {}
    for op, bare in results["bare"]["rows"].items():
        per_bare = bare["tsc"] / bare["ops"]
        table[op] = {"bare": per_bare}
        for policy in ("vtlb", "cached"):
            row = results[policy]["rows"].get(op)
            if row is None:
                continue
            instructions = row["tsc"] / row["ops"]
            entries = row["exits"] / row["ops"]
            spent = (instructions - per_bare) / entries if entries else 0
            table[op][policy] = {
                "instructions": instructions, "entries": entries,
                "ratio": instructions / per_bare if per_bare else 0,
                "per_entry": spent}
    return table


def show(table):
    head = ("operation", "bare", "vtlb", "ratio", "entries", "VMM/entry",
            "cached", "ratio", "entries", "VMM/entry")
    shape = "{:<15}{:>12}" + 2 * "{:>13}{:>8}{:>9}{:>10}"
    print("instructions for one operation, under -icount")
    print(shape.format(*head))
    for op, row in table.items():
        cells = [op, f"{row['bare']:.1f}"]
        for policy in ("vtlb", "cached"):
            r = row.get(policy)
            cells += ([f"{r['instructions']:.1f}", f"{r['ratio']:.2f}",
                       f"{r['entries']:.2f}", f"{r['per_entry']:.0f}"]
                      if r else ["-"] * 4)
        print(shape.format(*cells))


def derive_interpreter(results):
    """What the interpreted kernel's work costs, by dispatcher."""
    bare = results["bare"]["rows"][INTERPRETED]
    table = {"bare": bare["tsc"] / bare["ops"]}
    for how in DISPATCHERS:
        row = results[how]["rows"][INTERPRETED]
        instructions = row["tsc"] / row["ops"]
        table[how] = {"instructions": instructions,
                      "per_instruction": instructions / table["bare"]}
    return table


def show_interpreter(table, speed):
    print(f"\nthe interpreter: {INTERPRETED}, {table['bare']:.0f} "
          "instructions bare")
    for how in DISPATCHERS:
        row = table[how]
        print(f"{how:<15}{row['instructions']:>12.0f} instructions, "
              f"{row['per_instruction']:.1f} of the VMM for one of the guest")
    print(speed, end="")


def derive_records(build, results):
    """VMM instructions for a record, by operation."""
    table = {}
    for op in RECORDED:
        command, want = vmm_machine(build, "shadow=cached", f"bench:{op}",
                                    "record=all")
        told = run("recorded", command, want)[op]
        quiet = results["cached"]["rows"][op]
        extra = told["tsc"] / told["ops"] - quiet["tsc"] / quiet["ops"]
        records = RECORDS_AN_EXIT * told["exits"] / told["ops"]
        table[op] = extra / records
    return table


def show_records(table):
    print("\nthe trace, VMM instructions for a record: "
          + ", ".join(f"{op} {spent:.1f}" for op, spent in table.items()))


def tcg_speed(build, instructions):
    """By dispatcher: millions of instructions a second under TCG, and how
    many times the bare machine's time that is."""
    machines = {"bare": bare_machine(build, f"bench:{INTERPRETED}"),
                **{how: interpreter(build, how) for how in DISPATCHERS}}
    ticks, mhz = {name: [] for name in machines}, []
    for _ in range(TIMED_RUNS):
        for name, (command, want) in machines.items():
            spent, clock = timed(name, command, want)
            ticks[name].append(spent)
            mhz += [clock] if clock else []
    middle = {name: statistics.median(t) for name, t in ticks.items()}
    return {how: {"mips": instructions * statistics.median(mhz) / middle[how],
                  "ratio": middle[how] / middle["bare"]}
            for how in DISPATCHERS}


def show_tcg_speed(table):
    for how in DISPATCHERS:
        print(f"{how:<9}{table[how]['mips']:>12.2f} million instructions a "
              f"second under TCG, {table[how]['ratio']:.0f} times the bare "
              "machine's time")


def host_speed(build):
    """The interpreter's own words about this machine."""
    return subprocess.run([os.path.join(build, "bench/interp")],
                          capture_output=True, text=True,
                          timeout=SECONDS).stdout


def over_limit(table, limit):
    bad = []
    for op in REFLECTED:
        for policy in ("vtlb", "cached"):
            spent = table[op][policy]["per_entry"]
            if spent > limit:
                bad.append(f"{op} under shadow={policy} costs {spent:.0f} "
                           f"VMM instructions an entry, over {limit}")
    return bad


def over_record_limit(records, limit):
    """None, or next to nothing: then nothing was recorded."""
    return [f"a record of {op} costs {spent:.1f} VMM instructions, not 10 to "
            f"{limit}" for op, spent in records.items()
            if not 10 <= spent <= limit]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--json")
    parser.add_argument("--limit", type=float)
    parser.add_argument("--record-limit", type=float)
    parser.add_argument("--counts", action="store_true")
    args = parser.parse_args()
    results = measure(args.build)
    table = derive(results)
    show(table)
    records = derive_records(args.build, results)
    show_records(records)
    counts = derive_interpreter(results)
    show_interpreter(counts, host_speed(args.build))
    speed = None
    if not args.counts:
        speed = tcg_speed(args.build, counts["bare"])
        show_tcg_speed(speed)
    if args.json:
        with open(args.json, "w") as out:
            json.dump({"per_operation": table, "interpreter": counts,
                       "per_record": records,
                       "under_tcg": speed, "runs": results}, out, indent=1)
        print(f"bench: wrote {args.json}")
    bad = over_limit(table, args.limit) if args.limit else []
    if args.record_limit:
        bad += over_record_limit(records, args.record_limit)
    for line in bad:
        print(f"bench: {line}")
    if bad or not all(r["repeats"] for r in results.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
