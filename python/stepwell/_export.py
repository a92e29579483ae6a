# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""export(), load(): a captured function that stands alone, with its tensors."""

from __future__ import annotations

import inspect
import json
import math
import operator
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from . import _core
from ._core import Tensor
from ._function import ConstantNumbers
from ._guards import Reach
from ._package import read_package, write_package
from ._structures import flatten, unflatten
from .autograd import enable_grad, no_grad

_DEEPEST = 32


class TensorSpec(NamedTuple):
    """What an exported program says of one argument, weight or result.

    A size of None is open.
    """

    name: str
    dtype: _core.dtype
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype.name} {self.shape}"


class Dim:
    """A size that an exported program leaves open, for `dynamic_shapes` of `export`.

    Args:
        name: one name is one size, wherever it is given.
        min, max: the least and the largest size; None: any.

    Example:
        >>> model, images = nn.Linear(4, 2), stepwell.ones(8, 4)
        >>> batch = stepwell.Dim("batch", min=1, max=64)
        >>> program = stepwell.export(model, (images,), dynamic_shapes={"input": {0: batch}})
        >>> program(stepwell.ones(3, 4)).shape
        (3, 2)
    """

    def __init__(self, name: str, *, min: int | None = None, max: int | None = None) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"Dim(): the name must be an identifier, not {name!r}")
        self.name = name
        self.min = 1 if min is None else operator.index(min)
        self.max = None if max is None else operator.index(max)
        if self.min < 0 or (self.max is not None and self.max < self.min):
            raise ValueError(f"Dim('{name}'): no size lies in [{min}, {max}]")

    def __repr__(self) -> str:
        return f"Dim('{self.name}', min={self.min}, max={self.max})"

    def holds(self, size: int) -> bool:
        """Whether a size lies in the range."""
        return self.min <= size and (self.max is None or size <= self.max)

    def samples(self) -> list[int]:
        """Sizes to try: all of a small range, of a large one those at its ends and some."""
        last = self.min + 4096 if self.max is None else self.max
        few = range(self.min, min(last, self.min + 512) + 1)
        return sorted({*few, *(2**i for i in range(40) if self.holds(2**i)), last})


# --- Structures, as a file can hold them ---------------------------------------


def _describe(structure: Any, where: str) -> Any:
    """The structure of `flatten` as JSON: "tensor", {"list": [...]}, {"value": 3}..."""
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
    if kind is dict or kind is OrderedDict:
        for key, _ in rest[0]:
            if type(key) not in (str, int):
                raise TypeError(f"{where} is a dictionary with a key of {type(key).__name__}")
        return {"dict": [[key, _describe(item, where)] for key, item in rest[0]]}
    if not issubclass(kind, (list, tuple)):
        raise TypeError(
            f"{where} holds a {kind.__name__}: an exported program takes and returns tensors, numbers, "
            "texts and None, in lists, tuples and dictionaries"
        )
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
    items = rest[0] if kind in (dict, OrderedDict) else enumerate(rest[0])
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
        self._dims = _read_dims(signature.get("dims", {}), self.arguments)
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
            if tensor.dtype is not spec.dtype or not _fits(tensor.shape, spec.shape):
                raise RuntimeError(
                    f"argument '{spec.name}' is {tensor.dtype.name} {tuple(tensor.shape)}, the "
                    f"program was exported for {spec.dtype.name} {spec.shape}"
                )
        self._check_sizes(tensors)
        return unflatten(self._results, iter(self._executable.run(tensors)))

    def _check_sizes(self, tensors: list[Tensor]) -> None:
        found: dict[str, tuple[int, str]] = {}
        for (index, dim), each in self._dims.items():
            size, where = tensors[index].shape[dim], f"argument '{self.arguments[index].name}'"
            if not each.holds(size):
                most = "any" if each.max is None else each.max
                raise RuntimeError(
                    f"{where} has size {size} in dimension {dim}, '{each.name}', which goes from "
                    f"{each.min} to {most}"
                )
            before, other = found.setdefault(each.name, (size, where))
            if before != size:
                raise RuntimeError(
                    f"{where} has size {size} in dimension {dim}, but '{each.name}' is {before} "
                    f"in {other}"
                )

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


def _fits(shape: tuple[int, ...], spec: tuple[int | None, ...]) -> bool:
    return len(shape) == len(spec) and all(
        b is None or a == b for a, b in zip(shape, spec, strict=True)
    )


def _read_dims(given: Any, arguments: tuple[TensorSpec, ...]) -> dict[tuple[int, int], Dim]:
    """The open sizes of arguments; ValueError unless they are those of the program."""
    dims: dict[tuple[int, int], Dim] = {}
    try:
        for index, dim, name, least, most in given:
            dims[index, dim] = Dim(name, min=least, max=most)
    except (TypeError, ValueError):
        raise ValueError("the signature is malformed") from None
    open = {
        (i, d)
        for i, spec in enumerate(arguments)
        for d, size in enumerate(spec.shape)
        if size is None
    }
    if open != set(dims):
        raise ValueError("the signature does not fit the program")
    return dims


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


def _open_sizes(value: Any, given: Any, where: str, into: list[dict[int, Dim]]) -> None:
    """The open sizes of each tensor in an argument's structure, in order."""
    if given is None:
        given = {}
    if value is Tensor:
        if not isinstance(given, dict) or not all(isinstance(each, Dim) for each in given.values()):
            raise TypeError(
                f"export(): dynamic_shapes of {where} must be a dictionary from dimensions to Dim"
            )
        into.append(given)
        return
    kind, *rest = value
    if kind == "constant":
        return
    pairs = rest[0] if kind is dict else tuple(enumerate(rest[0]))
    if given and (isinstance(given, dict) != (kind is dict) or len(given) != len(pairs)):
        raise TypeError(f"export(): dynamic_shapes of {where} must be a {kind.__name__} as it is")
    for key, item in pairs:
        _open_sizes(item, given[key] if given else None, f"{where}[{key!r}]", into)


