# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reductions and running sums against NumPy: types, dimensions, strides, NaN, no elements."""

import warnings

import numpy as np
import pytest
import stepwell as sw
from hypothesis import given, settings
from hypothesis import strategies as st

INTEGERS = ("bool", "uint8", "int8", "int16", "int32", "int64")
FLOATS = ("float16", "bfloat16", "float32", "float64")
# How far a rounded result may be off, of its size: a few units of the last place.
PRECISION = {"float16": 2e-3, "bfloat16": 1.6e-2, "float32": 2e-6, "float64": 1e-14}
QUIET = dict(over="ignore", invalid="ignore", divide="ignore")


def logsumexp(x, axis, keepdims):
    return np.log(np.exp(x).sum(axis=axis, keepdims=keepdims))


REFERENCES = {
    "sum": np.sum, "prod": np.prod, "amax": np.max, "amin": np.min, "any": np.any, "all": np.all,
    "mean": np.mean, "logsumexp": logsumexp,
    "argmax": np.argmax, "argmin": np.argmin,
    "var": lambda x, axis, keepdims: np.var(x, axis=axis, keepdims=keepdims, ddof=1),
    "std": lambda x, axis, keepdims: np.std(x, axis=axis, keepdims=keepdims, ddof=1),
}  # fmt: skip


def result_type(name, kind):
    """What the operations' documentation says."""
    if name in ("any", "all"):
        return "uint8" if kind == "uint8" else "bool"
    if name in ("argmax", "argmin"):
        return "int64"
    if name in ("sum", "prod", "cumsum"):
        return "int64" if kind in INTEGERS else kind
    if name == "logsumexp":
        return "float32" if kind in INTEGERS else kind
    return kind


def numbers(kind, shape, seed=0):
    """Small integers, of which every float type holds every one and most sums."""
    drawn = np.random.default_rng(seed).integers(-3, 4, shape)
    if kind == "uint8":
        drawn = np.abs(drawn)
    return drawn.astype(bool) if kind == "bool" else drawn.astype("f8")


def tensor(values, kind):
    return sw.tensor(np.ascontiguousarray(values)).reshape(values.shape).to(getattr(sw, kind))


def close(got, want, kind):
    want = np.asarray(want)
    assert tuple(got.shape) == want.shape
    assert got.dtype is getattr(sw, kind)
    values = (got.double() if kind in FLOATS else got).numpy()
    if kind in FLOATS:
        bound = PRECISION[kind]
        np.testing.assert_allclose(values, want.astype("f8"), rtol=bound, atol=bound)
    else:
        np.testing.assert_array_equal(values, want)


OF_FLOATS = ("mean", "var", "std")  # test_refusals.py


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name in REFERENCES
        for kind in (FLOATS if name in OF_FLOATS else INTEGERS + FLOATS)
    ],
)
def test_every_element_type(name, kind):
    values = numbers(kind, (4, 5))
    if kind == "int8" and name == "sum":
        values = values * 42  # more than int8 can hold
    want = values if name in ("any", "all") else values.astype("f8")
    close(
        getattr(sw, name)(tensor(values, kind), 1),
        REFERENCES[name](want, axis=1, keepdims=False),
        result_type(name, kind),
    )


@pytest.mark.parametrize("kind", INTEGERS + FLOATS)
def test_running_sums_of_every_element_type(kind):
    values = numbers(kind, (3, 4))
    for dim in (0, 1, -1):
        want = np.cumsum(values.astype("f8"), axis=dim)
        close(sw.cumsum(tensor(values, kind), dim), want, result_type("cumsum", kind))


