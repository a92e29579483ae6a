# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""First and second derivatives of every elementwise record, through its kernels, in float64."""

import math

import elementwise_table as table
import numpy as np
import pytest
import stepwell as sw
from elementwise_table import RECORDS

A = np.array([[0.31, -0.72, 0.45], [0.93, 0.24, -0.55]])
POSITIVE = np.abs(A) + 0.1
ROW = np.array([0.37, -0.61, 1.3])
COLUMN = np.array([[0.8], [-1.7]])
BASE = np.array([[1.1], [2.3]])

ANYWHERE = "add sub mul div maximum minimum clamp_min clamp_max atan2 remainder".split()
# mnemonic: where it is differentiated, away from kinks and jumps. Every operand is a tuple's item;
# operands of smaller shapes are broadcast.
POINTS = {
    **{name: [(A,)] for name in
       "neg abs exp exp2 expm1 sin cos tan asin acos atan sinh cosh tanh erf sigmoid relu "
       "gelu gelu_tanh silu".split()},
    **{name: [(POSITIVE,)] for name in "log log1p log2 log10 sqrt rsqrt reciprocal".split()},
    **{name: [(A, ROW), (COLUMN, ROW), (A, np.array(0.83))] for name in ANYWHERE},
    "pow": [(POSITIVE, ROW), (BASE, ROW), (POSITIVE, np.array(3.0))],
    "clamp": [(A, np.array(-0.5), np.array([0.4, 0.5, 0.6])), (COLUMN, -np.abs(ROW), ROW**2)],
    "where": [(A > 0, A, ROW), (COLUMN > 0, np.array(0.3), ROW), (ROW > 0, A, COLUMN)],
    **{name: [(A,)] for name in "floor ceil round trunc sign".split()},
}  # fmt: skip


def call(mnemonic):
    return table.function(mnemonic)


def weights(shape, seed):
    return sw.from_numpy(np.random.default_rng(seed).uniform(0.5, 1.5, shape))


def leaves(arrays):
    return [sw.from_numpy(a.copy()).requires_grad_(a.dtype != bool) for a in arrays]


def inputs_of(tensors):
    return [t for t in tensors if t.requires_grad]


def numeric(function, arrays, step=1e-6):
    """Central differences of a function with one number as its result, for every float operand."""
    gradients = []
    for index, array in enumerate(arrays):
        if array.dtype == bool:
            continue
        gradient = np.zeros(array.shape)
        for at in np.ndindex(array.shape):
            ends = []
            for sign in (1, -1):
                moved = [a.copy() for a in arrays]
                moved[index][at] += sign * step
                ends.append(function(leaves(moved)).item())
            gradient[at] = (ends[0] - ends[1]) / (2 * step)
        gradients.append(gradient)
    return gradients


def close(found, expected):
    for one, other in zip(found, expected, strict=True):
        found_one = np.zeros_like(other) if one is None else one.detach().numpy()
        assert found_one.shape == other.shape
        np.testing.assert_allclose(found_one, other, rtol=1e-6, atol=1e-7)


def test_every_differentiable_record_has_points():
    # test_cast has the cast: finite differences would see its rounding.
    differentiable = {name for name, record in RECORDS.items() if record["differentiable"]}
    assert set(POINTS) | {"cast"} == differentiable


@pytest.mark.parametrize("mnemonic", POINTS)
def test_first_derivative(mnemonic):
    function = call(mnemonic)
    for arrays in POINTS[mnemonic]:
        shape = np.broadcast_shapes(*(a.shape for a in arrays))

        def value(tensors, shape=shape):
            return (function(*tensors) * weights(shape, 1)).sum()

        tensors = leaves(arrays)
        value(tensors).backward()
        close([t.grad for t in inputs_of(tensors)], numeric(value, arrays))


