# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reading and writing by indices against NumPy: slices, lists, arrays, masks, gather and scatter."""

import numpy as np
import pytest
import stepwell as sw
from hypothesis import given, settings
from hypothesis import strategies as st

SHAPE = (3, 4, 5)
KINDS = ("bool", "uint8", "int8", "int16", "int32", "int64",
         "float16", "bfloat16", "float32", "float64")  # fmt: skip


def ours(index):
    """The index with tensors in place of arrays."""
    if isinstance(index, tuple):
        return tuple(ours(each) for each in index)
    return sw.tensor(index) if isinstance(index, np.ndarray) else index


def pair(kind="float64", shape=SHAPE):
    values = np.arange(np.prod(shape)).reshape(shape)
    x = sw.tensor(values).to(getattr(sw, kind))
    return x, x.numpy() if kind != "bfloat16" else values.astype("f4")


def same(got, want):
    assert tuple(got.shape) == want.shape
    if got.dtype is sw.bfloat16:
        got = got.float()
    np.testing.assert_array_equal(got.numpy(), want)


MASK = np.array([True, False, True])
BOTH = np.arange(12).reshape(3, 4) % 3 == 0
INDICES = [
    1, -1, slice(1, 3), slice(None, None, 2), slice(5, 1), slice(-2, None), Ellipsis, None, (),
    (0, 1), (0, -1, 2), (Ellipsis, -1), (slice(None), 2), (None, 1, None), (Ellipsis, None, 0),
    (1, Ellipsis, None, slice(1, 4, 2)), (slice(None), None, Ellipsis, slice(0, 0)),
    [0, 2], [2, -1, 0, 0], ([0, 1], [1, -1]), (slice(None), [3, 0]), (Ellipsis, [4, 1, 1]),
    ([0, 2], slice(None), [1, 3]), ([[0], [2]], [1, 3]),
    (None, [0, 1], Ellipsis), ([0, 1], None, [1, 2]), (slice(0, 2), [1, 2], [3, -4]),
    ([1], slice(1, 1)), [], (slice(None), []), ([0, 1, 2], [0, 1, 2], [2, 3, 4]),
    np.array([[0, 1], [2, -3]]), (np.array([2, 0]), 1), (1, np.array([0, 3], "i4")),
    (np.array([1, 0], "i4"), Ellipsis, 2), np.zeros((2, 0), "i8"),
    MASK, (MASK, 1), (MASK, slice(None), [0, 4]), BOTH, (BOTH, 2), (BOTH, slice(1, 3)),
    (slice(None), np.array([True, False, False, True])), (Ellipsis, np.arange(5) > 2),
    np.zeros(3, bool), (MASK, np.array([1, 2])), np.arange(60).reshape(SHAPE) % 7 == 0,
    [True, False, True], (np.int64(1), np.int32(-2)), True, False,
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_read(index):
    x, values = pair()
    same(x[ours(index)], values[index])
    same(x[index], values[index])  # arrays as they are


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_write(index):
    x, values = pair()
    count = values[index].size
    values = values.copy()
    x[ours(index)] = -1.5
    values[index] = -1.5
    same(x, values)
    # The last of equal positions is not fixed, so what is written differs by place only.
    if count == len(np.unique(np.arange(60).reshape(SHAPE)[index])):
        fresh = np.random.default_rng(0).normal(size=values[index].shape)
        x[ours(index)] = sw.tensor(np.asarray(fresh)).reshape(fresh.shape)
        values[index] = fresh
        same(x, values)


def in_two_steps(values, index):
    """Numbers choose before lists do, while NumPy takes them for lists of one."""
    first = tuple(slice(None) if isinstance(each, list) else each for each in index)
    kept = [each for each in index if not isinstance(each, int)]
    second = [each if isinstance(each, list) or each is Ellipsis else slice(None) for each in kept]
    return values[first][tuple(second)]


def test_numbers_choose_before_lists():
    x, values = pair()
    same(x[0, :, [1, 3]], values[0][:, [1, 3]])
    same(x[[1, 2], :, -1], values[:, :, -1][[1, 2]])
    values = values.copy()
    x[0, :, [1, 3]] = sw.arange(8, dtype=sw.float64).reshape(4, 2)
    values[0][:, [1, 3]] = np.arange(8.0).reshape(4, 2)
    same(x, values)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.data())
