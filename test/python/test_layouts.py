# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The strides of elementwise results are PyTorch's: those of the operands where these are dense."""

import numpy as np
import pytest
import stepwell


def dense(sizes, order=None):
    """A tensor of these sizes whose dimensions lie in memory in `order`, the outermost first."""
    order = order or range(len(sizes))
    whole = stepwell.arange(int(np.prod(sizes)), dtype=stepwell.float32)
    there = whole.reshape([sizes[i] for i in order])
    return there.permute(*np.argsort(order).tolist())


ROW, COLUMN = (12, 4, 1), (1, 2, 6)
CASES = {
    "unary, transposed": (lambda: dense((2, 3, 4), (2, 1, 0)).exp(), COLUMN),
    "binary, both transposed": (
        lambda: dense((2, 3, 4), (2, 1, 0)) + dense((2, 3, 4), (2, 1, 0)),
        COLUMN,
    ),
    "the first operand decides": (lambda: dense((2, 3, 4)) + dense((2, 3, 4), (2, 1, 0)), ROW),
    "the first operand decides, turned": (
        lambda: dense((2, 3, 4), (2, 1, 0)) + dense((2, 3, 4)),
        COLUMN,
    ),
    "a number beside it": (lambda: dense((2, 3, 4), (2, 1, 0)) * 2.0, COLUMN),
    "ternary": (
        lambda: stepwell.where(
            dense((2, 3, 4), (2, 1, 0)) > 5, dense((2, 3, 4), (2, 1, 0)), dense((2, 3, 4))
        ),
        COLUMN,
    ),
    "comparison": (lambda: dense((2, 3, 4), (1, 0, 2)) < 3, (4, 8, 1)),
    "cast": (lambda: dense((2, 3, 4), (1, 2, 0)).to(stepwell.int32), (1, 8, 2)),
    "clone": (lambda: dense((2, 3, 4), (2, 0, 1)).clone(), (3, 1, 6)),
    "channels last": (lambda: dense((2, 3, 4, 5), (0, 2, 3, 1)).relu(), (60, 1, 15, 3)),
    "gaps are closed": (lambda: dense((2, 6, 4), (2, 1, 0))[:, ::2].exp(), COLUMN),
    "what is broadcast does not decide": (
        lambda: dense((4,)).expand(2, 3, 4) + dense((2, 3, 4), (2, 1, 0)),
        COLUMN,
    ),
    "a row and a column": (lambda: dense((1, 4)) + dense((3, 1)), (4, 1)),
    "a smaller rank": (lambda: dense((4,)) + dense((2, 3, 4), (0, 2, 1)), (12, 1, 3)),
    "contiguous": (lambda: dense((2, 3, 4), (2, 1, 0)).contiguous(), ROW),
    "nothing": (lambda: dense((2, 0, 4), (2, 1, 0)).exp(), (4, 4, 1)),
}


@pytest.mark.parametrize("name", CASES)
def test_strides(name):
    call, strides = CASES[name]
    for _ in range(2):  # the second one has a plan
        assert call().stride() == strides


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_values_and_gradients(order):
    a, b = dense((2, 3, 4), order), dense((2, 3, 4), (2, 1, 0)) + 1.0
    row = dense((3, 1)) + 1.0
    x, y, z = (t.numpy().astype("f8") for t in (a, b, row))
    for t in (a, b, row):
        t.requires_grad_()
    result = a * b + row / b
    np.testing.assert_allclose(result.detach().numpy(), x * y + z / y, rtol=1e-6)
    weight = dense((2, 3, 4), order)
    (result * weight).sum().backward()
    w = weight.numpy()
    np.testing.assert_allclose(a.grad.numpy(), w * y, rtol=1e-6)
    np.testing.assert_allclose(b.grad.numpy(), w * (x - z / y**2), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(row.grad.numpy(), (w / y).sum((0, 2))[:, None], rtol=1e-5)


def test_gradients_keep_the_layout():
    x, seen = (dense((3, 4)) / 8.0).requires_grad_(), []
    inner = x.t().exp()
    inner.register_hook(lambda g: seen.append(g.stride()))
    outer = inner.sin()
    (outer * dense((4, 3), (1, 0))).sum().backward()
    assert inner.stride() == (1, 4) and seen == [(1, 4)]
    exact = x.detach().numpy().astype("f8")
    slope = np.exp(exact) * np.cos(np.exp(exact)) * np.arange(12.0).reshape(3, 4)
    np.testing.assert_allclose(x.grad.numpy(), slope, rtol=1e-5)


def test_writes_into_views_of_a_result():
    a = dense((3, 4), (1, 0)).requires_grad_()
    b = a * 2.0
    assert b.stride() == (1, 3)
    b[1] = 0.0
    b[:, 2].mul_(3.0)
    b.sum().backward()
    expected = np.full((3, 4), 2.0)
    expected[1] = 0
    expected[[0, 2], 2] = 6
    np.testing.assert_array_equal(a.grad.numpy(), expected)
    assert b.reshape(-1).tolist() == b.detach().contiguous().reshape(-1).tolist()


def test_a_captured_function_gives_the_same_values():
    a, b = dense((3, 4), (1, 0)), dense((3, 4), (1, 0)) + 1.0
    call = lambda a, b: ((a + b).exp2() * b).sum(0) + (a.t() * 2.0).clone().t()  # noqa: E731
    np.testing.assert_array_equal(stepwell.compile(call)(a, b).numpy(), call(a, b).numpy())


def test_transposed_operands_share_the_kernel_of_plain_ones():
    x, y = dense((5, 7)), dense((5, 7), (1, 0))
    x.logical_xor(x)
    before = stepwell.kernel_stats()
    y.logical_xor(y)
    dense((2, 3, 4), (2, 0, 1)).logical_xor(dense((2, 3, 4), (2, 0, 1)))
    after = stepwell.kernel_stats()
    kinds = [k for k in after if k != "memory_hits"]
    assert {k: after[k] for k in kinds} == {k: before[k] for k in kinds}


def test_nothing_of_what_lies_backwards():
    x = stepwell.arange(3)[::-1]
    assert [piece.tolist() for piece in x.split([3, 0])] == [[2, 1, 0], []]
    assert x[3:].tolist() == x.narrow(0, 3, 0).tolist() == []
    assert x[3:].add_(1).shape == (0,)
