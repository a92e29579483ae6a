# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""function(): a Python definition over tensors, which is called like an operation."""

from __future__ import annotations

import inspect
import struct
import threading
import typing
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, update_wrapper
from typing import Annotated, Any, TypeVar

from . import _core
from ._arguments import wrong
from ._core import Tensor, dtype
from ._numbers import TracedNumber
from .autograd import no_grad

__all__ = ["Number", "function"]


class _AtRunTime:
    """Marks a number that each call passes to the kernel."""


# What a parameter is annotated with whose value is no part of what is compiled.
Number = Annotated[float, _AtRunTime()]
Integer = Annotated[int, _AtRunTime()]

_Body = TypeVar("_Body", bound=Callable[..., Any])
# The kinds of parameters, as python/src/Function.cpp counts them.
_TENSOR, _OPTIONAL_TENSOR, _TENSORS, _NUMBER, _CONSTANT, _OPERAND, _TENSOR_OR_CONSTANT = range(7)
# Those that one tensor may be given for.
_ONE_TENSOR = (_TENSOR, _OPTIONAL_TENSOR, _OPERAND, _TENSOR_OR_CONSTANT)


def _is_one_tensor(kind: int, value: Any) -> bool:
    return kind in _ONE_TENSOR and isinstance(value, Tensor)


def _is_number(kind: int, value: Any) -> bool:
    return kind == _NUMBER or (kind == _OPERAND and not isinstance(value, Tensor))


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


@contextmanager
def sizes_of(trace: Any) -> Iterator[None]:
    """Around a trace: sizes that are asked for belong to it."""
    _trace.running.append(trace)
    try:
        yield
    finally:
        _trace.running.pop()


class ConstantNumbers(_Numbers):
    """Around a trace whose program takes no numbers: one that is made of sizes is a constant."""

    def place(self, number: TracedNumber) -> int:
        self.decide(number._code, number._value)
        return -1

    def __enter__(self) -> None:
        _trace.running.append(self)

    def __exit__(self, *_: Any) -> None:
        _trace.running.pop()
        self.over = True


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
    raise RunsEachTime


class RunsEachTime(Exception):
    """What a definition does for this class of arguments cannot be traced: it runs each time."""


def run_each_time() -> None:
    """What a definition does from here on is no part of a trace: it runs at each such call."""
    if _trace.running and not isinstance(_trace.running[-1], ConstantNumbers):
        raise RunsEachTime


def warn(message: str, stacklevel: int) -> None:
    """A warning of a definition, which is given at each call."""
    run_each_time()
    warnings.warn(message, stacklevel=stacklevel + 1)


def _where(function: Callable[..., Any]) -> str:
    code = function.__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


class _Definition:
    """A function's body, its rules, and how its arguments are bound."""

    def __init__(self, body: Callable[..., Any], out: bool = False) -> None:
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
        if out:
            self.take_out()
        self.kinds = [_kind(hints.get(each.name, each.annotation)) for each in self.parameters]
        self.vjp: Callable[..., Any] | None = None
        self.lowering: Callable[..., Any] | None = None
        self.warned: set[str] = set()  # parameters

    def rows(self) -> list[tuple[Any, ...]]:
        """What C++ binds a call by: name, kind, whether keyword-only, default."""
        return [
            (each.name, kind, each.kind is each.KEYWORD_ONLY)
            + (() if each.default is each.empty else (each.default,))
            for each, kind in zip(self.parameters, self.kinds, strict=True)
        ]

    def take_out(self) -> None:
        """The parameter `out` is none that the body is given."""
        declared = self.signature.parameters.get("out")
        if (
            declared is None
            or declared.kind is not declared.KEYWORD_ONLY
            or declared.default is not None
        ):
            raise TypeError(
                f"{self.body.__qualname__}(): with out=True the body has a parameter "
                "'*, out: Tensor | None = None'"
            )
        self.parameters.remove(declared)

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

    def other(self, values: Sequence[Any]) -> Any:
        """A call with values that are of no class: what is wrong with them, if anything is."""
        for each, kind, value in zip(self.parameters, self.kinds, values, strict=True):
            bare = kind == _CONSTANT and each.annotation is each.empty
            if bare and isinstance(value, Tensor) and each.name not in self.warned:
                self.warned.add(each.name)
                warnings.warn(
                    f"{self.body.__name__}(): the parameter '{each.name}' is given a tensor, but is "
                    "not annotated as one: the body runs at each such call. Annotate it as "
                    "stepwell.Tensor",
                    stacklevel=2,
                )
        try:
            result = self.call(values)
        except ValueError:
            raise
        except Exception:
            self.check(values)
            raise
        self.check(values)
        return result

    def body_over(self, *args: Any, **named: Any) -> Any:
        """What the form with `inplace` does where the body runs as it is."""
        target = args[0] if args else named[self.parameters[0].name]
        return target.copy_(_fit(self.body(*args, **named), target))

    def other_over(self, values: Sequence[Any]) -> Any:
        return values[0].copy_(_fit(self.other(values), values[0]))

    def add_vjp(self, rule: Callable[..., Any]) -> None:
        """TypeError for a rule that asks for what there is not."""
        known = {each.name for each in self.parameters} | {"result", "g"}
        for name in inspect.signature(rule).parameters:
            if name not in known:
                raise TypeError(
                    f"{_where(rule)}: a derivative rule of {self.body.__name__} reads its "
                    f"parameters, 'result' and 'g'; there is no '{name}'"
                )
        self.vjp = rule

    def add_lowering(self, rule: Callable[..., Any]) -> None:
        known = {each.name for each in self.parameters} | {"result"}
        for name in inspect.signature(rule).parameters:
            if name not in known:
                raise TypeError(
                    f"{_where(rule)}: a lowering of {self.body.__name__} reads its parameters "
                    f"and 'result'; there is no '{name}'"
                )
        self.lowering = rule

    def trace(self, values: tuple[Any, ...], inplace: bool) -> Any:
        """The Program for a class of arguments: an executable, how its result is made, the numbers
        that it takes. None if the body must run each time."""
        trace = _ClassTrace(self, values, inplace)
        try:
            return trace.run(fixed=False)
        except RunsEachTime:
            return None
        except Exception:
            if not trace.numbers:
                raise
        # An operation may take a number for a constant only.
        return trace.run(fixed=True)


