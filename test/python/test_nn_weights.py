# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers with weights, pools and dropout: their numbers, first values and text; nn.init."""

import math

import numpy as np
import pytest
import stepwell as sw
from stepwell import nn
from stepwell.nn import functional as F
from stepwell.nn import init

RANDOM = np.random.default_rng(0)


def close(tensor, array, rtol=1e-10):
    np.testing.assert_allclose(tensor.detach().numpy(), array, rtol=rtol, atol=1e-12)


def windows(x, size, stride=(1, 1), padding=(0, 0), dilation=(1, 1), fill=0.0):
    """(n, c, oh, ow, kh, kw): every window of a batch of images."""
    (p, q), (s, t), (d, e) = padding, stride, dilation
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (q, q)), constant_values=fill)
    reach = (d * (size[0] - 1) + 1, e * (size[1] - 1) + 1)
    every = np.lib.stride_tricks.sliding_window_view(x, reach, (2, 3))
    return every[:, :, ::s, ::t, ::d, ::e]


# --- Linear ------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4,), (2, 4), (2, 3, 4)])
def test_linear(shape):
    layer = nn.Linear(4, 5, dtype=sw.float64)
    x = RANDOM.normal(size=shape)
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    close(layer(sw.tensor(x)), x @ weight.T + bias)
    plain = nn.Linear(4, 5, bias=False, dtype=sw.float64)
    assert plain.bias is None and list(plain.state_dict()) == ["weight"]
    close(plain(sw.tensor(x)), x @ plain.weight.detach().numpy().T)


def test_text():
    assert repr(nn.Linear(4, 5)) == "Linear(in_features=4, out_features=5, bias=True)"
    assert repr(nn.Conv2d(1, 8, 3, padding=1)) == (
        "Conv2d(1, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))"
    )
    assert repr(nn.Conv2d(2, 4, (3, 1), 2, "valid", (1, 2), 2, bias=False)) == (
        "Conv2d(2, 4, kernel_size=(3, 1), stride=(2, 2), padding=valid, dilation=(1, 2), "
        "groups=2, bias=False)"
    )
    assert repr(nn.MaxPool2d(2)) == (
        "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)"
    )
    assert repr(nn.AvgPool2d(3, 1)) == "AvgPool2d(kernel_size=3, stride=1, padding=0)"
    assert repr(nn.Dropout(0.25)) == "Dropout(p=0.25, inplace=False)"
    assert repr(nn.Embedding(10, 3)) == "Embedding(10, 3)"
    assert repr(nn.Embedding(10, 3, -1)) == "Embedding(10, 3, padding_idx=9)"


# --- Convolution and pools ---------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2, "padding": (1, 0)},
        {"dilation": (1, 2), "groups": 2, "bias": False},
        {"padding": "same"},
    ],
)
def test_conv2d(options):
    layer = nn.Conv2d(4, 6, (3, 2), dtype=sw.float64, **options)
    x = RANDOM.normal(size=(2, 4, 7, 8))
    groups, padding = options.get("groups", 1), layer.padding
    padded = x
    if padding == "same":  # one more at the end where it is odd
        padded, padding = np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 1))), (0, 0)
    parts = zip(
        np.split(padded, groups, 1), np.split(layer.weight.detach().numpy(), groups), strict=True
    )
    expected = np.concatenate(
        [
            np.einsum(
                "ncijkl,ockl->noij", windows(a, (3, 2), layer.stride, padding, layer.dilation), w
            )
            for a, w in parts
        ],
        1,
    )
    if layer.bias is not None:
        expected = expected + layer.bias.detach().numpy()[:, None, None]
    close(layer(sw.tensor(x)), expected)
    close(layer(sw.tensor(x[0])), expected[0])


def test_what_conv2d_refuses():
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        nn.Conv2d(3, 4, 1, groups=2)
    with pytest.raises(ValueError, match="out_channels must be divisible by groups"):
        nn.Conv2d(4, 3, 1, groups=2)
    with pytest.raises(ValueError, match="positive"):
        nn.Conv2d(4, 3, 1, groups=0)
    with pytest.raises(ValueError, match="Invalid padding string 'full'"):
        nn.Conv2d(4, 3, 1, padding="full")
    with pytest.raises(ValueError, match="not supported for strided"):
        nn.Conv2d(4, 3, 1, stride=2, padding="same")


