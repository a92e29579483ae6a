# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs random cases in worker processes, and makes what fails small.

A fuzzer is a module beside this one with

    generate(random) -> case       JSON data; the same random numbers give the same case
    check(case) -> str | None      what is wrong, "kind: details", or None
    smaller(case) -> iterable      simpler cases to try when this one fails
    group(case) -> str             cases of one group and kind are reported once

`check` runs in a worker: one that dies (a signal), hangs, or raises is a failure like any other.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
KEPT = HERE / "kept"
Case = Any


def case_of(fuzzer: Any, seed: int, index: int) -> Case:
    return fuzzer.generate(random.Random(f"{fuzzer.__name__} {seed} {index}"))


def checked(fuzzer: Any, case: Case) -> str | None:
    """`check`, of which an exception is a finding."""
    try:
        return fuzzer.check(case)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(where.filename)}:{where.lineno}"
        return f"{type(error).__name__} in {place}: {str(error)[:400]}"


def _work(name: str) -> None:
    """A worker: reads requests, says which case it begins with and what came of it."""
    fuzzer = importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a case prints is no answer
    for line in sys.stdin:
        request = json.loads(line)
        if "case" in request:
            answers.write(json.dumps({"found": checked(fuzzer, request["case"])}) + "\n")
            continue
        for index in range(request["first"], request["last"]):
            answers.write(f"{index}\n")
            found = checked(fuzzer, case_of(fuzzer, request["seed"], index))
            if found is not None:
                answers.write(json.dumps({"index": index, "found": found}) + "\n")
        answers.write("end\n")


class Worker:
    """A process that checks cases; started again after one that killed it."""

    def __init__(self, name: str, seconds: float):
        self.name, self.seconds = name, seconds
        self.process: subprocess.Popen[bytes] | None = None
        self.buffer = b""
        self.asked, self.computed, self.spent = time.monotonic(), 0.0, 0.0

    def _start(self) -> None:
        self.buffer = b""
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "harness.py"), self.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("STEPWELL_FUZZ_STDERR") else subprocess.DEVNULL,
        )

    def send(self, request: dict[str, Any]) -> None:
        if self.process is None or self.process.poll() is not None:
            self._start()
        assert self.process and self.process.stdin
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    def _threads(self) -> tuple[bool, float]:
        """Whether a thread runs or wants to, and what all of them computed, in seconds."""
        wants, ticks = False, 0
        assert self.process
        for file in Path(f"/proc/{self.process.pid}/task").glob("*/stat"):
            try:
                fields = file.read_text().rpartition(")")[2].split()
            except OSError:  # the thread ended
                continue
            wants |= fields[0] == "R"
            ticks += int(fields[11]) + int(fields[12])
        return wants, ticks / os.sysconf("SC_CLK_TCK")

    def clock(self) -> float:
        """Seconds in which the worker computed or slept, up to now.

        Those in which it waited for a processor are left out: other processes' load makes no hang.
        """
        now = time.monotonic()
        wants, computed = self._threads()
        passed = now - self.asked
        if wants:
            passed = min(passed, max(computed - self.computed, 0.0))
        self.asked, self.computed = now, computed
        self.spent += passed
        return self.spent

    def fileno(self) -> int:
        assert self.process and self.process.stdout
        return self.process.stdout.fileno()

    def lines(self) -> list[str] | None:
        """What has come; None at the end of the process."""
        data = os.read(self.fileno(), 1 << 16)
        if not data:
            return None
        *whole, self.buffer = (self.buffer + data).split(b"\n")
        return [line.decode() for line in whole]

    def death(self) -> str:
        assert self.process
        code = self.process.wait()
        self.process = None
        if code < 0:
            return f"crash: {signal.Signals(-code).name}"
        return f"crash: exit status {code}"

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def check(self, case: Case) -> str | None:
        """One case, and what is wrong with it."""
        self.send({"case": case})
        deadline = self.clock() + self.seconds
        while True:
            if not select.select([self], [], [], min(self.seconds, 0.5))[0]:
                if self.clock() > deadline:
                    self.kill()
                    return f"hang: no end within {self.seconds:g} s"
                continue
            lines = self.lines()
            if lines is None:
                return self.death()
            for line in lines:
                return json.loads(line)["found"]


@dataclass
class Finding:
    fuzzer: str
    kind: str
    message: str
    case: Case
    count: int = 1

    def reproducer(self) -> str:
        return f"python test/fuzz/run.py --case '{json.dumps([self.fuzzer, self.case])}'"


