# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Forward derivatives: against differences, against gradients by the inner product, and as arguments of each other."""

import numpy as np
import pytest
import stepwell as sw
import stepwell.nn.functional as F


def f64(*sizes, seed=0, low=None):
    rng = np.random.default_rng(seed)
    numbers = rng.standard_normal(sizes) if low is None else rng.uniform(low, low + 0.9, sizes)
    return sw.tensor(numbers)


X, Y = f64(3, 4), f64(3, 4, seed=1)
POSITIVE = f64(3, 4, low=0.2)
INSIDE = f64(3, 4, low=-0.45)
IMAGE = f64(2, 3, 6, 6)
INDEX = sw.tensor([[0, 2, 1, 0], [2, 1, 0, 0]])
CLASSES = sw.tensor([1, 0, 3])

ELEMENTWISE = {
    name: (getattr(sw, name), arguments)
    for arguments, names in [
        ((X,), "exp exp2 expm1 sin cos sinh cosh tanh erf sigmoid abs neg relu square"),
        ((POSITIVE,), "log log1p log2 log10 sqrt rsqrt reciprocal tan"),
        ((INSIDE,), "asin acos atan"),
        ((X, Y), "add sub mul div maximum minimum atan2"),
        ((POSITIVE, Y), "pow"),
    ]
    for name in names.split()
}
OTHERS = {
    "silu": (F.silu, (X,)),
    "gelu": (F.gelu, (X,)),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), (X,)),
    "clamp": (lambda x: x.clamp(-0.5, 0.5), (X,)),
    "clamp_min": (lambda x: x.clamp(min=0.1), (X,)),
    "clamp_max": (lambda x: x.clamp(max=0.1), (X,)),
    "remainder": (lambda x: sw.remainder(x, 0.7), (X,)),
    "where": (lambda x, y: sw.where(x.detach() > 0, x, y), (X, Y)),
    "cast": (lambda x: x.float().double() * x, (X,)),
    "broadcast": (lambda x, y: x * y, (f64(3, 1), f64(4, seed=1))),
    "matmul": (sw.matmul, (f64(2, 3, 4), f64(4, 5, seed=1))),
    "dot_general": (lambda x, y: sw.einsum("bij,bkj->bik", x, y), (f64(2, 3, 4), f64(2, 5, 4))),
    "linear": (F.linear, (X, f64(5, 4, seed=1), f64(5))),
    "sum": (lambda x: x.sum(1), (X,)),
    "mean": (lambda x: x.mean(0, keepdim=True), (X,)),
    "prod": (lambda x: x.prod(1), (X,)),
    "amax": (lambda x: x.amax(1), (X,)),
    "amin": (lambda x: x.amin(0), (X,)),
    "max": (lambda x: x.max(1).values, (X,)),
    "var": (lambda x: x.var(1), (X,)),
    "std": (lambda x: x.std(1), (X,)),
    "norm": (lambda x: x.norm(), (X,)),
    "norm_p": (lambda x: x.norm(3), (X,)),
    "logsumexp": (lambda x: x.logsumexp(1), (X,)),
    "cumsum": (lambda x: x.cumsum(1), (X,)),
    "softmax": (lambda x: x.softmax(1), (X,)),
    "log_softmax": (lambda x: F.log_softmax(x, 1), (X,)),
    "sort": (lambda x: x.sort(1).values, (X,)),
    "topk": (lambda x: x.topk(2, 1).values, (X,)),
    "gather": (lambda x: x.gather(0, INDEX), (X,)),
    "scatter_add": (lambda x, y: x.scatter_add(0, INDEX, y[:2]), (X, Y)),
    "index_select": (lambda x: x.index_select(1, CLASSES), (X,)),
    "index_add": (lambda x, y: x.index_add(1, CLASSES, y[:, :3]), (X, Y)),
    "index": (lambda x: x[CLASSES[:2]], (X,)),
    "views": (lambda x: x.t()[1:, ::2].reshape(-1), (X,)),
    "flip": (lambda x: x.flip(1), (X,)),
    "pad": (lambda x: F.pad(x, (1, 2)), (X,)),
    "cat": (lambda x, y: sw.cat([x, y, x], 1), (X, Y)),
    "write": (lambda x, y: write(x, y), (X, Y)),
    "conv2d": (lambda x, w: F.conv2d(x, w, stride=2, padding=1), (IMAGE, f64(4, 3, 3, 3))),
    "max_pool2d": (lambda x: F.max_pool2d(x, 2), (IMAGE,)),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 3, 2), (IMAGE,)),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (4,), w, b), (X, f64(4), f64(4, seed=1))),
    "batch_norm": (lambda x: F.batch_norm(x, None, None, training=True), (IMAGE,)),
    "cross_entropy": (lambda x: F.cross_entropy(x, CLASSES), (X,)),
    "mse_loss": (F.mse_loss, (X, Y)),
    "attention": (
        F.scaled_dot_product_attention,
        (f64(1, 2, 3, 4), f64(1, 2, 5, 4, seed=1), f64(1, 2, 5, 4, seed=2)),
    ),
    "causal": (
        lambda q: F.scaled_dot_product_attention(q, q, q, is_causal=True),
        (f64(1, 2, 3, 4),),
    ),
    "straight_through": (lambda x: rounded(x) * x, (X,)),
}
CASES = ELEMENTWISE | OTHERS


def write(x, y):
    made = x * 2
    made[1:] = y[1:] * y[1:]
    return made * x


