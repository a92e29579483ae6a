# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random programs, compiled against eager.

A case is a function of a few statements over its arguments `a0`, `a1`, … and an object `g` that it
closes over, the tensors that arguments are views of, and calls: each says what the arguments are
and what happens to `g` before. After each call everything is compared: results (values, types,
shapes, strides, requires_grad), what was written, gradients, and who shares memory with whom, which
shows when the results are written to. Statements that eager refuses are left out.

A third of the cases are one call of any function of the package, {"single": a case of `calls`}, with
fresh arguments for each of two calls.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Iterator
from random import Random
from typing import Any

import calls_table
import numpy as np
import stepwell

warnings.filterwarnings("ignore")

Case = dict[str, Any]

SHAPES = [[3, 4], [3, 4], [3, 4], [4, 4], [4], [3, 1], [1, 4], [], [2, 3, 4], [0, 4], [12]]
DTYPES = ["float32"] * 6 + ["float64", "int64", "int64", "int32", "bool", "uint8", "float16"]
# What an argument is of the tensor `b` behind it.
VIEWS = ["b"] * 6 + [
    "b.T", "b[::2]", "b[1:]", "b[..., 1:]", "b[::-1]", "b.reshape(-1)", "b[None]", "b * 1",
    "b.T.contiguous().T", "b.expand(2, *b.shape)", "b.detach()", "b[0]", "b.diagonal()",
]  # fmt: skip
EXACT = [
    "{v} = {x} + {y}", "{v} = {x} * {y}", "{v} = {x} - {c}", "{v} = {c} - {x}", "{v} = -{x}",
    "{v} = {x} * {c}", "{v} = {x}.abs()", "{v} = {x}.relu()", "{v} = stepwell.maximum({x}, {y})",
    "{v} = stepwell.where({x} > {c}, {y}, {z})", "{v} = {x} > {y}", "{v} = {x}.sum()",
    "{v} = {x}.sum({d})", "{v} = {x}.sum({d}, keepdim=True)", "{v} = {x}.amax({d})",
    "{v} = {x} @ {y}", "{v} = {x} @ {y}.T", "{v} = {x}.clamp(-8, 8)", "{v} = {x}.clamp(-4, 4)",
    "{v} = {x}.cumsum({d})", "{v} = {x}.long()", "{v} = {x}.float()", "{v} = {x}.double()",
    "{v} = {x}.bool()", "{v}, {w} = {x}.max({d})", "{v}, {w} = {x}.sort({d})",
    "{v}, {w} = {x}.topk({k}, {d})", "{v} = {x}.argmax({d})", "{v} = {x}.argsort({d})",
    "{v} = stepwell.cat([{x}, {y}], {d})", "{v} = stepwell.stack([{x}, {y}], {d})",
    "{v} = {x}.masked_fill({y} > {c}, {c})", "{v} = {x}.gather({d}, {i})",
    "{v} = {x}.scatter_add({d}, {i}, {y})", "{v} = {x}.index_select({d}, {i})",
    "{v} = {x}.index_add({d}, {i}, {y})", "{v} = stepwell.zeros_like({x})",
    "{v} = stepwell.arange(4) + {x}", "{v} = stepwell.ones(3, 4)", "{v} = {x}.tril()",
    "{v} = {x}.roll(1, {d})", "{v} = {x}.repeat(2, 1)", "{v} = {x}.kthvalue({k}, {d})[0]",
    "{v} = {x}.median({d})[0]", "{v} = {x}.prod({d})", "{v} = {x}.any({d})",
    "{v} = stepwell.pow({x}, 2)", "{v} = {x}.flip({d})",
]  # fmt: skip
SMOOTH = [
    "{v} = {x} / 4", "{v} = {x}.exp().clamp(max=9)", "{v} = {x}.tanh()", "{v} = {x}.sigmoid()",
    "{v} = {x}.softmax({d})", "{v} = {x}.mean()", "{v} = {x}.mean({d})", "{v} = {x}.var({d})",
    "{v} = ({x} * {x} + 1).sqrt()", "{v} = {x}.sin()", "{v} = {x}.logsumexp({d})",
]  # fmt: skip
JUMPS = ("max(", "sort(", "topk", "arg", "kthvalue", "median", ">", "long", "bool", "amax", "any(")
VIEWING = [
    "{v} = {x}.T", "{v} = {x}[{k}:]", "{v} = {x}[::2]", "{v} = {x}[..., {k}]", "{v} = {x}[{k}]",
    "{v} = {x}.reshape(-1)", "{v} = {x}.view(-1)", "{v} = {x}.contiguous()", "{v} = {x}.detach()",
    "{v} = {x}.unsqueeze({d})", "{v} = {x}.squeeze()", "{v} = {x}.expand(3, 4)",
    "{v} = {x}.diagonal()", "{v} = {x}.flip({d})", "{v} = {x}[:, 1:3]", "{v} = {x}.clone()",
    "{v} = {x}.transpose({d}, {e})", "{v} = {x}.narrow({d}, 1, 2)", "{v} = {x}[::-1]",
    "{v} = {x}.flatten()", "{v}, {w} = {x}.split(2, {d})[:2]", "{v} = {x}.select({d}, -1)",
    "{v} = {x}.permute(1, 0)", "{v} = {x}.float()", "{v} = {x}",
    "{v} = {x}.chunk(2, {d})[-1]", "{v} = {x}.expand_as({y})", "{v} = {x}.movedim(0, {d})",
]  # fmt: skip
WRITING = [
    "{x}.add_({c})", "{x}.mul_({y})", "{x}.copy_({y})", "{x}.fill_({c})", "{x}.zero_()",
    "{x} += {y}", "{x}[{k}] = {c}", "{x}[{k}] = {y}[{k}]", "{x}[:, {k}] = {y}[:, 0]",
    "{x}[::2] = {y}[::2]", "{x}[{k}:] = {y}[:-{k}]", "{x}.T[{k}] = {c}",
    "{x}.T.scatter_({d}, {i}, 5.0)", "{x}.scatter_({d}, {i}, 2)", "{x}.T[{i}, {j}] = 5.0",
    "{x}[{i}] = {c}", "{x}.index_add_({d}, {i}, {y})", "{x}.scatter_add_({d}, {i}, {y})",
    "{x}.diagonal().add_(1)", "{x}.view(-1)[{k}:] *= 2", "{x}.reshape(-1).mul_(2)",
    "{x}.contiguous().zero_()", "{x}.flip({d}).add_(1)", "{x}.relu_()", "{x}.clamp_(-4, 4)",
    "{x}[..., None].mul_(3)", "{x}.index_copy_({d}, {i}, {y})", "{x}.masked_fill_({y} > 0, {c})",
    "{x}.unsqueeze(0)[0, {k}].sub_({y}[{k}])", "{x}[[0, 1]] += 1", "{x}.permute(1, 0)[1:] = {c}",
    "{x}.detach().add_(1)", "{x}[-1].copy_({x}[0])", "{x}[1:] = {x}[:-1]",
]  # fmt: skip
# A `with no_grad():` around a statement, and what only gradients see.
TAPE = [
    "NG {s}", "NG {s}", "NG {s}", "EG {s}", "{v} = {x} + ({y} - {x}).detach()",
    "{v} = {x} * {x}.detach()", "{v} = g.w * {x}", "{v} = g.w + g.u", "{v} = (g.w * {x}).sum()",
    "{v}, = stepwell.autograd.grad(({x} * {x}).sum(), {x}, create_graph=True)",
    "{v}, = stepwell.autograd.grad(({x} * {x} * {y}).sum(), {x}, create_graph=True)",
    "{v}, = stepwell.autograd.grad(({x} * {x}).sum(), {x}, retain_graph=True)",
    "({x} * g.w).sum().backward()", "{x}.sum().backward(retain_graph=True)",
    "NG g.w.sub_(g.w.grad)", "g.w.grad = None", "NG g.w.mul_(0.5)", "NG g.u.add_(g.w)",
    "{v} = {x}.detach().requires_grad_()", "NG {x}.clamp_(-1, 1)", "{v} = {x} * g.s",
    "{v} = {x} + (1 if g.flag else 2)", "g.u.add_(1)", "g.u.copy_({x})", "{v} = g.u", "{v} = g.w",
]  # fmt: skip
CHANGES = [
    "g.w = stepwell.full((4,), 2.0, requires_grad=True)", "g.s = g.s + 1", "g.flag = not g.flag",
    "g.u = stepwell.full((3, 4), 3.0)", "NG g.w.add_(1)", "g.u = b0", "g.w.grad = None",
    "g.u = b0[:3]", "g.u = stepwell.ones(4, 3).T", "g.u = stepwell.zeros(3, 4).double()",
]  # fmt: skip


