# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors one after the other, over and over, or in another order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import _core
from ._arguments import wrap_dim
from ._core import Tensor
from ._definition import library_function

_MAX_RANK = 16  # kMaxRank


@library_function(out=True)
def cat(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """The tensors one after the other along `dim`; element types are promoted.

    All sizes but the one along `dim` must be equal (RuntimeError).

    >>> cat([tensor([1, 2]), tensor([3])])
    tensor([1, 2, 3])
    """
    return _core._cat(list(tensors), dim)


concat = concatenate = cat


@library_function(out=True)
def stack(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """The tensors, of one shape, along a new dimension.

    Raises:
        RuntimeError: the shapes differ, or there are no tensors.

    >>> stepwell.stack([stepwell.zeros(2), stepwell.ones(2)])
    tensor([[0., 0.],
            [1., 1.]])
    """
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    for i, each in enumerate(tensors):
        if each.shape != tensors[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at "
                f"entry 0 and {list(each.shape)} at entry {i}"
            )
    dim = wrap_dim(dim, tensors[0].ndim + 1)
    return _core._cat([each.unsqueeze(dim) for each in tensors], dim)


def flip(input: Tensor, *dims: Any) -> Tensor:
    """A copy with the order along `dims` reversed.

    >>> stepwell.flip(stepwell.tensor([[1, 2], [3, 4]]), 1)
    tensor([[2, 1],
            [4, 3]])
    """
    if not dims:
        raise TypeError("flip() missing 1 required positional argument: 'dims'")
    return _flip(input, dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims)


@library_function
def _flip(input: Tensor, dims: Sequence[int]) -> Tensor:
    wrapped = [wrap_dim(dim, input.ndim) for dim in dims]
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError(f"dim {dims[0]} appears multiple times in the list of dims")
    # Row by row, compiled or not.
    return (input._flip(wrapped) if input.ndim else input).clone().contiguous()


@library_function(method=True)
def roll(
    input: Tensor,
    shifts: int | Sequence[int],
    dims: int | Sequence[int] | None = None,
) -> Tensor:
    """A copy whose elements moved by `shifts` along `dims`, around the ends.

    >>> stepwell.roll(stepwell.arange(5), 2)
    tensor([3, 4, 0, 1, 2])
    """
    if dims is None or dims == ():
        if not isinstance(shifts, int):
            if not shifts:
                raise RuntimeError("`shifts` required")
            if len(shifts) > 1:
                raise RuntimeError(
                    f"shifts and dimensions must align. shifts: {len(shifts)}, dims:0"
                )
            shifts = shifts[0]
        return _rolled(input.reshape(-1), shifts, 0).reshape(input.shape)
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    dims = (dims,) if isinstance(dims, int) else tuple(dims)
    if len(shifts) != len(dims):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}"
        )
    for shift, dim in zip(shifts, dims, strict=True):
        input = _rolled(input, shift, dim)
    return input


def _rolled(input: Tensor, shift: int, dim: int) -> Tensor:
    if input.numel() == 0:
        return input.clone()
    size = input.size(dim)
    start = (size - shift) % size
    return cat([input.narrow(dim, start, size - start), input.narrow(dim, 0, start)], dim)


def repeat(input: Tensor, *sizes: Any) -> Tensor:
    """A copy repeated `sizes` times along each dimension; new dimensions come first.

    >>> tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    if not sizes:
        raise TypeError("repeat() missing 1 required positional argument: 'sizes'")
    return _repeat(
        input, tuple(sizes[0] if len(sizes) == 1 and not hasattr(sizes[0], "__index__") else sizes)
    )


@library_function
def _repeat(input: Tensor, times: tuple[int, ...]) -> Tensor:
    if len(times) < input.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
        )
    if min(times, default=0) < 0:
        raise RuntimeError(f"repeat: {times} must not be negative")
    shape = (1,) * (len(times) - input.ndim) + tuple(input.shape)
    # A dimension before each that is repeated stands for its repetitions.
    split: list[int] = []
    wide: list[int] = []
    for n, size in zip(times, shape, strict=True):
        split += [size] if n == 1 else [1, size]
        wide += [size] if n == 1 else [n, size]
    if len(times) > _MAX_RANK:
        raise RuntimeError(
            f"a tensor has at most {_MAX_RANK} dimensions; this one would have {len(times)}"
        )
    if len(split) > _MAX_RANK:  # one after the other
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


__all__ = ["cat", "concat", "concatenate", "flip", "roll", "stack"]

for _each in (flip, repeat):
    setattr(Tensor, _each.__name__, _each)