@pytest.mark.parametrize("mnemonic", POINTS)
def test_second_derivative(mnemonic):
    function = call(mnemonic)
    for arrays in POINTS[mnemonic]:
        shape = np.broadcast_shapes(*(a.shape for a in arrays))

        def value(tensors, shape=shape):
            """A number that depends on every first derivative, each by a weight of its own."""
            inputs = inputs_of(tensors)
            # Cubed, so that linear functions have a second derivative too.
            result = function(*tensors)
            total = (result * result * result * weights(shape, 1)).sum()
            gradients = sw.autograd.grad(total, inputs, create_graph=True)
            parts = [(g * weights(g.shape, 2 + i)).sum() for i, g in enumerate(gradients)]
            return sum(parts[1:], parts[0])

        tensors = leaves(arrays)
        made = value(tensors)
        inputs = inputs_of(tensors)
        if made.requires_grad:
            found = sw.autograd.grad(made, inputs, allow_unused=True)
        else:  # the first derivative is zero whatever the input is
            found = [None] * len(inputs)
        close(found, numeric(value, arrays))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("mnemonic", POINTS)
def test_gradients_have_the_type_of_their_operand(mnemonic, dtype):
    arrays = POINTS[mnemonic][0]
    small = [a if a.dtype == bool else table.round_to(a, dtype) for a in arrays]
    exact = leaves([a.astype(bool if a.dtype == bool else np.float64) for a in small])
    call(mnemonic)(*exact).sum().backward()
    tensors = [
        table.to_tensor(a, "bool" if a.dtype == bool else dtype).requires_grad_(a.dtype != bool)
        for a in small
    ]
    call(mnemonic)(*tensors).sum().backward()
    digits = table.FORMATS[dtype][1]
    for found, expected in zip(inputs_of(tensors), inputs_of(exact), strict=True):
        assert found.grad.dtype is getattr(sw, dtype)
        np.testing.assert_allclose(
            table.to_array(found.grad), expected.grad.numpy(), rtol=2.0 ** (4 - digits),
            atol=2.0 ** (3 - digits),
        )  # fmt: skip


@pytest.mark.parametrize("inner", ["float16", "bfloat16", "float32"])
def test_cast(inner):
    x = sw.tensor([1.0, -2.5, 3.0], dtype=sw.float64, requires_grad=True)
    small = x.to(getattr(sw, inner))
    result = (small * small * small).to(sw.float64).sum()
    (first,) = sw.autograd.grad(result, x, create_graph=True)
    assert first.dtype is sw.float64 and first.tolist() == [3.0, 18.75, 27.0]
    (second,) = sw.autograd.grad(first.sum(), x)
    assert second.dtype is sw.float64 and second.tolist() == [6.0, -15.0, 18.0]
    assert not small.to(sw.int32).requires_grad


# --- What calculus leaves open (docs/derivatives.md) ---------------------------