def _line(random: Random, template: str, names: list[str], fresh: list[str]) -> str:
    recent = names[-4:] if random.random() < 0.5 else names
    fill = {
        "x": random.choice(recent),
        "y": random.choice(names),
        "z": random.choice(names),
        "v": fresh[0],
        "w": fresh[1],
        "c": random.choice(["0", "1", "-1", "2", "0.5", "3.0", "True"]),
        "d": random.choice(["0", "0", "1", "1", "-1"]),
        "e": random.choice(["0", "1", "-1"]),
        "k": random.choice(["0", "1", "2", "1"]),
        "i": random.choice(["i", "i", "i[:2]", "i2"]),
        "j": random.choice(["i", "i.flip(0)"]),
        "s": "",
    }
    if "{s}" in template:
        inner = random.choice(EXACT + VIEWING + WRITING + WRITING)
        fill["s"] = inner.format(**fill)
    return template.format(**fill)


def generate(random: Random) -> Case:
    if random.random() < 0.35:
        return {"single": calls_table.generate(random)}
    bases = []
    for _ in range(random.randrange(1, 4)):
        dtype = random.choice(DTYPES)
        bases.append(
            {
                "shape": random.choice(SHAPES),
                "dtype": dtype,
                "seed": random.randrange(10**6),
                "grad": dtype.startswith("float") and random.random() < 0.5,
            }
        )
    count = random.randrange(1, 4)
    picks = [random.randrange(len(bases)) for _ in range(count)]

    def arguments() -> list[str]:
        made = []
        for pick in picks:
            b = random.randrange(len(bases)) if random.random() < 0.2 else pick
            made.append(random.choice(VIEWS).replace("b", f"b{b}", 1).replace("*b.", f"*b{b}."))
        return made

    smooth = random.random() < 0.3
    pools = [EXACT, VIEWING, WRITING, TAPE]
    weights = random.choice([[5, 3, 2, 1], [2, 3, 5, 1], [3, 2, 1, 5], [1, 4, 4, 1], [6, 1, 0, 0]])
    names = [f"a{i}" for i in range(count)]
    body = []
    for n in range(random.randrange(2, 16)):
        pool = random.choices(pools, weights)[0]
        if smooth and pool is EXACT:
            pool = SMOOTH + [each for each in EXACT if not any(j in each for j in JUMPS)]
        template = random.choice(pool)
        if smooth and any(j in template for j in JUMPS):
            continue
        fresh = [f"v{2 * n}", f"v{2 * n + 1}"]
        body.append(_line(random, template, names, fresh))
        if f"{fresh[0]} = " in body[-1] or f"{fresh[0]}, " in body[-1]:
            names.append(fresh[0])
        if f"{fresh[1]} = " in body[-1]:
            names.append(fresh[1])
    results = [random.choice(names[-6:]) for _ in range(random.randrange(1, 4))]
    first = arguments()
    calls = []
    for n in range(random.choice([1, 2, 2, 3, 4])):
        same = n and random.random() < 0.5
        calls.append(
            {
                "arguments": first if same or not n else arguments(),
                "before": [random.choice(CHANGES)] if n and random.random() < 0.4 else [],
                "backward": random.random() < 0.6,
                "write": random.random() < 0.5,
                "no_grad": random.random() < 0.1,
            }
        )
    return {"bases": bases, "body": body, "results": results, "calls": calls, "smooth": smooth}


