# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions that a tensor calls with its gradient."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import count
from typing import Any

from . import _core
from ._core import Tensor


class RemovableHandle:
    """What registering a hook returns; ``remove()``, or leaving a ``with``, takes it away."""

    _ids = count()

    def __init__(self, hooks: dict[Any, Any], hook: Any, prepend: bool = False) -> None:
        self.id = next(self._ids)
        self._hooks = hooks
        others = dict(hooks) if prepend else {}
        if prepend:
            hooks.clear()
        hooks[self.id] = hook
        hooks.update(others)

    def remove(self) -> None:
        """Takes the hook away; a second call does nothing."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Calls `hook(gradient)` each time the gradient of this tensor is known.

    What the hook returns, unless it is None, replaces the gradient, for `.grad` and for everything
    that this tensor was computed from; it has the gradient's shape and type. The gradient is
    complete: the sum over all uses. Hooks run in the order in which they were registered.

    Returns a handle, whose `remove()` takes the hook away. A function that is compiled traces its
    hooks, too. RuntimeError: the tensor does not require a gradient.

    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> handle = x.register_hook(lambda gradient: gradient * 10)
    >>> x.sum().backward()
    >>> x.grad
    tensor([10., 10.])
    """
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if not callable(hook):
        raise TypeError(f"register_hook(): expected a function, not {type(hook).__name__}")
    return RemovableHandle(_core._hooks(self), hook)


def retain_grad(self: Tensor) -> None:
    """Keeps the gradient of a computed tensor in its `.grad`, as leaves have it; of a leaf, nothing.

    It is what hooks made of it. RuntimeError: the tensor does not require a gradient.
    """
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if self.retains_grad or self.is_leaf:
        return
    reference = weakref.ref(self)

    def keep(gradient: Tensor) -> None:
        tensor = reference()
        if tensor is not None:
            tensor.grad = gradient if tensor.grad is None else tensor.grad + gradient

    _core._hooks(self)["retain"] = keep


def _retains_grad(self: Tensor) -> bool:
    return self.requires_grad and not self.is_leaf and "retain" in _core._hooks(self)


for _each in (register_hook, retain_grad):
    setattr(Tensor, _each.__name__, _each)
Tensor.retains_grad = property(
    _retains_grad, doc="Whether this is no leaf and `retain_grad` was called."
)
