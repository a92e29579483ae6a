# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The demo, as a newcomer runs it: twice."""

import os
import re
import subprocess
import sys
from pathlib import Path

import stepwell as sw

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("STEPWELL_BUILD_DIR", ROOT / "build"))


def demo(folder):
    environment = {
        **os.environ,
        "STEPWELL_CACHE_DIR": str(folder / "cache"),
        "PATH": f"{BUILD / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(sw.__file__).parents[1]),
    }
    command = [sys.executable, str(ROOT / "examples/digits.py"), "--out", str(folder / "out")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demo_trains_ships_and_compiles_once(tmp_path):
    first = demo(tmp_path)
    accuracies = [float(found) for found in re.findall(r"test accuracy (\d+\.\d)%", first)]
    assert len(accuracies) == 3
    assert min(accuracies) >= 97
    assert re.search(r"360 of 360 predictions equal Python's", first)
    assert int(re.search(r"(\d+) kernels compiled", first)[1]) > 10
    binary = tmp_path / "out/digits"
    assert binary.stat().st_size < 2_000_000
    libraries = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    names = {line.split()[0].split("/")[-1].split(".")[0] for line in libraries.splitlines()}
    assert names <= {"linux-vdso", "libc", "libm", "ld-linux-x86-64", "ld-linux-aarch64"}
    levels = {path.name for path in (tmp_path / "out/levels").iterdir()}
    assert any("program" in name for name in levels)
    assert any("assembly" in name for name in levels)

    second = demo(tmp_path)
    assert " 0 kernels compiled" in second
