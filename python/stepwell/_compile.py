# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compile(): a function run once, then kept as one executable per signature."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable
from functools import update_wrapper
from types import MethodType
from typing import Any, NamedTuple

from . import _core
from ._core import Guards, Tensor
from ._function import sizes_of
from ._guards import Reach, depend_on
from ._numbers import NumberTrace
from ._structures import flatten, objects, signature, unflatten

__all__ = ["CompiledFunction", "Explanation", "compile", "depend_on", "explain"]

# Captures of one signature that are kept: they differ in what the function took from outside.
_MOST_CAPTURES = 8
# Signatures that are kept: numbers that are constants of a program may change for ever.
_MOST_SIGNATURES = 256
# After that many captures in a row that were true of one call only, the user is told.
_TOLD_AFTER = 8


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
        for place, what in ((2, "requires_grad"), (3, "is_leaf")):
            if a[place] != b[place]:
                return f"{where}, {what} changed {a[place]} -> {b[place]}"
        if a[4] != b[4]:
            return f"{where}, its class or its own attributes changed"
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
    open: list[tuple[int, int]]  # tensors and dimensions

    def values(self, tensors: list[Tensor], numbers: list[Any]) -> list[Any]:
        """What its expressions read."""
        if not self.open:
            return numbers
        return [*(size for tensor in tensors for size in tensor.shape), *numbers]


class _Sizes:
    """Which sizes of the tensors among the arguments change, and which may only be constants."""

    def __init__(self, tensors: list[Tensor]) -> None:
        self._first = [tensor.shape for tensor in tensors]
        self._changing: set[tuple[int, int]] = set()
        self._constant: set[tuple[int, int]] = set()

    def note(self, tensors: list[Tensor], dynamic: bool | None) -> None:
        if dynamic is False:
            return
        for index, (first, tensor) in enumerate(zip(self._first, tensors, strict=True)):
            for dim, (before, now) in enumerate(zip(first, tensor.shape, strict=True)):
                if dynamic or now != before:
                    self._changing.add((index, dim))

    def fix(self, places: set[tuple[int, int]]) -> None:
        self._constant |= places

    def open(self, tensors: list[Tensor]) -> list[tuple[int, int]]:
        """Those that are left open for these tensors. 0 and 1 decide what broadcasts, and where a
        tensor is not row-major, sizes decide how it lies."""
        return [
            (index, dim)
            for index, dim in sorted(self._changing - self._constant)
            if tensors[index].shape[dim] > 1 and tensors[index].is_contiguous()
        ]


def _with_open(signed: tuple[Any, ...], open: list[tuple[int, int]]) -> tuple[Any, ...]:
    """A signature that calls of other sizes there have in common."""
    if not open:
        return signed
    each = list(signed[1])
    for index, dim in open:
        shape = each[index][1]
        each[index] = (each[index][0], (*shape[:dim], None, *shape[dim + 1 :]), *each[index][2:])
    return (signed[0], tuple(each), *signed[2:])


class _Numbers:
    """Which of the numbers among the arguments change, and which may only be constants."""

    def __init__(self, first: list[Any]) -> None:
        self._first = self._bits(first)
        self.changing: set[int] = set()
        self.constant: set[int] = set()

    @staticmethod
    def _bits(numbers: list[Any]) -> list[Any]:
        """0.0 and -0.0 are equal, and nan is not equal to itself."""
        return [number.hex() if type(number) is float else number for number in numbers]

    def note(self, numbers: list[Any]) -> None:
        for place, (before, now) in enumerate(zip(self._first, self._bits(numbers), strict=True)):
            if now != before and place not in self.constant:
                self.changing.add(place)

    def fix(self, places: Iterable[int]) -> None:
        self.constant |= set(places)
        self.changing -= self.constant

    def key(self, numbers: list[Any]) -> Any:
        if not numbers:
            return ()
        return tuple(
            None if place in self.changing else number
            for place, number in enumerate(self._bits(numbers))
        )


