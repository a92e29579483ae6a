# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Calls of every public function and method with arguments that nobody means.

Sizes that overflow, numbers that are none, wrong types, sequences that change while they are read,
strange tensors. A call gives a result, which can then be read, or raises an ordinary exception; it
does not crash, hang, allocate what is not there, or end in the compiler.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import os
import re
import resource
from functools import cache
from typing import Any

# What a worker may take in addresses: what asks for more gets an error, not the machine.
LIMIT = 12 << 30
DTYPES = [
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
]  # fmt: skip
SMALL = [0, 1, 2, 3, 4, -1, -2]
LARGE = [
    16, 17, 255, 256, -255, 1 << 15, 1 << 16, (1 << 31) - 1, 1 << 31, -(1 << 31), 1 << 32, 1 << 40,
    (1 << 40) + 1, 1 << 61, 1 << 62, (1 << 62) + 1, (1 << 63) - 1, (1 << 63) - 100000, -(1 << 63),
    1 << 63, 1 << 64, -(1 << 64), 1 << 100, 0x6DB6DB6DB6DB6DB7,
]  # fmt: skip
FLOATS = ["nan", "inf", "-inf", "1e300", "-1e300", "1e-300", "0.5", "-0.0", "1e20", "2.5"]
TEXTS = ["", "sum", "mean", "none", "floor", "ij,jk->ik", "...i->i", "constant", "fro", "\0", "é"]
ODD = ["none", "object", "list", "dict", "bytes", "ellipsis", "slice", "type", "lambda", "range"]
SHAPES = [
    [], [0], [1], [3], [4], [2, 3], [3, 2], [3, 3], [0, 3], [3, 0], [1, 1], [2, 0, 3], [1, 2, 3, 4],
    [2, 1, 4, 4], [1, 1, 1], [2] * 5, [1] * 16, [1 << 40, 0], [0, 1 << 40], [2, 1 << 50, 0, 2],
]  # fmt: skip
KINDS = ["plain", "plain", "plain", "strided", "expanded", "transposed", "flipped", "read-only",
         "grad", "grad", "leaf", "nan", "inf", "extreme"]  # fmt: skip
# Other tests are about these; a call of one changes the process for all later ones.
SKIPPED = {
    "compile", "explain", "export", "load", "load_file", "save_file", "set_num_threads", "seed",
    "set_rng_state", "set_grad_enabled", "register_hook", "register_post_accumulate_grad_hook",
    "Generator", "enable_grad", "no_grad", "dtype", "device", "Executable", "ExportedProgram",
    "__class__", "__new__", "__init__", "__init_subclass__", "__subclasshook__", "__del__",
    "__getattribute__", "__setattr__", "__delattr__", "__dir__", "__sizeof__", "__doc__",
    "__module__", "__dict__", "__weakref__", "__getstate__", "__reduce__", "__hash__",
    "data_ptr", "checkpoint",
}  # fmt: skip
CONSTRUCTED = {"Linear", "Conv2d", "LayerNorm", "BatchNorm2d", "Embedding", "Dropout", "MaxPool2d",
               "AvgPool2d", "AdaptiveAvgPool2d", "MultiheadAttention", "TransformerEncoderLayer",
               "GroupNorm", "Flatten", "Unflatten"}  # fmt: skip
MOSTLY_TENSORS = re.compile(
    r"^(self|input|other|tensor\d?|mask|weight|bias|index|indices|mat\d|vec\d|src|source|target|"
    r"condition|query|key|value|values|attn_mask|running_\w+|batch\d|exponent|end|min|max)$"
)


@cache
def callables() -> list[tuple[str, str]]:
    """Where each function is found: ("tensor", "sum")."""
    import stepwell
    from stepwell import nn

    found = []
    for where, space in (
        ("stepwell", stepwell),
        ("functional", nn.functional),
        ("tensor", stepwell.Tensor),
    ):
        for name in sorted(dir(space)):
            private = name.startswith("_") and not (where == "tensor" and name.startswith("__"))
            value = getattr(space, name, None)
            if private or name in SKIPPED or not callable(value) or inspect.ismodule(value):
                continue
            if inspect.isclass(value) and name != "Tensor":
                continue
            found.append((where, name))
    found += [("nn", name) for name in sorted(CONSTRUCTED) if hasattr(nn, name)]
    return found


