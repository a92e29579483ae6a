# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compile(): a function run once, then kept as one executable per signature."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import update_wrapper
from typing import Any, NamedTuple

from . import _core
from ._core import Tensor
from ._guards import Guards, Reach, depend_on
from ._numbers import NumberTrace, TracedNumber

__all__ = ["CompiledFunction", "Explanation", "compile", "depend_on", "explain"]

# Captures of one signature that are kept: they differ in what the function took from outside.
_MOST_CAPTURES = 8
# Signatures that are kept: numbers that are constants of a program may change for ever.
_MOST_SIGNATURES = 256


def _flatten(value: Any, tensors: list[Tensor], numbers: list[Any] | None = None) -> Any:
    """The structure of nested containers, with tensors taken out, and numbers if they go anywhere."""
    if isinstance(value, Tensor):
        tensors.append(value)
        return Tensor
    if type(value) is TracedNumber:
        value = value._known()
    if isinstance(value, (list, tuple)):
        # Every call passes here: a comprehension would make a function first.
        items = []
        for item in value:
            items.append(_flatten(item, tensors, numbers))  # noqa: PERF401
        return (type(value), tuple(items))
    if isinstance(value, dict):
        pairs = tuple([(key, _flatten(item, tensors, numbers)) for key, item in value.items()])
        return (dict, pairs)
    if numbers is not None and type(value) in (int, float):
        numbers.append(value)
        return ("number", type(value))
    return ("constant", type(value), value)


def _constants(structure: Any) -> list[Any]:
    """What in a structure is no tensor and no container."""
    if structure is Tensor:
        return []
    kind, *rest = structure
    if kind == "constant" or kind == "number":
        return rest[1:]
    items = [item for _, item in rest[0]] if kind is dict else rest[0]
    return [constant for item in items for constant in _constants(item)]


def _unflatten(structure: Any, tensors: Any, numbers: Any = iter(())) -> Any:
    if structure is Tensor:
        return next(tensors)
    kind, *rest = structure
    if kind == "constant":
        return rest[1]
    if kind == "number":
        return next(numbers)
    if kind is dict:
        return {key: _unflatten(item, tensors, numbers) for key, item in rest[0]}
    items = [_unflatten(item, tensors, numbers) for item in rest[0]]
    return kind(*items) if hasattr(kind, "_fields") else kind(items)


def _signature(tensors: list[Tensor], structure: Any) -> tuple[Any, ...]:
    """What a capture is for, in a form that can be told about."""
    each = tuple([(t.dtype, t.shape, t.requires_grad) for t in tensors])
    return (structure, each, _core.is_grad_enabled())


def _difference(old: tuple[Any, ...], new: tuple[Any, ...]) -> str:
    """What changed from one signature to another, in words."""
    if old[0] != new[0] or len(old[1]) != len(new[1]):
        return "the structure of the arguments or an argument that is no tensor changed"
    for index, (a, b) in enumerate(zip(old[1], new[1], strict=True)):
        where = f"argument {index}"
        if a[0] is not b[0]:
            return f"{where}, dtype changed {a[0].name} -> {b[0].name}"
        if len(a[1]) != len(b[1]):
            return f"{where}, number of dimensions changed {len(a[1])} -> {len(b[1])}"
        for dim, (x, y) in enumerate(zip(a[1], b[1], strict=True)):
            if x != y:
                return f"{where}, dimension {dim} changed {x} -> {y}"
        if a[2] != b[2]:
            return f"{where}, requires_grad changed {a[2]} -> {b[2]}"
    if old[2] != new[2]:
        return f"grad mode changed {old[2]} -> {new[2]}"
    if old[3] != new[3]:
        return "a number among the arguments changed"
    return (
        "the .grad of a tensor appeared or vanished, other arguments share memory, or a tensor "
        "that the function closes over changed its dtype, shape or requires_grad"
    )


class _Capture(NamedTuple):
    """One trace, and when it may be run again."""

    executable: Any
    structure: Any  # of the results
    guards: Guards
    numbers: NumberTrace


class _Numbers:
    """Which of the numbers among the arguments change, and which may only be constants."""

    def __init__(self, first: list[Any]) -> None:
        self._first = first
        self.changing: set[int] = set()
        self.constant: set[int] = set()

    def note(self, numbers: list[Any]) -> None:
        for place, (before, now) in enumerate(zip(self._first, numbers, strict=True)):
            if now != before and place not in self.constant:
                self.changing.add(place)

    def fix(self, places: Iterable[int]) -> None:
        self.constant |= set(places)
        self.changing -= self.constant

    def key(self, numbers: list[Any]) -> Any:
        if not numbers:
            return ()
        return tuple(
            None if place in self.changing else number for place, number in enumerate(numbers)
        )


