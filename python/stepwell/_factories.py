# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors from numbers, sizes and other libraries' arrays."""

from __future__ import annotations

from typing import Any

from . import _core
from ._core import Tensor, dtype


class device:
    """Where a tensor lives. There is one device so far: `device("cpu")`."""

    __slots__ = ("index", "type")
    index: int | None
    type: str

    def __init__(self, name: str | device = "cpu", index: int | None = None):
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


def _sizes(size: Any) -> tuple[int, ...]:
    if hasattr(size, "__index__"):
        return (size,)
    if len(size) == 1 and not hasattr(size[0], "__index__"):
        size = size[0]
    return tuple(size)


def _finish(made: Tensor, where: Any, requires_grad: bool) -> Tensor:
    if where is not None:
        device(where)
    return made.requires_grad_() if requires_grad else made


def _has_buffer(data: Any) -> bool:
    try:
        memoryview(data).release()
    except TypeError:
        return False
    return True


def tensor(
    data: Any,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A new tensor with a copy of `data`: numbers, nested sequences, an array or a tensor."""
    if isinstance(data, Tensor):
        made = data.detach().clone()
    elif not isinstance(data, (list, tuple, float, int)) and _has_buffer(data):
        made = from_numpy(data).clone()
    else:
        return _finish(_core._from_list(data, dtype), device, requires_grad)
    if dtype is not None:
        made = made._cast(dtype)
    return _finish(made, device, requires_grad)


def as_tensor(data: Any, dtype: dtype | None = None, device: Any = None) -> Tensor:
    """`data` as a tensor, without a copy where that is possible."""
    if isinstance(data, Tensor):
        return data if dtype is None else data._cast(dtype)
    if hasattr(data, "__array_interface__"):
        made = from_numpy(data)
        return made if dtype is None else made._cast(dtype)
    return tensor(data, dtype, device)


def from_numpy(array: Any) -> Tensor:
    """A tensor that shares the memory of a NumPy array."""
    return _core._from_buffer(array)


def from_dlpack(source: Any) -> Tensor:
    """A tensor that shares the memory of another library's array on the CPU."""
    import numpy

    return from_numpy(numpy.from_dlpack(source))


def full(
    size: Any,
    fill_value: float,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of this size with every element `fill_value`."""
    if dtype is None:
        kinds = {bool: _core.bool, int: _core.int64}
        dtype = kinds.get(type(fill_value), _core.float32)
    return _finish(_core._full(dtype, _sizes(size), fill_value), device, requires_grad)


def zeros(
    *size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of zeros."""
    return full(_sizes(size), 0, dtype or _core.float32, device, requires_grad)


def ones(
    *size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of ones."""
    return full(_sizes(size), 1, dtype or _core.float32, device, requires_grad)


def empty(
    *size: Any, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor whose elements are whatever was in its memory."""
    made = _core._empty(dtype or _core.float32, _sizes(size))
    return _finish(made, device, requires_grad)


def full_like(input: Tensor, fill_value: float, dtype: dtype | None = None) -> Tensor:
    """A tensor of the input's size with every element `fill_value`."""
    return full(input.shape, fill_value, dtype or input.dtype)


def zeros_like(input: Tensor, dtype: dtype | None = None) -> Tensor:
    """Zeros of the input's size."""
    return full_like(input, 0, dtype)


def ones_like(input: Tensor, dtype: dtype | None = None) -> Tensor:
    """Ones of the input's size."""
    return full_like(input, 1, dtype)


def empty_like(input: Tensor, dtype: dtype | None = None) -> Tensor:
    """An uninitialised tensor of the input's size."""
    return empty(input.shape, dtype=dtype or input.dtype)