@cache
def parameters(where: str, name: str) -> list[str]:
    """The names of a function's parameters, as far as they are known."""
    import stepwell

    function = _function(where, name)
    document = (getattr(function, "__doc__", None) or "").partition("\n")[0]
    if match := re.match(rf"^{re.escape(name)}\((.*)\)", document):
        names = [part.partition("=")[0].partition(":")[0] for part in match[1].split(",")]
    else:
        try:
            names = list(inspect.signature(function).parameters)
        except (TypeError, ValueError):
            names = ["self", "other"] if where == "tensor" else ["input", "other"]
    names = [n.strip().lstrip("*") for n in names if n.strip() not in ("", "*", "/")]
    if where in ("tensor", "nn") and names[:1] == ["self"]:
        names = names[1:]
    elif where == "tensor" and names and hasattr(stepwell.Tensor, name):
        names = names[1:] if names[0] in ("input", "condition") else names
    return names


def _function(where: str, name: str) -> Any:
    import stepwell
    from stepwell import nn

    spaces = {
        "stepwell": stepwell,
        "functional": nn.functional,
        "tensor": stepwell.Tensor,
        "nn": nn,
    }
    return getattr(spaces[where], name)


# --- Cases -------------------------------------------------------------------


def _tensor(random: Any) -> Any:
    shape = random.choice(SHAPES)
    if random.random() < 0.6:
        shape = [
            random.choice([0, 1, 2, 3, 4]) for _ in range(random.choice([0, 1, 1, 2, 2, 3, 4]))
        ]
    dtype = random.choice(DTYPES) if random.random() < 0.5 else random.choice(["float32", "int64"])
    return {"tensor": [dtype, shape, random.choice(KINDS)]}


def _int(random: Any) -> Any:
    return {"int": str(random.choice(SMALL if random.random() < 0.6 else LARGE))}


def _ints(random: Any) -> Any:
    count = random.choice([0, 1, 2, 2, 3, 4, 17])
    return {random.choice(["tuple", "list"]): [_int(random) for _ in range(count)]}


def _any(random: Any, depth: int = 0) -> Any:
    kind = random.random()
    if kind < 0.3:
        return _tensor(random)
    if kind < 0.5:
        return _int(random)
    if kind < 0.6:
        return {"float": random.choice(FLOATS)}
    if kind < 0.7:
        return _ints(random)
    if kind < 0.75:
        return {"bool": random.random() < 0.5}
    if kind < 0.8:
        return {"text": random.choice(TEXTS)}
    if kind < 0.83:
        return {"dtype": random.choice(DTYPES)}
    if kind < 0.88:
        return {"evil": random.choice(["clear", "grow", "raise", "deep", "self", "float", "long"])}
    if kind < 0.92:
        return {"array": [random.choice(["f4", ">f4", "i8", "?", "u2", "f8"]),
                          random.choice(["plain", "flipped", "odd", "read-only", "unaligned"])]}  # fmt: skip
    if kind < 0.96 and depth < 3:
        count = random.choice([0, 1, 2, 3])
        return {"list": [_any(random, depth + 1) for _ in range(count)]}
    return {"odd": random.choice(ODD)}


def _argument(random: Any, name: str) -> Any:
    if random.random() < 0.2:
        return _any(random)
    if name in ("dtype",):
        return {"dtype": random.choice(DTYPES)}
    if name in ("tensors", "operands"):
        return {"list": [_tensor(random) for _ in range(random.choice([0, 1, 2, 3, 5]))]}
    if name in ("size", "sizes", "shape", "dims", "kernel_size", "stride", "padding", "dilation",
                "pad", "output_size", "normalized_shape", "repeats", "shifts"):  # fmt: skip
        return _ints(random) if random.random() < 0.6 else _int(random)
    if re.match(r"^(dim\d?|n|m|k|steps|chunks|split_size|num_\w+|start|end|length|diagonal|offset|"
                r"groups|step|low|high|padding_idx|\w+_features|\w+_channels)$", name):  # fmt: skip
        return _int(random)
    if re.match(r"^(keepdim|largest|sorted|descending|stable|accumulate|as_tuple|unbiased|"
                r"requires_grad|inplace|training|ceil_mode|is_causal|copy|equal_nan)$", name):  # fmt: skip
        return {"bool": random.random() < 0.5}
    if MOSTLY_TENSORS.match(name):
        return _tensor(random) if random.random() < 0.8 else _any(random)
    return _any(random)


