# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every public function and method against PyTorch: values, types, shapes, layouts, refusals.

A case is {"call": "max", "form": "function", "args": [...], "kwargs": {...}}; forms are those of
`FORMS`. An argument is a number, a string, a list of numbers, None, {"dtype": name},
{"list": [...]} or a tensor: {"seed", "shape", "dtype", "layout", "special"} and, where they are
wanted, "below" (an index: values from 0 up to it), "grad" and "leave" (values as they are).
`calls_table.TABLE` says which calls there are and how their arguments are made.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import calls_table
import numpy as np
import stepwell
import torch
from calls_table import FLOATS, INTEGERS, Case

warnings.filterwarnings("ignore")
torch.set_num_threads(1)

# Whose results have no values to compare.
UNDEFINED = {"empty", "empty_like"}
# Whose results are sums of products or of squares.
SUMS = {
    "@", "addmm", "batch_norm", "bmm", "conv2d", "dot", "einsum", "layer_norm", "linear", "matmul",
    "mean", "mm", "mse_loss", "norm", "std", "sum", "cumsum", "prod", "tensordot", "var", "avg_pool2d",
    "cross_entropy", "nll_loss", "l1_loss", "binary_cross_entropy_with_logits",
}  # fmt: skip
# What is the quotient's rest there, which overflows.
QUOTIENTS = {"%", "remainder", "remainder_"}
NORMS = {"batch_norm", "layer_norm"}
# Whose indices of equal elements PyTorch does not define: (the argument `dim`, where it is given by position).
CHOOSERS = {"topk": 2, "kthvalue": 2, "median": 1, "sort": 1}

generate = calls_table.generate

# --- Tensors -----------------------------------------------------------------


