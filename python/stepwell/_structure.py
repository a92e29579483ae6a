# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions that join, split, make and choose elements, over the operations of the records."""

from __future__ import annotations

import builtins
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from . import _core
from ._arguments import checked, flag, wrong
from ._core import Tensor, dtype
from ._factories import _element_type, _finish, full
from ._function import function

Number = builtins.bool | builtins.int | builtins.float


class max_result(NamedTuple):
    """What `max` and `min` along a dimension return."""

    values: Tensor
    indices: Tensor


def _wrap(dim: builtins.int, rank: builtins.int) -> builtins.int:
    if not hasattr(dim, "__index__"):
        raise TypeError(f"a dimension must be int, not {type(dim).__name__}")
    if not -max_(rank, 1) <= dim < max_(rank, 1):
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-max_(rank, 1)}, "
            f"{max_(rank, 1) - 1}], but got {dim})"
        )
    return dim + max_(rank, 1) if dim < 0 else dim


max_ = builtins.max


# --- Joining and splitting ---------------------------------------------------


def cat(tensors: Sequence[Tensor], dim: builtins.int = 0) -> Tensor:
    """The tensors one after the other along `dim`; element types are promoted.

    All sizes but the one along `dim` must be equal (RuntimeError).

    >>> cat([tensor([1, 2]), tensor([3])])
    tensor([1, 2, 3])
    """
    return _core._cat(list(tensors), dim)


concat = concatenate = cat


def stack(tensors: Sequence[Tensor], dim: builtins.int = 0) -> Tensor:
    """The tensors, of one shape, along a new dimension."""
    tensors = list(tensors)
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    for i, each in enumerate(tensors):
        if each.shape != tensors[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at "
                f"entry 0 and {list(each.shape)} at entry {i}"
            )
    dim = _wrap(dim, tensors[0].ndim + 1)
    return _core._cat([each.unsqueeze(dim) for each in tensors], dim)


def _check_pieces(count: builtins.int) -> None:
    """Refuses a tuple for which no machine has the memory, before the memory is used up."""
    if count >= 2**31:
        raise RuntimeError(f"not enough memory: {count} tensors were asked for")


def split(
    input: Tensor, split_size: builtins.int | Sequence[builtins.int], dim: builtins.int = 0
) -> tuple[Tensor, ...]:
    """Views of consecutive pieces along `dim`: of one size (the last may be smaller), or of sizes."""
    if input.ndim == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    size = input.size(dim)
    if isinstance(split_size, builtins.int):
        if split_size < 0 or (split_size == 0 and size):
            raise RuntimeError(
                f"split expects split_size be positive, but got split_size={split_size}"
            )
        starts = range(0, size, split_size or 1)
        _check_pieces(len(starts))
        sizes = [min_(split_size, size - at) for at in starts] or [0]
    else:
        sizes = list(split_size)
        if sum_(sizes) != size:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's "
                f"size at dimension {dim}), but got split_sizes={sizes}"
            )
    pieces = zip([0, *itertools.accumulate(sizes)][:-1], sizes, strict=True)
    return tuple(input.narrow(dim, a, n)._one_of_several() for a, n in pieces)


min_ = builtins.min
sum_ = builtins.sum


