# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers against their formulas in NumPy, and their text."""

import math

import numpy as np
import pytest
import stepwell as sw
from stepwell import nn
from stepwell.nn import functional as F

RANDOM = np.random.default_rng(0)


def close(tensor, array, rtol=1e-10):
    np.testing.assert_allclose(tensor.detach().numpy(), array, rtol=rtol, atol=1e-12)


def normalized(x, axes, eps):
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + eps)


# --- Activations -------------------------------------------------------------

erf = np.vectorize(math.erf)
EXP = np.exp
ACTIVATIONS = {
    "ReLU": (nn.ReLU(), lambda x: np.maximum(x, 0)),
    "Sigmoid": (nn.Sigmoid(), lambda x: 1 / (1 + EXP(-x))),
    "Tanh": (nn.Tanh(), np.tanh),
    "SiLU": (nn.SiLU(), lambda x: x / (1 + EXP(-x))),
    "GELU": (nn.GELU(), lambda x: x * (1 + erf(x / math.sqrt(2))) / 2),
    "GELU by tanh": (
        nn.GELU("tanh"),
        lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
    ),
    "Softmax": (nn.Softmax(1), lambda x: EXP(x) / EXP(x).sum(1, keepdims=True)),
    "LogSoftmax": (nn.LogSoftmax(-1), lambda x: x - np.log(EXP(x).sum(-1, keepdims=True))),
    "Identity": (nn.Identity(3, kept=False), lambda x: x),
    "Flatten": (nn.Flatten(), lambda x: x.reshape(len(x), -1)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    layer, formula = ACTIVATIONS[name]
    x = RANDOM.normal(size=(3, 4, 2))
    close(layer(sw.tensor(x)), formula(x))


def test_in_place():
    for layer in (nn.ReLU(inplace=True), nn.SiLU(inplace=True)):
        x = sw.tensor([-1.0, 2.0])
        expected = type(layer)()(x).tolist()
        assert layer(x) is x and x.tolist() == expected
        assert repr(layer) == f"{type(layer).__name__}(inplace=True)"


def test_options_of_activations():
    with pytest.raises(RuntimeError, match="either none or tanh"):
        F.gelu(sw.ones(1), approximate="exact")
    assert F.softmax(sw.tensor([[1, 1]]), 1, dtype=sw.float64).dtype is sw.float64
    assert F.log_softmax(sw.ones(1, 2), 1, sw.float64).dtype is sw.float64
    assert repr(nn.GELU()) == "GELU(approximate='none')"
    assert repr(nn.Softmax(dim=1)) == "Softmax(dim=1)"
    assert nn.Flatten(0, 1)(sw.ones(2, 3, 4)).shape == (6, 4)


# --- Normalization -----------------------------------------------------------


@pytest.mark.parametrize("affine", ["both", "weight", "none"])
def test_layer_norm(affine):
    x = RANDOM.normal(size=(5, 3, 4))
    layer = nn.LayerNorm((3, 4), 1e-3, affine != "none", bias=affine == "both", dtype=sw.float64)
    assert [n for n, _ in layer.named_parameters()] == {
        "both": ["weight", "bias"],
        "weight": ["weight"],
        "none": [],
    }[affine]
    expected = normalized(x, (1, 2), 1e-3)
    close(layer(sw.tensor(x)), expected)
    for name, p in layer.named_parameters():
        value = RANDOM.normal(size=(3, 4))
        p.data.copy_(sw.tensor(value))
        expected = expected * value if name == "weight" else expected + value
    close(layer(sw.tensor(x)), expected)


def test_layer_norm_of_one_dimension():
    layer = nn.LayerNorm(4)
    assert repr(layer) == "LayerNorm((4,), eps=1e-05, elementwise_affine=True)"
    x = RANDOM.normal(size=(2, 4)).astype(np.float32)
    close(layer(sw.tensor(x)), normalized(x, (1,), 1e-5), rtol=1e-4)
    with pytest.raises(RuntimeError, match=r"expected input with shape \[\*, 4\]"):
        layer(sw.ones(4, 3))
    with pytest.raises(RuntimeError, match="Expected weight to be of same shape"):
        F.layer_norm(sw.ones(2, 4), (4,), sw.ones(3))


@pytest.mark.parametrize("momentum", [0.3, None])
@pytest.mark.parametrize(
    "kind, shape",
    [(nn.BatchNorm2d, (4, 3, 2, 5)), (nn.BatchNorm1d, (6, 3)), (nn.BatchNorm1d, (4, 3, 2))],
)
def test_batch_norm(kind, shape, momentum):
    layer = kind(3, eps=1e-3, momentum=momentum, dtype=sw.float64)
    weight, bias = RANDOM.normal(size=3), RANDOM.normal(size=3)
    layer.weight.data.copy_(sw.tensor(weight))
    layer.bias.data.copy_(sw.tensor(bias))
    axes = tuple(i for i in range(len(shape)) if i != 1)
    along = (-1, *[1] * (len(shape) - 2))
    mean, var = np.zeros(3), np.ones(3)
    for step in range(3):
        x = RANDOM.normal(size=shape) * 2 + 1
        expected = normalized(x, axes, 1e-3)
        close(layer(sw.tensor(x)), expected * weight.reshape(along) + bias.reshape(along))
        part = momentum or 1 / (step + 1)
        mean = (1 - part) * mean + part * x.mean(axes)
        var = (1 - part) * var + part * x.var(axes, ddof=1)
        close(layer.running_mean, mean)
        close(layer.running_var, var)
    assert layer.num_batches_tracked.item() == 3
    layer.eval()
    expected = (x - mean.reshape(along)) / np.sqrt(var.reshape(along) + 1e-3)
    close(layer(sw.tensor(x)), expected * weight.reshape(along) + bias.reshape(along))
    assert layer.num_batches_tracked.item() == 3
    assert set(layer.state_dict()) == {
        "weight",
        "bias",
        "running_mean",
        "running_var",
        "num_batches_tracked",
    }
    layer.reset_parameters()
    assert layer.running_var.tolist() == [1.0] * 3 and layer.num_batches_tracked.item() == 0
    assert layer.weight.tolist() == [1.0] * 3 and layer.bias.tolist() == [0.0] * 3


def test_batch_norm_without_parts():
    x = RANDOM.normal(size=(4, 3, 2, 2))
    layer = nn.BatchNorm2d(3, affine=False, track_running_stats=False)
    assert not layer.state_dict()
    for mode in (True, False):
        close(layer.train(mode)(sw.tensor(x)), normalized(x, (0, 2, 3), 1e-5))
    layer = nn.BatchNorm2d(3, affine=False, dtype=sw.float64).eval()
    close(layer(sw.tensor(x)), x / np.sqrt(1 + 1e-5))
    assert repr(layer) == (
        "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=False, track_running_stats=True)"
    )
    with pytest.raises(ValueError, match=r"expected 4D input \(got 2D input\)"):
        layer(sw.ones(2, 3))
    with pytest.raises(ValueError, match="expected 2D or 3D input"):
        nn.BatchNorm1d(3)(sw.ones(2, 3, 1, 1))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        nn.BatchNorm1d(3)(sw.ones(1, 3))
    with pytest.raises(RuntimeError, match="running_mean must be defined"):
        F.batch_norm(sw.ones(2, 3), None, None)


def test_gradient_of_batch_norm():
    x = RANDOM.normal(size=(4, 2))
    factor = RANDOM.normal(size=(4, 2))
    layer = nn.BatchNorm1d(2, dtype=sw.float64)
    layer.weight.data.copy_(sw.tensor([2.0, -0.5]))
    t = sw.tensor(x).requires_grad_()
    (layer(t) * sw.tensor(factor)).sum().backward()

    def total(x):
        return (normalized(x, (0,), 1e-5) * np.array([2.0, -0.5]) * factor).sum()

    expected = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        moved = [x.copy(), x.copy()]
        moved[0][at] += 1e-6
        moved[1][at] -= 1e-6
        expected[at] = (total(moved[0]) - total(moved[1])) / 2e-6
    np.testing.assert_allclose(t.grad.numpy(), expected, rtol=1e-5, atol=1e-8)
    close(layer.weight.grad, (normalized(x, (0,), 1e-5) * factor).sum(0))
    close(layer.bias.grad, factor.sum(0))


def test_compiled_batch_norm_counts():
    def run(compiled):
        layer = nn.BatchNorm1d(2)
        call = sw.compile(layer) if compiled else layer
        random = np.random.default_rng(3)
        for _ in range(3):
            out = call(sw.from_numpy(random.random((5, 2)).astype(np.float32)))
        layer.eval()
        return [layer.num_batches_tracked.item(), *layer.running_var.tolist()], call(out).tolist()

    for eager, compiled in zip(run(False), run(True), strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=1e-5)


@pytest.mark.parametrize("shape", [(), (1,), (4,), (2, 1), (2, 4)])
@pytest.mark.parametrize("rank", [2, 3])
def test_linear_stretches_its_bias(shape, rank):
    x, w, b = (RANDOM.normal(size=s) for s in ((5, 2, 3)[3 - rank :], (4, 3), shape))
    tensors = [sw.tensor(a).requires_grad_() for a in (x, w, b)]
    result = F.linear(*tensors)
    close(result, x @ w.T + b)
    result.sum().backward()
    close(tensors[0].grad, np.broadcast_to(w.sum(0), x.shape))
    close(tensors[1].grad, np.broadcast_to(x.reshape(-1, 3).sum(0), w.shape))
    close(tensors[2].grad, np.full(shape, result.numel() / b.size))


def test_linear_refuses_what_does_not_fit():
    with pytest.raises(RuntimeError, match=r"an input \(\.\.\., m, in\), a weight \(out, in\)"):
        F.linear(sw.ones(2, 3), sw.ones(4, 2), sw.ones(4))
