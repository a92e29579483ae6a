# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""export(), load(): a captured function that stands alone, with its tensors."""

from __future__ import annotations

import inspect
import json
import math
import os
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from . import _core
from ._compile import _flatten, _unflatten
from ._core import Tensor
from ._guards import Reach
from ._package import read_package, write_package
from .autograd import enable_grad, no_grad

_DEEPEST = 32


class TensorSpec(NamedTuple):
    """What an exported program says of one argument, weight or result."""

    name: str
    dtype: _core.dtype
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype.name} {self.shape}"


# --- Structures, as a file can hold them ---------------------------------------


def _describe(structure: Any, where: str) -> Any:
    """The structure of `_flatten` as JSON: "tensor", {"list": [...]}, {"value": 3}..."""
    if structure is Tensor:
        return "tensor"
    kind, *rest = structure
    if kind == "constant":
        value = rest[1]
        if isinstance(value, float) and not math.isfinite(value):
            return {"float": repr(value)}
        if value is None or type(value) in (bool, int, float, str):
            return {"value": value}
        raise TypeError(
            f"{where} holds a {type(value).__name__}: an exported program takes and returns "
            "tensors, numbers, texts and None, in lists, tuples and dictionaries"
        )
    if kind is dict:
        for key, _ in rest[0]:
            if type(key) not in (str, int):
                raise TypeError(f"{where} is a dictionary with a key of {type(key).__name__}")
        return {"dict": [[key, _describe(item, where)] for key, item in rest[0]]}
    items = [_describe(item, where) for item in rest[0]]
    return {"list" if issubclass(kind, list) else "tuple": items}


def _structure(described: Any, depth: int = 0) -> Any:
    """The inverse; ValueError for anything else."""
    if described == "tensor":
        return Tensor
    if isinstance(described, dict) and len(described) == 1 and depth < _DEEPEST:
        ((kind, value),) = described.items()
        if kind == "value" and (value is None or type(value) in (bool, int, float, str)):
            return ("constant", type(value), value)
        if kind == "float" and value in ("nan", "inf", "-inf"):
            return ("constant", float, float(value))
        if kind in ("list", "tuple") and isinstance(value, list):
            items = tuple(_structure(item, depth + 1) for item in value)
            return (list if kind == "list" else tuple, items)
        if kind == "dict" and isinstance(value, list):
            pairs = []
            for pair in value:
                if not (isinstance(pair, list) and len(pair) == 2 and type(pair[0]) in (str, int)):
                    break
                pairs.append((pair[0], _structure(pair[1], depth + 1)))
            else:
                return (dict, tuple(pairs))
    raise ValueError("the signature is malformed")


def _leaves(structure: Any, path: str) -> list[str]:
    """A name for each tensor in a structure."""
    if structure is Tensor:
        return [path]
    kind, *rest = structure
    if kind == "constant":
        return []
    items = rest[0] if kind is dict else enumerate(rest[0])
    join = path + "." if path else ""
    return [name for key, item in items for name in _leaves(item, f"{join}{key}")]


def _unique(names: Iterable[str], taken: set[str]) -> list[str]:
    made = []
    for name in names:
        candidate, count = name, 0
        while candidate in taken:
            count += 1
            candidate = f"{name}_{count}"
        taken.add(candidate)
        made.append(candidate)
    return made


# --- What is exported ------------------------------------------------------------


