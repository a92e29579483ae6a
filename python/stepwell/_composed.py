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
from ._factories import empty, full, ones, tensor, zeros
from ._function import Number, function
from ._structure import _shared

MAX_RANK = 16  # kMaxRank


def _rank(input: Tensor, rank: builtins.int, function: str, name: str) -> None:
    if input.ndim != rank:
        raise RuntimeError(f"{function}: {name} must be {rank}D, but it has shape {input.shape}")


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices: (m, k) by (k, n)."""
    _rank(input, 2, "mm", "input")
    _rank(mat2, 2, "mm", "mat2")
    return _core.matmul(input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of as many matrices: (b, m, k) by (b, k, n)."""
    _rank(input, 3, "bmm", "input")
    _rank(mat2, 3, "bmm", "mat2")
    if input.shape[0] != mat2.shape[0]:
        raise RuntimeError(f"bmm: batches differ: shapes {input.shape} and {mat2.shape}")
    return _core.matmul(input, mat2)


def dot(input: Tensor, other: Tensor) -> Tensor:
    """The sum of the products of two vectors' elements."""
    _rank(input, 1, "dot", "input")
    _rank(other, 1, "dot", "other")
    return _core.matmul(input, other)


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Every product of an element of one vector with one of another: (n, m)."""
    _rank(input, 1, "outer", "input")
    _rank(vec2, 1, "outer", "vec2")
    return input.unsqueeze(1) * vec2


def _is_linear(bias: Tensor, input: Tensor, weight: Tensor) -> builtins.bool:
    """Whether the product of two matrices and a number for each column is one operation."""
    return (
        input.ndim == weight.ndim == 2
        and input.shape[1] == weight.shape[0]
        and bias.shape == weight.shape[1:]
        and bias.dtype is input.dtype is weight.dtype
        and input.is_floating_point()
    )


def addmm(
    input: Tensor,
    mat1: Tensor,
    mat2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
) -> Tensor:
    """`beta * input + alpha * (mat1 @ mat2)`; what is multiplied by the number 0 is not read.

    RuntimeError: other than one element type, or an input that does not broadcast to the product.
    """
    if alpha == 1 and beta == 1 and _is_linear(input, mat1, mat2):
        return _core._linear(mat1, mat2.t(), input)
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
        alpha, beta = builtins.int(alpha), builtins.int(beta)
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
    if not (_core.is_grad_enabled() and builtins.any(each.requires_grad for each in factors)):
        return zeros
    product = mm(*factors) if len(factors) > 1 else factors[0]
    return _core.where(_core._full(_core.bool, like.shape, False), product, zeros)


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
    "addmm", "allclose", "bmm", "count_nonzero", "dot", "equal", "is_tensor", "isclose",
    "meshgrid", "mm", "norm", "outer", "square",
]  # fmt: skip

_FUNCTIONS = ("addmm", "bmm", "dot", "isclose", "mm", "norm", "outer", "square")
globals().update({name: function(checked(globals()[name])) for name in _FUNCTIONS})
globals().update({name: checked(globals()[name]) for name in ("allclose", "equal", "type_as")})

for _each in (
    addmm, allclose, bmm, _count_nonzero_of, cpu, dot, equal, isclose, mm, new_empty, new_full,
    new_ones, new_tensor, new_zeros, norm, outer, repeat, square, type_as,
):  # fmt: skip
    setattr(Tensor, _each.__name__, _each)