def test_any_mix(data):
    parts = []
    for size in SHAPE[: data.draw(st.integers(0, 3))]:
        bound = st.none() | st.integers(-size - 1, size + 1)
        parts.append(data.draw(st.one_of(
            st.integers(-size, size - 1),
            st.builds(slice, bound, bound, st.none() | st.integers(1, 3)),
            st.lists(st.integers(-size, size - 1), min_size=2, max_size=2),
            st.just(None),
        )))  # fmt: skip
    if data.draw(st.booleans()):
        parts.insert(data.draw(st.integers(0, len(parts))), Ellipsis)
    index = tuple(parts)
    x, values = pair()
    try:
        want = in_two_steps(values, index)
    except IndexError:  # a dimension moved to a smaller one by None or an ellipsis
        with pytest.raises(IndexError):
            x[index]
        return
    same(x[index], want)


@pytest.mark.parametrize("index, of_numpy", [
    (slice(None, None, -1), slice(None, None, -1)),
    ((slice(None), slice(None, None, -2)), (slice(None), slice(None, None, -2))),
    ((slice(3, 0, -1), [1, 2]), (slice(3, 0, -1), [1, 2])),
])  # fmt: skip
def test_negative_steps(index, of_numpy):
    x, values = pair()
    same(x[index], values[of_numpy])
    values = values.copy()
    x[index] = 7.0
    values[of_numpy] = 7.0
    same(x, values)


@pytest.mark.parametrize("kind", KINDS)
def test_every_element_type(kind):
    x, values = pair(kind, (4, 3))
    values = values.copy()
    same(x[[0, -1], 1:], values[[0, -1], 1:])
    same(x[x.to(sw.bool)], values[values.astype(bool)])
    same(sw.index_select(x, 0, sw.tensor([3, 0, 3])), values[[3, 0, 3]])
    x[[1, 2], 0] = 1
    values[[1, 2], 0] = 1
    x[3] = sw.tensor([1.0, 0.0, 2.0])  # cast to the type of x
    values[3] = np.array([1.0, 0.0, 2.0])
    same(x, values)


def test_read_from_strided():
    x, values = pair()
    same(x.transpose(0, 2)[[1, 2], :, 0], values.transpose(2, 1, 0)[[1, 2], :, 0])
    same(x[:, ::2][:, [1, 0]], values[:, ::2][:, [1, 0]])
    same(x[::-1][[0, 1], 1], values[::-1][[0, 1], 1])
    row = x[:1].expand(4, 4, 5)
    same(row[[3, 1], [0, 2]], np.broadcast_to(values[:1], (4, 4, 5))[[3, 1], [0, 2]])


def test_write_broadcasts_and_shares():
    x, values = pair()
    values = values.copy()
    x[:, [0, 2]] = sw.tensor([1.0, 2, 3, 4, 5], dtype=sw.float64)
    values[:, [0, 2]] = np.array([1.0, 2, 3, 4, 5])
    x[1:, 1:3] = sw.ones(2, 1, 5, dtype=sw.float64)
    values[1:, 1:3] = 1
    view = x.transpose(0, 1)
    view[3, [0, 1]] = -2
    values.transpose(1, 0, 2)[3, [0, 1]] = -2
    x[0, 0] = [9, 8, 7, 6, 5]
    values[0, 0] = [9, 8, 7, 6, 5]
    x[x > 40] += 100
    values[values > 40] += 100
    same(x, values)


@pytest.mark.parametrize("index, message", [
    (3, "index 3 is out of bounds for dimension 0 with size 3"),
    (-4, "index -4 is out of bounds for dimension 0 with size 3"),
    ((0, 0, 5), "index 5 is out of bounds for dimension"),
    ([0, 3], "index 3 is out of bounds for dimension 0 with size 3"),
    ((slice(None), [0, -5]), "index -5 is out of bounds for dimension 1 with size 4"),
    ((0, 0, 0, 0), "too many indices for tensor of dimension 3"),
    ((Ellipsis, Ellipsis), "can only have a single ellipsis"),
    (([0, 1], [0, 1, 2]), "could not be broadcast together"),
    (np.array([True, False]), "does not match the shape of the indexed tensor"),
    (1.5, "only integers, slices"),
    ("a", "only integers, slices"),
    (np.array([1.0]), "indices must be long, int, byte or bool"),
], ids=repr)  # fmt: skip
def test_wrong_indices(index, message):
    x, _ = pair()
    with pytest.raises(IndexError, match=message):
        x[ours(index)]
    with pytest.raises(IndexError, match=message):
        x[ours(index)] = 0.0


