# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Executables find the open sizes of their results in their arguments."""

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
