# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Joining, splitting, turning and making tensors, against NumPy."""

import numpy as np
import pytest
import stepwell as sw
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = ("bool", "uint8", "int8", "int16", "int32", "int64",
         "float16", "bfloat16", "float32", "float64")  # fmt: skip


def same(got, want):
    assert tuple(got.shape) == want.shape
    values = got.float().numpy() if got.dtype is sw.bfloat16 else got.numpy()
    np.testing.assert_array_equal(values, want)


def pair(*shape, kind="float64"):
    values = np.arange(np.prod(shape)).reshape(shape)
    x = sw.tensor(values).to(getattr(sw, kind))
    return x, values.astype(bool) if kind == "bool" else values


@pytest.mark.parametrize("kind", KINDS)
def test_every_element_type(kind):
    x, values = pair(3, 4, kind=kind)
    for got, want in (
        (sw.cat([x, x[:1]]), np.concatenate([values, values[:1]])),
        (sw.stack([x, x], 1), np.stack([values, values], 1)),
        (sw.flip(x, 0, -1), values[::-1, ::-1]),
        (sw.roll(x, 1, 1), np.roll(values, 1, 1)),
        (sw.tril(x, 1), np.tril(values, 1)),
        (sw.triu(x), np.triu(values)),
    ):
        same(got, want)
        assert got.dtype is x.dtype


@pytest.mark.parametrize("kinds, want", [
    (("bool", "uint8"), "uint8"), (("int8", "uint8"), "int16"), (("int32", "int64"), "int64"),
    (("int64", "float16"), "float16"), (("float16", "bfloat16"), "float32"),
    (("float32", "float64", "bool"), "float64"),
])  # fmt: skip
def test_cat_promotes(kinds, want):
    parts = [pair(2, 3, kind=kind) for kind in kinds]
    got = sw.cat([x for x, _ in parts], 1)
    assert got.dtype is getattr(sw, want)
    same(got, np.concatenate([values.astype("f8") for _, values in parts], 1))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_cat_of_any_sizes(data):
    rank = data.draw(st.integers(1, 3))
    dim = data.draw(st.integers(0, rank - 1))
    shape = data.draw(st.lists(st.integers(0, 3), min_size=rank, max_size=rank))
    x, y = [], []
    for size in data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4)):
        part, values = pair(*shape[:dim], size, *shape[dim + 1 :])
        if data.draw(st.booleans()):
            part, values = sw.flip(part, dim), np.flip(values, dim)
        x.append(part)
        y.append(values)
    same(sw.cat(x, dim - data.draw(st.sampled_from([0, rank]))), np.concatenate(y, dim))


def test_cat_of_strided_and_empty():
    x, values = pair(4, 6)
    same(sw.cat([x.T[:4], x[::-1, ::2][:, [0, 1]].T.expand(2, 4)]),
         np.concatenate([values.T[:4], values[::-1, ::2][:, [0, 1]].T]))  # fmt: skip
    # A tensor of shape (0,) joins anything.
    same(sw.cat([sw.zeros(0, dtype=sw.float64), x], 1), values)


def test_cat_refuses():
    with pytest.raises(ValueError, match="non-empty list"):
        sw.cat([])
    with pytest.raises(RuntimeError, match="differ in more than dimension 0"):
        sw.cat([sw.ones(2, 3), sw.ones(2, 2)])
    with pytest.raises(RuntimeError, match=r"shapes \(2, 3\) and \(2,\)"):
        sw.cat([sw.ones(2, 3), sw.ones(2)])
    with pytest.raises(IndexError, match="but got 2"):
        sw.cat([sw.ones(2, 3)], 2)
    with pytest.raises(RuntimeError, match="zero-dimensional tensor cannot be concatenated"):
        sw.cat([sw.ones(()), sw.ones(())])
    with pytest.raises(TypeError):
        sw.cat([3])


@pytest.mark.parametrize("dim", [0, 1, 2, -1, -3])
def test_stack(dim):
    x, values = pair(2, 3)
    same(sw.stack([x, x * 2, x], dim), np.stack([values, values * 2, values], dim))


def test_stack_refuses():
    with pytest.raises(RuntimeError, match="non-empty"):
        sw.stack([])
    with pytest.raises(RuntimeError, match=r"got \[2\] at entry 0 and \[3\] at entry 1"):
        sw.stack([sw.ones(2), sw.ones(3)])
    with pytest.raises(IndexError, match=r"range of \[-2, 1\], but got 3"):
        sw.stack([sw.ones(2)], 3)


def test_pieces_are_views():
    x, values = pair(5, 7)
    for got, want in (
        (x.split(2), np.split(values, [2, 4])),
        (x.split([3, 0, 4], 1), np.split(values, [3, 3], 1)),
        (x.chunk(3, -1), np.split(values, [3, 6], 1)),
        (sw.chunk(x, 9), np.split(values, 5)),
        (x.unbind(1), list(values.T)),
    ):
        assert isinstance(got, tuple) and len(got) == len(want)
        for piece, part in zip(got, want, strict=True):
            same(piece, part)
    x.split(2)[1].fill_(-1.0)
    x.unbind(1)[6].fill_(-2.0)
    values[2:4] = -1
    values[:, 6] = -2
    same(x, values)


def test_pieces_refuse():
    x = sw.ones(4, 6)
    with pytest.raises(RuntimeError, match="split_size=0"):
        x.split(0)
    with pytest.raises(RuntimeError, match=r"sum exactly to 4 .* split_sizes=\[1, 2\]"):
        x.split([1, 2])
    with pytest.raises(RuntimeError):
        x.split([-1, 5])
    with pytest.raises(RuntimeError, match="greater than 0, got: 0"):
        x.chunk(0)
    with pytest.raises(IndexError, match="no dimensions"):
        sw.tensor(1).unbind()
    for call in (lambda: x.split(2, 2), lambda: x.unbind(2), lambda: x.chunk(2, -3)):
        with pytest.raises(IndexError, match=r"range of \[-2, 1\]"):
            call()


