# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What happens once: importing, the first call, a new kernel, one from disk, compiling a layer.

Each measurement is a process of its own. Where PyTorch has no counterpart, the other column is the time that we
aim at, and the name says so.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from case import Group, Row

from .model import ENCODER, WEIGHTS

RUNS = 7
CLOCK = "from time import perf_counter as now\nstart = now()\n"
TELL = "\nimport json; print(json.dumps(RESULT))"

IMPORT = CLOCK + "import LIBRARY" + TELL.replace("RESULT", "now() - start")
FIRST = (
    "import LIBRARY as torch\na, b = torch.ones(8), torch.tensor([1.0] * 8)\n"
    + CLOCK
    + "a * b"
    + TELL.replace("RESULT", "now() - start")
)
# The compiler is loaded by the first; the median of the others is what one kernel costs.
KERNELS = """
from statistics import median
from time import perf_counter as now
import stepwell as torch
a, b = torch.tensor([1.5] * 8), torch.tensor([2.5] * 8)
def time(function):
    start = now()
    function()
    return now() - start
functions = [lambda: a - b, lambda: a * b, lambda: a / b, lambda: torch.maximum(a, b), lambda: a < b, lambda: a.abs(),
             lambda: a.sqrt(), lambda: a.floor(), lambda: a.neg(), lambda: a.relu()]
first = time(lambda: a + b)
"""
LAYER = (
    "import LIBRARY as torch\nF = torch.nn.functional\n"
    + ENCODER
    + WEIGHTS
    + "x = torch.ones(8, 64, 256)\nwith torch.no_grad():\n    model(x)\n    call = torch.compile(model)\n    "
    + CLOCK.replace("\n", "\n    ")
    + "call(x)"
    + TELL.replace("RESULT", "now() - start")
)


def measure(program: str, folder: str, shipped: bool = True) -> float:
    """Seconds, as the program prints them; `folder` is where kernels are kept."""
    environment = {**os.environ, "STEPWELL_CACHE_DIR": folder, "TORCHINDUCTOR_CACHE_DIR": folder}
    if not shipped:
        environment["STEPWELL_KERNEL_PACKS"] = ""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def fresh(program: str, shipped: bool = True) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return measure(program, folder, shipped)


def pairs(program: str, runs: int = RUNS) -> tuple[float, float]:
    """Medians of ours and theirs, interleaved."""
    times = [
        [fresh(program.replace("LIBRARY", library)) for library in ("stepwell", "torch")]
        for _ in range(runs)
    ]
    return statistics.median(t[0] for t in times), statistics.median(t[1] for t in times)


def rows(threads: int) -> Iterator[Row]:
    def row(name: str, ours: float, theirs: float) -> Row:
        return Row("cold", name, threads, ours, theirs, theirs / ours)

    yield row("import", *pairs(IMPORT))
    yield row("first call, nothing cached", *pairs(FIRST))
    first = statistics.median(
        fresh(KERNELS + TELL.replace("RESULT", "first"), shipped=False) for _ in range(RUNS)
    )
    yield row("first kernel compiled (aim: 60 ms)", first, 60e-3)
    program = KERNELS + TELL.replace("RESULT", "median(map(time, functions))")
    yield row(
        "a new elementwise kernel (aim: 8 ms)",
        statistics.median(fresh(program, shipped=False) for _ in range(RUNS)),
        8e-3,
    )
    with tempfile.TemporaryDirectory() as folder:
        measure(program, folder, shipped=False)
        again = statistics.median(measure(program, folder, shipped=False) for _ in range(RUNS))
    yield row("the same from disk (aim: 0.15 ms)", again, 0.15e-3)
    yield row("compiling an encoder layer", *pairs(LAYER, 3))


GROUP = Group("cold", mean=1.0, worst=1.0, rows=rows)
