# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations that are not elementwise, and their derivatives, through compiled kernels.

A Program of one operation is compiled with every size known, as a captured function has them;
its values are compared with NumPy's and its gradients with central differences in float64.
"""

import numpy as np
import pytest
import stepwell as sw

R = np.random.default_rng(5)
A = R.permutation(24).reshape(2, 3, 4) / 7.0 - 1.6
ROW = R.normal(size=4)
INDEX = np.array([[1, 0, 2], [2, 2, 0]])


def softmax(x, dim):
    e = np.exp(x - x.max(dim, keepdims=True))
    return e / e.sum(dim, keepdims=True)


HEADS = [R.normal(size=shape) for shape in ((1, 2, 3, 5), (1, 2, 4, 5), (1, 2, 4, 2))]
SCORES = R.normal(size=(1, 2, 3, 4))
SCORES[0, 1, 2] = -1.0  # in a mask: nothing to see
NOTHING = np.where(np.arange(3)[:, None] == 1, -np.inf, A[0])


CAUSAL = np.tril(np.ones((3, 4), bool))


def scores_of(query, key, scale, mask):
    scores = query @ np.swapaxes(key, -2, -1) * scale
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    most = scores.max(-1)
    finite = np.where(np.isinf(most), 0, most)
    e = np.exp(scores - finite[..., None])
    total = e.sum(-1)
    return e, finite, np.divide(1, total, where=total != 0, out=np.zeros_like(total))


def attention(query, key, value, scale, mask=None):
    e, _, norm = scores_of(query, key, scale, mask)
    return e * norm[..., None] @ value


def attention_gradient(query, key, value, g, largest, norm, delta, mask=None, scale=None):
    """Of the query; the sums follow from the rest."""
    e, _, norm = scores_of(query, key, scale, mask)
    p, toward = e * norm[..., None], g @ np.swapaxes(value, -2, -1)
    return p * (toward - (toward * p).sum(-1, keepdims=True)) @ key * scale


def gradient_inputs(mask=None, given=True):
    """With a mask of the operation, or one that it makes itself."""
    g = R.normal(size=(1, 2, 3, 2))
    _, finite, norm = scores_of(*HEADS[:2], 0.7, mask)
    delta = (attention(*HEADS, 0.7, mask) * g).sum(-1)
    inputs = [*HEADS, g, finite, norm, delta]
    return [([*inputs, mask] if mask is not None and given else inputs, {"scale": 0.7})]


def keep(function):
    return lambda x, dims, keepdim=False: np.asarray(
        function(x, axis=tuple(dims), keepdims=keepdim)
    )


def slices(x, starts, sizes, steps):
    return x[tuple(slice(a, a + n * s, s) for a, n, s in zip(starts, sizes, steps, strict=True))]


def insert_slice(x, part, starts, steps):
    out = x.copy()
    places = zip(starts, part.shape, steps, strict=True)
    out[tuple(slice(a, a + n * s, s) for a, n, s in places)] = part
    return out


def slice_like(x, starts, like, steps):
    return slices(x, starts.shape, like.shape, steps)


def insert_slice_at(x, part, starts, steps):
    return insert_slice(x, part, starts.shape, steps)


def pad(x, low, high, value=0.0):
    cut = x[
        tuple(slice(max(0, -a), n - max(0, -b)) for n, a, b in zip(x.shape, low, high, strict=True))
    ]
    around = [(max(0, a), max(0, b)) for a, b in zip(low, high, strict=True)]
    return np.pad(cut, around, constant_values=value)


def scatter_add(x, index, src, dim):
    out = x.copy()
    for at in np.ndindex(index.shape):
        place = list(at)
        place[dim] = index[at]
        out[tuple(place)] += src[at]
    return out


def index_write(add):
    def write(x, index, source, dim):
        out = np.moveaxis(x.copy(), dim, 0)
        rows = source.reshape(*x.shape[:dim], index.size, *x.shape[dim + 1 :])
        for row, at in zip(np.moveaxis(rows, dim, 0), index.ravel(), strict=True):
            out[at] = out[at] + row if add else row
        return np.moveaxis(out, 0, dim)

    return write


def normalize(x, dims, eps):
    axes = tuple(dims)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def log_softmax(x, dim):
    return np.log(softmax(x, dim))


def cross_entropy(x, target, ignore_index):
    ignored = target == ignore_index
    index = np.where(ignored, 0, target)
    return np.where(ignored, 0, -np.take_along_axis(log_softmax(x, 1), index[:, None], 1)[:, 0])


def dot_general(x, y, input_batch, other_batch, input_contract, other_contract):
    letters = "abcdefgh"
    other = [None] * y.ndim
    for i, j in zip(input_batch + input_contract, other_batch + other_contract, strict=True):
        other[j] = letters[i]
    free = iter("uvwxyz")
    other = [name or next(free) for name in other]
    kept = [letters[i] for i in input_batch]
    kept += [letters[i] for i in range(x.ndim) if i not in input_batch + input_contract]
    kept += [name for name in other if name in "uvwxyz"]
    return np.einsum(f"{letters[: x.ndim]},{''.join(other)}->{''.join(kept)}", x, y)


def dims(input_batch, other_batch, input_contract, other_contract):
    return {"input_batch": input_batch, "other_batch": other_batch,
            "input_contract": input_contract, "other_contract": other_contract}  # fmt: skip


def fold(x, like):
    return x.reshape(like.shape)


# name: the function, then pairs of inputs and attributes. Integer inputs have no gradient.
CASES = {
    "sum": (keep(np.sum), [([A], {"dims": [0, 2]}), ([A], {"dims": [1], "keepdim": True})]),
    "prod": (
        keep(np.prod),
        [([A], {"dims": [0, 2]}), ([np.where(abs(A + 1.6) < 0.1, 0, A)], {"dims": [0, 1, 2]}),
         ([np.where(abs(A) < 0.5, 0, A)], {"dims": [2], "keepdim": True})],
    ),
    "amax": (keep(np.max), [([A], {"dims": [1]}), ([A], {"dims": [0, 2], "keepdim": True})]),
    "amin": (keep(np.min), [([A], {"dims": [0, 1, 2]})]),
    "mean": (keep(np.mean), [([A], {"dims": [0, 2]})]),
    "var": (
        lambda x, dims, keepdim=False, correction=1.0: np.var(
            x, tuple(dims), ddof=correction, keepdims=keepdim
        ),
        [([A], {"dims": [1]}), ([A], {"dims": [0, 2], "keepdim": True, "correction": 0.0})],
    ),
    "std": (
        lambda x, dims, keepdim=False, correction=1.0: np.std(
            x, tuple(dims), ddof=correction, keepdims=keepdim
        ),
        [([A], {"dims": [1]}), ([A], {"dims": [0, 2], "keepdim": True, "correction": 0.0})],
    ),
    "norm": (keep(lambda x, **k: np.sqrt(np.sum(x * x, **k))), [([A], {"dims": [0, 2]})]),
    "norm_p": (
        lambda x, dims, keepdim=False, ord=3.0: (
            np.sum(np.abs(x) ** ord, tuple(dims), keepdims=keepdim) ** (1 / ord)
        ),
        [([A], {"dims": [1], "keepdim": False, "ord": 3.0}), ([A], {"dims": [0, 2], "keepdim": True, "ord": 1.5})],
    ),
    "logsumexp": (keep(lambda x, **k: np.log(np.sum(np.exp(x), **k))), [([A], {"dims": [1, 2]})]),
    "cumsum": (
        lambda x, dim, reverse=False: (
            np.flip(np.cumsum(np.flip(x, dim), dim), dim) if reverse else np.cumsum(x, dim)
        ),
        [([A], {"dim": 1}), ([A], {"dim": 2, "reverse": True})],
    ),
    "softmax": (softmax, [([A], {"dim": 1})]),
    "masked_softmax": (
        lambda x, dim: softmax(np.where(np.isneginf(x).all(dim, keepdims=True), 0, x), dim)
        * ~np.isneginf(x).all(dim, keepdims=True),
        [([np.where(SCORES == SCORES.max(), -np.inf, SCORES)], {"dim": 3}), ([NOTHING], {"dim": 1})],
    ),
    "log_softmax": (log_softmax, [([A], {"dim": 2})]),
    "normalize": (normalize, [([A], {"dims": [0, 2], "eps": 1e-3})]),
    "layer_norm": (
        lambda x, weight, bias, dims, eps: normalize(x, dims, eps) * weight + bias,
        [([A, ROW, ROW[::-1].copy()], {"dims": [2], "eps": 1e-3})],
    ),
    "linear": (
        lambda x, weight, bias: x @ weight.T + bias,
        [([A[0], A[1], ROW[: len(A[1])]], {}), ([A, A[1], ROW[: len(A[1])]], {})],
    ),
    "batch_norm": (
        lambda x, mean, var, weight, bias, eps: (x - mean) / np.sqrt(var + eps) * weight + bias,
        [([A, ROW, ROW**2 + 1, ROW + 1, ROW - 1], {"eps": 1e-3})],
    ),
    "attention": (attention, [(HEADS, {"scale": 0.7})]),
    "causal_attention": (
        lambda q, k, v, scale: attention(q, k, v, scale, CAUSAL),
        [(HEADS, {"scale": 0.7})],
    ),
    "masked_attention": (
        lambda q, k, v, mask, scale: attention(q, k, v, scale, mask),
        [([*HEADS, SCORES > 0], {"scale": 0.7})],
    ),
    "biased_attention": (
        lambda q, k, v, bias, scale: attention(q, k, v, scale, bias),
        [([*HEADS, SCORES], {"scale": 0.7})],
    ),
    "attention_gradient": (attention_gradient, gradient_inputs()),
    "causal_attention_gradient": (
        lambda *x, scale: attention_gradient(*x, CAUSAL, scale), gradient_inputs(CAUSAL, given=False),
    ),
    "masked_attention_gradient": (attention_gradient, gradient_inputs(SCORES > 0)),
    "biased_attention_gradient": (attention_gradient, gradient_inputs(SCORES)),
    "cross_entropy": (
        cross_entropy,
        [([A, np.array([[0, 2, 1, 1], [2, 7, 0, 2]])], {"ignore_index": 7})],
    ),
    "mse_loss": (lambda x, y: np.mean((x - y) ** 2), [([A, A[::-1] + 1], {})]),
    "transpose": (lambda x, permutation: np.transpose(x, permutation), [([A], {"permutation": [2, 0, 1]})]),
    "broadcast_like": (
        lambda x, like, dims, keepdim: np.broadcast_to(np.expand_dims(x, tuple(dims)), like.shape),
        [([A[0, 0], A], {"dims": [0, 1], "keepdim": False})],
    ),
    "full": (lambda value, sizes: np.full(sizes, value), [([np.array(1.5)], {"sizes": [2, 3]})]),
    "broadcast": (lambda x, sizes: np.broadcast_to(x, sizes), [([A[:, :1]], {"sizes": [5, 2, 3, 4]})]),
    "reshape": (lambda x, sizes: np.reshape(x, sizes), [([A], {"sizes": [4, 6]}), ([A[:1, :1, :1]], {"sizes": []})]),
    "reshape_like": (fold, [([A, R.normal(size=(6, 4))], {})]),
    "flip": (lambda x, dims: np.flip(x, dims), [([A], {"dims": [0, 2]})]),
    "pad": (
        pad,
        [([A], {"low": [1, 0, -1], "high": [0, 2, -2], "value": 2.5}), ([A], {"low": [0, -1, 0], "high": [0, 0, 0]})],
    ),
    "slice": (slices, [([A], {"starts": [1, 0, 1], "sizes": [1, 2, 2], "steps": [1, 2, 2]})]),
    "insert_slice": (insert_slice, [([A, A[:1, :2, :2] * 3], {"starts": [1, 0, 1], "steps": [1, 2, 2]})]),
    "slice_like": (slice_like, [([A, np.ones((1, 0, 1)), A[:1, :2, :2]], {"steps": [1, 2, 2]})]),
    "insert_slice_at": (
        insert_slice_at, [([A, A[:1, :2, :2] * 3, np.ones((1, 0, 1))], {"steps": [1, 2, 2]})],
    ),
    "concat": (lambda *x, dim: np.concatenate(x, dim), [([A, A[:, :2], A[:, :1]], {"dim": 1})]),
    "gather": (
        lambda x, index, dim: np.take_along_axis(x, index, dim),
        [([A, np.array([[[1, 2, 0, 1], [2, 2, 0, 0]]] * 2)], {"dim": 1})],
    ),
    "pick": (
        lambda x, index, dim: np.take_along_axis(x, np.expand_dims(index, dim), dim).squeeze(dim),
        [([A, INDEX], {"dim": 2}), ([A, INDEX[:, [0, 1, 2, 0]]], {"dim": 1})],
    ),
    "scatter_add": (
        scatter_add,
        [([A, np.array([[[1, 2, 0, 1], [1, 2, 0, 0]]]), A[:1, :2] + 1], {"dim": 1})],
    ),
    "index_select": (lambda x, index, dim: np.take(x, index, dim), [([A, INDEX], {"dim": 1})]),
    "index_add": (
        index_write(True), [([A, np.array([2, 0, 2]), R.normal(size=(2, 3, 4))], {"dim": 1})],
    ),
    "index_copy": (
        index_write(False), [([A, np.array([2, 0]), R.normal(size=(2, 2, 4))], {"dim": 1})],
    ),
    "dot_general": (
        dot_general,
        [([A, A[0] + 1], dims([], [], [1, 2], [0, 1])), ([A, A[..., :2] + 1], dims([0], [0], [], [])),
         ([A, R.normal(size=(4, 5, 2, 3))], dims([0], [2], [2, 1], [0, 3])),
         ([A, ROW], dims([], [], [2], [0])), ([ROW, A], dims([], [], [], []))],
    ),
    "matmul": (np.matmul, [([A[0], A[1].T.copy()], {}), ([A, A[:1].transpose(0, 2, 1).copy()], {})]),
}  # fmt: skip
SHAPE_ONLY = {("broadcast_like", 1), ("reshape_like", 1)}


def attribute(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"array<i64{': ' if value else ''}{', '.join(map(str, value))}>"
    return (
        f"{value} : i64"
        if isinstance(value, int)
        else f"0x{np.float64(value).view('u8'):016X} : f64"
    )


def tensor_type(array):
    name = {"f": "f64", "i": "i64", "b": "i1"}[np.asarray(array).dtype.kind]
    return "tensor<" + "".join(f"{n}x" for n in np.shape(array)) + name + ">"


def listed(items):
    return ", ".join(items)


# Results after the first.
MORE_RESULTS = {}
for _kind in ("attention", "causal_attention", "masked_attention", "biased_attention"):
    MORE_RESULTS[_kind] = ["tensor<1x2x3xf64>"] * 2
    MORE_RESULTS[_kind + "_gradient"] = [tensor_type(x) for x in HEADS[1:]]
MORE_RESULTS["biased_attention_gradient"].append(tensor_type(SCORES))


def function(arguments, results, body):
    attributes = listed(["{}"] * len(arguments))
    types = f"({listed(arguments)}) -> ({listed(results)})"
    head = listed(f"%{i}: {t}" for i, t in enumerate(arguments))
    return (
        f'"builtin.module"() ({{\n  "func.func"() <{{arg_attrs = [{attributes}], '
        f"function_type = {types}, res_attrs = [{listed(['{}'] * len(results))}], "
        f'sym_name = "main"}}> ({{\n  ^bb0({head}):\n{body}  }}) : () -> ()\n}}) : () -> ()\n'
    )


def call(name, operands, attributes, types, result):
    fields = listed(f"{key} = {attribute(value)}" for key, value in attributes.items())
    fields = f" <{{{fields}}}>" if fields else ""
    return f'"array.{name}"({listed(operands)}){fields} : ({listed(types)}) -> ({result})'


def values(number, results):
    """The names of an operation's results."""
    return [f"%{number}#{i}" if len(results) > 1 else f"%{number}" for i in range(len(results))]