def test_pools():
    x = RANDOM.normal(size=(2, 3, 7, 6))
    largest = nn.MaxPool2d((3, 2), 2, 1, return_indices=True)
    values, indices = largest(sw.tensor(x))
    expected = windows(x, (3, 2), (2, 2), (1, 1), fill=-np.inf).max((-1, -2))
    close(values, expected)
    flat = x.reshape(2, 3, -1)
    at = indices.numpy().reshape(2, 3, -1)
    assert np.array_equal(np.take_along_axis(flat, at, 2).reshape(expected.shape), expected)
    close(nn.AvgPool2d(2)(sw.tensor(x)), windows(x, (2, 2), (2, 2)).mean((-1, -2)))
    close(
        nn.AvgPool2d(2, 1, 1, divisor_override=3)(sw.tensor(x)),
        windows(x, (2, 2), padding=(1, 1)).sum((-1, -2)) / 3,
    )


# --- Embedding and dropout ---------------------------------------------------


def test_embedding():
    layer = nn.Embedding(6, 3, padding_idx=-2, dtype=sw.float64)
    assert layer.weight[4].tolist() == [0.0] * 3 and layer.padding_idx == 4
    index = np.array([[0, 5, 4], [5, 1, 4]])
    rows = layer(sw.tensor(index))
    close(rows, layer.weight.detach().numpy()[index])
    factor = RANDOM.normal(size=(2, 3, 3))
    (rows * sw.tensor(factor)).sum().backward()
    expected = np.zeros((6, 3))
    np.add.at(expected, index, factor)
    expected[4] = 0
    close(layer.weight.grad, expected)
    for outside in (6, -1):
        with pytest.raises(IndexError):
            layer(sw.tensor([outside]))
    with pytest.raises(AssertionError, match="Padding_idx must be within"):
        nn.Embedding(6, 3, padding_idx=6)
    with pytest.raises(AssertionError, match="Padding_idx must be within"):
        F.embedding(sw.tensor([0]), layer.weight, -7)
    with pytest.raises(RuntimeError, match="2-D"):
        F.embedding(sw.tensor([0]), sw.ones(3))


def test_dropout():
    sw.manual_seed(0)
    x = sw.ones(100, 100, requires_grad=True)
    layer = nn.Dropout(0.25)
    y = layer(x)
    assert set(np.unique(y.detach().numpy())) == {0.0, np.float32(1 / 0.75)}
    dropped = (y == 0).sum().item()
    # 10 000 draws of which a quarter drops: six standard deviations.
    assert abs(dropped - 2500) < 6 * math.sqrt(10000 * 0.25 * 0.75)
    y.sum().backward()
    assert np.array_equal(x.grad.numpy(), y.detach().numpy())
    assert (layer(x) == y).all().item() is False
    assert layer.eval()(x) is x and nn.Dropout(0)(x) is x
    assert nn.Dropout(1.0)(x).abs().sum().item() == 0
    z = sw.ones(50)
    assert nn.Dropout(0.5, inplace=True)(z) is z and set(z.tolist()) == {0.0, 2.0}
    for make in (nn.Dropout, lambda p: F.dropout(z, p)):
        with pytest.raises(ValueError, match="between 0 and 1, but got 1.5"):
            make(1.5)


def test_compiled_dropout_differs_each_time():
    layer = nn.Dropout(0.5)
    compiled = sw.compile(layer)
    x = sw.ones(200)
    assert compiled(x).tolist() != compiled(x).tolist()
    layer.eval()
    assert compiled(x).tolist() == x.tolist()


# --- First values ------------------------------------------------------------


def evenly(tensor, bound):
    """Whether numbers may be spread evenly over ±bound: range, mean and variance."""
    values = tensor.detach().numpy().ravel()
    assert abs(values).max() <= bound * (1 + 1e-6)
    assert abs(values).max() > bound * 0.98
    deviation = bound / math.sqrt(3)
    assert abs(values.mean()) < 6 * deviation / math.sqrt(values.size)
    np.testing.assert_allclose(values.std(), deviation, rtol=0.1)