class CompiledFunction(_core.Compiled):
    """What `stepwell.compile` returns: call it like the function.

    Other attributes are the function's own. In a class it is a method. Calls that a capture serves
    do not come here: python/src/Compiled.cpp runs them.
    """

    def __init__(self, function: Callable[..., Any], dynamic: bool | None = None):
        self._function = function
        self._dynamic = dynamic
        self._cache: dict[Any, list[_Capture]] = {}
        self._numbers: dict[Any, _Numbers] = {}
        self._sizes: dict[Any, _Sizes] = {}
        self._last: tuple[Any, ...] | None = None
        self._unstable = ""
        self._unstable_calls = 0
        update_wrapper(self, function, updated=())

    def __getattr__(self, name: str) -> Any:
        if name == "__wrapped__":  # while it is being copied
            raise AttributeError(name)
        return getattr(self._function, name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (CompiledFunction, (self._function, self._dynamic))

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def _trace(
        self,
        tensors: list[Tensor],
        call: tuple[Any, Any, Any],
        numbers: list[Any],
        changing: set[int],
        open: list[tuple[int, int]],
    ) -> _Capture:
        """A trace in which those numbers are inputs of the program, and those sizes are open."""
        structure = None
        count = sum(tensor.ndim for tensor in tensors) if open else 0
        trace = NumberTrace(len(numbers), count)
        args, kwargs, given = call
        if changing:
            listed = [
                trace.number(place, number) if place in changing else number
                for place, number in enumerate(numbers)
            ]
            args, kwargs = unflatten(given, iter(tensors), iter(listed))
        places = [[-1] * tensor.ndim for tensor in tensors]
        for which, (index, dim) in enumerate(open):
            places[index][dim] = which

        def once() -> list[Tensor]:
            nonlocal structure
            results: list[Tensor] = []
            structure = flatten(self._function(*args, **kwargs), results)
            return results

        try:
            with (
                Reach([("", self._function), *(("", item) for item in objects(given))]) as reach,
                sizes_of(trace),
            ):
                executable = _core._capture(
                    tensors, once, places if open else None, numbers if open else None
                )
        finally:
            trace.over = True
        return _Capture(executable, structure, reach.guards(tensors), trace, open)

    def _new(
        self,
        tensors: list[Tensor],
        call: tuple[Any, Any, Any],
        numbers: list[Any],
        role: _Numbers,
        open: list[tuple[int, int]],
    ) -> _Capture:
        """A trace with as many numbers and sizes left open as the function allows."""
        while True:
            changing = set(role.changing)
            try:
                capture = self._trace(tensors, call, numbers, changing, open)
                role.fix(capture.numbers.used)
                return capture
            except Exception:
                if not changing and not open:
                    raise
                role.fix(changing)
                if not changing:
                    open = []

    def _serving(
        self, key: Any, tensors: list[Tensor], numbers: list[Any], role: _Numbers
    ) -> tuple[_Capture | None, list[Any], str]:
        """A capture for this call and its numbers; or why there is none."""
        reason = ""
        for capture in reversed(self._cache.get(key, ())):
            if not capture.executable.accepts(tensors):
                continue
            read = capture.values(tensors, numbers)
            if capture.open:
                where = capture.executable.why_not(read)
                if where is not None:
                    reason = reason or (
                        f"a size or number decides something at {where or 'a line of the function'}"
                    )
                    continue
            changed = capture.guards.why_not(tensors)
            if changed is None:
                values = capture.numbers.evaluate(read)
                if values is not None:
                    return capture, values, ""
                role.fix(role.changing)
                break
            reason = reason or changed
        return None, [], reason

    def _prepare(self, args: Any, kwargs: Any) -> tuple[_Capture, list[Tensor], list[Any]]:
        tensors: list[Tensor] = []
        numbers: list[Any] = []
        given = flatten((args, kwargs), tensors, numbers)
        exact = signature(tensors, given)
        loose = _with_open(exact, [(i, d) for i, t in enumerate(tensors) for d in range(t.ndim)])
        sizes = self._sizes.get(loose)
        if sizes is None:
            sizes = self._sizes.setdefault(loose, _Sizes(tensors))
        sizes.note(tensors, self._dynamic)
        open = sizes.open(tensors)
        signed = _with_open(exact, open)
        role = self._numbers.get(signed)
        if role is None:
            role = self._numbers.setdefault(signed, _Numbers(numbers))
        if numbers:
            role.note(numbers)
        reason, self._unstable = self._unstable, ""
        key = (signed, role.key(numbers))
        found, values, changed = self._serving(key, tensors, numbers, role)
        if found is not None:
            self._serve(args, kwargs, found, role)
            return found, tensors, values
        reason = reason or changed
        if self._last is not None and "recompiles" in os.environ.get("STEPWELL_LOG", ""):
            reason = reason or _difference(self._last, (*exact, role.key(numbers)))
            print(f"stepwell: recompiling {self._name()}: {reason}", file=sys.stderr)
        capture = self._new(tensors, (args, kwargs, given), numbers, role, open)
        fixed = set(open) - self._left_open(capture, tensors)
        if fixed:
            # Another size needs another trace all the same.
            sizes.fix(fixed)
            signed = _with_open(exact, sizes.open(tensors))
            role = self._numbers.setdefault(signed, role)
        self._last = (*exact, role.key(numbers))
        # What the function, or another thread, changed meanwhile is true of this call only.
        self._unstable = capture.guards.why_not(tensors) or ""
        if capture.executable.once_only:
            self._unstable = "backward() inside went on along the tape outside"
        if self._unstable:
            self._tell()
        else:
            self._unstable_calls = 0
            entries = self._cache.setdefault((signed, role.key(numbers)), [])
            entries.append(capture)
            self._bound(entries)
            self._serve(args, kwargs, capture, role)
        values = capture.numbers.evaluate(capture.values(tensors, numbers)) or []
        return capture, tensors, values

    @staticmethod
    def _left_open(capture: _Capture, tensors: list[Tensor]) -> set[tuple[int, int]]:
        """The sizes that calls of a capture may have others of."""
        if not capture.open:
            return set()
        constants = set(capture.executable.constants)
        places = [(i, d) for i, tensor in enumerate(tensors) for d in range(tensor.ndim)]
        return {each for value, each in enumerate(places) if value not in constants} & set(
            capture.open
        )

    def _bound(self, entries: list[_Capture]) -> None:
        if len(entries) > _MOST_CAPTURES:
            del entries[:-_MOST_CAPTURES]
            self._forget()
        for kept in (self._cache, self._numbers, self._sizes):
            while len(kept) > _MOST_SIGNATURES:
                kept.pop(next(iter(kept)), None)
                self._forget()

    def _serve(self, args: Any, kwargs: Any, capture: _Capture, role: _Numbers) -> None:
        """The next call like this one need not come here."""
        inputs = capture.numbers.inputs
        places = role.changing if inputs else ()
        self._keep(
            args, kwargs, capture.executable, capture.guards, capture.structure, inputs, places,
            capture.open,
        )  # fmt: skip

    def _name(self) -> str:
        return getattr(self._function, "__name__", type(self._function).__name__)

    def _tell(self) -> None:
        self._unstable_calls += 1
        if self._unstable_calls == _TOLD_AFTER:
            warnings.warn(
                f"the compiled function {self._name()} is traced in each call, because it changes "
                f"what it reads: {self._unstable}",
                RuntimeWarning,
                stacklevel=5,
            )

    def _miss(self, args: Any, kwargs: Any) -> Any:
        """A call that no capture is known to serve."""
        capture, tensors, numbers = self._prepare(args, kwargs)
        results = capture.executable.run(tensors, numbers)
        return unflatten(capture.structure, iter(results))


# --- Modules -------------------------------------------------------------------


class _Unannounced:
    """Before a user's class among the bases: its `__init_subclass__` hears nothing of ours."""

    __slots__ = ()

    def __init_subclass__(cls, **_: Any) -> None:
        pass


def _compile_module(module: Any, dynamic: bool | None = None) -> Any:
    """The module itself under another class, whose calls are compiled.

    Both objects have one dictionary of attributes: what is written to one is seen in the other.
    """
    kind = type(module)

    class Compiled(_Unannounced, kind):  # type: ignore[misc, valid-type]
        __slots__ = ("_compiled",)

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return self._compiled(*args, **kwargs)

        @property
        def _orig_mod(self) -> Any:
            return module

        def __deepcopy__(self, memo: Any) -> Any:
            from copy import deepcopy

            return _compile_module(deepcopy(module, memo), dynamic)

        def __reduce_ex__(self, protocol: Any) -> Any:
            return (_compile_module, (module, dynamic))

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(Compiled, name, getattr(kind, name))
    made = object.__new__(Compiled)
    object.__setattr__(made, "__dict__", module.__dict__)
    object.__setattr__(made, "_compiled", CompiledFunction(module, dynamic))
    return made


# --- compile() -----------------------------------------------------------------

_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
_BACKENDS = ("stepwell", "inductor")


def _check_options(mode: Any, options: Any, backend: Any, dynamic: Any, fullgraph: Any) -> None:
    if mode is not None and options is not None:
        raise RuntimeError(
            "Either mode or options can be specified, but both can't be specified at the same time."
        )
    if mode is not None and mode not in _MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(_MODES)}")
    for name in options or ():
        raise RuntimeError(f"Unexpected optimization option {name}, known options are []")
    if backend not in _BACKENDS:
        raise ValueError(f"Invalid backend: {backend!r}, should be one of: {', '.join(_BACKENDS)}")
    if not isinstance(fullgraph, bool):
        raise TypeError(
            f"compile(): argument 'fullgraph' must be bool, not {type(fullgraph).__name__}"
        )
    if not (dynamic is None or isinstance(dynamic, bool)):
        raise TypeError(f"compile(): argument 'dynamic' must be bool, not {type(dynamic).__name__}")


