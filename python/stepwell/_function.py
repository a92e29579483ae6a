# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""function(): a Python definition over tensors, which is called like an operation."""

from __future__ import annotations

import inspect
import struct
import threading
import typing
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Annotated, Any, TypeVar

from . import _core
from ._arguments import wrong
from ._core import Tensor
from ._numbers import TracedNumber

__all__ = ["Number", "function"]


class _AtRunTime:
    """Marks a number that each call passes to the kernel."""


# What a parameter is annotated with whose value is no part of what is compiled.
Number = Annotated[float, _AtRunTime()]

_Body = TypeVar("_Body", bound=Callable[..., Any])
# The kinds of parameters, as python/src/Function.cpp counts them.
_TENSOR, _OPTIONAL_TENSOR, _TENSORS, _NUMBER, _CONSTANT = range(5)


def _constant_key(value: Any) -> Any:
    """A key for a constant argument: 1, 1.0 and True are three, and so are 0.0 and -0.0."""
    if isinstance(value, (list, tuple)):
        return (type(value), tuple([_constant_key(item) for item in value]))
    if isinstance(value, dict):
        return (dict, tuple([(key, _constant_key(item)) for key, item in value.items()]))
    if type(value) is float:
        return (float, struct.pack("d", value))
    return (type(value), value)


class _Trace(threading.local):
    """What the traces of this thread made of sizes and numbers, the innermost last."""

    def __init__(self) -> None:
        self.running: list[_Numbers] = []


class _Numbers:
    """The numbers of one trace: see NumberTrace, for a trace whose guards the capture keeps."""

    over = False

    def __init__(self) -> None:
        self.codes: list[str] = []

    def place(self, number: TracedNumber) -> int:
        if number._code not in self.codes:
            self.codes.append(number._code)
        return self.codes.index(number._code)

    def decide(self, code: str, value: Any) -> None:
        _core._require(code, value)


_trace = _Trace()


def _size(code: str, hint: int) -> TracedNumber:
    return TracedNumber(_trace.running[-1], code, hint)


_core._set_number_type(TracedNumber)
_core._set_size_type(_size)


def _flatten(value: Any, tensors: list[Tensor]) -> Any:
    """A result's structure: None for a tensor; else what makes it of its tensors."""
    if isinstance(value, Tensor):
        tensors.append(value)
        return None
    if type(value) is tuple and all(isinstance(item, Tensor) for item in value):
        tensors.extend(value)
        return tuple
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        if all(isinstance(item, Tensor) for item in value):
            tensors.extend(value)
            return type(value)._make  # type: ignore[attr-defined]
    if type(value) is list and all(isinstance(item, Tensor) for item in value):
        tensors.extend(value)
        return list
    raise _NoTensors


class _NoTensors(Exception):
    """The result of a definition is not made of tensors."""


class _Definition:
    """A function's body, and how its arguments are bound."""

    def __init__(self, body: Callable[..., Any]) -> None:
        self.body = body
        self.signature = inspect.signature(body)
        try:
            hints = typing.get_type_hints(body, include_extras=True)
        except NameError:
            hints = {}
        self.parameters = list(self.signature.parameters.values())
        for each in self.parameters:
            if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
                raise TypeError(f"{body.__qualname__}(): a function takes no '*{each.name}'")
        self.kinds = [_kind(hints.get(each.name, each.annotation)) for each in self.parameters]

    def rows(self) -> list[tuple[Any, ...]]:
        return [
            (each.name, kind, each.kind is each.KEYWORD_ONLY)
            + (() if each.default is each.empty else (each.default,))
            for each, kind in zip(self.parameters, self.kinds, strict=True)
        ]

    def call(self, values: Sequence[Any]) -> Any:
        pairs = list(zip(self.parameters, values, strict=True))
        return self.body(
            *[value for each, value in pairs if each.kind is not each.KEYWORD_ONLY],
            **{each.name: value for each, value in pairs if each.kind is each.KEYWORD_ONLY},
        )

    def check(self, values: Sequence[Any]) -> None:
        """TypeError for an argument that is no tensor where there must be one."""
        for each, kind, value in zip(self.parameters, self.kinds, values, strict=True):
            tensor = kind == _TENSOR or (kind == _OPTIONAL_TENSOR and value is not None)
            if tensor and not isinstance(value, Tensor):
                raise wrong(self.body.__name__, each.name, "Tensor", value)

    def trace(self, values: tuple[Any, ...], inplace: bool) -> Any:
        """The Program for a class of arguments: an executable, how its result is made, the numbers
        that it takes. None if the body must run each time."""
        tensors: list[Tensor] = []
        numbers: list[Any] = []
        for kind, value in zip(self.kinds, values, strict=True):
            if kind == _TENSORS:
                tensors.extend(value)
            elif kind in (_TENSOR, _OPTIONAL_TENSOR) and value is not None:
                tensors.append(value)
            elif kind == _NUMBER and value is not None:
                numbers.append(value)
        try:
            return self._traced(values, tensors, numbers, inplace, False)
        except _NoTensors:
            return None
        except Exception:
            if not numbers:
                raise
        # An operation may take a number for a constant only.
        return self._traced(values, tensors, numbers, inplace, True)

    def _traced(
        self,
        values: tuple[Any, ...],
        tensors: list[Tensor],
        numbers: list[Any],
        inplace: bool,
        fixed: bool,
    ) -> Any:
        trace = _Numbers()
        first = sum(tensor.ndim for tensor in tensors)
        structure = None

        def once(given: Sequence[Tensor]) -> list[Tensor]:
            nonlocal structure
            rest = iter(given)
            place = first
            arguments: list[Any] = []
            for kind, value in zip(self.kinds, values, strict=True):
                if kind == _TENSORS:
                    arguments.append(type(value)([next(rest) for _ in value]))
                elif kind in (_TENSOR, _OPTIONAL_TENSOR) and value is not None:
                    arguments.append(next(rest))
                elif kind == _NUMBER and value is not None:
                    code, place = f"v{place}", place + 1
                    if fixed or type(value) not in (int, float):
                        _core._require(code, value)
                        arguments.append(value)
                    else:
                        arguments.append(TracedNumber(trace, code, value))
                else:
                    arguments.append(value)
            results: list[Tensor] = []
            result = self.call(arguments)
            if inplace:
                result = _fit(result, given[0])
            structure = _flatten(result, results)
            return results

        _trace.running.append(trace)
        try:
            executable = _core._trace(tensors, numbers, once)
        finally:
            _trace.running.pop()
            trace.over = True
        return None if executable is None else (executable, structure, trace.codes)


