# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Numbers that become elements: one rule, wherever they do."""

import math

import numpy as np
import pytest
import stepwell as sw
from stepwell.nn import functional as F

INTEGERS = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-(2**15), 2**15 - 1),
            "int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}  # fmt: skip


def written(dtype, index, value):
    x = sw.zeros(2, dtype=dtype)
    x[index] = value
    return x[0]


def scattered(dtype, value):
    return sw.zeros(2, dtype=dtype).scatter(0, sw.tensor([0]), value)[0]


WAYS = {
    "full": lambda dtype, v: sw.full((), v, dtype=dtype),
    "full_like": lambda dtype, v: sw.full_like(sw.zeros((), dtype=dtype), v),
    "new_full": lambda dtype, v: sw.zeros(1, dtype=dtype).new_full((), v),
    "fill_": lambda dtype, v: sw.zeros((), dtype=dtype).fill_(v),
    "tensor": lambda dtype, v: sw.tensor(v, dtype=dtype),
    "tensor of a list": lambda dtype, v: sw.tensor([v], dtype=dtype)[0],
    "setitem": lambda dtype, v: written(dtype, 0, v),
    "setitem of a slice": lambda dtype, v: written(dtype, slice(0, 1), v),
    "setitem by a tensor": lambda dtype, v: written(dtype, sw.tensor([0]), v),
    "setitem by a mask": lambda dtype, v: written(dtype, sw.tensor([True, False]), v),
    "masked_fill": lambda dtype, v: sw.zeros((), dtype=dtype).masked_fill(sw.tensor(True), v),
    "index_fill": lambda dtype, v: sw.zeros(2, dtype=dtype).index_fill(0, sw.tensor([0]), v)[0],
    "scatter": scattered,
    "pad": lambda dtype, v: F.pad(sw.zeros(1, dtype=dtype), (1, 0), value=v)[0],
}
# Their result has a type that the number takes part in choosing.
PROMOTING = {
    "clamp": lambda dtype, v: sw.zeros((), dtype=dtype).clamp(v, v),
    "clamp_min": lambda dtype, v: sw.zeros((), dtype=dtype).clamp(min=v),
    "clamp_max": lambda dtype, v: sw.zeros((), dtype=dtype).clamp(max=v),
    "where": lambda dtype, v: sw.where(sw.tensor(True), v, sw.zeros((), dtype=dtype)),
}
REFUSED = "value cannot be converted to type {} without overflow"


@pytest.mark.parametrize("way", [*WAYS, *PROMOTING])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_out_of_range(way, dtype):
    call, kind = {**WAYS, **PROMOTING}[way], getattr(sw, dtype)
    low, high = INTEGERS[dtype]
    assert call(kind, high).item() == (high if "min" not in way or high > 0 else 0) or "max" in way
    if dtype == "int64":
        return
    for value in (high + 1, 2**40, (low - 1) if low else -(high + 1)):
        for _ in range(2):  # the second call has a plan
            with pytest.raises(RuntimeError, match=REFUSED.format(dtype)):
                call(kind, value)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e20, -1e20])
def test_floats_that_are_no_integers(way, dtype, value):
    with pytest.raises(RuntimeError, match=REFUSED.format(dtype)):
        WAYS[way](getattr(sw, dtype), value)


@pytest.mark.parametrize("way", WAYS)
def test_floats_are_truncated(way):
    assert WAYS[way](sw.int32, 2.7).item() == 2 and WAYS[way](sw.int32, -2.7).item() == -2
    assert WAYS[way](sw.uint8, -1).item() == 255  # negative integers wrap around
    assert WAYS[way](sw.bool, 2).item() is True and WAYS[way](sw.bool, math.nan).item() is True
    assert math.isnan(WAYS[way](sw.float16, math.nan).item())
    assert WAYS[way](sw.bfloat16, -math.inf).item() == -math.inf


@pytest.mark.parametrize("way", [w for w in WAYS if not w.startswith("tensor")])
@pytest.mark.parametrize(
    ("dtype", "value"),
    [("float16", 70000), ("float16", 1e6), ("bfloat16", 1e39), ("float32", 1e39)],
)
def test_floats_out_of_range(way, dtype, value):
    with pytest.raises(RuntimeError, match=REFUSED.format(dtype)):
        WAYS[way](getattr(sw, dtype), value)


def test_divisors_are_not_rounded_to_16_bits():
    x = sw.tensor([-3.78125], dtype=sw.float16)
    number = -0.14006396  # what it is rounded to goes into x 27 times
    for divisor in (number, sw.tensor(number)):
        assert x.floor_divide(divisor).tolist() == [26.0]
        assert x.clone().floor_divide_(divisor).tolist() == [26.0]


