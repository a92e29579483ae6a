#!/usr/bin/env python3
# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the fuzzers for a time, prints what they found, and fails when that is something.

python test/fuzz/run.py --minutes 10              all of them, one after another
python test/fuzz/run.py --minutes-each 1          the same, as long for each
python test/fuzz/run.py --fixed --seed 1          the same cases on every machine
python test/fuzz/run.py calls --cases 100000      one, so many cases
python test/fuzz/run.py calls files --cases 10000 --cases calls=100000
python test/fuzz/run.py --case '["calls", …]'     one case, in this process
python test/fuzz/run.py calls --keep              keep what was found as a test
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import sys
import time
from pathlib import Path

import harness

ROOT = Path(__file__).resolve().parents[2]
# The name of each fuzzer's module, what share of the time it gets, and how many cases --fixed
# checks: at most what a minute of two cores does, with kernels still to be compiled.
FUZZERS: dict[str, tuple[float, int]] = {
    "calls": (3, 4000),
    "programs": (3, 2500),
    "gradients": (1, 2000),
    "hostile": (1, 6000),
    "memory": (1, 500),
    "files": (1, 10_000),
    "ir": (1, 300),
    "objects": (0.5, 100_000),
}
# A machine on which --fixed takes longer checks fewer cases, and says so.
FIXED_SECONDS = 120


def environment() -> None:
    """The package of the build folder, and a kernel cache that outlives a run."""
    build = Path(os.environ.get("STEPWELL_BUILD_DIR", ROOT / "build"))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(build / "python"), str(ROOT / "test" / "fuzz")])
    sys.path.insert(0, str(build / "python"))
    os.environ.setdefault("STEPWELL_CACHE_DIR", str(build / "fuzz-cache"))
    os.environ["STEPWELL_KERNEL_PACKS"] = ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("fuzzers", nargs="*", metavar="FUZZER", help=", ".join(FUZZERS))
    parser.add_argument("--minutes", type=float, help="for all together (default: 5)")
    parser.add_argument("--minutes-each", type=float, help="for each fuzzer")
    parser.add_argument(
        "--cases",
        action="append",
        metavar="N or NAME=N",
        help="of each, or of one; without --minutes, however long it takes",
    )
    parser.add_argument("--fixed", action="store_true", help="so many cases of each as CI checks")
    parser.add_argument("--seed", type=int, help="default: from the clock, and printed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--keep", action="store_true", help="write findings to test/fuzz/kept")
    parser.add_argument("--case", help="check one case, '[\"FUZZER\", CASE]', in this process")
    options = parser.parse_args()
    environment()

    if options.case:
        name, case = json.loads(options.case)
        message = harness.checked(importlib.import_module(name), case)
        print(message or "nothing is wrong")
        return 1 if message else 0

    names = options.fuzzers or list(FUZZERS)
    for name in names:
        if name not in FUZZERS:
            parser.error(f"no fuzzer '{name}'; there are {', '.join(FUZZERS)}")
    seed = options.seed if options.seed is not None else time.time_ns() % 1_000_000
    minutes = options.minutes or (5 if options.cases is None else 24 * 60)
    share = sum(FUZZERS[name][0] for name in names)
    seconds = {name: 60 * minutes * FUZZERS[name][0] / share for name in names}
    cases: dict[str, int | None] = dict.fromkeys(names)
    for given in options.cases or ():
        name, equals, number = given.rpartition("=")
        if not number.isdecimal() or (equals and name not in names):
            parser.error(f"--cases {given}: a number of cases, or NAME=N of a fuzzer that runs")
        cases.update(dict.fromkeys([name] if equals else names, int(number)))
    if options.minutes_each:
        seconds = dict.fromkeys(names, 60 * options.minutes_each)
    elif options.fixed:
        seconds = dict.fromkeys(names, FIXED_SECONDS)
        cases = {name: FUZZERS[name][1] for name in names}
    total, found = 0, []
    for name in names:
        print(f"{name}: seed {seed}", flush=True)
        begin = time.monotonic()
        count, findings = harness.run(
            name,
            seed=seed,
            seconds=seconds[name],
            cases=cases[name],
            jobs=options.jobs,
            report=lambda text: print(text, flush=True),
        )
        wanted = cases[name]
        of = f" of {wanted}" if wanted and count < wanted else ""
        print(
            f"{name}: {count}{of} cases in {time.monotonic() - begin:.0f} s, {len(findings)} findings"
        )
        total += count
        found += findings
        for finding in findings if options.keep else ():
            text = json.dumps({"was": finding.message, "case": finding.case}, indent=1)
            folder = harness.KEPT / name
            folder.mkdir(exist_ok=True, parents=True)
            digest = hashlib.sha256(json.dumps(finding.case).encode()).hexdigest()[:10]
            (folder / f"{digest}.json").write_text(text + "\n", encoding="utf-8")
    print(f"fuzzing: {', '.join(names)}: {total} cases, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