def _numbered(
    tensors: list[Tensor], open_sizes: list[dict[int, Dim]]
) -> tuple[list[list[int]], list[Dim], list[list[Any]]]:
    """Which of the open sizes each size is (-1: none), what they are, and how a file says it."""
    named: dict[str, Dim] = {}
    places, listed = [], []
    for index, (tensor, sizes) in enumerate(zip(tensors, open_sizes, strict=True)):
        row = [-1] * tensor.ndim
        for dim, each in sizes.items():
            dim = operator.index(dim) + (tensor.ndim if dim < 0 else 0)
            if not 0 <= dim < tensor.ndim:
                raise IndexError(f"export(): a tensor of {tensor.ndim} dimensions has none {dim}")
            if not each.holds(tensor.shape[dim]):
                raise RuntimeError(
                    f"export(): the example has size {tensor.shape[dim]}, which does not lie in {each}"
                )
            named.setdefault(each.name, each)
            row[dim] = list(named).index(each.name)
            listed.append([index, dim, each.name, each.min, each.max])
        places.append(row)
    return places, list(named.values()), listed


def _check_sizes(
    executable: Any, tensors: list[Tensor], places: list[list[int]], dims: list[Dim]
) -> None:
    """RuntimeError where the function decided something by a size that others do not share."""
    sizes = [size for tensor in tensors for size in tensor.shape]
    flat = [place for row in places for place in row]
    for which, dim in enumerate(dims):
        for size in dim.samples():
            tried = [size if place == which else s for s, place in zip(sizes, flat, strict=True)]
            where = executable.why_not(tried)
            if where is not None:
                raise RuntimeError(
                    f"{where}: the function is not the same for '{dim.name}' = {size}: it asks for "
                    "the size itself here, or branches on it; leave that size out of "
                    "dynamic_shapes, or give it another range"
                )


def export(
    function: Callable[..., Any],
    args: tuple[Any, ...] | Tensor = (),
    kwargs: dict[str, Any] | None = None,
    *,
    dynamic_shapes: dict[str, Any] | tuple[Any, ...] | list[Any] | None = None,
) -> ExportedProgram:
    """Captures a function or module as a program that stands alone.

    It runs once, in the mode (`train`, `eval`) that it is in. Tensors that
    it closes over become weights of the program; numbers and texts among the arguments are fixed.
    The shapes are those of `args`, but for sizes that `dynamic_shapes` leaves open.

    Args:
        function: a function of tensors, or a module.
        args: what it is called with: a tuple, or one tensor.
        kwargs: what it is called with by name.
        dynamic_shapes: for each argument, by its name or in their order, None or a dictionary
            from dimensions to `Dim`; of a list, tuple or dictionary of tensors such a list, tuple
            or dictionary.

    Raises:
        RuntimeError: it writes to a tensor from outside, changes a `.grad`, or needs a value
            while it is traced; or it is another function for some size that is to be open.
        TypeError: an argument or result is neither a tensor nor a number, text, None or a
            container of these.

    Example:
        >>> model, images = nn.Linear(4, 2).eval(), stepwell.ones(8, 4)
        >>> program = stepwell.export(model, (images,))
        >>> program.save("model.stepwell")
        >>> stepwell.load("model.stepwell")(images).shape
        (8, 2)
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
    given = flatten((args, kwargs), tensors)
    # They might require a gradient when the program is called: it is kept what has none.
    with enable_grad():
        tensors = [_copied(tensor.detach()) for tensor in tensors]
    args, kwargs = unflatten(given, iter(tensors))
    slots = []
    open_sizes: list[dict[int, Dim]] = []
    if dynamic_shapes is None:
        dynamic_shapes = {}
    if isinstance(dynamic_shapes, (tuple, list)):
        dynamic_shapes = dict(zip(names, dynamic_shapes, strict=True))
    for name in dynamic_shapes:
        if name not in names:
            raise ValueError(f"export(): dynamic_shapes has '{name}', which is no argument")
    for name, value in zip(names, (*args, *kwargs.values()), strict=True):
        structure = flatten(value, [])
        slots.append([name, _describe(structure, f"argument '{name}'")])
        _open_sizes(structure, dynamic_shapes.get(name), f"'{name}'", open_sizes)
    places, dims, listed = _numbered(tensors, open_sizes)

    structure = None

    def once() -> list[Tensor]:
        nonlocal structure
        results: list[Tensor] = []
        structure = flatten(function(*args, **kwargs), results)
        # Each a value of its own, also where the function hands back what it was given.
        return [result.clone().contiguous() for result in results]

    with enable_grad(), Reach([("", function)]) as reach, ConstantNumbers():
        executable = _core._capture(tensors, once, places if dims else None)
    _check_sizes(executable, tensors, places, dims)
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
    signature = {"arguments": slots, "results": results}
    if listed:
        signature["dims"] = listed
    return ExportedProgram(text, signature, weights)


def load(path: str | os.PathLike[str]) -> ExportedProgram:
    """Reads what `ExportedProgram.save` wrote. Nothing in the file is executed as Python.

    Raises:
        ValueError: not such a file, of another version, or damaged.
        OSError: the file cannot be read.

    Example:
        >>> stepwell.export(lambda x: x * 2, (stepwell.ones(2),)).save("twice.stepwell")
        >>> stepwell.load("twice.stepwell")(stepwell.tensor([1.0, 5.0]))
        tensor([ 2., 10.])
    """
    with open(path, "rb") as file:
        content = file.read()
    try:
        return ExportedProgram(*read_package(content))
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None