def test_tensor_rounds_floats_to_infinity():
    assert sw.tensor(1e39).item() == math.inf
    assert sw.tensor([70000.0], dtype=sw.float16).item() == math.inf


def test_arithmetic_wraps_around():
    x = sw.tensor([5, 200], dtype=sw.uint8)
    assert (x + 300).tolist() == [49, 244] and (x - 300).tolist() == [217, 156]
    assert (x == 300).tolist() == [False, False]


def test_large_integers():
    assert sw.full((1,), 2**63, dtype=sw.float32).tolist() == [2.0**63]
    assert sw.tensor([2**63, 1.5]).tolist() == [2.0**63, 1.5]
    assert sw.tensor(2**63, dtype=sw.float64).item() == 2.0**63
    for call in (
        lambda: sw.full((1,), 2**63),
        lambda: sw.zeros(1).fill_(2**63),
        lambda: sw.ones(1) + 2**64,
        lambda: sw.tensor([np.uint64(2**63)]),
    ):
        with pytest.raises((RuntimeError, TypeError)):
            call()
    for value in (2**63, -(2**63) - 1, 2**1000):
        with pytest.raises(ValueError, match="Overflow"):
            sw.tensor([value])


def test_fill_with_a_tensor():
    assert sw.zeros(2).fill_(sw.tensor(3)).tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="0-dimension value tensor"):
        sw.zeros(2).fill_(sw.tensor([1, 2]))
    with pytest.raises(TypeError, match="fill_"):
        sw.zeros(2).fill_("a")


def test_linspace_ends_are_elements():
    with pytest.raises(RuntimeError, match=REFUSED.format("uint8")):
        sw.linspace(0, 300, 3, dtype=sw.uint8)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_ranges_are_finite(wrong):
    for arguments in ((wrong,), (0, wrong), (wrong, 0), (0, 5, -abs(wrong))):
        with pytest.raises(RuntimeError):
            sw.arange(*arguments)


def test_ranges_of_large_integers_are_exact():
    at = 2**60 + 1
    assert sw.arange(at, at + 3).tolist() == [at, at + 1, at + 2]
    assert sw.arange(at + 3, at, -2).tolist() == [at + 3, at + 1]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("compiled", [False, True])
def test_factors_are_not_rounded_to_16_bits(dtype, compiled):
    """1e-8 is no float16, and 70000 none either; a summand is rounded, as in PyTorch."""

    def close(f, start, right):
        f = sw.compile(f) if compiled else f
        x = sw.full((3,), start, dtype=getattr(sw, dtype))
        made = f(x)
        assert made.dtype is x.dtype
        assert made.tolist() == [sw.tensor(right, dtype=x.dtype).item()] * 3

    close(lambda x: x * 1e-8, 1000.0, sw.tensor(1000.0, dtype=getattr(sw, dtype)).item() * 1e-8)
    close(lambda x: x / 70000, 1.0, 1 / 70000)
    close(lambda x: x / 1e8, 1000.0, sw.tensor(1000.0, dtype=getattr(sw, dtype)).item() / 1e8)
    close(lambda x: x * sw.tensor(1e-8), 1024.0, 1024e-8)
    close(lambda x: 1e-8 * x, 1024.0, 1024e-8)
    close(lambda x: x.mul_(1e-8), 1024.0, 1024e-8)
    close(lambda x: x + 0.1, -0.1, 0.0)
    close(lambda x: x % 0.1, 0.1, 0.0)
    close(lambda x: x - 0.1, 0.1, 0.0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_what_16_bits_hold(dtype):
    x = sw.ones(2, dtype=getattr(sw, dtype))
    large = 70000 if dtype == "float16" else 1e300
    for call in (
        lambda: x.clamp(max=large),
        lambda: x.clamp(2, large),
        lambda: sw.clamp_min(x, -large),
        lambda: x**large,
    ):
        with pytest.raises(RuntimeError, match=REFUSED.format(dtype)):
            call()
    assert sw.where(sw.tensor([True, False]), x, large).tolist() == [1.0, math.inf]
    assert (large**x).tolist() == [math.inf] * 2


@pytest.mark.parametrize("number", [0.1, 0.3, 1e-8, 3.14159])
def test_a_comparison_is_with_the_number_in_16_bits(number):
    x = sw.tensor([number, 1.0]).to(sw.float16)
    assert (x == number).tolist() == [True, False]
    assert (x <= number).tolist() == [True, number >= 1]
    assert (x < number).tolist() == [False, number > 1]
