# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors from numbers, sizes and other libraries' arrays."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

from . import _core
from ._arguments import checked
from ._arguments import wrong as _wrong
from ._core import Tensor, dtype
from ._numbers import TracedNumber


class device:
    """Where a tensor lives. There is one device so far: `device("cpu")`.

    Raises:
        RuntimeError: there is no such device.

    >>> stepwell.device("cpu")
    device(type='cpu')
    """

    __slots__ = ("index", "type")
    index: int | None
    type: str

    def __init__(self, name: str | device = "cpu", index: int | None = None):
        if not isinstance(name, (str, device)):
            raise TypeError(f"device(): argument 'device' must be str, not {type(name).__name__}")
        if isinstance(name, device):
            index, name = name.index, name.type
        if name not in ("cpu", "cpu:0"):
            raise RuntimeError(f"this build has no device '{name}': only 'cpu'")
        self.type, self.index = "cpu", index

    def __repr__(self) -> str:
        return "device(type='cpu')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and other.type == self.type

    def __hash__(self) -> int:
        return hash(self.type)


def _sizes(size: Any, function: str = "full") -> tuple[int, ...]:
    if isinstance(size, tuple) and len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = size[0]
    if not isinstance(size, (tuple, list)):
        size = (size,)
    for one in size:
        if type(one) is not int:
            break
    else:
        return tuple(size)
    sizes: list[Any] = []
    for one in size:
        try:
            sizes.append(one if type(one) is TracedNumber else operator.index(one))
        except TypeError:
            raise _wrong(function, "size", "int or tuple of ints", one) from None
    return tuple(sizes)


def _element_type(value: Any, default: dtype, function: str) -> dtype:
    if value is None:
        return default
    if not isinstance(value, dtype):
        raise _wrong(function, "dtype", "stepwell.dtype", value)
    return value


