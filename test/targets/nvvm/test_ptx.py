# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What PTX says about itself; STEPWELL_PTXAS names an assembler that checks it further."""

import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import manifest  # noqa: E402

PROGRAM = """
func.func @main(%0: tensor<?x?xT>, %1: tensor<?x?xT> {stepwell.layout = "strided"})
    -> tensor<?xT> {
  %2 = array.add %0, %1 : (tensor<?x?xT>, tensor<?x?xT>) -> tensor<?x?xT>
  %3 = array.sum %2 {dims = array<i64: 1>} : (tensor<?x?xT>) -> tensor<?xT>
  return %3 : tensor<?xT>
}
"""


def program(dtype):
    return PROGRAM.replace("xT>", f"x{dtype}>")


@pytest.mark.parametrize("chip", ["sm_80", "sm_90", "sm_120"])
@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "bf16", "i64"])
def test_manifest_names_every_kernel(compile_program, tmp_path, chip, dtype):
    text = compile_program(f"nvvm {chip}", program(dtype)).decode()
    plan = manifest.from_ptx(text)
    assert plan["abi"] == 2
    assert [a["rank"] for a in plan["arguments"]] == [2, 2, 1]
    entries = [
        line.split()[2].rstrip("(") for line in text.splitlines() if ".visible .entry" in line
    ]
    assert entries == [kernel["name"] for kernel in plan["kernels"]]
    words = [0, 33, 65, 65, 1, 0, 33, 65, 1, 33, 0, 33, 1]
    assert all(manifest.evaluate(k["grid"], words) > 0 for k in plan["kernels"])
    assert f".target {chip}" in text
    if assembler := os.environ.get("STEPWELL_PTXAS"):
        source = tmp_path / "kernel.ptx"
        source.write_text(text)
        subprocess.run([assembler, "-arch=" + chip, source, "-o", "/dev/null"], check=True)


def test_a_chip_that_does_not_exist_is_an_error(compile_program):
    with pytest.raises(RuntimeError, match="no NVIDIA chip is called 'sm_7'"):
        compile_program("nvvm sm_7", program("f32"))
