#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Builds and runs every test, and counts.
#
# A test is a name, a command and a time limit. Commands are found, never
# listed: unit programs (tests/unit, each in four variants), the emulator
# against the real CPU (tests/diff), micro-guests (tests/micro, bare and
# under the VMM with each shadow policy), other people's decoders
# (tests/oracle), attack guests (tests/attack, with each shadow policy),
# functions test_* of tests/boot and, for the hosted VMM, of tests/hosted, and
# the checks of the sources. They run side by side, the longest first, each in
# a process group of its own, with a log in build/test-logs.
#
# A program that cannot be built is a failed test with the compiler's words;
# a stale program of the same name is never run in its place. The last line
# is always `N passed, N failed, N skipped`, and the exit status is 0 only
# when something passed and nothing failed.
#
# usage: run.py [--build DIR] [--only PATTERN] [--jobs N] [--kinds a,b]
#               [--no-build] [--list]
#   PATTERN is a piece of the name, or a glob over the whole of it
import argparse
import concurrent.futures
import fnmatch
import glob
import os
import re
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = "/usr/bin/python3"
VARIANTS = ("gcc-64", "gcc-32", "clang-64", "clang-32")
POLICIES = ("vtlb", "cached")
PLACES = ("bare",) + POLICIES
# Micro-guests that are interpreted on the machine, too; the hosted VMM
# interprets all.
INTERPRETED = ("alias", "callgate", "debug", "far", "fpustore", "gdt", "iret",
               "modesrandom", "pae", "prot16", "realmode", "realtriple",
               "segload", "seventeen", "softint", "spaces", "step", "task",
               "v86", "virtualif")
# Attacks that an interpreted guest makes on the machine: time, resets, code
# that writes itself, gates.
INTERPRETED_ATTACKS = ("mem_alias", "mem_code", "mem_pae", "priv_gates",
                       "res_irqlevel", "res_resetcf9", "res_spin")
KINDS = ("fuzz", "boot", "attack", "hosted", "oracle", "diff", "micro",
         "unit", "check")
CHECKS = {"layers": [["scripts/layers.py"], ["scripts/layers.py",
                                             "--selftest"]],
          "style": [["scripts/style.py"], ["scripts/style.py", "--selftest"]],
          "purity": [["scripts/purity.py", "{build}"],
                     ["scripts/purity.py", "--selftest"]],
          "font": [["scripts/font.py", "--selftest"]],
          "coverage": [["scripts/coverage.py", "{build}"],
                       ["scripts/coverage.py", "--selftest"]]}
# What takes longest or waits for the network, wherever it is found: started
# first, so that no processor is left alone with it at the end.
LONGEST = ("oracle/disasm/kernel", "check/coverage", "fuzz/", "boot/rounds/",
           "boot/memtest/", "oracle/", "diff/")
# What they print is worth reading each time.
SHOWN = ("check/coverage", "oracle/rows", "oracle/decode")

BUILD_S, UNIT_S, DIFF_S, MICRO_S, BOOT_S, CHECK_S = 2400, 120, 90, 60, 180, 120
ATTACK_S, HOSTED_S, ORACLE_S = 120, 150, 240
KERNEL_S = 600    # it may have to be downloaded
FUZZ_HOSTS = ("decode", "step", "shadow", "bus", "config", "elf", "linux",
              "gdb")
FUZZ_HOST_S = 30
DIFF_CASES, DIFF_PARTS = 5200000, 4
FUZZ_S, FUZZ_PARTS, FUZZ_STEPS = 240, 4, 25500
COVERAGE_S = 300  # it runs machines, beside whatever else runs
SKIPPED = 77      # exit status of a test that could not be run here


class Test:
    def __init__(self, name, command, limit, want=0, needs=None):
        self.name = name
        self.command = command
        self.limit = limit
        self.want = want
        self.needs = needs or []  # files that make must have brought up
        self.log = None


