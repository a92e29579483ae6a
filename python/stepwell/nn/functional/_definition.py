# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How the functions of this package are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from stepwell import _definition
from stepwell._arguments import checked
from stepwell._core import Tensor

_Body = TypeVar("_Body", bound=Callable[..., Any])


def library_function(body: _Body) -> _Body:
    """One of the library, whose ValueErrors come before what is wrong with types."""
    return _definition.library_function(values_first=True)(body)


def checked_function(body: _Body) -> _Body:
    """A function that runs as it is, and tells wrong types of its arguments."""
    made: Any = checked(body, values_first=True)
    return made  # type: ignore[no-any-return]


def of_shape(shape: tuple[int, ...], made: Tensor) -> Tensor:
    """What was made of operands that broadcast to this shape, and do not widen it."""
    if made.shape != shape:
        raise RuntimeError(
            f"output with shape {shape} doesn't match the broadcast shape {made.shape}"
        )
    return made
