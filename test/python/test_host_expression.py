# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Expressions that each call of a traced function evaluates give what Python gives."""

from __future__ import annotations

import math
import operator

import pytest
import stepwell as sw
from hypothesis import given, settings
from hypothesis import strategies as st

HostExpression = sw._core.HostExpression
WORDS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "truediv": operator.truediv,
    "//": operator.floordiv, "%": operator.mod, "**": operator.pow, "==": operator.eq,
    "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
integers = st.integers(-(2**63), 2**63 - 1) | st.integers(-20, 20)
floats = st.floats() | st.sampled_from([0.0, -0.0, 1.5, -2.5, math.inf, math.nan])
numbers = integers | floats


def same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return repr(a) == repr(b)
    return type(a) is type(b) and a == b


@settings(max_examples=800, deadline=None)
@given(st.sampled_from(list(WORDS)), numbers, numbers, st.booleans())
def test_two_numbers(word, a, b, constant):
    if word == "**" and type(a) is type(b) is int:
        b %= 80  # Python computes all digits
    code = f"v0 {b!r} {word}" if constant else f"v0 v1 {word}"
    found = HostExpression(code, 2).evaluate([a, b])
    try:
        expected = WORDS[word](a, b)
    except (ZeroDivisionError, OverflowError):
        expected = None
    if isinstance(expected, complex):
        expected = None
    if type(expected) is int and not -(2**63) <= expected < 2**63:
        expected = None
    if found is None:  # it may leave alone what 64 bits do not tell exactly
        large = any(type(x) is int and abs(x) > 2**53 for x in (a, b))
        assert expected is None or large or word == "**"
    else:
        assert same(found, expected)


@settings(max_examples=200, deadline=None)
@given(numbers)
def test_one_number(a):
    for word, function in (("neg", operator.neg), ("abs", operator.abs)):
        found = HostExpression(f"v0 {word}", 1).evaluate([a])
        expected = function(a)
        if type(expected) is int and expected >= 2**63:
            expected = None
        assert same(found, expected) or found is expected is None


def test_chains():
    evaluate = HostExpression("v0 2 // v1 * 1 + v0 3 > 7 v1 ? -", 2).evaluate
    for n, m in ((4, 5), (3, 5), (0, 0)):
        assert evaluate([n, m]) == (n // 2) * m + 1 - (7 if n > 3 else m)


@pytest.mark.parametrize(
    "code", ["", "v0 +", "v2", "v0 v1", "1.5.2", "x", "v-1", "v0 v1 v0 + +  *"]
)
def test_what_is_no_expression(code):
    with pytest.raises(ValueError, match="is no expression in postfix"):
        HostExpression(code, 2)
