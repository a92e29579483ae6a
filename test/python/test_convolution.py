# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions and pools: values against NumPy, gradients against finite differences."""

import sys
from pathlib import Path

import numpy as np
import pytest
import stepwell as sw
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import window_reference as reference

random = np.random.default_rng(0)


def array(*shape, dtype=np.float64):
    return random.normal(size=shape).astype(dtype)


def small(*shape, dtype=np.float64):
    """Products of these and sums of many are exact."""
    return random.integers(-3, 4, shape).astype(dtype)


CONVOLUTIONS = {
    "plain": ((2, 3, 7, 9), (4, 3, 3, 3), {}),
    "one image": ((1, 3, 5, 5), (2, 3, 3, 3), {"padding": (1, 1)}),
    "no image": ((0, 3, 5, 5), (2, 3, 3, 3), {}),
    "one channel": ((3, 1, 8, 8), (16, 1, 3, 3), {"padding": (1, 1)}),
    "one by one": ((2, 5, 3, 4), (7, 5, 1, 1), {}),
    "one by one, stride": ((2, 5, 5, 4), (7, 5, 1, 1), {"stride": (2, 3)}),
    "whole image": ((2, 3, 4, 5), (6, 3, 4, 5), {}),
    "stride": ((2, 2, 9, 8), (3, 2, 3, 2), {"stride": (2, 3)}),
    "stride that leaves a rest": ((1, 2, 10, 11), (3, 2, 3, 3), {"stride": (3, 2)}),
    "padding": ((2, 2, 5, 4), (3, 2, 3, 2), {"padding": (2, 1)}),
    "padding beyond the kernel": ((2, 2, 3, 4), (3, 2, 2, 1), {"padding": (4, 2)}),
    "dilation": ((2, 2, 9, 9), (3, 2, 3, 2), {"dilation": (2, 4)}),
    "groups": ((2, 6, 6, 5), (9, 2, 3, 3), {"groups": 3}),
    "depthwise": ((2, 5, 6, 6), (5, 1, 3, 3), {"groups": 5, "padding": (1, 1)}),
    "depthwise, several each": ((2, 3, 6, 6), (6, 1, 3, 3), {"groups": 3, "stride": (2, 2)}),
    "all at once": (
        (2, 4, 11, 10),
        (6, 2, 3, 2),
        {"stride": (2, 3), "padding": (3, 2), "dilation": (2, 3), "groups": 2},
    ),
    "wide": ((1, 3, 4, 41), (5, 3, 3, 5), {"padding": (1, 2)}),
    "many channels, stride": ((2, 33, 9, 8), (5, 33, 3, 3), {"stride": (2, 2), "padding": (1, 1)}),
    "many channels, stride and a rest": ((1, 32, 11, 12), (4, 32, 4, 3), {"stride": (3, 2)}),
    "many channels, stride beyond the kernel": (
        (2, 32, 7, 8),
        (3, 32, 1, 2),
        {"stride": (2, 3), "padding": (0, 1)},
    ),
    "many channels, stride, padding beyond the kernel": (
        (1, 32, 5, 4),
        (3, 32, 3, 3),
        {"stride": (2, 2), "padding": (4, 3)},
    ),
    "many channels": ((2, 40, 5, 6), (37, 40, 3, 3), {"padding": (1, 1)}),
}
SHAPES = pytest.mark.parametrize(
    "shape, kernel, options", CONVOLUTIONS.values(), ids=list(CONVOLUTIONS)
)


def gradients(loss, *tensors):
    return [g.numpy() for g in sw.autograd.grad(loss, tensors)]