class _ClassTrace:
    """One trace of a definition."""

    def __init__(self, definition: _Definition, values: tuple[Any, ...], inplace: bool) -> None:
        self.definition, self.values, self.inplace = definition, values, inplace
        self.tensors: list[Tensor] = []
        self.numbers: list[Any] = []
        for kind, value in zip(definition.kinds, values, strict=True):
            if kind == _TENSORS:
                self.tensors.extend(value)
            elif _is_one_tensor(kind, value):
                self.tensors.append(value)
            elif _is_number(kind, value) and value is not None:
                self.numbers.append(value)
        self.structure: Any = None
        self.trace = _Numbers()
        self.fixed = False

    def run(self, fixed: bool) -> Any:
        self.trace, self.fixed = _Numbers(), fixed
        definition = self.definition
        lowering = None if definition.lowering is None else self.lower
        first = sum(tensor.ndim for tensor in self.tensors)
        if lowering is not None:
            self.trace.codes = [f"v{first + i}" for i in range(len(self.numbers))]
        _trace.running.append(self.trace)
        try:
            executable = _core._trace(
                self.tensors,
                self.numbers,
                self.forward,
                definition.body.__name__,
                None if definition.vjp is None else self.backward,
                lowering,
                list(range(len(self.numbers))),
            )
        finally:
            _trace.running.pop()
            self.trace.over = True
        return None if executable is None else (executable, self.structure, self.trace.codes)

    def arguments(self, given: Sequence[Any], numbers: Sequence[Any]) -> list[Any]:
        """The values of all parameters, with what stands for tensors and numbers."""
        rest, others = iter(given), iter(numbers)
        arguments: list[Any] = []
        for kind, value in zip(self.definition.kinds, self.values, strict=True):
            if kind == _TENSORS:
                arguments.append(type(value)([next(rest) for _ in value]))
            elif _is_one_tensor(kind, value):
                arguments.append(next(rest))
            elif _is_number(kind, value) and value is not None:
                arguments.append(next(others))
            else:
                arguments.append(value)
        return arguments

    def standing(self) -> list[Any]:
        """What stands for numbers; where they are constants, the trace is for their values."""
        first = sum(tensor.ndim for tensor in self.tensors)
        standing: list[Any] = []
        for place, value in enumerate(self.numbers, first):
            if self.fixed or type(value) not in (int, float):
                _core._require(f"v{place}", value)
                standing.append(value)
            else:
                standing.append(TracedNumber(self.trace, f"v{place}", value))
        return standing

    def forward(self, given: Sequence[Tensor]) -> list[Tensor]:
        result = self.definition.call(self.arguments(given, self.standing()))
        if self.inplace:
            result = _fit(result, given[0])
        results: list[Tensor] = []
        self.structure = _flatten(result, results)
        return results

    def backward(self, given: Sequence[Tensor]) -> list[Tensor | None]:
        """The gradients of all tensors, by the rule."""
        definition, rule = self.definition, self.definition.vjp
        assert rule is not None
        count = len(self.tensors)
        made = [tensor for tensor in given[count:]]
        floats = [i for i, each in enumerate(made) if each.is_floating_point()]
        results = made[: len(made) - len(floats) // 2]
        cotangents = iter(made[len(results) :])
        g = [next(cotangents) if each.is_floating_point() else None for each in results]
        named = dict(
            zip(
                [each.name for each in definition.parameters],
                self.arguments(given[:count], self.standing()),
                strict=True,
            )
        )
        if self.structure is None:
            named |= {"result": results[0], "g": g[0]}
        else:
            named |= {"result": tuple(results), "g": tuple(g)}
        returned = rule(**{name: named[name] for name in inspect.signature(rule).parameters})
        return self.gradients(rule, returned, given[:count])

    def gradients(
        self, rule: Callable[..., Any], returned: Any, inputs: Sequence[Tensor]
    ) -> list[Tensor | None]:
        """One gradient per tensor; RuntimeError, with the rule's line, for one that does not fit."""
        definition = self.definition
        what = f"{_where(rule)}: the derivative rule of {definition.body.__name__}"
        places = [
            (each.name, kind, value)
            for each, kind, value in zip(
                definition.parameters, definition.kinds, self.values, strict=True
            )
            if kind in (*_ONE_TENSOR, _TENSORS)
        ]
        if isinstance(returned, Tensor) or returned is None:
            returned = (returned,)
        if len(returned) != len(places):
            raise RuntimeError(
                f"{what} must give one gradient for each of its {len(places)} tensor parameters, "
                f"but gave {len(returned)}"
            )
        flat: list[tuple[str, Any]] = []
        for (name, kind, value), gradient in zip(places, returned, strict=True):
            if kind == _TENSORS:
                several = [None] * len(value) if gradient is None else gradient
                flat += [(f"{name}[{i}]", each) for i, each in enumerate(several)]
            elif isinstance(value, Tensor):
                flat.append((name, gradient))
        found: list[Tensor | None] = []
        for (name, gradient), input in zip(flat, inputs, strict=True):
            if gradient is None:
                found.append(None)
                continue
            if not isinstance(gradient, Tensor):
                raise RuntimeError(f"{what} gave {type(gradient).__name__} for '{name}'")
            if gradient.dtype is not input.dtype:
                raise RuntimeError(
                    f"{what} gave a gradient of {gradient.dtype} for '{name}', which is of "
                    f"{input.dtype}"
                )
            if not _stretches(input.shape, gradient.shape):
                raise RuntimeError(
                    f"{what} gave a gradient of shape {tuple(map(int, gradient.shape))} for "
                    f"'{name}', which has shape {tuple(map(int, input.shape))}"
                )
            found.append(gradient)
        return found

    def lower(self, inputs: Sequence[str], results: Sequence[str]) -> str:
        """The text of the lowering for these types."""
        definition, rule = self.definition, self.definition.lowering
        assert rule is not None
        count = len(self.tensors)
        named = dict(
            zip(
                [each.name for each in definition.parameters],
                self.arguments(inputs[:count], inputs[count:]),
                strict=True,
            )
        )
        named["result"] = results[0] if self.structure is None else list(results)
        made = rule(**{name: named[name] for name in inspect.signature(rule).parameters})
        text = str(made)
        if "func.func" not in text:
            raise RuntimeError(
                f"{_where(rule)}: the lowering of {definition.body.__name__} must be a func.func"
            )
        return text


def _stretches(shape: Sequence[Any], to: Sequence[Any]) -> bool:
    """Whether a shape broadcasts to another."""
    offset = len(to) - len(shape)
    return offset >= 0 and all(a == 1 or a == b for a, b in zip(shape, to[offset:], strict=True))


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


def _class_of(dtype: dtype) -> int:
    return 2 if dtype.is_floating_point else 0 if dtype is _core.bool else 1


def _write_result(name: str, result: Any, out: Any) -> Any:
    """The results in the tensors `out`, as PyTorch writes them there."""
    several = isinstance(result, (tuple, list))
    made, targets = (result, out) if several else ([result], [out])
    if several and not isinstance(out, (tuple, list)):
        raise wrong(name, "out", "tuple of Tensors", out)
    if len(targets) != len(made):
        raise TypeError(
            f"{name}(): argument 'out' must be a tuple of {len(made)} Tensors, not of {len(targets)}"
        )
    for target in targets:
        if not isinstance(target, Tensor):
            raise wrong(name, "out", "Tensor", target)
    if _core.is_grad_enabled() and any(each.requires_grad for each in (*made, *targets)):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, "
            "but one of the arguments requires grad."
        )
    for each, target in zip(made, targets, strict=True):
        if _class_of(each.dtype) > _class_of(target.dtype):
            raise RuntimeError(
                f"{name}(): result type {each.dtype} can't be cast to the desired output type "
                f"{target.dtype}"
            )
    for each, target in zip(made, targets, strict=True):
        if target.shape == each.shape:
            with no_grad():
                target.copy_(each)
            continue
        if target.numel():
            warnings.warn(
                "An output with one or more elements was resized since it had shape "
                f"{list(target.shape)}, which does not match the required output shape "
                f"{list(each.shape)}. Give a tensor of this shape, or of no elements.",
                stacklevel=2,
            )
        target.data = each.detach()._cast(target.dtype)
    if not several:
        return out
    return result._make(targets) if hasattr(result, "_make") else type(result)(targets)