def generate(random: Any) -> Any:
    where, name = random.choice(callables())
    names = parameters(where, name)
    count = random.randrange(len(names) + 1) if random.random() < 0.5 else len(names)
    positional = [_argument(random, each) for each in names[:count]]
    named = {}
    if random.random() < 0.3:
        for each in names[count:]:
            if random.random() < 0.5:
                named[each] = _argument(random, each)
    if random.random() < 0.1:
        positional.append(_any(random))
    case = {"where": where, "name": name, "args": positional, "named": named}
    if where in ("tensor", "nn"):
        case["self"] = _tensor(random)
    return case


def group(case: Any) -> str:
    return f"{case['where']}.{case['name']}"


def smaller(case: Any) -> Any:
    for i in range(len(case["args"]) - 1, -1, -1):
        yield {**case, "args": case["args"][:i] + case["args"][i + 1 :]}
    for name in case["named"]:
        yield {**case, "named": {k: v for k, v in case["named"].items() if k != name}}
    plain = [{"int": "0"}, {"int": "1"}, {"odd": "none"}, {"tensor": ["float32", [1], "plain"]}]

    def simpler(spec: Any) -> Any:
        if "tensor" in spec:
            dtype, shape, kind = spec["tensor"]
            if kind != "plain":
                yield {"tensor": [dtype, shape, "plain"]}
            if dtype != "float32":
                yield {"tensor": ["float32", shape, kind]}
            for i in range(len(shape)):
                yield {"tensor": [dtype, shape[:i] + shape[i + 1 :], kind]}
                if shape[i] > 1:
                    yield {"tensor": [dtype, [*shape[:i], 1, *shape[i + 1 :]], kind]}
        for kind in ("list", "tuple"):
            for i in range(len(spec.get(kind, []))):
                yield {kind: spec[kind][:i] + spec[kind][i + 1 :]}
        if spec not in plain and "tensor" not in spec:
            yield from plain[:3]

    for i, spec in enumerate(case["args"]):
        for each in simpler(spec):
            yield {**case, "args": [*case["args"][:i], each, *case["args"][i + 1 :]]}
    for name, spec in case["named"].items():
        for each in simpler(spec):
            yield {**case, "named": {**case["named"], name: each}}
    if "self" in case:
        for each in simpler(case["self"]):
            yield {**case, "self": each}


# --- Values ------------------------------------------------------------------


class Planted(Exception):
    """What a hostile object raises itself."""


def _make_tensor(dtype: str, shape: list[int], kind: str) -> Any:
    import numpy
    import stepwell

    element = getattr(stepwell, dtype)
    count = math.prod(shape)
    if kind == "read-only" and dtype != "bfloat16":
        array = numpy.ones(shape, dtype)
        array.flags.writeable = False
        return stepwell.from_numpy(array)
    if kind == "strided" and shape:
        return stepwell.ones([*shape[:-1], 2 * shape[-1]]).to(element)[..., ::2]
    if kind == "expanded" and shape:
        return stepwell.ones([1] * len(shape)).to(element).expand(*shape)
    if kind == "transposed":
        axes = tuple(reversed(range(len(shape))))
        return stepwell.ones(shape[::-1]).to(element).permute(*axes)
    if kind == "flipped" and dtype != "bfloat16":
        return stepwell.from_numpy(
            numpy.ones(shape, dtype)[::-1] if shape else numpy.ones((), dtype)
        )
    if kind in ("nan", "inf") and element.is_floating_point:
        return stepwell.full(shape, float(kind), dtype=element)
    if kind == "extreme" and not element.is_floating_point and dtype != "bool":
        return stepwell.full(shape, int(numpy.iinfo(dtype).min), dtype=element)
    made = (stepwell.arange(count).reshape(shape) if count else stepwell.zeros(shape)).to(element)
    if kind in ("grad", "leaf") and element.is_floating_point:
        made.requires_grad_()
        return made * 1 if kind == "grad" else made
    return made


