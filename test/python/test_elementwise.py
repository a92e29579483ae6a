# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every elementwise function against NumPy: element types, special values, views, broadcasting."""

import numpy as np
import pytest
import stepwell as sw

FLOATS = ["float16", "float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
NUMBERS = FLOATS + INTEGERS
ALL = [*NUMBERS, "bool"]

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.5, 7.0, -7.0, 1e-3, 80.0, np.inf, -np.inf, np.nan]
WHOLE = [0, 1, 2, 3, 7, 100, 127]


def values(dtype, rng):
    """Ordinary and special values; an odd number, so that vectors have a rest."""
    if dtype == "bool":
        return rng.random(37) < 0.5
    if dtype in FLOATS:
        return np.concatenate([SPECIAL, rng.normal(size=23) * 4]).astype(dtype)
    info = np.iinfo(dtype)
    numbers = np.concatenate([WHOLE, [info.min, info.max], rng.integers(-9, 9, 28)])
    return numbers.astype(np.int64).astype(dtype)


def erf(x):
    from math import erf

    return np.vectorize(erf, otypes=[x.dtype])(x)


def shift_left(x, y):
    bits = x.dtype.itemsize * 8
    amount = y.astype(np.int64) % 256 if x.dtype == np.uint8 else y.astype(np.int64)
    ok = (amount >= 0) & (amount < bits)
    return np.where(ok, np.left_shift(x, np.where(ok, amount, 0).astype(x.dtype)), 0).astype(
        x.dtype
    )


# name: (NumPy's function, element types, what the reference computes in)
UNARY = {
    "abs": (np.abs, NUMBERS),
    "neg": (np.negative, NUMBERS),
    "sign": (lambda x: np.sign(np.where(x != x, x.dtype.type(0), x)), NUMBERS),
    "floor": (np.floor, FLOATS),
    "ceil": (np.ceil, FLOATS),
    "round": (np.rint, FLOATS),
    "trunc": (np.trunc, FLOATS),
    "relu": (lambda x: np.where(x < 0, x.dtype.type(0), x), NUMBERS),
    "isnan": (np.isnan, FLOATS),
    "isinf": (np.isinf, FLOATS),
    "isfinite": (np.isfinite, FLOATS),
    "logical_not": (np.logical_not, ALL),
    "bitwise_not": (np.invert, [*INTEGERS, "bool"]),
}
FUNCTIONS = {
    name: getattr(np, other)
    for name, other in {
        **{
            n: n
            for n in "exp exp2 expm1 log log1p log2 log10 sqrt sin cos tan sinh cosh tanh".split()
        },
        "asin": "arcsin",
        "acos": "arccos",
        "atan": "arctan",
    }.items()
} | {
    "reciprocal": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "erf": erf,
}
BINARY = {
    "add": (np.add, ALL),
    "sub": (np.subtract, NUMBERS),
    "mul": (np.multiply, ALL),
    "maximum": (np.maximum, ALL),
    "minimum": (np.minimum, ALL),
    "eq": (np.equal, ALL),
    "ne": (np.not_equal, ALL),
    "lt": (np.less, ALL),
    "le": (np.less_equal, ALL),
    "gt": (np.greater, ALL),
    "ge": (np.greater_equal, ALL),
    "logical_and": (np.logical_and, ALL),
    "logical_or": (np.logical_or, ALL),
    "logical_xor": (np.logical_xor, ALL),
    "bitwise_and": (np.bitwise_and, [*INTEGERS, "bool"]),
    "bitwise_or": (np.bitwise_or, [*INTEGERS, "bool"]),
    "bitwise_xor": (np.bitwise_xor, [*INTEGERS, "bool"]),
    "div": (np.divide, FLOATS),
    "atan2": (np.arctan2, ["float32", "float64"]),
    "bitwise_left_shift": (shift_left, INTEGERS),
}


def ours(name, *arrays):
    return getattr(sw, name)(*(sw.from_numpy(a) for a in arrays)).numpy()


def same(found, expected):
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", UNARY)
def test_exact_functions(name):
    reference, dtypes = UNARY[name]
    for dtype in dtypes:
        x = values(dtype, np.random.default_rng(1))
        with np.errstate(all="ignore"):
            same(ours(name, x), reference(x))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name):
    for dtype, wide, rtol in (
        ("float16", np.float64, 2e-3),
        ("float32", np.float64, 2.5e-7),
        ("float64", np.longdouble, 1e-15),
    ):
        x = values(dtype, np.random.default_rng(2))
        with np.errstate(all="ignore"):
            expected = FUNCTIONS[name](x.astype(wide)).astype(dtype)
        found = ours(name, x)
        assert found.dtype == x.dtype
        np.testing.assert_allclose(
            found, expected, rtol=rtol, atol=1e-7 if dtype == "float16" else 0
        )
    # Integers and bool are computed in float32.
    whole = np.array([0, 1, 1, 0, 1])
    with np.errstate(all="ignore"):
        expected = FUNCTIONS[name](whole.astype(np.float64)).astype(np.float32)
    for dtype in ("int32", "uint8", "bool"):
        found = ours(name, whole.astype(dtype))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=2.5e-7)