@SHAPES
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_conv2d(shape, kernel, options, dtype):
    x, w = array(*shape, dtype=dtype), array(*kernel, dtype=dtype)
    X, W = (sw.tensor(a, requires_grad=True) for a in (x, w))
    y = sw.conv2d(X, W, **options)
    expected = reference.conv2d(*(a.astype(np.float64) for a in (x, w)), **options)
    assert y.shape == expected.shape and y.dtype is X.dtype
    tolerance = dict(rtol=1e-5, atol=1e-4) if dtype == np.float32 else dict(rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(y.detach().numpy(), expected, **tolerance)
    g = array(*expected.shape, dtype=dtype)
    dx, dw = gradients((y * sw.tensor(g)).sum(), X, W)
    wide = g.astype(np.float64)
    np.testing.assert_allclose(
        dx, reference.conv2d_input_gradient(wide, w, x, **options), **tolerance
    )
    np.testing.assert_allclose(
        dw, reference.conv2d_weight_gradient(x, wide, w, **options), **tolerance
    )


@SHAPES
def test_conv2d_compiled(shape, kernel, options):
    x, w = array(*shape), array(*kernel)

    @sw.compile
    def run(x, w):
        y = sw.conv2d(x, w, **options)
        dx, dw = sw.autograd.grad((y * y).sum(), (x, w))
        return y.detach(), dx, dw

    y, dx, dw = (t.numpy() for t in run(*(sw.tensor(a, requires_grad=True) for a in (x, w))))
    expected = reference.conv2d(x, w, **options)
    np.testing.assert_allclose(y, expected, rtol=1e-11, atol=1e-11)
    for got, want in (
        (dx, reference.conv2d_input_gradient(2 * expected, w, x, **options)),
        (dw, reference.conv2d_weight_gradient(x, 2 * expected, w, **options)),
    ):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("padding, dilation", [(1, 1), ("same", 1), ("same", (1, 3))])
@pytest.mark.parametrize("single", [False, True])
def test_conv2d_with_bias_compiled(padding, dilation, single):
    # An even kernel: "same" has more on the right.
    x, w, b = array(*((3, 6, 7) if single else (2, 3, 6, 7))), array(4, 3, 2, 4), array(4)

    def run(x, w, b):
        y = sw.conv2d(x, w, b, padding=padding, dilation=dilation)
        return (y.detach(), *sw.autograd.grad((y * y).sum(), (x, w, b)))

    tensors = [sw.tensor(a, requires_grad=True) for a in (x, w, b)]
    for got, want in zip(sw.compile(run)(*tensors), run(*tensors), strict=True):
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8", "uint8", "int32", "int64"])
def test_conv2d_in_other_types(dtype):
    to = getattr(sw, dtype)
    x, w = small(2, 4, 6, 5), small(6, 2, 3, 2)
    if dtype == "uint8":
        x, w = abs(x), abs(w)
    X, W = (sw.tensor(a)._cast(to) for a in (x, w))
    y = sw.conv2d(X, W, stride=(2, 1), padding=1, groups=2)
    assert y.dtype is to
    expected = reference.conv2d(x, w, stride=(2, 1), padding=(1, 1), groups=2)
    assert np.abs(expected).max() < 128
    np.testing.assert_array_equal(y._cast(sw.float64).numpy(), expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_small_floats_add_up_in_float32(dtype):
    # 4096 ones beside one large element: added one by one in 16 bits they would stay there.
    x, w = np.ones((1, 64, 8, 8)), np.ones((1, 64, 8, 8))
    x[0, 0, 0, 0] = 4096.0
    X, W = (sw.tensor(a)._cast(getattr(sw, dtype)).requires_grad_() for a in (x, w))
    y = sw.conv2d(X, W)
    assert y.detach()._cast(sw.float32).item() == 8192.0
    dx, dw = sw.autograd.grad(y.sum(), (X, W))
    assert dx.dtype is dw.dtype is getattr(sw, dtype)
    np.testing.assert_array_equal(dw._cast(sw.float64).numpy(), x)


@pytest.mark.parametrize("view", ["transposed", "strided", "reversed", "expanded"])
def test_conv2d_of_views(view):
    x, w = array(2, 4, 8, 8), array(6, 4, 3, 3)
    X, W = sw.tensor(x), sw.tensor(w)
    if view == "transposed":
        X, x = X.transpose(2, 3), x.swapaxes(2, 3)
        W, w = W.permute(1, 0, 3, 2), w.transpose(1, 0, 3, 2)
        X, x = sw.conv2d(X, W.transpose(0, 1)), reference.conv2d(x, w.swapaxes(0, 1))
        W, w = W[:, :, ::2], w[:, :, ::2]
    elif view == "strided":
        X, x = X[:, :, ::2, 1:], x[:, :, ::2, 1:]
        W, w = W[::3, :, 1:], w[::3, :, 1:]
    elif view == "reversed":
        X, x = X[:, :, :, 2:], x[:, :, :, 2:]
        W, w = W.transpose(2, 3), w.swapaxes(2, 3)
    else:
        X, x = X[:1].expand(3, 4, 8, 8), np.broadcast_to(x[:1], (3, 4, 8, 8))
        W, w = W[:, :, :1].expand(6, 4, 2, 3), np.broadcast_to(w[:, :, :1], (6, 4, 2, 3))
    if w.shape[1] != x.shape[1]:
        W, w = W.transpose(0, 1), w.swapaxes(0, 1)
    X, W = X.detach().requires_grad_(), W.detach().requires_grad_()
    y = sw.conv2d(X, W, padding=1)
    expected = reference.conv2d(x, w, padding=(1, 1))
    np.testing.assert_allclose(y.detach().numpy(), expected, atol=1e-12)
    dx, dw = gradients((y * y).sum(), X, W)
    g = 2 * expected
    want = reference.conv2d_input_gradient(g, w, x, padding=(1, 1))
    np.testing.assert_allclose(dx, want, atol=1e-10)
    want = reference.conv2d_weight_gradient(x, g, w, padding=(1, 1))
    np.testing.assert_allclose(dw, want, atol=1e-10)


def test_conv2d_bias_and_single_image():
    x, w, b = array(3, 6, 6), array(4, 3, 3, 3), array(4)
    y = sw.conv2d(sw.tensor(x), sw.tensor(w), sw.tensor(b))
    np.testing.assert_allclose(y.numpy(), reference.conv2d(x[None], w)[0] + b[:, None, None])
    assert y.shape == (4, 4, 4)


@pytest.mark.parametrize("kernel, dilation", [((3, 3), (1, 1)), ((2, 4), (1, 1)), ((4, 3), (3, 2))])
def test_conv2d_padding_names(kernel, dilation):
    x, w = array(1, 2, 7, 9), array(3, 2, *kernel)
    total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    around = np.pad(x, [(0, 0), (0, 0), *((n // 2, n - n // 2) for n in total)])
    same = sw.conv2d(sw.tensor(x), sw.tensor(w), padding="same", dilation=dilation)
    assert same.shape == (1, 3, 7, 9)
    np.testing.assert_allclose(
        same.numpy(), reference.conv2d(around, w, dilation=dilation), atol=1e-12
    )
    valid = sw.conv2d(sw.tensor(x), sw.tensor(w), padding="valid")
    np.testing.assert_allclose(valid.numpy(), reference.conv2d(x, w), atol=1e-12)


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_conv2d_of_any_shape(data):
    def pick(low, high):
        return data.draw(st.integers(low, high))

    groups = pick(1, 3)
    kernel = (pick(1, 3), pick(1, 3))
    options = {
        "stride": (pick(1, 3), pick(1, 3)),
        "padding": (pick(0, 2), pick(0, 2)),
        "dilation": (pick(1, 2), pick(1, 2)),
    }
    plane = [
        max(1, d * (k - 1) + 1 - 2 * p) + pick(0, 6)
        for k, d, p in zip(kernel, options["dilation"], options["padding"], strict=True)
    ]
    w = small(groups * pick(1, 3), pick(1, 3), *kernel, dtype=np.float32)
    x = small(pick(0, 3), w.shape[1] * groups, *plane, dtype=np.float32)
    X, W = sw.tensor(x, requires_grad=True), sw.tensor(w, requires_grad=True)
    y = sw.conv2d(X, W, groups=groups, **options)
    expected = reference.conv2d(x, w, groups=groups, **options)
    np.testing.assert_array_equal(y.detach().numpy(), expected)
    g = small(*expected.shape, dtype=np.float32)
    dx, dw = gradients((y * sw.tensor(g)).sum(), X, W)
    want = reference.conv2d_input_gradient(g, w, x, groups=groups, **options)
    np.testing.assert_array_equal(dx, want)
    want = reference.conv2d_weight_gradient(x, g, w, groups=groups, **options)
    np.testing.assert_array_equal(dw, want)


def test_one_kernel_serves_every_image_size():
    def check(size):
        x = array(*size)
        made = sw.conv2d(sw.tensor(x), w).numpy()
        np.testing.assert_allclose(made, reference.conv2d(x, w.numpy()), atol=1e-12)
        stats = sw._core.kernel_stats()
        return stats["compiles"] + stats["disk_hits"]

    w = sw.tensor(array(3, 2, 3, 2))
    first = check((2, 2, 5, 5))
    assert check((3, 2, 4, 3)) == check((4, 2, 9, 8)) == first
    check((1, 2, 3, 2))  # sizes of 1 are another class
    # A kernel knows its weight's sizes: another weight is another kernel.
    x, w = array(1, 2, 6, 6), array(3, 2, 2, 3)
    np.testing.assert_allclose(
        sw.conv2d(sw.tensor(x), sw.tensor(w)).numpy(), reference.conv2d(x, w), atol=1e-12
    )


@pytest.mark.parametrize("channels", [17, 64, 65])
@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize(
    "kernel, options",
    [
        ((3, 3), {"padding": (1, 1)}),
        ((5, 2), {"stride": (2, 3), "padding": (2, 0)}),
        ((2, 3), {"stride": (1, 2), "dilation": (3, 2)}),
    ],
)
def test_threads_share_rows_or_channels(channels, images, kernel, options):
    x, w = small(images, 6, 67, 64, dtype=np.float32), small(channels, 6, *kernel, dtype=np.float32)
    want = reference.conv2d(x, w, **options)
    before = sw.get_num_threads()
    try:
        for threads in (1, 2, 5):
            sw.set_num_threads(threads)
            got = sw.conv2d(sw.tensor(x), sw.tensor(w), **options)
            np.testing.assert_array_equal(got.numpy(), want)
    finally:
        sw.set_num_threads(before)


# --- Derivatives


def differences(function, inputs, index, step=1e-6):
    """The gradient of the sum of `function` by central differences."""
    result = np.zeros(inputs[index].shape)
    for position in np.ndindex(result.shape):
        values = []
        for sign in (1, -1):
            moved = [np.array(x) for x in inputs]
            moved[index][position] += sign * step
            values.append(function(*(sw.tensor(x) for x in moved)).item())
        result[position] = (values[0] - values[1]) / (2 * step)
    return result


OPTIONS = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}


@pytest.mark.parametrize("compiled", [False, True])
def test_second_derivatives_of_conv2d(compiled):
    x, w, g = array(1, 2, 4, 4), array(2, 2, 2, 2), array(1, 2, 3, 6)

    def penalty(x, w, g):
        y = sw.conv2d(x, w, **OPTIONS)
        dx, dw = sw.autograd.grad((y * y * g).sum(), (x, w), create_graph=True)
        return (dx * dx * dx).sum() + (dw * dw).sum()

    def value(*inputs):
        return penalty(*(t.requires_grad_() for t in inputs)).detach()

    def of_all(*inputs):
        return sw.autograd.grad(penalty(*inputs), inputs)

    inputs = [sw.tensor(a, requires_grad=True) for a in (x, w, g)]
    found = (sw.compile(of_all) if compiled else of_all)(*inputs)
    for index, gradient in enumerate(found):
        expected = differences(value, [x, w, g], index)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(gradient.numpy() / scale, expected / scale, atol=1e-7)


@pytest.mark.parametrize("pool", ["max", "avg"])
@pytest.mark.parametrize("compiled", [False, True])
def test_second_derivatives_of_pools(pool, compiled):
    x, g = array(1, 2, 5, 5), array(1, 2, 3, 3)

    def penalty(x, g):
        function = sw.max_pool2d if pool == "max" else sw.avg_pool2d
        y = function(x, 3, 2, 1)
        (dx,) = sw.autograd.grad((y * y * g).sum(), (x,), create_graph=True)
        return (dx * dx * dx).sum()

    def of_all(*inputs):
        return sw.autograd.grad(penalty(*inputs), inputs)

    inputs = [sw.tensor(a, requires_grad=True) for a in (x, g)]
    found = (sw.compile(of_all) if compiled else of_all)(*inputs)
    for index, gradient in enumerate(found):
        expected = differences(
            lambda *t: penalty(*(each.requires_grad_() for each in t)).detach(), [x, g], index
        )
        scale = np.abs(expected).max()
        np.testing.assert_allclose(gradient.numpy() / scale, expected / scale, atol=1e-7)


# --- Pools

POOLS = {
    "plain": ((2, 3, 8, 8), (2, 2), (2, 2), {}),
    "a rest": ((2, 3, 9, 7), (2, 2), (2, 2), {}),
    "rounded up": ((2, 3, 9, 7), (2, 2), (2, 2), {"ceil_mode": True}),
    "rounded up with padding": ((1, 2, 6, 9), (3, 3), (2, 4), {"ceil_mode": True, "padding": (1, 1)}),
    "windows that start behind the end": (
        (1, 1, 4, 5), (2, 3), (3, 4), {"ceil_mode": True, "padding": (1, 1)},
    ),
    "larger than the input": ((1, 2, 2, 3), (3, 4), (2, 2), {"ceil_mode": True}),
    "overlapping": ((2, 3, 7, 8), (3, 2), (1, 1), {}),
    "apart": ((2, 1, 9, 9), (2, 1), (4, 3), {}),
    "padding": ((2, 3, 6, 5), (3, 2), (2, 1), {"padding": (1, 1)}),
    "everything": ((2, 3, 5, 4), (5, 4), (1, 1), {}),
    "one": ((2, 3, 5, 4), (1, 1), (1, 1), {}),
    "no image": ((0, 3, 5, 4), (2, 2), (2, 2), {}),
    "large": ((1, 2, 20, 30), (13, 11), (1, 2), {"padding": (6, 5)}),
}  # fmt: skip


@pytest.mark.parametrize("shape, kernel, stride, options", POOLS.values(), ids=list(POOLS))
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int32", "uint8"])
def test_max_pool2d(shape, kernel, stride, options, dtype):
    # Few different values: equal ones meet in a window.
    x = small(*shape) if dtype != "uint8" else abs(small(*shape))
    X = sw.tensor(x)._cast(getattr(sw, dtype))
    values, indices = sw.max_pool2d(X, kernel, stride, return_indices=True, **options)
    expected, places = reference.max_pool2d(x, kernel, stride, **options)
    assert values.dtype is X.dtype and indices.dtype is sw.int64
    np.testing.assert_array_equal(values._cast(sw.float64).numpy(), expected)
    np.testing.assert_array_equal(indices.numpy(), places)
    if X.dtype.is_floating_point:
        X.requires_grad_()
        g = small(*expected.shape)
        loss = (sw.max_pool2d(X, kernel, stride, **options) * sw.tensor(g)._cast(X.dtype)).sum()
        (dx,) = sw.autograd.grad(loss, (X,))
        want = reference.max_pool2d_gradient(g, places, x)
        np.testing.assert_array_equal(dx._cast(sw.float64).numpy(), want)


@pytest.mark.parametrize("shape, kernel, stride, options", POOLS.values(), ids=list(POOLS))
@pytest.mark.parametrize("include", [True, False])
def test_avg_pool2d(shape, kernel, stride, options, include):
    x = array(*shape)
    X = sw.tensor(x, requires_grad=True)
    y = sw.avg_pool2d(X, kernel, stride, count_include_pad=include, **options)
    fields = {"count_include_pad": include, **options}
    expected = reference.avg_pool2d(x, kernel, stride, **fields)
    np.testing.assert_allclose(y.detach().numpy(), expected, atol=1e-13)
    g = array(*expected.shape)
    (dx,) = gradients((y * sw.tensor(g)).sum(), X)
    want = reference.avg_pool2d_gradient(g, x, kernel, stride, **fields)
    np.testing.assert_allclose(dx, want, atol=1e-13)


@pytest.mark.parametrize("shape, kernel, stride, options", POOLS.values(), ids=list(POOLS))
def test_pools_compiled(shape, kernel, stride, options):
    x = array(*shape)

    @sw.compile
    def run(x):
        values, indices = sw.max_pool2d(x, kernel, stride, return_indices=True, **options)
        mean = sw.avg_pool2d(x, kernel, stride, **options)
        (dx,) = sw.autograd.grad((values * mean).sum(), (x,))
        return values.detach(), indices, mean.detach(), dx

    values, indices, mean, dx = (t.numpy() for t in run(sw.tensor(x, requires_grad=True)))
    expected, places = reference.max_pool2d(x, kernel, stride, **options)
    means = reference.avg_pool2d(x, kernel, stride, **options)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(indices, places)
    np.testing.assert_allclose(mean, means, atol=1e-13)
    want = reference.max_pool2d_gradient(means, places, x)
    want = want + reference.avg_pool2d_gradient(expected, x, kernel, stride, **options)
    np.testing.assert_allclose(dx, want, atol=1e-12)


def test_dilated_max_pool2d():
    x = array(2, 3, 12, 10)
    X = sw.tensor(x, requires_grad=True)
    y, indices = sw.max_pool2d(X, (3, 2), (2, 1), (2, 1), (2, 3), return_indices=True)
    expected, places = reference.max_pool2d(x, (3, 2), (2, 1), (2, 1), (2, 3))
    np.testing.assert_array_equal(y.detach().numpy(), expected)
    np.testing.assert_array_equal(indices.numpy(), places)
    (dx,) = gradients((y * y).sum(), X)
    np.testing.assert_allclose(dx, reference.max_pool2d_gradient(2 * expected, places, x))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_max_pool2d_of_nan_and_infinity(dtype):
    x = np.full((1, 1, 4, 6), -np.inf)
    x[0, 0, 1, 1] = np.nan
    x[0, 0, 0, 4] = np.inf
    x[0, 0, 2, 2] = 1
    X = sw.tensor(x)._cast(getattr(sw, dtype))
    values, indices = sw.max_pool2d(X, 2, padding=1, return_indices=True)
    expected, places = reference.max_pool2d(x, (2, 2), (2, 2), (1, 1))
    np.testing.assert_array_equal(values._cast(sw.float64).numpy(), expected)
    # Padding is minus infinity, but no place.
    np.testing.assert_array_equal(indices.numpy(), places)


def test_avg_pool2d_divisor():
    x = array(1, 1, 5, 5)
    y = sw.avg_pool2d(sw.tensor(x), 3, padding=1, ceil_mode=True, divisor_override=-2)
    want = reference.avg_pool2d(x, (3, 3), (3, 3), (1, 1), True, divisor=-2)
    np.testing.assert_allclose(y.numpy(), want)


def test_small_floats_are_averaged_in_float32():
    x = sw.tensor(np.full((1, 1, 64, 64), 100.0))._cast(sw.float16)
    assert sw.avg_pool2d(x, 64)._cast(sw.float32).item() == 100.0


@pytest.mark.parametrize("size", [1, (2, 4), (3, 5), (8, None), (11, 2), (7, 9)])
@pytest.mark.parametrize("compiled", [False, True])
def test_adaptive_avg_pool2d(size, compiled):
    x = array(2, 3, 8, 8)

    def run(x):
        y = sw.adaptive_avg_pool2d(x, size)
        return y.detach(), *sw.autograd.grad((y * y).sum(), (x,))

    function = sw.compile(run) if compiled else run
    y, dx = (t.numpy() for t in function(sw.tensor(x, requires_grad=True)))
    rows, columns = size if isinstance(size, tuple) else (size, size)
    columns = columns or 8
    assert y.shape == (2, 3, rows, columns)
    want = np.zeros(x.shape)
    for i in range(rows):
        for j in range(columns):
            r = slice(i * 8 // rows, int(np.ceil((i + 1) * 8 / rows)))
            c = slice(j * 8 // columns, int(np.ceil((j + 1) * 8 / columns)))
            mean = x[:, :, r, c].mean((2, 3))
            np.testing.assert_allclose(y[:, :, i, j], mean, atol=1e-14)
            want[:, :, r, c] += (2 * mean / x[0, 0, r, c].size)[:, :, None, None]
    np.testing.assert_allclose(dx, want, atol=1e-14)


def test_adaptive_avg_pool2d_of_one_image_in_float16():
    x = (array(3, 7, 5) * 100).astype(np.float16)
    y = sw.adaptive_avg_pool2d(sw.tensor(x), (2, 3))
    assert y.dtype is sw.float16 and y.shape == (3, 2, 3)
    mean = x[:, 3:, 1:4].astype(np.float64).mean((1, 2))
    np.testing.assert_allclose(y.numpy()[:, 1, 1], mean, rtol=2**-11)
    for wrong in (0, (2, 3, 4), (1, -1)):
        with pytest.raises(RuntimeError, match="output_size must be two numbers of 1 or more"):
            sw.adaptive_avg_pool2d(sw.tensor(x), wrong)


@pytest.mark.parametrize("pool", [sw.max_pool2d, sw.avg_pool2d])
def test_pools_of_views_and_single_images(pool):
    x = array(2, 4, 6, 8)
    X = sw.tensor(x)
    name = "max_pool2d" if pool is sw.max_pool2d else "avg_pool2d"

    def expected(x):
        made = getattr(reference, name)(x, (2, 2), (2, 2))
        return made[0] if pool is sw.max_pool2d else made

    for view, same in (
        (X.transpose(2, 3), x.swapaxes(2, 3)),
        (X[:, ::2, 1:, ::2], x[:, ::2, 1:, ::2]),
        (X.permute(3, 2, 1, 0), x.transpose(3, 2, 1, 0)),
    ):
        np.testing.assert_allclose(pool(view, 2).numpy(), expected(same), atol=1e-14)
    one = pool(X[1], 2)
    assert one.shape == (4, 3, 4)
    np.testing.assert_allclose(one.numpy(), expected(x[1:])[0], atol=1e-14)


# --- What is refused


@pytest.mark.parametrize(
    "shape, kernel, options, message",
    [
        ((1, 3, 8, 8), (4, 2, 3, 3), {}, r"weight \(4, 2, 3, 3\).*expects 2 input channels, not 3"),
        ((1, 4, 8, 8), (3, 2, 3, 3), {"groups": 2}, "do not divide the 3 output channels"),
        ((1, 4, 8, 8), (4, 4, 3, 3), {"groups": 0}, "groups must be 1 or more, not 0"),
        ((1, 1, 2, 8), (1, 1, 3, 3), {}, r"conv2d: input \(1, 1, 2, 8\).*larger than the input"),
        ((1, 1, 8, 8), (1, 1, 3, 3), {"padding": -1}, r"padding must be 0 or more, not \(-1, -1\)"),
        ((1, 1, 8, 8), (1, 1, 3, 3), {"stride": 0}, r"stride must be 1 or more, not \(0, 0\)"),
        ((1, 1, 8, 8), (1, 1, 3, 3), {"dilation": (1, 0)}, r"dilation must be 1 or more"),
        ((1, 1, 8, 8), (1, 1, 3, 3), {"dilation": 2**62}, "dilation must be below"),
        ((1, 1, 8, 8), (1, 1, 3, 3), {"padding": 2**31 - 1, "stride": 2**31 - 1}, "too many"),
        ((1, 1, 8, 8), (1, 1, 3, 3), {"padding": 2**31 - 1}, "too many elements"),
        ((1, 1, 8, 8), (1, 1, 3, 3), {"padding": 2**22, "stride": 2**22}, "memory"),
        ((1, 1, 8, 8), (1, 1, 3, 3), {"stride": (1, 1, 1)}, "must be one or two numbers"),
        ((1, 1, 8, 8), (1, 1, 0, 3), {}, "the weight has no elements"),
        ((8, 8), (1, 1, 3, 3), {}, r"expected 3D \(unbatched\) or 4D \(batched\) input"),
        ((1, 1, 8, 8), (1, 3, 3), {}, "expected a weight of four dimensions"),
        ((1, 1, 8, 8), (1, 1, 3, 3), {"padding": "full"}, "invalid padding string"),
        ((1, 1, 8, 8), (1, 1, 3, 3), {"padding": "same", "stride": 2}, "not supported for strided"),
    ],
)
def test_conv2d_refuses(shape, kernel, options, message):
    with pytest.raises(RuntimeError, match=message):
        sw.conv2d(sw.ones(*shape), sw.ones(*kernel), **options)


def test_conv2d_refuses_other_tensors():
    x, w = sw.ones(1, 1, 8, 8), sw.ones(2, 1, 3, 3)
    with pytest.raises(RuntimeError, match="input and weight must have one element type"):
        sw.conv2d(x, w.double())
    with pytest.raises(RuntimeError, match="expected bias to be 1-dimensional with 2 elements"):
        sw.conv2d(x, w, sw.ones(3))
    with pytest.raises(TypeError, match="argument 'weight' must be Tensor, not int"):
        sw.conv2d(x, 3)
    with pytest.raises(TypeError, match="argument 'stride' must be int or tuple of ints"):
        sw.conv2d(x, w, stride="2")
    with pytest.raises(RuntimeError, match="bool"):
        sw.conv2d(x > 0, w > 0)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((0,), "kernel_size must be 1 or more"),
        ((9,), r"\(1, 1, 8, 8\) is smaller than kernel_size \(9, 9\)"),
        ((3, 0), "stride must be 1 or more"),
        ((3, 1, 2), "padding .* is more than half of kernel_size"),
        ((3, 1, -1), "padding must be 0 or more"),
        (((1, 2, 3),), "must be one or two numbers"),
        ((2**31 - 1, 1, 2**30 - 1), "reach over too many elements"),
    ],
)
@pytest.mark.parametrize("pool", [sw.max_pool2d, sw.avg_pool2d])
def test_pools_refuse(pool, arguments, message):
    with pytest.raises(RuntimeError, match=message):
        pool(sw.ones(1, 1, 8, 8), *arguments)


def test_pools_refuse_other_tensors():
    with pytest.raises(RuntimeError, match="expected 3D"):
        sw.max_pool2d(sw.ones(8, 8), 2)
    with pytest.raises(RuntimeError, match="avg_pool2d: not defined for elements of type int64"):
        sw.avg_pool2d(sw.ones(1, 1, 8, 8).long(), 2)
    with pytest.raises(RuntimeError, match="divisor must be not zero"):
        sw.avg_pool2d(sw.ones(1, 1, 8, 8), 2, divisor_override=0)
    with pytest.raises(RuntimeError, match="bool"):
        sw.max_pool2d(sw.ones(1, 1, 8, 8) > 0, 2)
