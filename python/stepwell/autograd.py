# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gradients of what was computed, and when not to record them."""

from __future__ import annotations

import inspect
import threading
import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from . import _core
from ._core import Tensor, is_grad_enabled

__all__ = ["backward", "enable_grad", "grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]


def _listed(tensors: Any) -> list[Any]:
    return [tensors] if isinstance(tensors, Tensor) or tensors is None else list(tensors)


def _cotangents(outputs: Any, given: Any) -> list[Any]:
    if given is None:
        return []
    outputs, given = _listed(outputs), _listed(given)
    if len(given) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(given)} gradients")
    return given


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Adds the gradient of `tensors` to `.grad` of every leaf that they depend on.

    With `inputs`, to theirs alone, leaves or not.

    Args:
        tensors: where to begin. One with several elements needs its gradient in `grad_tensors`.
        grad_tensors: a gradient for each of `tensors`, or none.
        retain_graph: keep what the graph saved, for another `backward`; none: as `create_graph`.
        create_graph: record this computation, for gradients of gradients.
        inputs: the tensors to add gradients to.

    Raises:
        RuntimeError: a tensor does not require a gradient, has several elements and no gradient, or
            what its graph saved was given up by an earlier `backward` or overwritten.

    Example:
        >>> x = stepwell.tensor([2.0, 3.0], requires_grad=True)
        >>> backward((x * x).sum())
        >>> x.grad
        tensor([4., 6.])
    """
    retain = create_graph if retain_graph is None else retain_graph
    roots, given = _listed(tensors), _cotangents(tensors, grad_tensors)
    if inputs is None:
        _core._backward(roots, given, retain, create_graph)
        return
    targets = _listed(inputs)
    if not targets:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    found = _core._grad(roots, targets, given, retain, create_graph)
    with set_grad_enabled(create_graph):
        for target, gradient in zip(targets, found, strict=True):
            if gradient is None:
                continue
            if target.grad is None:
                target.grad = gradient if create_graph else gradient.detach().clone()
            elif create_graph:
                target.grad = target.grad + gradient
            else:
                target.grad += gradient


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of `outputs` with respect to `inputs`; `.grad` is left alone.

    An input that the outputs do not depend on is refused, unless `allow_unused`: its gradient is
    None then, or zeros with `materialize_grads`.

    Args:
        outputs, grad_outputs, retain_graph, create_graph: as for `backward`.
        inputs: the tensors to differentiate with respect to.

    Raises:
        RuntimeError: as `backward`, and for an input that is not used.

    Example:
        >>> x = stepwell.tensor(3.0, requires_grad=True)
        >>> (slope,) = grad(x**3, x, create_graph=True)
        >>> slope.item(), grad(slope, x)[0].item()
        (27.0, 18.0)
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, "
            "but got: allow_unused=False."
        )
    targets = _listed(inputs)
    if not targets:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    retain = create_graph if retain_graph is None else retain_graph
    given = _cotangents(outputs, grad_outputs)
    found = list(_core._grad(_listed(outputs), targets, given, retain, create_graph))
    for i, gradient in enumerate(found):
        if gradient is not None:
            continue
        if materialize_grads:
            found[i] = targets[i].new_zeros(targets[i].shape)
        elif not allow_unused:
            raise RuntimeError(
                "One of the differentiated Tensors appears to not have been used in the graph. "
                "Set allow_unused=True if this is the desired behavior."
            )
    return tuple(found)


# --- Whether calls are recorded ----------------------------------------------


def _stepped(mode: Any, running: Any) -> Any:
    """A generator that resumes another one, or a coroutine, always in a mode of its own."""
    give: Callable[..., Any] = running.send
    argument: Any = (None,)
    while True:
        try:
            with mode():
                made = give(*argument)
        except StopIteration as stop:
            return stop.value
        try:
            sent = yield made
        except GeneratorExit:
            with mode():
                running.close()
            raise
        except BaseException as error:
            give, argument = running.throw, (error,)
        else:
            give, argument = running.send, (sent,)


class _Awaited:
    def __init__(self, mode: Any, awaitable: Any) -> None:
        self._mode, self._awaitable = mode, awaitable

    def __await__(self) -> Any:
        return _stepped(self._mode, self._awaitable.__await__())


async def _stepped_async(mode: Any, running: Any) -> Any:
    """`_stepped` for an asynchronous generator."""
    step = running.asend(None)
    while True:
        try:
            made = await _Awaited(mode, step)
        except StopAsyncIteration:
            return
        try:
            sent = yield made
        except GeneratorExit:
            await _Awaited(mode, running.aclose())
            raise
        except BaseException as error:
            step = running.athrow(error)
        else:
            step = running.asend(sent)


def _decorated(mode: Callable[[], Any], function: Any) -> Any:
    """`function` in a mode that each call makes anew: calls may overlap, in threads or in turn."""
    if inspect.isclass(function):
        warnings.warn(
            "Decorating classes is deprecated and will be disabled in future versions. You should "
            "only decorate functions or methods. To preserve the current behavior of class "
            "decoration, you can directly decorate the `__init__` method and nothing else.",
            FutureWarning,
            stacklevel=3,
        )
    if inspect.isasyncgenfunction(function):

        @wraps(function)
        def stepped_async(*args: Any, **kwargs: Any) -> Any:
            return _stepped_async(mode, function(*args, **kwargs))

        return stepped_async
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            return await _Awaited(mode, function(*args, **kwargs))

        return awaited
    if inspect.isgeneratorfunction(function):

        @wraps(function)
        def stepped(*args: Any, **kwargs: Any) -> Any:
            return (yield from _stepped(mode, function(*args, **kwargs)))

        return stepped

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with mode():
            return function(*args, **kwargs)

    return called


class _GradMode:
    """A mode for a `with`, which may be entered again, or for every call of a function."""

    _mode = True

    def __init__(self) -> None:
        # Each thread leaves what it entered itself.
        self._entered = threading.local()

    def __new__(cls, function: Any = None) -> Any:
        made = super().__new__(cls)
        if function is None:
            return made
        _GradMode.__init__(made)
        return made(function)

    def __enter__(self) -> None:
        self._entered.__dict__.setdefault("before", []).append(is_grad_enabled())
        _core._set_grad_enabled(self._mode)

    def __exit__(self, *exc: object) -> None:
        _core._set_grad_enabled(self._entered.before.pop())

    def __call__(self, function: Any) -> Any:
        return _decorated(self._again, function)

    def _again(self) -> Any:
        return type(self)()


class no_grad(_GradMode):
    """Nothing is recorded: `with no_grad():` or `@no_grad()`.

    Example:
        >>> x = stepwell.ones(2, requires_grad=True)
        >>> with no_grad():
        ...     y = x * 2
        ...
        >>> y.requires_grad
        False
    """

    _mode = False


class enable_grad(_GradMode):
    """Calls are recorded again inside of `no_grad`.

    Example:
        >>> x = stepwell.ones(2, requires_grad=True)
        >>> with no_grad(), enable_grad():
        ...     y = x * 2
        ...
        >>> y.requires_grad
        True
    """


class set_grad_enabled(_GradMode):
    """Turns recording on or off: at once, and back at the end of a `with`; or for a function.

    Example:
        >>> x = stepwell.ones(2, requires_grad=True)
        >>> with set_grad_enabled(False):
        ...     y = x * 2
        ...
        >>> y.requires_grad
        False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self._mode = bool(mode)
        self._outside = is_grad_enabled()
        _core._set_grad_enabled(self._mode)

    def __new__(cls, mode: bool) -> Any:
        return object.__new__(cls)

    def __enter__(self) -> None:
        super().__enter__()
        if self._outside is not None:  # it was set when this was made
            self._entered.before[-1] = self._outside
            self._outside = None

    def __call__(self, function: Any) -> Any:
        # A decorator leaves the mode as it was.
        if self._outside is not None:
            _core._set_grad_enabled(self._outside)
        return super().__call__(function)

    def _again(self) -> Any:
        return set_grad_enabled(self._mode)