def _numbers(spec: dict[str, Any], count: int) -> np.ndarray:
    random = np.random.default_rng(spec["seed"])
    dtype, special = spec["dtype"], spec.get("special", "plain")
    if "below" in spec:
        return random.integers(spec.get("above", 0), max(spec["below"], 1), count)
    if dtype == "bool":
        return random.integers(0, 2, count) * (special != "zeros")
    if special == "zeros":
        return np.zeros(count)
    if dtype in INTEGERS:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        made = random.integers(max(low, -9), 10, count)
        if special == "ties":
            made = random.integers(0, 3, count)
        elif special in ("special", "extreme"):
            odd = np.array([low, high, low + 1, 0, -1 if low else 1, high // 2])
            made = np.where(random.random(count) < 0.5, odd[random.integers(0, 6, count)], made)
        return made
    made = random.standard_normal(count) * 2
    if special == "ties":
        made = random.integers(-1, 2, count) * 1.0
    elif special == "special":
        odd = np.array([np.inf, -np.inf, np.nan, -0.0, 0.0, 1.0])
        made = np.where(random.random(count) < 0.4, odd[random.integers(0, 6, count)], made)
    elif special == "extreme":
        limit = {"float16": 6e4, "bfloat16": 3e38, "float32": 3e38, "float64": 1e308}[dtype]
        odd = np.array([limit, -limit, 1e-40, 1e19, -3e9, 300.7])
        made = np.where(random.random(count) < 0.4, odd[random.integers(0, 6, count)], made)
    return made


def _filled(spec: dict[str, Any], shape: list[int]) -> tuple[Any, Any]:
    numbers = _numbers(spec, math.prod(shape)).reshape(shape)
    theirs = torch.from_numpy(np.array(numbers, order="C")).to(getattr(torch, spec["dtype"]))
    raw = theirs.contiguous().view(torch.uint8) if theirs.ndim and theirs.numel() else None
    if theirs.ndim == 0:
        raw = theirs.reshape(1).view(torch.uint8)
    data = raw.numpy().tobytes() if raw is not None else b""
    ours = stepwell._core._from_bytes(data, getattr(stepwell, spec["dtype"]), tuple(shape))
    return ours, theirs


def tensors(spec: dict[str, Any]) -> tuple[Any, Any]:
    """The tensor that a case describes, as ours and as theirs."""
    shape, layout = spec["shape"], spec.get("layout", "contiguous")
    rank = len(shape)
    if layout == "contiguous" or rank == 0:
        pair = _filled(spec, shape)
    elif layout == "transposed":
        order = list(range(rank))[::-1]
        pair = tuple(each.permute(*order) for each in _filled(spec, shape[::-1]))
    elif layout == "strided":
        wide = _filled(spec, [*shape[:-1], 2 * shape[-1]])
        pair = tuple(each[..., ::2] for each in wide)
    elif layout == "offset":
        wide = _filled(spec, [shape[0] + 1, *shape[1:]])
        pair = tuple(each[1:] for each in wide)
    elif layout == "expanded":
        at = spec["seed"] % rank
        narrow = _filled(spec, [1 if i == at else n for i, n in enumerate(shape)])
        pair = tuple(each.expand(*shape) for each in narrow)
    else:
        at = spec["seed"] % rank
        ours, theirs = _filled(spec, shape)
        pair = (ours._flip([at]), theirs.flip(at))
    if spec.get("grad") and spec["dtype"] in FLOATS:
        pair = tuple(each.requires_grad_() for each in pair)
    return pair[0], pair[1]


def value(argument: Any) -> tuple[Any, Any]:
    if isinstance(argument, dict):
        if "shape" in argument:
            return tensors(argument)
        if "dtype" in argument:
            return getattr(stepwell, argument["dtype"]), getattr(torch, argument["dtype"])
        pairs = [value(each) for each in argument["list"]]
        return [p[0] for p in pairs], [p[1] for p in pairs]
    if isinstance(argument, list):
        return tuple(argument), tuple(argument)
    return argument, argument


# --- Calls -------------------------------------------------------------------

F, TF = stepwell.nn.functional, torch.nn.functional


def _operator(symbol: str) -> Callable[..., Any]:
    forms: dict[str, Callable[..., Any]] = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b,
        "//": lambda a, b: a // b,
        "%": lambda a, b: a % b,
        "**": lambda a, b: a**b,
        "@": lambda a, b: a @ b,
        "&": lambda a, b: a & b,
        "|": lambda a, b: a | b,
        "^": lambda a, b: a ^ b,
        "<<": lambda a, b: a << b,
        ">>": lambda a, b: a >> b,
        "==": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
        "neg": lambda a: -a,
        "invert": lambda a: ~a,
        "abs": lambda a: abs(a),
    }
    return forms[symbol]


def _in_place(symbol: str) -> Callable[..., Any]:
    import operator

    names = {
        "+": "iadd", "-": "isub", "*": "imul", "/": "itruediv", "//": "ifloordiv", "%": "imod",
        "**": "ipow", "&": "iand", "|": "ior", "^": "ixor", "<<": "ilshift", ">>": "irshift",
    }  # fmt: skip
    return getattr(operator, names[symbol])


FORMS: dict[str, Callable[[str, Any, Any], Any]] = {
    "function": lambda name, package, nn: getattr(package, name),
    "nn": lambda name, package, nn: getattr(nn, name),
    "method": lambda name, package, nn: lambda x, *a, **k: getattr(x, name)(*a, **k),
    "operator": lambda name, package, nn: _operator(name),
    "in-place": lambda name, package, nn: _in_place(name),
}


class Refusal:
    def __init__(self, error: Exception):
        self.error = error


def _call(form: str, name: str, package: Any, nn: Any, args: Any, kwargs: Any) -> Any:
    try:
        return FORMS[form](name, package, nn)(*args, **kwargs)
    except AttributeError as error:
        # A name that one of them lacks is a fault of the table, a tensor's is a refusal.
        return Refusal(error)
    except Exception as error:
        return Refusal(error)


# --- Comparison --------------------------------------------------------------

# Relative, by the least precise float type involved.
TOLERANCE = {"float64": 1e-9, "float32": 3e-5, "float16": 4e-3, "bfloat16": 2e-2}
COARSE = sorted(TOLERANCE, key=lambda name: -TOLERANCE[name])
SMALLEST = {"float64": 1e-30, "float32": 1e-30, "float16": 1e-6, "bfloat16": 1e-30}


def _is_tensor(x: Any) -> bool:
    return isinstance(x, (stepwell.Tensor, torch.Tensor))


def _name(dtype: Any) -> str:
    return str(dtype).rpartition(".")[2]


def _wide(x: Any) -> np.ndarray:
    x = x.detach()
    if x.is_floating_point():
        x = x.double()
    return np.asarray(x.tolist() if isinstance(x, stepwell.Tensor) else x.numpy())


def _flat(made: Any) -> Iterator[Any]:
    if isinstance(made, (tuple, list)):
        for each in made:
            yield from _flat(each)
    else:
        yield made


def _same(ours: np.ndarray, theirs: np.ndarray, rtol: float, atol: float) -> np.ndarray:
    with np.errstate(all="ignore"):
        near = np.abs(ours - theirs) <= atol + rtol * np.abs(theirs)
    return near | (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))