def chunk(input: Tensor, chunks: builtins.int, dim: builtins.int = 0) -> tuple[Tensor, ...]:
    """Views of at most `chunks` pieces along `dim`, of one size but the last."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    if input.ndim == 0:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    size = input.size(dim)
    return split(input, -(-size // chunks) if size else [0] * chunks, dim)


def unbind(input: Tensor, dim: builtins.int = 0) -> tuple[Tensor, ...]:
    """Views of the slices along `dim`, which they lack."""
    size = input.size(dim)
    _check_pieces(size)
    return tuple(input.select(dim, i)._one_of_several() for i in range(size))


def flip(input: Tensor, *dims: Any) -> Tensor:
    """A copy with the order along `dims` reversed."""
    if not dims:
        raise TypeError("flip() missing 1 required positional argument: 'dims'")
    listed = dims[0] if len(dims) == 1 and not isinstance(dims[0], builtins.int) else dims
    wrapped = [_wrap(dim, input.ndim) for dim in listed]
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError(f"dim {listed[0]} appears multiple times in the list of dims")
    return (input._flip(wrapped) if input.ndim else input).clone()


def roll(
    input: Tensor,
    shifts: builtins.int | Sequence[builtins.int],
    dims: builtins.int | Sequence[builtins.int] | None = None,
) -> Tensor:
    """A copy whose elements moved by `shifts` along `dims`, around the ends."""
    if dims is None or dims == ():
        if not isinstance(shifts, builtins.int):
            if not shifts:
                raise RuntimeError("`shifts` required")
            if len(shifts) > 1:
                raise RuntimeError(
                    f"shifts and dimensions must align. shifts: {len(shifts)}, dims:0"
                )
            shifts = shifts[0]
        return _rolled(input.reshape(-1), shifts, 0).reshape(input.shape)
    shifts = (shifts,) if isinstance(shifts, builtins.int) else tuple(shifts)
    dims = (dims,) if isinstance(dims, builtins.int) else tuple(dims)
    if len(shifts) != len(dims):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}"
        )
    for shift, dim in zip(shifts, dims, strict=True):
        input = _rolled(input, shift, dim)
    return input


def _rolled(input: Tensor, shift: builtins.int, dim: builtins.int) -> Tensor:
    if input.numel() == 0:
        return input.clone()
    size = input.size(dim)
    start = (size - shift) % size
    return cat([input.narrow(dim, start, size - start), input.narrow(dim, 0, start)], dim)


# --- Made --------------------------------------------------------------------


def arange(
    start: Number,
    end: Number | None = None,
    step: Number = 1,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: builtins.bool = False,
) -> Tensor:
    """`start, start + step, ...` up to `end`, which is left out. int64, or float32 if one is a float.

    >>> arange(2, 8, 2)
    tensor([2, 4, 6])
    """
    if end is None:
        start, end = 0, start
    listed = (start, end, step)
    floats = builtins.any(isinstance(v, builtins.float) for v in listed)
    dtype = _element_type(dtype, _core.float32 if floats else _core.int64, "arange")
    first, last, by = _as_elements("arange", dtype, listed)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if by == 0 and dtype is _core.int64:
        raise ValueError("step must be nonzero")
    if not math.isfinite(first) or not math.isfinite(last):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if end < start if step > 0 else end > start:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    # PyTorch counts by what was given, but of int64 by what it becomes.
    if dtype is _core.int64:
        count = -((first - last) // by)
    else:
        quotient = (end - start) / step
        if not abs(quotient) < 2**63:
            raise RuntimeError("invalid size, possible overflow?")
        count = max_(math.ceil(quotient), 0)
    counted = _core._iota(_core.float64 if dtype.is_floating_point else _core.int64, count)
    return _finish((counted * by + first)._cast(dtype), device, requires_grad)


def _as_elements(function: str, dtype: dtype, numbers: Sequence[Number]) -> tuple[Any, ...]:
    """The numbers as this element type has them: integers, or whatever they are."""
    if dtype is _core.bool:
        raise NotImplementedError(f"{function}: not defined for elements of type bool")
    if dtype.is_floating_point:
        return tuple(numbers)
    for each in numbers:
        if not math.isfinite(each) or not -(2**63) <= builtins.int(each) < 2**63:
            raise RuntimeError("value cannot be converted to type int64 without overflow")
    return tuple(map(builtins.int, numbers))


def linspace(
    start: builtins.float,
    end: builtins.float,
    steps: builtins.int,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: builtins.bool = False,
) -> Tensor:
    """`steps` numbers at equal distances, from `start` to `end`, both included."""
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    dtype = _element_type(dtype, _core.float32, "linspace")
    start, end = (value.item() if isinstance(value, Tensor) else value for value in (start, end))
    for name, value in (("start", start), ("end", end)):
        if not hasattr(value, "__float__"):
            raise wrong("linspace", name, "number", value)
    if steps < 2:  # what is not read may be anything
        start, end = (start, start) if steps else (0, 0)
    _as_elements("linspace", dtype, (start, end))
    # As they are given: -1.5 is no number of uint8, -1 is. And no bool.
    start, end = (_core._number(+value, dtype) for value in (start, end))
    if dtype is _core.uint8:  # which takes -1 for 255
        start, end = start % 256, end % 256
    at = _core._iota(_core.float64, steps)
    # From both ends, so that the last one is exact.
    step = (end - start) / max_(steps - 1, 1)
    made = _core.where(at < steps // 2, start + at * step, end - (steps - 1 - at) * step)
    if steps == 1:
        made = _core._full(_core.float64, (1,), start)
    return _finish(made._cast(dtype), device, requires_grad)


def eye(n: builtins.int, m: builtins.int | None = None, *, dtype: dtype | None = None) -> Tensor:
    """Ones on the diagonal of an `n` by `m` matrix of zeros."""
    for name, size in (("n", n), ("m", m)):
        if size is not None and size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    rows, columns = _core._iota(_core.int64, n), _core._iota(_core.int64, n if m is None else m)
    return (rows.unsqueeze(1) == columns)._cast(dtype or _core.float32)


def _band(input: Tensor, diagonal: builtins.int, lower: builtins.bool) -> Tensor:
    if not hasattr(diagonal, "__index__"):
        raise wrong("tril" if lower else "triu", "diagonal", "int", diagonal)
    if input.ndim < 2:
        raise RuntimeError("tril: input tensor must have at least 2 dimensions")
    rows = _core._iota(_core.int64, input.shape[-2]).unsqueeze(1)
    columns = _core._iota(_core.int64, input.shape[-1])
    inside = columns - rows <= diagonal if lower else columns - rows >= diagonal
    # A number would promote bool.
    return _core.where(inside, input, full((), 0, dtype=input.dtype))


def tril(input: Tensor, diagonal: builtins.int = 0) -> Tensor:
    """The matrices' elements on and below a diagonal, zero above it."""
    return _band(input, diagonal, True)


