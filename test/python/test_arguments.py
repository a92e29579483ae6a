# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How arguments reach parameters, and what is said of those that do not."""

import re

import numpy as np
import pytest
import stepwell as sw

X = sw.tensor([1.0, -2.0, 3.0])
POSITIVE = X > 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: sw.where(POSITIVE, X, 0.5),
        lambda: sw.where(POSITIVE, X, other=0.5),
        lambda: sw.where(other=0.5, condition=POSITIVE, input=X),
        lambda: X.where(POSITIVE, 0.5),
        lambda: X.where(POSITIVE, other=0.5),
        lambda: X.where(other=0.5, condition=POSITIVE),
    ],
)
def test_where_chooses(call):
    assert call().tolist() == [1.0, 0.5, 3.0]


def test_where_takes_numbers_in_either_branch():
    assert sw.where(POSITIVE, 1.0, X).tolist() == [1.0, -2.0, 1.0]
    both = sw.where(POSITIVE, 1, 2.5)
    assert both.tolist() == [1.0, 2.5, 1.0] and both.dtype is sw.float32
    assert sw.where(POSITIVE, 1, 2).dtype is sw.int64
    assert sw.where(POSITIVE, True, False).dtype is sw.bool
    # A number does not widen a tensor of its kind.
    assert sw.where(POSITIVE, X.half(), 2.5).dtype is sw.float16
    assert sw.where(POSITIVE, X.long(), 2.5).dtype is sw.float32


def test_a_methods_tensor_is_its_input():
    assert X.clamp(max=2.0, min=0.0).tolist() == [1.0, 0.0, 2.0]
    assert X.pow(2).tolist() == [1.0, 4.0, 9.0]
    assert X.sub(other=1).tolist() == [0.0, -3.0, 2.0]
    assert X.sum(0, True).tolist() == [2.0]


def test_clamp_needs_one_bound_only():
    assert X.clamp(0.0).tolist() == X.clamp(min=0.0).tolist() == [1.0, 0.0, 3.0]
    assert sw.clamp(X, max=2.0).tolist() == X.clamp(None, 2.0).tolist() == [1.0, -2.0, 2.0]
    assert X.clamp(min=sw.tensor([2.0, 0.0, 0.0]), max=None).tolist() == [2.0, 0.0, 3.0]
    assert X.clone().clamp_(max=0).tolist() == [0.0, -2.0, 0.0]
    assert X.long().clamp(min=0).dtype is sw.int64
    for call in (X.clamp, lambda: sw.clamp(X, None, None), X.clone().clamp_):
        with pytest.raises(RuntimeError, match="at least one of 'min' or 'max' must not be None"):
            call()


ERRORS = [
    (lambda: X.clamp(min="0"), "clamp(): argument 'min' must be Tensor or number, not str"),
    (lambda: sw.clamp(None, 0.0), "clamp(): argument 'input' must be Tensor, not NoneType"),
    (lambda: X.where(1.0, POSITIVE), "where(): argument 'condition' must be Tensor, not float"),
    (lambda: sw.where(True, X, X), "where(): argument 'condition' must be Tensor, not bool"),
    (lambda: X.where(POSITIVE, "a"), "'other' must be Tensor or number, not str"),
    (lambda: X.where(POSITIVE), "where() missing 1 required positional argument: 'other'"),
    (lambda: X.where(POSITIVE, X, X), "where() takes 3 positional arguments but 4 were given"),
    (lambda: X.where(POSITIVE, X, input=X), "where() got multiple values for argument 'input'"),
    (lambda: X.where(POSITIVE, condition=X), "got multiple values for argument 'condition'"),
    (lambda: sw.maximum(2.0, X), "maximum(): argument 'input' must be Tensor, not float"),
    (lambda: sw.maximum(X, 2.0), "maximum(): argument 'other' must be Tensor, not float"),
    (lambda: X.add(), "add() missing 1 required positional argument: 'other'"),
    (lambda: X.add(1, alfa=2), "add() got an unexpected keyword argument 'alfa'"),
    (lambda: X.sum(X), "sum(): argument 'dim' must be int or tuple of ints, not stepwell.Tensor"),
    (lambda: X.sum(0, 1), "sum(): argument 'keepdim' must be bool, not int"),
    (lambda: X.add_(None), "add_(): argument 'other' must be Tensor or number, not NoneType"),
    (
        lambda: sw.zeros_like(X, dtype=X),
        "zeros_like(): argument 'dtype' must be stepwell.dtype, not",
    ),
    (lambda: sw.full_like(X, "1"), "full(): argument 'fill_value' must be number, not str"),
    (lambda: sw.full((2,), X), "full(): argument 'fill_value' must be number, not stepwell.Tensor"),
    (lambda: sw.ones_like(3), "ones_like(): argument 'input' must be Tensor, not int"),
    (lambda: sw.empty_like(None), "empty_like(): argument 'input' must be Tensor, not NoneType"),
    (lambda: sw.zeros(X), "zeros(): argument 'size' must be int or tuple of ints, not"),
    (lambda: sw.ones(2, 1.5), "ones(): argument 'size' must be int or tuple of ints, not float"),
    (lambda: sw.empty((2, "3")), "empty(): argument 'size' must be int or tuple of ints, not str"),
    (lambda: sw.zeros(2, dtype=float), "zeros(): argument 'dtype' must be stepwell.dtype, not"),
    (lambda: sw.tensor(1, dtype="f"), "tensor(): argument 'dtype' must be stepwell.dtype, not str"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=[message for _, message in ERRORS])
def test_wrong_arguments_are_type_errors(call, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        call()


def test_sizes():
    for made in (sw.zeros(2, 3), sw.ones((2, 3)), sw.empty([2, 3]), sw.full((2, 3), 7)):
        assert made.shape == (2, 3)
    assert sw.zeros().shape == () and sw.zeros(()).shape == () and sw.full(3, 1.0).shape == (3,)
    assert sw.full((2,), sw.tensor(3)).dtype is sw.int64
    with pytest.raises(RuntimeError, match="negative"):
        sw.zeros(-1)


def test_numbers_of_numpy_are_numbers():
    for number in (np.float16(2), np.float32(2), np.float64(2), np.int8(2), np.uint8(2)):
        made = X * number
        assert type(made) is sw.Tensor and made.dtype is sw.float32
        assert made.tolist() == [2.0, -4.0, 6.0]
    whole = sw.tensor([1, 2])
    assert (whole * np.bool_(True)).dtype is sw.int64
    assert (whole * np.float32(0.5)).tolist() == [0.5, 1.0]
    assert sw.full((2,), np.float32(0.5)).tolist() == [0.5, 0.5]
