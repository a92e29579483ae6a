# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every public function and method against PyTorch: values, types, shapes, layouts, refusals.

A case is {"call": "max", "form": "function", "args": [...], "kwargs": {...}}; forms are those of
`FORMS`. An argument is a number, a string, a list of numbers, None, {"dtype": name},
{"list": [...]} or a tensor: {"seed", "shape", "dtype", "layout", "special"} and, where they are
wanted, "below" (an index: values from 0 up to it), "grad" and "leave" (values as they are).
`TABLE` says which calls there are and how their arguments are made.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np
import stepwell
import torch

warnings.filterwarnings("ignore")
torch.set_num_threads(1)

FLOATS = ["float32", "float64", "float16", "bfloat16"]
INTEGERS = ["int64", "int32", "int16", "int8", "uint8"]
DTYPES = [*FLOATS, *INTEGERS, "bool"]
LAYOUTS = ["transposed", "strided", "expanded", "offset", "flipped"]
SPECIALS = ["special", "ties", "extreme", "zeros"]

Case = dict[str, Any]

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
    if spec.get("grad"):
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


def _values(ours: Any, theirs: Any, exact: Any, coarse: str | None) -> str | None:
    """What differs: `exact` is what float64 gives, which is right as well."""
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
        atol = SMALLEST[dtype] + rtol * (finite.max() if finite.size else 0.0)
        wrong = ~_same(a, b, rtol, atol)
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


def _compare(ours: Any, theirs: Any, exact: Any, coarse: str | None, loose: bool) -> str | None:
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
            if found := _compare(a, b, c, coarse, loose):
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
    if _name(ours.dtype) != _name(theirs.dtype):
        return f"dtype: {_name(ours.dtype)} where {_name(theirs.dtype)} is right"
    if tuple(ours.shape) != tuple(theirs.shape):
        return f"shape: {tuple(ours.shape)} where {tuple(theirs.shape)} is right"
    if not loose and (found := _values(ours, theirs, exact, coarse)):
        return f"values: {found}"
    if ours.requires_grad != theirs.requires_grad:
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


# What one of PyTorch's classes may be here: a kernel that PyTorch lacks is no mistake of the caller.
def _class_differs(ours: Exception, theirs: Exception) -> bool:
    return type(ours) is not type(theirs)


# What ours takes and PyTorch does not, with why: docs/differences.md.
SUPERSETS = (
    "not implemented for",  # element types that its kernels lack
    "not supported for",
)


def check(case: Case) -> str | None:
    form, name = case["form"], case["call"]
    pairs = [value(each) for each in case["args"]]
    named = {key: value(each) for key, each in case.get("kwargs", {}).items()}
    every = _tensors_of([*pairs, *named.values()])
    theirs = _call(
        form, name, torch, TF, [p[1] for p in pairs], {k: v[1] for k, v in named.items()}
    )
    ours = _call(
        form, name, stepwell, F, [p[0] for p in pairs], {k: v[0] for k, v in named.items()}
    )
    if isinstance(theirs, Refusal):
        if not isinstance(ours, Refusal):
            text = str(theirs.error)
            if any(part in text for part in SUPERSETS):
                return None
            return f"accepted: PyTorch raises {type(theirs.error).__name__}({text[:200]!r})"
        if _class_differs(ours.error, theirs.error):
            return (
                f"class: {type(ours.error).__name__}({str(ours.error)[:150]!r}) where "
                f"{type(theirs.error).__name__}({str(theirs.error)[:150]!r}) is right"
            )
        return None
    if isinstance(ours, Refusal):
        return f"refused: {type(ours.error).__name__}: {str(ours.error)[:200]}"
    if theirs is NotImplemented or ours is NotImplemented:
        return None
    # What float64 would give, of the arguments as they were.
    exact = None
    coarse = next((d for d in reversed(FLOATS) if any(_name(b.dtype) == d for _, b in every)), None)
    if coarse and coarse != "float64":
        again = [value(each) for each in case["args"]]
        again_named = {key: value(each) for key, each in case.get("kwargs", {}).items()}

        def double(x: Any) -> Any:
            if isinstance(x, list):
                return [double(each) for each in x]
            if isinstance(x, torch.dtype) and x.is_floating_point:
                return torch.float64
            return x.detach().double() if _is_tensor(x) and x.is_floating_point() else x

        exact = _call(
            form, name, torch, TF, [double(p[1]) for p in again],
            {k: double(v[1]) for k, v in again_named.items()},
        )  # fmt: skip
        if isinstance(exact, Refusal):
            exact = None
    if found := _compare(ours, theirs, exact, coarse, name in UNDEFINED):
        return found
    if not any(p.get("layout") == "flipped" for p in case["args"] if isinstance(p, dict)):
        if found := _layout(ours, theirs, every):
            return found
    for at, (mine, other) in enumerate(every):
        if found := _compare(mine, other, None, coarse, name in UNDEFINED):
            return f"effect on argument {at}, {found}"
    return None


# --- Generation --------------------------------------------------------------

SIZES = [0, 1, 1, 2, 2, 3, 3, 4, 5, 7, 17]


def _shape(r: Random, rank: int | None = None, most: int = 4000) -> list[int]:
    rank = r.choice([0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6]) if rank is None else rank
    shape = [r.choice(SIZES if r.random() < 0.7 else SIZES[1:]) for _ in range(rank)]
    while math.prod(shape) > most:
        shape[shape.index(max(shape))] //= 2
    return shape


def _tensor(
    r: Random,
    shape: list[int] | None = None,
    dtypes: list[str] | None = None,
    rank: int | None = None,
    **more: Any,
) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "seed": r.randrange(1000),
        "shape": _shape(r, rank) if shape is None else list(shape),
        "dtype": r.choice(dtypes or (FLOATS if r.random() < 0.5 else DTYPES)),
    }
    if r.random() < 0.3:
        spec["layout"] = r.choice(LAYOUTS)
    if r.random() < 0.4:
        spec["special"] = r.choice(SPECIALS)
    if spec["dtype"] in FLOATS and r.random() < 0.15:
        spec["grad"] = True
    return spec | more


def _floats(r: Random, **more: Any) -> dict[str, Any]:
    return _tensor(r, dtypes=FLOATS if r.random() < 0.9 else DTYPES, **more)


def _dim(r: Random, rank: int) -> int:
    if r.random() < 0.05:
        return r.choice([rank, -rank - 1, 7, -9])
    return r.randrange(-max(rank, 1), max(rank, 1))