def triu(input: Tensor, diagonal: builtins.int = 0) -> Tensor:
    """The matrices' elements on and above a diagonal, zero below it."""
    return _band(input, diagonal, False)


# --- Chosen ------------------------------------------------------------------


def nonzero(input: Tensor, *, as_tuple: builtins.bool = False) -> Any:
    """The coordinates of the elements that are not zero: a row for each, or a tensor per dimension."""
    flag("nonzero", "as_tuple", as_tuple)
    coordinates = _core._nonzero(input)
    if as_tuple:
        return tuple(coordinates)
    if input.ndim == 0:
        return full((coordinates[0].numel(), 0), 0, dtype=_core.int64)
    return stack(coordinates, 1)


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """The input with `value` where the mask is true."""
    if mask.dtype is not _core.bool:
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}"
        )
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                "masked_fill only supports a 0-dimensional value tensor, but got tensor with "
                f"{value.ndim} dimension(s)."
            )
        if value.dtype is not input.dtype and not _core._capturing():
            _core._number(value.item(), input.dtype)  # whether it fits
        value = value._cast(input.dtype)
    else:
        value = _core._number(value, input.dtype)
    return _core.where(mask, value, input)._cast(input.dtype)


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is true, in row-major order."""
    if mask.dtype is not _core.bool:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = _core.add(input.detach()._cast(_core.bool), mask).shape
    return input.expand(shape)[mask.expand(shape)]


def take_along_dim(input: Tensor, indices: Tensor, dim: builtins.int | None = None) -> Tensor:
    """`gather` whose sizes other than along `dim` broadcast; without `dim`, of both flattened.

    >>> take_along_dim(tensor([[3, 1], [4, 1]]), tensor([2, 0]))
    tensor([4, 3])
    """
    if dim is None:
        return _core.gather(input.reshape(-1), 0, indices.reshape(-1))
    if indices.dtype is not _core.int64:
        raise RuntimeError(
            f"take_along_dim(): dtype of indices should be Long but got {indices.dtype}"
        )
    if input.ndim != indices.ndim:
        raise RuntimeError(
            f"take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    if input.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    dim = _wrap(dim, input.ndim)
    shape = [
        (a if b == 1 else b) if i != dim else b
        for i, (a, b) in enumerate(zip(input.shape, indices.shape, strict=True))
    ]
    wide = [n if i != dim else input.shape[dim] for i, n in enumerate(shape)]
    return _core.gather(input.expand(*wide), dim, indices.expand(*shape))


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition is true, `other` elsewhere; all broadcast, one may be a number.

    With the condition alone: where it is true, as one int64 tensor per dimension.
    """
    if input is None and other is None:
        return tuple(_core._nonzero(condition))
    if isinstance(condition, Tensor) and condition.dtype is _core.uint8:
        condition = condition._cast(_core.bool)
    return _core.where(condition, input, other)


