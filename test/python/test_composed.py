# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions that are one line over others."""

import numpy as np
import pytest
import stepwell as sw

R = np.random.default_rng(0)
A, B = R.normal(size=(3, 4)), R.normal(size=(4, 2))
a, b = sw.tensor(A), sw.tensor(B)


def close(found, expected):
    assert tuple(found.shape) == np.shape(expected)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_products():
    close(sw.mm(a, b), A @ B)
    close(sw.bmm(a.expand(2, 3, 4), b.expand(2, 4, 2)), np.stack([A @ B] * 2))
    close(sw.dot(a[0], a[1]), A[0] @ A[1])
    close(sw.outer(a[0], b[0]), np.outer(A[0], B[0]))
    close(sw.addmm(b[:3], a, b, beta=2, alpha=0.5), 2 * B[:3] + 0.5 * (A @ B))


def test_addmm_with_a_number_for_each_column():
    """Is one kernel, with the values and gradients of two; other shapes of the first operand are no such numbers."""
    x, w, c = R.normal(size=(5, 6)), R.normal(size=(6, 7)), R.normal(size=7)
    operands = [sw.tensor(each, requires_grad=True) for each in (c, x, w)]
    before = sum(sw._core.kernel_stats().values())
    found = sw.addmm(*(each.detach() for each in operands))
    assert sum(sw._core.kernel_stats().values()) == before + 1
    close(found, c + x @ w)
    g = R.normal(size=(5, 7))
    for got, want in zip(
        sw.autograd.grad((sw.addmm(*operands) * sw.tensor(g)).sum(), operands),
        (g.sum(0), g @ w.T, x.T @ g),
        strict=True,
    ):
        close(got, want)
    for first in (c[:1], c[None], np.tile(c, (5, 1)), x[:, :1]):
        close(sw.addmm(sw.tensor(first), *operands[1:]).detach(), first + x @ w)
    whole = [
        sw.tensor(np.arange(n).reshape(shape)) for n, shape in ((2, 2), (6, (3, 2)), (4, (2, 2)))
    ]
    close(sw.addmm(*whole), whole[0].numpy() + whole[1].numpy() @ whole[2].numpy())
    with pytest.raises(RuntimeError):
        sw.addmm(operands[0], operands[1], operands[1])


@pytest.mark.parametrize(
    "call",
    [
        lambda: sw.mm(a[0], b),
        lambda: sw.bmm(a, b),
        lambda: sw.bmm(a.expand(2, 3, 4), b.expand(3, 4, 2)),
        lambda: sw.dot(a, b),
        lambda: sw.outer(a, b),
        lambda: a.repeat(2),
        lambda: a.repeat(1, -1),
        lambda: sw.isclose(a, b.float()),
        lambda: sw.meshgrid(a[0], b[0], indexing="yx"),
    ],
)
def test_what_does_not_fit_is_refused(call):
    with pytest.raises(RuntimeError):
        call()


@pytest.mark.parametrize("p", ["fro", 0, 1, 2, 3, float("inf"), float("-inf")])
def test_norm(p):
    order = 2 if p == "fro" else p
    close(sw.norm(a, p, 1), np.linalg.norm(A, order, 1))
    close(a.norm(p, dim=0, keepdim=True), np.linalg.norm(A, order, 0, keepdims=True))
    close(sw.norm(a, p), np.linalg.norm(A.ravel(), order))


def test_closeness_and_equality():
    x = sw.tensor([1.0, float("nan"), float("inf"), 2.0])
    y = sw.tensor([1.0 + 1e-7, float("nan"), float("inf"), 2.1])
    assert sw.isclose(x, y).tolist() == [True, False, True, False]
    assert sw.isclose(x, y, equal_nan=True).tolist() == [True, True, True, False]
    assert sw.isclose(x, y, rtol=0.1, equal_nan=True).all()
    assert sw.allclose(a, a + 1e-12)
    assert not sw.allclose(a, a + 1e-3)
    assert sw.isclose(sw.tensor([1, 2]), sw.tensor([1, 3])).tolist() == [True, False]
    far = sw.tensor([3e38, float("inf"), 0.0])  # the tolerance is infinite
    assert sw.isclose(far, -far, rtol=1.5).tolist() == [False, False, True]
    assert sw.equal(a, a)
    assert not sw.equal(a, b)
    assert not sw.equal(x, x)


