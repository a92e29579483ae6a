# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What is said of wrong arguments, for functions that are written in Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from ._core import Tensor


def wrong(function: str, argument: str, expected: str, value: Any) -> TypeError:
    """The error for an argument of another type than is expected."""
    found = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    return TypeError(f"{function}(): argument '{argument}' must be {expected}, not {found}")


def flag(function: str, argument: str, value: Any) -> None:
    """TypeError for what is no truth value."""
    if not isinstance(value, bool):
        raise wrong(function, argument, "bool", value)


def _check(function: Any, names: Sequence[str], args: Sequence[Any], named: Any) -> None:
    kinds = function.__annotations__
    for name, value in [*zip(names, args, strict=False), *named.items()]:
        kind = kinds.get(name, "")
        if kind == "Tensor" and not isinstance(value, Tensor):
            raise wrong(function.__name__, name, "Tensor", value) from None
        if kind == "Tensor | None" and not (value is None or isinstance(value, Tensor)):
            raise wrong(function.__name__, name, "Tensor", value) from None


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which says what is wrong where a tensor was to be given and something else was.

    Nothing is looked at unless the call fails.
    """
    names = function.__code__.co_varnames[: function.__code__.co_argcount]

    @wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except (AttributeError, TypeError):
            _check(function, names, args, named)
            raise

    return call
