# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors that a module owns: what is trained, and what is only kept."""

from __future__ import annotations

from typing import Any

from stepwell import _core
from stepwell._core import Tensor
from stepwell._factories import empty


def _holding(cls: type, data: Tensor | None, requires_grad: bool) -> Any:
    if data is None:
        data = empty(0)
    if not isinstance(data, Tensor):
        raise TypeError(f"{cls.__name__}: expected a Tensor, got {type(data).__name__}")
    return _core._subclass(cls, data, requires_grad)


class Parameter(Tensor):
    """A tensor that a :class:`Module` lists as its parameter when it becomes an attribute.

    Args:
        data: shares its memory with the parameter; none: an empty tensor.
        requires_grad: whether the parameter is trained.

    Raises:
        RuntimeError: a gradient is wanted of integers or booleans.

    Example:
        >>> nn.Parameter(stepwell.ones(2))
        Parameter containing:
        tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        return _holding(cls, data, requires_grad)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
    """A tensor that is no parameter but part of a :class:`Module`: a running mean, say.

    Args:
        data: shares its memory with the buffer.
        persistent: whether ``state_dict()`` has it.

    Example:
        >>> model = nn.Module()
        >>> model.mean = nn.Buffer(stepwell.zeros(3))
        >>> list(model.state_dict()), list(model.parameters())
        (['mean'], [])
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        made = _holding(cls, data, data is not None and data.requires_grad)
        made.persistent = persistent
        return made
