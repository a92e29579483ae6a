# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Stepwell against PyTorch, as ratios measured in one process.

    bench/run.py                                all groups, with one thread and with two
    bench/run.py --group matmul --threads 1     one of them
    bench/run.py --verify-only                  compare results, time nothing

Each group runs in a process of its own. Every case is verified before it is timed; a ratio above 1 means that
Stepwell is faster. Results are merged into bench/results/<CPU>/results.json, and drawn beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from case import Row
from groups import GROUPS
from report import cpu, save, table
from tqdm import tqdm

HERE = Path(__file__).parent


def environment(threads: int) -> dict[str, str]:
    # A worker of PyTorch's that spins would take the second core from ours.
    return {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "STEPWELL_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "passive",
    }


def run(group: str, threads: int, arguments: list[str]) -> tuple[list[Row], list[str]]:
    """The rows that a process of its own measured, and what went wrong."""
    command = [sys.executable, str(HERE / "measure.py"), group, str(threads), *arguments]
    rows, wrong = [], []
    with (
        subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment(threads)
        ) as child,
        tqdm(desc=f"{group} x{threads}", unit="case", leave=False) as bar,
    ):
        assert child.stdout is not None
        for line in child.stdout:
            entry = json.loads(line)
            if "cases" in entry:
                bar.reset(total=entry["cases"])
                continue
            bar.update()
            if "wrong" in entry:
                wrong.append(f"{group}: {entry['wrong']}")
            elif "ratio" in entry:
                rows.append(Row(**entry))
    if child.returncode:
        wrong.append(f"{group}: the process ended with status {child.returncode}")
    return rows, wrong


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--group", action="append", choices=list(GROUPS), help="this group; may be repeated"
    )
    parser.add_argument(
        "--threads", type=int, action="append", help="so many threads; default: 1, then 2"
    )
    parser.add_argument(
        "--filter", default="", help="only the cases whose name contains this; nothing is saved"
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer, shorter samples; nothing is saved"
    )
    parser.add_argument(
        "--verify-only", action="store_true", help="compare the results, time nothing"
    )
    options = parser.parse_args()

    arguments = ["--filter", options.filter] if options.filter else []
    arguments += ["--quick"] * options.quick + ["--verify-only"] * options.verify_only
    groups = options.group or list(GROUPS)
    if options.verify_only:
        groups = [group for group in groups if not GROUPS[group].rows]
    machine = cpu()
    print(f"{machine['name']} ({machine['level']}), {os.cpu_count()} cores", flush=True)
    every, failures = [], []
    for threads in options.threads or ([1] if options.verify_only else [1, 2]):
        for group in groups:
            rows, wrong = run(group, threads, arguments)
            every += rows
            failures += wrong
            if rows:
                print("\n" + table(rows), flush=True)
    if every and not (options.filter or options.quick):
        from importlib.metadata import version

        import stepwell

        path = save(every, {"torch": version("torch"), "stepwell": stepwell.__version__})
        print(f"\nSaved in {path.parent}")
    for failure in failures:
        print(f"WRONG {failure}", file=sys.stderr)
    if options.verify_only and not failures:
        print("Every result agrees with PyTorch's.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