@sw.function
def rounded(x: sw.Tensor) -> sw.Tensor:
    return x.round()


@rounded.vjp
def _(g):
    return g


def directions(arguments):
    return tuple(f64(*x.shape, seed=7 + i) for i, x in enumerate(arguments))


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_transpose_of_the_gradient(name):
    function, arguments = CASES[name]
    tangents = directions(arguments)
    value, change = sw.func.jvp(function, arguments, tangents)
    np.testing.assert_array_equal(value.numpy(), function(*arguments).numpy())
    assert change.shape == value.shape and change.dtype == value.dtype
    cotangent = f64(*value.shape, seed=3)
    leaves = [x.detach().requires_grad_() for x in arguments]
    gradients = sw.autograd.grad(function(*leaves), leaves, cotangent)
    backward = sum((g * t).sum().item() for g, t in zip(gradients, tangents, strict=True))
    rounding = 1e-6 if name == "cast" else 1e-9  # which goes through float32
    assert (change * cotangent).sum().item() == pytest.approx(backward, rel=rounding, abs=1e-9)


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"cast", "straight_through", "where"}))
def test_it_is_the_limit_of_differences(name):
    function, arguments = CASES[name]
    tangents = directions(arguments)
    step = 1e-6
    ahead, behind = (
        function(*[x + sign * step * t for x, t in zip(arguments, tangents, strict=True)]).numpy()
        for sign in (1, -1)
    )
    _, change = sw.func.jvp(function, arguments, tangents)
    np.testing.assert_allclose(change.numpy(), (ahead - behind) / (2 * step), rtol=2e-5, atol=2e-7)


def test_of_compiled_functions():
    def function(x, w):
        return F.gelu(x @ w).sum(0)

    arguments = (X, f64(4, 5))
    expected = sw.func.jvp(function, arguments, directions(arguments))
    found = sw.func.jvp(sw.compile(function), arguments, directions(arguments))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-10)


def test_arguments_and_results_may_be_nested():
    def function(pair, scale):
        return {"sum": pair[0] + pair[1], "other": [pair[0] * scale, sw.ones(2)]}

    primals, tangents = ([X, Y], f64(1)), ([Y, X], f64(1, seed=1))
    value, change = sw.func.jvp(function, primals, tangents)
    assert list(change) == ["sum", "other"] and not change["other"][1].numpy().any()
    np.testing.assert_allclose(change["sum"].numpy(), (X + Y).numpy())
    np.testing.assert_allclose(
        change["other"][0].numpy(), (Y * primals[1] + X * tangents[1]).numpy()
    )
    assert not value["sum"].requires_grad


def test_something_beside_the_output():
    value, change, aux = sw.func.jvp(lambda x: (x * x, "text"), (X,), (Y,), has_aux=True)
    np.testing.assert_allclose(change.numpy(), (2 * X * Y).numpy())
    assert aux == "text" and value.shape == X.shape


def test_twice():
    def first(x):
        return sw.func.jvp(lambda x: (x**3).sum(), (x,), (Y,))[1]

    _, second = sw.func.jvp(first, (X,), (Y,))
    np.testing.assert_allclose(second.item(), (6 * X * Y * Y).sum().item(), rtol=1e-12)


def test_a_gradient_goes_through_it():
    x, t = X.clone().requires_grad_(), Y.clone().requires_grad_()
    value, change = sw.func.jvp(lambda x: x.exp(), (x,), (t,))
    of_x, of_t = sw.autograd.grad((value + change).sum(), [x, t])
    np.testing.assert_allclose(of_x.numpy(), (X.exp() + X.exp() * Y).numpy(), rtol=1e-12)
    np.testing.assert_allclose(of_t.numpy(), X.exp().numpy(), rtol=1e-12)


def test_other_tensors_stay_where_they_are():
    x = X.clone().requires_grad_()
    _, change = sw.func.jvp(lambda y: y * x, (x,), (Y,))
    np.testing.assert_allclose(change.detach().numpy(), (Y * X).numpy())


def test_under_no_grad():
    with sw.no_grad():
        value, change = sw.func.jvp(sw.sin, (X.clone().requires_grad_(),), (Y,))
    assert not value.requires_grad and not change.requires_grad
    np.testing.assert_allclose(change.numpy(), (X.cos() * Y).numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    ("primals", "tangents", "message"),
    [
        (X, (Y,), "Expected primals to be a tuple"),
        ((X,), Y, "Expected tangents to be a tuple"),
        ((X,), (Y, Y), "same python structure"),
        ((), (), "at least one Tensor"),
        ((X,), (f64(4),), r"a tangent of shape \(3, 4\)"),
        ((X,), (Y.float(),), "a tangent of .*float64"),
        ((INDEX,), (INDEX,), "floating point"),
    ],
)
def test_refusals(primals, tangents, message):
    with pytest.raises(RuntimeError, match=message):
        sw.func.jvp(lambda *x: x[0], primals, tangents)


def test_refusals_of_what_a_function_returns():
    with pytest.raises(RuntimeError, match="to return Tensors"):
        sw.func.jvp(lambda x: 1.0, (X,), (Y,))
    with pytest.raises(RuntimeError, match=r"\(output, aux\)"):
        sw.func.jvp(lambda x: x, (X,), (Y,), has_aux=True)
    with pytest.raises(RuntimeError, match="strict=True"):
        sw.func.jvp(lambda x: sw.ones(2), (X,), (Y,), strict=True)
