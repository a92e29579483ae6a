# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`out=` of functions, and what is said where a tensor is given for a constant."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
import stepwell as sw
from stepwell import Tensor

X = sw.tensor([[3.0, 1.0, 2.0], [0.5, 5.0, 4.0]])
AT = sw.tensor([1, 0])


@sw.function(out=True, method=True)
def plus_twice(x: Tensor, y: Tensor, *, out: Tensor | None = None) -> Tensor:
    return x + 2 * y


CASES = {
    "add": (sw.add, X, X),
    "clamp": (sw.clamp, X, 1.0),
    "cumsum": (sw.cumsum, X, 1),
    "gather": (sw.gather, X, 1, sw.tensor([[0], [2]])),
    "lt": (sw.lt, X, 2.0),
    "matmul": (sw.matmul, X, X.t()),
    "sum": (sw.sum, X, 1),
    "addmm": (sw.addmm, sw.ones(2, 2), X, X.t()),
    "bmm": (sw.bmm, X.unsqueeze(0), X.t().unsqueeze(0)),
    "dot": (sw.dot, X[0], X[1]),
    "index_add": (sw.index_add, X, 0, AT, X),
    "index_copy": (sw.index_copy, X, 0, AT, X),
    "kthvalue": (sw.kthvalue, X, 2),
    "max": (sw.max, X, 1),
    "median": (sw.median, X, 1),
    "min": (sw.min, X, 1),
    "mm": (sw.mm, X, X.t()),
    "msort": (sw.msort, X),
    "norm": (sw.norm, X, 2, 1),
    "outer": (sw.outer, X[0], X[1]),
    "sort": (sw.sort, X),
    "square": (sw.square, X),
    "std": (sw.std, X, 1),
    "take_along_dim": (sw.take_along_dim, X, sw.tensor([[2], [0]]), 1),
    "tensordot": (sw.tensordot, X, X, ([1], [1])),
    "topk": (sw.topk, X, 2),
    "var": (sw.var, X, 1),
}


def listed(result):
    return list(result) if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("name", CASES)
def test_results_are_written_there(name):
    function, *args = CASES[name]
    expected = listed(function(*args))
    outs = [sw.full_like(each, 7) for each in expected]
    places = [each.data_ptr() for each in outs]
    for time in range(3):  # the first is traced, the others have plans
        given = outs[0] if len(outs) == 1 else tuple(outs)
        result = listed(function(*args, out=given))
        assert all(a is b for a, b in zip(result, outs, strict=True))
        assert [each._version for each in outs] == [time + 1] * len(outs)
        for each, want in zip(outs, expected, strict=True):
            np.testing.assert_array_equal(each.numpy(), want.numpy())
            each.detach().numpy()[...] = 9  # what is there is no excuse
    assert [each.data_ptr() for each in outs] == places


def test_named_results_keep_their_names():
    outs = sw.empty(0), sw.empty(0, dtype=sw.int64)
    result = sw.sort(X, 1, out=outs)
    assert type(result) is type(sw.sort(X)) and result.values is outs[0]
    assert result.indices.tolist() == [[1, 2, 0], [0, 2, 1]]


def test_another_shape_is_resized_with_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        empty = sw.empty(0)
        assert plus_twice(X, X, out=empty) is empty and empty.shape == (2, 3)
    small = sw.ones(2)
    with pytest.warns(UserWarning, match=r"resized since it had shape \[2\].*\[2, 3\]") as caught:
        plus_twice(X, X, out=small)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(small.numpy(), 3 * X.numpy())


def test_other_types_are_cast_where_they_can_be():
    wide = sw.empty(2, 3, dtype=sw.float64)
    plus_twice(X, X, out=wide)
    np.testing.assert_array_equal(wide.numpy(), 3.0 * X.numpy())
    whole = sw.zeros(2, 3, dtype=sw.int64)
    with pytest.raises(
        RuntimeError, match="can't be cast to the desired output type stepwell.int64"
    ):
        plus_twice(X, X, out=whole)
    assert not whole.numpy().any()


