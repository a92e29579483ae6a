# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Gradients against torch: chains of functions, views and writes, once and twice differentiated.

A case has inputs, steps and a seed. A step calls something of both packages with values (inputs
and the results of earlier steps) and other arguments; each result is a new value. What is compared:
whether each phase is refused; which gradients there are; their types, shapes and elements.
"""

from __future__ import annotations

import copy
import math
import warnings
from random import Random
from typing import Any

import numpy as np
import stepwell
import stepwell.nn.functional
import torch
import torch.nn.functional

warnings.filterwarnings("ignore")
torch.set_num_threads(1)

SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
FLOATS = ("float64", "float32", "float16", "bfloat16")

# --- What is called: name -> arguments for values ------------------------------------------------

UNARY = (
    "abs acos asin atan ceil cos cosh erf exp exp2 expm1 floor log log10 log1p log2 neg reciprocal "
    "relu round rsqrt sigmoid sign sin sinh sqrt square tan tanh trunc clone contiguous t"
).split()
BINARY = (
    "add sub mul div pow maximum minimum atan2 remainder floor_divide where outer dot matmul "
    "take_along_dim"
).split()
INPLACE = (
    "abs_ acos_ asin_ atan_ ceil_ cos_ erf_ exp_ expm1_ floor_ log_ log1p_ neg_ reciprocal_ relu_ "
    "round_ rsqrt_ sigmoid_ sign_ sin_ sinh_ sqrt_ tan_ tanh_ trunc_ zero_"
).split()
INPLACE_BINARY = "add_ sub_ mul_ div_ pow_ atan2_ remainder_ floor_divide_ copy_".split()
OVER_DIMS = "sum mean amax amin var std logsumexp".split()
ALONG = "prod cumsum softmax log_softmax sort max min median".split()
VIEWS = "slice select diagonal transpose permute reshape expand unsqueeze squeeze narrow flip getitem".split()
OTHERS = (
    "gather scatter scatter_add index_select index_add index_copy index_fill index_put masked_fill "
    "masked_select topk kthvalue norm clamp cat stack split unbind chunk roll tril triu repeat where3 "
    "maskindex pick detach nograd gelu silu logsigmoid layer_norm batch_norm mse_loss l1_loss "
    "cross_entropy nll_loss bce max_pool2d avg_pool2d pad sdpa linear addmm conv2d cast "
    "scalar_div scalar_pow rpow embedding mm bmm einsum std_inplace"
).split()


def numbers(random: Any, count: int, special: bool, smooth: bool) -> list[Any]:
    made: list[Any] = []
    for _ in range(count):
        if special and random.random() < 0.15:
            made.append(random.choice(["nan", "inf", "-inf", -0.0, 0.0]))
        elif smooth:
            made.append(round(random.uniform(-2, 2), 3))
        else:
            made.append(random.choice([0.0, 0.0, 1.0, 1.0, -1.0, 0.5, -0.5, 2.0, 0.25, -3.0]))
    return made


def some_shape(random: Any, most: int = 3) -> list[int]:
    return [random.choice([0, 1, 1, 2, 2, 3, 3, 4]) for _ in range(random.randint(0, most))]


def broadcastable(random: Any, shape: list[int]) -> list[int]:
    made = [1 if random.random() < 0.25 else n for n in shape]
    if random.random() < 0.2:
        made = made[random.randint(0, len(made)) :]
    elif random.random() < 0.1:
        made = [2, *made]
    return made


def integers(random: Any, shape: list[int], below: int) -> dict[str, Any]:
    count = math.prod(shape)
    return {
        "shape": shape,
        "dtype": "int64",
        "values": [random.randrange(max(below, 1)) for _ in range(count)],
    }


def booleans(random: Any, shape: list[int]) -> dict[str, Any]:
    return {
        "shape": shape,
        "dtype": "bool",
        "values": [random.random() < 0.5 for _ in range(math.prod(shape))],
    }


class Generator:
    def __init__(self, random: Any):
        self.random = random
        self.inputs: list[Any] = []
        self.steps: list[Any] = []
        self.values: list[Any] = []  # torch's
        self.dtype = random.choices(FLOATS, [16, 3, 1, 1])[0]
        self.special = random.random() < 0.15
        self.smooth = random.random() < 0.4

    def new_input(
        self, shape: list[int], grad: bool | None = None, dtype: str | None = None
    ) -> Any:
        random = self.random
        layout = random.choices(
            ["plain", "transposed", "strided", "expanded", "sliced", "flipped"], [8, 1, 1, 2, 1, 1]
        )[0]
        if layout in ("expanded", "strided", "sliced") and not shape:
            layout = "plain"
        spec = {
            "shape": shape,
            "dtype": dtype or self.dtype,
            "values": numbers(random, math.prod(shape), self.special, self.smooth),
            "layout": layout,
            "grad": random.random() < 0.8 if grad is None else grad,
        }
        # Inputs stand before all steps: references to results move on.
        at = len(self.inputs)
        for step in self.steps:
            for each in walk(step):
                if each["v"] >= at:
                    each["v"] += 1
        self.inputs.append(spec)
        self.values.insert(at, make(torch, spec))
        return {"v": at}

    def any_value(self) -> int:
        # The latest ones are the likeliest.
        n = len(self.values)
        return n - 1 - min(int(self.random.expovariate(0.8)), n - 1)

    def operand(self, shape: list[int]) -> Any:
        random = self.random
        fitting = [i for i, v in enumerate(self.values) if list(v.shape) == shape]
        if fitting and random.random() < 0.4:
            return {"v": random.choice(fitting)}
        if random.random() < 0.2:
            return random.choice([0, 1, 2, 0.5, -1.0, 2.0, 3])
        if len(self.inputs) >= 4:
            return {"v": random.choice(fitting)} if fitting else 2.0
        return self.new_input(shape)

    def step(self) -> Any:
        random = self.random
        at = self.any_value()
        x = self.values[at]
        shape, rank = list(x.shape), x.ndim
        reference = {"v": at}
        dim = random.randrange(-rank, rank) if rank else random.choice([0, -1])
        size = shape[dim] if rank else 1
        dims = sorted(random.sample(range(rank), random.randint(1, rank))) if rank else [0]

        def tensor(shape: list[int], grad: bool | None = None) -> Any:
            count = len(self.inputs)
            if count >= 5:
                same = [i for i, v in enumerate(self.values) if list(v.shape) == shape]
                if same:
                    return {"v": random.choice(same)}
            made = self.new_input(shape, grad)
            for each in walk([reference]):
                if each["v"] >= made["v"]:
                    each["v"] += 1
            return made

        def second(shape: list[int]) -> Any:
            if random.random() < 0.25:
                return random.choice([0, 1, 2, 0.5, -1.0, 2.0, 3, -2])
            fitting = [i for i, v in enumerate(self.values) if list(v.shape) == shape]
            if fitting and random.random() < 0.5:
                return {"v": random.choice(fitting)}
            return tensor(shape)

        kind = random.choices(
            ["unary", "binary", "inplace", "inplace2", "dims", "along", "view", "other"],
            [3, 3, 1, 1.5, 2, 2, 4, 6],
        )[0]
        if kind == "unary":
            return ["m." + random.choice(UNARY), reference]
        if kind == "inplace":
            name = random.choice([*INPLACE, "fill_"])
            return ["m." + name, reference, *([random.choice([0, 1.5])] if name == "fill_" else [])]
        if kind == "inplace2":
            other = second(broadcastable(random, shape) if random.random() < 0.5 else shape)
            name = random.choice(INPLACE_BINARY)
            if name == "copy_" and not isinstance(other, dict):
                name = "mul_"
            return ["m." + name, reference, other]
        if kind == "binary":
            name = random.choice(BINARY if rank else BINARY[:-1])
            if name == "dot":
                return ["f.dot", reference, tensor(shape)]
            if name == "outer":
                return ["f.outer", reference, tensor([random.choice([0, 1, 3])])]
            if name == "matmul":
                if random.random() < 0.3 or rank == 0:
                    return ["f.matmul", reference, tensor(shape[-1:])]
                wide = [
                    *(shape[:-2] if random.random() < 0.5 else []),
                    shape[-1],
                    random.choice([1, 2, 0]),
                ]
                return ["f.matmul", reference, tensor(wide)]
            if name == "take_along_dim":
                other = [1 if random.random() < 0.3 else n for n in shape]
                return ["f.take_along_dim", reference, {"i": integers(random, other, size)}, dim]
            if name == "where":
                other = broadcastable(random, shape)
                return ["f.where", {"i": booleans(random, other)}, reference, second(shape)]
            other = second(broadcastable(random, shape))
            if name in ("maximum", "minimum", "atan2") and not isinstance(other, dict):
                other = tensor(shape)
            if random.random() < 0.2 and isinstance(other, dict):
                return ["f." + name, other, reference]
            return ["f." + name, reference, other]
        keep = random.random() < 0.3
        if kind == "dims":
            name = random.choice(OVER_DIMS)
            if name in ("var", "std"):
                # Over one element, with correction 1, it is NaN, and so is what follows.
                count = math.prod([shape[d] for d in dims]) if rank else 1
                least = 0 if min(count, size) <= 1 else random.choice([0, 1])
                return [
                    "f." + name,
                    reference,
                    random.choice([dims, dim]),
                    {"k": {"correction": least, "keepdim": keep}},
                ]
            if name != "logsumexp" and random.random() < 0.3:
                return ["f." + name, reference]
            return ["f." + name, reference, random.choice([dims, dim]), keep]
        if kind == "along":
            name = random.choice(ALONG)
            if name in ("sort", "median") and x.unique().numel() < x.numel():
                name = "cumsum"
            if name == "median" and 0 in x.stride():
                name = "cumsum"  # PyTorch reads beyond the memory of expanded ones
            if name in ("prod", "max", "min", "median") and random.random() < 0.3:
                return ["f." + name, reference]
            if name in ("prod", "max", "min", "median"):
                return ["f." + name, reference, dim, keep]
            if name == "sort":
                return ["f.sort", reference, dim, keep]
            return ["f." + name, reference, dim]
        if kind == "view":
            return self.view(reference, shape, dim, size)
        name = random.choice(OTHERS)
        if name in ("topk", "kthvalue") and x.unique().numel() < x.numel():
            name = "norm"  # which of equal elements is taken is not said
        if name == "kthvalue" and 0 in x.stride():
            name = "norm"  # PyTorch reads beyond the memory of expanded ones
        if name == "gather":
            index = [
                random.randint(0, n) if i != dim % max(rank, 1) else random.choice([1, 2, n])
                for i, n in enumerate(shape)
            ]
            return ["f.gather", reference, dim, {"i": integers(random, index, size)}]
        if name in ("scatter", "scatter_add"):
            index = [random.randint(0, n) for n in shape]
            spec = integers(random, index, size)
            if name == "scatter" and index:  # of equal places one counts: which one is not said
                order = random.sample(range(max(size, 1)), max(size, 1))
                grid = np.indices(index)[dim] if math.prod(index) else np.zeros(index)
                spec["values"] = [order[int(i)] for i in grid.reshape(-1)]
            if name == "scatter" and random.random() < 0.3:
                return ["f.scatter", reference, dim, {"i": spec}, random.choice([0.0, 2.0])]
            return ["f." + name, reference, dim, {"i": spec}, tensor(index)]
        if name in ("index_select", "index_fill", "index_add", "index_copy"):
            count = random.choice([0, 1, 2, 3])
            spec = integers(random, [count], size)
            if name in ("index_copy",):
                count = min(count, size)
                spec = {
                    "shape": [count],
                    "dtype": "int64",
                    "values": random.sample(range(size), count),
                }
            if name == "index_select":
                return ["f.index_select", reference, dim, {"i": spec}]
            if name == "index_fill":
                return ["f.index_fill", reference, dim, {"i": spec}, 0.5]
            source = list(shape)
            if rank:
                source[dim] = count
            place = random.choice(["f.", "m_."]) + name
            return [place, reference, dim, {"i": spec}, tensor(source)]
        if name == "index_put":
            index = integers(random, [random.choice([1, 2])], shape[0] if rank else 1)
            value = [len(index["values"]), *shape[1:]]
            return [
                "m.index_put_",
                reference,
                [{"i": index}],
                tensor(broadcastable(random, value)),
                random.random() < 0.6,
            ]
        if name == "masked_fill":
            value = random.choice([0.0, 1.5]) if random.random() < 0.6 else tensor([])
            return [
                random.choice(["f.masked_fill", "m.masked_fill_"]),
                reference,
                {"i": booleans(random, broadcastable(random, shape))},
                value,
            ]
        if name == "masked_select":
            return [
                "f.masked_select",
                reference,
                {"i": booleans(random, broadcastable(random, shape))},
            ]
        if name == "maskindex":
            return [
                "getitem",
                reference,
                [{"i": booleans(random, shape[: random.randint(1, max(rank, 1))])}],
            ]
        if name == "pick":
            chosen = [
                {"i": integers(random, [2], n)}
                if random.random() < 0.6
                else {"s": [None, None, None]}
                for n in shape
            ]
            return ["getitem", reference, chosen or [None]]
        if name == "topk":
            return ["f.topk", reference, random.randint(0 if rank else 1, size), dim, keep]
        if name == "kthvalue":
            return ["f.kthvalue", reference, random.randint(1, max(size, 1)), dim, keep]
        if name == "norm":
            p = random.choice([0, 0.5, 1, 1.5, 2, 2, 2, 3, "inf", "-inf"])
            p = {"n": p} if isinstance(p, str) else p
            return [
                "f.norm",
                reference,
                p,
                *([random.choice([dims, dim]), keep] if random.random() < 0.6 else []),
            ]
        if name == "clamp":
            low = (
                random.choice([None, 0, -0.5, 0.5])
                if random.random() < 0.6
                else tensor(broadcastable(random, shape))
            )
            high = (
                random.choice([None, 1, 0.5])
                if not isinstance(low, dict)
                else random.choice([None, tensor(shape)])
            )
            return [random.choice(["f.clamp", "f.clamp", "m.clamp_"]), reference, low, high]
        if name in ("cat", "stack"):
            other = list(shape)
            if name == "cat" and rank:
                other[dim] = random.choice([0, 1, 2])
            return ["f." + name, [reference, tensor(other)], dim]
        if name in ("split", "unbind", "chunk"):
            extra = {
                "split": [random.choice([1, 2])],
                "chunk": [random.choice([1, 2, 3])],
                "unbind": [],
            }[name]
            return ["f." + name, reference, *extra, dim]
        if name == "roll":
            return [
                "f.roll",
                reference,
                random.choice([1, -1, 5]),
                *([dim] if random.random() < 0.7 else []),
            ]
        if name in ("tril", "triu"):
            return ["f." + name, reference, random.choice([-1, 0, 1])]
        if name == "repeat":
            return [
                "m.repeat",
                reference,
                [random.choice([0, 1, 2, 2])] * random.choice([rank, rank + 1]),
            ]
        if name == "where3":
            return ["where_gt", reference, second(shape)]
        if name == "detach":
            return ["m.detach", reference]
        if name == "nograd":
            return [
                "nograd." + random.choice(["mul_", "view_as_self", "select0", "zero_"]),
                reference,
            ]
        # Rows of docs/differences.md.
        if name == "gelu" and x.isinf().any():
            name = "silu"
        if name == "batch_norm" and not x.numel():
            name = "silu"
        if name in ("gelu", "silu", "logsigmoid"):
            return ["F." + name, reference]
        if name == "layer_norm":
            n = shape[-1:]
            return [
                "F.layer_norm",
                reference,
                n,
                *([tensor(n), tensor(n)] if random.random() < 0.7 else []),
            ]
        if name == "batch_norm":
            channels = shape[1:2]
            scale, shift = tensor(channels), tensor(channels)
            for each in (scale, shift):  # torch's derivative takes them for packed
                if each["v"] < len(self.inputs):
                    self.inputs[each["v"]]["layout"] = "plain"
            return ["F.batch_norm", reference, None, None, scale, shift, True]
        if name in ("mse_loss", "l1_loss", "bce"):
            name = {"bce": "binary_cross_entropy_with_logits"}.get(name, name)
            return [
                "F." + name,
                reference,
                tensor(shape),
                {"k": {"reduction": random.choice(["mean", "sum", "none"])}},
            ]
        if name in ("cross_entropy", "nll_loss"):
            classes = shape[1] if rank > 1 else size
            target = shape[:1] + shape[2:] if rank > 1 else []
            return [
                "F." + name,
                reference,
                {"i": integers(random, target, classes)},
                {"k": {"reduction": random.choice(["mean", "sum", "none"])}},
            ]
        if name in ("max_pool2d", "avg_pool2d"):
            special, self.special = self.special, self.special and name == "avg_pool2d"
            reference = tensor(
                [random.choice([1, 2]), random.choice([1, 2]), random.choice([2, 4, 5]), 3]
            )
            self.special = special
            return ["F." + name, reference, random.choice([1, 2]), random.choice([1, 2])]
        if name == "pad":
            return [
                "F.pad",
                reference,
                [random.choice([0, 1, 2, -1]), 1] * random.randint(1, max(rank, 1)),
            ]
        if name == "sdpa":
            n = random.choice([1, 2, 3])
            q, k, v = tensor([1, 1, n, 4]), tensor([1, 1, 3, 4]), tensor([1, 1, 3, 2])
            return ["F.scaled_dot_product_attention", q, k, v]
        if name == "linear":
            return [
                "F.linear",
                reference,
                tensor([2, *shape[-1:]]),
                *([tensor([2])] if random.random() < 0.6 else []),
            ]
        if name == "addmm":
            return [
                "f.addmm",
                tensor(random.choice([[2], [1, 2]])),
                tensor([2, 3]),
                tensor([3, 2]),
                {"k": {"beta": random.choice([0, 1, 0.5]), "alpha": random.choice([1, 2])}},
            ]
        if name == "conv2d":
            return [
                "F.conv2d",
                tensor([1, 2, 4, 4]),
                tensor([2, 2, random.choice([1, 3]), 2]),
                None,
                random.choice([1, 2]),
                random.choice([0, 1]),
            ]
        if name == "cast":
            return ["m." + random.choice(["float", "double", "half", "bfloat16"]), reference]
        if name == "scalar_div":
            return ["rdiv", reference, random.choice([1, 2.0])]
        if name == "scalar_pow":
            return ["f.pow", reference, random.choice([-1, 0, 0.5, 1, 2, 3, 2.5, -2])]
        if name == "rpow":
            return ["rpow", reference, random.choice([0, 1, 2, 0.5])]
        if name == "embedding":
            return [
                "F.embedding",
                {"i": integers(random, [*some_shape(random, 1), 2], 3)},
                tensor([3, 2]),
            ]
        if name == "mm":
            return ["f.mm", tensor([2, random.choice([0, 3])]), tensor([3, 2])]
        if name == "bmm":
            return ["f.bmm", tensor([2, 2, 3]), tensor([2, 3, 1])]
        if name == "einsum":
            return ["f.einsum", "ij,jk->ik", tensor([2, 3]), tensor([3, 2])]
        return ["f.std", reference]

    def view(self, reference: Any, shape: list[int], dim: int, size: int) -> Any:
        random = self.random
        rank = len(shape)
        name = random.choice(VIEWS)
        if name == "slice" or name == "getitem":
            items: list[Any] = []
            for n in shape[: random.randint(0, rank)]:
                choice = random.random()
                if choice < 0.3 and n:
                    items.append(random.randrange(-n, n))
                elif choice < 0.4:
                    items += [None, {"s": [None, None, None]}]
                else:
                    start = random.choice([None, 0, 1, -1])
                    items.append(
                        {"s": [start, random.choice([None, 2, 3, -1]), random.choice([None, 1, 2])]}
                    )
            return ["getitem", reference, items or [{"e": 0}]]
        if name == "select":
            return ["m.select", reference, dim, random.randrange(max(size, 1))]
        if name == "diagonal":
            a, b = random.sample(range(rank), 2) if rank > 1 else (0, 1)
            return ["m.diagonal", reference, random.choice([-1, 0, 0, 1]), a, b]
        if name == "transpose":
            return ["m.transpose", reference, dim, random.randrange(max(rank, 1))]
        if name == "permute":
            return ["m.permute", reference, random.sample(range(rank), rank)]
        if name == "reshape":
            count = math.prod(shape)
            options = [[-1], [1, count], [count, 1], shape[::-1]]
            if rank > 1:
                options += [[shape[0] * shape[1], *shape[2:]]] * 2
            return [
                random.choice(["m.reshape", "m.reshape", "m.view"]),
                reference,
                random.choice(options),
            ]
        if name == "expand":
            wide = [random.choice([2, 3]) if n == 1 and random.random() < 0.8 else n for n in shape]
            if random.random() < 0.5:
                wide = [random.choice([1, 2, 0, 3]), *wide]
            return ["m.expand", reference, wide]
        if name == "unsqueeze":
            return ["m.unsqueeze", reference, random.randint(0, rank)]
        if name == "squeeze":
            return ["m.squeeze", reference, *([dim] if random.random() < 0.5 else [])]
        if name == "narrow":
            start = random.randint(0, size)
            return ["m.narrow", reference, dim, start, random.randint(0, size - start)]
        return ["m.flip", reference, [dim] if rank else []]


def walk(tree: Any) -> Any:
    """The references to values in a step."""
    if isinstance(tree, dict):
        if "v" in tree:
            yield tree
        else:
            for each in tree.values():
                yield from walk(each)
    elif isinstance(tree, list):
        for each in tree:
            yield from walk(each)


def generate(random: Any) -> Any:
    made = Generator(random)
    made.new_input(some_shape(random), True)
    for _ in range(random.choice([1, 1, 2, 2, 3, 3, 4, 5])):
        step = made.step()
        made.steps.append(step)
        try:
            results = call(torch, step, made.values)
        except Exception:
            break  # both should refuse it
        made.values += results
        if any(value.numel() > 400 for value in results):
            break
    return {
        "inputs": made.inputs,
        "steps": made.steps,
        "seed": random.randrange(1 << 30),
        "second": random.random() < 0.5,
    }


# --- Running -----------------------------------------------------------------


def make(module: Any, spec: Any) -> Any:
    """A tensor, by way of an array of the layout that is asked for."""
    values = [SPECIAL.get(v, v) if isinstance(v, str) else v for v in spec["values"]]
    shape, layout = spec["shape"], spec.get("layout", "plain")
    kind = getattr(module, spec["dtype"])
    flat = module.tensor(values, dtype=kind) if values else module.zeros(0, dtype=kind)
    made = flat.reshape(shape)
    if layout == "transposed" and shape:
        made = made.transpose(0, -1).clone().transpose(0, -1)
        if len(shape) > 1:
            order = list(range(len(shape)))[::-1]
            made = made.permute(order).contiguous().permute(order)
    elif layout == "strided":
        made = module.stack([made, made + 1], -1)[..., 0]
    elif layout == "sliced":
        made = module.cat([made, made, made], -1).narrow(-1, shape[-1], shape[-1])
    elif layout == "expanded":
        made = made.narrow(-1, 0, min(1, shape[-1])).clone()
        made = made.expand(shape) if shape[-1] else made
    elif layout == "flipped":
        made = made.clone()
    made = made.detach()
    if spec.get("grad"):
        made.requires_grad_()
    return made


def call(module: Any, step: Any, values: list[Any]) -> list[Any]:
    def argument(tree: Any) -> Any:
        if isinstance(tree, dict):
            if "v" in tree:
                return values[tree["v"]]
            if "i" in tree:
                return make(module, tree["i"])
            if "s" in tree:
                return slice(*tree["s"])
            if "n" in tree:
                return SPECIAL[tree["n"]]
            if "e" in tree:
                return ...
        if isinstance(tree, list):
            return [argument(each) for each in tree]
        return tree

    name, *rest = step
    keywords: dict[str, Any] = {}
    if rest and isinstance(rest[-1], dict) and "k" in rest[-1]:
        keywords = rest.pop()["k"]
    arguments = [argument(each) for each in rest]
    space, _, short = name.partition(".")
    if space == "m":
        result = getattr(arguments[0], short)(*arguments[1:], **keywords)
    elif space == "m_":
        result = getattr(arguments[0], short + "_")(*arguments[1:], **keywords)
    elif space == "f":
        result = getattr(module, short)(*arguments, **keywords)
    elif space == "F":
        result = getattr(module.nn.functional, short)(*arguments, **keywords)
    elif name == "getitem":
        result = arguments[0][tuple(arguments[1])]
    elif name == "where_gt":
        result = module.where(arguments[0] > arguments[1], arguments[0], arguments[1])
    elif name == "rdiv":
        result = arguments[1] / arguments[0]
    elif name == "rpow":
        result = arguments[1] ** arguments[0]
    elif space == "nograd":
        with module.no_grad():
            if short == "mul_":
                result = arguments[0].mul_(2)
            elif short == "zero_":
                result = arguments[0].zero_()
            elif short == "select0":
                result = arguments[0][:1]
            else:
                result = arguments[0].view(arguments[0].shape)
    else:
        raise AssertionError(name)
    listed = list(result) if isinstance(result, (tuple, list)) else [result]
    return [each for each in listed if each.is_floating_point()]


def cotangent(module: Any, seed: int, like: Any) -> Any:
    """The same in both packages, whatever else is drawn."""
    random = Random(seed)
    values = [random.choice([1.0, 0.5, -1.0, 2.0, 0.25]) for _ in range(like.numel())]
    kind = getattr(module, str(like.dtype).partition(".")[2])
    flat = module.tensor(values, dtype=kind) if values else module.zeros(0, dtype=kind)
    return flat.reshape(tuple(like.shape))


def run(module: Any, case: Any) -> list[tuple[str, Any]]:
    """The phases, and of each its gradients, or the exception."""
    phases: list[tuple[str, Any]] = []
    inputs = [make(module, spec) for spec in case["inputs"]]
    values = list(inputs)
    grad = module.autograd.grad
    try:
        for step in case["steps"]:
            made = call(module, step, values)
            # One name for each tensor, as torch and this package give them.
            values += made
        outputs = values[len(inputs) :][-3:]
        needs = [value.requires_grad for value in outputs]
    except Exception as error:
        return [("forward", error)]
    phases.append(
        ("forward", [(value.detach(), need) for value, need in zip(outputs, needs, strict=True)])
    )
    roots = [value for value, need in zip(outputs, needs, strict=True) if need]
    leaves = [leaf for leaf in inputs if leaf.requires_grad and leaf.is_leaf]
    if not roots or not leaves:
        return phases
    given = [cotangent(module, case["seed"] + i, root) for i, root in enumerate(roots)]
    if case["second"]:
        for each in given:
            each.requires_grad_()
    try:
        found = grad(roots, leaves, given, create_graph=case["second"], allow_unused=True)
    except Exception as error:
        return [*phases, ("first", error)]
    phases.append(("first", [(g if g is None else g.detach(), None) for g in found]))
    if not case["second"]:
        return phases
    again = [g for g in found if g is not None and g.requires_grad]
    if not again:
        return phases
    try:
        weights = [
            cotangent(module, case["seed"] - 1 - i, g)
            for i, g in enumerate(found)
            if g is not None and g.requires_grad
        ]
        twice = grad(again, [*leaves, *given], weights, allow_unused=True)
    except Exception as error:
        return [*phases, ("second", error)]
    phases.append(("second", [(g, None) for g in twice]))
    return phases


# --- Comparing ---------------------------------------------------------------

TOLERANCE = {"float64": 1e-9, "float32": 2e-4, "float16": 4e-2, "bfloat16": 2e-1}


def array(tensor: Any) -> Any:
    return np.array(tensor.double().clone().tolist(), dtype=np.float64).reshape(tuple(tensor.shape))


def near(ours: Any, theirs: Any, tolerance: float, again: bool) -> Any:
    """Where two tensors have the same values."""
    kind = str(ours.dtype).partition(".")[2]
    a, b = array(ours), array(theirs)
    tolerance = max(tolerance, TOLERANCE[kind])
    scale = max(float(np.abs(b[np.isfinite(b)]).max(initial=0.0)), 1.0)
    with np.errstate(all="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        same |= again & ~np.isnan(a) & np.isnan(b)  # of what is not chosen, 0 times infinity
        same |= np.isfinite(a) & np.isfinite(b) & (np.abs(a - b) <= tolerance * scale)
        if tolerance > 1e-6:  # the largest numbers may round to an infinity
            top = 3e4 if kind == "float16" else 1e37
            same |= (np.abs(a) > top) & (np.abs(b) > top) & (np.sign(a) == np.sign(b))
    return same


def difference(ours: Any, theirs: Any, tolerance: float, again: bool) -> str | None:
    one = theirs if ours is None else ours
    if again and (ours is None) != (theirs is None) and not np.nan_to_num(array(one)).any():
        return None  # the derivative of a rule: nothing, or zeros
    if (ours is None) != (theirs is None):
        return f"presence: {'none' if ours is None else 'one'} for {'none' if theirs is None else 'one'}"
    if ours is None:
        return None
    kinds = [str(each.dtype).partition(".")[2] for each in (ours, theirs)]
    if kinds[0] != kinds[1]:
        return f"dtype: {kinds[0]} for {kinds[1]}"
    if tuple(ours.shape) != tuple(theirs.shape):
        return f"shape: {tuple(ours.shape)} for {tuple(theirs.shape)}"
    if near(ours, theirs, tolerance, again).all():
        return None
    return f"value: {array(ours).tolist()} for {array(theirs).tolist()}"


# What is said here, and not there, where there is nothing: docs/differences.md
OF_NOTHING = ("is out of bounds", "more than one element of the written-to tensor")
# Functions of several operations, whose operands are kept.
COMPOSITES = {
    "cross_entropy", "nll_loss", "layer_norm", "batch_norm", "gelu", "silu", "logsigmoid",
    "binary_cross_entropy_with_logits",
}  # fmt: skip


# What torch refuses on the way, where there is an answer: its own faults, but for the last.
REFUSED_THERE = {
    "embedding": "because the unspecified dimension size -1 can be any value",
    "nll_loss": "grad_input must be contiguous",
    "clamp": "doesn't match the broadcast shape",
    "scatter": "returned an invalid gradient",
    "layer_norm": "mixed dtype (CPU)",
}
# Derivatives that are 0 wherever they are: torch knows that without multiplying.
STEPS = {"abs", "ceil", "floor", "floor_divide", "l1_loss", "norm", "round", "sign", "trunc"}


def magnitudes(module: Any, case: Any) -> Any:
    """Of every value on the way."""
    values = [make(module, spec) for spec in case["inputs"]]
    for step in case["steps"]:
        values += call(module, step, values)
    floats = [array(each.detach()).ravel() for each in values if each.is_floating_point()]
    return np.abs(np.concatenate(floats))


def is_known(case: Any, called: set[str], phase: str, a: Any, b: Any) -> bool:
    """Whether these values, which differ, do by what docs/derivatives.md and differences.md say."""
    beta = [step[-1].get("k", {}).get("beta") for step in case["steps"] if step[0] == "f.addmm"]
    if 0 in beta and np.isnan(b).all():
        return True
    if called & {"pow", "pow_"} and (a == -b).all() and np.isinf(a).all():
        return True  # of -0.0
    if phase == "second" and called & STEPS and np.isnan(a).all():
        return True
    on_the_way = magnitudes(torch, case)
    if not np.isfinite(on_the_way).all():
        if called & {"prod", "batch_norm"}:
            return bool((np.isnan(a) | np.isnan(b)).all())
        return "conv2d" in called and bool(np.isnan(a).all())  # at its borders
    # Of equal values there may be a deviation that is but rounded.
    on_the_way = np.append(on_the_way, magnitudes(stepwell, case))
    return "std" in called and bool(((on_the_way > 0) & (on_the_way < 1e-12)).any())


def widened(case: Any) -> Any:
    """The same case, all of it in float64."""
    steps = [
        ["m.double", *step[1:]] if step[0] in ("m.half", "m.bfloat16", "m.float") else step
        for step in copy.deepcopy(case["steps"])
    ]
    inputs = []
    for spec in case["inputs"]:
        if spec["dtype"] in FLOATS:
            values = [SPECIAL.get(v, v) for v in spec["values"]]
            rounded = torch.tensor(values, dtype=getattr(torch, spec["dtype"])).tolist()
            spec = spec | {"dtype": "float64", "values": rounded}
        inputs.append(spec)
    return case | {"steps": steps, "inputs": inputs}


def is_nearer(case: Any, phase: str, i: int, a: Any, b: Any) -> bool:
    """Whether ours is nowhere further from what float64 gives than theirs."""
    for name, made in run(torch, widened(case)):
        if name == phase and not isinstance(made, Exception) and len(made) > i:
            exact = made[i][0]
            if exact is None or tuple(exact.shape) != tuple(a.shape):
                return False
            right = array(exact)
            with np.errstate(all="ignore"):
                errors = [np.abs(array(each) - right) for each in (a, b)]
            return bool(((errors[0] <= errors[1]) | np.isnan(errors[1])).all())
    return False


def nonzero(result: tuple[Any, Any]) -> bool:
    return result[0] is not None and bool(np.nan_to_num(array(result[0])).any())


def check(case: Any) -> str | None:
    theirs = run(torch, case)
    ours = run(stepwell, case)
    coarsest = max(TOLERANCE[spec["dtype"]] for spec in case["inputs"])
    for step in case["steps"]:
        coarsest = max(
            coarsest, {"m.float": 2e-4, "m.half": 4e-2, "m.bfloat16": 2e-1}.get(step[0], 0)
        )
    names = " ".join(step[0] for step in case["steps"])
    empty = any(0 in spec["shape"] for spec in case["inputs"])
    called = {step[0].partition(".")[2] for step in case["steps"]}
    for (phase, mine), (_, right) in zip(ours, theirs, strict=False):
        refused = [isinstance(each, Exception) for each in (mine, right)]
        if refused[1] and not refused[0] and "modified by an inplace" in str(right):
            return None  # torch keeps more
        if refused[0] and not refused[1] and "attention, is at version" in str(mine):
            return None  # so do torch's tiles, which serve fewer shapes
        if refused[0] and not refused[1] and empty and any(p in str(mine) for p in OF_NOTHING):
            return None
        if refused[0] and not refused[1] and called & COMPOSITES and "modified by" in str(mine):
            return None  # they keep their operands
        if refused[1] and not refused[0]:
            if any(name in called and text in str(right) for name, text in REFUSED_THERE.items()):
                return None
        if refused[0] and not refused[1] and called & {"zero_", "fill_"}:
            if "more than one element of the written-to tensor" in str(mine):
                return None
        if refused[0] != refused[1]:
            which = "refused" if refused[0] else "accepted"
            error = mine if refused[0] else right
            return f"{phase} {which}: {names}: {type(error).__name__}: {str(error)[:300]}"
        if refused[0]:
            return None
        for i, ((a, p), (b, q)) in enumerate(zip(mine, right, strict=True)):
            if p != q:
                return f"{phase} requires_grad: {names}: result {i}: {p} for {q}"
            if phase != "forward" and (a is None) != (b is None):
                one = b if a is None else a
                if not one.numel():
                    continue  # of nothing there is no gradient, or an empty one
                if b is None and "norm" in called and not array(a).any():
                    continue
            found = difference(a, b, coarsest, phase == "second")
            if found and found.startswith("value"):
                far = ~near(a, b, coarsest, phase == "second")
                if is_known(case, called, phase, array(a)[far], array(b)[far]):
                    continue
                if coarsest > 1e-3 and is_nearer(case, phase, i, a, b):
                    continue  # 16 bits, which are computed in 32 here
            if found:
                what, _, details = found.partition(": ")
                return f"{phase} {what}: {names}: {i}: {details}"
    longer = ours if len(ours) > len(theirs) else theirs
    for phase, found in longer[min(len(ours), len(theirs)) :]:
        # The other's gradient does not depend on anything: its own are zeros.
        if phase == "first" or isinstance(found, Exception) or any(map(nonzero, found)):
            return f"phases: {names}: {[p for p, _ in ours]} for {[p for p, _ in theirs]}"
    return None


def group(case: Any) -> str:
    return " ".join(sorted({step[0] for step in case["steps"]}))


def smaller(case: Any) -> Any:
    """Fewer steps, inputs without a gradient, plain layouts, one derivative, rounder values."""
    if case["second"]:
        yield {**case, "second": False}
    for n in range(len(case["steps"]) - 1, 0, -1):
        yield {**case, "steps": case["steps"][:n]}
    count = len(case["inputs"])
    for i in range(count):
        if not any(each["v"] == i for step in case["steps"] for each in walk(step)) and count > 1:
            made = copy.deepcopy(case)
            del made["inputs"][i]
            for step in made["steps"]:
                for each in walk(step):
                    each["v"] -= each["v"] > i
            yield made
    # A step whose operand is a result may take an input like it.
    for at, step in enumerate(case["steps"]):
        for which, each in enumerate(list(walk(step))):
            if each["v"] == 0:
                continue
            made = copy.deepcopy(case)
            list(walk(made["steps"][at]))[which]["v"] = 0
            yield made
    for i, spec in enumerate(case["inputs"]):
        for name, value in (("layout", "plain"), ("grad", False), ("dtype", "float64")):
            if spec[name] != value:
                made = copy.deepcopy(case)
                made["inputs"][i][name] = value
                yield made
        for j, value in enumerate(spec["values"]):
            if value not in (1.0, 0.0):
                made = copy.deepcopy(case)
                made["inputs"][i]["values"][j] = 1.0
                yield made
