# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs for another processor: linked with its compiler, run by qemu, and right."""

import numpy as np
import pytest
from shipping import MODEL, model_inputs, model_result

TARGET = "--target=aarch64-linux-gnu"
QEMU = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]

# What has expansions and schedules of its own: convolution, pooling, functions, f16, division, random numbers.
NETWORK = """
func.func @main(%x: tensor<2x1x12x12xf32> {stepwell.name = "x"}, %w: tensor<4x1x3x3xf32> {stepwell.name = "w"})
    -> (tensor<2x4x5x5xf32> {stepwell.name = "pooled"}, tensor<2x4x5x5xf16> {stepwell.name = "half"},
        tensor<2x4x5x5xi64> {stepwell.name = "quotient"}, tensor<2xf32> {stepwell.name = "total"}) {
  %0 = array.conv2d %x, %w {stride = array<i64: 1, 1>, padding = array<i64: 0, 0>, dilation = array<i64: 1, 1>,
      groups = 1 : i64} : (tensor<2x1x12x12xf32>, tensor<4x1x3x3xf32>) -> tensor<2x4x10x10xf32>
  %1, %where = array.max_pool2d %0 {kernel_size = array<i64: 2, 2>, stride = array<i64: 2, 2>, padding = array<i64: 0, 0>,
      dilation = array<i64: 1, 1>} : (tensor<2x4x10x10xf32>) -> (tensor<2x4x5x5xf32>, tensor<2x4x5x5xi64>)
  %2 = array.tanh %1 : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %3 = array.cast %2 {dtype = f16} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf16>
  %4 = array.cast %1 {dtype = i64} : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xi64>
  %5 = array.mul %4, %4 : (tensor<2x4x5x5xi64>, tensor<2x4x5x5xi64>) -> tensor<2x4x5x5xi64>
  %odd = array.eq %4, %4 : (tensor<2x4x5x5xi64>, tensor<2x4x5x5xi64>) -> tensor<2x4x5x5xi1>
  %one = array.cast %odd {dtype = i64} : (tensor<2x4x5x5xi1>) -> tensor<2x4x5x5xi64>
  %divisor = array.bitwise_or %4, %one : (tensor<2x4x5x5xi64>, tensor<2x4x5x5xi64>) -> tensor<2x4x5x5xi64>
  %6 = array.floor_divide %5, %divisor : (tensor<2x4x5x5xi64>, tensor<2x4x5x5xi64>) -> tensor<2x4x5x5xi64>
  %7 = array.sin %1 : (tensor<2x4x5x5xf32>) -> tensor<2x4x5x5xf32>
  %8 = array.sum %7 {dims = array<i64: 1, 2, 3>, keepdim = false} : (tensor<2x4x5x5xf32>) -> tensor<2xf32>
  return %2, %3, %6, %8 : tensor<2x4x5x5xf32>, tensor<2x4x5x5xf16>, tensor<2x4x5x5xi64>, tensor<2xf32>
}
"""


def results(workshop, names, *command):
    workshop.run(*command)
    return {name: np.load(workshop.folder / f"{name}.npy") for name in names}


@pytest.mark.parametrize("threading", ["--threads", "--serial"])
def test_an_executable(workshop, threading):
    inputs = model_inputs()
    for name, value in inputs.items():
        value.tofile(workshop.folder / f"{name}.bin")
    workshop.write("model.mlir", MODEL)
    workshop.compile("model.mlir", TARGET, threading, "-o", "model")
    found = results(workshop, ["y"], *QEMU, "./model", *(f"{name}.bin" for name in inputs))
    np.testing.assert_allclose(found["y"], model_result(inputs), rtol=1e-5)


def test_the_same_numbers_as_here(workshop):
    workshop.write("network.mlir", NETWORK)
    generator = np.random.default_rng(0)
    for name, sizes in (("x", (2, 1, 12, 12)), ("w", (4, 1, 3, 3))):
        (8 * generator.normal(size=sizes)).astype(np.float32).tofile(
            workshop.folder / f"{name}.bin"
        )
    names = ["pooled", "half", "quotient", "total"]
    workshop.compile("network.mlir", "--target=x86-64-v3", "-o", "here")
    here = results(workshop, names, "./here", "x.bin", "w.bin")
    workshop.compile("network.mlir", TARGET, "-o", "there")
    there = results(workshop, names, *QEMU, "./there", "x.bin", "w.bin")
    assert np.any(here["quotient"] != 0) and np.ptp(here["pooled"]) > 0.5
    for name in ("half", "quotient"):
        np.testing.assert_array_equal(there[name], here[name])
    for name in ("pooled", "total"):
        np.testing.assert_allclose(there[name], here[name], rtol=1e-5)


def test_a_shared_object_has_its_header(workshop):
    workshop.write("model.mlir", MODEL)
    workshop.compile("model.mlir", TARGET, "--emit=shared", "-o", "libmodel.so")
    assert (workshop.folder / "libmodel.h").exists()
    assert b"ELF" in (workshop.folder / "libmodel.so").read_bytes()[:4]
    machine = (workshop.folder / "libmodel.so").read_bytes()[18]
    assert machine == 183  # EM_AARCH64
