# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Many elements to one: what is more than one operation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from . import _core
from ._arguments import flag, wrap_dim, wrong
from ._core import Tensor
from ._definition import library_function
from ._function import Number


class max_result(NamedTuple):
    """What `max` and `min` along a dimension return."""

    values: Tensor
    indices: Tensor


def _shared(input: Tensor, value: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """`value`, whose gradient those elements over `dim` share that are equal to it."""
    if not (_core.is_grad_enabled() and input.requires_grad):
        return value
    return _core.array.evenly(input, value, dim, keepdim)


def _extremum(name: str, input: Tensor, dim: Any, keepdim: bool, largest: bool) -> Any:
    if isinstance(dim, Tensor) and not keepdim:
        return (_core.maximum if largest else _core.minimum)(input, dim)
    flag(name, "keepdim", keepdim)
    if dim is None:
        if keepdim:
            raise TypeError(f"{name}() missing 1 required positional argument: 'dim'")
        if input.numel() == 0:
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                "Specify the reduction dim with the 'dim' argument."
            )
        value = (_core.amax if largest else _core.amin)(input.detach())
        return _shared(input, value)
    if not hasattr(dim, "__index__"):
        raise wrong(name, "dim", "int", dim)
    if input.ndim == 0:
        wrap_dim(dim, 0)
        return max_result(input.clone(), _core._full(_core.int64, (), 0))
    indices = (_core.argmax if largest else _core.argmin)(input, dim, True)
    values = _core.gather(input, dim, indices)
    if not keepdim:
        values, indices = values.squeeze(dim), indices.squeeze(dim)
    return max_result(values, indices)


@library_function(method=True, out=True)
def max(
    input: Tensor,
    dim: Tensor | int | None = None,
    keepdim: bool = False,
    *,
    out: tuple[Tensor, Tensor] | None = None,
) -> Any:
    """The largest element; along `dim`, also where it lies; with a tensor, `maximum`.

    Equal largest elements share the gradient where no `dim` is given; else the first one has it.

    >>> x = stepwell.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> stepwell.max(x)
    tensor(6.)
    >>> stepwell.max(x, dim=1)
    max_result(values=tensor([3., 6.]), indices=tensor([2, 2]))
    """
    return _extremum("max", input, dim, keepdim, True)


@library_function(method=True, out=True)
def min(
    input: Tensor,
    dim: Tensor | int | None = None,
    keepdim: bool = False,
    *,
    out: tuple[Tensor, Tensor] | None = None,
) -> Any:
    """The smallest element; along `dim`, also where it lies; with a tensor, `minimum`.

    >>> x = stepwell.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> stepwell.min(x, dim=0).values
    tensor([1., 2., 3.])
    """
    return _extremum("min", input, dim, keepdim, False)


def _correction(name: str, dim: Any, unbiased: Any, correction: Number | None) -> tuple[Any, float]:
    """What the three ways to call `var` mean: the dimensions and the correction."""
    if isinstance(dim, bool):  # var(input, unbiased)
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise TypeError(f"{name}() takes 'unbiased' or 'correction', not both")
    if unbiased is not None:
        flag(name, "unbiased", unbiased)
        correction = 1 if unbiased else 0
    return dim, float(1 if correction is None else correction)


@library_function(method=True, out=True)
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Number | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """The variance over `dim`: squared distances from the mean, over their number less `correction`.

    `unbiased` says correction 1 (the default) or 0; `var(input, unbiased)` is of all elements.

    >>> x = stepwell.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> stepwell.var(x, dim=1)
    tensor([1., 1.])
    """
    dim, correction = _correction("var", dim, unbiased, correction)
    if not input.is_floating_point():
        raise RuntimeError("std and var only support floating point and complex dtypes")
    return _core.array.var(input, dim, keepdim, correction)


@library_function(method=True, out=True)
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Number | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """The square root of `var`, of 16-bit floats rounded once.

    >>> x = stepwell.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> stepwell.std(x, dim=1, correction=0)
    tensor([0.8165, 0.8165])
    """
    dim, correction = _correction("std", dim, unbiased, correction)
    if not input.is_floating_point():
        raise RuntimeError("std and var only support floating point and complex dtypes")
    return _core.array.std(input, dim, keepdim, correction)


def _has_empty_sums(input: Tensor, dim: Any) -> bool:
    """Whether some result of a reduction is one of no elements."""
    if input.numel():
        return False
    listed = [dim] if hasattr(dim, "__index__") else list(dim or range(input.ndim))
    if len(listed) == input.ndim:
        return True
    return any(input.size(each) == 0 for each in listed)


@library_function(method=True, out=True)
def norm(
    input: Tensor,
    p: Any = "fro",
    dim: Any = None,
    keepdim: bool = False,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """`sum(abs(input) ** p) ** (1 / p)` over `dim`; "fro" is 2, inf the largest, -inf the least.

    16-bit floats are rounded once, at the end. RuntimeError: an input that is not of floats.

    >>> stepwell.norm(stepwell.tensor([3.0, 4.0]))
    tensor(5.)
    >>> stepwell.norm(stepwell.tensor([3.0, -4.0]), 1)
    tensor(7.)
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
        return _core.array.norm(input, dim, keepdim)
    if p == 0:
        # The gradient is 0: that of the sign, which counts nothing.
        one = _core.where(input != 0, 1, _core.sign(input))
        return _core.sum(one._cast(input.dtype), dim, keepdim)
    if abs(p) != math.inf and p != 1:
        return _core.array.norm_p(input, dim, keepdim, p)
    size = abs(input)
    if p == 1:
        return _core.sum(size, dim, keepdim)
    found = (_core.amax if p > 0 else _core.amin)(size.detach(), dim, keepdim)
    return _shared(size, found, dim, keepdim)


@library_function
def count_nonzero(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """How many elements are not zero, as int64.

    >>> stepwell.count_nonzero(stepwell.tensor([[0, 1], [2, 3]]), dim=0)
    tensor([1, 2])
    """
    return _core.sum(input != 0, dim)


def _count_nonzero_of(input: Tensor, *dims: Any, dim: Any = None) -> Tensor:
    """How many elements are not zero, as int64; the dimensions may be given one by one."""
    return count_nonzero(input, (dims[0] if len(dims) == 1 else dims) if dims else dim)


_count_nonzero_of.__name__ = "count_nonzero"


__all__ = ["count_nonzero", "max", "min", "norm", "std", "var"]

setattr(Tensor, "count_nonzero", _count_nonzero_of)  # noqa: B010