def group(case: Case) -> str:
    return case["single"]["call"] if "single" in case else ""


def smaller(case: Case) -> Iterator[Case]:
    if "single" in case:
        import calls

        for each in calls.smaller(case["single"]):
            yield {"single": each}
        return
    for i in reversed(range(len(case["calls"]))):
        if len(case["calls"]) > 1:
            yield {**case, "calls": case["calls"][:i] + case["calls"][i + 1 :]}
    for i in reversed(range(len(case["body"]))):
        yield {**case, "body": case["body"][:i] + case["body"][i + 1 :]}
    for i in range(len(case["results"])):
        if len(case["results"]) > 1:
            yield {**case, "results": case["results"][:i] + case["results"][i + 1 :]}
    for i, call in enumerate(case["calls"]):
        for key in ("backward", "write", "no_grad", "before"):
            if call[key]:
                changed = {**call, key: [] if key == "before" else False}
                yield {**case, "calls": [*case["calls"][:i], changed, *case["calls"][i + 1 :]]}
        for j, argument in enumerate(call["arguments"]):
            plain = argument[:2]
            if argument != plain:
                listed = [*call["arguments"][:j], plain, *call["arguments"][j + 1 :]]
                changed = {**call, "arguments": listed}
                yield {**case, "calls": [*case["calls"][:i], changed, *case["calls"][i + 1 :]]}
    for i, line in enumerate(case["body"]):
        for prefix in ("NG ", "EG "):
            if line.startswith(prefix):
                body = [*case["body"][:i], line[3:], *case["body"][i + 1 :]]
                yield {**case, "body": body}
    for i, base in enumerate(case["bases"]):
        plain = {**base, "dtype": "float32", "shape": [3, 4], "grad": False}
        for key in ("grad", "dtype", "shape"):
            if base[key] != plain[key]:
                changed = {**base, key: plain[key]}
                yield {**case, "bases": [*case["bases"][:i], changed, *case["bases"][i + 1 :]]}


