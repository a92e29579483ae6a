# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Elementwise operations that run on pieces of a matrix product: every way in which a product is made, against
NumPy."""

import numpy as np
import pytest
import stepwell as sw


def drawn(*shapes):
    rng = np.random.default_rng(len(shapes))
    return [rng.standard_normal(shape).astype("f4") for shape in shapes]


def check(function, *arrays):
    """The same function on both, operators being alike."""
    expected = function(*arrays)
    result = sw.compile(function)(*(sw.tensor(a) for a in arrays))
    np.testing.assert_allclose(result.numpy(), expected, rtol=2e-4, atol=2e-4)


def turned(x):
    return x.swapaxes(0, 1) if isinstance(x, np.ndarray) else x.transpose(0, 1)


def crooked(x):
    """Not linear, so that it must not see a sum that is not complete."""
    return x * x + 1


# Rows by rows, a stream, columns, panels, blocks; several pieces of k, tails, nothing.
SIZES = [
    (1, 64, 64),
    (3, 50, 33),
    (7, 1000, 700),
    (9, 300, 1500),
    (70, 33, 100),
    (130, 600, 90),
    (400, 600, 210),
    (400, 30, 1),
    (5, 0, 6),
    (0, 4, 4),
]


@pytest.mark.parametrize(("m", "k", "n"), SIZES)
def test_matrices(m, k, n):
    x, w, row, whole = drawn((m, k), (k, n), (n,), (m, n))
    check(lambda x, w, b: crooked(x @ w + b), x, w, row)
    check(lambda x, w, b: crooked(x @ turned(w) + b), x, w.T.copy(), row)
    check(lambda x, w, b: crooked(turned(x @ w) + b), x, w, whole.T.copy())


@pytest.mark.parametrize(("b", "m", "k", "n"), [(3, 5, 40, 30), (6, 150, 64, 150), (4, 1, 64, 64)])
def test_batches(b, m, k, n):
    x, w, row, whole = drawn((b, m, k), (k, n), (n,), (b, m, n))
    check(lambda x, w, c: crooked(x @ w + c), x, w, row)
    check(lambda x, w, c: crooked(x @ w + c), x, w, whole)
    # Rows of one image do not follow those of another.
    check(lambda x, w, c: crooked(turned(x) @ w + c), x, w, row)
    x, w, batch, each = drawn((2, b, m, k), (b, k, n), (2, 1, 1, n), (b, 1, 1))
    check(lambda x, w, c: crooked(x @ w + c), x, w, batch)
    check(lambda x, w, c: crooked(x @ w + c), x, w[None, :1].repeat(2, 0), each)


def test_two_products_in_one_sum():
    arrays = drawn((70, 40), (40, 50), (70, 30), (30, 50))
    check(lambda a, b, c, d: crooked(a @ b + c @ d), *arrays)


def test_the_product_is_wanted_too():
    x, w = drawn((70, 40), (40, 50))
    both = sw.compile(lambda x, w: ((x @ w).sum(0), crooked(x @ w)))(sw.tensor(x), sw.tensor(w))
    np.testing.assert_allclose(both[0].numpy(), (x @ w).sum(0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(both[1].numpy(), crooked(x @ w), rtol=1e-4, atol=1e-4)


def test_an_operand_is_overwritten():
    x, w = drawn((40, 40), (40, 40))
    given = sw.tensor(x)

    def step(x, w):
        x.add_(x @ w)
        return x

    sw.compile(step)(given, sw.tensor(w))
    np.testing.assert_allclose(given.numpy(), x + x @ w, rtol=1e-4, atol=1e-4)
