# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every derivative rule against finite differences, without compiling a kernel.

The pass writes the gradient as array operations; NumPy stands in for them here, so what is
tested is the rule itself.
"""

import re
import subprocess
import sys
from math import erf
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import window_reference

BUILD = Path(__file__).resolve().parents[3] / "build"
OPT = BUILD / "bin" / "stepwell-opt"


def broadcast_like(x, like, dims=(), keepdim=True):
    if not keepdim:
        x = np.expand_dims(x, tuple(dims))
    return np.broadcast_to(x, like.shape)


def sort(x, dim, descending=False):
    where = np.argsort(-x if descending else x, dim, kind="stable")
    return np.take_along_axis(x, where, dim), where


def topk(x, dim, k, largest=True):
    return tuple(np.take(found, np.arange(k), dim) for found in sort(x, dim, largest))


def scatter_add(x, index, src, dim):
    out = x.copy()
    for at in np.ndindex(index.shape):
        out[(*at[:dim], index[at], *at[dim + 1 :])] += src[at]
    return out


# How NumPy says it, where it does not use our name.
NUMPY = {
    "sub": np.subtract, "mul": np.multiply, "div": np.divide, "pow": np.power, "neg": np.negative,
    "round": np.rint, "reciprocal": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / np.sqrt(x), "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0), "erf": np.vectorize(erf, otypes=[float]),
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2,
    "clamp": np.clip, "clamp_min": np.maximum, "clamp_max": np.minimum, "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
    "gt": np.greater, "ge": np.greater_equal, "cast": lambda x: x,
    "transpose": lambda x, permutation: np.transpose(x, permutation),
    "sum": lambda x, dims, keepdim=False: np.sum(x, tuple(dims), keepdims=keepdim),
    "broadcast_like": broadcast_like, "sort": sort, "topk": topk, "scatter_add": scatter_add,
}  # fmt: skip
# Their last operand has a shape and no gradient.
LIKE = {"broadcast_like", "conv2d_input_gradient", "conv2d_weight_gradient",
        "max_pool2d_gradient", "avg_pool2d_gradient"}  # fmt: skip


def stand_in(operation):
    return (
        NUMPY.get(operation) or getattr(window_reference, operation, None) or getattr(np, operation)
    )


def attribute(text):
    if text in ("true", "false"):
        return text == "true"
    if text.isdigit():
        return int(text)
    array = re.fullmatch(r"array<i64(?:: (.*))?>", text)
    return [int(n) for n in (array[1] or "").split(",") if n] if array else text


def attribute_fields(text):
    pairs = re.findall(r"(\w+) = (array<.*?>|\w+)", text)
    return {key: attribute(value) for key, value in pairs if key != "dtype"}


def evaluate(module, inputs):
    """Runs the one function of `module`, which holds array operations only."""
    names = re.findall(r"(%\w+): tensor", module[: module.index("{\n", module.index("func.func"))])
    values = dict(zip(names, inputs, strict=True))
    for line in module.splitlines():
        if result := re.match(r"\s*return (.*) :", line):
            return [values[name.strip()] for name in result[1].split(",")]
        if constant := re.match(r"\s*(%\w+) = array.constant dense<(.*?)>", line):
            values[constant[1]] = np.array(float(constant[2]))
            continue
        match = re.match(r"\s*(%\w+) = array\.(\w+) ([%\w, ]+?)(?: \{(.*)\})? : ", line)
        if match:
            name, operation, operands, fields = match.groups()
            attributes = attribute_fields(fields or "")
            function = stand_in(operation)
            arguments = [values[operand.strip()] for operand in operands.split(",")]
            values[name] = function(*arguments, **attributes)
    raise AssertionError("the function returns nothing")


def tensor(array):
    return (
        "tensor<"
        + "".join(f"{n}x" for n in array.shape)
        + {"b": "i1", "i": "i64", "f": "f64"}[array.dtype.kind]
        + ">"
    )


def check(operation, *inputs, attributes=""):
    """The gradients of every float input, against central differences."""
    inputs = [np.asarray(x) for x in inputs]
    fields = attribute_fields(attributes)
    function = stand_in(operation)

    def results_of(*operands):
        results = function(*operands, **fields)
        return results if isinstance(results, tuple) else (results,)

    values = results_of(*inputs)
    value = values[0]
    g = np.random.default_rng(0).normal(size=value.shape)
    wrt = [i for i, x in enumerate(inputs) if x.dtype.kind == "f"]
    if operation in LIKE:
        wrt.remove(len(inputs) - 1)
    types = [tensor(x) for x in inputs]
    body = ", ".join(f"%b{i}: {t}" for i, t in enumerate(types))
    made = [tensor(np.asarray(v)) for v in values]
    outer = [*types, *made, made[0]]
    names = ", ".join(f"%b{i}" for i in range(len(types)))
    results = ", ".join(types[i] for i in wrt)
    source = f"""
