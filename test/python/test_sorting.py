# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""sort, argsort, topk, kthvalue and median against NumPy: types, dimensions, ties, NaN, zeros, no elements."""

import inspect

import numpy as np
import pytest
import stepwell as sw
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
shapes = st.sampled_from(
    [(0,), (1,), (2,), (17,), (300,), (3, 40), (40, 3), (0, 4), (4, 0), (2, 3, 5), (2, 1, 70)]
)


def drawn(kind, shape, seed, special=True):
    random = np.random.default_rng(seed)
    if kind == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if kind.startswith("float"):
        values = random.integers(-3, 4, shape) * random.choice([0.1, 1.0, 1e4], shape)
        values[random.random(shape) < 0.1] = -0.0
        if special:
            values[random.random(shape) < 0.1] = np.nan
            values[random.random(shape) < 0.1] = np.inf
            values[random.random(shape) < 0.1] = -np.inf
        return values.astype(kind)
    bounds = np.iinfo(kind)
    wide = random.integers(bounds.min, bounds.max, shape, dtype=kind, endpoint=True)
    return np.where(random.random(shape) < 0.5, wide, wide % 3).astype(kind)


def order(values, dim, descending):
    """Where elements are in stable order, the largest first or last, NaN as the largest."""
    if not descending:
        return np.argsort(values, axis=dim, kind="stable")
    turned = np.flip(np.argsort(np.flip(values, dim), axis=dim, kind="stable"), dim)
    return values.shape[dim] - 1 - turned


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("descending", [False, True])
@settings(max_examples=25, deadline=None)
@given(shape=shapes, seed=st.integers(0, 999), last=st.booleans())
def test_sort(kind, descending, shape, seed, last):
    values = drawn(kind, shape, seed)
    dim = -1 if last else 0
    found = sw.sort(sw.tensor(values), dim=dim, descending=descending, stable=True)
    where = order(values, dim, descending)
    assert found.indices.dtype is sw.int64 and found.values.dtype is getattr(sw, kind)
    np.testing.assert_array_equal(found.indices.numpy(), where)
    want = np.take_along_axis(values, where, dim)
    np.testing.assert_array_equal(found.values.numpy(), want)
    # Not only equal: -0 stays -0.
    if kind.startswith("float"):
        np.testing.assert_array_equal(np.signbit(found.values.numpy()), np.signbit(want))
    np.testing.assert_array_equal(sw.argsort(sw.tensor(values), dim, descending).numpy(), where)


