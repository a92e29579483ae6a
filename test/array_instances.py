# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random uses of every operation of the array dialect, as text and with some sizes left open."""

from __future__ import annotations

import random as random_module
from dataclasses import dataclass, field

Random = random_module.Random
Shape = tuple[int, ...]

FLOATS = ("f32", "f64", "f16", "bf16")
INTEGERS = ("i64", "i32", "i16", "i8", "ui8")
BOOL = ("i1",)
ALL = FLOATS + INTEGERS + BOOL


def type_text(dtype: str, shape: tuple[int | None, ...]) -> str:
    sizes = "".join(f"{'?' if size is None else size}x" for size in shape)
    return f"tensor<{sizes}{dtype}>"


def dims_text(values) -> str:
    return f"array<i64: {', '.join(map(str, values))}>" if values else "array<i64>"


@dataclass
class Tensor:
    dtype: str
    shape: Shape
    # For indices: no element is this or more.
    below: int | None = None


@dataclass
class Instance:
    """One operation, all of whose sizes are known."""

    mnemonic: str
    operands: list[Tensor]
    results: list[Tensor]
    attributes: dict[str, str] = field(default_factory=dict)

    def line(self, name: str, operands: list[str], types: list[str], results: list[str]) -> str:
        attributes = ", ".join(f"{k} = {v}" for k, v in self.attributes.items())
        count = f":{len(results)}" if len(results) > 1 else ""
        if self.mnemonic == "constant":
            return f"  {name} = array.constant {self.attributes['value']}"
        return (
            f"  {name}{count} = array.{self.mnemonic} {', '.join(operands)}"
            f"{' {' + attributes + '}' if attributes else ''} : "
            f"({', '.join(types)}) -> ({', '.join(results)})"
        )

    def program(self, opened=lambda tensor, dim: False, results=None) -> str:
        """`opened(i, dim)` says which sizes are open: of operand i, then of the results."""
        results = results or opened
        if self.mnemonic == "constant":  # its value has the type
            results = lambda i, d: False  # noqa: E731
        types = [
            type_text(t.dtype, tuple(None if opened(i, d) else s for d, s in enumerate(t.shape)))
            for i, t in enumerate(self.operands)
        ]
        first = len(self.operands)
        outputs = [
            type_text(
                t.dtype, tuple(None if results(first + i, d) else s for d, s in enumerate(t.shape))
            )
            for i, t in enumerate(self.results)
        ]
        arguments = [f"%a{i}" for i in range(len(types))]
        parameters = ", ".join(f"{a}: {t}" for a, t in zip(arguments, types, strict=True))
        names = [f"%r#{i}" for i in range(len(outputs))] if len(outputs) > 1 else ["%r"]
        line = self.line("%r", arguments, types, outputs)
        return (
            f"func.func @main({parameters}) -> ({', '.join(outputs)}) {{\n{line}\n"
            f"  return {', '.join(names)} : {', '.join(outputs)}\n}}\n"
        )


def chain(r: Random, instances: list[Instance], opened=lambda r, size: False) -> str:
    """One program of several operations; a result is an operand where it has the right type.

    `opened(r, size)` says whether a size is left open where a value is defined.
    """
    parameters: list[str] = []
    lines: list[str] = []
    values: list[tuple[Tensor, str, str]] = []  # what it is, its name, its type

    def text(tensor: Tensor) -> str:
        return type_text(tensor.dtype, tuple(None if opened(r, s) else s for s in tensor.shape))

    def operand(tensor: Tensor) -> tuple[str, str]:
        fitting = [v for v in values if (v[0].dtype, v[0].shape) == (tensor.dtype, tensor.shape)]
        if fitting and r.random() < 0.7:
            return r.choice(fitting)[1:]
        name, kind = f"%a{len(parameters)}", text(tensor)
        parameters.append(f"{name}: {kind}")
        values.append((tensor, name, kind))
        return name, kind

    for index, made in enumerate(instances):
        used = [operand(tensor) for tensor in made.operands]
        closed = made.mnemonic == "constant"
        results = [type_text(t.dtype, t.shape) if closed else text(t) for t in made.results]
        name = f"%r{index}"
        lines.append(made.line(name, [u[0] for u in used], [u[1] for u in used], results))
        names = [f"{name}#{i}" for i in range(len(results))] if len(results) > 1 else [name]
        values += zip(made.results, names, results, strict=True)
    kept = [v for v in values if v[1].startswith("%r")]
    returned = r.sample(kept, r.randint(1, len(kept)))
    types = ", ".join(v[2] for v in returned)
    body = "\n".join(lines)
    return (
        f"func.func @main({', '.join(parameters)}) -> ({types}) {{\n{body}\n"
        f"  return {', '.join(v[1] for v in returned)} : {types}\n}}\n"
    )


