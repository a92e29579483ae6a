# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions, pools and their gradients on a Vulkan device against NumPy."""

import pathlib
import sys

import numpy as np
import pytest

sys.path[:0] = map(str, (pathlib.Path(__file__).parent, pathlib.Path(__file__).parents[2]))
import vulkan  # noqa: E402
import window_reference as reference  # noqa: E402

ELEMENTS = {"float32": "f32", "int64": "i64"}
random = np.random.default_rng(3)


def small(*shape):
    """Sums of products of these are exact."""
    return random.integers(-3, 4, shape).astype(np.float32)


def run(compile_program, operation, attributes, operands, results, weight=None):
    """Checks one operation; a kernel knows the weight's sizes and no others."""

    def tensor(array):
        known = weight is not None and array.shape == weight.shape
        sizes = "".join(f"{n}x" if known else "?x" for n in array.shape)
        return f"tensor<{sizes}{ELEMENTS[str(array.dtype)]}>"

    names = ", ".join(f"%{i}: {tensor(a)}" for i, a in enumerate(operands))
    types = ", ".join(map(tensor, operands)), ", ".join(map(tensor, results))
    made = ", ".join(f"%r#{i}" for i in range(len(results)))
    program = (
        f"func.func @main({names}) -> ({types[1]}) {{\n"
        f"  %r:{len(results)} = array.{operation} "
        f"{', '.join(f'%{i}' for i in range(len(operands)))} {{{attributes}}} : "
        f"({types[0]}) -> ({types[1]})\n"
        f"  return {made} : {types[1]}\n}}\n"
    )
    found = [np.empty_like(a) for a in results]
    vulkan.device().launch(compile_program("spirv vulkan", program), [*operands, *found])
    for got, expected in zip(found, results, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("groups", [1, 2])
def test_convolution(compile_program, groups):
    fields = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": groups}
    attributes = (
        "stride = array<i64: 2, 1>, padding = array<i64: 1, 2>, dilation = array<i64: 1, 2>, "
        f"groups = {groups} : i64"
    )
    x, w = small(3, 4, 9, 7), small(6, 4 // groups, 3, 2)
    y = reference.conv2d(x, w, **fields)
    g = small(*y.shape)
    dx = reference.conv2d_input_gradient(g, w, x, **fields).astype(np.float32)
    dw = reference.conv2d_weight_gradient(x, g, w, **fields).astype(np.float32)
    run(compile_program, "conv2d", attributes, [x, w], [y], w)
    run(compile_program, "conv2d_input_gradient", attributes, [g, w, x], [dx], w)
    run(compile_program, "conv2d_weight_gradient", attributes, [x, g, w], [dw], w)


def test_pools(compile_program):
    windows = ((3, 2), (2, 1), (1, 1))
    attributes = (
        "kernel_size = array<i64: 3, 2>, stride = array<i64: 2, 1>, padding = array<i64: 1, 1>, "
        "ceil_mode = true"
    )
    x = small(2, 3, 8, 7)
    values, indices = reference.max_pool2d(x, *windows, ceil_mode=True)
    g = small(*values.shape)
    dx = reference.max_pool2d_gradient(g, indices, x).astype(np.float32)
    run(compile_program, "max_pool2d", attributes, [x], [values, indices])
    run(compile_program, "max_pool2d_gradient", attributes, [g, indices, x], [dx])
    # A divisor that divides exactly.
    mean = reference.avg_pool2d(x, *windows, ceil_mode=True, divisor=4)
    run(compile_program, "avg_pool2d", attributes + ", divisor = 4 : i64", [x], [mean])