# --- Running -------------------------------------------------------------------


class World:
    """One of the two: its tensors, and what the function closes over."""

    def __init__(self, case: Case) -> None:
        self.names: dict[str, Any] = {"stepwell": stepwell, "__name__": "program"}
        self.bases = []
        for n, spec in enumerate(case["bases"]):
            random = np.random.default_rng(spec["seed"])
            values = random.integers(-2, 4, spec["shape"])
            tensor = stepwell.tensor(np.asarray(values).tolist()).reshape(spec["shape"])
            tensor = tensor.to(getattr(stepwell, spec["dtype"])).clone()
            if spec["grad"]:
                tensor.requires_grad_()
            self.bases.append(tensor)
            self.names[f"b{n}"] = tensor
        self.g = types.SimpleNamespace(
            w=stepwell.tensor([1.0, -1.0, 2.0, 3.0], requires_grad=True),
            u=stepwell.arange(12.0).reshape(3, 4),
            s=2,
            flag=True,
        )
        self.names["g"] = self.g
        self.names["i"] = stepwell.tensor([0, 2, 1])
        self.names["i2"] = stepwell.tensor([[0, 1, 2, 0], [1, 1, 0, 2]])

    def function(self, case: Case, body: list[str]) -> Any:
        names = ", ".join(f"a{n}" for n in range(len(case["calls"][0]["arguments"])))
        results = case["results"]
        source = f"def function({names}):\n"
        for line in body:
            source += f"    {_statement(line)}\n"
        source += f"    return {', '.join(results)},\n"
        exec(compile(source, "<program>", "exec"), self.names)
        return self.names["function"]

    def arguments(self, call: Case) -> list[Any]:
        return [eval(each, self.names) for each in call["arguments"]]

    def change(self, call: Case) -> None:
        for line in call["before"]:
            exec(_statement(line), self.names)


def _statement(line: str) -> str:
    if line.startswith("NG "):
        return f"with stepwell.no_grad(): {_statement(line[3:])}"
    if line.startswith("EG "):
        return f"with stepwell.enable_grad(): {_statement(line[3:])}"
    return line


