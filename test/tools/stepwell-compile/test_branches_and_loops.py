# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Executables with branches and loops, at every size that their types leave open."""

import numpy as np

# A recurrence h = (h * w + x) for each row of x; where the last h is large it is taken down by halves.
PROGRAM = """
func.func @main(%h: tensor<?xf64> {stepwell.name = "h"}, %x: tensor<?x?xf64> {stepwell.name = "x"},
                %w: tensor<?xf64> {stepwell.name = "w"})
    -> (tensor<?xf64> {stepwell.name = "last"}, tensor<?x?xf64> {stepwell.name = "all"}) {
  %end, %all = array.scan (%h) over (%x) reading (%w)
      : (tensor<?xf64>, tensor<?x?xf64>, tensor<?xf64>) -> (tensor<?xf64>, tensor<?x?xf64>) {
  ^bb0(%a: tensor<?xf64>, %b: tensor<?xf64>, %c: tensor<?xf64>):
    %d = array.mul %a, %c : (tensor<?xf64>, tensor<?xf64>) -> tensor<?xf64>
    %e = array.add %d, %b : (tensor<?xf64>, tensor<?xf64>) -> tensor<?xf64>
    array.yield %e, %e : tensor<?xf64>, tensor<?xf64>
  }
  %limit = array.constant dense<100.0> : tensor<f64>
  %small = array.while (%end) reading (%limit) : (tensor<?xf64>, tensor<f64>) -> tensor<?xf64> {
  ^bb0(%a: tensor<?xf64>, %b: tensor<f64>):
    %over = array.gt %a, %b : (tensor<?xf64>, tensor<f64>) -> tensor<?xi1>
    %any = array.any %over {dims = array<i64: 0>, keepdim = false} : (tensor<?xi1>) -> tensor<i1>
    array.yield %any : tensor<i1>
  } do {
  ^bb0(%a: tensor<?xf64>, %b: tensor<f64>):
    %two = array.constant dense<2.0> : tensor<f64>
    %half = array.div %a, %two : (tensor<?xf64>, tensor<f64>) -> tensor<?xf64>
    array.yield %half : tensor<?xf64>
  }
  return %small, %all : tensor<?xf64>, tensor<?x?xf64>
}
"""


def reference(h, x, w):
    rows = []
    for row in x:
        h = h * w + row
        rows.append(h)
    while (h > 100).any():
        h = h / 2
    return h, np.array(rows).reshape(x.shape)


def test_every_size(workshop):
    workshop.write("loops.mlir", PROGRAM)
    workshop.compile("loops.mlir", "--emit=exe", "-o", "loops")
    for rows, columns in [(0, 3), (1, 1), (5, 4), (40, 1000)]:
        values = {
            "h": np.ones(columns),
            "x": np.arange(1.0 * rows * columns),
            "w": np.full(columns, 0.5),
        }
        values["x"] = values["x"].reshape(rows, columns)
        for name, value in values.items():
            np.save(workshop.folder / f"{name}.npy", value)
        workshop.run("./loops", "h.npy", "x.npy", "w.npy")
        last, rows_ = reference(**values)
        np.testing.assert_array_equal(np.load(workshop.folder / "last.npy"), last)
        np.testing.assert_array_equal(np.load(workshop.folder / "all.npy"), rows_)


def test_sizes_that_a_block_needs(workshop):
    workshop.write("loops.mlir", PROGRAM)
    workshop.compile("loops.mlir", "--emit=exe", "-o", "loops")
    np.save(workshop.folder / "h.npy", np.ones(3))
    np.save(workshop.folder / "x.npy", np.ones((2, 3)))
    np.save(workshop.folder / "w.npy", np.ones(4))
    done = workshop.run("./loops", "h.npy", "x.npy", "w.npy", check=False)
    assert "shapes do not match" in workshop.one_line(done, "loops")
