# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions of tensors that are one line over the operations of the records."""

from __future__ import annotations

import builtins
import math
from typing import Any

from . import _core
from ._arguments import checked, flag, wrong
from ._core import Tensor, dtype
from ._definition import library_function
from ._factories import empty, full, ones, tensor, zeros
from ._function import Number
from ._structure import _shared

MAX_RANK = 16  # kMaxRank


@library_function(method=True)
def square(input: Tensor) -> Tensor:
    """`input * input`; of bool as int64."""
    if input.dtype is _core.bool:
        input = input._cast(_core.int64)
    return input * input


def _has_empty_sums(input: Tensor, dim: Any) -> builtins.bool:
    """Whether some result of a reduction is one of no elements."""
    if input.numel():
        return False
    listed = [dim] if hasattr(dim, "__index__") else list(dim or range(input.ndim))
    if len(listed) == input.ndim:
        return True
    return builtins.any(input.size(each) == 0 for each in listed)


@library_function(method=True)
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: builtins.bool = False) -> Tensor:
    """`sum(abs(input) ** p) ** (1 / p)` over `dim`; "fro" is 2, inf the largest, -inf the least.

    16-bit floats are rounded once, at the end. RuntimeError: an input that is not of floats.
    """
    if not input.is_floating_point():
        raise RuntimeError(f"norm: Expected a floating point tensor as input. Got {input.dtype}")
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"norm: Order {p} not supported.")
    p = 2 if p in ("fro", None) else p
    if (p < 0 or p == math.inf) and _has_empty_sums(input, dim):
        raise RuntimeError(
            f"norm: the {p} norm of no elements is not defined: it has no identity, shape {input.shape}"
        )
    if p == 2:
        return _core._norm(input, dim, keepdim)
    if p == 0:
        # The gradient is 0: that of the sign, which counts nothing.
        one = _core.where(input != 0, 1, _core.sign(input))
        return _core.sum(one._cast(input.dtype), dim, keepdim)
    if abs(p) != math.inf and p != 1:
        return _core._norm_p(input, dim, keepdim, p)
    size = abs(input)
    if p == 1:
        return _core.sum(size, dim, keepdim)
    found = (_core.amax if p > 0 else _core.amin)(size.detach(), dim, keepdim)
    return _shared(size, found, dim, keepdim)


@library_function(method=True)
def isclose(
    input: Tensor,
    other: Tensor,
    rtol: Number = 1e-5,
    atol: Number = 1e-8,
    equal_nan: builtins.bool = False,
) -> Tensor:
    """Where `abs(input - other) <= atol + rtol * abs(other)`; infinities are close to themselves."""
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


def allclose(
    input: Tensor,
    other: Tensor,
    rtol: builtins.float = 1e-5,
    atol: builtins.float = 1e-8,
    equal_nan: builtins.bool = False,
) -> builtins.bool:
    """Whether `isclose` holds everywhere."""
    return builtins.bool(_core.all(isclose(input, other, rtol, atol, equal_nan)))


def equal(input: Tensor, other: Tensor) -> builtins.bool:
    """Whether two tensors have the same shape and elements. NaN is unlike NaN."""
    return input.shape == other.shape and builtins.bool(_core.all(input == other))


