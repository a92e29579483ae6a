# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How the library's own functions are made: as a user's are, and they tell wrong arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from ._arguments import checked
from ._function import function

_Body = TypeVar("_Body", bound=Callable[..., Any])


@overload
def library_function(body: _Body) -> _Body: ...
@overload
def library_function(
    *,
    method: bool = False,
    inplace: bool = False,
    out: bool = False,
    values_first: bool = False,
) -> Callable[[_Body], _Body]: ...
def library_function(
    body: Any = None,
    *,
    method: bool = False,
    inplace: bool = False,
    out: bool = False,
    values_first: bool = False,
) -> Any:
    """A function that is traced once for each class of arguments, and tells wrong types of them.

    `method`, `inplace` and `out` are those of `stepwell.function`, `values_first` is that of
    `checked`.
    """
    if body is None:
        return lambda given: library_function(  # type: ignore[call-overload]
            given, method=method, inplace=inplace, out=out, values_first=values_first
        )
    return function(checked(body, values_first), method=method, inplace=inplace, out=out)