def _dims(r: Random, rank: int) -> Any:
    if r.random() < 0.4:
        return _dim(r, rank)
    if r.random() < 0.1:
        return []
    return [_dim(r, rank) for _ in range(r.randint(1, 3))]


def _broadcastable(r: Random, shape: list[int]) -> list[int]:
    if r.random() < 0.04:
        return _shape(r)
    made = [1 if r.random() < 0.2 else n for n in shape]
    return made[r.randint(0, len(made)) :] if r.random() < 0.3 else made


def _number(r: Random) -> Any:
    if r.random() < 0.15:
        return r.choice([math.inf, -math.inf, math.nan, 1e20, -1e10, 300, -3, 2**40, True, False])
    return r.choice([0, 1, 2, 3, -1, -2, 7, 0.5, -1.5, 2.0, 3.25, 0.0])


Arguments = tuple[list[Any], dict[str, Any]]


def _unary(r: Random) -> Arguments:
    return [_tensor(r)], {}


def _second(r: Random, x: dict[str, Any]) -> Any:
    if r.random() < 0.3:
        return _number(r)
    dtypes = [x["dtype"]] if r.random() < 0.5 else None
    return _tensor(r, _broadcastable(r, x["shape"]), dtypes)


def _binary(r: Random) -> Arguments:
    x = _tensor(r)
    pair = [x, _second(r, x)]
    return (pair[::-1] if r.random() < 0.1 else pair), {}


def _tensor_binary(r: Random) -> Arguments:
    """Numbers seldom: PyTorch refuses them."""
    x = _tensor(r)
    return [x, _second(r, x) if r.random() < 0.3 else _tensor(r, x["shape"], [x["dtype"]])], {}


def _reduction(r: Random, typed: bool = False) -> Arguments:
    x = _tensor(r)
    args: list[Any] = [x]
    kwargs: dict[str, Any] = {}
    if r.random() < 0.75:
        dim = _dims(r, len(x["shape"]))
        if r.random() < 0.5:
            args.append(dim)
            if r.random() < 0.4:
                args.append(r.random() < 0.5)
        else:
            kwargs["dim"] = dim
            if r.random() < 0.4:
                kwargs["keepdim"] = r.random() < 0.5
    if typed and r.random() < 0.3:
        kwargs["dtype"] = {"dtype": r.choice(DTYPES)}
    return args, kwargs


def _one_dim(r: Random, needed: bool = False, **more: Any) -> Arguments:
    """Along one dimension, which may be left out unless it is needed."""
    x = _tensor(r, **more)
    args: list[Any] = [x]
    kwargs: dict[str, Any] = {}
    if needed or r.random() < 0.8:
        dim: Any = _dim(r, len(x["shape"])) if r.random() < 0.97 else _dims(r, len(x["shape"]))
        if r.random() < 0.5:
            args.append(dim)
        else:
            kwargs["dim"] = dim
    return args, kwargs


def _keep(r: Random) -> Arguments:
    args, kwargs = _one_dim(r)
    if (len(args) == 2 or kwargs) and r.random() < 0.5:
        kwargs["keepdim"] = r.random() < 0.5
    return args, kwargs


def _softmax(r: Random) -> Arguments:
    args, kwargs = _one_dim(r, needed=True, dtypes=FLOATS if r.random() < 0.8 else DTYPES)
    if r.random() < 0.3:
        kwargs["dtype"] = {"dtype": r.choice(FLOATS)}
    return args, kwargs


def _cumsum(r: Random) -> Arguments:
    args, kwargs = _one_dim(r, needed=True)
    if r.random() < 0.3:
        kwargs["dtype"] = {"dtype": r.choice(DTYPES)}
    return args, kwargs


def _var(r: Random) -> Arguments:
    args, kwargs = _reduction(r)
    args[0] = _floats(r, shape=args[0]["shape"])
    if r.random() < 0.4:
        kwargs["correction"] = r.choice([0, 1, 2, 0.5, 5])
    elif r.random() < 0.2:
        kwargs["unbiased"] = r.random() < 0.5
    return args, kwargs


def _norm(r: Random) -> Arguments:
    x = _floats(r)
    kwargs: dict[str, Any] = {}
    args: list[Any] = [x]
    if r.random() < 0.7:
        args.append(r.choice([0, 1, 2, 3, 0.5, -1, math.inf, -math.inf, "fro", None]))
        if r.random() < 0.6:
            kwargs["dim"] = _dims(r, len(x["shape"]))
            if r.random() < 0.4:
                kwargs["keepdim"] = r.random() < 0.5
    return args, kwargs


def _matmul(r: Random) -> Arguments:
    batch = _shape(r, r.choice([0, 0, 1, 2]), 40)
    m, k, n = (r.choice([*SIZES, 9, 33]) for _ in range(3))
    a, b = [*_broadcastable(r, batch), m, k], [*batch, k, n]
    if r.random() < 0.15:
        a = [k]
    if r.random() < 0.15:
        b = [k]
    if r.random() < 0.05:
        b = _shape(r)
    dtype = r.choice(DTYPES)
    return [
        _tensor(r, a, [dtype]),
        _tensor(r, b, [dtype] if r.random() < 0.93 else None),
    ], {}


def _matrices(r: Random, batch: list[int], strict: float = 0.93) -> list[Any]:
    m, k, n = (r.choice([*SIZES, 9]) for _ in range(3))
    dtype = r.choice(DTYPES)
    second = [*batch, k if r.random() < strict else 5, n]
    return [_tensor(r, [*batch, m, k], [dtype]), _tensor(r, second, [dtype])]


def _mm(r: Random) -> Arguments:
    return _matrices(r, [] if r.random() < 0.93 else [2]), {}


def _bmm(r: Random) -> Arguments:
    return _matrices(r, [r.choice(SIZES)] if r.random() < 0.93 else []), {}


def _vectors(r: Random) -> Arguments:
    n, dtype = r.choice(SIZES), r.choice(DTYPES)
    other = n if r.random() < 0.9 else 3
    return [
        _tensor(r, [n], [dtype]),
        _tensor(r, [other], [dtype] if r.random() < 0.9 else None),
    ], {}


