#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# One host fuzzer (tests/fuzz/host) for so many seconds: from the inputs that
# tests/fuzz/corpus keeps for it and those that earlier runs have found
# (BUILD/fuzz/corpus/TARGET). An input that breaks a promise is left in
# BUILD/fuzz, and the last lines say how to run it again.
#
# usage: host.py [--build DIR] [--time S] [--seed N] [--fresh] TARGET
#   --fresh starts from the kept inputs alone, and leaves no others behind
import argparse
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LONGEST, ONE_S, MEMORY_MB = 1200, 20, 1500
LAST = 4000  # characters of a failing fuzzer


def command(args, corpus):
    folder = os.path.join(args.build, "fuzz")
    words = [os.path.join(folder, "target", args.target),
             f"-max_total_time={args.time}", f"-seed={args.seed}",
             f"-max_len={LONGEST}", "-len_control=0", f"-timeout={ONE_S}",
             f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=1",
             f"-artifact_prefix={folder}/{args.target}-", corpus]
    kept = os.path.join(HERE, "corpus", args.target)
    return words + ([kept] if os.path.isdir(kept) else [])


def run(args, corpus):
    words = command(args, corpus)
    print("$", " ".join(words), flush=True)
    done = subprocess.run(words, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode(errors="replace")
    runs = re.search(r"number_of_executed_units:\s*(\d+)", text)
    seen = re.findall(r"cov: (\d+) ft: (\d+)", text)
    if done.returncode:
        left = re.search(r"Test unit written to (\S+)", text)
        print(text[-LAST:])
        print(f"why: the fuzzer of {args.target} ended with "
              f"{done.returncode}; replay: {words[0]} "
              f"{left.group(1) if left else ''}")
        return 1
    print(f"fuzz {args.target}: {runs.group(1) if runs else '?'} inputs, "
          f"{seen[-1][0] if seen else '?'} edges, seed {args.seed}")
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--time", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("target")
    args = parser.parse_args()
    if args.fresh:
        with tempfile.TemporaryDirectory() as corpus:
            return run(args, corpus)
    corpus = os.path.join(args.build, "fuzz", "corpus", args.target)
    os.makedirs(corpus, exist_ok=True)
    return run(args, corpus)


if __name__ == "__main__":
    sys.exit(main())