@pytest.mark.parametrize("kind", ["float64", "int64", "float32", "uint8"])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("compiled", [False, True])
def test_sort_lengths(kind, descending, compiled):
    """Short rows are sorted by ranks, longer ones by digits."""

    def run(x):
        return sw.sort(x, descending=descending, stable=True)

    for length in (0, 1, 2, 7, 8, 63, 159, 160, 161, 255, 256, 257):
        values = drawn(kind, (2, length), length)
        found = (sw.compile(run) if compiled else run)(sw.tensor(values))
        where = order(values, -1, descending)
        np.testing.assert_array_equal(found.indices.numpy(), where)
        np.testing.assert_array_equal(found.values.numpy(), np.take_along_axis(values, where, -1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [0, 1, 3, 10, 40])
@settings(max_examples=15, deadline=None)
@given(
    shape=st.sampled_from([(40,), (3, 40), (200,), (2, 70)]),
    seed=st.integers(0, 999),
    largest=st.booleans(),
)
def test_topk(kind, k, shape, seed, largest):
    values = drawn(kind, shape, seed)
    found = sw.topk(sw.tensor(values), k, largest=largest)
    where = order(values, -1, largest)[..., :k]
    np.testing.assert_array_equal(found.indices.numpy(), where)
    np.testing.assert_array_equal(found.values.numpy(), np.take_along_axis(values, where, -1))


def test_views_and_dimensions():
    values = np.random.default_rng(0).normal(size=(4, 6, 5))
    t = sw.tensor(values)
    for dim in range(-3, 3):
        np.testing.assert_array_equal(t.sort(dim).values.numpy(), np.sort(values, dim))
        np.testing.assert_array_equal(
            t.topk(2, dim, largest=False).values.numpy(), np.sort(values, dim).take([0, 1], dim)
        )
    views = [
        (t.transpose(0, 2), values.swapaxes(0, 2)),
        (t[::2, :, 1:4], values[::2, :, 1:4]),
        (t[0, 1], values[0, 1]),
    ]
    for view, array in views:
        np.testing.assert_array_equal(view.sort(0).values.numpy(), np.sort(array, 0))
        np.testing.assert_array_equal(sw.msort(view).numpy(), np.sort(array, 0))
    assert sw.sort(sw.tensor(2.0)).indices.item() == 0
    assert sw.tensor(2.0).topk(1).values.shape == ()


def test_bfloat16():
    values = sw.tensor([1.5, float("nan"), -2.0, 0.25]).bfloat16()
    assert values.sort().indices.tolist() == [2, 3, 0, 1]
    assert values.topk(2, largest=False).values.tolist() == [-2.0, 0.25]


def test_kthvalue_and_median():
    values = np.random.default_rng(3).permutation(np.arange(60.0)).reshape(4, 15)
    t = sw.tensor(values)
    for k in (1, 7, 15):
        found = t.kthvalue(k)
        np.testing.assert_array_equal(found.values.numpy(), np.sort(values, 1)[:, k - 1])
        np.testing.assert_array_equal(
            np.take_along_axis(values, found.indices.numpy()[:, None], 1)[:, 0],
            found.values.numpy(),
        )
    assert t.kthvalue(2, 0, keepdim=True).values.shape == (1, 15)
    np.testing.assert_array_equal(t.median(1).values.numpy(), np.median(values, 1))
    assert t.median().item() == 29.0  # the lower one of two
    assert t.median(0, keepdim=True).indices.shape == (1, 15)
    withnan = sw.tensor([[1.0, float("nan"), 0.0], [1.0, 2.0, 3.0]]).median(1)
    assert np.isnan(withnan.values[0].item()) and withnan.values[1].item() == 2.0
    assert withnan.indices.tolist() == [1, 1]
    assert sw.tensor([3, 1, 2]).median().item() == 2


def test_gradients():
    x = sw.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]], requires_grad=True)
    (x.sort(1, descending=True).values * sw.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [[1.0, 100.0, 10.0], [100.0, 1.0, 10.0]]
    x.grad = None
    (x.topk(2).values * sw.tensor([1.0, 10.0])).sum().backward()
    assert x.grad.tolist() == [[1.0, 0.0, 10.0], [0.0, 1.0, 10.0]]
    x.grad = None
    x.kthvalue(2).values.sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]
    x.grad = None
    x.median(1).values.sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]


def test_captured():
    x = sw.tensor(np.random.default_rng(1).normal(size=(5, 33)))
    sorts = sw.compile(lambda x: (x.sort(0).values, x.topk(3).indices))
    for ours, eager in zip(sorts(x), (x.sort(0).values, x.topk(3).indices), strict=True):
        np.testing.assert_array_equal(ours.numpy(), eager.numpy())


def test_threads_change_nothing():
    x = sw.tensor(np.random.default_rng(2).normal(size=(64, 5000)).astype("f4"))
    np.testing.assert_array_equal(x.sort().values.numpy(), np.sort(x.numpy()))


def test_wrong_arguments():
    x = sw.ones(2, 3)
    with pytest.raises(IndexError, match=r"range of \[-2, 1\], but got 2"):
        x.sort(2)
    with pytest.raises(RuntimeError, match="selected index k out of range"):
        x.topk(4)
    with pytest.raises(RuntimeError, match="selected index k out of range"):
        x.topk(-1)
    with pytest.raises(RuntimeError, match="selected number k out of range"):
        x.kthvalue(0)
    with pytest.raises(RuntimeError, match="selected number k out of range"):
        x.kthvalue(4)
    with pytest.raises(IndexError, match="at least one element"):
        sw.ones(2, 0).median(1)


@pytest.mark.parametrize("name", ["sort", "argsort"])
def test_help_shows_how_to_call(name):
    names = ["input", "dim", "descending", "stable", *(["out"] if name == "sort" else [])]
    for function in (getattr(sw, name), getattr(sw.Tensor, name)):
        assert list(inspect.signature(function).parameters) == names


def test_one_kernel_finds_every_order_statistic():
    def kernels():
        stats = sw._core.kernel_stats()
        return stats["compiles"] + stats["disk_hits"] + stats["shipped_hits"]

    x = sw.tensor(np.random.default_rng(5).permutation(40))
    assert x.kthvalue(3).values.item() == 2
    first = kernels()
    assert [x.kthvalue(k).values.item() for k in (1, 20, 40)] == [0, 19, 39]
    assert x[:31].kthvalue(4).values.item() == np.sort(x[:31].numpy())[3]
    assert kernels() == first
