# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The ways to call a function that PyTorch has besides the plain one, and the edges of its domain."""

import numpy as np
import pytest
import stepwell as sw

X = np.arange(24.0).reshape(2, 3, 4) / 7 - 1


def t(array, dtype=None):
    return sw.tensor(array, dtype=dtype)


def same(tensor, array, **kwargs):
    assert tuple(tensor.shape) == np.shape(array)
    np.testing.assert_allclose(tensor.detach().numpy(), array, rtol=1e-12, **kwargs)


# --- dtype= ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sum", "prod", "mean"])
def test_reductions_in_another_type(name):
    values = np.arange(1, 7).reshape(2, 3)
    for x in (t(values), t(values, sw.int16), t(values.astype(np.float32))):
        found = getattr(sw, name)(x, 1, dtype=sw.float64)
        assert found.dtype is sw.float64
        same(found, getattr(np, name)(values.astype(float), 1))
        method = getattr(x, name)(0, keepdim=True, dtype=sw.float64)
        same(method, getattr(np, name)(values.astype(float), 0, keepdims=True))


def test_a_smaller_type_wraps_around():
    x = t([200, 100, 3])
    assert x.sum(dtype=sw.uint8).item() == (200 + 100 + 3) % 256
    assert x.sum(dtype=sw.uint8).dtype is sw.uint8
    assert x.sum(dtype=sw.bool).item() is True
    assert sw.zeros(3).sum(dtype=sw.bool).item() is False
    assert t([2.9, 2.9]).sum(dtype=sw.int64).item() == 4  # cast before
    assert sw.cumsum(x, 0, dtype=sw.int8).tolist() == [-56, 44, 47]


def test_gradient_through_dtype():
    x = sw.ones(3).requires_grad_()
    (x.sum(dtype=sw.float64) * 2).backward()
    assert x.grad.dtype is sw.float32 and x.grad.tolist() == [2, 2, 2]


def test_softmax_in_another_type():
    x = t([1, 2, 3])
    expected = np.exp([1.0, 2, 3]) / np.exp([1.0, 2, 3]).sum()
    same(sw.softmax(x, 0, dtype=sw.float64), expected)
    same(x.log_softmax(-1, dtype=sw.float64), np.log(expected))
    for name in ("softmax", "log_softmax"):
        for bad in (x, x > 1):
            with pytest.raises(RuntimeError, match=f"{name}: not defined for elements of type"):
                getattr(sw, name)(bad, 0)
    with pytest.raises(NotImplementedError, match="cross_entropy: not defined for elements"):
        sw.nn.functional.cross_entropy(t([[1, 2]]), t([0]))


def test_dtype_is_a_keyword():
    x = t(X)
    with pytest.raises(TypeError, match="takes 3 positional arguments but 4 were given"):
        sw.sum(x, 0, False, sw.float64)
    with pytest.raises(TypeError, match="argument 'dtype' must be stepwell.dtype, not str"):
        sw.sum(x, dtype="float64")
    same(sw.sum(x, dtype=None), X.sum())


# --- var, std ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["var", "std"])
def test_corrections(name):
    x, ours, numpy = t(X), getattr(sw, name), getattr(np, name)
    same(ours(x), numpy(X, ddof=1))
    same(ours(x, False), numpy(X))
    same(ours(x, 1, False), numpy(X, 1))
    same(ours(x, (0, 2), True, True), numpy(X, (0, 2), ddof=1, keepdims=True))
    same(ours(x, unbiased=False), numpy(X))
    same(ours(x, 2, correction=3), numpy(X, 2, ddof=3))
    same(getattr(x, name)(dim=1, keepdim=True, correction=0), numpy(X, 1, keepdims=True))
    with pytest.raises(TypeError, match="'unbiased' or 'correction', not both"):
        ours(x, 0, True, correction=1)


# --- where, take_along_dim ---------------------------------------------------


def test_where_of_a_condition():
    mask = X > 0.3
    found = sw.where(t(mask))
    assert isinstance(found, tuple)
    for ours, theirs in zip(found, np.where(mask), strict=True):
        assert ours.dtype is sw.int64
        np.testing.assert_array_equal(ours.numpy(), theirs)
    same(t(X)[found], X[np.where(mask)])
    assert [each.tolist() for each in sw.where(t(True))] == [[0]]
    with pytest.raises(TypeError):
        sw.where(t(mask), t(X))