def _addmm(r: Random) -> Arguments:
    a, b = _matrices(r, [])
    shape = _broadcastable(r, [a["shape"][0], b["shape"][1]])
    kwargs: dict[str, Any] = {}
    if r.random() < 0.4:
        kwargs["beta"] = r.choice([0, 1, 2, 0.5, -1])
    if r.random() < 0.4:
        kwargs["alpha"] = r.choice([0, 1, 2, 0.5, -1])
    return [_tensor(r, shape, [a["dtype"]] if r.random() < 0.95 else None), a, b], kwargs


def _clamp(r: Random) -> Arguments:
    x = _tensor(r)
    bounds = [_second(r, x) if r.random() < 0.8 else None for _ in range(2)]
    if not any(isinstance(b, dict) for b in bounds) or r.random() < 0.3:
        bounds = [_number(r) if r.random() < 0.8 else None for _ in range(2)]
    elif r.random() < 0.8:
        bounds = [b if isinstance(b, dict) else None for b in bounds]
    if r.random() < 0.5:
        return [x, *bounds], {}
    names = zip(("min", "max"), bounds, strict=True)
    return [x], {name: b for name, b in names if b is not None or r.random() < 0.2}


def _where(r: Random) -> Arguments:
    x = _tensor(r)
    dtypes = ["bool"] if r.random() < 0.85 else DTYPES
    condition = _tensor(r, _broadcastable(r, x["shape"]), dtypes)
    if r.random() < 0.1:
        return [condition], {}
    pair = [x if r.random() < 0.8 else _number(r), _second(r, x)]
    return [condition, *(pair if r.random() < 0.5 else pair[::-1])], {}


def _index(r: Random, shape: list[int], size: int) -> dict[str, Any]:
    dtypes = ["int64"] if r.random() < 0.75 else ["int32", "uint8", "int16", "int8"]
    if r.random() < 0.03:
        dtypes = ["float32", "bool"]
    below = size if r.random() < 0.92 else size + 2
    spec = _tensor(r, shape, dtypes, below=below)
    spec.pop("special", None)
    spec.pop("grad", None)
    if r.random() < 0.04:
        spec["above"] = -size
    return spec


def _size_at(shape: list[int], dim: int) -> int:
    return shape[dim] if -len(shape) <= dim < len(shape) else 1


def _gather(r: Random, wide: bool = False) -> Arguments:
    x = _tensor(r)
    shape = x["shape"]
    dim = _dim(r, len(shape))
    if r.random() < 0.05:
        lengths = _shape(r)
    else:
        lengths = [n if r.random() < 0.7 else r.randint(0, n) for n in shape]
        if shape and -len(shape) <= dim < len(shape):
            lengths[dim] = r.choice(SIZES)
    return [x, dim, _index(r, lengths, _size_at(shape, dim))], {}


def _take_along_dim(r: Random) -> Arguments:
    (x, dim, index), _ = _gather(r)
    if r.random() < 0.2:
        index["below"] = math.prod(x["shape"])
        return [x, index], {}
    return [x, index, dim], {}


def _scatter(r: Random) -> Arguments:
    (x, dim, index), kwargs = _gather(r)
    size = _size_at(x["shape"], dim)
    if index["shape"] and x["shape"] and -len(x["shape"]) <= dim < len(x["shape"]):
        at = dim % len(index["shape"])
        index["shape"][at] = min(index["shape"][at], size)
        if index.get("layout") == "expanded":
            index.pop("layout")
    x.pop("grad", None)
    source = _tensor(r, index["shape"], [x["dtype"]] if r.random() < 0.9 else None)
    source.pop("grad", None)
    number = r.choice([0, 1, 2])
    if r.random() < 0.3:
        return [x, dim, index, number], {}
    if index["shape"] and r.random() < 0.9:  # equal places have no order
        index["shape"] = [min(1, n) if i == dim % len(index["shape"]) else n
                          for i, n in enumerate(index["shape"])]  # fmt: skip
        source["shape"] = index["shape"]
    return [x, dim, index, source], kwargs


def _scatter_add(r: Random) -> Arguments:
    (x, dim, index), _ = _gather(r)
    x["shape"] = list(x["shape"])
    shape = [n + r.choice([0, 0, 1]) for n in index["shape"]]
    return [x, dim, index, _tensor(r, shape, [x["dtype"]] if r.random() < 0.9 else None)], {}


def _index_select(r: Random) -> Arguments:
    x = _tensor(r)
    dim = _dim(r, len(x["shape"]))
    shape = _shape(r, r.choice([0, 1, 1, 1, 1, 1, 1, 2]), 20)
    return [x, dim, _index(r, shape, _size_at(x["shape"], dim))], {}


def _index_write(r: Random) -> Arguments:
    (x, dim, index), _ = _index_select(r)
    shape = list(x["shape"])
    count = math.prod(index["shape"])
    if shape and -len(shape) <= dim < len(shape) and r.random() < 0.95:
        shape[dim] = count
        if count > 1:
            index["shape"], count = [1], 1
            shape[dim] = 1
    return [x, dim, index, _tensor(r, shape, [x["dtype"]] if r.random() < 0.95 else None)], {}


def _index_fill(r: Random) -> Arguments:
    args, kwargs = _index_select(r)
    return [*args, _number(r) if r.random() < 0.8 else _tensor(r, [])], kwargs


def _masked(r: Random) -> Arguments:
    x = _tensor(r)
    mask = _tensor(r, _broadcastable(r, x["shape"]), ["bool"] if r.random() < 0.93 else DTYPES)
    return [x, mask], {}


def _masked_fill(r: Random) -> Arguments:
    args, _ = _masked(r)
    return [
        *args,
        _number(r) if r.random() < 0.7 else _tensor(r, [] if r.random() < 0.9 else [1]),
    ], {}


def _sort(r: Random) -> Arguments:
    args, kwargs = _one_dim(r)
    if len(args) > 1 and r.random() < 0.9:
        kwargs["dim"] = args.pop()
    kwargs["stable"] = True
    if r.random() < 0.5:
        kwargs["descending"] = r.random() < 0.6
    if r.random() < 0.05:
        args += [True, True]
    if "dim" in kwargs and not isinstance(kwargs["dim"], int):
        kwargs["dim"] = 0
    return args, kwargs