def _values(
    ours: Any, theirs: Any, exact: Any, coarse: str | None, largest: Largest | None
) -> str | None:
    """What differs: `exact` is what float64 gives, which is right as well.

    A sum that overflows may do so on another way, and what is left of its `largest` numbers is
    noise.
    """
    dtype = _name(theirs.dtype)
    a, b = _wide(ours).reshape(-1), _wide(theirs).reshape(-1)
    if dtype not in FLOATS:
        wrong = a != b
        if wrong.any() and exact is not None and exact.numel() == b.size:
            wrong &= a != _wide(exact.to(theirs.dtype)).reshape(-1)
    else:
        coarse = coarse if coarse in FLOATS else dtype
        rtol = max(TOLERANCE[coarse], TOLERANCE[dtype])
        finite = np.abs(b[np.isfinite(b)])
        atol = SMALLEST[dtype] + rtol * max(finite.max() if finite.size else 0.0, largest or 0.0)
        wrong = ~_same(a, b, rtol, atol)
        if largest and largest.overflows:
            wrong &= np.isfinite(a) & np.isfinite(b)
        if wrong.any() and exact is not None and exact.numel() == b.size:
            right = exact.detach().double().numpy().reshape(-1)
            rounded = exact.detach().to(theirs.dtype).double().numpy().reshape(-1)
            with np.errstate(all="ignore"):
                error = np.abs(b - right)
                wrong &= ~(_same(a, rounded, rtol, atol) | (np.abs(a - right) <= 2 * error))
    if not wrong.any():
        return None
    i = int(np.argmax(wrong))
    return f"{a[i]!r} where {b[i]!r} is right, at {i} of {b.size} ({dtype})"


def _compare(
    ours: Any,
    theirs: Any,
    exact: Any,
    coarse: str | None,
    loose: bool,
    largest: Largest | None = None,
    differentiable: bool = True,
) -> str | None:
    """The kind of difference between two results, with details."""
    if isinstance(theirs, (tuple, list)):
        if not isinstance(ours, (tuple, list)):
            return f"type: {type(ours).__name__} for {type(theirs).__name__}"
        if len(ours) != len(theirs):
            return f"count: {len(ours)} results for {len(theirs)}"
        rights = exact if isinstance(exact, (tuple, list)) else [None] * len(theirs)
        if len(rights) != len(theirs):
            rights = [None] * len(theirs)
        for a, b, c in zip(ours, theirs, rights, strict=True):
            if found := _compare(a, b, c, coarse, loose, largest, differentiable):
                return found
        return None
    if not isinstance(theirs, torch.Tensor):
        if isinstance(ours, stepwell.Tensor) or type(ours) is not type(theirs):
            if not (isinstance(theirs, torch.dtype) or isinstance(ours, tuple)):
                return f"type: {ours!r} for {theirs!r}"
            return None
        same = ours == theirs or (theirs != theirs and ours != ours)
        if isinstance(theirs, float) and not same:
            same = math.isclose(ours, theirs, rel_tol=TOLERANCE.get(coarse or "", 1e-5))
        return None if same else f"values: {ours!r} where {theirs!r} is right"
    if not isinstance(ours, stepwell.Tensor):
        return f"type: {type(ours).__name__} for a tensor"
    dtype = _name(theirs.dtype)
    if _name(ours.dtype) != dtype:
        return f"dtype: {_name(ours.dtype)} where {_name(theirs.dtype)} is right"
    if tuple(ours.shape) != tuple(theirs.shape):
        return f"shape: {tuple(ours.shape)} where {tuple(theirs.shape)} is right"
    if not loose and (found := _values(ours, theirs, exact, coarse, largest)):
        return f"values: {found}"
    if ours.requires_grad != theirs.requires_grad and differentiable and dtype in FLOATS:
        return f"grad: requires_grad is {ours.requires_grad}, {theirs.requires_grad} is right"
    return None


def _storage(x: Any) -> int:
    if isinstance(x, torch.Tensor):
        return x.untyped_storage().data_ptr()
    return x.data_ptr() - x.storage_offset() * x.element_size()