def _valid(case: Case) -> tuple[list[str], list[str]]:
    """The statements that eager takes on the first call, and the results that there are."""
    world = World(case)
    try:
        given = world.arguments(case["calls"][0])
    except Exception:
        return [], []
    scope = {**world.names, **{f"a{n}": each for n, each in enumerate(given)}}
    body = []
    for line in case["body"]:
        try:
            exec(compile(_statement(line), "<line>", "exec"), scope)
            body.append(line)
        except Exception:
            # What it did before it failed must not decide about the next ones.
            scope2 = World(case)
            given = scope2.arguments(case["calls"][0])
            scope = {**scope2.names, **{f"a{n}": each for n, each in enumerate(given)}}
            try:
                for done in body:
                    exec(compile(_statement(done), "<line>", "exec"), scope)
            except Exception:
                return [], []
    return body, [each for each in case["results"] if each in scope]


def _plain(tensor: Any) -> np.ndarray:
    tensor = tensor.detach()
    if tensor.dtype is stepwell.bfloat16:
        tensor = tensor.float()
    return np.array(tensor.numpy())


def _differ(case: Case, want: Any, got: Any) -> str | None:
    if (want is None) != (got is None):
        return f"{want is not None} and {got is not None} that there is one"
    if want is None:
        return None
    if want.dtype is not got.dtype or tuple(want.shape) != tuple(got.shape):
        return f"{want.dtype} {tuple(want.shape)} and {got.dtype} {tuple(got.shape)}"
    a, b = _plain(want), _plain(got)
    if a.dtype.kind == "f":
        loose = 5e-2 if a.dtype == np.float16 else 1e-3
        with np.errstate(all="ignore"):
            same = np.allclose(a, b, rtol=loose, atol=loose, equal_nan=True)
    else:
        same = np.array_equal(a, b)
    return None if same else f"{a.tolist()!r:.300} and {b.tolist()!r:.300}"


# What a capture says when it will not do a thing.
CLEAR = (
    "captured", "capture", "compiled function", "Trying to backward through the graph a second",
    "modified by an inplace operation", "base or another view of its base has been modified",
    "leaf Variable", "does not require grad",
)  # fmt: skip


def _compare(case: Case, worlds: list[World], results: list[Any], when: str) -> str | None:
    for n, (want, got) in enumerate(zip(*results, strict=True)):
        if wrong := _differ(case, want, got):
            return f"wrong result: {when}, result {n}: {wrong}"
    left, right = worlds
    for n, (want, got) in enumerate(zip(left.bases, right.bases, strict=True)):
        if wrong := _differ(case, want, got):
            return f"wrong write: {when}, b{n}: {wrong}"
        if wrong := _differ(case, want.grad, got.grad):
            return f"wrong gradient: {when}, b{n}: {wrong}"
    for name in ("w", "u"):
        want, got = getattr(left.g, name), getattr(right.g, name)
        if wrong := _differ(case, want, got):
            return f"wrong write: {when}, g.{name}: {wrong}"
        if wrong := _differ(case, want.grad, got.grad):
            return f"wrong gradient: {when}, g.{name}: {wrong}"
    return None


def _backward(results: list[Any]) -> bool:
    """From a sum in which no two neighbours count alike: all alike cancel in many derivatives."""
    total = None
    for n, each in enumerate(results):
        if each.requires_grad:
            weights = stepwell.arange(each.numel()).reshape(each.shape) * 37 % 101 % 4 + (n + 1)
            term = (each.double() * weights).sum()
            total = term if total is None else total + term
    if total is not None:
        total.backward()
    return total is not None


# Results without values that are the same each time, or whose number the values decide.
UNKNOWN = {"empty", "empty_like"}


