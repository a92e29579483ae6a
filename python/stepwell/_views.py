# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Views of tensors, and tuples of them: nothing is computed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from operator import index
from typing import Any

from ._arguments import checked, wrong
from ._core import Tensor


def _check_pieces(count: int) -> None:
    """Refuses a tuple for which no machine has the memory, before the memory is used up."""
    if count >= 2**31:
        raise RuntimeError(f"not enough memory: {count} tensors were asked for")


@checked
def split(input: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive pieces along `dim`: of one size (the last may be smaller), or of sizes.

    Raises:
        RuntimeError: the sizes do not add up, or one is negative.

    >>> stepwell.split(stepwell.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    if input.ndim == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    size = input.size(dim)
    if isinstance(split_size, int):
        if split_size < 0 or (split_size == 0 and size):
            raise RuntimeError(
                f"split expects split_size be positive, but got split_size={split_size}"
            )
        # How many pieces there are is the length of a tuple.
        count = index(max((size + split_size - 1) // split_size, 1)) if split_size > 0 else 1
        _check_pieces(count)
        sizes = [split_size] * (count - 1)
        sizes.append(size - (count - 1) * split_size)
    else:
        sizes = list(split_size)
        if sum(sizes) != size:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's "
                f"size at dimension {dim}), but got split_sizes={sizes}"
            )
    pieces = zip([0, *itertools.accumulate(sizes)][:-1], sizes, strict=True)
    return tuple(input.narrow(dim, a, n)._one_of_several() for a, n in pieces)


@checked
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of at most `chunks` pieces along `dim`, of one size but the last.

    >>> stepwell.chunk(stepwell.arange(6), 3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4, 5]))
    """
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    if input.ndim == 0:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    size = input.size(dim)
    return split(input, (size + chunks - 1) // chunks if size > 0 else [0] * chunks, dim)


@checked
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of the slices along `dim`, which they lack.

    >>> stepwell.unbind(stepwell.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    size = input.size(dim)
    _check_pieces(size)
    return tuple(input.select(dim, i)._one_of_several() for i in range(size))


def meshgrid(*tensors: Tensor, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Each vector's values along a dimension of its own, over the grid that all of them span.

    >>> a, b = stepwell.meshgrid(stepwell.arange(2), stepwell.arange(3))
    >>> a, b
    (tensor([[0, 0, 0],
            [1, 1, 1]]), tensor([[0, 1, 2],
            [0, 1, 2]]))
    """
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


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """The input without its dimensions of size 1: all of them, or those that are given.

    >>> stepwell.squeeze(stepwell.ones(1, 3, 1)).shape
    (3,)
    """
    return input.squeeze(dim)


def clone(input: Tensor) -> Tensor:
    """A copy, in memory of its own, which has the input's gradient.

    >>> stepwell.clone(stepwell.arange(3))
    tensor([0, 1, 2])
    """
    return input.clone()


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of a diagonal of two dimensions, as the last dimension; `offset` above 0 is to the right.

    >>> stepwell.diagonal(stepwell.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return input.diagonal(offset, dim1, dim2)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from `start_dim` to `end_dim` as one: a view where that is possible.

    >>> stepwell.flatten(stepwell.ones(2, 3, 4), 1).shape
    (2, 12)
    """
    return input.flatten(start_dim, end_dim)


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A view of `length` elements along `dim`, from `start` on.

    >>> stepwell.narrow(stepwell.arange(5), 0, 1, 3)
    tensor([1, 2, 3])
    """
    return input.narrow(dim, start, length)


def numel(input: Tensor) -> int:
    """How many elements there are.

    >>> stepwell.numel(stepwell.ones(2, 3))
    6
    """
    return input.numel()


def reshape(input: Tensor, shape: Sequence[int]) -> Tensor:
    """The same elements in row-major order, with other sizes: a view where that is possible.

    >>> stepwell.reshape(stepwell.arange(6), (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    return input.reshape(shape)


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """A view of one slice along `dim`, which it lacks.

    >>> stepwell.select(stepwell.tensor([[1, 2], [3, 4]]), 1, 0)
    tensor([1, 3])
    """
    return input.select(dim, index)


def t(input: Tensor) -> Tensor:
    """A matrix turned over; a tensor of fewer dimensions as it is.

    >>> stepwell.t(stepwell.ones(2, 3)).shape
    (3, 2)
    """
    return input.t()


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two dimensions exchanged.

    >>> stepwell.transpose(stepwell.ones(2, 3, 4), 0, 2).shape
    (4, 3, 2)
    """
    return input.transpose(dim0, dim1)


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A view with a new dimension of size 1.

    >>> stepwell.unsqueeze(stepwell.ones(3), 0).shape
    (1, 3)
    """
    return input.unsqueeze(dim)


__all__ = [
    "chunk", "clone", "diagonal", "flatten", "meshgrid", "narrow", "numel", "reshape", "select", "split",
    "squeeze", "t", "transpose", "unbind", "unsqueeze",
]  # fmt: skip

for _each in (chunk, split, unbind):
    setattr(Tensor, _each.__name__, _each)
