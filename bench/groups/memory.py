# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Resident memory: of the import, of many small tensors, of training."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from case import Group, Row

from .model import CNN, STEP, WEIGHTS

HEAD = """
import json, resource
def resident():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = resident()
import LIBRARY as torch
F = torch.nn.functional
"""
PROGRAMS = {
    "import": "torch.ones(8) + 1\nresult = resident() - before",
    "100000 tensors of 8": "start = resident()\nall = [torch.ones(8) for _ in range(100000)]\nresult = resident() - start",
    "peak of ten CNN steps": CNN
    + WEIGHTS
    + "x, y = torch.ones(64, 3, 32, 32), torch.tensor([1] * 64)\n"
    + STEP.replace("LOSS", "F.cross_entropy(model(x), y)")
    + "for _ in range(10):\n    step()\nresult = peak() - before",
}


def measure(program: str, library: str) -> float:
    text = HEAD.replace("LIBRARY", library) + program + "\nprint(json.dumps(result))"
    # The second run: what a compiler leaves behind is not what running takes.
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", text], capture_output=True, text=True, env=os.environ
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def rows(threads: int) -> Iterator[Row]:
    for name, program in PROGRAMS.items():
        ours, theirs = measure(program, "stepwell"), measure(program, "torch")
        yield Row("memory", name, threads, ours, theirs, theirs / ours, "MB")


GROUP = Group("memory", mean=1.0, worst=1.0, rows=rows)