def test_counts_and_squares():
    assert sw.count_nonzero(sw.tensor([[0, 1], [2, 3]]), 0).tolist() == [1, 2]
    close(sw.square(a), A * A)


def test_repeat_and_meshgrid():
    close(a.repeat(2, 3), np.tile(A, (2, 3)))
    close(a.repeat((2, 1, 1)), np.tile(A, (2, 1, 1)))
    assert a.repeat(0, 1).shape == (0, 4)
    for indexing in ("ij", "xy"):
        found = sw.meshgrid(a[0], b[:, 0], b[0], indexing=indexing)
        expected = np.meshgrid(A[0], B[:, 0], B[0], indexing=indexing)
        for one, other in zip(found, expected, strict=True):
            close(one, other)


def test_types_and_makers():
    assert sw.is_tensor(a)
    assert not sw.is_tensor(A)
    assert a.type_as(sw.tensor(1)).dtype is sw.int64
    assert a.cpu() is a
    assert a.new_zeros(2, 3).dtype is sw.float64
    assert a.new_ones((2,)).tolist() == [1, 1]
    assert a.new_full((2,), 7).tolist() == [7, 7]
    assert a.new_tensor([1]).dtype is sw.float64
    assert a.new_empty(3, dtype=sw.int8).dtype is sw.int8


def test_gradients_and_capture():
    x = sw.tensor(A, requires_grad=True)
    sw.norm(x).backward()
    np.testing.assert_allclose(x.grad.numpy(), A / np.linalg.norm(A))

    def function(x):
        return x.repeat(2, 2).sum() + sw.mm(x, b).norm() + sw.meshgrid(x[0], x[1])[1].sum()

    np.testing.assert_allclose(sw.compile(function)(a).item(), function(a).item(), rtol=1e-12)


def test_one_hot():
    one_hot = sw.nn.functional.one_hot
    classes = sw.tensor([[0, 2], [1, 1]])
    expected = np.eye(4, dtype=np.int64)[[[0, 2], [1, 1]]]
    assert one_hot(classes).numpy().tolist() == expected[..., :3].tolist()
    assert one_hot(classes, 4).numpy().tolist() == expected.tolist()
    assert one_hot(classes, 4).dtype is sw.int64
    assert sw.compile(lambda c: one_hot(c, 4))(classes).tolist() == expected.tolist()
    for wrong, count in ((sw.tensor([-1]), 3), (sw.tensor([3]), 3), (sw.tensor([1.0]), 3)):
        with pytest.raises(RuntimeError):
            one_hot(wrong, count)
    with pytest.raises(RuntimeError, match="num_classes"):
        one_hot(classes[:0])


@pytest.mark.parametrize("amounts", [(1, 2), (0, 1, 2, 0), (-1, 1), (-1, -2, 1, 0), (-4, 0)])
def test_pad(amounts):
    pad = sw.nn.functional.pad
    low, high = ([0] * 2 for _ in range(2))
    for i in range(len(amounts) // 2):
        low[1 - i], high[1 - i] = amounts[2 * i], amounts[2 * i + 1]
    cut = A[
        tuple(slice(max(0, -p), n - max(0, -q)) for n, p, q in zip(A.shape, low, high, strict=True))
    ]
    around = [(max(0, p), max(0, q)) for p, q in zip(low, high, strict=True)]
    expected = np.pad(cut, around, constant_values=1.5)
    close(pad(a, amounts, value=1.5), expected)
    close(pad(sw.tensor(A.T.copy()).T, amounts, value=1.5), expected)
    close(sw.compile(lambda x: pad(x, amounts, value=1.5))(a), expected)
    x = sw.tensor(A, requires_grad=True)
    weights = sw.tensor(R.normal(size=expected.shape))
    (pad(x, amounts) * weights).sum().backward()
    back = [-v for v in amounts]
    close(x.grad, pad(weights, back).numpy())


def test_pad_refuses():
    pad = sw.nn.functional.pad
    for wrong in ((1,), (0, 0, 0, 0, 0, 0), (-5, 0), (2**63 - 1, 2**63 - 1)):
        with pytest.raises(RuntimeError):
            pad(a, wrong)
    with pytest.raises(NotImplementedError, match="reflect"):
        pad(a, (1, 1), mode="reflect")