def _layout(ours: Any, theirs: Any, arguments: list[tuple[Any, Any]]) -> str | None:
    """Whose memory the results are in, and views' strides."""
    for a, b in zip(_flat(ours), _flat(theirs), strict=True):
        if not _is_tensor(b) or not b.numel():
            continue
        for at, (mine, other) in enumerate(arguments):
            shared = _storage(a) == _storage(mine), _storage(b) == _storage(other)
            if shared[0] != shared[1]:
                return f"alias: {'shares' if shared[0] else 'copies'} argument {at}"
            if shared[0] and not getattr(mine, "_skip", False):
                steps = [
                    (s, t) for s, t, n in zip(a.stride(), b.stride(), b.shape, strict=True) if n > 1
                ]
                if any(s != t for s, t in steps):
                    return f"strides: {a.stride()} where {b.stride()} is right"
    return None


def _tensors_of(pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    return [
        pair
        for mine, other in pairs
        for pair in zip(_flat(mine), _flat(other), strict=True)
        if _is_tensor(pair[0])
    ]


# --- What differs on purpose: docs/differences.md ------------------------------

# Parts of what PyTorch says of calls that are taken here.
TAKEN = (
    "not implemented for",  # element types that its kernels lack
    "not supported for",
    "does not support bool",
    'missing 1 required positional arguments: "train"',
    "Index is supposed to be a vector",
    "Expected a long tensor for index, but got Int",
    "index_fill_(): Expected dtype int64 for index.",
    "to be Long or Byte, but got Int",
    "output with shape [] doesn't match the broadcast shape [1",
    "matrix_norm: dim must be a 2-tuple",
    "Autograd not support dtype",
    "must be int, not bool",
    "must be tuple of ints, not bool",
    "must be tuple of ints, but found element of type bool",
    "got (Tensor, bool)",
    'missing 1 required positional arguments: "size"',
    "is not differentiable with respect to argument 'weight'",
    "is not differentiable with respect to argument 'pos_weight'",
)
# Parts of what is said here of calls that PyTorch takes.
LACKING = (
    "copy_(): incompatible function arguments",  # of a number
    "loss() takes 2 positional arguments",  # size_average
    "softmax() missing 1 required positional argument: 'dim'",
    "softmax(): argument 'dim' must be int, not NoneType",
    "device(): argument 'device' must be str, not bool",
    "device(): argument 'device' must be str, not float",
    "tensordot() takes from 2 to 3 positional arguments",  # out
    "keyword argument 'alpha'",
    "keyword argument 'rounding_mode'",
    "keyword argument 'decimals'",
)
REFUSED = (
    *LACKING,
    "clamp_min: not defined for elements of type bool",
    "clamp_max: not defined for elements of type bool",
    "avg_pool2d: not defined for elements of type int64",
    "linspace: not defined for elements of type bool",
)
# The same, where there is nothing to compute or to write.
REFUSED_OF_NOTHING = (
    "not defined for elements of type",
    "more than one element of the written-to tensor",
    "is out of bounds",
    "to have the same dtype",
    "expected scalar type",
    "must have one element type",
    "should have same dtype",
    "Expected dtype int32/int64 for index",
    "must either both be None",
    "dilation must be",
    "the index has more elements than the input has",
    "do not broadcast",
    "elements not ",
    "must be defined in evaluation mode",
    "without overflow",
    "to be no larger than self",
    "Index tensor must have the same number of dimensions",
)
# Parts of what PyTorch says of calls that compute nothing and are taken here.
TAKEN_OF_NOTHING = (
    "without overflow",
    "more than one element of the written-to tensor",
    "select(): index 0 out of range for tensor of size [0]",
    "result type Float can't be cast",
    "tensor with optional 0 dim batch size",
)
# What may be written into an expanded tensor there.
EXPANDED = {"batch_norm", "masked_fill_", "index_put_", "index_fill_", "zero_", "fill_"}


def _empty(made: Any) -> bool:
    return all(not each.numel() for each in _flat(made) if _is_tensor(each))


def _expected(case: Case, ours: Any, theirs: Any, every: list[tuple[Any, Any]]) -> bool:
    """Whether only one of them refuses, and that is known."""
    if isinstance(theirs, Refusal):
        text = str(theirs.error)
        if case["call"] == "index_put_" and case["args"][1:2] in ([{"list": []}], [[]]):
            return True
        if case["call"] in ("clamp", "clamp_") and "invalid combination" in text:
            return _bounds_are_mixed(case)
        if case["call"] == "take_along_dim" and "view size is not compatible" in text:
            return True
        if case["call"] == "index_put_" and "masked_fill_ only supports boolean" in text:
            return True
        if case["call"] == "pad" and "uint8_t without overflow" in text:
            number = case["kwargs"].get("value")
            if isinstance(number, int) and -255 <= number < 0:
                return True
        if case["call"] == "prod" and "tuple" in text:
            return True
        if case["call"] == "scaled_dot_product_attention" and "the broadcast shape" in text:
            return True
        given = [*case["args"], *case["kwargs"].values()]
        if type(theirs.error) is TypeError and "NoneType" in text and None in given:
            return True
        if (
            "invalid combination" in text
            and "bool" in text
            and any(a in (True, False) and isinstance(a, bool) for a in given)
        ):
            return True
        if any(not other.numel() for _, other in every):
            return any(part in text for part in (*TAKEN, *TAKEN_OF_NOTHING))
        return any(part in text for part in TAKEN)
    text = str(ours.error)
    if any(part in text for part in REFUSED):
        return True
    if "softmax" in case["call"] and "argument 'dtype'" in text and case["form"] == "nn":
        return True  # _stacklevel
    if case["call"].rstrip("_") in ("add", "sub") and "takes 2 positional arguments" in text:
        return True  # add(other, alpha)
    if case["call"] == "tensordot" and "dot_general: not defined for elements of type bool" in text:
        return True
    if case["call"] == "linear" and "must have one element type" in text:
        return True
    if case["call"] in EXPANDED and "written-to" in text:
        return True
    if case["call"] == "clamp" and "without overflow" in text:
        return True
    if case["call"] in ("take_along_dim", "gather") and "is out of bounds" in text:
        return True
    if "without overflow" in text and _is_tensor(theirs) and theirs.numel() == 1:
        return True
    if "view size is not compatible" in text and case["args"][0].get("layout") == "flipped":
        return True
    nothing = _empty(theirs) or any(not other.numel() for _, other in every)
    return nothing and any(part in text for part in REFUSED_OF_NOTHING)


def _bounds_are_mixed(case: Case) -> bool:
    """Whether a tensor and a number bound `clamp`, and nothing else is given."""
    bounds = [*case["args"][1:], *case["kwargs"].values()]
    tensors = [b for b in bounds if isinstance(b, dict) and "shape" in b]
    numbers = [b for b in bounds if isinstance(b, (int, float))]
    return len(tensors) == len(numbers) == 1 and set(case["kwargs"]) <= {"min", "max"}


def _same_class(ours: Any, theirs: Any) -> bool:
    """Whether both refuse, and alike."""
    if type(ours.error) is type(theirs.error):
        return True
    # An index out of range is an IndexError here.
    text = str(theirs.error)
    if 'missing 1 required positional arguments: "train"' in text:
        return True  # there is a default here
    if type(ours.error) is TypeError and type(theirs.error) is AttributeError:
        return "must be Tensor" in str(ours.error)
    if type(ours.error) is NotImplementedError and "not defined for elements" in str(ours.error):
        return type(theirs.error) is RuntimeError and (
            "result type" in text or "could not infer output dtype" in text
        )
    return isinstance(ours.error, IndexError) and (
        "out of bounds" in text
        or "out of DATA bounds" in text
        or "self indexing axis dim should be positive" in text
        or "ZeroDivisionError" in text
        or "size mismatch (got input:" in text
    )


def _mistake(error: Exception) -> str:
    """What an error is about, whatever the sizes and types are."""
    types = "float32|float64|float16|bfloat16|int64|int32|int16|int8|uint8|bool|Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool"
    text = re.sub(rf"-?[\d.]+|\b({types})\b", "#", str(error))
    return f"{type(error).__name__}: {text[:40]}"


def _specs(argument: Any) -> Iterator[dict[str, Any]]:
    """The tensors of an argument."""
    if isinstance(argument, dict) and "shape" in argument:
        yield argument
    for each in argument["list"] if isinstance(argument, dict) and "list" in argument else ():
        yield from _specs(each)


def _edits(case: Case) -> Iterator[Case]:
    """Cases with one thing put right, perhaps."""
    args, kwargs = case["args"], case["kwargs"]
    for key in kwargs:
        yield case | {"kwargs": {k: v for k, v in kwargs.items() if k != key}}
    if len(args) > 1:
        yield case | {"args": args[:-1]}

    def all_with(x: Any, key: str, of: Any) -> Any:
        if isinstance(x, dict) and "shape" in x:
            return x | {key: of}
        if isinstance(x, dict) and "list" in x:
            return {"list": [all_with(each, key, of) for each in x["list"]]}
        return x

    every = [spec for each in [*args, *kwargs.values()] for spec in _specs(each)]
    shapes = [list(s) for s in dict.fromkeys(tuple(spec["shape"]) for spec in every)]
    changes = [("dtype", d) for d in ("float32", "int64", "bool", "uint8")]
    changes += [("shape", s) for s in [*shapes, [2, 2], [2], [], [1]]]
    changes += [("layout", "contiguous"), ("grad", False), ("below", 1), ("above", 0)]
    changes += [("special", "ties")]
    for key, of in changes:
        for i, each in enumerate(args):
            if isinstance(each, dict) and "list" in each:
                yield case | {"args": [*args[:i], all_with(each, key, of), *args[i + 1 :]]}
        yield case | {
            "args": [all_with(each, key, of) for each in args],
            "kwargs": {k: all_with(v, key, of) for k, v in kwargs.items()},
        }

    def others(x: Any) -> Iterator[Any]:
        if isinstance(x, dict) and "shape" in x:
            rank = len(x["shape"])
            sizes = [n for n in (1, 2, 3, 4) if rank]
            cut = [[*x["shape"][:i], n, *x["shape"][i + 1 :]] for i in range(rank) for n in sizes]
            more = [("shape", s) for s in [*cut, x["shape"][1:], [1, *x["shape"]]]]
            for key, of in [*changes, *more]:
                if x.get(key) != of:
                    yield x | {key: of}
        elif isinstance(x, dict) and "list" in x:
            for i, each in enumerate(x["list"]):
                yield {"list": x["list"][:i] + x["list"][i + 1 :]}
                for other in others(each):
                    yield {"list": [*x["list"][:i], other, *x["list"][i + 1 :]]}
        elif isinstance(x, list):
            yield []
            for i in range(len(x)):
                yield x[:i] + x[i + 1 :]
                for other in (0, 1, 2, 3):
                    yield [*x[:i], other, *x[i + 1 :]]
        elif isinstance(x, dict):
            yield from ({"dtype": "float32"}, {"dtype": "int64"})
        else:
            yield from every[:1]
            yield from (0, 1, 2, -1, 0.5, True, None, [0], [1, 1])
            if isinstance(x, str):
                yield from ("none", "mean")

    for i, each in enumerate(args):
        for other in others(each):
            yield case | {"args": [*args[:i], other, *args[i + 1 :]]}
    for key, each in kwargs.items():
        for other in others(each):
            yield case | {"kwargs": kwargs | {key: other}}


def _two_mistakes(case: Case, ours: Any, theirs: Any) -> bool:
    """Whether a call has two mistakes, of which each tells another one.

    That is so if either is told by both of them where the other has been put right.
    """
    mine, other = _mistake(ours.error), _mistake(theirs.error)
    found_mine = any(part in str(ours.error) for part in REFUSED)
    found_other = False
    if _expected(case, None, theirs, _calls(case, lambda theirs: True).every):
        found_other = True
        # The result of what is taken here may be no value for where it is written.
        said = str(ours.error)
        found_mine |= "result type" in said or "out of bounds" in said or case["call"] == "prod"
    known = case["call"] in EXPANDED or any(part in mine for part in REFUSED_OF_NOTHING)

    def enough(theirs: Any) -> bool:
        if not isinstance(theirs, Refusal):
            return found_mine or not known
        return _mistake(theirs.error) != other and not _same_class(ours, theirs)

    def alike(edit: Case) -> None:
        nonlocal found_mine, found_other
        try:
            made = _calls(edit, enough)
        except Exception:  # an edit that makes no tensors
            return
        a, b = made.ours, made.theirs
        if a is None or not (isinstance(a, Refusal) or isinstance(b, Refusal)):
            return
        both = isinstance(a, Refusal) and isinstance(b, Refusal)
        if not (_same_class(a, b) if both else _expected(edit, a, b, made.every)):
            return
        found_mine |= isinstance(a, Refusal) and _mistake(a.error) == mine
        found_other |= isinstance(b, Refusal) and _mistake(b.error) == other

    once = list(_edits(case))
    for edit in once:
        alike(edit)
        if found_mine and found_other:
            return True
    # A third mistake hides one of them.
    random = Random(json.dumps(case))
    for edit in random.sample(once, min(len(once), 30)):
        for twice in _edits(edit):
            alike(twice)
            if found_mine and found_other:
                return True
    return False


def _choice(case: Case, ours: Any, theirs: Any, args: Any, named: Any) -> str | None:
    """Whether the indices name what was chosen; which of equal elements is not defined."""
    at = CHOOSERS[case["call"]]
    dim = named["dim"] if "dim" in named else args[at] if len(args) > at else -1
    indices = torch.tensor(ours[1].tolist(), dtype=torch.int64).reshape(theirs[1].shape)
    if not args[0].ndim or not indices.numel():
        return None
    if indices.ndim < args[0].ndim:
        indices = indices.unsqueeze(dim)
    chosen = args[0].detach().gather(dim, indices).reshape(theirs[0].shape)
    return _compare(ours[0].detach(), chosen, None, None, False)


@dataclass
class Calls:
    """What both make of a call."""

    pairs: list[tuple[Any, Any]]
    named: dict[str, tuple[Any, Any]]
    every: list[tuple[Any, Any]]
    theirs: Any
    ours: Any = None


def _calls(case: Case, enough: Callable[[Any], bool] = lambda theirs: False) -> Calls:
    """Both calls; ours is not made where theirs is enough."""
    form, name = case["form"], case["call"]
    pairs = [value(each) for each in case["args"]]
    named = {key: value(each) for key, each in case.get("kwargs", {}).items()}
    given = [p[1] for p in pairs]
    if name == "median" and case["args"][0].get("layout") == "expanded":
        given[0] = given[0].contiguous()  # it is wrong of an expanded tensor
    theirs = _call(form, name, torch, TF, given, {k: v[1] for k, v in named.items()})
    made = Calls(pairs, named, _tensors_of([*pairs, *named.values()]), theirs)
    if not enough(theirs):
        made.ours = _call(
            form, name, stepwell, F, [p[0] for p in pairs], {k: v[0] for k, v in named.items()}
        )
    return made


class Largest(float):
    """The size of a number, and whether such numbers' squares and quotients may overflow."""

    overflows = True


class Ordinary(Largest):
    overflows = False


def largest_term(case: Case, tensors: list[Any]) -> Largest:
    """How large the numbers are of which a sum over such arguments leaves noise, or 0."""
    name = case["call"]
    extreme = any(
        spec.get("special") == "extreme"
        for each in [*case["args"], *case.get("kwargs", {}).values()]
        for spec in _specs(each)
    )
    # So is what rounding leaves of equal numbers less their mean.
    extreme |= name in NORMS and case["args"][0].get("layout") == "expanded"
    # Of float64 there is nothing more exact to compare with.
    double = all(_name(each.dtype) == "float64" for each in tensors if each.is_floating_point())
    if not (extreme or double) or (name not in SUMS and name not in QUOTIENTS):
        return Ordinary(0.0)
    sizes = [np.abs(_wide(each)[np.isfinite(_wide(each))]) for each in tensors]
    most = max((float(each.max()) for each in sizes if each.size), default=0.0)
    return Largest(most) if extreme else Ordinary(most)


def check(case: Case) -> str | None:
    form, name = case["form"], case["call"]
    made = _calls(case)
    pairs, every, ours, theirs = made.pairs, made.every, made.ours, made.theirs
    if isinstance(theirs, Refusal) and isinstance(ours, Refusal):
        if any(part in str(ours.error) for part in LACKING):
            return None
        if _same_class(ours, theirs) or _two_mistakes(case, ours, theirs):
            return None
        if name in ("clamp", "clamp_") and _bounds_are_mixed(case):
            return None  # which is a mistake there, so that no other one is looked for
        return (
            f"class: {type(ours.error).__name__}({str(ours.error)[:150]!r}) where "
            f"{type(theirs.error).__name__}({str(theirs.error)[:150]!r}) is right"
        )
    if isinstance(theirs, Refusal) or isinstance(ours, Refusal):
        if _expected(case, ours, theirs, every):
            return None
        if isinstance(ours, Refusal):
            return f"refused: {type(ours.error).__name__}: {str(ours.error)[:200]}"
        return (
            f"accepted: PyTorch raises {type(theirs.error).__name__}({str(theirs.error)[:200]!r})"
        )
    if theirs is NotImplemented or ours is NotImplemented:
        return None
    # What float64 would give, of the arguments as they were.
    exact = None
    after: list[Any] = [None] * len(every)
    coarse = next((d for d in COARSE if any(_name(b.dtype) == d for _, b in every)), None)
    if coarse and coarse != "float64":
        again = [value(each) for each in case["args"]]
        again_named = {key: value(each) for key, each in case.get("kwargs", {}).items()}

        def double(x: Any) -> Any:
            if isinstance(x, list):
                return [double(each) for each in x]
            if isinstance(x, torch.dtype) and x.is_floating_point:
                return torch.float64
            return x.detach().double() if _is_tensor(x) and x.is_floating_point() else x

        wide = [double(p[1]) for p in again]
        wide_named = {k: double(v[1]) for k, v in again_named.items()}
        exact = _call(form, name, torch, TF, wide, wide_named)
        after = [x for each in [*wide, *wide_named.values()] for x in _flat(each) if _is_tensor(x)]
        if isinstance(exact, Refusal):
            exact = None
    given = [p[1] for p in pairs]
    stable = case.get("kwargs", {}).get("stable")
    if name in CHOOSERS and not stable and isinstance(theirs, tuple):
        if found := _choice(case, ours, theirs, given, {k: v[1] for k, v in made.named.items()}):
            return found.replace("values: ", "choice: ")
        ours, theirs, exact = ours[:1], theirs[:1], None
    largest = largest_term(case, [b for _, b in every])
    if name in ("clamp", "clamp_") and _bounds_are_mixed(case):
        return None  # of which PyTorch takes some, and makes a number of the tensor
    if name == "linspace" and not theirs.is_floating_point():
        # How steps are rounded depends there on the processor.
        return (
            None if (abs(_wide(ours) - _wide(theirs)) <= 1).all() else "values: more than one off"
        )
    # Of which PyTorch and this package do not say alike whether it has a gradient, which is 0.
    flat = name == "bernoulli"
    if name == "scaled_dot_product_attention":
        flat = not given[2].numel() or not theirs.numel()
    if found := _compare(ours, theirs, exact, coarse, name in UNDEFINED, largest, not flat):
        if 0.5 in case["args"][1:] and "(inf) where np.float64(nan)" in found:
            return None  # a power of -inf, which is a root there
        return found
    if not any(p.get("layout") == "flipped" for p in case["args"] if isinstance(p, dict)):
        if found := _layout(ours, theirs, every):
            return found
    for at, (mine, other) in enumerate(every):
        if found := _compare(mine, other, after[at], coarse, name in UNDEFINED, largest):
            return f"effect on argument {at}, {found}"
    return None


# --- Reduction ----------------------------------------------------------------


def _simpler(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in ("layout", "special", "grad"):
        if key in spec:
            yield {k: v for k, v in spec.items() if k != key}
    shape = spec["shape"]
    for i, size in enumerate(shape):
        for less in dict.fromkeys((0, 1, size // 2)):
            if less < size:
                yield spec | {"shape": [*shape[:i], less, *shape[i + 1 :]]}
        yield spec | {"shape": shape[:i] + shape[i + 1 :]}
    if spec["dtype"] != "float32":
        yield spec | {"dtype": "float32"}


def smaller(case: Case) -> Iterator[Case]:
    for key in case["kwargs"]:
        yield case | {"kwargs": {k: v for k, v in case["kwargs"].items() if k != key}}
    if len(case["args"]) > 1:
        yield case | {"args": case["args"][:-1]}
    specs = [a for a in case["args"] if isinstance(a, dict) and "shape" in a]
    # All tensors at once, so that their shapes still fit.
    if len({tuple(s["shape"]) for s in specs}) == 1 and len(specs) > 1:
        shape = specs[0]["shape"]
        for i, size in enumerate(shape):
            for cut in ([*shape[:i], size // 2, *shape[i + 1 :]], shape[:i] + shape[i + 1 :]):
                if cut != shape:
                    args = [
                        a | {"shape": cut} if isinstance(a, dict) and "shape" in a else a
                        for a in case["args"]
                    ]
                    yield case | {"args": args}
    for i, argument in enumerate(case["args"]):
        if isinstance(argument, dict) and "shape" in argument:
            for spec in _simpler(argument):
                yield case | {"args": [*case["args"][:i], spec, *case["args"][i + 1 :]]}
        if isinstance(argument, dict) and "list" in argument:
            listed = argument["list"]
            for j in range(len(listed)):
                cut = {"list": listed[:j] + listed[j + 1 :]}
                yield case | {"args": [*case["args"][:i], cut, *case["args"][i + 1 :]]}
    for key, argument in case["kwargs"].items():
        if isinstance(argument, dict) and "shape" in argument:
            for spec in _simpler(argument):
                yield case | {"kwargs": case["kwargs"] | {key: spec}}


def group(case: Case) -> str:
    return f"{case['call']} ({case['form']})"