class CompiledFunction:
    """What `stepwell.compile` returns: call it like the function.

    Other attributes are the function's own: a compiled module has `parameters()`.
    """

    def __init__(self, function: Callable[..., Any]):
        self._function = function
        self._cache: dict[Any, list[_Capture]] = {}
        self._numbers: dict[Any, _Numbers] = {}
        self._last: tuple[Any, ...] | None = None
        self._unstable = ""
        update_wrapper(self, function, updated=())

    def __getattr__(self, name: str) -> Any:
        if name == "_function":  # while it is being copied
            raise AttributeError(name)
        return getattr(self._function, name)

    def _trace(self, tensors: list[Tensor], args: Any, kwargs: Any, given: Any) -> _Capture:
        structure = None
        numbers = NumberTrace(0)

        def once() -> list[Tensor]:
            nonlocal structure
            results: list[Tensor] = []
            structure = _flatten(self._function(*args, **kwargs), results)
            return results

        with Reach([("", self._function), *(("", item) for item in _constants(given))]) as reach:
            executable = _core._capture(tensors, once)
        guards = reach.guards(executable.captured, tensors)
        return _Capture(executable, structure, guards, numbers)

    def _trace_numbers(
        self, tensors: list[Tensor], numbers: list[Any], given: Any, changing: set[int]
    ) -> _Capture:
        """A trace in which those numbers are inputs of the program."""
        trace = NumberTrace(len(numbers))
        listed = [
            trace.number(place, number) if place in changing else number
            for place, number in enumerate(numbers)
        ]
        args, kwargs = _unflatten(given, iter(tensors), iter(listed))
        try:
            capture = self._trace(tensors, args, kwargs, given)
        finally:
            trace.over = True
        return capture._replace(numbers=trace)

    def _prepare(self, args: Any, kwargs: Any) -> tuple[_Capture, list[Tensor], list[Any]]:
        tensors: list[Tensor] = []
        numbers: list[Any] = []
        given = _flatten((args, kwargs), tensors, numbers)
        signature = (given, _core._types_of(tensors))
        role = self._numbers.get(signature)
        if role is None:
            role = self._numbers.setdefault(signature, _Numbers(numbers))
        key: Any = ()
        if numbers:
            role.note(numbers)
            key = role.key(numbers)
        reason, self._unstable = self._unstable, ""
        # The role stands for its signature, which takes long to look up.
        for capture in reversed(self._cache.get((role, key), ())):
            if capture.executable.accepts(tensors):
                changed = capture.guards.why_not(tensors)
                if changed is None:
                    values = capture.numbers.evaluate(numbers) if numbers else numbers
                    if values is not None:
                        return capture, tensors, values
                    role.fix(role.changing)
                    break
                reason = reason or changed
        readable = _signature(tensors, given)
        if self._last is not None and "recompiles" in os.environ.get("STEPWELL_LOG", ""):
            reason = reason or _difference(self._last, (*readable, role.key(numbers)))
            name = getattr(self._function, "__name__", type(self._function).__name__)
            print(f"stepwell: recompiling {name}: {reason}", file=sys.stderr)
        changing = set(role.changing)
        if changing:
            try:
                capture = self._trace_numbers(tensors, numbers, given, changing)
                role.fix(capture.numbers.used)
            except Exception:
                role.fix(changing)
                changing = set()
        if not changing:
            capture = self._trace(tensors, args, kwargs, given)
        self._last = (*readable, role.key(numbers))
        # What the function, or another thread, changed meanwhile is true of this call only.
        self._unstable = capture.guards.why_not(tensors) or ""
        if capture.executable.once_only:
            self._unstable = "backward() inside went on along the tape outside"
        if not self._unstable:
            entries = self._cache.setdefault((role, role.key(numbers)), [])
            entries.append(capture)
            del entries[:-_MOST_CAPTURES]
            for kept in (self._cache, self._numbers):
                while len(kept) > _MOST_SIGNATURES:
                    kept.pop(next(iter(kept)), None)
        return capture, tensors, capture.numbers.evaluate(numbers) or []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _core._capturing():
            return self._function(*args, **kwargs)
        capture, tensors, numbers = self._prepare(args, kwargs)
        results = capture.executable.run(tensors, numbers)
        if capture.structure is Tensor:
            return results[0]
        return _unflatten(capture.structure, iter(results))


def compile(function: Callable[..., Any] | None = None) -> Any:
    """Compiles a function of tensors: traced once per signature into one executable.

    Tensors that the function closes over are inputs; what it writes into tensors from outside
    (in place, or `.grad` by `backward()`) is written back. It is traced again when another tensor,
    number or text has taken the place of one that it closed over (through names, attributes,
    lists and dictionaries). STEPWELL_LOG=recompiles says why a function was traced again.
    """
    return compile if function is None else CompiledFunction(function)


class Explanation:
    """The program after each step of the descent: prints, and saves to a folder.

    Attributes:
        steps: text by name, in order; `00-program.mlir` is what was captured, then follows what
            each pass changed, and at last LLVM IR and assembly.
    """

    def __init__(self, steps: dict[str, str]):
        self.steps = steps

    def __repr__(self) -> str:
        return "\n".join(f"// ----- {name} -----\n{text}" for name, text in self.steps.items())

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes one file per step, in a folder that is made if it is not there."""
        os.makedirs(folder, exist_ok=True)
        for name, text in self.steps.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)


def explain(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Explanation:
    """What `function` becomes on the way down, step by step.

    It is captured as `compile` does it, and compiled again; it does not run.

    Args:
        function: a function of tensors, compiled or not, or a module.
        args, kwargs: what it would be called with.

    Example:
        >>> steps = stepwell.explain(lambda x: (x * 2.0).sum(), stepwell.ones(4))
        >>> list(steps.steps)[:2]
        ['00-program.mlir', '01-convert-array-to-linalg.mlir']
        >>> steps.save("steps")
    """
    inner = getattr(function, "_function", function)
    tensors: list[Tensor] = []
    given = _flatten((args, kwargs), tensors)
    executable = CompiledFunction(inner)._trace(tensors, args, kwargs, given).executable
    steps = {}
    with tempfile.TemporaryDirectory() as folder:
        executable.dump(folder)
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                steps[name] = file.read()
    return Explanation(steps)
