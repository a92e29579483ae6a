# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gradients of what was computed, and when not to record them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import Any

from . import _core
from ._core import Tensor, is_grad_enabled

__all__ = ["backward", "enable_grad", "grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]


def _listed(tensors: Any) -> list[Any]:
    return [tensors] if isinstance(tensors, Tensor) or tensors is None else list(tensors)


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> None:
    """Adds the gradient of `tensors` to `.grad` of every leaf that they depend on."""
    retain = create_graph if retain_graph is None else retain_graph
    _core._backward(_listed(tensors), _listed(grad_tensors), retain, create_graph)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of `outputs` with respect to `inputs`; `.grad` is left alone."""
    retain = create_graph if retain_graph is None else retain_graph
    found = _core._grad(
        _listed(outputs), _listed(inputs), _listed(grad_outputs), retain, create_graph
    )
    if not allow_unused and any(gradient is None for gradient in found):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. "
            "Set allow_unused=True if this is the desired behavior."
        )
    return tuple(found)


class set_grad_enabled:
    """Turns recording on or off: at once, and back at the end of a `with`."""

    def __init__(self, mode: bool):
        self._before = is_grad_enabled()
        self._mode = mode
        _core._set_grad_enabled(mode)

    def __enter__(self) -> None:
        _core._set_grad_enabled(self._mode)

    def __exit__(self, *exc: object) -> None:
        _core._set_grad_enabled(self._before)


class _GradMode:
    _mode = True

    def __init__(self, function: Any = None) -> None:
        self._before: list[bool] = []
        self._function = function
        if function is not None:
            wraps(function)(self)

    def __enter__(self) -> None:
        self._before.append(is_grad_enabled())
        _core._set_grad_enabled(self._mode)

    def __exit__(self, *exc: object) -> None:
        _core._set_grad_enabled(self._before.pop())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._function is None:
            return type(self)(args[0])
        with self:
            return self._function(*args, **kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else lambda *a, **k: self(instance, *a, **k)


class no_grad(_GradMode):
    """Nothing is recorded: `with no_grad():` or `@no_grad()`."""

    _mode = False


class enable_grad(_GradMode):
    """Calls are recorded again inside of `no_grad`."""
