# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""stepwell.mlir and the compiler library: one copy of MLIR, one of our dialects."""

import os
import subprocess
import sys

import pytest

BINDINGS = """
from stepwell.mlir import ir
from stepwell.mlir.dialects import array, func
from stepwell.mlir.passmanager import PassManager

def bindings():
    with ir.Context(), ir.Location.unknown():
        module = ir.Module.create()
        tensor = ir.RankedTensorType.get([ir.ShapedType.get_dynamic_size()], ir.F32Type.get())
        with ir.InsertionPoint(module.body):
            @func.FuncOp.from_py_func(tensor, tensor)
            def program(a, b):
                return array.add(a, b)
        assert module.operation.verify()
        text = str(module)
        assert "array.add" in text, text
        parsed = ir.Module.parse(text)
        PassManager.parse("builtin.module(convert-array-to-linalg,canonicalize)").run(parsed.operation)
        text = str(parsed)
        assert "linalg.generic" in text and "array." not in text, text
"""

# A kernel that no cache holds: the compiler library has to be opened for it.
EAGER = """
import stepwell

def eager():
    a = stepwell.tensor([1.0, 2.0, 3.0])
    assert (a + a).tolist() == [2.0, 4.0, 6.0]
"""

MAPS = """
import re

def loaded(name):
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if "/" in line}
    return {path for path in paths if re.search(rf"/lib{name}(\\.so|-\\d+\\.so|\\.so\\.)[^/]*$", path)}

for name in ("MLIR", "LLVM", "stepwell-compiler"):
    assert len(loaded(name)) == 1, (name, loaded(name))
"""


def run(code, cache):
    # sys.path holds the build folder's package: conftest.py.
    path = os.pathsep.join(sys.path)
    environment = {**os.environ, "STEPWELL_CACHE_DIR": str(cache), "PYTHONPATH": path}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-3000:]


@pytest.mark.parametrize(
    "code",
    [
        BINDINGS + "bindings()\n" + EAGER + "eager()\n" + "bindings()\n",
        EAGER + "eager()\n" + BINDINGS + "bindings()\n" + "eager()\n",
    ],
    ids=["bindings-first", "compiler-first"],
)
def test_bindings_and_compiler_share_one_mlir(code, tmp_path):
    run(code + MAPS, tmp_path)


def test_bad_module_is_an_exception(tmp_path):
    run(
        """
from stepwell.mlir import ir
with ir.Context():
    try:
        ir.Module.parse("func.func @f(%a: tensor<2xf32>, %b: tensor<3xf32>) {"
                        "array.add %a, %b : (tensor<2xf32>, tensor<3xf32>) -> tensor<2xf32> return }")
    except ir.MLIRError as error:
        assert "array.add" in str(error), str(error)
    else:
        raise SystemExit("no error")
""",
        tmp_path,
    )


def test_autodiff_pass_by_name(tmp_path):
    run(
        """
from stepwell.mlir import ir
from stepwell.mlir.dialects import autodiff
from stepwell.mlir.passmanager import PassManager
assert autodiff.VJPOp.OPERATION_NAME == "autodiff.vjp"
with ir.Context():
    module = ir.Module.parse('''
      func.func @f(%x: tensor<?xf32>, %y: tensor<?xf32>, %dy: tensor<?xf32>) -> tensor<?xf32> {
        %dx = "autodiff.vjp"(%x, %y, %dy) <{cotangents = array<i64: 0>, wrt = array<i64: 0>}> ({
        ^bb0(%a: tensor<?xf32>):
          %b = array.exp %a : (tensor<?xf32>) -> tensor<?xf32>
          autodiff.yield %b : tensor<?xf32>
        }) : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
        return %dx : tensor<?xf32>
      }''')
    PassManager.parse("builtin.module(autodiff-fulfil-requests)").run(module.operation)
    assert "array.mul" in str(module) and "autodiff" not in str(module), str(module)
""",
        tmp_path,
    )
