# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Elements that are chosen by positions and masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _core
from ._arguments import checked, flag, held_number, integer, wrap_dim, wrong
from ._core import Tensor, dtype
from ._definition import library_function
from ._function import Integer, Number, run_each_time


def _band(input: Tensor, diagonal: int, lower: bool) -> Tensor:
    integer("tril" if lower else "triu", "diagonal", diagonal)
    if input.ndim < 2:
        raise RuntimeError("tril: input tensor must have at least 2 dimensions")
    rows = _core._iota(_core.int64, input.shape[-2]).unsqueeze(1)
    columns = _core._iota(_core.int64, input.shape[-1])
    inside = columns - rows <= diagonal if lower else columns - rows >= diagonal
    # A number would promote bool.
    return _core.where(inside, input, _core._full(input.dtype, (), 0))


@library_function(method=True, inplace=True, out=True)
def tril(input: Tensor, diagonal: Integer = 0, *, out: Tensor | None = None) -> Tensor:
    """The matrices' elements on and below a diagonal, zero above it.

    Raises:
        RuntimeError: there are fewer than two dimensions.

    >>> stepwell.tril(stepwell.ones(3, 3))
    tensor([[1., 0., 0.],
            [1., 1., 0.],
            [1., 1., 1.]])
    """
    return _band(input, diagonal, True)


@library_function(method=True, inplace=True, out=True)
def triu(input: Tensor, diagonal: Integer = 0, *, out: Tensor | None = None) -> Tensor:
    """The matrices' elements on and above a diagonal, zero below it.

    Raises:
        RuntimeError: there are fewer than two dimensions.

    >>> stepwell.triu(stepwell.ones(3, 3), 1)
    tensor([[0., 1., 1.],
            [0., 0., 1.],
            [0., 0., 0.]])
    """
    return _band(input, diagonal, False)


@checked
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The coordinates of the elements that are not zero: a row for each, or a tensor per dimension.

    >>> stepwell.nonzero(stepwell.tensor([[0, 5], [7, 0]]))
    tensor([[0, 1],
            [1, 0]])
    >>> stepwell.nonzero(stepwell.tensor([0, 5, 7]), as_tuple=True)
    (tensor([1, 2]),)
    """
    flag("nonzero", "as_tuple", as_tuple)
    coordinates = _core._nonzero(input)
    if as_tuple:
        return tuple(coordinates)
    if input.ndim == 0:
        return _core._full(_core.int64, (coordinates[0].numel(), 0), 0)
    return _core._cat([each.unsqueeze(1) for each in coordinates], 1)


@library_function(method=True, inplace=True)
def masked_fill(input: Tensor, mask: Tensor, value: Tensor | Number) -> Tensor:
    """The input with `value` where the mask is true.

    >>> x = stepwell.tensor([1.0, -2.0, 3.0])
    >>> stepwell.masked_fill(x, x < 0, 0.0)
    tensor([1., 0., 3.])
    """
    if mask.dtype is not _core.bool:
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}"
        )
    filled = _core.where(mask, _filling("masked_fill", value, input.dtype), input)
    return filled._cast(input.dtype)


def _filling(name: str, value: Any, dtype: dtype) -> Any:
    """What is written into elements of this type: a number that they can hold, or a tensor."""
    if not isinstance(value, Tensor):
        return held_number(value, dtype)
    if value.ndim:
        raise RuntimeError(
            f"{name} only supports a 0-dimensional value tensor, but got tensor with {value.ndim} "
            "dimension(s)."
        )
    if value.dtype is not dtype:
        run_each_time()
        if not _core._capturing():
            held_number(value.item(), dtype)
    return value._cast(dtype)


@checked
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is true, in row-major order.

    >>> x = stepwell.tensor([1.0, -2.0, 3.0])
    >>> stepwell.masked_select(x, x > 0)
    tensor([1., 3.])
    """
    if mask.dtype is not _core.bool:
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = _core.add(input.detach()._cast(_core.bool), mask).shape
    return input.expand(shape)[mask.expand(shape)]