def _kind(annotation: Any) -> int:
    if annotation is Tensor or annotation in ("Tensor", "stepwell.Tensor"):
        return _TENSOR
    if isinstance(annotation, str):
        return _OPTIONAL_TENSOR if annotation == "Tensor | None" else _CONSTANT
    if any(isinstance(each, _AtRunTime) for each in getattr(annotation, "__metadata__", ())):
        return _NUMBER
    arguments = typing.get_args(annotation)
    inner = {_kind(each) for each in arguments if each not in (type(None), ...)}
    if inner == {_TENSOR, _NUMBER}:
        return _OPERAND
    if inner == {_TENSOR, _CONSTANT}:
        return _TENSOR_OR_CONSTANT
    if type(None) in arguments and inner <= {_TENSOR, _NUMBER} and len(inner) == 1:
        return _OPTIONAL_TENSOR if inner == {_TENSOR} else _NUMBER
    if typing.get_origin(annotation) in (list, tuple, Sequence) and inner == {_TENSOR}:
        return _TENSORS
    return _CONSTANT


def function(
    body: _Body | None = None,
    *,
    inplace: bool = False,
    method: str | bool = False,
    out: bool = False,
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
        out: the body has a parameter `*, out: Tensor | None = None`, which it does not read: a tensor,
            or a tuple of them, into which the results are written, and which is returned. One of
            another shape is resized, with a warning unless it has no elements. RuntimeError where a
            gradient is wanted.

    The result has two decorators, for rules that are functions themselves. The names of their
    parameters say what they read, which is then kept for the way back:

    - `vjp`, a derivative in place of the body's: it reads parameters of the body, `result` and `g`,
      the gradient of the result (tuples, where there are several results), and returns one gradient
      for each parameter that is a tensor, None where there is none. A gradient may have sizes that
      its tensor was stretched to.
    - `lowering`, what is compiled in place of the body: its parameters are the MLIR types of
      tensors (`tensor<?x4xf32>`) and numbers (`tensor<f64>`), the values of constants, and `result`,
      the types of the results. It returns the text of a `func.func` from tensors to tensors in the
      dialects arith, array, linalg, math, scf and tensor, or a module of `stepwell.mlir`.

    Raises:
        TypeError: the body takes `*args` or `**kwargs`, or a rule asks for what there is not.

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
        return lambda given: function(given, inplace=inplace, method=method, out=out)
    definition = _Definition(body, out)

    def made(name: str, writes: bool) -> Any:
        takes_out = out and not writes
        result = _core.Function(
            name,
            definition.rows(),
            definition.body_over if writes else body,
            definition.trace,
            definition.other_over if writes else definition.other,
            writes,
            partial(_write_result, name) if takes_out else None,
        )
        update_wrapper(result, body)
        result.__name__ = name
        return result

    result = made(body.__name__, False)
    forms = [result]
    if inplace:
        result.inplace = made(body.__name__ + "_", True)
        result.inplace.__qualname__ = body.__qualname__ + ".inplace"
        forms.append(result.inplace)

    def vjp(rule: Callable[..., Any]) -> Callable[..., Any]:
        definition.add_vjp(rule)
        for form in forms:
            form._add_rules()
        return rule

    def lowering(rule: Callable[..., Any]) -> Callable[..., Any]:
        definition.add_lowering(rule)
        for form in forms:
            form._add_rules()
        return rule

    result.vjp, result.lowering = vjp, lowering
    if method:
        name = method if isinstance(method, str) else body.__name__
        setattr(Tensor, name, result)
        if inplace:
            setattr(Tensor, name + "_", result.inplace)
    return result
