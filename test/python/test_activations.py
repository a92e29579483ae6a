# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""gelu and silu: elementwise, but of several functions, so that errors add up."""

import math

import elementwise_table as table
import mpmath
import numpy as np
import pytest
import stepwell as sw

FUNCTIONS = {
    "gelu": (sw._core.array.gelu, lambda x: x * 0.5 * math.erfc(-x / math.sqrt(2))),
    "gelu_tanh": (
        sw._core.array.gelu_tanh,
        lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    ),
    "silu": (sw.silu, lambda x: x / (1 + math.exp(-x)) if x > -700 else 0.0),
}
# Relative to the input: an error of this many halves of the input's last digit.
BOUNDS = {"float16": (1e-3, 1e-7), "float32": (1.5e-7, 1e-30), "float64": (3e-16, 1e-300)}


def test_every_activation_is_here():
    assert set(FUNCTIONS) == table.ACTIVATIONS


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_values(name, dtype):
    function, exact = FUNCTIONS[name]
    x = np.concatenate([np.linspace(-12, 12, 1001), [0.0, -0.0, 1e-5, 50.0]]).astype(dtype)
    found = function(sw.from_numpy(x)).numpy()
    expected = np.array([exact(float(v)) for v in x])
    relative, least = BOUNDS[dtype]
    error = np.abs(found.astype(np.float64) - expected)
    assert (error <= relative * np.maximum(np.abs(x.astype(np.float64)), least)).all()
    assert found.dtype == x.dtype


@pytest.mark.parametrize("name", FUNCTIONS)
def test_integers_become_float32_and_gradients_are_the_slopes(name):
    function, exact = FUNCTIONS[name]
    assert function(sw.tensor([1, 2])).dtype is sw.float32
    x = sw.tensor([-3.0, -0.4, 0.0, 0.7, 2.5], dtype=sw.float64, requires_grad=True)
    function(x).sum().backward()
    slopes = [(exact(v + 1e-6) - exact(v - 1e-6)) / 2e-6 for v in x.tolist()]
    np.testing.assert_allclose(x.grad.numpy(), slopes, rtol=1e-7, atol=1e-9)


def test_gelu_is_near_in_its_tail_too():
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.uniform(-14.5, 14.5, 4000), rng.normal(0, 1e-3, 500)])
    x = np.concatenate([x, [-np.finfo("f4").tiny, 1e-44, -1e-44, 3e38]]).astype("f4")
    with mpmath.workdps(40), np.errstate(over="ignore"):
        root = mpmath.sqrt(2)
        exact = [v * mpmath.erfc(-v / root) / 2 for v in map(mpmath.mpf, map(float, x))]
        exact = np.array([np.longdouble(mpmath.nstr(v, 30)) for v in exact])
    found = sw._core.array.gelu(sw.from_numpy(x)).numpy()
    errors = table.ulps(found, exact, "float32")
    at = int(np.argmax(errors))
    assert errors[at] <= 2, (x[at], found[at], exact[at], errors[at])


@pytest.mark.parametrize("name", ["gelu", "silu"])
def test_ends(name):
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, -3e38, 3e38, -1e-45], "f4")
    found = FUNCTIONS[name][0](sw.from_numpy(x)).numpy()
    expected = np.array([np.inf, np.nan, np.nan, 0.0, -0.0, -0.0, 3e38, -0.0], "f4")
    np.testing.assert_array_equal(found, expected)
    there = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found)[there], np.signbit(expected)[there])


def test_silu_keeps_its_digits_where_the_exponential_has_few():
    x = np.linspace(-108, -80, 3001).astype("f4")
    exact = x.astype("f8") / (1 + np.exp(-x.astype("f8")))
    found = sw.silu(sw.from_numpy(x)).numpy()
    assert table.ulps(found, exact, "float32").max() <= 1.5