def _like(value: Any, function: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise _wrong(function, "input", "Tensor", value)
    return value


def _finish(made: Tensor, where: Any, requires_grad: bool) -> Tensor:
    if where is None and not requires_grad:
        return made
    if where is not None:
        device(where)
    return made.requires_grad_() if requires_grad else made


def _aligned(array: Any) -> Any:
    """The array, or a copy where the address of its elements is odd."""
    flags = getattr(array, "flags", None)
    return array if flags is None or flags.aligned else array.copy()


def tensor(
    data: Any,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A new tensor with a copy of `data`: numbers, nested sequences, an array or a tensor.

    The element type is that of the data: bool, int64 or float32 of Python's numbers.

    Raises:
        ValueError: sequences differ in length.
        TypeError, RuntimeError: something inside is no number.

    >>> stepwell.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    >>> stepwell.tensor([1, 2], dtype=stepwell.float64)
    tensor([1., 2.], dtype=stepwell.float64)
    """
    if dtype is not None:
        _element_type(dtype, dtype, "tensor")
    if isinstance(data, Tensor):
        made = data.detach().clone()
    elif hasattr(data, "__array_interface__"):
        made = _core._from_buffer(_aligned(data)).clone()
    else:
        return _finish(_core._from_list(data, dtype), device, requires_grad)
    if dtype is not None:
        made = made._cast(dtype)
    return _finish(made, device, requires_grad)


def as_tensor(data: Any, dtype: dtype | None = None, device: Any = None) -> Tensor:
    """`data` as a tensor, without a copy where that is possible.

    >>> x = stepwell.ones(2)
    >>> stepwell.as_tensor(x) is x
    True
    """
    if dtype is not None:
        _element_type(dtype, dtype, "as_tensor")
    if isinstance(data, Tensor):
        return data if dtype is None else data._cast(dtype)
    if hasattr(data, "__array_interface__"):
        made = from_numpy(data)
        return made if dtype is None else made._cast(dtype)
    return tensor(data, dtype, device)


def from_numpy(ndarray: Any) -> Tensor:
    """A tensor that shares the memory of a NumPy array, or of anything with the buffer protocol.

    Memory that is read-only gives a tensor that is: what writes into it, or into a view of it,
    raises RuntimeError. A bool array with bytes other than 0 and 1 is copied.

    >>> import numpy
    >>> array = numpy.zeros(3)
    >>> x = stepwell.from_numpy(array)
    >>> array[0] = 1
    >>> x
    tensor([1., 0., 0.], dtype=stepwell.float64)
    """
    return _core._from_buffer(ndarray)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor that shares the memory of another library's array on the CPU.

    >>> import numpy
    >>> stepwell.from_dlpack(numpy.arange(3))
    tensor([0, 1, 2])
    """
    import numpy

    return from_numpy(numpy.from_dlpack(ext_tensor))


def full(
    size: Any,
    fill_value: float,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of this size with every element `fill_value`.

    Raises:
        RuntimeError: a size is negative, there is no memory, or the element type does not have the
            number.

    >>> stepwell.full((2, 2), 7)
    tensor([[7, 7],
            [7, 7]])
    """
    if isinstance(fill_value, Tensor) and fill_value.ndim == 0:
        fill_value = fill_value.item()
    if isinstance(fill_value, Tensor) or not hasattr(fill_value, "__float__"):
        raise _wrong("full", "fill_value", "number", fill_value)
    kind = (
        _core.bool
        if isinstance(fill_value, bool)
        else _core.int64
        if hasattr(fill_value, "__index__")
        else _core.float32
    )
    dtype = _element_type(dtype, kind, "full")
    if dtype.is_floating_point and isinstance(fill_value, int):
        fill_value = float(fill_value)  # it may have more than 64 bits
    return _finish(_core._full(dtype, _sizes(size), fill_value), device, requires_grad)


def zeros(
    *size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of zeros.

    Raises:
        RuntimeError: a size is negative, or there is no memory.

    >>> stepwell.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    if device is None and not requires_grad:
        made = _core._filled(size, 0, dtype)
        if made is not None:
            return made
    dtype = _element_type(dtype, _core.float32, "zeros")
    return _finish(_core._full(dtype, _sizes(size, "zeros"), 0), device, requires_grad)


def ones(
    *size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of ones.

    Raises:
        RuntimeError: a size is negative, or there is no memory.

    >>> stepwell.ones(3, dtype=stepwell.int64)
    tensor([1, 1, 1])
    """
    if device is None and not requires_grad:
        made = _core._filled(size, 1, dtype)
        if made is not None:
            return made
    dtype = _element_type(dtype, _core.float32, "ones")
    return _finish(_core._full(dtype, _sizes(size, "ones"), 1), device, requires_grad)


def empty(
    *size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor whose elements are whatever was in its memory.

    Raises:
        RuntimeError: a size is negative, or there is no memory.

    >>> stepwell.empty(2, 3).shape
    (2, 3)
    """
    if device is None and not requires_grad:
        made = _core._filled(size, None, dtype)
        if made is not None:
            return made
    made = _core._empty(_element_type(dtype, _core.float32, "empty"), _sizes(size, "empty"))
    return _finish(made, device, requires_grad)


def full_like(input: Tensor, fill_value: float, *, dtype: dtype | None = None) -> Tensor:
    """A tensor of the input's size with every element `fill_value`.

    >>> stepwell.full_like(stepwell.ones(2), 7)
    tensor([7., 7.])
    """
    shape = _like(input, "full_like").shape
    return full(shape, fill_value, dtype=_element_type(dtype, input.dtype, "full_like"))


def zeros_like(input: Tensor, *, dtype: dtype | None = None) -> Tensor:
    """Zeros of the input's size.

    >>> stepwell.zeros_like(stepwell.ones(2))
    tensor([0., 0.])
    """
    shape = _like(input, "zeros_like").shape
    return full(shape, 0, dtype=_element_type(dtype, input.dtype, "zeros_like"))


def ones_like(input: Tensor, *, dtype: dtype | None = None) -> Tensor:
    """Ones of the input's size.

    >>> stepwell.ones_like(stepwell.zeros(2), dtype=stepwell.int32)
    tensor([1, 1], dtype=stepwell.int32)
    """
    shape = _like(input, "ones_like").shape
    return full(shape, 1, dtype=_element_type(dtype, input.dtype, "ones_like"))


def empty_like(input: Tensor, *, dtype: dtype | None = None) -> Tensor:
    """An uninitialised tensor of the input's size.

    >>> stepwell.empty_like(stepwell.ones(2, 3)).shape
    (2, 3)
    """
    shape = _like(input, "empty_like").shape
    return empty(shape, dtype=_element_type(dtype, input.dtype, "empty_like"))


def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`start, start + step, ...` up to `end`, which is left out. int64, or float32 if one is a float.

    >>> arange(2, 8, 2)
    tensor([2, 4, 6])
    """
    if end is None:
        start, end = 0, start
    listed = (start, end, step)
    floats = any(isinstance(v, float) for v in listed)
    dtype = _element_type(dtype, _core.float32 if floats else _core.int64, "arange")
    first, last, by = _as_elements("arange", dtype, listed)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if by == 0 and dtype is _core.int64:
        raise ValueError("step must be nonzero")
    if not all(_is_size(v) or math.isfinite(v) for v in (first, last)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if end < start if step > 0 else end > start:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    # PyTorch counts by what was given, but of int64 by what it becomes.
    if dtype is _core.int64 or (any(map(_is_size, listed)) and not floats):
        wide = abs(by)
        count = ((last - first if by > 0 else first - last) + wide - 1) // wide
    else:
        quotient = (end - start) / step
        if not abs(quotient) < 2**63:
            raise RuntimeError("invalid size, possible overflow?")
        count = max(math.ceil(quotient), 0)
    counted = _core._iota(_core.float64 if dtype.is_floating_point else _core.int64, count)
    return _finish((counted * by + first)._cast(dtype), device, requires_grad)


def _is_size(number: Any) -> bool:
    """Whether it is an integer that stands for that of every call of what is traced."""
    return type(number) is TracedNumber and isinstance(number, int)


def _as_elements(function: str, dtype: dtype, numbers: Sequence[float]) -> tuple[Any, ...]:
    """The numbers as this element type has them: integers, or whatever they are."""
    if dtype is _core.bool:
        raise NotImplementedError(f"{function}: not defined for elements of type bool")
    if dtype.is_floating_point:
        return tuple(numbers)
    made: list[Any] = []
    for each in numbers:
        if _is_size(each):
            made.append(each)
            continue
        if not math.isfinite(each) or not -(2**63) <= int(each) < 2**63:
            raise RuntimeError("value cannot be converted to type int64 without overflow")
        made.append(int(each))
    return tuple(made)


@checked
def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` numbers at equal distances, from `start` to `end`, both included."""
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    dtype = _element_type(dtype, _core.float32, "linspace")
    start, end = (value.item() if isinstance(value, Tensor) else value for value in (start, end))
    for name, value in (("start", start), ("end", end)):
        if not hasattr(value, "__float__"):
            raise _wrong("linspace", name, "number", value)
    if steps < 2:  # what is not read may be anything
        start, end = (start, start) if steps else (0, 0)
    _as_elements("linspace", dtype, (start, end))
    # As they are given: -1.5 is no number of uint8, -1 is. And no bool.
    start, end = (_core._number(+value, dtype) for value in (start, end))
    if dtype is _core.uint8:  # which takes -1 for 255
        start, end = start % 256, end % 256
    at = _core._iota(_core.float64, steps)
    # From both ends, so that the last one is exact.
    step = (end - start) / max(steps - 1, 1)
    made = _core.where(at < steps // 2, start + at * step, end - (steps - 1 - at) * step)
    if steps == 1:
        made = _core._full(_core.float64, (1,), start)
    return _finish(made._cast(dtype), device, requires_grad)


@checked
def eye(n: int, m: int | None = None, *, dtype: dtype | None = None) -> Tensor:
    """Ones on the diagonal of an `n` by `m` matrix of zeros.

    >>> stepwell.eye(2, 3)
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    for name, size in (("n", n), ("m", m)):
        if size is not None and size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    rows, columns = _core._iota(_core.int64, n), _core._iota(_core.int64, n if m is None else m)
    return (rows.unsqueeze(1) == columns)._cast(dtype or _core.float32)


def new_zeros(input: Tensor, *size: Any, dtype: dtype | None = None) -> Tensor:
    """Zeros of a size, with the input's element type.

    >>> stepwell.arange(3).new_zeros(2)
    tensor([0, 0])
    """
    return zeros(*size, dtype=dtype or input.dtype)


def new_ones(input: Tensor, *size: Any, dtype: dtype | None = None) -> Tensor:
    """Ones of a size, with the input's element type.

    >>> stepwell.arange(3).new_ones(2)
    tensor([1, 1])
    """
    return ones(*size, dtype=dtype or input.dtype)


def new_empty(input: Tensor, *size: Any, dtype: dtype | None = None) -> Tensor:
    """An uninitialised tensor of a size, with the input's element type.

    >>> stepwell.arange(3).new_empty(2).dtype
    stepwell.int64
    """
    return empty(*size, dtype=dtype or input.dtype)


def new_full(input: Tensor, size: Any, fill_value: Any, *, dtype: dtype | None = None) -> Tensor:
    """A tensor of a size with every element `fill_value`, with the input's element type.

    >>> stepwell.arange(3).new_full((2,), 7)
    tensor([7, 7])
    """
    return full(size, fill_value, dtype=dtype or input.dtype)


def new_tensor(input: Tensor, data: Any, *, dtype: dtype | None = None) -> Tensor:
    """A copy of `data`, with the input's element type.

    >>> stepwell.ones(1).new_tensor([1, 2])
    tensor([1., 2.])
    """
    return tensor(data, dtype or input.dtype)


for _each in (new_empty, new_full, new_ones, new_tensor, new_zeros):
    setattr(Tensor, _each.__name__, _each)
