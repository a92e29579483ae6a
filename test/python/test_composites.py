# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operations made of others: softmax, normalizations, cross entropy; values and derivatives."""

import numpy as np
import pytest
import stepwell as sw
from stepwell import _core

EPS = 1e-5


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def softmax(x, axis):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(x, axis):
    return np.log(softmax(x, axis))


def normalize(x, axes):
    mean, var = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(var + EPS)


def entropy(x, target, ignored):
    """Of rows of scores."""
    rows = log_softmax(x, 1)
    return np.array([0.0 if t == ignored else -rows[i, t] for i, t in enumerate(target)])


W, B = drawn(5, seed=1), drawn(5, seed=2)
MEAN, VAR = drawn(5, seed=3), np.abs(drawn(5, seed=4)) + 0.1
TARGET = np.array([4, 0, -100, 2])


def t(values, kind=sw.float64):
    return sw.tensor(values).to(kind)


# Of x, a matrix of 4 by 5.
CASES = {
    "softmax 1": (lambda x: sw.softmax(x, 1), lambda x: softmax(x, 1)),
    "softmax 0": (lambda x: sw.softmax(x, -2), lambda x: softmax(x, 0)),
    "log_softmax 1": (lambda x: sw.log_softmax(x, -1), lambda x: log_softmax(x, 1)),
    "log_softmax 0": (lambda x: sw.log_softmax(x, 0), lambda x: log_softmax(x, 0)),
    "logsumexp": (lambda x: sw.logsumexp(x, 1), lambda x: np.log(np.exp(x).sum(1))),
    "var": (lambda x: sw.var(x, 0), lambda x: x.var(0, ddof=1)),
    "std": (lambda x: sw.std(x, 1), lambda x: x.std(1, ddof=1)),
    "normalize 1": (lambda x: _core.array.normalize(x, (1,), EPS), lambda x: normalize(x, (1,))),
    "normalize both": (
        lambda x: _core.array.normalize(x, (0, 1), EPS),
        lambda x: normalize(x, (0, 1)),
    ),
    "layer_norm": (
        lambda x: _core.array.layer_norm(x, t(W, x.dtype), t(B, x.dtype), (1,), EPS),
        lambda x: normalize(x, (1,)) * W + B,
    ),
    "batch_norm": (
        lambda x: _core.array.batch_norm(x, *(t(v, x.dtype) for v in (MEAN, VAR, W, B)), EPS),
        lambda x: (x - MEAN) / np.sqrt(VAR + EPS) * W + B,
    ),
    "cross_entropy": (
        lambda x: _core.array.cross_entropy(x, sw.tensor(TARGET), -100),
        lambda x: entropy(x, TARGET, -100),
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind, bound", [("float32", 2e-6), ("float64", 1e-13)])
def test_values(name, kind, bound):
    made, reference = CASES[name]
    x = t(drawn(4, 5) * 2, getattr(sw, kind))
    got = made(x)
    assert got.dtype is x.dtype
    np.testing.assert_allclose(got.numpy(), reference(x.double().numpy()), rtol=bound, atol=bound)
    strided = t(drawn(5, 8) * 2, x.dtype).T[::-2]
    want = reference(strided.double().numpy())
    np.testing.assert_allclose(made(strided).numpy(), want, rtol=bound, atol=bound)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind, unit", [("float16", 2.0**-10), ("bfloat16", 2.0**-7)])
def test_halves_are_rounded_once(name, kind, unit):
    # The float32 result, rounded: at most a unit of the last place apart.
    made, _ = CASES[name]
    x = t(drawn(4, 5) * 2, getattr(sw, kind))
    if name in ("layer_norm", "batch_norm"):
        rounded = [t(v, x.dtype).float() for v in ((W, B) if name[0] == "l" else (MEAN, VAR, W, B))]
        if name == "layer_norm":
            want = _core.array.layer_norm(x.float(), *rounded, (1,), EPS)
        else:
            want = _core.array.batch_norm(x.float(), *rounded, EPS)
    else:
        want = made(x.float())
    got = made(x)
    assert got.dtype is x.dtype
    want = want.to(x.dtype).float().numpy()
    np.testing.assert_allclose(got.float().numpy(), want, rtol=unit, atol=unit / 1024)


def differences(function, x, step=1e-6):
    """Central differences of a function to a number."""
    result = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[at] += step
        down[at] -= step
        result[at] = (function(up) - function(down)) / (2 * step)
    return result


@pytest.mark.parametrize("name", CASES)
def test_gradients(name):
    made, reference = CASES[name]
    values = drawn(4, 5)
    weights = drawn(*reference(values).shape, seed=9)
    x = t(values).requires_grad_()
    (made(x) * t(weights)).sum().backward()
    want = differences(lambda v: (reference(v) * weights).sum(), values)
    np.testing.assert_allclose(x.grad.numpy(), want, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_second_derivatives(name):
    made, reference = CASES[name]
    values = drawn(4, 5)
    weights, along = drawn(*reference(values).shape, seed=9), drawn(4, 5, seed=10)

    def slope(v, more=False):
        x = t(v).requires_grad_()
        y = made(x)
        # Squared, so that a linear operation has a second derivative too.
        loss = (y * y * t(weights)).sum()
        (g,) = sw.autograd.grad(loss, x, create_graph=more)
        return x, (g * t(along)).sum()

    x, directed = slope(values, more=True)
    (second,) = sw.autograd.grad(directed, x)
    want = differences(lambda v: slope(v)[1].item(), values)
    np.testing.assert_allclose(second.numpy(), want, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("which", ["weight", "bias"])
def test_gradients_of_the_affine_part(which):
    x, weights = t(drawn(4, 5)), drawn(4, 5, seed=9)
    w, b = t(W).requires_grad_(), t(B).requires_grad_()
    for y, plain in (
        (_core.array.layer_norm(x, w, b, (1,), EPS), normalize(x.numpy(), (1,))),
        (
            _core.array.batch_norm(x, t(MEAN), t(VAR), w, b, EPS),
            (x.numpy() - MEAN) / np.sqrt(VAR + EPS),
        ),
    ):
        w.grad = b.grad = None
        (y * t(weights)).sum().backward()
        got, want = (w, weights * plain) if which == "weight" else (b, weights)
        np.testing.assert_allclose(got.grad.numpy(), want.sum(0), rtol=1e-12)


def test_softmax_of_extremes():
    inf = np.inf
    x = t(np.array([[1000.0, 1000.0], [-1e30, 0.0], [-inf, 1.0]]))
    np.testing.assert_array_equal(sw.softmax(x, 1).numpy(), [[0.5, 0.5], [0, 1], [0, 1]])
    got = sw.log_softmax(x, 1).numpy()
    np.testing.assert_allclose(got, [[-np.log(2)] * 2, [-1e30, 0], [-inf, 0]], rtol=1e-15)
    assert np.isnan(sw.softmax(t([1.0, np.nan]), 0).numpy()).all()


def test_softmax_of_any_shape():
    assert sw.softmax(sw.arange(3), 0, dtype=sw.float32).dtype is sw.float32
    assert tuple(sw.softmax(sw.ones(0, 3), 0).shape) == (0, 3)
    x = drawn(2, 3, 4)
    for dim in (0, 1, 2, -2):
        np.testing.assert_allclose(sw.softmax(t(x), dim).numpy(), softmax(x, dim), rtol=1e-13)
    for name in ("softmax", "log_softmax"):
        with pytest.raises(IndexError, match=r"range of \[-2, 1\], but got 2"):
            getattr(sw, name)(sw.ones(2, 3), 2)


def test_cross_entropy_of_images():
    x, target = drawn(2, 3, 4), np.array([[0, 2, 1, 1], [2, 2, 0, 7]])
    x_t = t(x).requires_grad_()
    got = _core.array.cross_entropy(x_t, sw.tensor(target), 7)
    rows = log_softmax(x, 1)
    want = -np.take_along_axis(rows, np.minimum(target, 2)[:, None], 1)[:, 0]
    want[1, 3] = 0
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=1e-13)
    got.sum().backward()
    one_hot = np.eye(3)[np.minimum(target, 2)].transpose(0, 2, 1)
    grad = softmax(x, 1) - one_hot
    grad[1, :, 3] = 0
    np.testing.assert_allclose(x_t.grad.numpy(), grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("wrong", [3, -1, 1 << 40, -100])
def test_classes_out_of_range(wrong):
    with pytest.raises(IndexError, match=rf"index {wrong} is out of bounds for dimension 1"):
        _core.array.cross_entropy(sw.zeros(2, 3), sw.tensor([1, wrong]), -7)


def test_wrong_sizes():
    with pytest.raises(RuntimeError, match="the shapes are"):
        _core.array.cross_entropy(sw.zeros(2, 3), sw.tensor([1]), -100)
    with pytest.raises(RuntimeError, match="layer_norm: expected a scale and a shift"):
        _core.array.layer_norm(sw.ones(4, 6), sw.ones(5), sw.ones(6), (1,), EPS)
    with pytest.raises(IndexError, match="but got 2"):
        _core.array.normalize(sw.ones(4, 6), (2,), EPS)


def test_cross_entropy_refuses_other_types():
    logits = sw.zeros(2, 3)
    with pytest.raises(TypeError, match="cross_entropy: indices must be integers, not float32"):
        sw._core.array.cross_entropy(logits, sw.tensor([1.0, 1.0]), -100)
    with pytest.raises(TypeError, match="cross_entropy: the input must be of a float type"):
        sw._core.array.cross_entropy(logits.long(), sw.tensor([1, 1]), -100)
