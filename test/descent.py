# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The passes of the descent that every target has, and stepwell-opt with some of them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", ROOT / "build"))

# As lib/Compiler/Descent.cpp has them, without what belongs to a target.
PASSES = [
    "stepwell-check-program",
    "autodiff-fulfil-requests",
    "stepwell-require-sizes",
    "stepwell-decompose-composites",
    "stepwell-tidy-program",
    "convert-array-to-linalg",
    "stepwell-lower-entry",
    "stepwell-lower-checks",
    "stepwell-fuse-elementwise",
    "canonicalize",
    "cse",
    "expand-math",
    "stepwell-expand-small-floats",
    "stepwell-bufferize",
    "stepwell-plan-workspace",
]


def run(
    passes: Iterable[str], programs: Iterable[str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """What stepwell-opt makes of the programs, each by itself."""
    return subprocess.run(
        [
            BUILD / "bin" / "stepwell-opt",
            "--split-input-file",
            "--mlir-disable-threading",
            *(f"--{name}" for name in passes),
        ],
        input="// -----\n".join(programs),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
