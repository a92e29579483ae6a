# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The methods of Tensor that need no speed."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from . import _core, autograd
from ._arguments import flag, tensors, wrong
from ._core import Tensor
from ._factories import as_tensor
from ._factories import device as _device


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    setattr(Tensor, function.__name__, function)
    return function


@_method
def backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Adds the gradient of this tensor to `.grad` of every leaf that it depends on.

    With `inputs`, a tensor or several, to theirs alone, leaves or not.

    Raises:
        RuntimeError: it does not require a gradient, has several elements and no `gradient` is given,
            or what its graph saved was given up or overwritten.

    Example:
        >>> x = stepwell.tensor([2.0, 3.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([4., 6.])
    """
    autograd.backward(self, gradient, retain_graph, create_graph, inputs)


@_method
def numpy(self: Tensor) -> Any:
    """A NumPy array that shares this tensor's memory.

    Raises:
        RuntimeError: it requires a gradient.
        TypeError: it is bfloat16, which NumPy does not have.

    Example:
        >>> x = stepwell.zeros(3)
        >>> x.numpy()[0] = 1
        >>> x
        tensor([1., 0., 0.])
    """
    import numpy

    if self.requires_grad and _core.is_grad_enabled():
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    if self.dtype is _core.bfloat16:
        raise TypeError("Got unsupported ScalarType BFloat16")
    return numpy.asarray(memoryview(self))  # type: ignore[arg-type]


@_method
def __array__(self: Tensor, dtype: Any = None, copy: bool | None = None) -> Any:
    array = numpy(self)
    return array if dtype is None else array.astype(dtype, copy=False)


# NumPy leaves the operators of an array and a tensor to the tensor. Its own functions
# (numpy.sin(tensor)) compute with NumPy and give a tensor back.
Tensor.__array_priority__ = 1000


@_method
def __array_wrap__(
    self: Tensor, array: Any, context: Any = None, return_scalar: bool = False
) -> Tensor:
    return as_tensor(array)


@_method
def __dlpack__(self: Tensor, **kwargs: Any) -> Any:
    return numpy(self).__dlpack__(**kwargs)


@_method
def __dlpack_device__(self: Tensor) -> tuple[int, int]:
    return (1, 0)  # kDLCPU


@_method
def to(
    self: Tensor,
    *args: Any,
    device: Any = None,
    dtype: _core.dtype | None = None,
    non_blocking: bool = False,
    copy: bool = False,
) -> Tensor:
    """This tensor with another element type or device; itself if it is so already.

    `to(other, non_blocking=False, copy=False)`, `to(dtype, non_blocking=False, copy=False)` or
    `to(device=None, dtype=None, non_blocking=False, copy=False)`.

    Raises:
        TypeError: an argument is none of these.

    Example:
        >>> stepwell.ones(2).to(stepwell.int64)
        tensor([1, 1])
    """
    rest = list(args)
    if rest and isinstance(rest[0], Tensor):
        dtype = rest.pop(0).dtype
    elif rest and isinstance(rest[0], _core.dtype):
        dtype = rest.pop(0)
    elif rest:
        device = rest.pop(0)
        dtype = rest.pop(0) if rest else dtype
    for name, given in zip(("non_blocking", "copy"), rest, strict=False):
        flag("to", name, given)
    if len(rest) > 2:
        raise TypeError(f"to() takes at most 4 positional arguments, but {len(args)} were given")
    copy = rest[1] if len(rest) > 1 else copy
    if dtype is not None and not isinstance(dtype, _core.dtype):
        raise wrong("to", "dtype", "stepwell.dtype", dtype)
    if device is not None:
        _device(device)
    made = self if dtype is None else self._cast(dtype)
    return made.clone() if copy and made is self else made


def _cast_method(name: str, to: _core.dtype) -> None:
    def cast(self: Tensor) -> Tensor:
        return self._cast(to)

    cast.__name__ = name
    cast.__doc__ = f"This tensor as {to.name}."
    setattr(Tensor, name, cast)


for _name, _to in {
    "float": _core.float32,
    "double": _core.float64,
    "half": _core.float16,
    "bfloat16": _core.bfloat16,
    "int": _core.int32,
    "long": _core.int64,
    "short": _core.int16,
    "bool": _core.bool,
}.items():
    _cast_method(_name, _to)


@_method
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """This tensor's elements in the shape of another.

    Raises:
        RuntimeError: the numbers of elements differ, or strides do not allow a view.

    Example:
        >>> stepwell.arange(4).view_as(stepwell.zeros(2, 2))
        tensor([[0, 1],
                [2, 3]])
    """
    tensors("view_as", other=other)
    return self.view(other.shape)


@_method
def __iter__(self: Tensor) -> Iterator[Tensor]:
    if self.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return (self[i]._one_of_several() for i in range(len(self)))


def _copied(self: Tensor, made: Tensor) -> Tensor:
    """`made`, of this tensor's class and with its attributes."""
    made = _core._subclass(type(self), made, self.requires_grad)
    made.__dict__.update(self.__dict__)
    return made


@_method
def __copy__(self: Tensor) -> Tensor:
    """Another tensor over the same memory."""
    return _copied(self, self.detach())


@_method
def __deepcopy__(self: Tensor, memo: dict[Any, Any]) -> Tensor:
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment."
        )
    if id(self) in memo:
        return memo[id(self)]
    if _core._capturing():
        copy = self.detach().clone()
    else:  # Tensors that share memory share the copy's.
        key = ("stepwell storage", self._storage_key())
        if key not in memo:
            storage = self._storage()
            memo[key] = storage.clone(), storage  # the second keeps the key's address taken
        copy = memo[key][0]._over(self.dtype, self.shape, self.stride(), self.storage_offset())
    made = memo[id(self)] = _copied(self, copy)
    if self.grad is not None:
        made.grad = __deepcopy__(self.grad, memo)
    return made


class _Storage:
    """The memory of tensors that are pickled together, of which there is one object."""

    __slots__ = ("__weakref__", "data")
    known: weakref.WeakValueDictionary[int, _Storage] = weakref.WeakValueDictionary()

    def __init__(self, data: Tensor):
        self.data = data

    def __reduce__(self) -> Any:
        return _storage_of, (self.data._bytes(),)


def _storage_of(data: bytes) -> _Storage:
    return _Storage(_core._from_bytes(data, _core.uint8, (len(data),)))


def _rebuild(
    cls: type,
    storage: _Storage,
    kind: _core.dtype,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    offset: int,
    grad: bool,
    state: dict[str, Any],
) -> Tensor:
    made = storage.data._over(kind, shape, stride, offset)
    made = _core._subclass(cls, made, grad)
    made.__dict__.update(state)
    return made


@_method
def __reduce_ex__(self: Tensor, protocol: int) -> Any:
    key = self._storage_key()
    storage = _Storage.known.get(key)
    if storage is None:
        storage = _Storage.known[key] = _Storage(self._storage())
    return _rebuild, (
        type(self), storage, self.dtype, self.shape, self.stride(), self.storage_offset(),
        self.requires_grad, dict(self.__dict__),
    )  # fmt: skip


Tensor.device = property(lambda self: _device("cpu"), doc="Where the tensor lives.")


# --- repr: PyTorch's rules ---------------------------------------------------


def _formatter(values: list[Any], kind: _core.dtype) -> Callable[[Any], str]:
    if not kind.is_floating_point:
        width = max((len(str(v)) for v in values), default=1)
        return lambda v: str(v).rjust(width)
    finite = [abs(v) for v in values if math.isfinite(v) and v != 0]
    largest, least = max(finite, default=0.0), min(finite, default=0.0)
    whole = all(v == math.ceil(v) for v in finite)
    if finite and (largest > 1e8 or largest / least > 1000 or (not whole and least < 1e-4)):
        show = "{:.4e}".format
    elif whole:
        show = "{:.0f}.".format
    else:
        show = "{:.4f}".format

    def text(v: float) -> str:
        return show(v) if math.isfinite(v) else str(v)

    width = max((len(text(v)) for v in values), default=1)
    return lambda v: text(v).rjust(width)


def _summarised(data: Any, shape: tuple[int, ...]) -> Any:
    """Nested lists, of which long ones keep three items at each end (None between)."""
    if not shape:
        return data.item()
    count = shape[0]
    picked = [*range(3), None, *range(count - 3, count)] if count > 6 else [*range(count)]
    return [None if i is None else _summarised(data[i], shape[1:]) for i in picked]


def _flat(nested: Any) -> list[Any]:
    if isinstance(nested, list):
        return [v for item in nested for v in _flat(item)]
    return [] if nested is None else [nested]


def _written(nested: Any, show: Callable[[Any], str], indent: int) -> str:
    if not isinstance(nested, list):
        return show(nested)
    if not any(isinstance(item, list) for item in nested):
        texts = [" ..." if item is None else show(item) for item in nested]
        per_line = max(1, (80 - indent) // (max(map(len, texts), default=0) + 2))
        lines = [", ".join(texts[i : i + per_line]) for i in range(0, len(texts), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    depth = 0
    inner: Any = nested
    while isinstance(inner, list):
        depth += 1
        inner = next((item for item in inner if item is not None), None)
    texts = ["..." if item is None else _written(item, show, indent + 1) for item in nested]
    return "[" + ("," + "\n" * (depth - 1) + " " * (indent + 1)).join(texts) + "]"


@_method
def __repr__(self: Tensor) -> str:
    if not self._has_memory:
        return f"tensor(<captured>, size={tuple(self.shape)}, dtype={self.dtype})"
    with autograd.no_grad():
        data = self.detach()
        count = self.numel()
        nested = [] if count == 0 else data.tolist() if count <= 1000 else None
        nested = _summarised(data, self.shape) if nested is None else nested
    text = _written(nested, _formatter(_flat(nested), self.dtype), len("tensor") + 1)
    notes = []
    if self.numel() == 0:
        text = "[]"
        if self.shape != (0,):
            notes.append(f"size={self.shape}")
    plain = (_core.float32, _core.int64, _core.bool)
    if self.dtype not in plain[: 1 if self.numel() == 0 else 3]:
        notes.append(f"dtype={self.dtype}")
    try:
        made_by = self.grad_fn
    except RuntimeError:  # a view that was written to while nothing was recorded
        made_by = "Invalid"
    if made_by is not None:
        notes.append(f"grad_fn=<{made_by}>")
    elif self.requires_grad:
        notes.append("requires_grad=True")
    return f"tensor({', '.join([text, *notes])})"


@_method
def __format__(self: Tensor, spec: str) -> str:
    return format(self.item(), spec) if self.ndim == 0 and spec else repr(self)