class ExportedProgram:
    """A function that needs neither its Python code nor its modules any more.

    Call it like the function it was, with arguments of the same types and shapes; `save` it;
    `str` shows its Program. Made by `stepwell.export` and `stepwell.load`.

    Attributes:
        program: the MLIR text, with the names of arguments, weights and results.
        arguments, results: a `TensorSpec` each: name, dtype, shape.
        weights: the tensors inside, by name: copies, taken when it was exported.
    """

    program: str
    arguments: tuple[TensorSpec, ...]
    results: tuple[TensorSpec, ...]
    weights: dict[str, Tensor]

    def __init__(self, program: str, signature: Any, tensors: dict[str, Tensor]):
        slots = signature.get("arguments") if isinstance(signature, dict) else None
        if not isinstance(slots, list) or any(
            not (isinstance(slot, list) and len(slot) == 2 and isinstance(slot[0], str))
            for slot in slots
        ):
            raise ValueError("the signature is malformed")
        self._slots = {name: _structure(described) for name, described in slots}
        self._results = _structure(signature.get("results"))
        self._signature = signature
        self._tensors = tensors
        self._executable = _core._bind_program(program, tensors)
        arguments, closed_over, results = self._executable.signature
        self.program = program
        self.arguments = tuple(TensorSpec(*each) for each in arguments)
        self.results = tuple(TensorSpec(*each) for each in results)
        self.weights = {name: tensors[name] for name, number in closed_over if not number}
        expected = sum(len(_leaves(slot, "")) for slot in self._slots.values())
        if (
            expected != len(self.arguments)
            or len(_leaves(self._results, "")) != len(self.results)
            or len(closed_over) != len(tensors)
        ):
            raise ValueError("the signature does not fit the program")

    def _given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        names = list(self._slots)
        if len(args) > len(names):
            raise TypeError(f"takes {len(names)} arguments but {len(args)} were given")
        given = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name not in self._slots:
                raise TypeError(f"got an unexpected argument '{name}'")
            if name in given:
                raise TypeError(f"got multiple values for argument '{name}'")
            given[name] = value
        for name in names:
            if name not in given:
                raise TypeError(f"missing argument '{name}'")
        return given

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        tensors: list[Tensor] = []
        given = self._given(args, kwargs)
        for name, exported in self._slots.items():
            if _same_structure(given[name], exported, tensors):
                continue
            raise TypeError(
                f"argument '{name}' is {_short(given[name])}, the program was exported for "
                + _words(exported)
            )
        for tensor, spec in zip(tensors, self.arguments, strict=True):
            if tensor.dtype is not spec.dtype or tuple(tensor.shape) != spec.shape:
                raise RuntimeError(
                    f"argument '{spec.name}' is {tensor.dtype.name} {tuple(tensor.shape)}, the "
                    f"program was exported for {spec.dtype.name} {spec.shape}"
                )
        return _unflatten(self._results, iter(self._executable.run(tensors)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the program and its weights to one file: for `stepwell.load` and `stepwell-compile`.

        Raises:
            OSError: the file cannot be written.
        """
        write_package(path, self.program, json.dumps(self._signature), self._tensors)

    def __repr__(self) -> str:
        lines = [f"argument {spec}" for spec in self.arguments]
        lines += [
            f"weight {TensorSpec(name, tensor.dtype, tuple(tensor.shape))}"
            for name, tensor in self.weights.items()
        ]
        lines += [f"result {spec}" for spec in self.results]
        return "".join(f"// {line}\n" for line in lines) + self.program


def _same_structure(value: Any, exported: Any, tensors: list[Tensor]) -> bool:
    """Whether `value` is what was exported; takes its tensors out on the way."""
    if exported is Tensor:
        if isinstance(value, Tensor):
            tensors.append(value)
        return isinstance(value, Tensor)
    kind, *rest = exported
    if kind == "constant":
        same = type(value) is rest[0] and value == rest[1]
        return same or (isinstance(value, float) and repr(value) == repr(rest[1]))
    if not isinstance(value, kind) or len(value) != len(rest[0]):
        return False
    if kind is dict:
        return all(key in value and _same_structure(value[key], e, tensors) for key, e in rest[0])
    return all(_same_structure(item, e, tensors) for item, e in zip(value, rest[0], strict=True))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 40 and "\n" not in text else f"a {type(value).__name__}"


def _words(structure: Any) -> str:
    if structure is Tensor:
        return "a Tensor"
    kind, *rest = structure
    return repr(rest[1]) if kind == "constant" else f"a {kind.__name__} with other contents"


# --- The two functions ------------------------------------------------------------


def _slots(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any) -> list[str]:
    """The names of the arguments that are given, in the order of the call."""
    call = function
    if hasattr(function, "forward") and not isinstance(function, type):
        call = function.forward
    names: list[str] = []
    try:
        parameters = list(inspect.signature(call).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    for parameter in parameters:
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
        else:
            break
    names += [f"arg{i}" for i in range(len(names), len(args))]
    return [*names[: len(args)], *kwargs]


def _weight_names(function: Any, reach: Reach) -> dict[int, str]:
    """Names by the id of the tensor: the module's own, else the path that leads there."""
    owner = getattr(function, "__self__", function)
    found: dict[int, str] = {}
    for listed in ("named_parameters", "named_buffers"):
        if hasattr(owner, listed) and not isinstance(owner, type):
            for name, tensor in getattr(owner, listed)():
                found.setdefault(id(tensor), name)
    return {**reach.names(), **found}


def _copied(tensor: Tensor) -> Tensor:
    return (tensor.requires_grad_() if tensor.is_floating_point() else tensor).clone()


def export(
    function: Callable[..., Any],
    args: tuple[Any, ...] | Tensor = (),
    kwargs: dict[str, Any] | None = None,
) -> ExportedProgram:
    """Captures a function or module as a program that stands alone.

    It runs once, in the mode (`train`, `eval`) that it is in. Tensors that
    it closes over become weights of the program; numbers and texts among the arguments are fixed.
    The shapes are those of `args`.

    Args:
        function: a function of tensors, or a module.
        args: what it is called with: a tuple, or one tensor.
        kwargs: what it is called with by name.

    Raises:
        RuntimeError: it writes to a tensor from outside, changes a `.grad`, or needs a value
            while it is traced.
        TypeError: an argument or result is neither a tensor nor a number, text, None or a
            container of these.

    Example:
        >>> program = stepwell.export(model.eval(), (images,))
        >>> program.save("model.stepwell")
        >>> stepwell.load("model.stepwell")(images)
    """
    if _core._capturing():
        raise RuntimeError("export() cannot run inside a function that is being captured")
    if isinstance(args, Tensor):
        args = (args,)
    if not isinstance(args, tuple):
        raise TypeError(f"export(): args must be a tuple, not {type(args).__name__}")
    kwargs = kwargs or {}
    names = _slots(function, args, kwargs)
    if len(set(names)) != len(names):
        raise TypeError("an argument is given twice")

    # Copies: the same tensor given twice is two arguments, and none is a weight.
    tensors: list[Tensor] = []
    given = _flatten((args, kwargs), tensors)
    # They might require a gradient when the program is called: it is kept what has none.
    with enable_grad():
        tensors = [_copied(tensor.detach()) for tensor in tensors]
    args, kwargs = _unflatten(given, iter(tensors))
    slots = []
    for name, value in zip(names, (*args, *kwargs.values()), strict=True):
        slots.append([name, _describe(_flatten(value, []), f"argument '{name}'")])

    structure: Any = None

    def once() -> list[Tensor]:
        nonlocal structure
        results: list[Tensor] = []
        structure = _flatten(function(*args, **kwargs), results)
        # Each a value of its own, also where the function hands back what it was given.
        return [result.clone().contiguous() for result in results]

    with enable_grad(), Reach([("", function)]) as reach:
        executable = _core._capture(tensors, once)
    results = _describe(structure, "the result")
    if not _leaves(_structure(results), ""):
        raise TypeError("export(): the function returns no tensor")

    taken = {"__metadata__"}  # a name that the file has another use for
    argument_names = _unique(
        [leaf for name, slot in slots for leaf in _leaves(_structure(slot), name)], taken
    )
    known = _weight_names(function, reach)
    closed_over = executable.closed_over
    weight_names = _unique(
        ["number" if number else known.get(id(t)) or "constant" for t, number in closed_over], taken
    )
    result_names = [
        name if isinstance(results, dict) and "dict" in results else f"out{name or 0}"
        for name in _leaves(_structure(results), "")
    ]
    text = executable.export(tensors, argument_names, weight_names, _unique(result_names, taken))
    with no_grad():
        weights = {
            name: tensor.detach().clone()
            for name, (tensor, _) in zip(weight_names, closed_over, strict=True)
        }
    return ExportedProgram(text, {"arguments": slots, "results": results}, weights)


def load(path: str | os.PathLike[str]) -> ExportedProgram:
    """Reads what `ExportedProgram.save` wrote. Nothing in the file is executed as Python.

    Raises:
        ValueError: not such a file, of another version, or damaged.
        OSError: the file cannot be read.

    Example:
        >>> program = stepwell.load("model.stepwell")
        >>> program(images)
    """
    with open(path, "rb") as file:
        content = file.read()
    try:
        return ExportedProgram(*read_package(content))
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None
