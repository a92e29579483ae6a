# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Executables find the open sizes of their results in their arguments."""

import ctypes

import numpy as np
import pytest

# Sizes that follow: the sum of two, a window's count, and one that is the product of two.
PROGRAM = """
func.func @main(%x: tensor<?x?xf32> {stepwell.name = "x"}, %y: tensor<?x3xf32> {stepwell.name = "y"})
    -> (tensor<?x3xf32> {stepwell.name = "joined"}, tensor<?xf32> {stepwell.name = "flat"}) {
  %0 = array.concat %x, %y {dim = 0 : i64} : (tensor<?x?xf32>, tensor<?x3xf32>) -> tensor<?x3xf32>
  %1 = array.reshape %0 {sizes = array<i64: -9223372036854775808>} : (tensor<?x3xf32>) -> tensor<?xf32>
  return %0, %1 : tensor<?x3xf32>, tensor<?xf32>
}
"""


def test_every_size(workshop):
    (workshop.folder / "join.mlir").write_text(PROGRAM)
    workshop.compile("join.mlir", "--emit=exe", "-o", "join")
    for n, m in [(1, 1), (4, 2), (0, 5), (300, 7)]:  # 0: one of the two has no rows
        x, y = np.ones((n, 3), np.float32), np.zeros((m, 3), np.float32)
        np.save(workshop.folder / "x.npy", x)
        np.save(workshop.folder / "y.npy", y)
        workshop.run("./join", "x.npy", "y.npy")
        joined = np.load(workshop.folder / "joined.npy")
        np.testing.assert_array_equal(joined, np.concatenate([x, y]))
        np.testing.assert_array_equal(np.load(workshop.folder / "flat.npy"), joined.reshape(-1))


def test_sizes_that_do_not_fit(workshop):
    (workshop.folder / "join.mlir").write_text(PROGRAM)
    workshop.compile("join.mlir", "--emit=exe", "-o", "join")
    np.save(workshop.folder / "x.npy", np.ones((2, 4), np.float32))
    np.save(workshop.folder / "y.npy", np.ones((2, 3), np.float32))
    done = workshop.run("./join", "x.npy", "y.npy", check=False)
    assert "shapes do not match" in workshop.one_line(done, "join")
    assert not (workshop.folder / "joined.npy").exists()


@pytest.mark.parametrize("emit", ["exe", "shared"])
def test_an_exported_network(workshop, emit):
    sw = pytest.importorskip("stepwell")
    weight = sw.randn(5, 3)
    program = sw.export(
        lambda x: (x @ weight.T).relu().sum(1),
        (sw.ones(4, 3),),
        dynamic_shapes={"x": {0: sw.Dim("batch", min=1, max=64)}},
    )
    program.save(workshop.folder / "network.stepwell")
    name = "network.so" if emit == "shared" else "network"
    workshop.compile("network.stepwell", f"--emit={emit}", "-o", name)
    if emit == "shared":
        header = (workshop.folder / "network.h").read_text()
        assert "x: f32[?,3], read" in header and "int64_t x_size0" in header
        return
    for n in (1, 2, 40):
        x = np.random.default_rng(n).normal(size=(n, 3)).astype(np.float32)
        np.save(workshop.folder / "x.npy", x)
        workshop.run("./network", "x.npy")
        found = np.load(workshop.folder / "out0.npy")
        np.testing.assert_allclose(found, program(sw.tensor(x)).numpy(), rtol=1e-5)


def cut(sw, x):
    """Made and cut by the batch: a shift, halves, positions."""
    n = x.shape[0]
    shifted = sw.cat([x[1:], sw.zeros(1, 3)]) + sw.arange(n).unsqueeze(1).float()
    return sw.cat([shifted[: n // 2] * 2, shifted[n // 2 :]]), x[:, -1].sum() * x[-1]


def test_every_batch_of_a_program_that_cuts(workshop):
    sw = pytest.importorskip("stepwell")
    program = sw.export(
        lambda x: cut(sw, x),
        (sw.ones(4, 3),),
        dynamic_shapes={"x": {0: sw.Dim("batch", min=1, max=64)}},
    )
    program.save(workshop.folder / "cut.stepwell")
    workshop.compile("cut.stepwell", "--emit=exe", "-o", "cut")
    workshop.compile("cut.stepwell", "--emit=shared", "-o", "libcut.so")
    header = (workshop.folder / "libcut.h").read_text()
    library = ctypes.CDLL(str(workshop.folder / "libcut.so"))
    assert "x: f32[?,3], read" in header, header
    pointer = ctypes.POINTER(ctypes.c_float)
    for n in (1, 2, 3, 4, 5, 8, 33, 64):
        x = np.random.default_rng(n).normal(size=(n, 3)).astype(np.float32)
        expected = [each.numpy() for each in cut(sw, sw.tensor(x))]
        np.save(workshop.folder / "x.npy", x)
        workshop.run("./cut", "x.npy")
        found = [np.load(workshop.folder / f"out{i}.npy") for i in range(2)]
        places = np.empty((n, 3), np.float32), np.empty(3, np.float32)
        words = [x.ctypes.data_as(pointer), ctypes.c_int64(n)]
        words += [places[0].ctypes.data_as(pointer), ctypes.c_int64(n)]
        words += [places[1].ctypes.data_as(pointer)]
        assert library.cut(*words) == 0, header
        for one, other, wanted in zip(found, places, expected, strict=True):
            np.testing.assert_allclose(one, wanted, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(other, wanted, rtol=1e-5, atol=1e-6)
    # Another size of the result is an error code.
    words[3] = ctypes.c_int64(63)
    assert library.cut(*words) != 0