MANY = [n for n in REFERENCES if not n.startswith("arg")]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_dimensions(data):
    name = data.draw(st.sampled_from(MANY))
    shape = data.draw(st.sampled_from([(), (1,), (4,), (3, 4), (1, 3), (2, 1, 3), (2, 3, 4)]))
    rank = len(shape)
    chosen = data.draw(st.lists(st.integers(0, rank - 1), unique=True, max_size=rank)
                       if rank else st.just([]))  # fmt: skip
    keep = data.draw(st.booleans())
    values = numbers("float64", shape, seed=rank)
    # No dimension stands for all of them, but of truth values for none.
    axes = tuple(chosen) or (() if name in ("any", "all") else None)
    given_dims = tuple(d - rank if data.draw(st.booleans()) else d for d in chosen)
    with np.errstate(**QUIET):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            want = REFERENCES[name](values, axis=axes, keepdims=keep)
    got = getattr(sw, name)(tensor(values, "float64"), given_dims, keepdim=keep)
    close(got, want, result_type(name, "float64"))


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("keep", [False, True])
def test_positions_are_of_the_first(name, keep):
    values = np.array([[2.0, 1.0, 2.0, 1.0], [1.0, 1.0, 1.0, 1.0], [0.0, 3.0, 3.0, 0.0]])
    for dim in (0, 1, -1, -2):
        close(getattr(sw, name)(tensor(values, "float64"), dim, keepdim=keep),
              REFERENCES[name](values, axis=dim, keepdims=keep), "int64")  # fmt: skip
    close(getattr(sw, name)(tensor(values, "float64")), REFERENCES[name](values), "int64")


STRIDED = {
    "transposed": (lambda t: t.T, lambda a: a.T),
    "every second": (lambda t: t[::2, 1::2], lambda a: a[::2, 1::2]),
    "backwards": (lambda t: t[::-1, ::-2], lambda a: a[::-1, ::-2]),
    "expanded": (lambda t: t[:1].expand(4, 6), lambda a: np.broadcast_to(a[:1], (4, 6))),
    "a column": (lambda t: t[:, 2], lambda a: a[:, 2]),
}


@pytest.mark.parametrize("view", STRIDED)
@pytest.mark.parametrize("name", [*REFERENCES, "cumsum"])
def test_strides(view, name):
    values = np.random.default_rng(1).normal(size=(4, 6))
    ours, theirs = STRIDED[view]
    got, array = ours(tensor(values, "float64")), theirs(values)
    if name == "cumsum":
        close(sw.cumsum(got, 0), np.cumsum(array, axis=0), "float64")
        return
    want = REFERENCES[name](array, axis=0, keepdims=False)
    close(getattr(sw, name)(got, 0), want, result_type(name, "float64"))


@pytest.mark.parametrize("name", [*REFERENCES, "cumsum"])
def test_long_rows(name):
    # Longer than a vector, and not a whole number of them.
    values = np.random.default_rng(2).normal(size=(3, 1037)) * 0.1
    got = getattr(sw, name)(tensor(values, "float32"), 1)
    single = values.astype("f4").astype("f8")
    if name == "cumsum":
        np.testing.assert_allclose(got.numpy(), np.cumsum(single, 1), rtol=1e-4, atol=1e-5)
        return
    want = REFERENCES[name](single, axis=1, keepdims=False)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", FLOATS)
def test_not_a_number_and_infinities(kind):
    inf, nan = np.inf, np.nan
    values = np.array([[1, nan, 3], [inf, 1, -inf], [-inf, -inf, 1], [inf, 2, 1]], "f8")
    x = tensor(values, kind)
    with np.errstate(**QUIET):
        for name in ("sum", "prod", "amax", "amin", "mean", "cumsum"):
            if name == "cumsum":
                want = np.cumsum(values, axis=1)
            else:
                want = REFERENCES[name](values, axis=1, keepdims=False)
            close(getattr(sw, name)(x, 1), want, kind)
    assert sw.argmax(x, 1).tolist() == [1, 0, 2, 0]
    assert sw.argmin(x, 1).tolist() == [1, 2, 0, 2]
    assert sw.any(tensor(np.array([nan, 0.0]), kind)).item() is True
    assert sw.all(tensor(np.array([nan, inf]), kind)).item() is True
    assert sw.all(tensor(np.array([nan, -0.0]), kind)).item() is False


def test_logsumexp_does_not_overflow():
    x = sw.tensor([[1000.0, 1000.0], [-1000.0, -1000.0]], dtype=sw.float64)
    want = [1000 + np.log(2), -1000 + np.log(2)]
    np.testing.assert_allclose(sw.logsumexp(x, 1).numpy(), want, rtol=1e-15)