def compile(
    model: Callable[..., Any] | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str = "stepwell",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """Compiles a function of tensors: traced once per signature into one executable.

    Tensors that the function closes over are inputs; what it writes into tensors from outside
    (in place, or `.grad` by `backward()`) is written back. It is traced again when anything that it
    can read (through names, attributes, containers and the arguments) is not what it was.
    STEPWELL_LOG=recompiles says why a function was traced again.

    Args:
        model: a function, which becomes a compiled one (in a class, a method); or a module, which
            becomes a module of the same class with the same attributes. None: returns a decorator.
        fullgraph: nothing changes: a function is always captured as a whole, or refused.
        dynamic: which sizes of arguments a capture leaves open. None: those that have changed from
            one call to another. True: all from the first call on. False: none, each size has a
            capture of its own.
        backend: `"stepwell"`, or PyTorch's default name for its own, `"inductor"`.
        mode: one of PyTorch's; nothing changes.
        options: none are known.
        disable: returns `model` as it is.

    Raises:
        RuntimeError: both `mode` and `options` are given, or one that is not known.
        ValueError: the backend is not known.
    """
    _check_options(mode, options, backend, dynamic, fullgraph)
    if model is None:
        return lambda given: compile(
            given, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode,
            options=options, disable=disable,
        )  # fmt: skip
    if disable:
        return model
    if not callable(model):
        raise TypeError(f"compile(): argument 'model' must be callable, not {type(model).__name__}")
    modules = sys.modules.get("stepwell.nn.module")
    if modules is not None and isinstance(model, modules.Module):
        return _compile_module(getattr(model, "_orig_mod", model), dynamic)
    return CompiledFunction(model, dynamic)


class Explanation:
    """The program after each step of the descent: prints, and saves to a folder.

    Attributes:
        steps: text by name, in order; `00-program.mlir` is what was captured, then follows what
            each pass changed, and at last LLVM IR and assembly. The same of its gradient, where an
            argument requires one, is in `gradient/`.
    """

    def __init__(self, steps: dict[str, str]):
        self.steps = steps

    def __repr__(self) -> str:
        return "\n".join(f"// ----- {name} -----\n{text}" for name, text in self.steps.items())

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes one file per step, in a folder that is made if it is not there."""
        for name, text in self.steps.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
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
    inner = getattr(getattr(function, "_orig_mod", function), "_function", function)
    tensors: list[Tensor] = []
    given = flatten((args, kwargs), tensors)
    executable = (
        CompiledFunction(inner)._trace(tensors, (args, kwargs, given), [], set(), []).executable
    )
    steps = {}
    with tempfile.TemporaryDirectory() as folder:
        executable.dump(folder)
        for inner_folder in ("", "gradient/"):
            path = os.path.join(folder, inner_folder)
            names = sorted(os.listdir(path)) if os.path.isdir(path) else []
            for name in names:
                file_name = os.path.join(path, name)
                if os.path.isfile(file_name):
                    with open(file_name, encoding="utf-8", errors="replace") as file:
                        steps[inner_folder + name] = file.read()
    return Explanation(steps)
