# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sums of products: of vectors, of matrices, over any dimensions."""

from __future__ import annotations

import operator
from typing import Any

from . import _core
from ._arguments import tensors, wrap_dim
from ._core import Tensor
from ._definition import library_function
from ._function import Number


def _rank(input: Tensor, rank: int, function: str, name: str) -> None:
    if input.ndim != rank:
        raise RuntimeError(f"{function}: {name} must be {rank}D, but it has shape {input.shape}")


@library_function(method=True, out=True)
def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The product of two matrices: (m, k) by (k, n).

    Raises:
        RuntimeError: an operand is no matrix, or the sizes or element types do not fit.

    >>> stepwell.mm(stepwell.ones(2, 3), stepwell.ones(3, 2))
    tensor([[3., 3.],
            [3., 3.]])
    """
    _rank(input, 2, "mm", "input")
    _rank(mat2, 2, "mm", "mat2")
    return _core.matmul(input, mat2)


@library_function(method=True, out=True)
def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The products of as many matrices: (b, m, k) by (b, k, n).

    Raises:
        RuntimeError: an operand has other than three dimensions, or the sizes or element types do not
            fit.

    >>> stepwell.bmm(stepwell.ones(5, 2, 3), stepwell.ones(5, 3, 4)).shape
    (5, 2, 4)
    """
    _rank(input, 3, "bmm", "input")
    _rank(mat2, 3, "bmm", "mat2")
    if input.shape[0] != mat2.shape[0]:
        raise RuntimeError(f"bmm: batches differ: shapes {input.shape} and {mat2.shape}")
    return _core.matmul(input, mat2)


@library_function(method=True, out=True)
def dot(input: Tensor, tensor: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The sum of the products of two vectors' elements.

    Raises:
        RuntimeError: an operand is no vector, or the sizes or element types do not fit.

    >>> stepwell.dot(stepwell.tensor([1, 2, 3]), stepwell.tensor([4, 5, 6]))
    tensor(32)
    """
    _rank(input, 1, "dot", "input")
    _rank(tensor, 1, "dot", "tensor")
    return _core.matmul(input, tensor)


@library_function(method=True, out=True)
def outer(input: Tensor, vec2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Every product of an element of one vector with one of another: (n, m).

    Raises:
        RuntimeError: an operand is no vector.

    >>> stepwell.outer(stepwell.tensor([1, 2]), stepwell.tensor([10, 20, 30]))
    tensor([[10, 20, 30],
            [20, 40, 60]])
    """
    _rank(input, 1, "outer", "input")
    _rank(vec2, 1, "outer", "vec2")
    return input.unsqueeze(1) * vec2


def _is_linear(bias: Tensor, input: Tensor, weight: Tensor) -> bool:
    """Whether the product of two matrices and a number for each column is one operation."""
    return (
        input.ndim == weight.ndim == 2
        and input.shape[1] == weight.shape[0]
        and bias.shape == weight.shape[1:]
        and bias.dtype is input.dtype is weight.dtype
        and input.is_floating_point()
    )


@library_function(method=True, out=True)
def addmm(
    input: Tensor,
    mat1: Tensor,
    mat2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out: Tensor | None = None,
) -> Tensor:
    """`beta * input + alpha * (mat1 @ mat2)`; what is multiplied by the number 0 is not read.

    RuntimeError: other than one element type, or an input that does not broadcast to the product.

    >>> stepwell.addmm(stepwell.ones(2), stepwell.ones(2, 3), stepwell.ones(3, 2), alpha=10)
    tensor([[31., 31.],
            [31., 31.]])
    """
    if alpha == 1 and beta == 1 and _is_linear(input, mat1, mat2):
        return _core.array.linear(mat1, mat2.t(), input)
    _rank(mat1, 2, "addmm", "mat1")
    _rank(mat2, 2, "addmm", "mat2")
    if not input.dtype is mat1.dtype is mat2.dtype:
        raise RuntimeError(
            "addmm: self, mat1 and mat2 must have the same dtype, but got "
            f"{input.dtype}, {mat1.dtype} and {mat2.dtype}"
        )
    if input.dtype is _core.bool:
        raise NotImplementedError("addmm: not defined for elements of type bool")
    if not input.is_floating_point():
        alpha, beta = int(alpha), int(beta)
    addend = input.expand(mat1.shape[0], mat2.shape[1])
    if alpha == 0 and mat1.shape[1] == mat2.shape[0]:
        product = _nothing(addend, mat1, mat2)
    else:
        product = mm(mat1, mat2)
        product = product if alpha == 1 else product * alpha
    if beta == 0:
        return product + _nothing(addend, addend) if addend.requires_grad else product
    return product + (addend if beta == 1 else addend * beta)


def _nothing(like: Tensor, *factors: Tensor) -> Tensor:
    """What 0 times a product is, which is not computed but has a gradient."""
    zeros = _core._full(like.dtype, like.shape, 0)
    if not (_core.is_grad_enabled() and any(each.requires_grad for each in factors)):
        return zeros
    product = mm(*factors) if len(factors) > 1 else factors[0]
    return _core.where(_core._full(_core.bool, like.shape, False), product, zeros)


def _wrapped(dims: Any, tensor: Tensor) -> list[int]:
    listed = [dims] if hasattr(dims, "__index__") else list(dims)
    return [wrap_dim(dim, tensor.ndim) for dim in listed]


@library_function(out=True)
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, *, out: Tensor | None = None) -> Tensor:
    """The sums of products of `a` and `b` over dimensions of both.

    `dims` is a number, of `a`'s last and `b`'s first dimensions, or two lists of as many dimensions;
    those that go together have equal sizes, or one of them has size 1. The result has the other
    dimensions of `a`, then those of `b`.

    RuntimeError: sizes or element types that differ.

    >>> tensordot(ones(2, 3, 4), ones(4, 3), dims=([1, 2], [1, 0]))
    tensor([12., 12.])
    """
    tensors("tensordot", a=a, b=b)
    if isinstance(dims, Tensor):
        dims = dims.item() if dims.numel() == 1 else dims.tolist()
    if hasattr(dims, "__index__"):
        count = operator.index(dims)
        if count < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={count}")
        if count > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={count}")
        of_a, of_b = list(range(a.ndim - count, a.ndim)), list(range(count))
    elif isinstance(dims, (tuple, list)):
        dims_a, dims_b = dims
        of_a, of_b = _wrapped(dims_a, a), _wrapped(dims_b, b)
    else:
        raise RuntimeError(f"tensordot expects dims to be int or two lists of ints, but got {dims}")
    if len(of_a) != len(of_b):
        raise RuntimeError("both dimension lists should have same length")
    if a.dtype is not b.dtype:
        raise RuntimeError("both inputs should have same dtype")
    for i, j in zip(of_a, of_b, strict=True):
        if a.shape[i] == b.shape[j]:
            continue
        # Against one element, the sum comes first.
        if b.shape[j] == 1:
            a = _core.sum(a, i, keepdim=True, dtype=a.dtype)
        elif a.shape[i] == 1:
            b = _core.sum(b, j, keepdim=True, dtype=b.dtype)
        else:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} "
                f"and second has size {b.shape[j]} in dim {j}"
            )
    return _core.array.dot_general(a, b, (), (), tuple(of_a), tuple(of_b))


__all__ = ["addmm", "bmm", "dot", "mm", "outer", "tensordot"]