def test_take_along_dim_of_all():
    values, index = X[0], np.array([[5, 1], [11, 0]])
    found = sw.take_along_dim(t(values), t(index))
    assert found.shape == (4,)
    same(found, values.ravel()[index.ravel()])
    same(t(values).take_along_dim(t(index), None), values.ravel()[index.ravel()])
    with pytest.raises(RuntimeError, match="same number of dimensions"):
        sw.take_along_dim(t(values), t([0, 1]), 0)


# --- No dimensions -----------------------------------------------------------


@pytest.mark.parametrize("dim", [0, -1])
def test_along_a_dimension_that_is_not_there(dim):
    x = t(5.0)
    zero, one = t(0), t([0])
    assert sw.softmax(x, dim).shape == () and sw.softmax(x, dim).item() == 1
    assert x.log_softmax(dim).shape == () and x.log_softmax(dim).item() == 0
    assert sw.cumsum(x, dim).shape == () and sw.cumsum(x, dim).item() == 5
    for index in (zero, one):
        assert sw.index_select(x, dim, index).shape == ()
    assert sw.gather(x, dim, zero).shape == ()
    assert sw.gather(x, dim, t([0, 0])).tolist() == [5, 5]
    assert sw.gather(t([1.0, 2.0]), dim, t(1)).tolist() == 2
    assert sw.index_select(t([1.0, 2.0]), dim, t(1)).tolist() == [2]
    assert sw.index_add(x, dim, zero, t(2.0)).tolist() == 7
    assert sw.index_copy(x, dim, one, t([2.0])).tolist() == 2
    assert sw.scatter_add(x, dim, zero, t(2.0)).tolist() == 7
    assert sw.scatter(x, dim, zero, 3.0).tolist() == 3
    assert x.clone().index_add_(dim, zero, t(2.0)).tolist() == 7
    assert x.item() == 5
    with pytest.raises(RuntimeError, match=r"Index to scalar can have only 1 value, got 2 value"):
        sw.index_select(x, dim, t([0, 0]))
    with pytest.raises(IndexError, match="index 1 is out of bounds"):
        sw.gather(x, dim, t(1))


def test_no_further_dimension():
    for function in (sw.softmax, sw.log_softmax, sw.cumsum):
        with pytest.raises(IndexError, match=r"range of \[-1, 0\], but got 1"):
            function(t(1.0), 1)


def test_gradient_without_dimensions():
    x = t(2.0).requires_grad_()
    (sw.cumsum(x, 0) * 3 + sw.gather(x, 0, t([0, 0])).sum()).backward()
    assert x.grad.shape == () and x.grad.item() == 5


def test_logsumexp_of_nothing():
    empty = sw.zeros(0, 3).requires_grad_()
    found = sw.logsumexp(empty, 0)
    assert found.tolist() == [-np.inf] * 3
    found.sum().backward()
    assert empty.grad.shape == (0, 3)
    assert sw.compile(lambda x: sw.logsumexp(x, 0))(sw.zeros(0, 3)).tolist() == [-np.inf] * 3
    with pytest.raises(IndexError, match="at least one element"):
        sw.amax(sw.zeros(0, 3), 0)


# --- batch_norm --------------------------------------------------------------


@pytest.mark.parametrize("which", ["running_mean", "running_var", "weight", "bias"])
@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("training", [False, True])
def test_statistics_of_other_channels(which, size, training):
    parts = {"running_mean": sw.zeros(3), "running_var": sw.ones(3), which: sw.ones(size)}
    with pytest.raises(RuntimeError, match=f"{which} should contain 3 elements not {size}"):
        sw.nn.functional.batch_norm(sw.ones(2, 3, 4), **parts, training=training)
    assert parts["running_mean"].sum().item() in (0, size)


# --- Writes ------------------------------------------------------------------