@pytest.mark.parametrize("kind", ["bool", "int32", "float16", "float64"])
def test_over_no_element(kind):
    x = sw.empty(0, 3, dtype=getattr(sw, kind))
    for name, value in {"sum": 0, "prod": 1, "any": False, "all": True, "mean": np.nan}.items():
        made = getattr(sw, name)
        if name in OF_FLOATS and kind in INTEGERS:
            continue
        close(made(x, 0), np.full(3, value), result_type(name, kind))
        close(made(x, 0, keepdim=True), np.full((1, 3), value), result_type(name, kind))
        close(made(x, 1), np.full(0, value), result_type(name, kind))
        close(made(x), np.array(value), result_type(name, kind))
    for name in ("amax", "amin", "argmax", "argmin"):
        with pytest.raises(IndexError, match=rf"{name}: expected at least one element"):
            getattr(sw, name)(x, 0)
        assert tuple(getattr(sw, name)(x, 1).shape) == (0,)
    assert tuple(sw.cumsum(x, 0).shape) == (0, 3)


@pytest.mark.parametrize("name", REFERENCES)
def test_wrong_dimensions(name):
    x, reduce = sw.ones(2, 3), getattr(sw, name)
    for dim in (2, -3):
        with pytest.raises(IndexError, match=rf"range of \[-2, 1\], but got {dim}"):
            reduce(x, dim)
    with pytest.raises(IndexError, match=r"range of \[-1, 0\], but got 1"):
        reduce(sw.ones(()), 1)
    if name in MANY:
        with pytest.raises(RuntimeError, match="dim 1 appears multiple times"):
            reduce(x, (1, -1))


def test_running_sums_want_one_dimension():
    with pytest.raises(IndexError, match=r"range of \[-2, 1\], but got 2"):
        sw.cumsum(sw.ones(2, 3), 2)
    with pytest.raises(TypeError, match="argument 'dim' must be int, not tuple"):
        sw.cumsum(sw.ones(2, 3), (0, 1))
    with pytest.raises(TypeError):
        sw.cumsum(sw.ones(2, 3))


@pytest.mark.parametrize("correction", [0, 1, 2])
@pytest.mark.parametrize("name", ["var", "std"])
def test_correction(name, correction):
    values = np.random.default_rng(3).normal(size=(3, 5)) + 100
    want = getattr(np, name)(values, axis=0, ddof=correction)
    got = getattr(sw, name)(tensor(values, "float64"), 0, correction=correction)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-12)


@pytest.mark.parametrize("kind", INTEGERS + FLOATS)
@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_with_positions(name, kind):
    values = numbers(kind, (4, 5), seed=4)
    x, reference = tensor(values, kind), getattr(np, name)
    close(getattr(sw, name)(x), reference(values), kind)
    for dim, keep in ((0, False), (-1, True), (1, False)):
        found = getattr(sw, name)(x, dim, keepdim=keep)
        close(found.values, reference(values, axis=dim, keepdims=keep), kind)
        where = getattr(np, f"arg{name}")(values, axis=dim, keepdims=keep)
        close(found.indices, where, "int64")


def test_extremes_of_two_and_of_none():
    a, b = sw.tensor([1.0, 5.0]), sw.tensor([4.0, 2.0])
    assert sw.max(a, b).tolist() == [4.0, 5.0] and sw.min(a, b).tolist() == [1.0, 2.0]
    for name in ("max", "min"):
        with pytest.raises(RuntimeError, match=rf"{name}\(\): Expected reduction dim"):
            getattr(sw, name)(sw.empty(0))
        with pytest.raises(IndexError):
            getattr(sw, name)(sw.empty(0, 3), 0)
        with pytest.raises(IndexError, match="but got 2"):
            getattr(sw, name)(a.reshape(1, 2), 2)
        lone = getattr(sw, name)(sw.tensor(3.0), 0)
        assert (lone.values.item(), lone.indices.item()) == (3.0, 0)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_halves_are_summed_in_float32(kind):
    # Summed in their own type they would stay at 2048 or 256.
    x = sw.ones(4096, dtype=getattr(sw, kind))
    assert x.sum().item() == 4096.0
    assert x.mean().item() == 1.0
    assert sw.cumsum(x, 0)[-1].item() == 4096.0