UNARY = {
    FLOATS: "acos asin atan cos cosh erf exp exp2 expm1 gelu gelu_tanh log log10 log1p log2 "
    "reciprocal rsqrt sigmoid silu sin sinh sqrt tan tanh",
    FLOATS + INTEGERS: "abs ceil floor neg relu round trunc",
    INTEGERS + BOOL: "bitwise_not",
    ALL: "sign",
}
BINARY = {
    FLOATS: "atan2 div",
    FLOATS + INTEGERS: "floor_divide pow remainder sub clamp_max clamp_min",
    INTEGERS: "left_shift right_shift",
    INTEGERS + BOOL: "bitwise_and bitwise_or bitwise_xor",
    ALL: "add maximum minimum mul",
}
PREDICATES = "eq ge gt le logical_and logical_or logical_xor lt ne"
TESTS = "isfinite isinf isnan logical_not"
REDUCTIONS = {
    FLOATS: "evenly logsumexp mean norm norm_p std var",
    FLOATS + INTEGERS: "prod sum",
    BOOL: "all any",
    ALL: "amax amin argmax argmin",
}


def _table(groups: dict[tuple[str, ...], str]) -> dict[str, tuple[str, ...]]:
    return {name: dtypes for dtypes, names in groups.items() for name in names.split()}


_UNARY, _BINARY, _REDUCTIONS = _table(UNARY), _table(BINARY), _table(REDUCTIONS)


def _size(r: Random) -> int:
    return r.choice((1, 2, 3, 4, 5, 7))


def _shape(r: Random, low: int = 0, high: int = 3) -> Shape:
    return tuple(_size(r) for _ in range(r.randint(low, high)))


def _stretched(r: Random, shape: Shape) -> Shape:
    """One that broadcasts to `shape`."""
    kept = shape[r.randint(0, len(shape)) if r.random() < 0.3 else 0 :]
    return tuple(1 if r.random() < 0.2 else s for s in kept)


def _some_dims(r: Random, rank: int) -> list[int]:
    return sorted(r.sample(range(rank), r.randint(0, rank)))


def _without(shape: Shape, dim: int) -> Shape:
    return shape[:dim] + shape[dim + 1 :]


def _broadcasting(r: Random, mnemonic: str, count: int, dtypes, result=None) -> Instance:
    shape, dtype = _shape(r), r.choice(dtypes)
    operands = [Tensor(dtype, shape)]
    operands += [Tensor(dtype, _stretched(r, shape)) for _ in range(count - 1)]
    return Instance(mnemonic, operands, [Tensor(result or dtype, shape)])


def _reduction(r: Random, mnemonic: str) -> Instance:
    dtype, shape = r.choice(_REDUCTIONS[mnemonic]), _shape(r, 1)
    dims, keep = _some_dims(r, len(shape)), r.random() < 0.5
    left = tuple(1 if i in dims else s for i, s in enumerate(shape) if keep or i not in dims)
    result = "i64" if mnemonic.startswith("arg") else dtype
    attributes = {"dims": dims_text(dims), "keepdim": str(keep).lower()}
    if mnemonic == "norm_p":
        attributes["ord"] = "3.0 : f64"
    operands = [Tensor(dtype, shape)]
    if mnemonic == "evenly":
        operands.append(Tensor(dtype, left))
    return Instance(mnemonic, operands, [Tensor(result, left)], attributes)