def _single(case: Case) -> str | None:
    """A call of any function, eager and compiled."""
    import calls  # needs torch, which the other cases do not

    def made() -> tuple[list[Any], dict[str, Any]]:
        args = [calls.value(each)[0] for each in case["args"]]
        return args, {key: calls.value(each)[0] for key, each in case["kwargs"].items()}

    def function(args: Any, kwargs: Any) -> Any:
        called = calls.FORMS[case["form"]](case["call"], stepwell, stepwell.nn.functional)
        return called(*args, **kwargs)

    compiled = stepwell.compile(function)
    for n in range(2):
        outcomes: list[Any] = []
        given = [made(), made()]
        before = [x for each in _all(given[0]) for x in calls._flat(each)]
        before = [x for x in before if isinstance(x, stepwell.Tensor)]
        largest = calls.largest_term(case, before)
        for each, (args, kwargs) in zip((function, compiled), given, strict=True):
            stepwell.manual_seed(7)
            try:
                outcomes.append(each(args, kwargs))
            except Exception as error:
                outcomes.append(error)
        want, got = outcomes
        refused = [isinstance(each, Exception) for each in outcomes]
        if refused[1] and not refused[0]:
            if "captured" in str(got) and "internal" not in str(got):
                return None
            return f"refused: call {n}: {type(got).__name__}: {str(got)[:300]}"
        if refused[0] and not refused[1]:
            if "out of bounds" in str(want) or "Class values must be" in str(want):
                return None  # what nobody reads is not checked
            return f"not refused: call {n}: {type(want).__name__}: {str(want)[:300]}"
        if refused[0]:
            if "out of bounds" in str(want) or "captured" in str(got):
                return None
            if type(want) is not type(got):
                return f"class: call {n}: {want!r:.200} and {got!r:.200}"
            return None
        tensors = [calls._tensors_of([pair]) for pair in zip(*map(_all, given), strict=True)]
        pairs = [pair for each in tensors for pair in each]
        if wrong := _alike(case, want, got, pairs, calls, largest):
            return f"{wrong[0]}: call {n}: {wrong[1]}"
    return None


def _all(given: tuple[list[Any], dict[str, Any]]) -> list[Any]:
    return [*given[0], *given[1].values()]


def _alike(
    case: Case, want: Any, got: Any, arguments: list[tuple[Any, Any]], calls: Any, largest: float
) -> tuple[str, str] | None:
    results = list(zip(calls._flat(want), calls._flat(got), strict=True))
    names = [str(a.dtype).rpartition(".")[2] for a, _ in arguments]
    coarse = max((calls.TOLERANCE.get(name, 0.0) for name in names), default=0.0)

    def values(a: Any, b: Any) -> str | None:
        if a.dtype is not b.dtype or tuple(a.shape) != tuple(b.shape):
            return f"{a.dtype} {tuple(a.shape)} and {b.dtype} {tuple(b.shape)}"
        if case["call"] in UNKNOWN:
            return None
        x, y = calls._wide(a), calls._wide(b)
        if x.dtype.kind != "f":
            same = np.array_equal(x, y)
            return None if same else f"{x.tolist()!r:.300} and {y.tolist()!r:.300}"
        loose = max(coarse, calls.TOLERANCE.get(str(a.dtype).rpartition(".")[2], 0.0))
        finite = np.abs(x[np.isfinite(x)]).max(initial=0.0) if x.size else 0.0
        same = calls._same(x, y, loose, loose * max(float(finite), largest))
        if largest:  # one of the two sums may overflow on its way
            same |= ~(np.isfinite(x) & np.isfinite(y))
        if same.all():
            return None
        return f"{x.tolist()!r:.300} and {y.tolist()!r:.300}"

    for n, (a, b) in enumerate(results):
        if not isinstance(a, stepwell.Tensor):
            if isinstance(b, stepwell.Tensor) or (a != b and a == a):
                return "wrong result", f"result {n}: {a!r} and {b!r}"
            continue
        if wrong := values(a, b):
            return "wrong result", f"result {n}: {wrong}"
        if a.requires_grad != b.requires_grad:
            return "wrong requires_grad", f"result {n}: {a.requires_grad} and {b.requires_grad}"
        if any(
            s != t for s, t, size in zip(a.stride(), b.stride(), a.shape, strict=True) if size > 1
        ):
            if a.numel():
                return "wrong strides", f"result {n}: {a.stride()} and {b.stride()}"
        for m, (x, y) in enumerate(arguments):
            if a.numel() and (calls._storage(a) == calls._storage(x)) != (
                calls._storage(b) == calls._storage(y)
            ):
                return "wrong aliasing", f"result {n}, argument {m}"
    for n, (a, b) in enumerate(arguments):
        if wrong := values(a, b):
            return "wrong write", f"argument {n}: {wrong}"
        if a.requires_grad != b.requires_grad:
            return "wrong requires_grad", f"argument {n}"
    if not any(x.requires_grad and x.is_leaf for x, _ in arguments):
        return None
    errors = []
    for which in range(2):
        try:
            tensors = [pair[which] for pair in results if isinstance(pair[0], stepwell.Tensor)]
            errors.append("" if _backward(tensors) else "nothing")
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
    if bool(errors[0]) != bool(errors[1]):
        return "backward", f"{errors[0][:200]!r} and {errors[1][:200]!r}"
    for n, (a, b) in enumerate(arguments):
        if (a.grad is None) != (b.grad is None):
            return "wrong gradient", f"argument {n}: {a.grad is not None}, {b.grad is not None}"
        if a.grad is not None and (wrong := values(a.grad, b.grad)):
            return "wrong gradient", f"argument {n}: {wrong}"
    return None


