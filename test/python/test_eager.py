# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Eager operations against NumPy: dtypes, shapes with 0 and 1, broadcasting, views."""

import numpy as np
import pytest
import stepwell as sw
from hypothesis import given, settings
from hypothesis import strategies as st

BINARY = {"add": (sw.add, np.add), "mul": (sw.mul, np.multiply), "lt": (sw.lt, np.less)}
NUMPY = {
    sw.bool: np.bool_,
    sw.uint8: np.uint8,
    sw.int8: np.int8,
    sw.int16: np.int16,
    sw.int32: np.int32,
    sw.int64: np.int64,
    sw.float16: np.float16,
    sw.float32: np.float32,
    sw.float64: np.float64,
}


def values(shape, dtype, seed=0):
    random = np.random.default_rng(seed)
    if dtype is np.bool_:
        return random.random(shape) < 0.5
    if np.issubdtype(dtype, np.integer):
        return random.integers(0, 50, shape).astype(dtype)
    return np.asarray(random.random(shape) * 4 - 2, dtype)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("dtype", NUMPY.values(), ids=lambda d: d.__name__)
def test_binary_dtypes(name, dtype):
    ours, theirs = BINARY[name]
    a, b = values((3, 4), dtype), values((3, 4), dtype, 1)
    result = ours(sw.from_numpy(a), sw.from_numpy(b)).numpy()
    assert result.dtype == theirs(a, b).dtype
    np.testing.assert_array_equal(result, theirs(a, b))


def test_bfloat16_rounds_to_nearest_even():
    a = sw.tensor([1.0, 1.0, 3.0], dtype=sw.bfloat16)
    b = sw.tensor([2**-8, 3 * 2**-8, 2**-7], dtype=sw.bfloat16)
    assert (a + b).dtype is sw.bfloat16
    assert (a + b).tolist() == [1.0, 1.015625, 3.0]


@st.composite
def broadcast_views(draw):
    """Two arrays whose shapes broadcast, each looked at through transposes and slices."""
    rank = draw(st.integers(0, 3))
    sizes = [draw(st.sampled_from([0, 1, 2, 3, 5])) for _ in range(rank)]
    arrays = []
    for seed in range(2):
        own = [draw(st.sampled_from([1, size])) for size in sizes]
        own = own[draw(st.integers(0, rank)) :]
        steps = [draw(st.sampled_from([1, 2, -1, -2])) for _ in own]
        order = draw(st.permutations(range(len(own))))
        raw = values([own[i] * abs(steps[i]) for i in order], np.float32, seed)
        back = [order.index(i) for i in range(len(own))]
        arrays.append((raw, back, steps))
    return arrays


def look(array, back, steps):
    """The same view of an array or of a tensor."""
    viewed = array.transpose(back) if isinstance(array, np.ndarray) else array.permute(back)
    return viewed[tuple(slice(None, None, step) for step in steps)]


@settings(deadline=None, max_examples=60)
@given(broadcast_views(), st.sampled_from(sorted(BINARY)))
def test_views_broadcast(arrays, name):
    ours, theirs = BINARY[name]
    a, b = (look(raw, back, steps) for raw, back, steps in arrays)
    x, y = (look(sw.from_numpy(raw), back, steps) for raw, back, steps in arrays)
    result = ours(x, y)
    assert result.shape == theirs(a, b).shape
    np.testing.assert_array_equal(result.numpy(), theirs(a, b))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from([0, 1, 2, 7]), min_size=1, max_size=3), st.data())
def test_sum(shape, data):
    axes = data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    keep = data.draw(st.booleans())
    a = values(shape, np.float64)
    result = sw.from_numpy(a).sum(tuple(axes), keepdim=keep)
    expected = a.sum(tuple(axes), keepdims=keep)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "a, b", [((3, 4), (4, 5)), ((1, 4), (4, 1)), ((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (3, 4, 2)),
             ((4,), (4, 3)), ((3, 4), (4,)), ((4,), (4,)), ((3, 0), (0, 2))]
)  # fmt: skip
def test_matmul(a, b):
    x, y = values(a, np.float64), values(b, np.float64, 1)
    result = sw.from_numpy(x) @ sw.from_numpy(y)
    assert result.shape == (x @ y).shape
    np.testing.assert_allclose(result.numpy(), x @ y, rtol=1e-12)


def test_matmul_of_transposes():
    a, b = values((4, 3), np.float32), values((5, 4), np.float32)
    result = sw.from_numpy(a).T @ sw.from_numpy(b).T
    np.testing.assert_allclose(result.numpy(), a.T @ b.T, rtol=1e-5)


def test_promotion():
    i, f = sw.tensor([1, 2]), sw.tensor([1.5, 2.5])
    assert (i + 1).dtype is sw.int64
    assert (i + 1.0).dtype is sw.float32
    assert (i + f).dtype is sw.float32
    assert (sw.tensor([1], dtype=sw.uint8) + sw.tensor([1], dtype=sw.int8)).dtype is sw.int16
    # A tensor without dimensions gives way to one that has some.
    assert (f + sw.tensor(1.0, dtype=sw.float64)).dtype is sw.float32
    assert (i + sw.tensor(1.0, dtype=sw.float64)).dtype is sw.float64
    assert sw.tensor([True, False]).sum().dtype is sw.int64


def test_views_share_memory():
    x = sw.zeros(3, 4)
    x.T[1] = 5
    x[::2, -1].fill_(7)
    x.reshape(12)[0] = 1
    x.diagonal().add_(1)
    expected = np.zeros((3, 4), np.float32)
    expected.T[1] = 5
    expected[::2, -1] = 7
    expected.reshape(12)[0] = 1
    expected[range(3), range(3)] += 1
    np.testing.assert_array_equal(x.numpy(), expected)


def test_in_place_with_overlap():
    x = sw.tensor([1.0, 2.0, 3.0, 4.0])
    x[1:].add_(x[:-1])
    assert x.tolist() == [1.0, 3.0, 5.0, 7.0]
    x[1:] = x[:-1]
    assert x.tolist() == [1.0, 1.0, 3.0, 5.0]
    x += x
    assert x.tolist() == [2.0, 2.0, 6.0, 10.0]


def test_wrong_input():
    a, b = sw.zeros(2, 3), sw.zeros(4)
    with pytest.raises(RuntimeError, match=r"add.*\(2, 3\).*\(4\)|add.*3.*4"):
        a + b
    with pytest.raises(RuntimeError, match="matmul"):
        a @ a
    with pytest.raises(IndexError, match="index 2 is out of bounds"):
        a[2]
    with pytest.raises(IndexError, match="Dimension out of range"):
        a.sum(2)
    with pytest.raises(IndexError, match="too many indices"):
        a[0, 0, 0]
    with pytest.raises(TypeError, match="unexpected keyword argument 'axis'"):
        a.sum(axis=1)
    with pytest.raises(RuntimeError, match="can't be cast to the desired output type Long"):
        sw.tensor([1]).add_(1.5)
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        b.add_(sw.zeros(2, 4))
    with pytest.raises(RuntimeError, match="more than one element of the written-to"):
        sw.zeros(1).expand(3).add_(1)
    with pytest.raises(RuntimeError, match="ambiguous"):
        bool(a)
    with pytest.raises(RuntimeError, match="is invalid for input of size 6"):
        a.reshape(4)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        a.T.view(6)
    with pytest.raises(ValueError, match="expected sequence of length 2"):
        sw.tensor([[1, 2], [3]])