def test_flip_and_roll():
    x, values = pair(2, 3, 4)
    for dims in ((), (0,), (-1, 0), (0, 1, 2)):
        same(sw.flip(x, dims), np.flip(values, dims))
    same(x.transpose(0, 2).flip(1), np.flip(values.transpose(2, 1, 0), 1))
    for shift, dim in ((1, None), (-5, None), (3, 0), (-1, 2), ((1, -2), (0, 2)), (0, 1)):
        same(sw.roll(x, shift, dim), np.roll(values, shift, dim))
    same(sw.roll(x, 1, (0,)), np.roll(values, 1, 0))
    same(sw.roll(sw.zeros(0, 3), 1, 0), np.zeros((0, 3)))
    assert sw.flip(sw.tensor(3), 0).item() == 3 and sw.flip(sw.tensor(3), ()).item() == 3
    flipped = x.flip(0)
    flipped.fill_(0.0)
    same(x, values)  # a copy
    with pytest.raises(RuntimeError, match="appears multiple times"):
        x.flip(0, -3)
    with pytest.raises(IndexError, match="but got 3"):
        x.flip(3)
    with pytest.raises(IndexError, match="but got 5"):
        x.roll(1, 5)
    with pytest.raises(RuntimeError, match="shifts and dimensions must align"):
        x.roll((1, 2), (0,))


def test_arange():
    for args in ((5,), (0,), (2, 8, 3), (5, 0, -2), (-3, 3), (4, 4)):
        made = sw.arange(*args)
        assert made.dtype is sw.int64
        same(made, np.arange(*args))
    for args in ((0, 1, 0.1), (5.0,), (1, -1, -0.25)):
        made = sw.arange(*args)
        assert made.dtype is sw.float32
        np.testing.assert_allclose(made.numpy(), np.arange(*args), rtol=1e-7, atol=1e-7)
    for kind in KINDS[1:]:
        made = sw.arange(1, 100, 7, dtype=getattr(sw, kind))
        assert made.dtype is getattr(sw, kind)
        same(made, np.arange(1, 100, 7))
    with pytest.raises(RuntimeError, match="step must be nonzero"):
        sw.arange(0, 1, 0)
    for args in ((3, 0), (0, 3, -1)):
        with pytest.raises(RuntimeError, match="inconsistent with step sign"):
            sw.arange(*args)


def test_linspace():
    for args in ((0, 1, 5), (3, -1, 4), (2, 9, 1), (0, 1, 0), (-1, 1, 1001)):
        want = np.linspace(*args)
        got = sw.linspace(*args, dtype=sw.float64)
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-14, atol=1e-15)
        got = sw.linspace(*args)
        assert got.dtype is sw.float32
        np.testing.assert_allclose(got.numpy(), want, rtol=2e-7, atol=1e-7)
    assert sw.linspace(0.1, 0.7, 7, dtype=sw.float64)[-1].item() == 0.7
    with pytest.raises(RuntimeError, match="non-negative"):
        sw.linspace(0, 1, -1)


def test_eye():
    for sizes in ((3,), (2, 3), (3, 2), (0,), (0, 2)):
        same(sw.eye(*sizes), np.eye(*sizes))
    assert sw.eye(2).dtype is sw.float32 and sw.eye(2, dtype=sw.bool).dtype is sw.bool
    with pytest.raises(RuntimeError, match="greater or equal to 0"):
        sw.eye(-1)


@pytest.mark.parametrize("diagonal", [-5, -1, 0, 1, 5])
def test_bands(diagonal):
    for shape in ((3, 3), (2, 4), (2, 4, 3)):
        x, values = pair(*shape)
        same(sw.tril(x + 1, diagonal), np.tril(values + 1, diagonal))
        same(sw.triu(x + 1, diagonal), np.triu(values + 1, diagonal))
    same(sw.tril(x.transpose(1, 2), diagonal), np.tril(values.transpose(0, 2, 1), diagonal))
    with pytest.raises(RuntimeError, match="at least 2 dimensions"):
        sw.tril(sw.ones(3), diagonal)


@pytest.mark.parametrize("function, of_weights", [
    (lambda x: sw.cat([x, x * 2.0]), lambda w: w[:3] + 2 * w[3:]),
    (lambda x: sw.stack([x, x * 2.0], 1), lambda w: w[:, 0] + 2 * w[:, 1]),
    (lambda x: sw.flip(x, 1), lambda w: w[:, ::-1]),
    (lambda x: sw.roll(x, 1, 0), lambda w: np.roll(w, -1, 0)),
    (sw.tril, np.tril),
    (lambda x: sw.triu(x, 1), lambda w: np.triu(w, 1)),
    (lambda x: x.split([1, 3], 1)[1], lambda w: np.pad(w, ((0, 0), (1, 0)))),
    (lambda x: x.unbind(0)[2], lambda w: np.pad(w[None], ((2, 0), (0, 0)))),
])  # fmt: skip
def test_gradients(function, of_weights):
    x, _ = pair(3, 4)
    x.requires_grad_()
    y = function(x)
    weights = np.random.default_rng(0).normal(size=tuple(y.shape))
    (y * sw.tensor(weights)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), of_weights(weights), rtol=1e-15)


def test_flip_checks_dimensions_where_memory_is_near():
    with pytest.raises(IndexError):
        sw.ones(2, 3)._flip([5])
    with pytest.raises(IndexError):
        sw.tensor(1)._flip([0])