def normally(tensor, mean, deviation):
    values = tensor.detach().numpy().ravel()
    assert abs(values.mean() - mean) < 6 * deviation / math.sqrt(values.size)
    np.testing.assert_allclose(values.std(), deviation, rtol=0.1)
    assert abs(values - mean).max() > 2.5 * deviation


def test_layers_start_as_in_pytorch():
    sw.manual_seed(0)
    layer = nn.Linear(100, 400)
    evenly(layer.weight, 1 / math.sqrt(100))
    evenly(layer.bias, 1 / math.sqrt(100))
    layer = nn.Conv2d(8, 300, 3, groups=2)
    evenly(layer.weight, 1 / math.sqrt(4 * 9))
    evenly(layer.bias, 1 / math.sqrt(4 * 9))
    normally(nn.Embedding(50, 100).weight, 0, 1)
    assert all(p.is_leaf and p.requires_grad for p in layer.parameters())


def test_seed_decides():
    weights = []
    for seed in (1, 1, 2):
        sw.manual_seed(seed)
        weights.append(nn.Linear(3, 3).weight.tolist())
    assert weights[0] == weights[1] != weights[2]


def test_init():
    sw.manual_seed(0)
    w = sw.empty(200, 10, 5, 2)
    assert init.uniform_(w, -2, 2) is w
    evenly(w, 2)
    normally(init.normal_(w, 3, 0.5), 3, 0.5)
    fan_in, fan_out = 10 * 10, 200 * 10
    evenly(init.xavier_uniform_(w, gain=2), 2 * math.sqrt(6 / (fan_in + fan_out)))
    normally(init.xavier_normal_(w), 0, math.sqrt(2 / (fan_in + fan_out)))
    evenly(init.kaiming_uniform_(w, nonlinearity="relu"), math.sqrt(6 / fan_in))
    evenly(init.kaiming_uniform_(w), math.sqrt(6 / fan_in))
    evenly(init.kaiming_uniform_(w, a=1), math.sqrt(3 / fan_in))
    normally(
        init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"), 0, math.sqrt(2 / fan_out)
    )
    p = nn.Parameter(w)
    assert init.constant_(p, 2.5) is p and p.is_leaf and set(p.flatten().tolist()) == {2.5}
    assert init.ones_(w).sum().item() == w.numel() and init.zeros_(w).sum().item() == 0
    gains = {"linear": 1, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
    assert {name: init.calculate_gain(name) for name in gains} == gains
    assert init.calculate_gain("leaky_relu", 2.0) == math.sqrt(2 / 5)
    assert init.calculate_gain("leaky_relu") == math.sqrt(2 / 1.0001)
    own = [sw.Generator().manual_seed(4), sw.Generator().manual_seed(4)]
    first, second = (init.normal_(sw.empty(3), generator=g).tolist() for g in own)
    assert first == second
    assert init.kaiming_normal_(init.kaiming_uniform_(sw.empty(0, 3))).shape == (0, 3)
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        init.xavier_uniform_(sw.empty(3))
    with pytest.raises(ValueError, match="Mode most not supported"):
        init.kaiming_uniform_(w, mode="most")
    with pytest.raises(ValueError, match="Unsupported nonlinearity swish"):
        init.calculate_gain("swish")
    with pytest.raises(ValueError, match="not a valid number"):
        init.calculate_gain("leaky_relu", "steep")


# --- All together ------------------------------------------------------------


def test_network_compiled_as_eager():
    """A small convolutional network: one training step, and what it left in every parameter."""

    def train(compiled):
        sw.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(4 * 4 * 4, 10),
        )
        optimizer = sw.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
        loss_of = nn.CrossEntropyLoss()

        def step(x, y):
            optimizer.zero_grad()
            loss = loss_of(net(x), y)
            loss.backward()
            optimizer.step()
            return loss

        step = sw.compile(step) if compiled else step
        random = np.random.default_rng(0)
        losses = []
        for _ in range(3):
            x = sw.from_numpy(random.random((6, 1, 8, 8)).astype(np.float32))
            losses.append(step(x, sw.tensor(random.integers(0, 10, 6))).item())
        return losses, net.state_dict()

    (expected, state), (losses, compiled) = train(False), train(True)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for name in state:
        np.testing.assert_allclose(
            compiled[name].numpy(), state[name].numpy(), rtol=1e-4, atol=1e-6, err_msg=name
        )
