# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is said of wrong arguments, for functions that are written in Python."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from . import _core
from ._core import Tensor, dtype


def wrong(function: str, argument: str, expected: str, value: Any) -> TypeError:
    """The error for an argument of another type than is expected."""
    found = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    return TypeError(f"{function}(): argument '{argument}' must be {expected}, not {found}")


def flag(function: str, argument: str, value: Any) -> None:
    """TypeError for what is no truth value."""
    if not isinstance(value, bool):
        raise wrong(function, argument, "bool", value)


def integer(function: str, argument: str, value: Any) -> None:
    """TypeError for what is no integer, in a trace either."""
    if isinstance(value, float) or not hasattr(value, "__index__"):
        raise wrong(function, argument, "int", value)


def tensors(function: str, **given: Any) -> None:
    """TypeError for the first argument that is no tensor."""
    for argument, value in given.items():
        if not isinstance(value, Tensor):
            raise wrong(function, argument, "Tensor", value) from None


def _listed(value: Any, item: Callable[[Any], bool]) -> bool:
    return isinstance(value, (tuple, list)) and all(map(item, value))


def _is_int(value: Any) -> bool:
    return hasattr(value, "__index__")


def _is_number(value: Any) -> bool:
    return hasattr(value, "__float__") or hasattr(value, "__index__")


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


# What an annotation takes, and how an error calls it.
_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "None": (lambda value: value is None, ""),
    "Tensor": (_is_tensor, "Tensor"),
    "bool": (lambda value: isinstance(value, bool), "bool"),
    "int": (_is_int, "int"),
    "Integer": (_is_int, "int"),
    "float": (_is_number, "float"),
    "Number": (_is_number, "number"),
    "str": (lambda value: isinstance(value, str), "str"),
    "dtype": (lambda value: isinstance(value, dtype), "stepwell.dtype"),
    "Sequence[int]": (lambda value: _listed(value, _is_int), "tuple of ints"),
    "Sequence[Tensor]": (lambda value: _listed(value, _is_tensor), "tuple of Tensors"),
}


def _check(function: Any, names: Sequence[str], args: Sequence[Any], named: Any) -> None:
    """TypeError for the first argument that is not what its annotation says."""
    for name, value in [*zip(names, args, strict=False), *named.items()]:
        annotation = function.__annotations__.get(name, "Any").replace("builtins.", "")
        kinds = [_KINDS.get(each) for each in annotation.split(" | ")]
        if None in kinds or any(kind[0](value) for kind in kinds if kind):
            continue
        expected = " or ".join(kind[1] for kind in kinds if kind and kind[1])
        raise wrong(function.__name__, name, expected, value) from None


def checked(function: Callable[..., Any], values_first: bool = False) -> Callable[..., Any]:
    """The function, of whose mistakes an argument of a wrong type is told first, as in PyTorch.

    Nothing is looked at unless the call fails. `values_first`: but a ValueError stays one, as in
    `nn.functional`, whose Python code sees values before types are looked at.
    """
    names = function.__code__.co_varnames[: function.__code__.co_argcount]

    @wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except Exception as error:
            if values_first and isinstance(error, ValueError):
                raise
            _check(function, names, args, named)
            raise

    return call


def wrap_dim(dim: int, rank: int) -> int:
    if not hasattr(dim, "__index__"):
        raise TypeError(f"a dimension must be int, not {type(dim).__name__}")
    if not -max(rank, 1) <= dim < max(rank, 1):
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-max(rank, 1)}, "
            f"{max(rank, 1) - 1}], but got {dim})"
        )
    return dim + max(rank, 1) if dim < 0 else dim


def _largest(kind: dtype) -> float:
    exponent, digits = {"float16": (16, 11), "bfloat16": (128, 8), "float32": (128, 24)}[kind.name]
    return math.ldexp(2.0**digits - 1, exponent - digits)


_HELD: dict[dtype, tuple[float, float]] = {
    kind: (-_largest(kind), _largest(kind))
    for kind in (_core.float16, _core.bfloat16, _core.float32)
} | {
    _core.float64: (-sys.float_info.max, sys.float_info.max),
    _core.int8: (-(2**7), 2**7 - 1),
    _core.int16: (-(2**15), 2**15 - 1),
    _core.int32: (-(2**31), 2**31 - 1),
    _core.int64: (-(2**63), 2**63 - 1),
}


def held_number(value: Any, kind: dtype) -> Any:
    """The number as an element of this type has it; RuntimeError for one that it cannot hold.

    One of a trace stays open where any number between bounds will do.
    """
    bounds = _HELD.get(kind)
    plain = isinstance(value, int) and not isinstance(value, bool)
    if bounds and (plain or (kind.is_floating_point and isinstance(value, float))):
        if bounds[0] <= value <= bounds[1]:
            return value
    return _core._number(value, kind)