def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements are not zero, as int64."""
    return _core.sum(input != 0, dim)


def _count_nonzero_of(input: Tensor, *dims: Any, dim: Any = None) -> Tensor:
    """How many elements are not zero, as int64; the dimensions may be given one by one."""
    return count_nonzero(input, (dims[0] if len(dims) == 1 else dims) if dims else dim)


_count_nonzero_of.__name__ = "count_nonzero"


def repeat(input: Tensor, *sizes: Any) -> Tensor:
    """A copy repeated `sizes` times along each dimension; new dimensions come first.

    >>> tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    if not sizes:
        raise TypeError("repeat() missing 1 required positional argument: 'sizes'")
    times = tuple(sizes[0] if len(sizes) == 1 and not hasattr(sizes[0], "__index__") else sizes)
    if len(times) < input.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
        )
    if builtins.min(times, default=0) < 0:
        raise RuntimeError(f"repeat: {times} must not be negative")
    shape = (1,) * (len(times) - input.ndim) + tuple(input.shape)
    # A dimension before each that is repeated stands for its repetitions.
    split: list[builtins.int] = []
    wide: list[builtins.int] = []
    for n, size in zip(times, shape, strict=True):
        split += [size] if n == 1 else [1, size]
        wide += [size] if n == 1 else [n, size]
    if len(times) > MAX_RANK:
        raise RuntimeError(
            f"a tensor has at most {MAX_RANK} dimensions; this one would have {len(times)}"
        )
    if len(split) > MAX_RANK:  # one after the other
        whole = input.reshape(shape)
        for dim in reversed(range(len(times))):
            n, done = times[dim], whole.shape
            if n != 1:
                lead, rest = math.prod(done[:dim]), math.prod(done[dim:])
                whole = whole.reshape(lead, 1, rest).expand(lead, n, rest)
                whole = whole.reshape(*done[:dim], n * done[dim], *done[dim + 1 :])
        return whole
    whole = input.reshape(split).expand(wide).clone()
    return whole.reshape([n * size for n, size in zip(times, shape, strict=True)])


def meshgrid(*tensors: Tensor, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Each vector's values along a dimension of its own, over the grid that all of them span."""
    indexing = "ij" if indexing is None else indexing
    if not isinstance(indexing, str):
        raise wrong("meshgrid", "indexing", "str", indexing)
    if indexing not in ("ij", "xy"):
        raise RuntimeError(
            f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    listed = (
        list(tensors[0])
        if len(tensors) == 1 and not isinstance(tensors[0], Tensor)
        else list(tensors)
    )
    for at, each in enumerate(listed):
        if not isinstance(each, Tensor):
            raise TypeError(
                f"expected Tensor as element {at} in argument 0, but got {type(each).__name__}"
            )
    shape = [each.numel() for each in listed]
    grids = [
        each.reshape([n if d == i else 1 for d, n in enumerate(shape)]).expand(shape)
        for i, each in enumerate(listed)
    ]
    if indexing == "xy" and len(grids) >= 2:
        grids = [grid.transpose(0, 1) for grid in grids]
    return tuple(grids)


def is_tensor(obj: Any) -> builtins.bool:
    """Whether the object is a Tensor."""
    return isinstance(obj, Tensor)


def type_as(input: Tensor, other: Tensor) -> Tensor:
    """The input with the element type of another tensor."""
    return input._cast(other.dtype)


def cpu(input: Tensor) -> Tensor:
    """The tensor itself: it lives there."""
    return input


def new_zeros(input: Tensor, *size: Any, dtype: dtype | None = None) -> Tensor:
    """Zeros of a size, with the input's element type."""
    return zeros(*size, dtype=dtype or input.dtype)


def new_ones(input: Tensor, *size: Any, dtype: dtype | None = None) -> Tensor:
    """Ones of a size, with the input's element type."""
    return ones(*size, dtype=dtype or input.dtype)


def new_empty(input: Tensor, *size: Any, dtype: dtype | None = None) -> Tensor:
    """An uninitialised tensor of a size, with the input's element type."""
    return empty(*size, dtype=dtype or input.dtype)


def new_full(input: Tensor, size: Any, fill_value: Any, *, dtype: dtype | None = None) -> Tensor:
    """A tensor of a size with every element `fill_value`, with the input's element type."""
    return full(size, fill_value, dtype=dtype or input.dtype)


def new_tensor(input: Tensor, data: Any, *, dtype: dtype | None = None) -> Tensor:
    """A copy of `data`, with the input's element type."""
    return tensor(data, dtype or input.dtype)


__all__ = [
    "allclose", "count_nonzero", "equal", "is_tensor", "isclose", "meshgrid", "norm", "square",
]  # fmt: skip

globals().update({name: checked(globals()[name]) for name in ("allclose", "equal", "type_as")})

for _each in (
    allclose, _count_nonzero_of, cpu, equal, new_empty, new_full,
    new_ones, new_tensor, new_zeros, repeat, type_as,
):  # fmt: skip
    setattr(Tensor, _each.__name__, _each)