class _Item:
    def __init__(self, owner: list[Any], what: str):
        self.owner, self.what = owner, what

    def __index__(self) -> int:
        if self.what == "clear":
            self.owner.clear()
        elif self.what == "grow":
            self.owner.append(self.owner)
        elif self.what == "raise":
            raise Planted("index")
        return 1


class _Float:
    def __init__(self, owner: list[Any]):
        self.owner = owner

    def __float__(self) -> float:
        self.owner[:] = []
        return 1.0


class _Long:
    """A sequence that says it is longer than it is."""

    def __len__(self) -> int:
        return 1 << 40

    def __getitem__(self, index: int) -> int:
        if index >= 1 << 10:
            raise IndexError
        return 1


def _evil(what: str) -> Any:
    made: list[Any] = []
    if what == "deep":
        for _ in range(2000):
            made = [made]
        return made
    if what == "self":
        made.append(made)
        return made
    if what == "long":
        return _Long()
    made += [1, _Float(made) if what == "float" else _Item(made, what), 2, 3]
    return made


def _make_array(format: str, kind: str) -> Any:
    import numpy

    if kind == "unaligned":
        return numpy.zeros(65, "u1")[1:].view(format)
    array = numpy.ones((2, 3), format)
    if kind == "flipped":
        return array[::-1, ::-1]
    if kind == "odd" and format == "?":
        array.view("u1")[...] = 7
    if kind == "read-only":
        array.flags.writeable = False
    return array


def make(spec: Any) -> Any:
    import stepwell

    ((kind, value),) = spec.items()
    if kind == "tensor":
        return _make_tensor(*value)
    if kind == "int":
        return int(value)
    if kind == "float":
        return float(value)
    if kind == "dtype":
        return getattr(stepwell, value)
    if kind in ("list", "tuple"):
        made = [make(each) for each in value]
        return made if kind == "list" else tuple(made)
    if kind == "evil":
        return _evil(value)
    if kind == "array":
        return _make_array(*value)
    if kind == "odd":
        return {
            "none": None, "object": object(), "list": [], "dict": {"a": 1}, "bytes": b"abc",
            "ellipsis": ..., "slice": slice(None, None, 1 << 62), "type": int,
            "lambda": lambda *args: 1, "range": range(1 << 40),
        }[value]  # fmt: skip
    return value


# --- The check ---------------------------------------------------------------


def _read(result: Any, depth: int = 0) -> None:
    """Whatever came is looked at: its elements lie in memory that is its own."""
    import stepwell

    if isinstance(result, stepwell.Tensor):
        repr(result)
        if result.numel() <= 1000:
            result.tolist() if math.prod(max(n, 1) for n in result.shape) < 10000 else None
            result.clone()
    elif isinstance(result, (tuple, list)) and depth < 3:
        for each in result[:5]:
            _read(each, depth + 1)


@cache
def _limit() -> None:
    # A sanitizer's shadow takes more addresses than there is memory; it bounds allocations itself.
    if "ASAN_OPTIONS" not in os.environ:
        resource.setrlimit(resource.RLIMIT_AS, (LIMIT, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def check(case: Any) -> str | None:
    import stepwell

    _limit()
    try:
        args = [make(each) for each in case["args"]]
        named = {name: make(each) for name, each in case["named"].items()}
        function = _function(case["where"], case["name"])
        me = make(case["self"]) if "self" in case else None
        if case["where"] == "tensor":
            args.insert(0, me)
        result = function(*args, **named)
        if case["where"] == "nn":
            result = result(me)
        _read(result)
        if isinstance(result, stepwell.Tensor) and result.requires_grad:
            result.sum().backward()
            for each in [*args, me]:
                if isinstance(each, stepwell.Tensor) and each.is_leaf:
                    _read(each.grad)
        with contextlib.suppress(Planted):
            _read(args)
    except SystemError as error:
        return f"SystemError: {error}"
    except Planted:
        return None
    except Exception as error:
        text = str(error)
        if "internal error" in text or "crashed with signal" in text:
            return f"internal error: {text[:300]}"
        if "incompatible shape" in text or "vector::" in text or "std::" in text:
            return f"unclear error: {text[:300]}"
    return None