def test_other_layouts_and_shared_memory():
    turned = sw.zeros(3, 2).t()
    for _ in range(2):
        assert plus_twice(X, X, out=turned).stride() == (1, 2)
        np.testing.assert_array_equal(turned.numpy(), 3 * X.numpy())
    own = X.clone()
    for factor in (3, 9):  # over its own argument
        plus_twice(own, own, out=own)
        np.testing.assert_array_equal(own.numpy(), factor * X.numpy())
    memory = sw.zeros(4)
    memory[1:] = sw.tensor([1.0, 2.0, 3.0])
    plus_twice(memory[1:], memory[1:], out=memory[:3])  # which overlaps
    assert memory.tolist() == [3.0, 6.0, 9.0, 3.0]


def test_a_gradient_is_refused():
    leaf = X.clone().requires_grad_()
    match = r"plus_twice\(\): functions with out=... arguments don't support automatic"
    for call in (
        lambda: plus_twice(leaf, X, out=sw.empty(2, 3)),
        lambda: plus_twice(X, X, out=leaf),
        lambda: sw.add(leaf, X, out=sw.empty(2, 3)),
        lambda: sw.add(X, X, out=leaf),
        lambda: sw.tensordot(leaf, X, ([1], [1]), out=sw.empty(2, 2)),
    ):
        with pytest.raises(RuntimeError, match=match.replace("plus_twice", "[a-z_]*")):
            call()
    with sw.no_grad():
        made = sw.empty(2, 3)
        plus_twice(leaf, X, out=made)
    np.testing.assert_array_equal(made.numpy(), 3 * X.numpy())


def test_what_is_no_out():
    for out in (3, "x", [sw.empty(0)] * 2):
        with pytest.raises(TypeError, match="argument 'out' must be"):
            plus_twice(X, X, out=out) if out != "x" else sw.sort(X, out="x")
    with pytest.raises(TypeError, match="tuple of 2 Tensors, not of 1"):
        sw.sort(X, out=(sw.empty(0),))
    with pytest.raises(TypeError):
        plus_twice(X, X, sw.empty(0))
    with pytest.raises(TypeError, match="missing"):
        plus_twice(X, out=sw.empty(0))
    for call in (
        lambda: sw.isclose(X, X, out=sw.empty(0)),
        lambda: X.add(X, out=sw.empty(0)),
        lambda: sw.permute(X, (1, 0), out=sw.empty(0)),
    ):
        with pytest.raises(TypeError, match="out"):
            call()
    with pytest.raises(TypeError, match="argument 'out' must be Tensor, not int"):
        sw.add(X, X, out=3)
    read_only = np.zeros((2, 3), "f4")
    read_only.flags.writeable = False
    for _ in range(2):
        with pytest.raises(RuntimeError, match="read-only"):
            plus_twice(X, X, out=sw.from_numpy(read_only))


def test_none_is_none():
    np.testing.assert_array_equal(plus_twice(X, X, out=None).numpy(), 3 * X.numpy())
    np.testing.assert_array_equal(X.plus_twice(X, out=None).numpy(), 3 * X.numpy())


def test_inside_of_a_compiled_function():
    def outside(x, out):
        return plus_twice(x, x, out=out) + 1

    compiled = sw.compile(outside)
    out = sw.zeros(2, 3)
    np.testing.assert_array_equal(compiled(X, out).numpy(), 3 * X.numpy() + 1)
    np.testing.assert_array_equal(out.numpy(), 3 * X.numpy())


def test_the_signature_has_it():
    assert list(inspect.signature(plus_twice).parameters) == ["x", "y", "out"]
    assert inspect.signature(sw.sort).parameters["out"].default is None


def test_a_body_without_the_parameter():
    with pytest.raises(TypeError, match=r"\*, out: Tensor \| None = None"):
        sw.function(lambda x: x, out=True)


def test_a_tensor_for_a_constant_is_warned_of_once():
    @sw.function
    def times(x: Tensor, y):
        return x * y

    with pytest.warns(UserWarning, match="'y' is given a tensor") as caught:
        times(X, X)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        times(X, X)
        times(X, 2)