def scattered(x, dim, index, src, add):
    out = x.copy()
    for at in np.ndindex(index.shape):
        place = list(at)
        place[dim] = index[at]
        value = src[at] if isinstance(src, np.ndarray) else src
        out[tuple(place)] = out[tuple(place)] + value if add else value
    return out


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_scatter(dim):
    x = X[0]
    rank_dim = dim % 2
    index = np.argsort(X[1], axis=rank_dim)[:2, :2]
    src = X[1] + 3
    places = (t(index), t(src))
    same(sw.scatter(t(x), dim, *places), scattered(x, rank_dim, index, src, False))
    same(sw.scatter(t(x), dim, t(index), 9.0), scattered(x, rank_dim, index, 9.0, False))
    same(sw.scatter(t(x), dim, t(index), value=9.0), scattered(x, rank_dim, index, 9.0, False))
    y = t(x)
    assert y.scatter_(dim, *places) is y
    same(y, scattered(x, rank_dim, index, src, False))
    y = t(x)
    assert y.scatter_add_(dim, *places) is y
    same(y, scattered(x, rank_dim, index, src, True))
    same(sw.scatter_add(t(x), dim, *places), scattered(x, rank_dim, index, src, True))


def test_gradients_of_scatter():
    x, src = t(X[0]).requires_grad_(), t(X[1]).requires_grad_()
    weight = np.arange(12.0).reshape(3, 4)
    index = np.array([[2, 0, 1, 1]])
    (sw.scatter(x, 0, t(index), src) * t(weight)).sum().backward()
    same(x.grad, scattered(weight, 0, index, 0.0, False))
    expected = np.zeros((3, 4))
    expected[0] = weight[index[0], np.arange(4)]
    same(src.grad, expected)


def test_index_writes_in_place():
    index, source = np.array([2, 0, 2]), X[:, :, :1].repeat(1, 2) + 2
    y = t(X)
    assert y.index_add_(1, t(index), t(source.repeat(4, 2)), alpha=2) is y
    expected = X.copy()
    np.add.at(expected, (slice(None), index), 2 * source.repeat(4, 2))
    same(y, expected)
    same(sw.index_add(t(X), 1, t(index), t(source.repeat(4, 2)), alpha=2), expected)
    y = t(X)
    assert y.index_copy_(2, t([3, 1]), t(X[:, :, :2])) is y
    expected = X.copy()
    expected[:, :, [3, 1]] = X[:, :, :2]
    same(y, expected)
    y = t(X)
    assert y.index_fill_(1, t([0, -1]), 7) is y
    expected = X.copy()
    expected[:, [0, 2]] = 7
    same(y, expected)
    same(t(X).index_fill(1, t([0, 2]), t(7.0)), expected)
    y = t(X)
    assert y.masked_fill_(y > 0, -1) is y
    same(y, np.where(X > 0, -1, X))


def test_writes_are_recorded():
    x = t(X[0]).requires_grad_()
    y = x * 1
    y.index_add_(0, t([1]), t(X[1, :1]))
    y.scatter_(1, t([[0], [1], [2]]), 5.0)
    y.sum().backward()
    same(x.grad, scattered(np.ones((3, 4)), 1, np.array([[0], [1], [2]]), 0.0, False))
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.index_add_(0, t([1]), t(X[1, :1]))


def test_wrong_writes():
    x = t(X[0])
    with pytest.raises(RuntimeError, match="Expected self.dtype to be equal to src.dtype"):
        x.scatter_(0, t([[0]]), t([[1]]))
    with pytest.raises(RuntimeError, match="same number of dimensions as self"):
        x.scatter_(0, t([0]), 1.0)
    with pytest.raises(RuntimeError, match="to be no larger than self"):
        x.scatter_(1, sw.zeros(4, 1, dtype=sw.int64), 1.0)
    with pytest.raises(TypeError, match="argument 'src' must be Tensor or number"):
        x.scatter_(0, t([[0]]), "1")
    with pytest.raises(IndexError, match="Dimension out of range"):
        x.scatter_(2, t([[0]]), 1.0)
    with pytest.raises(IndexError, match="out of bounds"):
        x.scatter_(0, t([[3]]), 1.0)
    same(x, X[0])