def test_wrong_values():
    x, _ = pair()
    for index, shape in (([0, 1], (3,)), (0, (2, 4, 5)), (x > 5, (3,))):
        with pytest.raises(RuntimeError):
            x[index] = sw.ones(*shape)
    with pytest.raises(ValueError, match="step cannot be zero"):
        x[::0]
    with pytest.raises(IndexError, match="too many indices for tensor of dimension 0"):
        sw.tensor(3)[0]


def test_no_dimensions():
    x = sw.tensor(3)
    assert x[()].item() == 3 and x[...].item() == 3
    assert x[None].tolist() == [3] and x[..., None].tolist() == [3]


ONCE = [1, (slice(None), 2), (Ellipsis, [3, 0]), MASK, (None, slice(0, 3, 2)), BOTH]
REPEATED = [([0, 2, 0], slice(None)), ([0, 0], [1, 1])]


@pytest.mark.parametrize("index", ONCE + REPEATED, ids=repr)
def test_gradient_of_a_read(index):
    x, values = pair(shape=(3, 4))
    x.requires_grad_()
    weights = np.random.default_rng(1).normal(size=values[index].shape)
    (x[ours(index)] * sw.tensor(weights)).sum().backward()
    want = np.zeros((3, 4))
    np.add.at(want, index, weights)
    np.testing.assert_allclose(x.grad.numpy(), want, rtol=1e-15)


@pytest.mark.parametrize("index", ONCE, ids=repr)
def test_gradient_of_a_write(index):
    x, values = pair(shape=(3, 4))
    x.requires_grad_()
    source = sw.ones(*values[index].shape, dtype=sw.float64).requires_grad_()
    y = x * 2.0
    y[ours(index)] = source * 3.0
    weights = np.random.default_rng(1).normal(size=(3, 4))
    (y * sw.tensor(weights)).sum().backward()
    kept = np.ones((3, 4))
    kept[index] = 0
    np.testing.assert_allclose(x.grad.numpy(), 2 * weights * kept, rtol=1e-15)
    np.testing.assert_allclose(source.grad.numpy(), 3 * weights[index], rtol=1e-15)


@pytest.mark.parametrize("kind", ["int32", "int64", "float16", "float32", "float64"])
def test_index_put(kind):
    x, values = pair(kind, (3, 4))
    values = values.copy()
    rows, columns = np.array([0, 2, 0]), np.array([1, -1, 1])
    added = sw.tensor([1, 2, 3]).to(x.dtype)
    assert x.index_put_([sw.tensor(rows), sw.tensor(columns)], added, accumulate=True) is x
    np.add.at(values, (rows, columns), np.array([1, 2, 3]))
    same(x, values)
    x.index_put_([None, sw.tensor([2, 2])], sw.tensor(1).to(x.dtype), accumulate=True)
    np.add.at(values, (slice(None), [2, 2]), 1)
    same(x, values)
    x.index_put_([x > 9], sw.tensor(0).to(x.dtype))
    values[values > 9] = 0
    same(x, values)
    rows = sw.tensor([False, True, True])
    x.index_put_([rows, sw.tensor([0, 3])], sw.tensor(2).to(x.dtype), accumulate=True)
    np.add.at(values, ([1, 2], [0, 3]), 2)
    same(x, values)
    with pytest.raises(IndexError, match="does not match the shape of the indexed tensor"):
        x.index_put_([rows[:2]], sw.tensor(1).to(x.dtype))
    with pytest.raises(IndexError, match="index 9 is out of bounds for dimension 1 with size 4"):
        x.index_put_([sw.tensor([0]), sw.tensor([9])], sw.tensor([1]).to(x.dtype), accumulate=True)


