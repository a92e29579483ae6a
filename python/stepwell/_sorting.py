# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Order along a dimension: sort, topk and what follows from them."""

from __future__ import annotations

import math
from typing import NamedTuple

from . import _core
from ._arguments import flag, integer, wrap_dim
from ._core import Tensor
from ._definition import library_function
from ._function import Integer
from ._reductions import _shared


class sort_result(NamedTuple):
    """What `sort` returns."""

    values: Tensor
    indices: Tensor


class topk_result(NamedTuple):
    """What `topk` returns."""

    values: Tensor
    indices: Tensor


class kthvalue_result(NamedTuple):
    """What `kthvalue` returns."""

    values: Tensor
    indices: Tensor


class median_result(NamedTuple):
    """What `median` along a dimension returns."""

    values: Tensor
    indices: Tensor


def _row(input: Tensor) -> Tensor:
    return input.reshape(1) if input.ndim == 0 else input


@library_function(method=True, out=True)
def sort(
    input: Tensor,
    dim: int = -1,
    descending: bool = False,
    *,
    stable: bool = False,
    out: tuple[Tensor, Tensor] | None = None,
) -> sort_result:
    """The elements along `dim` in order, and where they were (int64), both of the input's shape.

    NaN is larger than every number. Equal elements keep their order, `stable` or not. Of every element
    type; IndexError for a `dim` that there is not.

    >>> sort(tensor([3, 1, 2]))
    sort_result(values=tensor([1, 2, 3]), indices=tensor([1, 2, 0]))
    """
    flag("sort", "descending", descending)
    flag("sort", "stable", stable)
    dim = wrap_dim(dim, input.ndim)
    values, indices = _core.array.sort(_row(input), dim, descending)
    return sort_result(values.reshape(input.shape), indices.reshape(input.shape))


@library_function(method=True)
def argsort(
    input: Tensor,
    dim: int = -1,
    descending: bool = False,
    *,
    stable: bool = False,
) -> Tensor:
    """The positions (int64) that put the elements along `dim` in order: `sort(...).indices`.

    >>> stepwell.argsort(stepwell.tensor([3.0, 1.0, 2.0]))
    tensor([1, 2, 0])
    """
    flag("argsort", "stable", stable)
    return sort(input.detach(), dim, descending).indices


@library_function(method=True, out=True)
def msort(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The values of `sort` along dimension 0.

    >>> stepwell.msort(stepwell.tensor([[3, 1], [2, 4]]))
    tensor([[2, 1],
            [3, 4]])
    """
    return sort(input, 0).values


@library_function(method=True, out=True)
def topk(
    input: Tensor,
    k: int,
    dim: int | None = None,
    largest: bool = True,
    sorted: bool = True,
    *,
    out: tuple[Tensor, Tensor] | None = None,
) -> topk_result:
    """The `k` largest (or smallest) elements along `dim`, the last one by default, and where they were.

    They are in order, `sorted` or not, and of equal elements the first are taken. RuntimeError if there are fewer
    than `k`.

    >>> topk(tensor([3.0, 1.0, 2.0]), 2)
    topk_result(values=tensor([3., 2.]), indices=tensor([0, 2]))
    """
    flag("topk", "largest", largest)
    flag("topk", "sorted", sorted)
    dim = wrap_dim(-1 if dim is None else dim, input.ndim)
    values, indices = _core.array.topk(_row(input), dim, k, largest)
    if input.ndim == 0 and k:
        values, indices = values.reshape(()), indices.reshape(())
    return topk_result(values, indices)


def _at(ordered: sort_result, dim: int, at: int) -> tuple[Tensor, Tensor]:
    """What is at one position along `dim`, which is no part of what is compiled."""
    where = _core._full(_core.int64, (1,), 0) + at
    return tuple(_core.index_select(each, dim, where) for each in ordered)  # type: ignore[return-value]


@library_function(method=True, out=True)
def kthvalue(
    input: Tensor,
    k: Integer,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    out: tuple[Tensor, Tensor] | None = None,
) -> kthvalue_result:
    """The `k`-th smallest element along `dim`, counted from 1, and where it was.

    RuntimeError for a `k` that is not in [1, size].

    >>> kthvalue(tensor([3, 1, 2]), 2)
    kthvalue_result(values=tensor(2), indices=tensor(2))
    """
    integer("kthvalue", "k", k)
    flag("kthvalue", "keepdim", keepdim)
    dim = wrap_dim(-1 if dim is None else dim, input.ndim)
    row = _row(input)
    if not row.shape[dim]:
        raise IndexError(f"kthvalue(): Expected reduction dim {dim} to have non-zero size.")
    if not 1 <= k <= row.shape[dim]:
        raise RuntimeError(
            f"kthvalue(): selected number k out of range for dimension {dim}: {k} of {row.shape[dim]}"
        )
    values, indices = _at(sort(row, dim), dim, k - 1)
    if not keepdim or input.ndim == 0:
        values, indices = values.squeeze(dim), indices.squeeze(dim)
    return kthvalue_result(values, indices)


@library_function(method=True, out=True)
def median(
    input: Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    out: tuple[Tensor, Tensor] | None = None,
) -> Tensor | median_result:
    """The middle one of the elements in order, the lower one of two; along `dim`, also where it was.

    NaN if there is one. IndexError if there is no element along `dim`. Elements that are equal to the
    median of all share its gradient; along `dim`, the one at `indices` has it.

    >>> median(tensor([3.0, 1.0, 2.0, 4.0]))
    tensor(2.)
    """
    flag("median", "keepdim", keepdim)
    if dim is None:
        if keepdim:
            raise TypeError("median() missing 1 required positional argument: 'dim'")
        if input.numel() == 0:
            value = _core._full(_core.float32, (), math.nan)._cast(input.dtype)
        else:
            value = median(input.detach().reshape(-1), 0).values
        return _shared(input, value)
    dim = wrap_dim(dim, input.ndim)
    row = _row(input)
    size = row.shape[dim]
    if size == 0:
        raise IndexError(f"median(): expected at least one element along dimension {dim}")
    ordered = sort(row.detach(), dim)
    values, indices = _at(ordered, dim, (size - 1) // 2)
    if input.dtype.is_floating_point:
        # The first NaN, if there are any: they come last.
        last, _ = _at(ordered, dim, size - 1)
        isnan = _core.isnan(last)
        first = _core.argmax(row.detach(), dim, True)
        values = _core.where(isnan, last, values)
        indices = _core.where(isnan, first, indices)
    if _core.is_grad_enabled() and input.requires_grad:
        values = _core.gather(row, dim, indices)
    if not keepdim or input.ndim == 0:
        values, indices = values.squeeze(dim), indices.squeeze(dim)
    return median_result(values, indices)


__all__ = ["argsort", "kthvalue", "median", "msort", "sort", "topk"]
