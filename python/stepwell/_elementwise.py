# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One element for each: comparisons and what they add up to."""

from __future__ import annotations

from typing import Any

from . import _core
from ._arguments import checked, flag
from ._core import Tensor
from ._definition import library_function
from ._function import Number


@library_function(method=True, out=True)
def square(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """`input * input`; of bool as int64.

    >>> stepwell.square(stepwell.tensor([-2.0, 3.0]))
    tensor([4., 9.])
    """
    if input.dtype is _core.bool:
        input = input._cast(_core.int64)
    return input * input


@library_function(method=True)
def isclose(
    input: Tensor,
    other: Tensor,
    rtol: Number = 1e-5,
    atol: Number = 1e-8,
    equal_nan: bool = False,
) -> Tensor:
    """Where `abs(input - other) <= atol + rtol * abs(other)`; infinities are close to themselves.

    Raises:
        RuntimeError: the element types differ, or a tolerance is negative.

    >>> stepwell.isclose(stepwell.tensor([1.0, 2.0]), stepwell.tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input.dtype} did not match {other.dtype}")
    flag("isclose", "equal_nan", equal_nan)
    for name, given in (("rtol", rtol), ("atol", atol)):
        if given < 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {given}")
    if not input.is_floating_point():
        input, other = input._cast(_core.float64), other._cast(_core.float64)
    distance = abs(input - other)
    near = _core.isfinite(distance) & (distance <= atol + abs(rtol * other))
    close = near | (input == other)
    return close | (_core.isnan(input) & _core.isnan(other)) if equal_nan else close


@checked
def allclose(
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> bool:
    """Whether `isclose` holds everywhere.

    >>> stepwell.allclose(stepwell.tensor([0.1 + 0.2]), stepwell.tensor([0.3]))
    True
    """
    return bool(_core.all(isclose(input, other, rtol, atol, equal_nan)))


@checked
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and elements. NaN is unlike NaN.

    >>> stepwell.equal(stepwell.ones(2), stepwell.ones(2, 1))
    False
    """
    return input.shape == other.shape and bool(_core.all(input == other))


def is_tensor(obj: Any) -> bool:
    """Whether the object is a Tensor.

    >>> stepwell.is_tensor([1, 2])
    False
    """
    return isinstance(obj, Tensor)


@checked
def type_as(input: Tensor, other: Tensor) -> Tensor:
    """The input with the element type of another tensor.

    >>> stepwell.arange(3).type_as(stepwell.zeros(1))
    tensor([0., 1., 2.])
    """
    return input._cast(other.dtype)


def cpu(input: Tensor) -> Tensor:
    """The tensor itself: it lives there.

    >>> stepwell.arange(3).cpu()
    tensor([0, 1, 2])
    """
    return input


__all__ = ["allclose", "equal", "is_tensor", "isclose", "square"]

for _each in (allclose, cpu, equal, type_as):
    setattr(Tensor, _each.__name__, _each)