@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_gather_and_along(dim):
    x, values = pair()
    shape = [2, 3, 4]
    index = np.random.default_rng(2).integers(0, SHAPE[dim], shape)
    axis = dim % 3
    part = values[tuple(slice(None) if d == axis else slice(shape[d]) for d in range(3))]
    same(sw.gather(x, dim, sw.tensor(index)), np.take_along_axis(part, index, axis))
    full = np.argsort(np.random.default_rng(3).normal(size=SHAPE), axis=axis)
    same(sw.take_along_dim(x, sw.tensor(full), dim), np.take_along_axis(values, full, axis))
    with pytest.raises(IndexError, match="out of bounds for dimension"):
        sw.gather(x, dim, sw.tensor(np.full(shape, SHAPE[dim])))


@pytest.mark.parametrize("kind", ["float32", "float64", "int8", "bfloat16"])
@pytest.mark.parametrize("index_kind", ["int64", "int32"])
def test_gather_tails(kind, index_kind):
    rng = np.random.default_rng(6)
    for width in (0, 1, 3, 4, 5, 8, 15, 16, 31, 67):
        x, values = pair(kind, (3, 7))
        index = rng.integers(0, 7, (3, width))
        got = sw.gather(x, 1, sw.tensor(index).to(getattr(sw, index_kind)))
        same(got, np.take_along_axis(values, index, 1))
        # Indices and elements from the end on.
        turned = sw.flip(sw.tensor(index), [1]).T.contiguous().T
        same(sw.gather(x, 1, turned), np.take_along_axis(values, index[:, ::-1], 1))


@pytest.mark.parametrize("size", [1, 5])
def test_gather_bad_index_anywhere(size):
    """In each lane and in the rest, alone and among others: the least is reported, or else the largest."""
    x = sw.arange(2 * size, dtype=sw.float32).reshape(2, size)
    for bad, told in (([size], size), ([-1], -1), ([-3, size, -7], -7), ([size + 9, size], size + 9),
                      ([2**62], 2**62), ([-(2**63)], -(2**63))):  # fmt: skip
        for at in range(2 * 11 - len(bad)):
            index = np.zeros(22, "i8")
            index[at : at + len(bad)] = bad
            message = f"index {told} is out of bounds for dimension 1 with size {size}$"
            with pytest.raises(IndexError, match=message):
                sw.gather(x, 1, sw.tensor(index.reshape(2, 11)))
            # The next call is not affected.
            same(sw.gather(x, 1, sw.zeros(2, 11, dtype=sw.int64)), x.numpy()[:, [0] * 11])


def test_gather_bad_indices_of_many_rows():
    x = sw.zeros(2000, 300)
    index = np.random.default_rng(7).integers(0, 300, (2000, 300))
    index[[3, 700, 1999], [299, 7, 0]] = 301, 999, 300
    with pytest.raises(
        IndexError, match="index 999 is out of bounds for dimension 1 with size 300"
    ):
        sw.gather(x, 1, sw.tensor(index))
    index[1500, 5] = -2
    with pytest.raises(IndexError, match="index -2 is out of bounds for dimension 1 with size 300"):
        sw.gather(x, 1, sw.tensor(index))


def test_gather_compiled_with_others():
    @sw.compile
    def two(x, i):
        y = sw.gather(x, 1, i) * 2 + 1
        return y, sw.gather(y, 1, i)

    values = np.arange(21.0).reshape(3, 7)
    index = np.random.default_rng(8).integers(0, 5, (3, 5))
    once = np.take_along_axis(values, index, 1) * 2 + 1
    got = two(sw.tensor(values), sw.tensor(index))
    same(got[0], once)
    same(got[1], np.take_along_axis(once, index, 1))
    index[1, 4] = 6  # fits the first, not the second
    with pytest.raises(IndexError, match="index 6 is out of bounds for dimension 1 with size 5"):
        two(sw.tensor(values), sw.tensor(index))