@pytest.mark.parametrize("name", BINARY)
def test_pairs(name):
    reference, dtypes = BINARY[name]
    for dtype in dtypes:
        rng = np.random.default_rng(3)
        x, y = values(dtype, rng), values(dtype, rng)
        x, y = x[:, None], y[None, ::-2]  # a broadcast, a negative stride
        with np.errstate(all="ignore"):
            expected = reference(x, y)
            found = ours(name, x, y)
        assert found.dtype == expected.dtype
        if name == "atan2":
            np.testing.assert_allclose(found, expected, rtol=4e-7 if dtype == "float32" else 1e-15)
        else:
            same(found, expected)


def test_integer_division_is_defined():
    for dtype in ("int8", "int16", "int32", "int64"):
        info = np.iinfo(dtype)
        x = np.array([7, -7, 7, -7, info.min, 5, 0], dtype)
        y = np.array([2, 2, -2, -2, -1, 3, 9], dtype)
        with np.errstate(all="ignore"):
            same(ours("floor_divide", x, y), np.floor_divide(x, y))
            same(ours("remainder", x, y), np.remainder(x, y))
        none = np.zeros_like(x)
        same(ours("floor_divide", x, none), none)
        same(ours("remainder", x, none), none)


def test_float_remainder():
    x = np.array([5.5, -5.5, 5.5, -5.5, 1e20, 0.0, 3.0], np.float32)
    y = np.array([2.0, 2.0, -2.0, -2.0, 3.0, 1.0, np.inf], np.float32)
    same(ours("remainder", x, y), np.remainder(x, y))
    same(ours("floor_divide", x[:4], y[:4]), np.floor_divide(x[:4], y[:4]))


def test_power():
    x = np.array([2.0, -2.0, 0.0, 9.0, -1.0, np.inf, 0.5, 1.0], np.float64)
    y = np.array([3.0, 3.0, 0.0, 0.5, np.inf, -1.0, -2.0, np.nan], np.float64)
    np.testing.assert_allclose(ours("pow", x, y), np.power(x, y), rtol=1e-15)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (1, 5), (4, 1, 3)])
def test_shapes(shape):
    x = np.random.default_rng(4).random(shape).astype(np.float32)
    same(ours("mul", x, x), x * x)
    np.testing.assert_allclose(ours("exp", x), np.exp(x), rtol=3e-7)


def test_bfloat16_rounds_each_operation():
    x = np.random.default_rng(5).normal(size=101).astype(np.float32)
    half = sw.from_numpy(x).to(sw.bfloat16)

    def rounded(a):
        bits = a.astype(np.float32).view(np.uint32)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).view(np.float32)

    x = rounded(x)
    same((half * half + half).to(sw.float32).numpy(), rounded(rounded(x * x) + x))


def test_where():
    x = values("float32", np.random.default_rng(6))
    condition = x > 0
    chosen = sw.where(sw.from_numpy(condition), sw.from_numpy(x), sw.from_numpy(-x))
    same(chosen.numpy(), np.where(condition, x, -x))
    mixed = sw.where(sw.from_numpy(condition), sw.from_numpy(x.astype(np.float64)), 2)
    same(mixed.numpy(), np.where(condition, x.astype(np.float64), 2.0))


def test_clamp():
    x = values("float32", np.random.default_rng(7))
    same(sw.clamp(sw.from_numpy(x), -1.0, 2.0).numpy(), np.clip(x, -1, 2).astype(np.float32))


def test_right_shift():
    x = np.array([-128, 127, -1, 64, 5], np.int8)
    same(
        ours("bitwise_right_shift", x, np.array([1, 3, 7, 6, 0], np.int8)),
        x >> np.array([1, 3, 7, 6, 0], np.int8),
    )


def test_types_without_a_formula():
    flag, number = sw.tensor([True, False]), sw.tensor([1.5, 2.5])
    with pytest.raises(RuntimeError, match="sub: not defined for elements of type bool"):
        flag - flag
    with pytest.raises(RuntimeError, match="bitwise_and: not defined for elements of type float32"):
        sw.bitwise_and(number, number)


def test_no_function_escapes():
    """Every elementwise function of the package stands in a table or a test above."""
    tested = {*UNARY, *FUNCTIONS, *BINARY, "floor_divide", "remainder", "pow", "where", "clamp"}
    tested |= {"bitwise_right_shift"}
    assert set(sw._core._elementwise_functions()) == tested