def run(text, inputs):
    tensors = [sw.tensor(np.array(x)) for x in inputs]
    return [out.numpy() for out in sw._core._bind_program(text, {}).run(tensors)]


PARAMETERS = [(name, i) for name, (_, cases) in CASES.items() for i in range(len(cases))]


@pytest.mark.parametrize(("name", "case"), PARAMETERS)
def test_value_and_gradients(name, case):
    numpy, cases = CASES[name]
    inputs, attributes = cases[case]
    inputs = [np.asarray(x) for x in inputs]
    value = np.asarray(numpy(*inputs, **attributes))
    types, results = [tensor_type(x) for x in inputs], [tensor_type(value)]
    results += MORE_RESULTS.get(name, [])
    result, all_results = results[0], listed(results)
    count = len(types)
    names = [f"%{i}" for i in range(count)]
    several = f":{len(results)}" if len(results) > 1 else ""
    forward = f"    %{count}{several} = {call(name, names, attributes, types, all_results)}\n"
    end = f'    "func.return"({listed(values(count, results))}) : ({all_results}) -> ()\n'
    found, *more = run(function(types, results, forward + end), inputs)
    np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-13)

    wrt = [i for i, x in enumerate(inputs) if x.dtype.kind == "f" and (name, i) not in SHAPE_ONLY]
    outer = [*types, *results, result]
    first = len(outer) + 1
    inner = [f"%{first + i}" for i in range(count)]
    gradients = [types[i] for i in wrt]
    many = len(wrt) > 1
    made = f"%{len(outer)}"
    body = (
        f'    {made}{f":{len(wrt)}" if many else ""} = "autodiff.vjp"({listed(f"%{i}" for i in range(len(outer)))}) '
        f"<{{cotangents = array<i64: 0>, wrt = array<i64: {listed(map(str, wrt))}>}}> ({{\n"
        f"    ^bb0({listed(f'{n}: {t}' for n, t in zip(inner, types, strict=True))}):\n"
        f"      %{first + count}{several} = {call(name, inner, attributes, types, all_results)}\n"
        f'      "autodiff.yield"({listed(values(first + count, results))}) : ({all_results}) -> ()\n'
        f"    }}) : ({listed(outer)}) -> ({listed(gradients)})\n"
    )
    outputs = values(len(outer), wrt)
    end = f'    "func.return"({listed(outputs)}) : ({listed(gradients)}) -> ()\n'
    g = np.random.default_rng(1).normal(size=value.shape)
    computed = run(function(outer, gradients, body + end), [*inputs, value, *more, g])
    step = 1e-6
    for index, gradient in zip(wrt, computed, strict=True):
        expected = np.zeros(inputs[index].shape)
        for position in np.ndindex(inputs[index].shape):
            moved = []
            for sign in (1, -1):
                x = [np.array(v) for v in inputs]
                x[index][position] += sign * step
                moved.append(np.sum(numpy(*x, **attributes) * g))
            expected[position] = (moved[0] - moved[1]) / (2 * step)
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=2e-8)