def check(case: Case) -> str | None:
    if "single" in case:
        return _single(case["single"])
    body, kept = _valid(case)
    if not kept:
        return None
    case = {**case, "results": kept}
    worlds = [World(case), World(case)]
    functions = [worlds[0].function(case, body), None]
    functions[1] = stepwell.compile(worlds[1].function(case, body))
    for n, call in enumerate(case["calls"]):
        outcomes: list[Any] = []
        for world, function in zip(worlds, functions, strict=True):
            try:
                world.change(call)
                given = world.arguments(call)
                if call["no_grad"]:
                    with stepwell.no_grad():
                        outcomes.append(list(function(*given)))
                else:
                    outcomes.append(list(function(*given)))
            except Exception as error:
                outcomes.append(error)
        want, got = outcomes
        if isinstance(got, Exception) and not isinstance(want, Exception):
            if any(clear in str(got) for clear in CLEAR) and "internal" not in str(got):
                return None
            return f"refused: call {n}: {type(got).__name__}: {str(got)[:300]}"
        if isinstance(want, Exception):
            # What nobody reads is not computed, and so not checked.
            if not isinstance(got, Exception) and "out of bounds" not in str(want):
                return f"not refused: call {n}: {type(want).__name__}: {str(want)[:300]}"
            return None  # what was done before the error need not be the same
        if wrong := _compare(case, worlds, outcomes, f"call {n}"):
            return wrong
        for m, (a, b) in enumerate(zip(want, got, strict=True)):
            if (
                a.stride() != b.stride()
                and a.numel() > 1
                and a.is_contiguous() != b.is_contiguous()
            ):
                return f"wrong strides: call {n}, result {m}: {a.stride()} and {b.stride()}"
        if call["backward"]:
            errors: list[str | None] = []
            for outcome in outcomes:
                try:
                    _backward(outcome)
                    errors.append(None)
                except Exception as error:
                    errors.append(str(error))
            if errors[1] and not errors[0]:
                if any(clear in errors[1] for clear in CLEAR):
                    return None
                return f"backward refused: call {n}: {errors[1][:300]}"
            if errors[0]:
                return None
            if wrong := _compare(case, worlds, outcomes, f"backward of call {n}"):
                return wrong
        if call["write"]:
            for m in range(len(want)):
                errors = []
                for outcome in outcomes:
                    try:
                        with stepwell.no_grad():
                            outcome[m].mul_(0)
                        errors.append(None)
                    except Exception as error:
                        errors.append(str(error))
                if bool(errors[0]) != bool(errors[1]):
                    return f"wrong write: call {n}, result {m}: {errors}"
                if wrong := _compare(case, worlds, outcomes, f"write to result {m} of call {n}"):
                    return wrong.replace("wrong write", "wrong aliasing", 1).replace(
                        "wrong result", "wrong aliasing", 1
                    )
        for outcome in outcomes:
            outcome.clear()
    return None