def _fit(result: Any, target: Tensor) -> Tensor:
    """The result, as what is written over the target."""
    if not isinstance(result, Tensor):
        raise TypeError("a function with inplace=True must return one tensor")
    if result.shape != target.shape:
        raise RuntimeError(
            f"output with shape {tuple(target.shape)} doesn't match the broadcast shape "
            f"{tuple(result.shape)}"
        )
    if result.dtype is not target.dtype:
        raise RuntimeError(
            f"result type {result.dtype} can't be cast to the desired output type {target.dtype}"
        )
    return result


def _kind(annotation: Any) -> int:
    if annotation is Tensor or annotation in ("Tensor", "stepwell.Tensor"):
        return _TENSOR
    if isinstance(annotation, str):
        return _OPTIONAL_TENSOR if annotation == "Tensor | None" else _CONSTANT
    if any(isinstance(each, _AtRunTime) for each in getattr(annotation, "__metadata__", ())):
        return _NUMBER
    arguments = typing.get_args(annotation)
    inner = {_kind(each) for each in arguments if each not in (type(None), ...)}
    if type(None) in arguments and inner <= {_TENSOR, _NUMBER} and len(inner) == 1:
        return _OPTIONAL_TENSOR if inner == {_TENSOR} else _NUMBER
    if typing.get_origin(annotation) in (list, tuple, Sequence) and inner == {_TENSOR}:
        return _TENSORS
    return _CONSTANT


def function(
    body: _Body | None = None, *, inplace: bool = False, method: str | bool = False
) -> Any:
    """Makes a function of tensors that is called like one of the library's own.

    The body is a plain Python function over tensors. It runs once for each class of its arguments:
    the element types and dimensions of tensors, which of their sizes are 0 or 1, and the values of
    all arguments that are neither tensor nor `Number`. What it did is compiled to one kernel for
    all sizes. From then on a call binds its arguments and launches that kernel, and its derivative
    is compiled in the same way.

    While the body runs, a tensor has no value, and sizes and numbers stand for those of every call.
    A branch on one of them is a condition of this trace; a call for which it does not hold is traced
    anew. The body may read its arguments and constants only: what else it reads is read once.

    Args:
        body: its parameters are annotated as `Tensor`, `Tensor | None`, `Sequence[Tensor]`, `Number`
            (passed to the kernel: another value needs no other kernel), or as anything hashable.
            It returns a tensor, or a tuple or list of tensors. One that returns its argument or a
            view of it, or writes into an argument, runs as it is each time.
        inplace: the result has also a function that writes it over the first argument, the
            attribute `inplace`.
        method: the name of a method of `Tensor` that it becomes (True: its own name); with
            `inplace` also the one whose name ends in "_".

    Raises:
        TypeError: the body takes `*args` or `**kwargs`.

    Example:
        >>> @stepwell.function
        ... def huber(input: stepwell.Tensor, target: stepwell.Tensor, delta: stepwell.Number = 1.0):
        ...     error = (input - target).abs()
        ...     small = 0.5 * error * error
        ...     return stepwell.where(error <= delta, small, delta * (error - 0.5 * delta)).mean()
        >>> huber(stepwell.tensor([0.0, 3.0]), stepwell.zeros(2), delta=2.0)
        tensor(2.)
    """
    if body is None:
        return lambda given: function(given, inplace=inplace, method=method)
    definition = _Definition(body)

    def made(name: str, writes: bool) -> Any:
        result = _core.Function(name, definition.rows(), body, definition.trace, definition.check, writes)
        update_wrapper(result, body)
        result.__name__ = name
        return result

    result = made(body.__name__, False)
    if inplace:
        result.inplace = made(body.__name__ + "_", True)
    if method:
        name = method if isinstance(method, str) else body.__name__
        setattr(Tensor, name, result)
        if inplace:
            setattr(Tensor, name + "_", result.inplace)
    return result