def name_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def unit_tests(build):
    for source in sorted(glob.glob("tests/unit/test_*.c")):
        for variant in VARIANTS:
            program = f"{build}/unit/{variant}/{name_of(source)}"
            yield Test(f"unit/{variant}/{name_of(source)[5:]}", [program],
                       UNIT_S, needs=[program])


def diff_tests(build):
    """Five million instructions, in parts that run side by side."""
    program = f"{build}/diff/native"
    for part in range(1, DIFF_PARTS + 1):
        yield Test(f"diff/native/{part}",
                   [program, str(DIFF_CASES // DIFF_PARTS), str(part)], DIFF_S,
                   needs=[program])


def oracle_tests(build):
    for code in ("kernel", "libc", "hare"):
        yield Test(f"oracle/disasm/{code}",
                   [PYTHON, "tests/oracle/disasm.py", "--build", build, code],
                   KERNEL_S, needs=[f"{build}/oracle/disasm",
                                    f"{build}/hare.elf"])
    yield Test("oracle/rows", [PYTHON, "tests/oracle/rows.py", build], ORACLE_S,
               needs=[f"{build}/oracle/host", f"{build}/diff/native"])
    program = f"{build}/oracle/decode"
    yield Test("oracle/decode", [program, "10000000", "1"], ORACLE_S,
               needs=[program])


def places(name):
    return PLACES + (("interp",) if name in INTERPRETED else ())


def micro_tests(build):
    vmm = f"{build}/trapline.elf"
    for source in sorted(glob.glob("tests/micro/*.c")):
        name = name_of(source)
        elf = f"{build}/micro/{name}.elf"
        for where in places(name):
            yield Test(f"micro/{name}/{where}",
                       [PYTHON, "tests/micro/run.py", "--build", build,
                        "--on", where, name], MICRO_S,
                       needs=[elf] if where == "bare" else [elf, vmm])


def attack_test(build, name, policy, words, elfs):
    return Test(f"attack/{name}/{policy}",
                [PYTHON, "tests/attack/run.py", "--build", build, "--shadow",
                 policy, words], ATTACK_S,
                needs=elfs + [f"{build}/witness.elf", f"{build}/trapline.elf"])


def attack_tests(build):
    elfs = []
    for source in sorted(glob.glob("tests/attack/*.c")):
        name = name_of(source)
        elfs.append(f"{build}/attack/{name}.elf")
        for policy in POLICIES + (("interp",) if name in INTERPRETED_ATTACKS
                                  else ()):
            yield attack_test(build, name, policy, name, elfs[-1:])
    for policy in POLICIES:
        yield attack_test(build, "together", policy, "--together", elfs)


def fuzz_tests(build):
    """Seeds that stay: a hundred thousand steps of random guests, one round
    twice over, and the host fuzzers, half a minute each. make fuzz tries new
    ones."""
    elfs = [f"{build}/{f}" for f in
            ("fuzz/random.elf", "witness.elf", "trapline.elf")]
    for part in range(FUZZ_PARTS):
        yield Test(f"fuzz/machine/{part}",
                   [PYTHON, "tests/fuzz/run.py", "--build", build, "--seed",
                    str(1 + part * 100), "--at-least", str(FUZZ_STEPS)],
                   FUZZ_S, needs=elfs)
    yield Test("fuzz/replay", [PYTHON, "tests/fuzz/run.py", "--build", build,
                               "--seed", "7", "--rounds", "1", "--twice"],
               FUZZ_S, needs=elfs)
    yield Test("fuzz/compare", [PYTHON, "tests/fuzz/compare.py", "--build",
                                build, "--rounds", "4"], FUZZ_S, needs=elfs)
    host = f"{build}/fuzz/host"
    yield Test("fuzz/host", [host, "-runs=4000", "-seed=1", "-max_len=800",
                             "-len_control=0",
                             f"-artifact_prefix={build}/fuzz/"], FUZZ_S,
               needs=[host])
    for target in FUZZ_HOSTS:
        yield Test(f"fuzz/{target}", [PYTHON, "tests/fuzz/host.py", "--build",
                                      build, "--fresh", "--time",
                                      str(FUZZ_HOST_S), target], FUZZ_S,
                   needs=[f"{build}/fuzz/target/{target}"])


def python_tests(build, kind, limit, programs):
    """The functions test_* of tests/KIND; those of boot have the tools."""
    needs = [f"{build}/{f}" for f in programs]
    sys.path[:0] = [os.path.join(ROOT, "tests", f) for f in ("boot", kind)]
    for source in sorted(glob.glob(f"tests/{kind}/test_*.py")):
        name = f"{kind}/{name_of(source)[5:]}"
        try:
            module = __import__(name_of(source))
        except Exception:  # a test that cannot be read is a failed test
            yield Test(name, [PYTHON, source], limit)
            continue
        for function in sorted(f for f in dir(module) if f[:5] == "test_"):
            found = getattr(module, function)
            for case in getattr(found, "cases", [""]):
                suffix = f"/{case}" if case else ""
                yield Test(f"{name}/{function[5:]}{suffix}",
                           [PYTHON, "tests/boot/machine.py", build, source,
                            function, case],
                           getattr(found, "limit", limit),
                           needs=needs + [f"{build}/{f}" for f in
                                          getattr(module, "NEEDS", ())])


def boot_tests(build):
    return python_tests(build, "boot", BOOT_S,
                        ("trapline.elf", "hare.elf", "trapline.iso"))


def hosted_tests(build):
    return python_tests(build, "hosted", HOSTED_S,
                        ("trapline-host", "hare.elf", "witness.elf"))


def check_tests(build):
    for name, commands in CHECKS.items():
        for words in commands:
            words = [w.format(build=build) for w in words]
            suffix = "/selftest" if "--selftest" in words else ""
            limit = COVERAGE_S if name == "coverage" else CHECK_S
            yield Test(f"check/{name}{suffix}", [PYTHON] + words, limit)


def discover(build, kinds):
    found = []
    for kind in kinds:
        found += globals()[f"{kind}_tests"](build)
    return found


def wanted(test, pattern):
    return (not pattern or pattern in test.name or
            fnmatch.fnmatch(test.name, pattern))


# ---- building

def make(build, log, *targets):
    """Runs make; its words go to the log. Returns whether it succeeded."""
    command = ["make", "-k", f"-j{os.cpu_count()}", f"B={build}", *targets]
    environment = {k: v for k, v in os.environ.items()
                   if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    with open(log, "w") as out:
        try:
            return subprocess.run(command, stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=out, env=environment,
                                  timeout=BUILD_S).returncode == 0
        except subprocess.TimeoutExpired:
            out.write(f"error: make did not end within {BUILD_S} s\n")
            return False


def current(build, target):
    """Whether make would leave the target as it is."""
    return subprocess.run(["make", "-q", f"B={build}", target],
                          stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def compiler_words(log):
    """One line for each target that make could not build."""
    lines = open(log, errors="replace").read().splitlines()
    words = [l for l in lines
             if re.search(r"\berror\b|undefined reference|No rule to make", l)]
    targets = re.findall(r"\*\*\* \[[^]]*: ([^]]+)\]", "\n".join(lines))
    for target in sorted(set(targets)) or ["make"]:
        source = re.escape(os.path.splitext(target.split("/", 3)[-1])[0])
        own = [w for w in words if re.search(source, w)] or words
        yield target, own[0] if own else f"see {log}"


def build_everything(build, logs, tests):
    """Builds what the tests need. Returns the failures as (name, why), and
    the set of files that are not what the sources say."""
    log = f"{logs}/build.log"
    if make(build, log, "test-programs"):
        return [], set()
    failures = [(f"build/{target}", why)
                for target, why in compiler_words(log)]
    needs = sorted({n for t in tests for n in t.needs})
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        good = list(pool.map(lambda n: current(build, n), needs))
    return failures, {n for n, ok in zip(needs, good) if not ok}


# ---- running

def run_group(test, out):
    """The exit status of the test's command, or None when time ran out.
    The whole process group ends with it: no QEMU is left behind."""
    child = subprocess.Popen(test.command, stdin=subprocess.DEVNULL,
                             stdout=out, stderr=subprocess.STDOUT,
                             start_new_session=True)
    try:
        return child.wait(test.limit)
    except subprocess.TimeoutExpired:
        return None
    finally:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()


def reason(test, status):
    if status is None:
        return f"did not end within its {test.limit} s (log: {test.log})"
    text = open(test.log, errors="replace").read()
    lines = [l.strip() for l in text.splitlines() if l.strip()]
    told = [l for l in lines if re.search(
        r"^why: |: failed: |ERROR: Addr|runtime error|FAIL", l)]
    last = (told or lines or ["it printed nothing"])
    line = last[-1] if told and told[-1].startswith("why: ") else last[0] \
        if told else last[-1]
    return (f"{line.replace('why: ', '', 1)[:300]} (exit code {status}, "
            f"expected {test.want}; log: {test.log})")


def run_one(test, logs):
    """(status, seconds, words): status is ok, FAIL or skip."""
    test.log = f"{logs}/{test.name.replace('/', '.')}.log"
    started = time.monotonic()
    with open(test.log, "w") as out:
        out.write("$ " + " ".join(test.command) + "\n")
        out.flush()
        try:
            status = run_group(test, out)
        except OSError as why:
            out.write(f"why: {why}\n")
            status = "that of no process"
    seconds = time.monotonic() - started
    if status == test.want:
        return "ok", seconds, ""
    why = reason(test, status)
    return ("skip" if status == SKIPPED else "FAIL"), seconds, why


def report(status, name, seconds, words):
    if status == "ok":
        print(f"ok {name} ({seconds:.1f} s)", flush=True)
    else:
        print(f"{status} {name}: {words}", flush=True)


def run_all(tests, logs, jobs, broken):
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = {}
        for test in tests:
            bad = [n for n in test.needs
                   if n in broken or not os.path.exists(n)]
            if bad:
                report("FAIL", test.name, 0, f"{bad[0]} was not built")
                counts["FAIL"] += 1
                continue
            futures[pool.submit(run_one, test, logs)] = test
        for future in concurrent.futures.as_completed(futures):
            status, seconds, words = future.result()
            report(status, futures[future].name, seconds, words)
            if futures[future].name in SHOWN:
                print("".join(open(futures[future].log)), flush=True)
            counts[status] += 1
    return counts


def arguments():
    parser = argparse.ArgumentParser(description="build and run the tests")
    parser.add_argument("--build", default="build")
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def main():
    args = arguments()
    os.chdir(ROOT)
    logs = f"{args.build}/test-logs"
    os.makedirs(logs, exist_ok=True)
    kinds = [k for k in KINDS if k in args.kinds.split(",")]
    started = time.monotonic()
    failures, broken = [], set()
    if not args.no_build and not args.list:
        failures, broken = build_everything(args.build, logs,
                                            discover(args.build, kinds))
        print(f"built in {time.monotonic() - started:.0f} s", flush=True)
    tests = [t for t in discover(args.build, kinds) if wanted(t, args.only)]
    tests.sort(key=lambda t: not t.name.startswith(LONGEST))
    if args.list:
        print("\n".join(t.name for t in tests))
        return 0
    if not tests:
        print(f"no test's name has \"{args.only}\" in it (--list shows all)")
    for name, why in failures:
        report("FAIL", name, 0, why)
    counts = run_all(tests, logs, args.jobs, broken)
    counts["FAIL"] += len(failures)
    print(f"took {time.monotonic() - started:.0f} s")
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, "
          f"{counts['skip']} skipped", flush=True)
    return 0 if counts["ok"] and not counts["FAIL"] else 1


if __name__ == "__main__":
    sys.exit(main())