def test_gather_refuses():
    x, _ = pair(shape=(3, 4))
    with pytest.raises(IndexError, match=r"range of \[-2, 1\], but got 2"):
        sw.gather(x, 2, sw.tensor([[0]]))
    with pytest.raises(RuntimeError, match="gather: the index has more elements"):
        sw.gather(x, 0, sw.tensor([[0] * 5]))
    with pytest.raises(RuntimeError, match="Expected dtype int32/int64 for index, not float32"):
        sw.gather(x, 0, sw.tensor([[0.0]]))


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_scatter_add(dim):
    x, values = pair(shape=(3, 4))
    index = np.random.default_rng(4).integers(0, (3, 4)[dim], (2, 3))
    source = np.random.default_rng(5).normal(size=(3, 3))
    want = values.copy()
    for i, j in np.ndindex(2, 3):
        at = (index[i, j], j) if dim == 0 else (i, index[i, j])
        want[at] += source[i, j]
    got = sw.scatter_add(x, dim, sw.tensor(index), sw.tensor(source))
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-15)
    same(x, values)
    with pytest.raises(IndexError, match="scatter_add: index 9 is out of bounds"):
        sw.scatter_add(x, dim, sw.tensor([[9]]), sw.tensor(source))


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_along_one_dimension(dim):
    x, values = pair(shape=(3, 4))
    index = np.array([2, 0, 2])
    axis = dim % 2
    where = (index,) if axis == 0 else (slice(None), index)
    same(sw.index_select(x, dim, sw.tensor(index)), values[where])
    source = np.random.default_rng(6).normal(size=values[where].shape)
    want = values.copy()
    np.add.at(want, where, source)
    got = sw.index_add(x, dim, sw.tensor(index), sw.tensor(source))
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-15)
    once = np.array([2, 0, 1])
    where = (once,) if axis == 0 else (slice(None), once)
    want = values.copy()
    want[where] = source
    same(sw.index_copy(x, dim, sw.tensor(once), sw.tensor(source)), want)
    same(x, values)
    wrong = sw.tensor([0, 4, 1])
    for call in (
        lambda: sw.index_select(x, dim, wrong),
        lambda: sw.index_add(x, dim, wrong, sw.tensor(source)),
        lambda: sw.index_copy(x, dim, wrong, sw.tensor(source)),
    ):
        with pytest.raises(IndexError, match="index 4 is out of bounds"):
            call()


def test_gradients_of_gather_and_scatter():
    x, _ = pair(shape=(3, 4))
    x.requires_grad_()
    source = sw.ones(2, 4, dtype=sw.float64).requires_grad_()
    index = sw.tensor([[0, 1, 2, 0], [0, 1, 1, 2]])
    y = sw.scatter_add(x, 0, index, source)
    weights = np.random.default_rng(7).normal(size=(3, 4))
    (y * sw.tensor(weights)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), weights)
    np.testing.assert_allclose(source.grad.numpy(), np.take_along_axis(weights, index.numpy(), 0))
    x.grad = None
    (sw.gather(x, 0, index) * sw.tensor(weights[:2])).sum().backward()
    want = np.zeros((3, 4))
    np.add.at(want, (index.numpy(), np.arange(4)), weights[:2])
    np.testing.assert_allclose(x.grad.numpy(), want)


def test_masks():
    x, values = pair(shape=(3, 4))
    same(sw.masked_fill(x, x > 5, -1), np.where(values > 5, -1, values))
    same(sw.masked_fill(x, sw.tensor([True, False, False, True]), 2.5),
         np.where([True, False, False, True], 2.5, values))  # fmt: skip
    same(sw.masked_select(x, x > 5), values[values > 5])
    rows = np.array([[True], [False], [True]])
    same(sw.masked_select(x, sw.tensor(rows)), values[[0, 2]].ravel())
    same(sw.masked_select(x, x > 500), np.zeros(0))
    for name, args in (("masked_fill", (0,)), ("masked_select", ())):
        with pytest.raises(RuntimeError, match=name):
            getattr(sw, name)(x, sw.ones(3, 4), *args)


@pytest.mark.parametrize("kind", KINDS)
def test_nonzero(kind):
    drawn = np.random.default_rng(8).integers(0, 2, (3, 4, 2))
    x = sw.tensor(drawn).to(getattr(sw, kind))
    same(sw.nonzero(x), np.argwhere(drawn))
    for got, want in zip(sw.nonzero(x, as_tuple=True), np.nonzero(drawn), strict=True):
        same(got, want)
    assert tuple(sw.nonzero(sw.tensor(3)).shape) == (1, 0)
    assert tuple(sw.nonzero(sw.zeros(2, 2)).shape) == (0, 2)
    same(sw.nonzero(x.transpose(0, 1)), np.argwhere(drawn.transpose(1, 0, 2)))