func.func @main({", ".join(f"%a{i}: {t}" for i, t in enumerate(outer))}) -> ({results}) {{
  %d:{len(wrt)} = "autodiff.vjp"({", ".join(f"%a{i}" for i in range(len(outer)))})
      <{{cotangents = array<i64: 0>, wrt = array<i64: {", ".join(map(str, wrt))}>}}> ({{
  ^bb0({body}):
    %r:{len(made)} = "array.{operation}"({names}) {{{attributes}}} : ({", ".join(types)}) -> ({", ".join(made)})
    autodiff.yield {", ".join(f"%r#{i}" for i in range(len(made)))} : {", ".join(made)}
  }}) : ({", ".join(outer)}) -> ({results})
  return {", ".join(f"%d#{i}" for i in range(len(wrt)))} : {results}
}}
"""
    done = subprocess.run(
        [OPT, "-autodiff-fulfil-requests", "-cse", "-canonicalize"],
        input=source, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + source
    gradients = evaluate(done.stdout, [*inputs, *values, g])
    step = 1e-6
    for index, gradient in zip(wrt, gradients, strict=True):
        expected = np.zeros(inputs[index].shape)
        for position in np.ndindex(inputs[index].shape):
            moved = []
            for sign in (1, -1):
                x = [np.array(v) for v in inputs]
                x[index][position] += sign * step
                moved.append(np.sum(results_of(*x)[0] * g))
            expected[position] = (moved[0] - moved[1]) / (2 * step)
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-7)


A = np.array([[0.3, -0.7, 0.45], [0.9, 0.2, -0.55]])
POSITIVE = np.abs(A) + 0.1
ROW = np.array([0.35, -0.6, 1.3])

UNARY = "floor ceil round trunc sign neg abs exp exp2 expm1 sin cos tan asin acos atan sinh cosh tanh erf sigmoid relu".split()
UNARY_POSITIVE = "log log1p log2 log10 sqrt rsqrt reciprocal".split()
BINARY = "add sub mul div maximum minimum clamp_min clamp_max atan2 remainder".split()


@pytest.mark.parametrize("operation", UNARY)
def test_unary(operation):
    check(operation, A)


@pytest.mark.parametrize("operation", UNARY_POSITIVE)
def test_unary_positive(operation):
    check(operation, POSITIVE)


@pytest.mark.parametrize("operation", BINARY)
def test_binary_and_what_was_broadcast(operation):
    check(operation, A, ROW)
    check(operation, A[:, :1], A + 2)


def test_pow():
    check("pow", POSITIVE, ROW)


def test_where():
    check("where", A > 0, A, ROW)


def test_clamp():
    check("clamp", A, np.array(-0.5), np.array([0.4, 0.5, 0.6]))


def test_reductions_and_structure():
    check("sum", A, attributes="dims = array<i64: 1>, keepdim = false")
    check("sum", A, attributes="dims = array<i64: 0>, keepdim = true")
    check("broadcast_like", ROW, A)
    check("transpose", A, attributes="permutation = array<i64: 1, 0>")
    check("matmul", A, A.T + 1)
    check("matmul", np.stack([A, A + 1]), A.T)


@pytest.mark.parametrize(
    "groups, attributes",
    [
        (1, "stride = array<i64: 2, 1>, padding = array<i64: 1, 3>"),
        (2, "dilation = array<i64: 1, 2>, groups = 2 : i64"),
    ],
)
def test_convolutions(groups, attributes):
    random = np.random.default_rng(1)
    input, weight = random.normal(size=(2, 2, 5, 4)), random.normal(size=(4, 2 // groups, 3, 2))
    gradient = window_reference.conv2d(input, weight, **attribute_fields(attributes))
    check("conv2d", input, weight, attributes=attributes)
    check("conv2d_input_gradient", gradient, weight, input, attributes=attributes)
    check("conv2d_weight_gradient", input, gradient, weight, attributes=attributes)


def test_pools():
    input = np.random.default_rng(1).normal(size=(2, 2, 5, 4))
    windows = "kernel_size = array<i64: 3, 2>, stride = array<i64: 2, 1>, ceil_mode = true, "
    windows += "padding = array<i64: 1, 0>"
    gradient, indices = window_reference.max_pool2d(input, **attribute_fields(windows))
    check("max_pool2d", input, attributes=windows)
    check("max_pool2d_gradient", gradient, indices, input, attributes=windows)
    check("max_pool2d_gather", input, indices, attributes=windows)
    windows += ", count_include_pad = false"
    check("avg_pool2d", input, attributes=windows)
    check("avg_pool2d_gradient", gradient, input, attributes=windows)


def test_orders():
    x = np.random.default_rng(4).permutation(np.arange(24.0)).reshape(2, 3, 4)
    check("sort", x, attributes="dim = 1 : i64, descending = true")
    check("topk", x, attributes="dim = 2 : i64, k = 2 : i64, largest = true")


# Their rules are checked in test/python/test_activations.py.
ACTIVATIONS = ("gelu", "gelu_tanh", "silu")


def test_every_rule_is_checked():
    table = (BUILD / "dialects/include/stepwell/Array/OpTable.inc").read_text()
    # Of operations with blocks there is no rule in a record.
    rows = [
        row[0]
        for text in table.split(".dialect = ")
        if (row := re.findall(r'\.mnemonic = "(\w+)".*?\.nonDifferentiable = (\w+)', text, re.S))
    ]
    source = Path(__file__).read_text()
    # What is not elementwise is checked through kernels, in the files beside this one.
    others = [path.read_text() for path in Path(__file__).parent.glob("test_*_rules.py")]
    through_kernels = {
        name for text in others for name in re.findall(r'^    "(\w+)": \(', text, re.M)
    }
    tested = through_kernels | {
        *UNARY,
        *UNARY_POSITIVE,
        *BINARY,
        *re.findall(r'check\("(\w+)"', source),
    }
    # A cast's rule is a cast: FileCheck'd in ops.mlir, nothing to differentiate numerically.
    # Those of `with_gradient_of` and `evenly` are not the derivatives of their values:
    # test_compile_tape.py and test_gradient_values.py.
    elementwise = {"cast", "with_gradient_of", "evenly", *ACTIVATIONS}
    assert {name for name, none in rows if none == "false"} == tested | elementwise
