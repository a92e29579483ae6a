# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A number that another call of a traced function may give another value.

While the function is traced, such a number stands for itself: arithmetic with numbers makes an
expression that each call evaluates again (`lib/Semantics/HostExpression.h`), and an operation on tensors
takes it as an input of the program. Whatever else is done with it (a branch, a text, the length of a
list) needs its value: then the program is for that value only.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from . import _core

Number = int | float


class NumberTrace:
    """What a trace did with the numbers that it was given.

    Attributes:
        used: the places of those whose value was asked for.
        inputs: the expressions that are inputs of the program, with the type that each had.
        sizes: how many sizes of tensors come before the numbers in an expression; 0 where none is
            open.
    """

    def __init__(self, count: int, sizes: int = 0) -> None:
        self.used: set[int] = set()
        self.inputs: list[tuple[_core.HostExpression, type]] = []
        self.sizes = sizes
        self._count = count
        self._places: dict[str, int] = {}
        self.over = False

    def number(self, place: int, value: Number) -> TracedNumber:
        return TracedNumber(self, f"v{self.sizes + place}", value)

    def evaluate(self, numbers: Sequence[Number]) -> list[Number] | None:
        """The inputs for other numbers; None if one has another type than before."""
        values: list[Any] = []
        for expression, kind in self.inputs:
            value = expression.evaluate(numbers)
            if type(value) is not kind:
                return None
            values.append(value)
        return values

    def place(self, number: TracedNumber) -> int:
        """Which input of the program it is."""
        code = number._code
        if code not in self._places:
            self._places[code] = len(self.inputs)
            expression = _core.HostExpression(code, self.sizes + self._count)
            self.inputs.append((expression, type(number._value)))
        return self._places[code]

    def decide(self, code: str, value: Any) -> None:
        """Something was decided by an expression that has this value."""
        places = [int(place) - self.sizes for place in re.findall(r"\bv(\d+)", code)]
        self.used.update(place for place in places if place >= 0)
        if self.sizes:
            _core._require(code, value)


def _plain(value: Any) -> bool:
    # An integer of more than 64 bits is no number of an expression.
    return type(value) is float or (type(value) is int and -(2**63) <= value < 2**63)


class TracedNumber:
    """One number: its value in this trace, and how other calls find theirs."""

    __slots__ = ("_trace", "_code", "_value")

    def __init__(self, trace: Any, code: str, value: Number) -> None:
        self._trace, self._code, self._value = trace, code, value

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # isinstance(step, int) holds
        return type(self._value)

    def _known(self) -> Number:
        """The value, which the program then is made for."""
        self._trace.decide(self._code, self._value)
        return self._value

    def _input(self) -> tuple[int, Number]:
        """Which input of the program it is (-1: none), and its value."""
        if self._trace.over or type(self._value) not in (int, float):
            return -1, self._known()
        return self._trace.place(self), self._value

    def _with(self, other: Any, word: str, function: Any, mirrored: bool) -> Any:
        if type(other) is TracedNumber:
            theirs, b = other._code, other._value
        elif _plain(other):
            theirs, b = repr(other), other
        elif isinstance(other, (bool, int, float, complex)):
            known = self._known()
            return function(other, known) if mirrored else function(known, other)
        else:
            return NotImplemented
        made = function(b, self._value) if mirrored else function(self._value, b)
        code = f"{theirs} {self._code} {word}" if mirrored else f"{self._code} {theirs} {word}"
        if type(made) is bool or not _plain(made):
            self._trace.decide(self._code, self._value)
            if type(other) is TracedNumber:
                other._trace.decide(theirs, b)
            return made
        return TracedNumber(self._trace, code, made)

    def _compared(self, other: Any, word: str, function: Any) -> Any:
        if type(other) is TracedNumber:
            theirs, b = other._code, other._value
        elif _plain(other):
            theirs, b = repr(other), other
        else:
            return function(self._known(), other)
        made = function(self._value, b)
        self._trace.decide(f"{self._code} {theirs} {word}", made)
        return made

    def _alone(self, word: str, function: Any) -> TracedNumber:
        return TracedNumber(self._trace, f"{self._code} {word}", function(self._value))

    def __neg__(self) -> TracedNumber:
        return self._alone("neg", operator.neg)

    def __abs__(self) -> TracedNumber:
        return self._alone("abs", operator.abs)

    def __bool__(self) -> bool:
        truth: bool = self != 0
        return truth

    def __pos__(self) -> TracedNumber:
        return self

    def __reduce__(self) -> Any:
        return (type(self._known()), (self._value,))

    def __hash__(self) -> int:
        return hash(self._known())

    def __getattr__(self, name: str) -> Any:
        """`step.bit_length`, `x.is_integer`: what a number has besides."""
        return getattr(self._known(), name)


def _arithmetic(name: str, word: str, function: Any) -> None:
    def forward(self: TracedNumber, other: Any) -> Any:
        return self._with(other, word, function, False)

    def mirrored(self: TracedNumber, other: Any) -> Any:
        return self._with(other, word, function, True)

    setattr(TracedNumber, f"__{name}__", forward)
    setattr(TracedNumber, f"__r{name}__", mirrored)


def _comparison(name: str, word: str, function: Any) -> None:
    def compare(self: TracedNumber, other: Any) -> Any:
        return self._compared(other, word, function)

    setattr(TracedNumber, name, compare)


def _value(name: str, function: Callable[..., Any]) -> None:
    setattr(TracedNumber, name, lambda self, *rest: function(self._known(), *rest))


for _name, _word, _function in (
    ("add", "+", operator.add),
    ("sub", "-", operator.sub),
    ("mul", "*", operator.mul),
    ("truediv", "truediv", operator.truediv),
    ("floordiv", "//", operator.floordiv),
    ("mod", "%", operator.mod),
    ("pow", "**", operator.pow),
):
    _arithmetic(_name, _word, _function)
for _name, _word, _function in (
    ("__eq__", "==", operator.eq),
    ("__ne__", "!=", operator.ne),
    ("__lt__", "<", operator.lt),
    ("__le__", "<=", operator.le),
    ("__gt__", ">", operator.gt),
    ("__ge__", ">=", operator.ge),
):
    _comparison(_name, _word, _function)
_asks: dict[str, Any] = {
    "__int__": int, "__float__": float, "__index__": operator.index, "__complex__": complex, "__str__": str,
    "__repr__": repr, "__format__": format, "__round__": round, "__trunc__": math.trunc,
    "__floor__": math.floor, "__ceil__": math.ceil, "__divmod__": divmod,
    "__rdivmod__": lambda a, b: divmod(b, a), "__and__": operator.and_, "__or__": operator.or_,
    "__xor__": operator.xor, "__lshift__": operator.lshift, "__rshift__": operator.rshift,
    "__invert__": operator.invert, "__rand__": operator.and_, "__ror__": operator.or_,
    "__rxor__": operator.xor, "__rlshift__": lambda a, b: b << a,
    "__rrshift__": lambda a, b: b >> a,
}  # fmt: skip
for _name, _function in _asks.items():
    _value(_name, _function)
