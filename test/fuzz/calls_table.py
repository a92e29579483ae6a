# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which calls `calls` makes, and with what: `TABLE` says how the arguments of each are made."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

FLOATS = ["float32", "float64", "float16", "bfloat16"]
INTEGERS = ["int64", "int32", "int16", "int8", "uint8"]
DTYPES = [*FLOATS, *INTEGERS, "bool"]
LAYOUTS = ["transposed", "strided", "expanded", "offset", "flipped"]
SPECIALS = ["special", "ties", "extreme", "zeros"]

Case = dict[str, Any]


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
    k = r.randint(0 if x["shape"] else 1, max(_size_at(x["shape"], dim), 1))
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