def kind_of(message: str) -> str:
    return message.partition(": ")[0]


def reduced(fuzzer: Any, worker: Worker, case: Case, message: str, seconds: float = 20.0) -> Case:
    """A case that fails in the same way and has nothing left to take away, as far as time allows."""
    deadline = time.monotonic() + seconds
    progress = True
    while progress and time.monotonic() < deadline:
        progress = False
        for candidate in fuzzer.smaller(case):
            if time.monotonic() > deadline:
                break
            found = worker.check(candidate)
            if found is not None and kind_of(found) == kind_of(message):
                case, progress = candidate, True
                break
    return case


def run(
    name: str,
    *,
    seed: int,
    seconds: float,
    cases: int | None = None,
    jobs: int = 1,
    case_seconds: float = 60.0,
    report: Callable[[str], None] = print,
) -> tuple[int, list[Finding]]:
    """Checks cases until the time is over, or so many: how many there were, and what was found."""
    fuzzer = importlib.import_module(name)
    findings: dict[tuple[str, str], Finding] = {}
    deadline = time.monotonic() + seconds
    batch, started, finished = 50, 0, 0
    spare = Worker(name, case_seconds)

    def note(case: Case, message: str) -> None:
        key = (fuzzer.group(case), kind_of(message))
        if key in findings:
            findings[key].count += 1
            return
        small = reduced(fuzzer, spare, case, message)
        message = spare.check(small) or message
        findings[key] = Finding(name, kind_of(message), message, small)
        report(f"{name}: {message}\n  {findings[key].reproducer()}")

    @dataclass
    class Running:
        worker: Worker
        first: int
        last: int
        at: int
        since: float

    def begin(worker: Worker, first: int, last: int) -> Running:
        worker.send({"seed": seed, "first": first, "last": last})
        return Running(worker, first, last, first, worker.clock())

    def ranges() -> Iterator[tuple[int, int]]:
        first = 0
        while cases is None or first < cases:
            last = first + batch if cases is None else min(first + batch, cases)
            yield first, last
            first = last

    waiting = ranges()
    idle = [Worker(name, case_seconds) for _ in range(jobs)]
    running: list[Running] = []
    try:
        while True:
            while idle and time.monotonic() < deadline:
                piece = next(waiting, None)
                if piece is None:
                    break
                running.append(begin(idle.pop(), *piece))
                started = max(started, piece[1])
            if not running:
                break
            ready = select.select([r.worker for r in running], [], [], 0.5)[0]
            for r in list(running):
                if r.worker in ready:
                    lines = r.worker.lines()
                    if lines is None:
                        message = r.worker.death()
                    else:
                        message = ""
                        for line in lines:
                            if line == "end":
                                finished += r.last - r.first
                                running.remove(r)
                                idle.append(r.worker)
                            elif line.startswith("{"):
                                answer = json.loads(line)
                                note(case_of(fuzzer, seed, answer["index"]), answer["found"])
                                r.since = r.worker.clock()
                            else:
                                r.at, r.since = int(line), r.worker.clock()
                        if r not in running:
                            continue
                elif r.worker.clock() - r.since > case_seconds:
                    r.worker.kill()
                    message = f"hang: no end within {case_seconds:g} s"
                else:
                    message = ""
                if message:
                    note(case_of(fuzzer, seed, r.at), message)
                over = time.monotonic() > deadline
                if message or over:
                    finished += r.at - r.first
                    running.remove(r)
                    if over:
                        r.worker.kill()
                    elif r.at + 1 < r.last:
                        finished += 1
                        running.append(begin(r.worker, r.at + 1, r.last))
                    else:
                        finished += 1
                        idle.append(r.worker)
    finally:
        for worker in [spare, *idle, *(r.worker for r in running)]:
            worker.kill()
    return finished, list(findings.values())


def failures_of_kept(folder: Path = KEPT, seconds: float = 120.0) -> dict[str, str]:
    """The cases that were found once and fail again, and how; one that kills its worker fails alone."""
    workers: dict[str, Worker] = {}
    failures = {}
    try:
        for path in sorted(folder.glob("*/*.json")):
            name = path.parent.name
            worker = workers.setdefault(name, Worker(name, seconds))
            found = worker.check(json.loads(path.read_text(encoding="utf-8"))["case"])
            if found is not None:
                failures[f"{name}/{path.name}"] = found
    finally:
        for worker in workers.values():
            worker.kill()
    return failures


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    _work(sys.argv[1])
