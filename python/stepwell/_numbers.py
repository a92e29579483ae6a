# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A Python number that another call of a compiled function may give another value.

While the function is traced, such a number stands for itself: arithmetic with numbers makes an
expression that each call evaluates again, and an operation on tensors takes it as an input of the
program. Whatever else is done with it (a branch, a size, a text) needs its value: then the program
is for that value only.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from . import _core

Number = int | float
_Expression = Callable[[Sequence[Number]], Number]


class NumberTrace:
    """What a trace did with the numbers that it was given.

    Attributes:
        used: the places of those whose value was asked for.
        inputs: the expressions that are inputs of the program, with the type that each had.
    """

    def __init__(self) -> None:
        self.used: set[int] = set()
        self.inputs: list[tuple[_Expression, type]] = []
        self._places: dict[int, int] = {}
        self._keep: list[TracedNumber] = []
        self.over = False

    def number(self, place: int, value: Number) -> TracedNumber:
        return TracedNumber(self, operator.itemgetter(place), value, frozenset([place]))

    def evaluate(self, numbers: Sequence[Number]) -> list[Number] | None:
        """The inputs for other numbers; None if one has another type than before."""
        values = []
        for expression, kind in self.inputs:
            value = expression(numbers)
            if type(value) is not kind:
                return None
            values.append(value)
        return values

    def place(self, number: TracedNumber) -> int:
        if id(number) not in self._places:
            self._places[id(number)] = len(self.inputs)
            self._keep.append(number)
            self.inputs.append((number._expression, type(number._value)))
        return self._places[id(number)]


def _plain(value: Any) -> bool:
    return type(value) in (int, float)


class TracedNumber:
    """One number: its value in this trace, and how other calls find theirs."""

    __slots__ = ("_trace", "_expression", "_value", "_from")

    def __init__(
        self, trace: NumberTrace, expression: _Expression, value: Number, origin: frozenset[int]
    ) -> None:
        self._trace, self._expression, self._value = trace, expression, value
        self._from = origin

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # isinstance(step, int) holds
        return type(self._value)

    def _known(self) -> Number:
        """The value, which the program then is made for."""
        self._trace.used |= self._from
        return self._value

    def _input(self) -> tuple[int, Number]:
        """Which input of the program it is (-1: none), and its value."""
        if self._trace.over or type(self._value) not in (int, float):
            return -1, self._known()
        return self._trace.place(self), self._value

    def _with(self, other: Any, function: Any, mirrored: bool) -> Any:
        if type(other) is TracedNumber:
            mine, theirs, origin = self._expression, other._expression, other._from
            b = other._value
        elif _plain(other):
            mine, origin, b = self._expression, frozenset(), other

            def theirs(_: Sequence[Number]) -> Number:
                return other

        elif isinstance(other, (bool, int, float, complex)):
            known = self._known()
            return function(other, known) if mirrored else function(known, other)
        else:
            return NotImplemented
        made = function(b, self._value) if mirrored else function(self._value, b)
        if not _plain(made):
            self._trace.used |= self._from | origin
            return made

        def expression(numbers: Sequence[Number]) -> Number:
            left, right = (theirs, mine) if mirrored else (mine, theirs)
            return function(left(numbers), right(numbers))

        return TracedNumber(self._trace, expression, made, self._from | origin)

    def _alone(self, function: Any) -> TracedNumber:
        mine = self._expression
        return TracedNumber(
            self._trace, lambda numbers: function(mine(numbers)), function(self._value), self._from
        )

    def __neg__(self) -> TracedNumber:
        return self._alone(operator.neg)

    def __abs__(self) -> TracedNumber:
        return self._alone(operator.abs)

    def __pos__(self) -> TracedNumber:
        return self

    def __reduce__(self) -> Any:
        return (type(self._known()), (self._value,))

    def __hash__(self) -> int:
        return hash(self._known())

    def __getattr__(self, name: str) -> Any:
        """`step.bit_length`, `x.is_integer`: what a number has besides."""
        return getattr(self._known(), name)


def _arithmetic(name: str, function: Any) -> None:
    setattr(TracedNumber, f"__{name}__", lambda self, other: self._with(other, function, False))
    setattr(TracedNumber, f"__r{name}__", lambda self, other: self._with(other, function, True))


def _value(name: str, function: Any) -> None:
    setattr(TracedNumber, name, lambda self, *rest: function(self._known(), *rest))


for _name, _function in {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "truediv": operator.truediv,
    "floordiv": operator.floordiv, "mod": operator.mod, "pow": operator.pow,
}.items():  # fmt: skip
    _arithmetic(_name, _function)
_asks: dict[str, Any] = {
    "__eq__": operator.eq, "__ne__": operator.ne, "__lt__": operator.lt, "__le__": operator.le,
    "__gt__": operator.gt, "__ge__": operator.ge, "__bool__": bool, "__int__": int,
    "__float__": float, "__index__": operator.index, "__complex__": complex, "__str__": str,
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


_core._set_number_type(TracedNumber)