@library_function(method=True, out=True)
def take_along_dim(
    input: Tensor, indices: Tensor, dim: int | None = None, *, out: Tensor | None = None
) -> Tensor:
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
    dim = wrap_dim(dim, input.ndim)
    shape = [
        (a if b == 1 else b) if i != dim else b
        for i, (a, b) in enumerate(zip(input.shape, indices.shape, strict=True))
    ]
    wide = [n if i != dim else input.shape[dim] for i, n in enumerate(shape)]
    return _core.gather(input.expand(*wide), dim, indices.expand(*shape))


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition is true, `other` elsewhere; all broadcast, one may be a number.

    With the condition alone: where it is true, as one int64 tensor per dimension.

    >>> x = stepwell.tensor([1.0, -2.0, 3.0])
    >>> stepwell.where(x > 0, x, 0.0)
    tensor([1., 0., 3.])
    >>> stepwell.where(x > 0)
    (tensor([0, 2]),)
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


@library_function(method=True, out=True)
def scatter_add(
    input: Tensor, dim: int, index: Tensor, src: Tensor, *, out: Tensor | None = None
) -> Tensor:
    """A copy of the input with `src[i][j]` added at `[index[i][j]][j]` (for `dim` 0, and so on).

    `src` is at least as large as `index`; what is beyond it is not read.

    Raises:
        IndexError: an index or the dimension is out of range.
        RuntimeError: sizes or element types do not fit.

    >>> index = stepwell.tensor([0, 0, 2])
    >>> stepwell.scatter_add(stepwell.zeros(3), 0, index, stepwell.ones(3))
    tensor([2., 0., 1.])
    """
    _check_index(index)
    return _core.array.scatter_add(input, index, _as_large(index, src), dim)


@checked
def scatter_add_(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """`scatter_add` into the input itself.

    >>> x = stepwell.zeros(3)
    >>> x.scatter_add_(0, stepwell.tensor([0, 0]), stepwell.ones(2))
    tensor([2., 0., 0.])
    """
    _check_index(index)
    return _core.array.scatter_add_(input, index, _as_large(index, src), dim)


def _places(input: Tensor, dim: int, index: Tensor) -> tuple[Tensor, ...]:
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


@checked
def scatter_(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None
) -> Tensor:
    """Writes `src[i][j]`, or the number `value`, at `[index[i][j]][j]` (for `dim` 0, and so on).

    `src` is at least as large as `index`; what is beyond it is not read. Of equal places the last
    one counts; the gradient of `src` is right if there are none.

    Raises:
        IndexError: an index or the dimension is out of range.
        RuntimeError: sizes or element types do not fit.

    >>> x = stepwell.zeros(3)
    >>> x.scatter_(0, stepwell.tensor([0, 2]), value=9.0)
    tensor([9., 0., 9.])
    """
    src = value if src is None else src
    if isinstance(src, Tensor):
        if src.dtype is not input.dtype:
            raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
        src = _as_large(index, src)
    elif not isinstance(src, (bool, int, float)):
        raise TypeError(
            f"scatter(): argument 'src' must be Tensor or number, not {type(src).__name__}"
        )
    dim = wrap_dim(dim, input.ndim)
    if max(input.ndim, 1) != max(index.ndim, 1):
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


@checked
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None
) -> Tensor:
    """A copy of the input with `scatter_` done to it.

    >>> index = stepwell.tensor([0, 2])
    >>> stepwell.scatter(stepwell.zeros(3), 0, index, stepwell.tensor([5.0, 6.0]))
    tensor([5., 0., 6.])
    """
    return scatter_(input.clone(), dim, index, src, value=value)


def _scaled(source: Tensor, alpha: Number) -> Tensor:
    return source if alpha == 1 else (source * alpha)._cast(source.dtype)


@library_function(method=True, out=True)
def index_add(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    *,
    alpha: Number = 1,
    out: Tensor | None = None,
) -> Tensor:
    """A copy of the input with slice `i` of `alpha * source` added to its slice `index[i]` along `dim`.

    Raises:
        IndexError: an index or the dimension is out of range.
        RuntimeError: sizes or element types do not fit.

    >>> x = stepwell.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> stepwell.index_add(x, 1, stepwell.tensor([0, 0]), stepwell.ones(2, 2), alpha=10)
    tensor([[21.,  2.,  3.],
            [24.,  5.,  6.]])
    """
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