def _topk(r: Random) -> Arguments:
    x = _tensor(r)
    dim = _dim(r, len(x["shape"]))
    k = r.randint(0, max(_size_at(x["shape"], dim), 1))
    args = [x, k if r.random() < 0.95 else r.choice([-1, 20])]
    kwargs: dict[str, Any] = {}
    if r.random() < 0.8:
        args.append(dim)
        if r.random() < 0.5:
            args.append(r.random() < 0.5)
    elif r.random() < 0.3:
        kwargs["largest"] = r.random() < 0.5
    return args, kwargs


def _kthvalue(r: Random) -> Arguments:
    x = _tensor(r)
    dim = _dim(r, len(x["shape"]))
    k = r.randint(1, max(_size_at(x["shape"], dim), 1))
    args = [x, k if r.random() < 0.93 else r.choice([0, -1, 20])]
    if r.random() < 0.8:
        args.append(dim)
    return args, {"keepdim": True} if r.random() < 0.3 else {}


def _cat(r: Random) -> Arguments:
    shape = _shape(r, r.choice([0, 1, 1, 2, 2, 3]))
    dim = _dim(r, len(shape))
    dtype = r.choice(DTYPES)
    listed = []
    for _ in range(r.choice([0, 1, 2, 2, 2, 3])):
        own = list(shape)
        if own and -len(own) <= dim < len(own):
            own[dim] = r.choice(SIZES)
        if r.random() < 0.1:
            own = [0]
        if r.random() < 0.02:
            own = _shape(r)
        listed.append(_tensor(r, own, [dtype] if r.random() < 0.7 else None))
    args: list[Any] = [{"list": listed}]
    if r.random() < 0.8:
        args.append(dim)
    return args, {}


def _stack(r: Random) -> Arguments:
    shape, dtype = _shape(r, r.choice([0, 1, 2, 3])), r.choice(DTYPES)
    listed = [
        _tensor(r, shape if r.random() < 0.97 else _shape(r), [dtype] if r.random() < 0.7 else None)
        for _ in range(r.choice([0, 1, 2, 2, 3]))
    ]
    return [{"list": listed}, *([_dim(r, len(shape) + 1)] if r.random() < 0.8 else [])], {}


def _split(r: Random) -> Arguments:
    x = _tensor(r)
    dim = _dim(r, len(x["shape"]))
    size = _size_at(x["shape"], dim)
    pieces: Any = r.choice([1, 1, 2, 3, 4, 0, -1, 9])
    if r.random() < 0.4:
        a = r.randint(0, size)
        pieces = [a, size - a] if r.random() < 0.9 else [a, size]
    return [x, pieces, dim] if r.random() < 0.8 else [x, pieces], {}


def _chunk(r: Random) -> Arguments:
    args, _ = _split(r)
    args[1] = r.choice([1, 2, 3, 4, 7, 0, -1])
    return args, {}


def _narrow(r: Random) -> Arguments:
    x = _tensor(r)
    dim = _dim(r, len(x["shape"]))
    size = _size_at(x["shape"], dim)
    start = r.randint(-size, size)
    length = r.randint(0, max(size - start % max(size, 1), 0))
    if r.random() < 0.08:
        length = r.choice([-1, size + 1, 2**62])
    return [x, dim, start, length], {}


def _select(r: Random) -> Arguments:
    x = _tensor(r)
    dim = _dim(r, len(x["shape"]))
    size = _size_at(x["shape"], dim)
    return [
        x,
        dim,
        r.randint(-size - 1, size) if r.random() < 0.2 else r.randint(-size, max(size - 1, 0)),
    ], {}


def _diagonal(r: Random) -> Arguments:
    x = _tensor(r)
    rank = len(x["shape"])
    args: list[Any] = [x]
    if r.random() < 0.7:
        args.append(r.choice([0, 0, 1, -1, 2, -3, 9]))
        if r.random() < 0.6:
            args += [_dim(r, rank), _dim(r, rank)]
    return args, {}


def _transpose(r: Random) -> Arguments:
    x = _tensor(r)
    return [x, _dim(r, len(x["shape"])), _dim(r, len(x["shape"]))], {}


def _permute(r: Random) -> Arguments:
    x = _tensor(r)
    order = list(range(len(x["shape"])))
    r.shuffle(order)
    if r.random() < 0.2:
        order = [o - len(order) for o in order]
    if r.random() < 0.06:
        order = [_dim(r, len(order)) for _ in order]
    return [x, order], {}


def _flip(r: Random) -> Arguments:
    x = _tensor(r)
    dims = _dims(r, len(x["shape"]))
    return [x, dims if isinstance(dims, list) else [dims]], {}


def _roll(r: Random) -> Arguments:
    x = _tensor(r)
    if r.random() < 0.2:
        return [x, r.choice([0, 1, -1, 3, 100, -100])], {}
    dims = _dims(r, len(x["shape"]))
    count = len(dims) if isinstance(dims, list) else 1
    if r.random() < 0.05:
        count += 1
    shifts: Any = [r.choice([0, 1, -1, 2, -3, 50]) for _ in range(count)]
    return [x, shifts if isinstance(dims, list) else shifts[0], dims], {}


def _reshape(r: Random) -> Arguments:
    x = _tensor(r)
    shape = list(x["shape"])
    if r.random() < 0.5 and len(shape) > 1:
        at = r.randrange(len(shape) - 1)
        shape[at : at + 2] = [shape[at] * shape[at + 1]]
    else:
        r.shuffle(shape)
        shape.insert(r.randint(0, len(shape)), 1)
    if r.random() < 0.3 and shape:
        shape[r.randrange(len(shape))] = -1
    if r.random() < 0.03:
        shape = _shape(r)
    return [x, shape], {}


def _flatten(r: Random) -> Arguments:
    x = _tensor(r)
    rank = len(x["shape"])
    return [x, *([_dim(r, rank)] if r.random() < 0.7 else []),
            *([_dim(r, rank)] if r.random() < 0.0 else [])], {}  # fmt: skip


def _squeeze(r: Random) -> Arguments:
    args, kwargs = _one_dim(r)
    if r.random() < 0.2:
        args = [args[0], [_dim(r, len(args[0]["shape"])) for _ in range(2)]]
        kwargs = {}
    return args, kwargs


def _unsqueeze(r: Random) -> Arguments:
    x = _tensor(r, rank=r.choice([0, 1, 2, 3]))
    return [x, _dim(r, len(x["shape"]) + 1)], {}


