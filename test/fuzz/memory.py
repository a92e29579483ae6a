# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Structured operations of every small size, in memory between pages that nobody may touch.

A kernel that reads or writes outside of what it was given dies; one that reads what nobody wrote
reads NaN, which the comparison with torch in f64 shows. STEPWELL_GUARD_MEMORY=start puts the
blocks at the beginning of their pages instead of the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

os.environ.setdefault("STEPWELL_GUARD_MEMORY", "end")

import numpy as np
import stepwell
import torch

Case = dict[str, Any]
SIZES = [0, 1, 1, 2, 2, 3, 3, 4, 5, 7, 8, 9, 13, 16, 17, 31, 33, 48, 65]
FLOATS = ["float32", "float32", "float64", "float16", "bfloat16"]
INTEGERS = ["int64", "int32", "uint8", "int8", "int16"]
ROUNDING = {"float64": 1e-10, "float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}
# Stands for an operand made of the number that follows: what an index may be.
Make = Callable[[Random], dict[str, Any]]
CALLS: dict[str, tuple[Make, Callable[..., Any]]] = {}
size = lambda r: r.choice(SIZES)  # noqa: E731


def call(make: Make) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(compute: Callable[..., Any]) -> Callable[..., Any]:
        CALLS[compute.__name__] = (make, compute)
        return compute

    return register


def shapes(*wanted: str) -> Make:
    """Operands of such shapes, equal letters of equal sizes; a number is itself."""

    def make(r: Random) -> dict[str, Any]:
        sizes: dict[str, int] = {}
        return {
            "shapes": [
                [int(d) if d.isdigit() else sizes.setdefault(d, size(r)) for d in s] for s in wanted
            ]
        }

    return make


def ranked(extra: Callable[[Random, list[int]], dict[str, Any]], least: int = 1) -> Make:
    def make(r: Random) -> dict[str, Any]:
        shape = [size(r) for _ in range(r.randint(least, 3))]
        return {"shapes": [shape], **extra(r, shape)}

    return make


def a_dim(r: Random, shape: list[int]) -> dict[str, Any]:
    return {"dim": r.randrange(len(shape))}


@call(shapes("mk", "kn"))
def matmul(t, c, a, b):
    return a @ b


@call(shapes("mk", "nk"))
def matmul_transposed(t, c, a, b):
    return a @ b.T


@call(shapes("km", "kn"))
def transposed_matmul(t, c, a, b):
    return a.T @ b


@call(shapes("bmk", "bkn"))
def bmm(t, c, a, b):
    return t.bmm(a, b)


@call(shapes("mk", "k"))
def matrix_vector(t, c, a, b):
    return a @ b


@call(shapes("k", "kn"))
def vector_matrix(t, c, a, b):
    return a @ b


@call(shapes("bk", "nk", "n"))
def linear(t, c, x, w, b):
    return t.relu(t.nn.functional.linear(x, w, b))


@call(shapes("mn", "mk", "kn"))
def addmm(t, c, x, a, b):
    return t.addmm(x, a, b)


def make_convolution(r: Random) -> dict[str, Any]:
    kernel, stride, padding = r.randint(1, 4), r.randint(1, 3), r.randint(0, 2)
    dilation, groups = r.randint(1, 2), r.choice([1, 1, 1, 2, 3])
    reach = dilation * (kernel - 1) + 1
    plane = [max(reach - 2 * padding, 0) + r.choice([0, 1, 2, 5, 9, 16]) for _ in range(2)]
    plane = [max(p, 1) for p in plane]
    c, o = groups * r.choice([1, 2, 3, 5, 8, 16]), groups * r.choice([1, 2, 3, 7, 16])
    return {
        "shapes": [[r.choice([0, 1, 2, 3]), c, *plane], [o, c // groups, kernel, kernel], [o]],
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "groups": groups,
    }


@call(make_convolution)
def conv2d(t, c, x, w, b):
    return t.nn.functional.conv2d(
        x, w, b, c["stride"], c["padding"], dilation=c["dilation"], groups=c["groups"]
    )


def make_pool(r: Random) -> dict[str, Any]:
    kernel = r.randint(1, 3)
    padding = r.randint(0, kernel // 2)
    plane = [kernel + r.choice([0, 1, 2, 5, 16]) for _ in range(2)]
    return {
        "shapes": [[r.choice([0, 1, 2]), r.choice([1, 3, 16]), *plane]],
        "kernel": kernel,
        "stride": r.randint(1, 3),
        "padding": padding,
    }


@call(make_pool)
def max_pool2d(t, c, x):
    return t.nn.functional.max_pool2d(x, c["kernel"], c["stride"], c["padding"])


@call(make_pool)
def avg_pool2d(t, c, x):
    return t.nn.functional.avg_pool2d(x, c["kernel"], c["stride"], c["padding"])


for name in ("sum", "mean", "prod", "amax", "amin", "argmax", "argmin", "var", "logsumexp"):

    def reduce(t, c, x, name=name):
        return getattr(x, name)(c["dim"])

    reduce.__name__ = name
    call(ranked(a_dim))(reduce)

for name in ("cumsum", "softmax", "log_softmax"):

    def along(t, c, x, name=name):
        return getattr(x, name)(c["dim"])

    along.__name__ = name
    call(ranked(a_dim))(along)


@call(ranked(a_dim))
def sort(t, c, x):
    values, indices = x.sort(c["dim"])
    return values, x.gather(c["dim"], indices)


@call(ranked(lambda r, s: {"dim": len(s) - 1, "k": r.randint(0, s[-1])}))
def topk(t, c, x):
    values, indices = x.topk(c["k"], c["dim"])
    return values, x.gather(c["dim"], indices)


@call(ranked(a_dim))
def median(t, c, x):
    return x.median(c["dim"])[0] * 2


def an_index(r: Random, shape: list[int]) -> dict[str, Any]:
    dim = r.randrange(len(shape))
    return {"dim": dim, "index": [size(r) if shape[dim] else 0, shape[dim]]}


@call(ranked(an_index))
def index_select(t, c, x, index):
    return x.index_select(c["dim"], index)


@call(ranked(an_index))
def index_add(t, c, x, index):
    return x.index_add(c["dim"], index, x.index_select(c["dim"], index) * 2)


@call(ranked(an_index))
def gather_and_scatter(t, c, x, index):
    sizes = list(x.shape)
    view = [1] * len(sizes)
    view[c["dim"]] = sizes[c["dim"]] = index.shape[0]
    where = index.reshape(view).expand(sizes)
    picked = x.gather(c["dim"], where)
    return picked, x.scatter_add(c["dim"], where, picked)


@call(ranked(lambda r, s: {"pad": [r.randint(0, 3) for _ in range(2 * r.randint(1, len(s)))]}))
def pad(t, c, x):
    return t.nn.functional.pad(x, c["pad"])


@call(ranked(a_dim))
def flip(t, c, x):
    return x.flip(c["dim"])


@call(ranked(a_dim))
def cat(t, c, x):
    return t.cat([x, x * 2, x], c["dim"])


def a_slice(r: Random, shape: list[int]) -> dict[str, Any]:
    start = r.randint(0, shape[-1])
    return {"slice": [start, r.randint(start, shape[-1]), r.randint(1, 3)]}


@call(ranked(a_slice))
def sliced(t, c, x):
    return x[..., slice(*c["slice"])] * 2


@call(ranked(a_slice))
def assign_slice(t, c, x):
    y = x * 2
    y[..., slice(*c["slice"])] = x[..., slice(*c["slice"])]
    return y


@call(ranked(lambda r, s: {}, least=2))
def transposed(t, c, x):
    return x.transpose(0, 1).contiguous() * 2, x.transpose(-1, -2) + 1


@call(lambda r: {"shapes": [], "index": [size(r), r.choice([1, 2, 5, 17])]})
def one_hot(t, c, index):
    return t.nn.functional.one_hot(index, c["index"][1])


@call(shapes("bn", "n", "n"))
def layer_norm(t, c, x, w, b):
    return t.nn.functional.layer_norm(x, [x.shape[-1]], w, b)


@call(shapes("bcn", "c", "c"))
def batch_norm(t, c, x, w, b):
    return t.nn.functional.batch_norm(x, None, None, w, b, training=True)


def make_attention(r: Random) -> dict[str, Any]:
    b, h, q, k = r.choice([0, 1, 2]), r.choice([1, 3]), size(r), max(1, size(r))
    d = r.choice([1, 2, 3, 8, 16, 17, 64])
    return {"shapes": [[b, h, q, d], [b, h, k, d], [b, h, k, d]], "causal": r.random() < 0.3}


@call(make_attention)
def attention(t, c, q, k, v):
    return t.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=c["causal"])


INTEGRAL = set(
    "matmul bmm sum prod amax amin argmax argmin cumsum sort topk median index_select "
    "index_add gather_and_scatter pad flip cat sliced assign_slice transposed one_hot max_pool2d".split()
)
# What a rounding can decide is compared in its own values only.
LOOSE = {"argmax", "argmin", "sort", "median", "topk", "amax", "amin", "max_pool2d"}


def generate(random: Random) -> Case:
    name = random.choice(list(CALLS))
    make, _ = CALLS[name]
    dtype = random.choice(FLOATS)
    if name in INTEGRAL and random.random() < 0.35:
        dtype = random.choice(INTEGERS)
    case = {"call": name, "dtype": dtype, "seed": random.randrange(1000), **make(random)}
    case["compiled"] = random.random() < 0.3
    case["grad"] = dtype in FLOATS and random.random() < 0.5
    return case


def group(case: Case) -> str:
    return f"{case['call']} {case['dtype']} {case['grad']}"


def smaller(case: Case) -> Iterator[Case]:
    for key in ("grad", "compiled"):
        if case[key]:
            yield {**case, key: False}
    if case["dtype"] not in ("float32", "int64"):
        yield {**case, "dtype": "float32" if case["dtype"] in FLOATS else "int64"}


def operands(case: Case) -> list[np.ndarray]:
    random = np.random.default_rng(case["seed"])
    arrays = []
    for shape in case["shapes"]:
        # Distinct, so that no order is left open; integers are small, so that products fit.
        count = int(np.prod(shape))
        values = random.permutation(count)
        if case["dtype"] in FLOATS:
            values = (values - count // 2) / max(count, 1) * 3
        elif case["call"] in ("matmul", "bmm"):
            values = values % 5
        else:
            values = values % 97
        arrays.append(np.asarray(values, "f8").reshape(shape))
    if "index" in case:
        count, most = case["index"]
        arrays.append(random.integers(0, max(most, 1), count))
    return arrays


def compute(library: Any, case: Case, dtype: str, compiled: bool) -> list[Any]:
    function = CALLS[case["call"]][1]
    tensors, wanted = [], []
    for array in operands(case):
        tensor = library.tensor(array.tolist() if array.size else [])
        tensor = tensor.reshape(list(array.shape))
        if array.dtype == np.float64:
            tensor = tensor.to(getattr(library, dtype)).contiguous()
            if case["grad"]:
                wanted.append(tensor.requires_grad_())
        else:
            tensor = tensor.to(library.int64)
        tensors.append(tensor)
    run = lambda *given: function(library, case, *given)  # noqa: E731
    results = (library.compile(run) if compiled else run)(*tensors)
    results = list(results) if isinstance(results, tuple) else [results]
    found = list(results)
    if case["grad"]:
        sums = [(r * r).sum() for r in results if r.requires_grad]
        if sums:
            found += library.autograd.grad(sum(sums[1:], sums[0]), wanted, allow_unused=True)
    return found


def attempt(library: Any, *arguments: Any) -> tuple[list[Any] | None, str]:
    try:
        return compute(library, *arguments), ""
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        return None, f"{type(error).__name__}: {error}"


def check(case: Case) -> str | None:
    exact = case["dtype"] not in FLOATS
    theirs, refused = attempt(torch, case, case["dtype"] if exact else "float64", False)
    ours, error = attempt(stepwell, case, case["dtype"], case["compiled"])
    if "internal error" in error or "compilation failed" in error:
        return f"compiler: {error[:300]}"
    if theirs is None or ours is None:
        return None  # who refuses what is another fuzzer's question
    rounding = 0 if exact else ROUNDING[case["dtype"]]
    gradients = len(case["shapes"]) if case["grad"] else 0
    for i, (got, want) in enumerate(zip(ours, theirs, strict=True)):
        # A gradient sees what was rounded on the way, several times.
        tolerance = rounding * (5 if i >= len(ours) - gradients else 1)
        if got is None or want is None:
            continue
        if list(got.shape) != list(want.shape):
            return f"shape: result {i} is {list(got.shape)}, not {list(want.shape)}"
        a = np.array(got.detach().to(stepwell.float64).tolist(), "f8")
        b = np.array(want.detach().to(torch.float64).tolist(), "f8")
        if not a.size:
            continue
        if case["call"] in LOOSE and case["dtype"] not in ("float64", "float32", *INTEGERS):
            bad = ~np.isfinite(a) & np.isfinite(b)
        else:
            scale = np.max(np.abs(b[np.isfinite(b)]), initial=1.0)
            with np.errstate(invalid="ignore"):
                near = np.abs(a - b) <= tolerance * scale
            bad = ~(near | (a == b) | (np.isnan(a) & np.isnan(b)))
            if case["dtype"] in ("float16",):
                bad &= ~(np.isinf(a) & (np.abs(b) > 6e4))
        if bad.any():
            at = tuple(int(x[0]) for x in np.nonzero(bad)) if bad.ndim else ()
            return f"values: result {i} at {list(at)} is {a[at]}, not {b[at]}"
    return None