@checked
def index_add_(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1
) -> Tensor:
    """`index_add` into the input itself.

    >>> stepwell.zeros(3).index_add_(0, stepwell.tensor([0, 2]), stepwell.ones(2))
    tensor([1., 0., 1.])
    """
    try:
        return _core_index_add_(input, dim, index, _scaled(source, alpha))
    except RuntimeError:
        _explain_index_add(input, index, source)
        raise


def _explain_index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> None:
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
    dim = wrap_dim(dim, input.ndim)
    others = [each.shape[:dim] + each.shape[dim + 1 :] for each in (input, source)]
    if source.ndim and others[0] == others[1] and count != source.shape[dim]:
        raise IndexError(
            f"index_copy(): Number of indices ({count}) should be equal to source.size(dim) "
            f"({source.shape[dim]})"
        )


@library_function(method=True, out=True)
def index_copy(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, out: Tensor | None = None
) -> Tensor:
    """A copy of the input with slice `i` of `source` as its slice `index[i]` along `dim`.

    Raises:
        IndexError: an index or the dimension is out of range.
        RuntimeError: sizes or element types do not fit.

    >>> x = stepwell.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> stepwell.index_copy(x, 0, stepwell.tensor([1]), stepwell.zeros(1, 3))
    tensor([[1., 2., 3.],
            [0., 0., 0.]])
    """
    try:
        return _core.index_copy(input, dim, index, source)
    except RuntimeError:
        _explain_index_copy(input, dim, index, source)
        raise


@checked
def index_copy_(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """`index_copy` into the input itself.

    >>> stepwell.zeros(3).index_copy_(0, stepwell.tensor([2]), stepwell.ones(1))
    tensor([0., 0., 1.])
    """
    try:
        return _core_index_copy_(input, dim, index, source)
    except RuntimeError:
        _explain_index_copy(input, dim, index, source)
        raise


@checked
def index_fill_(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """Fills the slices along `dim` that `index` names with a number.

    >>> stepwell.zeros(3).index_fill_(0, stepwell.tensor([0, 2]), 1)
    tensor([1., 0., 1.])
    """
    if index.dtype not in (_core.int32, _core.int64):
        raise IndexError(f"index_fill_(): Expected dtype int64 for index, not {index.dtype}")
    if index.ndim > 1:
        raise RuntimeError("Index has to be a vector/scalar")
    dim = wrap_dim(dim, input.ndim)
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
    elif not isinstance(value, (bool, int, float)):
        raise wrong("index_fill_", "value", "Tensor or number", value)
    vector = input.reshape(1) if input.ndim == 0 else input
    vector[(slice(None),) * dim + (index.reshape(-1),)] = value
    return input


@checked
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy of the input with `index_fill_` done to it.

    >>> x = stepwell.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> stepwell.index_fill(x, 1, stepwell.tensor([0, 2]), -1)
    tensor([[-1.,  2., -1.],
            [-1.,  5., -1.]])
    """
    return index_fill_(input.clone(), dim, index, value)


def index_put_(
    input: Tensor,
    indices: Sequence[Tensor | None],
    values: Tensor,
    accumulate: bool = False,
) -> Tensor:
    """Writes `values` where the index tensors say; with `accumulate`, adds them.

    A mask stands for the coordinates where it is true; its shape is that of the dimensions it
    chooses from (IndexError).

    >>> x = stepwell.zeros(2, 2)
    >>> x.index_put_((stepwell.tensor([0, 1]), stepwell.tensor([1, 0])), stepwell.tensor(5.0))
    tensor([[0., 5.],
            [5., 0.]])
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


__all__ = [
    "index_add", "index_copy", "index_fill", "masked_fill", "masked_select", "nonzero", "scatter",
    "scatter_add", "take_along_dim", "tril", "triu", "where",
]  # fmt: skip

for _each in (
    index_add_, index_copy_, index_fill, index_fill_, index_put_,
    masked_select, nonzero, scatter, scatter_, scatter_add_,
):  # fmt: skip
    setattr(Tensor, _each.__name__, _each)