NAN, INF = math.nan, math.inf
# A call, its operands, the gradient of each where the cotangent is 1.
SPECIAL = {
    "relu at 0": (sw.relu, [[0.0, -0.0, 1.0, -1.0]], [[0.0, 0.0, 1.0, 0.0]]),
    "abs at 0": (sw.abs, [[0.0, -0.0, -2.0]], [[0.0, 0.0, -1.0]]),
    "maximum of equals": (sw.maximum, [[1.0, 2.0, INF], [1.0, 3.0, INF]],
                          [[0.5, 0.0, 0.5], [0.5, 1.0, 0.5]]),
    "maximum with NaN": (sw.maximum, [[NAN, 1.0], [1.0, NAN]], [[1.0, 1.0], [1.0, 1.0]]),
    "minimum of equals": (sw.minimum, [[1.0, 2.0], [1.0, 3.0]], [[0.5, 1.0], [0.5, 0.0]]),
    "minimum with NaN": (sw.minimum, [[NAN, 1.0], [1.0, NAN]], [[1.0, 1.0], [1.0, 1.0]]),
    "clamp at its bounds": (sw.clamp, [[-1.0, 2.0, -1.5, 2.5, 0.0], [-1.0] * 5, [2.0] * 5],
                            [[1.0, 1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0, 0.0],
                             [0.0, 0.0, 0.0, 1.0, 0.0]]),
    "clamp with min > max": (sw.clamp, [[0.0, 5.0], [3.0, 3.0], [1.0, 1.0]],
                             [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]),
    "clamp_min at its bound": (sw.clamp_min, [[1.0, 2.0, 0.0], [1.0] * 3],
                               [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    "clamp_max at its bound": (sw.clamp_max, [[1.0, 2.0, 0.0], [1.0] * 3],
                               [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]),
    "sqrt at 0": (sw.sqrt, [[0.0, 4.0, -1.0]], [[INF, 0.25, NAN]]),
    "rsqrt at 0": (sw.rsqrt, [[0.0, 4.0]], [[-INF, -0.0625]]),
    "reciprocal at 0": (sw.reciprocal, [[0.0, 2.0]], [[-INF, -0.25]]),
    "log at 0": (sw.log, [[0.0, 2.0]], [[INF, 0.5]]),
    "asin at its ends": (sw.asin, [[1.0, -1.0, 2.0]], [[INF, INF, NAN]]),
    "pow of 0": (sw.pow, [[0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 2.0, 0.5]],
                 [[0.0, 1.0, 0.0, INF], [0.0, 0.0, 0.0, 0.0]]),
    "pow by 0": (sw.pow, [[3.0, -3.0], [0.0, 0.0]], [[0.0, 0.0], [math.log(3.0), NAN]]),
    "pow of a negative": (sw.pow, [[-2.0], [3.0]], [[12.0], [NAN]]),
    "remainder at a jump": (sw.remainder, [[6.0, -6.0, 5.0], [3.0, 3.0, 3.0]],
                            [[1.0, 1.0, 1.0], [-2.0, 2.0, -1.0]]),
    "sigmoid far out": (sw.sigmoid, [[800.0, -800.0]], [[0.0, 0.0]]),
    "tanh far out": (sw.tanh, [[800.0, -800.0]], [[0.0, 0.0]]),
    "erf far out": (sw.erf, [[30.0, -30.0]], [[0.0, 0.0]]),
}  # fmt: skip


@pytest.mark.parametrize("name", SPECIAL)
def test_special_points(name):
    function, operands, expected = SPECIAL[name]
    tensors = [sw.tensor(x, dtype=sw.float64, requires_grad=True) for x in operands]
    function(*tensors).sum().backward()
    for tensor, gradient in zip(tensors, expected, strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), gradient, rtol=1e-15)


def test_what_is_not_chosen_gets_no_gradient_but_nan_behind_it_does():
    x = sw.tensor([4.0, 0.0], requires_grad=True)
    sw.where(x > 0, x.sqrt(), 0.0).sum().backward()
    assert x.grad[0].item() == 0.25 and math.isnan(x.grad[1].item())
    x = sw.tensor([4.0, 0.0], requires_grad=True)
    sw.where(x > 0, sw.where(x > 0, x, 1.0).sqrt(), 0.0).sum().backward()
    assert x.grad.tolist() == [0.25, 0.0]
    x = sw.tensor([0.0], requires_grad=True)
    (x.sqrt() * 0.0).sum().backward()  # infinite by 0
    assert math.isnan(x.grad.item())


@pytest.mark.parametrize("name", ["floor", "ceil", "round", "trunc", "sign"])
def test_steps_have_gradient_zero_at_their_jumps(name):
    x = sw.tensor([0.5, -1.5, 2.0, math.inf], requires_grad=True)
    getattr(sw, name)(x).sum().backward()
    assert x.grad.tolist() == [0.0] * 4
    y = sw.tensor([0.5], requires_grad=True)
    (getattr(sw, name)(y) * y).sum().backward()
    assert y.grad.tolist() == getattr(sw, name)(y).tolist()
