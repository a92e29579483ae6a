# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Values of gradients where calculus leaves a choice: ties, NaN, infinities, zeros; and of later ones.

The right values are PyTorch's (2.13, float64), for the cotangent 1, 2, 3, ...
"""

import math

import numpy as np
import pytest
import stepwell
from stepwell import arange, autograd, tensor
from stepwell.nn import functional as F

nan, inf = math.nan, math.inf

# fmt: off
FIRST = {
    "relu": (lambda x: x.relu(), [[nan, 0.0, -0.0, 1.0, -1.0, inf, -inf]], [[1.0, 0.0, 0.0, 4.0, 0.0, 6.0, 0.0]]),
    "abs": (lambda x: x.abs(), [[nan, 0.0, -0.0, -2.0, inf]], [[0.0, 0.0, 0.0, -4.0, 5.0]]),
    "maximum": (lambda x, y: x.maximum(y), [[nan, 1.0, 1.0, 2.0], [1.0, nan, 1.0, 1.0]], [[1.0, 2.0, 1.5, 4.0], [1.0, 2.0, 1.5, 0.0]]),
    "minimum": (lambda x, y: x.minimum(y), [[nan, 1.0, 1.0, 2.0], [1.0, nan, 1.0, 1.0]], [[1.0, 2.0, 1.5, 0.0], [1.0, 2.0, 1.5, 4.0]]),
    "clamp": (lambda x: x.clamp(0, 1), [[nan, 0.0, 1.0, 0.5, 2.0, -1.0]], [[0.0, 2.0, 3.0, 4.0, 0.0, 0.0]]),
    "clamp to tensors": (lambda x, a, b: x.clamp(a, b), [[nan, 0.0, 1.0, 0.5, 3.0], [0.0, nan, 0.0, 2.0, 2.0], [1.0, 1.0, nan, 1.0, 1.0]], [[0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 4.0, 5.0]]),
    "sqrt": (lambda x: x.sqrt(), [[0.0, -1.0, 4.0]], [[inf, nan, 0.75]]),
    "rsqrt": (lambda x: x.rsqrt(), [[0.0, 4.0, inf]], [[-inf, -0.125, -0.0]]),
    "atan2": (lambda x, y: x.atan2(y), [[0.0, 0.0, 1.0, 0.0], [0.0, -0.0, 2.0, 3.0]], [[0.0, -0.0, 1.2000000000000002, 1.3333333333333333], [-0.0, -0.0, -0.6000000000000001, -0.0]]),
    "amax": (lambda x: x.amax(), [[1.0, 3.0, 3.0, 2.0]], [[0.0, 0.5, 0.5, 0.0]]),
    "amax with NaN": (lambda x: x.amax(), [[1.0, nan, 3.0]], [[nan, nan, nan]]),
    "amin over a dimension": (lambda x: x.amin(0), [[1.0, 3.0, 1.0, 2.0]], [[0.5, 0.0, 0.5, 0.0]]),
    "max": (lambda x: x.max(), [[1.0, 3.0, 3.0, 2.0]], [[0.0, 0.5, 0.5, 0.0]]),
    "max with NaN": (lambda x: x.max(), [[1.0, nan, nan, 2.0]], [[0.0, 0.5, 0.5, 0.0]]),
    "min with NaN": (lambda x: x.min(), [[1.0, nan, nan, 2.0]], [[0.0, 0.5, 0.5, 0.0]]),
    "max along": (lambda x: x.max(0)[0], [[1.0, 3.0, 3.0, 2.0]], [[0.0, 1.0, 0.0, 0.0]]),
    "max along with NaN": (lambda x: x.max(0)[0], [[1.0, nan, 3.0, nan]], [[0.0, 1.0, 0.0, 0.0]]),
    "median": (lambda x: x.median(), [[1.0, 2.0, 2.0, 3.0, 5.0]], [[0.0, 0.5, 0.5, 0.0, 0.0]]),
    "median with NaN": (lambda x: x.median(), [[1.0, nan, 2.0, nan]], [[0.0, 0.5, 0.0, 0.5]]),
    "median along with NaN": (lambda x: x.median(0)[0], [[1.0, nan, 2.0, nan]], [[0.0, 1.0, 0.0, 0.0]]),
    "kthvalue with NaN": (lambda x: x.kthvalue(3)[0], [[1.0, nan, 2.0, nan]], [[0.0, 1.0, 0.0, 0.0]]),
    "sort with NaN": (lambda x: x.sort()[0][:3], [[1.0, nan, 2.0, nan]], [[1.0, 3.0, 2.0, 0.0]]),
    "topk with NaN": (lambda x: x.topk(2)[0], [[1.0, nan, 2.0]], [[0.0, 1.0, 2.0]]),
    "norm at zero": (lambda x: x.norm(), [[0.0, 0.0]], [[0.0, 0.0]]),
    "norm": (lambda x: x.norm(), [[3.0, 4.0]], [[0.6, 0.8]]),
    "norm 3 at zero": (lambda x: x.norm(3), [[0.0, 0.0]], [[0.0, 0.0]]),
    "norm 1.5": (lambda x: x.norm(1.5), [[0.0, 2.0, -1.0]], [[0.0, 0.9040134034531215, -0.6392340078652324]]),
    "norm 0.5": (lambda x: x.norm(0.5), [[0.0, 2.0, -1.0]], [[0.0, 1.7071067811865472, -2.414213562373095]]),
    "norm 0.5 at zero": (lambda x: x.norm(0.5), [[0.0, 0.0]], [[0.0, 0.0]]),
    "norm 1 at zero": (lambda x: x.norm(1), [[0.0, -2.0]], [[0.0, -1.0]]),
    "norm inf at zero": (lambda x: x.norm(inf), [[0.0, 0.0]], [[0.0, 0.0]]),
    "norm inf": (lambda x: x.norm(inf), [[2.0, -2.0, 1.0]], [[0.5, -0.5, 0.0]]),
    "norm inf with NaN": (lambda x: x.norm(inf), [[2.0, nan, 1.0]], [[0.0, 0.0, 0.0]]),
    "norm -inf": (lambda x: x.norm(-inf), [[2.0, -1.0, 1.0]], [[0.0, -0.5, 0.5]]),
    "norm with inf": (lambda x: x.norm(), [[inf, 1.0]], [[nan, 0.0]]),
    "std of a constant": (lambda x: x.std(), [[2.0, 2.0, 2.0]], [[0.0, 0.0, 0.0]]),
    "std along of constants": (lambda x: x.reshape(2, 2).std(1), [[2.0, 2.0, 1.0, 3.0]], [[0.0, 0.0, -1.414213562373095, 1.414213562373095]]),
    "var with inf": (lambda x: x.var(), [[1.0, inf, 2.0]], [[-inf, nan, -inf]]),
    "var with NaN": (lambda x: x.var(), [[1.0, nan, 2.0]], [[nan, nan, nan]]),
    "std with inf": (lambda x: x.std(), [[1.0, inf, 2.0]], [[nan, nan, nan]]),
    "var of one": (lambda x: x.var(0, correction=2), [[1.0]], [[-0.0]]),
    "prod with a zero": (lambda x: x.prod(), [[2.0, 0.0, 3.0]], [[0.0, 6.0, 0.0]]),
    "prod with two zeros": (lambda x: x.prod(), [[2.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]]),
    "prod of one": (lambda x: x.reshape(()).prod(), [[inf]], [[1.0]]),
    "prod along one": (lambda x: x.reshape(2, 1).prod(1), [[nan, 3.0]], [[1.0, 2.0]]),
    "logsumexp of -inf": (lambda x: x.logsumexp(0), [[-inf, 1.0]], [[0.0, 1.0]]),
    "pow at zero": (lambda x, y: x**y, [[0.0, 0.0, 0.0, 0.0, 2.0], [0.0, 1.0, 2.0, 0.5, 0.0]], [[0.0, 2.0, 0.0, inf, 0.0], [0.0, 0.0, 0.0, 0.0, 3.4657359027997265]]),
    "pow of what does not count": (lambda x, y: (x**y).reciprocal(), [[0.0, 2.0], [1.0, 1.0]], [[-inf, -0.5], [nan, -0.6931471805599453]]),
    "pow -1": (lambda x: x**-1, [[0.0, 2.0]], [[-inf, -0.5]]),
    "remainder": (lambda x, y: x % y, [[5.0, -5.0, 1.0], [3.0, 3.0, inf]], [[1.0, 2.0, 3.0], [-1.0, 4.0, -0.0]]),
    "gelu": (lambda x: F.gelu(x), [[inf, -inf, nan, 0.0]], [[nan, nan, nan, 2.0]]),
    "silu": (lambda x: F.silu(x), [[nan, 0.0, 100.0, -100.0]], [[nan, 1.0, 3.0, -1.4731500865042509e-41]]),
    "logsigmoid": (lambda x: F.logsigmoid(x), [[inf, -inf, nan, 0.0]], [[0.0, 2.0, nan, 2.0]]),
    "max_pool2d": (lambda x: F.max_pool2d(x.reshape(1, 1, 2, 3), 2, 1), [[1.0, nan, 3.0, 4.0, 4.0, 0.0]], [[0.0, 3.0, 0.0, 0.0, 0.0, 0.0]]),
    "where": (lambda x: x.where(x > 0, 0.0), [[nan, 1.0, -1.0]], [[0.0, 2.0, 0.0]]),
    "cumsum": (lambda x: x.cumsum(0), [[nan, 1.0, -1.0]], [[6.0, 5.0, 3.0]]),
    "div": (lambda x, y: x / y, [[1.0, 0.0, inf], [0.0, 0.0, 2.0]], [[inf, inf, 1.5], [-inf, nan, -inf]]),
}
# Each derivative is that of the one before it.
LATER = {
    "zero to a power": (lambda x: 0.0**x, [1.0, 2.0], [[0.0, 0.0], [0.0, 0.0]]),
"prod without zeros": (lambda x: x.prod(), [2.0, 3.0, 4.0], [[12.0, 8.0, 6.0], [17.0, 10.0, 7.0], [11.999999999999993, 5.999999999999998, 3.9999999999999964]]),
    "prod of one zero": (lambda x: x.prod(), [2.0, 0.0, 4.0], [[0.0, 8.0, 0.0], [8.0, 10.0, 4.0], [12.0, 6.0, 4.0]]),
    "prod of two zeros": (lambda x: x.prod(), [0.0, 3.0, 0.0], [[0.0, 0.0, 0.0], [9.0, 0.0, 3.0], [12.0, 6.0, 4.0]]),
    "prod of three zeros": (lambda x: x.prod(), [0.0, 2.0, 0.0, 3.0, 0.0], [[0.0] * 5, [0.0] * 5, [180.0, 0.0, 60.0, 0.0, 36.0]]),
    "prod of zeros along": (lambda x: x.reshape(2, 3).prod(1), [0.0, 0.0, 0.0, 0.0, 2.0, 0.0], [[0.0] * 6, [0.0, 0.0, 0.0, 24.0, 0.0, 16.0], [12.0, 6.0, 4.0, 120.0, 96.0, 80.0]]),
    "prod along": (lambda x: x.reshape(2, 3).prod(1), [0.0, 2.0, 0.0, 0.0, 2.0, 3.0], [[0.0, 0.0, 0.0, 12.0, 0.0, 0.0], [6.0, 0.0, 2.0, 54.0, 24.0, 16.0]]),
    "square": (lambda x: x**2, [0.0, 2.0, -1.0], [[0.0, 8.0, -6.0], [2.0, 8.0, 18.0], [0.0, 0.0, 0.0]]),
    "cube": (lambda x: x**3, [0.0, 2.0, -1.0], [[0.0, 24.0, 9.0], [0.0, 48.0, -54.0], [6.0, 48.0, 162.0]]),
    "fourth power": (lambda x: x**4, [0.0, 2.0], [[0.0, 64.0], [0.0, 192.0], [0.0, 384.0]]),
    "prod of one": (lambda x: x.reshape(2, 1).prod(1).square(), [nan, 3.0], [[nan, 12.0], [nan, 8.0]]),
    "power 2.5": (lambda x: x**2.5, [1.0, 4.0], [[2.5, 40.0], [3.75, 30.0], [1.875, 7.5]]),
    "norm": (lambda x: x.norm(), [3.0, 4.0], [[0.6, 0.8], [-0.064, 0.04799999999999999], [0.05248000000000003, -0.04735999999999996]]),
    "norm 3": (lambda x: x.norm(3), [1.0, 2.0], [[0.2311204247835449, 0.9244816991341795], [5.551115123125783e-17, 2.220446049250313e-16], [0.0, 0.0]]),
    "std": (lambda x: x.std(), [1.0, 2.0, 4.0], [[-0.43643578047198484, -0.10910894511799625, 0.5455447255899809], [-0.04676097647914118, 0.07014146471871188, -0.023380488239570674], [0.06680139497020166, -0.08851184833551738, 0.021710453365315685]]),
    "var": (lambda x: x.var(), [1.0, 2.0, 4.0], [[-1.3333333333333335, -0.3333333333333335, 1.6666666666666665], [-1.0, 0.0, 1.0]]),
    "tanh": (lambda x: x.tanh(), [0.0, 0.5], [[1.0, 1.5728954659318548], [-0.0, -2.907447925534349], [-2.0, -4.521674306078164]]),
    "div": (lambda x: 3 / x, [1.0, 2.0], [[-3.0, -1.5], [6.0, 3.0], [-18.0, -9.0]]),
    "atan2": (lambda x: x.atan2(x * x + 1), [0.0, 2.0], [[1.0, -0.2068965517241379], [-0.0, 0.07609988109393595], [-8.0, 0.5274508999958996]]),
    "median": (lambda x: (x * x).median(), [1.0, 2.0, 3.0], [[0.0, 4.0, 0.0], [0.0, 4.0, 0.0]]),
    "max": (lambda x: (x * x * x).max(), [1.0, 2.0, 2.0], [[0.0, 6.0, 6.0], [0.0, 12.0, 18.0], [0.0, 12.0, 27.0]]),
}
# fmt: on


def flat(nested):
    return [v for each in nested for v in flat(each)] if isinstance(nested, list) else [nested]


def weights(like):
    return arange(1.0, like.numel() + 1, dtype=like.dtype).reshape(like.shape)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", FIRST)
def test_first_derivatives(name, compiled):
    function, values, right = FIRST[name]
    inputs = [tensor(each, dtype=stepwell.float64, requires_grad=True) for each in values]
    made = (stepwell.compile(function) if compiled else function)(*inputs)
    found = autograd.grad(made, inputs, weights(made))
    for gradient, expected in zip(found, right, strict=True):
        assert gradient.tolist() == pytest.approx(expected, rel=1e-12, abs=1e-300, nan_ok=True)


@pytest.mark.parametrize("name", LATER)
def test_later_derivatives(name):
    function, values, right = LATER[name]
    x = tensor(values, dtype=stepwell.float64, requires_grad=True)
    made = function(x)
    for expected in right:
        (made,) = autograd.grad(made, x, weights(made), create_graph=True)
        assert made.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


def test_a_base_that_does_not_count_leaves_no_nan_in_later_derivatives():
    x = tensor([nan], dtype=stepwell.float64, requires_grad=True)
    y = tensor([1.0], dtype=stepwell.float64, requires_grad=True)
    first = autograd.grad((x**0) ** y, [x, y], create_graph=True)
    (found,) = autograd.grad(sum(first), y)
    assert [each.item() for each in first] == [0.0, 0.0] and found.item() == 0.0


@pytest.mark.parametrize("dtype", [stepwell.float16, stepwell.bfloat16], ids=str)
@pytest.mark.parametrize("loss", ["mean", "mse", "l1", "std", "var", "norm"])
def test_gradients_over_more_halves_than_their_type_counts(loss, dtype):
    count = 1 << 17
    x = (arange(count) % 4)._cast(dtype).requires_grad_()
    zero = stepwell.zeros(count, dtype=dtype)
    made = {
        "mean": lambda: x.mean(),
        "mse": lambda: F.mse_loss(x, zero),
        "l1": lambda: F.l1_loss(x, zero),
        "std": lambda: x.std(),
        "var": lambda: x.var(),
        "norm": lambda: x.norm(),
    }[loss]()
    (found,) = autograd.grad(made, x, tensor(1024.0, dtype=dtype))
    y = x.detach().double()
    length, spread = math.sqrt(3.5 * count), math.sqrt(1.25 * count / (count - 1))
    right = {
        "mean": (y * 0 + 1) / count,
        "mse": 2 * y / count,
        "l1": y.sign() / count,
        "std": (y - 1.5) / (count - 1) / spread,
        "var": (y - 1.5) * 2 / (count - 1),
        "norm": y / length,
    }[loss] * 1024
    tolerance = 2e-3 if dtype is stepwell.float16 else 1e-2
    assert stepwell.allclose(found.double(), right, rtol=tolerance, atol=1e-6)


@pytest.mark.parametrize("dtype", [stepwell.float16, stepwell.bfloat16], ids=str)
@pytest.mark.parametrize("name", ["norm", "std", "norm3"])
def test_halves_are_not_rounded_before_the_root(name, dtype):
    x = tensor([300.0, 400.0, 0.0, 1200.0], dtype=dtype)  # the squares are infinite in f16
    y = x.double()
    made = {"norm": lambda x: x.norm(), "std": lambda x: x.std(), "norm3": lambda x: x.norm(3)}[
        name
    ]
    assert made(x).item() == made(y)._cast(dtype).item()


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [None, 0, 1, (0, 1)])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_share_a_gradient_also_with_kept_dimensions(dim, keepdim, sign):
    values = np.array([[1.0, -1.0, 0.5], [1.0, 0.25, -0.25]]) if sign > 0 else np.ones((2, 3)) * 2
    size = np.abs(values)
    axis = (0, 1) if dim is None else dim
    best = (size.max if sign > 0 else size.min)(axis=axis, keepdims=True)
    shares = (size == best) * np.sign(values)
    expected = shares / (size == best).sum(axis=axis, keepdims=True)
    for wrap in (lambda f: f, stepwell.compile):
        x = stepwell.from_numpy(values.copy()).requires_grad_()
        wrap(lambda x: x.norm(sign * math.inf, dim, keepdim))(x).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), expected)