def _expand(r: Random) -> Arguments:
    x = _tensor(r, rank=r.choice([0, 1, 2, 3]))
    shape = [r.choice([n, -1, n, 3]) if n != 1 else r.choice([1, 3, 0, -1]) for n in x["shape"]]
    lead = [
        r.choice([1, 2, 3, 0, -1][: 4 + (r.random() < 0.1)]) for _ in range(r.choice([0, 0, 1]))
    ]
    return [x, [*lead, *shape]], {}


def _repeat(r: Random) -> Arguments:
    x = _tensor(r, rank=r.choice([0, 1, 2, 3]))
    count = len(x["shape"]) + r.choice([0, 0, 1, -1])
    return [x, [r.choice([1, 2, 3, 0, 1]) for _ in range(max(count, 0))]], {}


def _band(r: Random) -> Arguments:
    x = _tensor(r, rank=r.choice([1, 2, 2, 2, 3, 4]))
    return [x, *([r.choice([0, 1, -1, 2, -5])] if r.random() < 0.7 else [])], {}


def _arange(r: Random) -> Arguments:
    def number() -> Any:
        if r.random() < 0.06:
            return r.choice([math.inf, math.nan, 1e30, 2**62])
        return r.choice([0, 1, 2, 5, 10, -3, 0.5, 2.5, -1.5, 0.1, 0.3, 7.0, 1.0])

    args = [number() for _ in range(r.choice([1, 2, 2, 3, 3]))]
    kwargs: dict[str, Any] = {"dtype": {"dtype": r.choice(DTYPES)}} if r.random() < 0.4 else {}
    if any(isinstance(a, (int, float)) and abs(a) > 1e9 for a in args) and len(args) == 3:
        args[2] = 1
    if any(isinstance(a, (int, float)) and 1e6 < abs(a) < math.inf for a in args):
        args = [0, 5]
    return args, kwargs


def _linspace(r: Random) -> Arguments:
    def number() -> Any:
        return r.choice([0, 1, 2, 5, 10, -3, 0.5, 2.5, -1.5, 100, 255, -128, 1e20, math.inf])

    kwargs: dict[str, Any] = {"dtype": {"dtype": r.choice(DTYPES)}} if r.random() < 0.5 else {}
    return [number(), number(), r.choice([0, 1, 2, 3, 5, 8, 11, 50, -1])], kwargs


def _eye(r: Random) -> Arguments:
    kwargs: dict[str, Any] = {"dtype": {"dtype": r.choice(DTYPES)}} if r.random() < 0.5 else {}
    return [
        r.choice([0, 1, 3, 5, -1]),
        *([r.choice([0, 2, 6])] if r.random() < 0.4 else []),
    ], kwargs


def _full(r: Random) -> Arguments:
    kwargs: dict[str, Any] = {"dtype": {"dtype": r.choice(DTYPES)}} if r.random() < 0.6 else {}
    return [_shape(r, r.choice([0, 1, 2])), _number(r)], kwargs


def _full_like(r: Random) -> Arguments:
    kwargs: dict[str, Any] = {"dtype": {"dtype": r.choice(DTYPES)}} if r.random() < 0.3 else {}
    return [_tensor(r), _number(r)], kwargs


def _fill(r: Random) -> Arguments:
    return [_tensor(r), _number(r) if r.random() < 0.8 else _tensor(r, [])], {}


def _copy(r: Random) -> Arguments:
    x = _tensor(r)
    return [x, _tensor(r, _broadcastable(r, x["shape"]))], {}


def _to(r: Random) -> Arguments:
    return [_tensor(r), {"dtype": r.choice(DTYPES)}], {}


def _isclose(r: Random) -> Arguments:
    x = _tensor(r)
    other = _tensor(r, x["shape"], [x["dtype"]], seed=x["seed"] + (r.random() < 0.5))
    return [x, other], r.choice(
        [{}, {}, {"equal_nan": True}, {"atol": 1.0}, {"rtol": 0.1}, {"rtol": -1.0}][
            : 5 + (r.random() < 0.1)
        ]
    )


def _tensordot(r: Random) -> Arguments:
    a, b = _matrices(r, [])
    return [a, b, r.choice([1, 1, 0, 2, 5, -1])], {}


def _einsum(r: Random) -> Arguments:
    dtype = r.choice(DTYPES)
    sizes = {letter: r.choice(SIZES[:9]) for letter in "ijkl"}
    terms = ["".join(r.sample("ijkl", r.randint(0, 3))) for _ in range(r.choice([1, 2, 2, 3]))]
    used = sorted({c for term in terms for c in term})
    right = "".join(r.sample(used, r.randint(0, len(used))))
    equation = ",".join(terms) + ("->" + right if r.random() < 0.8 else "")
    return [equation, *(_tensor(r, [sizes[c] for c in term], [dtype]) for term in terms)], {}


def _meshgrid(r: Random) -> Arguments:
    dtype = r.choice(DTYPES)
    listed = [
        _tensor(r, _shape(r, r.choice([0, 1, 1, 1])), [dtype]) for _ in range(r.randint(1, 3))
    ]
    return listed, {"indexing": r.choice(["ij", "xy"])} if r.random() < 0.5 else {}