def _check_index(index: Tensor) -> None:
    if index.dtype not in (_core.int32, _core.int64):
        raise RuntimeError(f"scatter(): Expected dtype int32/int64 for index, not {index.dtype}")


def _as_large(index: Tensor, src: Tensor) -> Tensor:
    """The part of `src` that `index` names."""
    if src.shape != index.shape and src.ndim == index.ndim:
        src = src[tuple(slice(n) for n in index.shape)]
    return src


def scatter_add(input: Tensor, dim: builtins.int, index: Tensor, src: Tensor) -> Tensor:
    """A copy of the input with `src[i][j]` added at `[index[i][j]][j]` (for `dim` 0, and so on).

    `src` is at least as large as `index`; what is beyond it is not read.
    """
    _check_index(index)
    return _core._scatter_add(input, dim, index, _as_large(index, src))


def scatter_add_(input: Tensor, dim: builtins.int, index: Tensor, src: Tensor) -> Tensor:
    """`scatter_add` into the input itself."""
    _check_index(index)
    return input._scatter_add_(dim, index, _as_large(index, src))


def _places(input: Tensor, dim: builtins.int, index: Tensor) -> tuple[Tensor, ...]:
    """One index tensor per dimension, for the places that `scatter` writes."""
    _check_index(index)
    if input.ndim != index.ndim:
        raise RuntimeError("Index tensor must have the same number of dimensions as self tensor")
    for d, (n, size) in enumerate(zip(index.shape, input.shape, strict=True)):
        if d != dim and n > size:
            raise RuntimeError(
                f"Expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {dim}"
            )
    return tuple(
        index
        if d == dim
        else _core._iota(_core.int64, n).reshape(*(n if i == d else 1 for i in range(index.ndim)))
        for d, n in enumerate(index.shape)
    )