def test_nothing_is_written_where_an_index_is_bad():
    x = t(X[0])

    def put():
        x[[0, 9], [1, 2]] = 77

    def put_rows():
        x[[0, 9]] = 77

    def put_far():
        x[:, ::2][[1, -4]] = 77

    calls = [
        put, put_rows, put_far,
        lambda: x.index_add_(0, t([0, 9]), sw.ones(2, 4, dtype=sw.float64)),
        lambda: x.index_copy_(0, t([0, 9]), sw.ones(2, 4, dtype=sw.float64)),
        lambda: x.scatter_add_(0, t([[0, 9]]), sw.ones(2, 4, dtype=sw.float64)),
        lambda: x.index_put_((t([0, 9]), t([1, 2])), t(1.0)),
        lambda: x.index_put_((t([0, 9]), t([1, 2])), t(1.0), accumulate=True),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(IndexError, match="out of bounds"):
            call()
        same(x, X[0])


def test_a_compiled_write_with_a_bad_index_writes_nothing():
    x = t(X[0])

    @sw.compile
    def put(x, i):
        x[i] = 77.0
        return x

    with pytest.raises(IndexError, match="index 9 is out of bounds for dimension 0 with size 3"):
        put(x, t([0, 9]))
    same(x, X[0])
    put(x, t([0, -1]))
    assert x[0, 0].item() == x[2, 3].item() == 77


def test_a_compiled_index_out_of_range_is_named():
    @sw.compile
    def rows(x, i, j):
        return x[i, :, j]

    x = t(X)
    same(rows(x, t([0, -1]), t([-4, 3])), X[[0, -1], :, [-4, 3]])
    with pytest.raises(IndexError, match="index -3 is out of bounds for dimension 0 with size 2"):
        rows(x, t([0, -3]), t([0, 0]))
    with pytest.raises(IndexError, match="index 4 is out of bounds for dimension 2 with size 4"):
        rows(x, t([0, 1]), t([0, 4]))


# --- Masks of bytes ----------------------------------------------------------


def test_uint8_indices_are_masks():
    x, mask = t(X[0]), np.array([1, 0, 1], np.uint8)
    with pytest.warns(UserWarning, match="uint8 is now deprecated"):
        same(x[t(mask)], X[0][mask.astype(bool)])
    with pytest.warns(UserWarning, match="uint8 is now deprecated"):
        x[t(mask)] = 0
    assert x[0].tolist() == x[2].tolist() == [0.0] * 4
    x.index_put_((t(mask),), t(5.0))
    assert x[0].tolist() == x[2].tolist() == [5.0] * 4
    with pytest.warns(UserWarning), pytest.raises(IndexError, match="shape of the mask"):
        x[t(np.array([1, 0], np.uint8))]


# --- NumPy's arrays ----------------------------------------------------------


def test_arrays_and_tensors():
    x = sw.ones(3).requires_grad_()
    array = np.array([1.0, 2, 3])
    for found, expected in (
        (array + x, [2, 3, 4]),
        (x + array, [2, 3, 4]),
        (array - x, [0, 1, 2]),
        (x / array, 1 / array),
        (array**x, [1, 2, 3]),
        (array @ x.double(), 6),
        (x.double() @ array, 6),
    ):
        assert isinstance(found, sw.Tensor) and found.dtype is sw.float64 and found.requires_grad
        same(found, expected)
    (np.float32([2, 2, 2]) * x).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]
    assert (array < x.detach() * 2).tolist() == [True, False, False]
    assert (array == x.detach()).tolist() == [True, False, False]
    assert (np.float32(2) - x).requires_grad
    y = sw.ones(3)
    y += array.astype(np.float32)
    assert y.tolist() == [2, 3, 4]
    made = np.sin(sw.zeros(2))
    assert isinstance(made, sw.Tensor) and made.tolist() == [0, 0]
    with pytest.raises(TypeError):
        sw.ones(3) + np.array(["a", "b", "c"])


# --- Threads -----------------------------------------------------------------


def test_number_of_threads():
    before = sw.get_num_threads()
    assert before >= 1
    try:
        x = sw.ones(1 << 18)
        for count in (1, 3, 2):
            sw.set_num_threads(count)
            assert sw.get_num_threads() == count
            assert (x + count).sum().item() == (1 + count) * (1 << 18)
        for bad in (0, -1):
            with pytest.raises(RuntimeError, match="expects a positive integer"):
                sw.set_num_threads(bad)
        with pytest.raises(RuntimeError, match="expects an int, but got float"):
            sw.set_num_threads(2.0)
        assert sw.get_num_threads() == 2
    finally:
        sw.set_num_threads(before)
