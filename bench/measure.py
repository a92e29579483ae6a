# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs one group in this process, the two libraries interleaved, and prints one JSON object a line.

measure.py GROUP THREADS [--verify-only] [--quick] [--filter TEXT]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import timeit
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from case import Case, Row
from groups import GROUPS
from verify import Wrong, verify

SAMPLE_SECONDS = 2e-3
PAIRS = 21


def _calibrated(timer: timeit.Timer, seconds: float) -> int:
    """How many calls take so long."""
    number, elapsed = 1, timer.timeit(1)
    while elapsed < seconds:
        number = max(number + 1, min(10 * number, int(1.2 * seconds / max(elapsed, 1e-9) * number)))
        elapsed = timer.timeit(number)
    return number


def measure(
    case: Case, ours: dict[str, Any], theirs: dict[str, Any], quick: bool
) -> tuple[float, float, float]:
    """Seconds per call of ours and theirs, and the median over pairs of their quotient.

    The two are timed one after the other, many times: the machine's speed drifts, their quotient does not.
    """
    timers = [timeit.Timer(case.statement, globals=names) for names in (ours, theirs)]
    seconds = SAMPLE_SECONDS / (4 if quick else 1)
    numbers = [_calibrated(timer, seconds) for timer in timers]
    pairs = []
    for _ in range(5 if quick else PAIRS):
        pairs.append([timer.timeit(n) / n for timer, n in zip(timers, numbers, strict=True)])
    return (
        statistics.median(p[0] for p in pairs),
        statistics.median(p[1] for p in pairs),
        statistics.median(p[1] / p[0] for p in pairs),
    )


def run(
    group: str, threads: int, verify_only: bool, quick: bool, wanted: str
) -> Iterator[dict[str, Any]]:
    import stepwell
    import torch

    torch.set_num_threads(threads)
    cases = [case for case in GROUPS[group].cases() if wanted in case.name]
    yield {"cases": len(cases)}
    for case in cases:
        try:
            ours, theirs = case.namespace(stepwell), case.namespace(torch)
            verify(case, case.value(ours), case.value(theirs))
            times = None if verify_only else measure(case, ours, theirs, quick)
        except Wrong as wrong:
            yield {"wrong": str(wrong)}
            continue
        except Exception as error:
            yield {"wrong": f"{case.name}: {type(error).__name__}: {error}"}
            continue
        yield asdict(Row(group, case.name, threads, *times)) if times else {"verified": case.name}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("group", choices=list(GROUPS))
    parser.add_argument("threads", type=int)
    parser.add_argument("--verify-only", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--filter", default="")
    options = parser.parse_args()
    group = GROUPS[options.group]
    if group.rows:
        lines = (asdict(row) for row in group.rows(options.threads))
    else:
        lines = run(group.name, options.threads, options.verify_only, options.quick, options.filter)
    for line in lines:
        print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
