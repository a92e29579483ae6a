# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Who loads what, and what survives: cached processes, fork, a compiler that fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import stepwell as sw

PACKAGE = str(Path(sw.__file__).parents[1])
ADD = """
import os, stepwell as sw
x = sw.tensor([1.0, 2.0]) + sw.tensor([3.0, 4.0])
assert x.tolist() == [4.0, 6.0]
maps = open("/proc/self/maps").read()
print(sw._core.kernel_stats()["compiles"], "libMLIR" in maps, "libLLVM" in maps)
"""


def run(code, cache, **more):
    env = {**os.environ, "PYTHONPATH": PACKAGE, "STEPWELL_CACHE_DIR": str(cache), **more}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[0], done.stderr


def test_cached_process_loads_no_mlir(tmp_path):
    out, log = run(ADD, tmp_path, STEPWELL_LOG="kernels")
    assert out == "1 True True" and "compiled in" in log
    out, log = run(ADD, tmp_path, STEPWELL_LOG="kernels")
    assert out == "0 False False" and log == ""


def test_import_loads_neither_mlir_nor_numpy(tmp_path):
    out, _ = run(
        "import sys, stepwell; m = open('/proc/self/maps').read();"
        "print('libMLIR' in m, 'libLLVM' in m, 'numpy' in sys.modules)",
        tmp_path,
    )
    assert out == "False False False"


def test_fork_after_a_compile(tmp_path):
    out, _ = run(
        ADD
        + """
child = os.fork()
if child == 0:
    y = (sw.ones(3) * 2).sum()
    os._exit(0 if y.item() == 6 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert (sw.ones(3) * 3).tolist() == [3.0] * 3
""",
        tmp_path,
    )
    assert out == "1 True True"


@pytest.mark.parametrize("kind", ["error", "fatal", "crash"])
def test_a_failed_compile_is_an_exception(kind, tmp_path):
    out, _ = run(
        f"""
import stepwell as sw
a = sw.tensor([1.0, 2.0])
sw._core._set_compiler_options("plant={kind}")
try:
    a + a
except RuntimeError as error:
    message = str(error)
sw._core._set_compiler_options("")
assert (a + a).tolist() == [2.0, 4.0]
print("compilation failed" in message, "stepwell-opt" in message)
""",
        tmp_path,
        TMPDIR=str(tmp_path),
    )
    assert out == "True True"
    assert list(tmp_path.glob("stepwell-reproducers-*/stepwell-reproducer-*.mlir"))


def test_compiler_that_is_not_there(tmp_path):
    out, _ = run(
        """
import stepwell as sw
try:
    sw.zeros(3)
except RuntimeError as error:
    print("STEPWELL_COMPILER" in str(error))
""",
        tmp_path,
        STEPWELL_COMPILER="/nowhere/libstepwell-compiler.so",
    )
    assert out == "True"


def test_stats_count():
    before = sw._core.kernel_stats()
    x = sw.zeros(5)
    x + x
    x + x
    after = sw._core.kernel_stats()
    assert sum(after.values()) >= sum(before.values()) + 3