def _conv(r: Random) -> Arguments:
    groups = r.choice([1, 1, 1, 2, 3])
    c, o = groups * r.choice([1, 2, 3]), groups * r.choice([1, 2])
    kh, kw = r.choice([1, 2, 3]), r.choice([1, 3])
    dtypes = [r.choice(FLOATS)] if r.random() < 0.95 else None
    images = [*([r.choice([0, 1, 2, 3])] if r.random() < 0.8 else []), c if r.random() < 0.97 else 5,
              r.choice([1, 3, 5, 8]), r.choice([2, 5, 9])]  # fmt: skip
    args: list[Any] = [_tensor(r, images, dtypes), _tensor(r, [o, c // groups, kh, kw], dtypes)]
    kwargs: dict[str, Any] = {}
    if r.random() < 0.5:
        args.append(_tensor(r, [o] if r.random() < 0.97 else [o + 1], dtypes))
    if r.random() < 0.4:
        kwargs["stride"] = r.choice([1, 2, [1, 2], 0])
    if r.random() < 0.4:
        kwargs["padding"] = r.choice([0, 1, 2, [2, 1], "same", "valid", -1])
    if r.random() < 0.3:
        kwargs["dilation"] = r.choice([1, 2, [1, 2], 0])
    if groups > 1 or r.random() < 0.03:
        kwargs["groups"] = groups if r.random() < 0.95 else r.choice([0, 4])
    return args, kwargs


def _pool(r: Random, average: bool = False) -> Arguments:
    shape = [*([r.choice([0, 1, 2])] if r.random() < 0.8 else []), r.choice([1, 3]),
             r.choice([1, 4, 7]), r.choice([2, 5, 8])]  # fmt: skip
    args: list[Any] = [_floats(r, shape=shape if r.random() < 0.97 else _shape(r))]
    args.append(r.choice([1, 2, 2, 3, [2, 1], [1, 3], 0, 9]))
    kwargs: dict[str, Any] = {}
    if r.random() < 0.5:
        kwargs["stride"] = r.choice([1, 2, 3, [1, 2], None, 0])
    if r.random() < 0.4:
        kwargs["padding"] = r.choice([0, 1, [1, 0], 3, -1])
    if r.random() < 0.3:
        kwargs["ceil_mode"] = True
    if average:
        if r.random() < 0.3:
            kwargs["count_include_pad"] = r.random() < 0.5
        if r.random() < 0.2:
            kwargs["divisor_override"] = r.choice([1, 3, 0, -2])
    else:
        if r.random() < 0.3:
            kwargs["dilation"] = r.choice([1, 2, 0])
        if r.random() < 0.3:
            kwargs["return_indices"] = True
    return args, kwargs


def _adaptive(r: Random) -> Arguments:
    shape = [*([r.choice([0, 1, 2])] if r.random() < 0.8 else []), 2, r.choice([1, 4, 7]), 6]
    return [_floats(r, shape=shape), r.choice([1, 2, 3, [2, 3], [None, 2], 0, -1, [5, 4]])], {}


def _linear(r: Random) -> Arguments:
    i, o = r.choice(SIZES), r.choice(SIZES)
    dtypes = [r.choice(FLOATS)] if r.random() < 0.9 else None
    args = [_tensor(r, [*_shape(r, r.choice([0, 1, 2]), 30), i], dtypes),
            _tensor(r, [o, i if r.random() < 0.96 else 4], dtypes)]  # fmt: skip
    if r.random() < 0.5:
        args.append(_tensor(r, [o] if r.random() < 0.9 else [1], dtypes))
    return args, {}


def _embedding(r: Random) -> Arguments:
    rows = r.choice(SIZES[1:])
    weight = _tensor(r, [rows, r.choice(SIZES)], FLOATS if r.random() < 0.9 else None)
    index = _index(r, _shape(r, r.choice([0, 1, 2]), 30), rows)
    return [index, weight], {"padding_idx": r.choice([0, -1, 9])} if r.random() < 0.3 else {}


def _layer_norm(r: Random) -> Arguments:
    x = _floats(r, rank=r.choice([1, 2, 3]))
    count = r.randint(1, len(x["shape"]))
    shape = x["shape"][-count:] if r.random() < 0.95 else [3]
    args: list[Any] = [x, shape]
    kwargs: dict[str, Any] = {}
    for name in ("weight", "bias"):
        if r.random() < 0.5:
            kwargs[name] = _tensor(r, shape if r.random() < 0.96 else [2], [x["dtype"]])
    if r.random() < 0.2:
        kwargs["eps"] = r.choice([0.0, 1e-3, 1.0])
    return args, kwargs


def _batch_norm(r: Random) -> Arguments:
    x = _floats(r, rank=r.choice([2, 3, 4]))
    channels = x["shape"][1] if r.random() < 0.96 else 5
    own = [x["dtype"]]

    def vector() -> Any:
        made = _tensor(r, [channels], own)
        made.pop("grad", None)
        made.pop("special", None)
        return made

    args = [x, *(vector() if r.random() < 0.9 else None for _ in range(2))]
    kwargs: dict[str, Any] = {n: vector() for n in ("weight", "bias") if r.random() < 0.5}
    if r.random() < 0.5:
        kwargs["training"] = True
    return args, kwargs


def _pad(r: Random) -> Arguments:
    x = _tensor(r)
    count = r.randint(0, len(x["shape"]) + (r.random() < 0.1))
    amounts = [
        r.choice([0, 1, 2, 1, -1, 3]) for _ in range(2 * count - (r.random() < 0.04 and count > 0))
    ]
    kwargs: dict[str, Any] = {"value": _number(r)} if r.random() < 0.5 else {}
    return [x, amounts], kwargs


def _one_hot(r: Random) -> Arguments:
    x = _index(r, _shape(r, r.choice([0, 1, 2]), 30), 4)
    return [x, *([r.choice([-1, 4, 5, 2, 0, -3])] if r.random() < 0.7 else [])], {}


def _gelu(r: Random) -> Arguments:
    return [_tensor(r)], {
        "approximate": r.choice(["none", "tanh", "x"])
    } if r.random() < 0.5 else {}


def _loss(r: Random) -> Arguments:
    x = _floats(r, rank=r.choice([0, 1, 2, 3]))
    target = _tensor(r, x["shape"], [x["dtype"]] if r.random() < 0.8 else None)
    return [x, target], {
        "reduction": r.choice(["mean", "sum", "none", "x"])
    } if r.random() < 0.7 else {}


def _bce(r: Random) -> Arguments:
    args, kwargs = _loss(r)
    if r.random() < 0.05:
        args[1]["shape"] = _shape(r)
    for name in ("weight", "pos_weight"):
        if r.random() < 0.25:
            kwargs[name] = _tensor(r, _broadcastable(r, args[0]["shape"]), [args[0]["dtype"]])
    return args, kwargs


def _nll(r: Random) -> Arguments:
    rank = r.choice([1, 2, 2, 3, 4])
    x = _floats(r, rank=rank)
    shape = x["shape"]
    classes = shape[0] if rank == 1 else shape[1]
    target = _index(r, [] if rank == 1 else [shape[0], *shape[2:]], classes)
    if r.random() < 0.04:
        target["shape"] = _shape(r)
    kwargs: dict[str, Any] = {}
    if r.random() < 0.3:
        kwargs["weight"] = _tensor(r, [classes], [x["dtype"]] if r.random() < 0.9 else None)
        kwargs["weight"].pop("grad", None)
    if r.random() < 0.6:
        kwargs["reduction"] = r.choice(["mean", "sum", "none", "x"])
    if r.random() < 0.3:
        kwargs["ignore_index"] = r.choice([0, 1, -100, -1])
    return [x, target], kwargs


def _cross_entropy(r: Random) -> Arguments:
    args, kwargs = _nll(r)
    if r.random() < 0.3:
        args[1] = _tensor(r, args[0]["shape"], [args[0]["dtype"]])
    if r.random() < 0.3:
        kwargs["label_smoothing"] = r.choice([0.1, 0.5, 1.0, 0.0, -0.1, 2.0])
    return args, kwargs


def _attention(r: Random) -> Arguments:
    dtypes = [r.choice(FLOATS)] if r.random() < 0.97 else None
    batch = _shape(r, r.choice([0, 1, 2]), 6)
    q, s, e, v = (r.choice([1, 2, 3, 5, 8, 0][: 5 + (r.random() < 0.1)]) for _ in range(4))
    args = [_tensor(r, [*batch, n, m], dtypes) for n, m in ((q, e), (s, e), (s, v))]
    for each in args:
        if each.get("special") in ("special", "extreme"):
            each.pop("special")
    kwargs: dict[str, Any] = {}
    if r.random() < 0.4:
        mask = _tensor(
            r, [*_broadcastable(r, batch), q, s], ["bool"] if r.random() < 0.6 else dtypes
        )
        if mask.get("special") in ("special", "extreme"):
            mask.pop("special")
        kwargs["attn_mask"] = mask
    elif r.random() < 0.4:
        kwargs["is_causal"] = True
    if r.random() < 0.2:
        kwargs["scale"] = r.choice([1.0, 0.5])
    return args, kwargs


def _dropout(r: Random) -> Arguments:
    return [_tensor(r), r.choice([0, 1, 0.0, 1.0, -0.1, 2.0]), r.random() < 0.6], {}


def _sized(r: Random) -> Arguments:
    kwargs: dict[str, Any] = {"dtype": {"dtype": r.choice(DTYPES)}} if r.random() < 0.4 else {}
    shape: Any = _shape(r, r.choice([0, 1, 2, 3]))
    if r.random() < 0.1 and shape:
        shape[0] = -1
    return [shape], kwargs


def _like(r: Random) -> Arguments:
    kwargs: dict[str, Any] = {"dtype": {"dtype": r.choice(DTYPES)}} if r.random() < 0.4 else {}
    return [_tensor(r)], kwargs


def _new_full(r: Random) -> Arguments:
    args, kwargs = _full(r)
    return [_tensor(r), *args], kwargs


def _new_sized(r: Random) -> Arguments:
    args, kwargs = _sized(r)
    return [_tensor(r), *args], kwargs


def _bernoulli(r: Random) -> Arguments:
    x = _floats(r)
    x["special"] = "zeros"
    return [x], {}


def _item(r: Random) -> Arguments:
    return [_tensor(r, r.choice([[], [1], [1, 1], [2], [0]]))], {}


def _add_alpha(r: Random) -> Arguments:
    args, kwargs = _binary(r)
    return args, {"alpha": r.choice([1, 2, 0.5, -1, True])} if r.random() < 0.3 else kwargs


def _div_mode(r: Random) -> Arguments:
    args, kwargs = _binary(r)
    modes = ["floor", "trunc", None, "x"]
    return args, {"rounding_mode": r.choice(modes)} if r.random() < 0.4 else kwargs


def _round(r: Random) -> Arguments:
    return [_tensor(r)], {"decimals": r.choice([0, 1, 2, -1])} if r.random() < 0.3 else {}


def _index_put(r: Random) -> Arguments:
    x = _tensor(r)
    shape = x["shape"]
    if r.random() < 0.3:
        return [x, {"list": [_tensor(r, shape, ["bool"])]}, _tensor(r, [], [x["dtype"]])], {}
    indices = [_index(r, [2], n) for n in shape[: r.randint(0, len(shape))]]
    return [x, {"list": indices}, _tensor(r, [], [x["dtype"]]), r.random() < 0.3], {}


UNARY = (
    "abs acos asin atan ceil cos cosh erf exp exp2 expm1 floor log log10 log1p log2 neg reciprocal "
    "relu rsqrt sigmoid sign sin sinh sqrt tan tanh trunc bitwise_not"
).split()
BINARY = (
    "atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor "
    "floor_divide mul pow remainder clamp_max clamp_min"
).split()
FREE_OF_WRITES = "isfinite isinf isnan logical_not".split()
COMPARED = "eq ge gt le lt ne logical_and logical_or logical_xor".split()

# What a call is made with, and its forms: f(unction), m(ethod), w(rite: the method with "_"),
# n(n.functional).
TABLE: dict[str, tuple[Callable[[Random], Arguments], str]] = {
    **{name: (_unary, "fmw") for name in UNARY},
    **{name: (_binary, "fmw") for name in BINARY},
    **{name: (_unary, "fm") for name in FREE_OF_WRITES},
    **{name: (_binary, "fm") for name in COMPARED},
    "add": (_add_alpha, "fmw"),
    "sub": (_add_alpha, "fmw"),
    "div": (_div_mode, "fmw"),
    "round": (_round, "fmw"),
    "square": (_unary, "fm"),
    "maximum": (_tensor_binary, "fm"),
    "minimum": (_tensor_binary, "fm"),
    "sum": (lambda r: _reduction(r, True), "fm"),
    "prod": (lambda r: _keep(r), "fm"),
    "mean": (lambda r: _reduction(r, True), "fm"),
    "amax": (_reduction, "fm"),
    "amin": (_reduction, "fm"),
    "all": (_reduction, "fm"),
    "any": (_reduction, "fm"),
    "argmax": (_keep, "fm"),
    "argmin": (_keep, "fm"),
    "max": (_keep, "fm"),
    "min": (_keep, "fm"),
    "median": (_keep, "fm"),
    "logsumexp": (_reduction, "fm"),
    "count_nonzero": (lambda r: (_reduction(r)[0][:2], {}), "fm"),
    "var": (_var, "fm"),
    "std": (_var, "fm"),
    "norm": (_norm, "fm"),
    "cumsum": (_cumsum, "fm"),
    "softmax": (_softmax, "fmn"),
    "log_softmax": (_softmax, "fmn"),
    "matmul": (_matmul, "fm"),
    "mm": (_mm, "fm"),
    "bmm": (_bmm, "fm"),
    "dot": (_vectors, "fm"),
    "outer": (_vectors, "fm"),
    "addmm": (_addmm, "fm"),
    "clamp": (_clamp, "fmw"),
    "where": (_where, "f"),
    "gather": (_gather, "fm"),
    "take_along_dim": (_take_along_dim, "fm"),
    "scatter": (_scatter, "fmw"),
    "scatter_add": (_scatter_add, "fmw"),
    "index_select": (_index_select, "fm"),
    "index_add": (_index_write, "fmw"),
    "index_copy": (_index_write, "fmw"),
    "index_fill": (_index_fill, "fmw"),
    "index_put_": (_index_put, "m"),
    "masked_select": (_masked, "fm"),
    "masked_fill": (_masked_fill, "fmw"),
    "nonzero": (lambda r: ([_tensor(r)], {"as_tuple": True} if r.random() < 0.5 else {}), "fm"),
    "sort": (_sort, "fm"),
    "argsort": (_sort, "fm"),
    "msort": (_unary, "fm"),
    "topk": (_topk, "fm"),
    "kthvalue": (_kthvalue, "fm"),
    "cat": (_cat, "f"),
    "concat": (_cat, "f"),
    "stack": (_stack, "f"),
    "split": (_split, "fm"),
    "chunk": (_chunk, "fm"),
    "unbind": (_one_dim, "fm"),
    "narrow": (_narrow, "fm"),
    "select": (_select, "fm"),
    "diagonal": (_diagonal, "fm"),
    "transpose": (_transpose, "fm"),
    "t": (_unary, "fm"),
    "permute": (_permute, "fm"),
    "flip": (_flip, "fm"),
    "roll": (_roll, "fm"),
    "reshape": (_reshape, "fm"),
    "view": (_reshape, "m"),
    "flatten": (_flatten, "fm"),
    "squeeze": (_squeeze, "fm"),
    "unsqueeze": (_unsqueeze, "fm"),
    "expand": (_expand, "m"),
    "repeat": (_repeat, "m"),
    "tril": (_band, "fm"),
    "triu": (_band, "fm"),
    "clone": (_unary, "fm"),
    "contiguous": (_unary, "m"),
    "detach": (_unary, "m"),
    "numel": (_unary, "fm"),
    "arange": (_arange, "f"),
    "linspace": (_linspace, "f"),
    "eye": (_eye, "f"),
    "full": (_full, "f"),
    "full_like": (_full_like, "f"),
    "zeros": (_sized, "f"),
    "ones": (_sized, "f"),
    "zeros_like": (_like, "f"),
    "ones_like": (_like, "f"),
    "empty": (_sized, "f"),
    "empty_like": (_like, "f"),
    "new_full": (_new_full, "m"),
    "new_zeros": (_new_sized, "m"),
    "new_ones": (_new_sized, "m"),
    "fill_": (_fill, "m"),
    "zero_": (_unary, "m"),
    "copy_": (_copy, "m"),
    "to": (_to, "m"),
    "type_as": (_copy, "m"),
    "expand_as": (_copy, "m"),
    "view_as": (_copy, "m"),
    **{
        name: (_unary, "m")
        for name in "float double half bfloat16 int long short bool tolist is_floating_point dim".split()
    },
    "item": (_item, "m"),
    "isclose": (_isclose, "fm"),
    "allclose": (_isclose, "fm"),
    "equal": (_tensor_binary, "fm"),
    "tensordot": (_tensordot, "f"),
    "einsum": (_einsum, "f"),
    "meshgrid": (_meshgrid, "f"),
    "bernoulli": (_bernoulli, "f"),
    "dropout": (_dropout, "fn"),
    "conv2d": (_conv, "fn"),
    "max_pool2d": (_pool, "n"),
    "avg_pool2d": (lambda r: _pool(r, True), "n"),
    "linear": (_linear, "n"),
    "embedding": (_embedding, "n"),
    "layer_norm": (_layer_norm, "n"),
    "batch_norm": (_batch_norm, "n"),
    "pad": (_pad, "n"),
    "one_hot": (_one_hot, "n"),
    "gelu": (_gelu, "n"),
    "silu": (_unary, "n"),
    "logsigmoid": (_unary, "n"),
    "mse_loss": (_loss, "n"),
    "l1_loss": (_loss, "n"),
    "binary_cross_entropy_with_logits": (_bce, "n"),
    "nll_loss": (_nll, "n"),
    "cross_entropy": (_cross_entropy, "n"),
    "scaled_dot_product_attention": (_attention, "n"),
}
SYMBOLS = ["+", "-", "*", "/", "//", "%", "**", "&", "|", "^", "<<", ">>"]
TESTS = ["==", "!=", "<", "<=", ">", ">="]
SIGNS = ["neg", "invert", "abs"]
NAMES = [*TABLE, *SYMBOLS, *TESTS, *SIGNS, "@"]

# Whose results have no values to compare, or none that PyTorch defines.
UNDEFINED = {"empty", "empty_like"}


def _misuse(r: Random, args: list[Any], kwargs: dict[str, Any]) -> None:
    """One argument too many, of a wrong type, misspelt or missing."""
    choice = r.randrange(5)
    if choice == 0:
        args.append(r.choice([1, None, "x", True]))
    elif choice == 1:
        kwargs["nonsense"] = 1
    elif choice == 2 and len(args) > 1:
        args[r.randrange(1, len(args))] = r.choice([None, "x", 1.5, [], True])
    elif choice == 3 and len(args) > 1:
        args.pop()
    elif kwargs:
        kwargs[r.choice(list(kwargs))] = r.choice([None, "x", 1.5, 3])


def generate(random: Random) -> Case:
    name = random.choice(NAMES)
    if name in TABLE:
        make, forms = TABLE[name]
        form = random.choice(forms)
        args, kwargs = make(random)
        if random.random() < 0.03:
            _misuse(random, args, kwargs)
        if form == "w":
            name, form = name + "_", "m"
        form = {"f": "function", "m": "method", "n": "nn"}[form]
    elif name in SIGNS:
        (args, kwargs), form = _unary(random), "operator"
    elif name == "@":
        (args, kwargs), form = _matmul(random), "operator"
    else:
        args, kwargs = _binary(random)
        form = "in-place" if name in SYMBOLS and random.random() < 0.3 else "operator"
    if (form == "method" or form == "in-place") and not (
        args and isinstance(args[0], dict) and "shape" in args[0]
    ):
        args = [_tensor(random), *args[1:]]
    return {"call": name, "form": form, "args": args, "kwargs": kwargs}


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