INTEGERS = ["int8", "int16", "int32", "int64"]
ONES = {
    **{
        f"sw.{kind}": (lambda kind=kind: sw.tensor(1, dtype=getattr(sw, kind))) for kind in INTEGERS
    },
    **{f"np.{kind}": (lambda kind=kind: np.ones((), kind)[()]) for kind in [*INTEGERS, "uint8"]},
    "array": lambda: np.array(1),
    "uint8 array": lambda: np.array(1, "u1"),
}


@pytest.mark.parametrize("one", ONES)
def test_numbers_of_any_kind_choose_views(one):
    one = ONES[one]()
    for index, numpy_index in (
        (one, 1), ((one, slice(1, None)), (1, slice(1, None))), ((slice(None), one), np.s_[:, 1]),
        ((None, one), np.s_[None, 1]), ((..., one), np.s_[..., 1]), ((one, one), (1, 1)),
        (slice(one, None), slice(1, None)),
    ):  # fmt: skip
        x, wanted = sw.zeros(3, 4), np.zeros((3, 4), "f4")
        view = x[index]
        assert view.shape == wanted[numpy_index].shape
        view.fill_(5)
        wanted[numpy_index] = 5
        assert x.tolist() == wanted.tolist()
        x[index] = 7
        wanted[numpy_index] = 7
        assert x.tolist() == wanted.tolist()


def test_numbers_beside_index_tensors():
    """As in PyTorch, a number in a tensor counts as a number."""
    x = sw.arange(24).reshape(2, 3, 4)
    one, pair = sw.tensor(1), sw.tensor([0, 1])
    assert x[one, :, pair].shape == (3, 2) and x[pair, :, one].shape == (2, 3)
    assert x[one, :, pair].tolist() == x[1][:, [0, 1]].tolist()
    assert x[one, pair].tolist() == x[1, pair].tolist()


@pytest.mark.parametrize("wrong", [3, -4, 2**62, -(2**63)])
def test_numbers_out_of_range(wrong):
    x = sw.ones(3)
    for index in (wrong, sw.tensor(wrong), np.int64(wrong), (..., sw.tensor(wrong))):
        with pytest.raises(IndexError, match="out of bounds"):
            x[index]
    for index in (sw.tensor(1.0), 1.0, sw.tensor([0.5])):
        with pytest.raises(IndexError):
            x[index]


def test_numbers_in_captured_indices():
    x, i = sw.arange(6.0).reshape(2, 3), sw.tensor(1)
    assert sw.compile(lambda x, i: x[i] * 2)(x, i).tolist() == [6, 8, 10]
    with pytest.raises(RuntimeError, match="not known while a function is captured"):
        sw.compile(lambda x: x[x.sum() > 0])(x)


def test_sequences_as_indices():
    x = sw.arange(4.0)
    assert x[range(2)].tolist() == [0, 1] and x[((1, 2),)].tolist() == [1, 2]
    assert x[[]].shape == (0,) and x[((),)].shape == (0,)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("accumulate", [False, True])
def test_index_put_of_everything(shape, accumulate):
    for count in range(len(shape) + 1):
        x = sw.ones(shape)
        x.index_put_((None,) * count, sw.tensor(2.0), accumulate)
        assert x.tolist() == sw.full(shape, 3.0 if accumulate else 2.0).tolist()
    x = sw.arange(4.0)
    x.index_put_((), x.flip(0))
    assert x.tolist() == [3, 2, 1, 0]


@pytest.mark.parametrize("indices", ["a", None, sw.tensor([0]), (1,), ([0],), ("a",)])
def test_what_index_put_refuses(indices):
    with pytest.raises(TypeError):
        sw.ones(3).index_put_(indices, sw.tensor(2.0))


def test_index_put_refuses_other_indices():
    x = sw.ones(3)
    for wrong in ((sw.tensor([0.5]),), (sw.tensor([3]),), (sw.tensor([0]),) * 20, (None, None)):
        with pytest.raises(IndexError):
            x.index_put_(wrong, sw.tensor(2.0))
    assert x.tolist() == [1, 1, 1]