def scatter_(
    input: Tensor, dim: builtins.int, index: Tensor, src: Any = None, *, value: Any = None
) -> Tensor:
    """Writes `src[i][j]`, or the number `value`, at `[index[i][j]][j]` (for `dim` 0, and so on).

    `src` is at least as large as `index`; what is beyond it is not read. Of equal places the last
    one counts; the gradient of `src` is right if there are none.
    """
    src = value if src is None else src
    if isinstance(src, Tensor):
        if src.dtype is not input.dtype:
            raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
        src = _as_large(index, src)
    elif not isinstance(src, (builtins.bool, builtins.int, builtins.float)):
        raise TypeError(
            f"scatter(): argument 'src' must be Tensor or number, not {type(src).__name__}"
        )
    dim = _wrap(dim, input.ndim)
    if max_(input.ndim, 1) != max_(index.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as self tensor")
    if input.ndim == 0 or index.ndim == 0:
        vector = input.reshape(1) if input.ndim == 0 else input
        src = src.reshape(-1) if isinstance(src, Tensor) else src
        scatter_(vector, 0, index.reshape(-1), src)
        return input
    places = _places(input, dim, index)
    if index.numel():
        if not _core._capturing() and _core.amin(index).item() < 0:
            raise IndexError(
                f"scatter: index {_core.amin(index).item()} is out of bounds for dimension {dim} "
                f"with size {input.shape[dim]}"
            )
    input[places] = src
    return input


def scatter(
    input: Tensor, dim: builtins.int, index: Tensor, src: Any = None, *, value: Any = None
) -> Tensor:
    """A copy of the input with `scatter_` done to it."""
    return scatter_(input.clone(), dim, index, src, value=value)


def _scaled(source: Tensor, alpha: Number) -> Tensor:
    return source if alpha == 1 else (source * alpha)._cast(source.dtype)


def index_add(
    input: Tensor, dim: builtins.int, index: Tensor, source: Tensor, *, alpha: Number = 1
) -> Tensor:
    """A copy of the input with slice `i` of `alpha * source` added to its slice `index[i]` along `dim`."""
    try:
        return _core.index_add(input, dim, index, _scaled(source, alpha))
    except RuntimeError:
        _explain_index_add(input, index, source)
        raise


def _explain_index_add(input: Tensor, index: Tensor, source: Tensor) -> None:
    """PyTorch's class of error, where it is another one."""
    if index.ndim > 1:
        raise IndexError(f"index_add(): Index is supposed to be a vector, but got {index.shape}")
    if source.ndim == 0 and index.ndim and (input.ndim == 0 or len(index) != 1):
        raise IndexError("index_add(): dimension specified as 0 but source has no dimensions")


_core_index_add_ = Tensor.index_add_
_core_index_copy_ = Tensor.index_copy_


def index_add_(
    input: Tensor, dim: builtins.int, index: Tensor, source: Tensor, *, alpha: Number = 1
) -> Tensor:
    """`index_add` into the input itself."""
    try:
        return _core_index_add_(input, dim, index, _scaled(source, alpha))
    except RuntimeError:
        _explain_index_add(input, index, source)
        raise


def _explain_index_copy(input: Tensor, dim: builtins.int, index: Tensor, source: Tensor) -> None:
    """PyTorch's class of error, where it is another one."""
    count = index.numel()
    if index.ndim > 1:
        raise IndexError(f"index_copy(): Index should have dimension 1 or 0 (got {index.ndim})")
    if source.ndim == 0 and count != 1:
        raise IndexError(
            f"index_copy(): When source is scalar, index should have one element (got {count})"
        )
    if source.ndim != input.ndim and source.ndim and input.ndim:
        raise IndexError(
            "index_copy(): When source and destination are not scalars, their dimensionality must "
            f"match. Source dimensionality ({source.ndim}), destination dimensionality ({input.ndim})"
        )
    if index.dtype not in (_core.int32, _core.int64) or source.dtype is not input.dtype:
        return
    dim = _wrap(dim, input.ndim)
    others = [each.shape[:dim] + each.shape[dim + 1 :] for each in (input, source)]
    if source.ndim and others[0] == others[1] and count != source.shape[dim]:
        raise IndexError(
            f"index_copy(): Number of indices ({count}) should be equal to source.size(dim) "
            f"({source.shape[dim]})"
        )


def index_copy(input: Tensor, dim: builtins.int, index: Tensor, source: Tensor) -> Tensor:
    """A copy of the input with slice `i` of `source` as its slice `index[i]` along `dim`."""
    try:
        return _core.index_copy(input, dim, index, source)
    except RuntimeError:
        _explain_index_copy(input, dim, index, source)
        raise


def index_copy_(input: Tensor, dim: builtins.int, index: Tensor, source: Tensor) -> Tensor:
    """`index_copy` into the input itself."""
    try:
        return _core_index_copy_(input, dim, index, source)
    except RuntimeError:
        _explain_index_copy(input, dim, index, source)
        raise


def index_fill_(input: Tensor, dim: builtins.int, index: Tensor, value: Any) -> Tensor:
    """Fills the slices along `dim` that `index` names with a number."""
    if index.dtype not in (_core.int32, _core.int64):
        raise IndexError(f"index_fill_(): Expected dtype int64 for index, not {index.dtype}")
    if index.ndim > 1:
        raise RuntimeError("Index has to be a vector/scalar")
    dim = _wrap(dim, input.ndim)
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
                f"{value.ndim} dimension(s)."
            )
        if not _core._capturing():
            number = value.item()
            _core._number(number, input.dtype)  # whether it fits
            value = value if value.requires_grad else number
        value = value._cast(input.dtype) if isinstance(value, Tensor) else value
    elif not isinstance(value, (builtins.bool, builtins.int, builtins.float)):
        raise wrong("index_fill_", "value", "Tensor or number", value)
    vector = input.reshape(1) if input.ndim == 0 else input
    vector[(slice(None),) * dim + (index.reshape(-1),)] = value
    return input


