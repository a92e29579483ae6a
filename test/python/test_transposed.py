# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operands that run along another dimension than the result: squares, and the rests beside them."""

import itertools

import numpy as np
import pytest
import stepwell as sw

SHAPES = [(1, 1), (7, 9), (8, 8), (16, 16), (17, 33), (64, 70), (3, 200)]
DTYPES = ["int8", "int16", "int32", "int64", "float16", "float32", "float64"]


def some(rng, shape, dtype):
    array = (rng.normal(size=shape) * 50).astype(dtype)
    return array, sw.from_numpy(array.copy())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_matrices(shape, dtype):
    rng = np.random.default_rng(1)
    a, x = some(rng, shape, dtype)
    b, y = some(rng, shape[::-1], dtype)
    for found, expected in [
        (x.T.contiguous(), a.T),
        (x + y.T, a + b.T),
        (x.T + x.T, a.T + a.T),
        (x.T * y, a.T * b),
        (x.T + x[:1].T, a.T + a[:1].T),
        (x.T[1:, :-1].contiguous(), a.T[1:, :-1]),
        (x.T[:, ::2] + y[:, ::2], a.T[:, ::2] + b[:, ::2]),
    ]:
        np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("shape", [(3, 5, 7), (9, 16, 20), (16, 17, 40), (2, 64, 33)])
def test_permutations(shape):
    a, x = some(np.random.default_rng(1), shape, "float32")
    for order in itertools.permutations(range(3)):
        found = x.permute(*order).contiguous().numpy()
        np.testing.assert_array_equal(found, a.transpose(order))


def test_compiled_and_in_place():
    a, x = some(np.random.default_rng(1), (40, 40), "float32")
    b, y = some(np.random.default_rng(2), (40, 40), "float32")
    compiled = sw.compile(lambda x, y: x.T + y.T - x)
    np.testing.assert_array_equal(compiled(x, y).numpy(), a.T + b.T - a)
    x += x.T
    np.testing.assert_array_equal(x.numpy(), a + a.T)