def _windows(r: Random, size: int, kernel: int, most_padding: int | None = None):
    """stride, padding, dilation and the size of the result, for one dimension."""
    dilation = r.choice((1, 1, 2))
    reach = dilation * (kernel - 1) + 1
    padding = r.randint(0, reach // 2 if most_padding is None else most_padding)
    while size + 2 * padding < reach:
        size += 1
    stride = r.choice((1, 1, 2, 3))
    return size, stride, padding, dilation, (size + 2 * padding - reach) // stride + 1


def _convolution(r: Random, mnemonic: str) -> Instance:
    groups, dtype = r.choice((1, 1, 2)), r.choice(("f32", "f32", "f64", "f16", "bf16"))
    n, o, c = r.randint(1, 3), groups * r.randint(1, 3), r.randint(1, 3)
    kernel = [r.randint(1, 3) for _ in range(2)]
    image, stride, padding, dilation, out = zip(
        *(_windows(r, r.randint(1, 7), k, 2) for k in kernel), strict=True
    )
    x = Tensor(dtype, (n, c * groups, *image))
    w = Tensor(dtype, (o, c, *kernel))
    y = Tensor(dtype, (n, o, *out))
    attributes = {
        "stride": dims_text(stride),
        "padding": dims_text(padding),
        "dilation": dims_text(dilation),
        "groups": f"{groups} : i64",
    }
    operands, result = {
        "conv2d": ([x, w], y),
        "conv2d_input_gradient": ([y, w, x], x),
        "conv2d_weight_gradient": ([x, y, w], w),
    }[mnemonic]
    return Instance(mnemonic, operands, [result], attributes)


def _pool(r: Random, mnemonic: str) -> Instance:
    average, dtype = mnemonic.startswith("avg"), r.choice(("f32", "f64", "f16", "bf16"))
    n, c = r.randint(1, 3), r.randint(1, 3)
    kernel = [r.randint(1, 3) for _ in range(2)]
    image, stride, padding, dilation, out = [], [], [], [], []
    for k in kernel:
        d = 1 if average else r.choice((1, 2))
        reach = d * (k - 1) + 1
        p = r.randint(0, reach // 2)
        size = r.randint(max(1, reach - 2 * p), 8)
        s = r.choice((1, 2, 3))
        image.append(size), stride.append(s), padding.append(p), dilation.append(d)
        out.append((size + 2 * p - reach) // s + 1)
    x, y = Tensor(dtype, (n, c, *image)), Tensor(dtype, (n, c, *out))
    indices = Tensor("i64", y.shape, below=image[0] * image[1])
    attributes = {
        "kernel_size": dims_text(kernel),
        "stride": dims_text(stride),
        "padding": dims_text(padding),
    }
    if not average:
        attributes["dilation"] = dims_text(dilation)
    operands, results = {
        "avg_pool2d": ([x], [y]),
        "avg_pool2d_gradient": ([y, x], [x]),
        "max_pool2d": ([x], [y, Tensor("i64", y.shape)]),
        "max_pool2d_gather": ([x, indices], [y]),
        "max_pool2d_gradient": ([y, indices, x], [x]),
    }[mnemonic]
    return Instance(mnemonic, operands, results, attributes)


def _attention(r: Random, mnemonic: str) -> Instance:
    dtype = r.choice(("f32", "f32", "f64", "f16", "bf16"))
    sums = "f32" if dtype in ("f16", "bf16") else dtype
    b, h, m, s, e, v = (r.randint(1, 5) for _ in range(6))
    q, k, w = Tensor(dtype, (b, h, m, e)), Tensor(dtype, (b, h, s, e)), Tensor(dtype, (b, h, s, v))
    out, rows = Tensor(dtype, (b, h, m, v)), Tensor(sums, (b, h, m))
    gradient = mnemonic.endswith("gradient")
    operands = [q, k, w, out, rows, rows, rows] if gradient else [q, k, w]
    results = [q, k, w] if gradient else [out, rows, rows]
    if mnemonic.startswith(("masked", "biased")):
        mask = tuple(1 if r.random() < 0.3 else n for n in (b, h, m))
        operands.append(Tensor("i1" if mnemonic.startswith("masked") else dtype, (*mask, s)))
    if mnemonic == "biased_attention_gradient":
        results = [*results, Tensor(dtype, (b, h, m, s))]
    return Instance(mnemonic, operands, results, {"scale": "0.5 : f64"})


def _indexed(r: Random, mnemonic: str) -> Instance:
    dtype, index = r.choice(("f32", "i64", "f16", "i1")), r.choice(("i64", "i32"))
    shape = _shape(r, 1)
    dim = r.randrange(len(shape))
    below = shape[dim]
    attributes = {"dim": f"{dim} : i64"}
    x = Tensor(dtype, shape)
    if mnemonic == "pick":
        i = Tensor(index, _without(shape, dim), below)
        return Instance(mnemonic, [x, i], [Tensor(dtype, i.shape)], attributes)
    if mnemonic in ("gather", "scatter_add"):
        places = tuple(_size(r) if d == dim else r.randint(1, s) for d, s in enumerate(shape))
        i = Tensor(index, places, below)
        if mnemonic == "gather":
            return Instance(mnemonic, [x, i], [Tensor(dtype, places)], attributes)
        return Instance(mnemonic, [x, i, Tensor(dtype, places)], [x], attributes)
    i = Tensor(index, _shape(r, 0, 2), below)
    slices = Tensor(dtype, shape[:dim] + i.shape + shape[dim + 1 :])
    if mnemonic == "index_select":
        return Instance(mnemonic, [x, i], [slices], attributes)
    return Instance(mnemonic, [x, i, slices], [x], attributes)


def _slice(r: Random, mnemonic: str) -> Instance:
    shape, starts, sizes, steps = _shape(r, 1), [], [], []
    for size in shape:
        start, step = r.randrange(size), r.choice((1, 1, 2))
        starts.append(start)
        steps.append(step)
        sizes.append(r.randint(1, (size - 1 - start) // step + 1))
    dtype = r.choice(ALL)
    x, part = Tensor(dtype, shape), Tensor(dtype, tuple(sizes))
    attributes = {"starts": dims_text(starts), "steps": dims_text(steps)}
    if mnemonic == "slice":
        return Instance(mnemonic, [x], [part], attributes | {"sizes": dims_text(sizes)})
    if mnemonic == "insert_slice":
        return Instance(mnemonic, [x, part], [x], attributes)
    # Of these two only the sizes are read.
    at, like = Tensor(r.choice(ALL), tuple(starts)), Tensor(r.choice(ALL), tuple(sizes))
    attributes = {"steps": dims_text(steps)}
    if mnemonic == "slice_like":
        return Instance(mnemonic, [x, at, like], [part], attributes)
    return Instance(mnemonic, [x, part, at], [x], attributes)


def _other(r: Random, mnemonic: str) -> Instance:
    word = Tensor("i64", ())
    dtype, floating = r.choice(ALL), r.choice(FLOATS)
    number = r.choice(FLOATS + INTEGERS)
    shape = _shape(r)
    some = _shape(r, 1)
    dim = r.randrange(len(some))
    x = Tensor(dtype, shape)
    along = {"dim": f"{dim} : i64"}
    match mnemonic:
        case "cast":
            to = r.choice(ALL)
            return Instance(mnemonic, [x], [Tensor(to, shape)], {"dtype": to})
        case "clamp":
            low, high = (Tensor(number, _stretched(r, shape)) for _ in range(2))
            return Instance(mnemonic, [Tensor(number, shape), low, high], [Tensor(number, shape)])
        case "where":
            condition = Tensor("i1", _stretched(r, shape))
            return Instance(mnemonic, [condition, x, Tensor(dtype, _stretched(r, shape))], [x])
        case "linear_index":
            i = Tensor(r.choice(("i64", "i32")), shape)
            number = Tensor(i.dtype, ())
            return Instance(mnemonic, [i, Tensor(i.dtype, _stretched(r, shape)), number], [i])
        case "constant":
            value = "1.5" if dtype in FLOATS else "true" if dtype == "i1" else "3"
            return Instance(
                mnemonic, [], [x], {"value": f"dense<{value}> : {type_text(dtype, shape)}"}
            )
        case "full":
            return Instance(mnemonic, [Tensor(dtype, ())], [x], {"sizes": dims_text(shape)})
        case "broadcast":
            value = Tensor(dtype, _stretched(r, shape))
            return Instance(mnemonic, [value], [x], {"sizes": dims_text(shape)})
        case "broadcast_like":
            value = Tensor(dtype, _stretched(r, shape))
            like = Tensor(r.choice(ALL), shape)
            return Instance(mnemonic, [value, like], [x])
        case "reshape" | "reshape_like":
            count, sizes = 1, []
            for size in shape:
                count *= size
            for divisor in (2, 3, 5, 7):
                if count % divisor == 0 and r.random() < 0.5:
                    sizes.append(divisor)
                    count //= divisor
            sizes.insert(r.randint(0, len(sizes)), count)
            result = Tensor(dtype, tuple(sizes))
            if mnemonic == "reshape":
                return Instance(mnemonic, [x], [result], {"sizes": dims_text(sizes)})
            return Instance(mnemonic, [x, Tensor("f32", result.shape)], [result])
        case "detach":
            return Instance(mnemonic, [x], [x])
        case "with_gradient_of":
            return Instance(mnemonic, [x, x], [x])
        case "flip":
            dims = _some_dims(r, len(shape))
            return Instance(mnemonic, [x], [x], {"dims": dims_text(dims)})
        case "transpose":
            order = r.sample(range(len(shape)), len(shape))
            result = Tensor(dtype, tuple(shape[i] for i in order))
            return Instance(mnemonic, [x], [result], {"permutation": dims_text(order)})
        case "pad":
            low = [r.randint(-1, 2) for _ in shape]
            high = [r.randint(-1, 2) for _ in shape]
            for i, size in enumerate(shape):
                if size + low[i] + high[i] < 0 or size + low[i] < 0 or size + high[i] < 0:
                    low[i] = high[i] = 1
            sizes = tuple(s + a + b for s, a, b in zip(shape, low, high, strict=True))
            value = Tensor(number, shape)
            attributes = {"low": dims_text(low), "high": dims_text(high), "value": "1.0 : f64"}
            return Instance(mnemonic, [value], [Tensor(number, sizes)], attributes)
        case "concat":
            parts = [
                Tensor(dtype, some[:dim] + (_size(r),) + some[dim + 1 :])
                for _ in range(r.randint(1, 3))
            ]
            total = sum(part.shape[dim] for part in parts)
            result = Tensor(dtype, some[:dim] + (total,) + some[dim + 1 :])
            return Instance(mnemonic, parts, [result], along)
        case "empty":
            known = [*some, *shape]
            listed, sizes = [], []
            for _ in range(r.randint(0, 3)):
                at, number = r.randrange(len(known)), r.randint(1, 4)
                text, size = r.choice(
                    [
                        (f"{number}", number),
                        (f"v{at}", known[at]),
                        (f"v{at} {number} //", known[at] // number),
                        (f"v{at} {number} %", known[at] % number),
                        (f"v{at} v0 * {number} +", known[at] * known[0] + number),
                        (f"v{at} neg {number} // neg", -(-known[at] // number)),
                        (f"v{at} 2 > {number} v{at} ?", number if known[at] > 2 else known[at]),
                    ]
                )
                listed.append(text)
                sizes.append(size)
            operands = [Tensor(dtype, some), Tensor(number_type := r.choice(ALL), shape)]
            return Instance(mnemonic, operands, [Tensor(number_type, tuple(sizes))],
                            {"dtype": number_type, "sizes": '"' + ", ".join(listed) + '"'})  # fmt: skip
        case "iota":
            to = r.choice(FLOATS + INTEGERS)
            return Instance(mnemonic, [Tensor(dtype, some)], [Tensor(to, some)],
                            {"dtype": to} | along)  # fmt: skip
        case "count":
            to = r.choice(FLOATS + INTEGERS)
            dims = {"dims": dims_text(_some_dims(r, len(shape)))}
            return Instance(mnemonic, [x], [Tensor(to, ())], {"dtype": to} | dims)
        case "one_hot":
            value = Tensor("i64", shape, 4)
            return Instance(mnemonic, [value], [Tensor("i64", (*shape, 4))],
                            {"num_classes": "4 : i64"})  # fmt: skip
        case "wrap_index":
            value = Tensor("i64", some, some[dim])
            return Instance(mnemonic, [value, word], [Tensor("i64", some)], along)
        case "matmul":
            m, k, n = (_size(r) for _ in range(3))
            batch = _shape(r, 0, 2)
            left, right = Tensor(number, (*batch, m, k)), Tensor(number, (*batch, k, n))
            return Instance(mnemonic, [left, right], [Tensor(number, (*batch, m, n))])
        case "linear":
            m, k, n = (_size(r) for _ in range(3))
            batch = _shape(r, 0, 2)
            operands = [
                Tensor(number, (*batch, m, k)),
                Tensor(number, (n, k)),
                Tensor(number, (n,)),
            ]
            return Instance(mnemonic, operands, [Tensor(number, (*batch, m, n))])
        case "dot_general":
            batch, contract, left, right = (_shape(r, 0, 2) for _ in range(4))
            b, c = len(batch), len(contract)
            attributes = {
                "input_batch": dims_text(range(b)),
                "other_batch": dims_text(range(b)),
                "input_contract": dims_text(range(b, b + c)),
                "other_contract": dims_text(range(b, b + c)),
            }
            operands = [Tensor(number, batch + contract + side) for side in (left, right)]
            return Instance(mnemonic, operands, [Tensor(number, batch + left + right)], attributes)
        case "cumsum":
            value = Tensor(number, some)
            return Instance(mnemonic, [value], [value], along)
        case "softmax" | "log_softmax" | "masked_softmax":
            value = Tensor(floating, some)
            return Instance(mnemonic, [value], [value], along)
        case "sort":
            value = Tensor(dtype, some)
            return Instance(mnemonic, [value], [value, Tensor("i64", some)], along)
        case "topk":
            k = r.randint(0, some[dim])
            sizes = some[:dim] + (k,) + some[dim + 1 :]
            return Instance(mnemonic, [Tensor(dtype, some)],
                            [Tensor(dtype, sizes), Tensor("i64", sizes)],
                            along | {"k": f"{k} : i64"})  # fmt: skip
        case "layer_norm" | "normalize":
            last = r.randint(1, len(some))
            dims = range(len(some) - last, len(some))
            attributes = {"dims": dims_text(dims), "eps": "1.0e-05 : f64"}
            value, scale = Tensor(floating, some), Tensor(floating, some[len(some) - last :])
            operands = [value] if mnemonic == "normalize" else [value, scale, scale]
            return Instance(mnemonic, operands, [value], attributes)
        case "batch_norm":
            value = Tensor(floating, some)
            scale = Tensor(floating, some[-1:])
            return Instance(mnemonic, [value, *[scale] * 4], [value], {"eps": "1.0e-05 : f64"})
        case "mse_loss":
            value = Tensor(floating, shape)
            return Instance(mnemonic, [value, value], [Tensor(floating, ())])
        case "cross_entropy":
            sizes = (_size(r), _size(r), *_shape(r, 0, 1))
            target = Tensor("i64", _without(sizes, 1), sizes[1])
            result = Tensor(floating, target.shape)
            return Instance(mnemonic, [Tensor(floating, sizes), target], [result],
                            {"ignore_index": "-100 : i64"})  # fmt: skip
        case "random_bits":
            return Instance(mnemonic, [word, word, x], [Tensor("i32", shape)], {"bits": "32 : i64"})
        case "random_integers":
            return Instance(mnemonic, [word, word, word, word, x], [Tensor("i64", shape)])
        case "random_normal" | "random_uniform":
            return Instance(
                mnemonic, [word, word, x], [Tensor(floating, shape)], {"dtype": floating}
            )
    raise AssertionError(f"no instances of array.{mnemonic} are known here")


def instance(r: Random, mnemonic: str) -> Instance:
    """One that verifies, with all sizes known and no index beyond its dimension."""
    if mnemonic in _UNARY:
        return _broadcasting(r, mnemonic, 1, _UNARY[mnemonic])
    if mnemonic in _BINARY:
        return _broadcasting(r, mnemonic, 2, _BINARY[mnemonic])
    if mnemonic in PREDICATES.split():
        return _broadcasting(r, mnemonic, 2, ALL, result="i1")
    if mnemonic in TESTS.split():
        return _broadcasting(r, mnemonic, 1, ALL, result="i1")
    if mnemonic in _REDUCTIONS:
        return _reduction(r, mnemonic)
    if mnemonic.startswith("conv2d"):
        return _convolution(r, mnemonic)
    if "pool2d" in mnemonic:
        return _pool(r, mnemonic)
    if "attention" in mnemonic:
        return _attention(r, mnemonic)
    if mnemonic in ("gather", "scatter_add", "index_add", "index_copy", "index_select", "pick"):
        return _indexed(r, mnemonic)
    if "slice" in mnemonic:
        return _slice(r, mnemonic)
    return _other(r, mnemonic)


def mnemonics(records: dict) -> list[str]:
    """Every operation of the dialect, of the JSON that llvm-tblgen prints."""
    return sorted(records[name]["opName"] for name in records["!instanceof"]["Array_Op"])