def index_fill(input: Tensor, dim: builtins.int, index: Tensor, value: Any) -> Tensor:
    """A copy of the input with `index_fill_` done to it."""
    return index_fill_(input.clone(), dim, index, value)


def masked_fill_(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`masked_fill` into the input itself."""
    return input.copy_(masked_fill(input, mask, value))


def _shared(
    input: Tensor, value: Tensor, dim: Any = None, keepdim: builtins.bool = False
) -> Tensor:
    """`value`, whose gradient those elements over `dim` share that are equal to it."""
    if not (_core.is_grad_enabled() and input.requires_grad):
        return value
    return _core._evenly(input, value, dim, keepdim)


def _extremum(
    name: str, input: Tensor, dim: Any, keepdim: builtins.bool, largest: builtins.bool
) -> Any:
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
        _wrap(dim, 0)
        return max_result(input.clone(), full((), 0, dtype=_core.int64))
    indices = (_core.argmax if largest else _core.argmin)(input, dim, True)
    values = _core.gather(input, dim, indices)
    if not keepdim:
        values, indices = values.squeeze(dim), indices.squeeze(dim)
    return max_result(values, indices)


def max(input: Tensor, dim: Any = None, keepdim: builtins.bool = False) -> Any:
    """The largest element; along `dim`, also where it lies; with a tensor, `maximum`.

    Equal largest elements share the gradient where no `dim` is given; else the first one has it.
    """
    return _extremum("max", input, dim, keepdim, True)


def min(input: Tensor, dim: Any = None, keepdim: builtins.bool = False) -> Any:
    """The smallest element; along `dim`, also where it lies; with a tensor, `minimum`."""
    return _extremum("min", input, dim, keepdim, False)


def _correction(
    name: str, dim: Any, unbiased: Any, correction: Number | None
) -> tuple[Any, builtins.float]:
    """What the three ways to call `var` mean: the dimensions and the correction."""
    if isinstance(dim, builtins.bool):  # var(input, unbiased)
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise TypeError(f"{name}() takes 'unbiased' or 'correction', not both")
    if unbiased is not None:
        flag(name, "unbiased", unbiased)
        correction = 1 if unbiased else 0
    return dim, builtins.float(1 if correction is None else correction)


def var(
    input: Tensor,
    dim: Any = None,
    unbiased: builtins.bool | None = None,
    keepdim: builtins.bool = False,
    *,
    correction: Number | None = None,
) -> Tensor:
    """The variance over `dim`: squared distances from the mean, over their number less `correction`.

    `unbiased` says correction 1 (the default) or 0; `var(input, unbiased)` is of all elements.
    """
    dim, correction = _correction("var", dim, unbiased, correction)
    if not input.is_floating_point():
        raise RuntimeError("std and var only support floating point and complex dtypes")
    return _core._var(input, dim, keepdim, correction)


def std(
    input: Tensor,
    dim: Any = None,
    unbiased: builtins.bool | None = None,
    keepdim: builtins.bool = False,
    *,
    correction: Number | None = None,
) -> Tensor:
    """The square root of `var`, of 16-bit floats rounded once."""
    dim, correction = _correction("std", dim, unbiased, correction)
    if not input.is_floating_point():
        raise RuntimeError("std and var only support floating point and complex dtypes")
    return _core._std(input, dim, keepdim, correction)


def index_put_(
    input: Tensor,
    indices: Sequence[Tensor | None],
    values: Tensor,
    accumulate: builtins.bool = False,
) -> Tensor:
    """Writes `values` where the index tensors say; with `accumulate`, adds them.

    A mask stands for the coordinates where it is true; its shape is that of the dimensions it
    chooses from (IndexError).
    """
    positions: list[Tensor | None] = []
    if isinstance(indices, (Tensor, str)) or not isinstance(indices, Sequence):
        raise TypeError(
            "index_put_(): argument 'indices' must be tuple of Tensors, "
            f"not {type(indices).__name__}"
        )
    for at, each in enumerate(indices):
        if each is not None and not isinstance(each, Tensor):
            raise TypeError(
                f"expected Tensor as element {at} in argument 0, but got {type(each).__name__}"
            )
        if each is not None and each.dtype in (_core.int8, _core.int16):
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        if each is None or each.dtype not in (_core.bool, _core.uint8):
            positions.append(each)
            continue
        chosen_from = input.shape[len(positions) : len(positions) + each.ndim]
        if each.ndim == 0 or each.shape != chosen_from:
            raise IndexError(
                f"The shape of the mask {each.shape} at index {at} does not match the shape of the "
                f"indexed tensor {input.shape} at index {len(positions)}"
            )
        positions += _core._nonzero(each)
    return input._index_put_(positions, values, accumulate)


def _function(name: str) -> Any:
    method = getattr(Tensor, name)

    def function(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        return method(input, *args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`input.{name}(...)`.\n\n{method.__doc__ or ''}".strip()
    return function


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """The input without its dimensions of size 1: all of them, or those that are given."""
    return input.squeeze(dim)


_VIEWS = (
    "clone", "diagonal", "flatten", "narrow", "numel", "reshape", "select",
    "t", "transpose", "unsqueeze",
)  # fmt: skip
globals().update({name: _function(name) for name in _VIEWS})

__all__ = [
    "arange", "cat", "chunk", "concat", "concatenate", "eye", "flip", "index_add", "index_copy", "index_fill",
    "linspace", "masked_fill", "masked_select", "max", "min", "nonzero", "roll", "scatter",
    "scatter_add", "split", "squeeze", "stack", "std", "take_along_dim", "tril", "triu", "unbind", "var",
    "where", *_VIEWS,
]  # fmt: skip

_CHECKED = (
    "chunk", "eye", "flip", "index_add", "index_add_", "index_copy", "index_copy_", "index_fill", "index_fill_",
    "linspace", "masked_fill", "masked_fill_", "masked_select", "nonzero", "roll", "scatter", "scatter_",
    "scatter_add", "scatter_add_", "split", "stack", "take_along_dim", "tril", "triu", "unbind",
)  # fmt: skip
globals().update({name: checked(globals()[name]) for name in _CHECKED})
globals().update({name: function(checked(globals()[name])) for name in ("std", "var")})

for _each in (
    split, chunk, unbind, flip, roll, tril, triu, nonzero, masked_fill, masked_select,
    scatter, scatter_, scatter_add, scatter_add_, take_along_dim, max, min, var, std, index_add,
    index_add_, index_copy, index_copy_, index_fill, index_fill_, index_put_, masked_fill_,
):  # fmt: skip
    setattr(Tensor, _each.__name__, _each)
