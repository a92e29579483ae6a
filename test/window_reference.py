# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions and pools in NumPy, window by window; arguments as the records name them."""

import numpy as np


def _windows(size, kernel, stride, padding, dilation, ceil):
    """(output position, the slice of kernel places inside the image, the rows they read)."""
    count = 0
    while True:
        begin = count * stride - padding
        end = begin + dilation * (kernel - 1) + 1
        if end > size + padding if not ceil else begin >= size:
            break
        # Rounding up takes one window more, not as many as begin inside.
        if ceil and count and end - stride >= size + padding:
            break
        places = [k for k in range(kernel) if 0 <= begin + k * dilation < size]
        yield count, places, [begin + k * dilation for k in places]
        count += 1


def _each(shape, kernel, stride, padding, dilation, ceil=False):
    """(output position, kernel places, image places) of every window of an image."""
    rows = list(_windows(shape[2], kernel[0], stride[0], padding[0], dilation[0], ceil))
    columns = list(_windows(shape[3], kernel[1], stride[1], padding[1], dilation[1], ceil))
    for i, ki, yi in rows:
        for j, kj, xj in columns:
            yield (i, j), np.ix_(ki, kj), np.ix_(yi, xj)


def _pairs(n, groups):
    return [slice(k * n // groups, (k + 1) * n // groups) for k in range(groups)]


def _at(array, channels, places):
    return array[:, channels][:, :, places[0], places[1]]


def conv2d(input, weight, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    kernel = weight.shape[2:]
    parts = {}
    for at, k, y in _each(input.shape, kernel, stride, padding, dilation):
        parts[at] = np.concatenate(
            [np.einsum("nchw,ochw->no", _at(input, c, y), weight[o][:, :, k[0], k[1]])
             for c, o in zip(_pairs(input.shape[1], groups), _pairs(len(weight), groups))],
            axis=1,
        )  # fmt: skip
    return _assemble(parts, (len(input), len(weight)), input.dtype)


def conv2d_input_gradient(gradient, weight, like, stride=(1, 1), padding=(0, 0), dilation=(1, 1),
                          groups=1):  # fmt: skip
    result = np.zeros(like.shape)
    for (i, j), k, y in _each(like.shape, weight.shape[2:], stride, padding, dilation):
        for c, o in zip(_pairs(like.shape[1], groups), _pairs(len(weight), groups)):
            part = np.einsum("no,ochw->nchw", gradient[:, o, i, j], weight[o][:, :, k[0], k[1]])
            result[:, c, y[0], y[1]] += part
    return result


def conv2d_weight_gradient(input, gradient, like, stride=(1, 1), padding=(0, 0), dilation=(1, 1),
                           groups=1):  # fmt: skip
    result = np.zeros(like.shape)
    for (i, j), k, y in _each(input.shape, like.shape[2:], stride, padding, dilation):
        for c, o in zip(_pairs(input.shape[1], groups), _pairs(len(like), groups)):
            part = np.einsum("no,nchw->ochw", gradient[:, o, i, j], _at(input, c, y))
            result[o, :, k[0], k[1]] += part
    return result


def _assemble(parts, leading, dtype):
    rows = 1 + max((i for i, _ in parts), default=-1)
    columns = 1 + max((j for _, j in parts), default=-1)
    result = np.zeros((*leading, rows, columns), dtype)
    for (i, j), part in parts.items():
        result[:, :, i, j] = part
    return result


def max_pool2d(input, kernel_size, stride, padding=(0, 0), dilation=(1, 1), ceil_mode=False):
    values, indices = {}, {}
    width = input.shape[3]
    for at, _, y in _each(input.shape, kernel_size, stride, padding, dilation, ceil_mode):
        inside = _at(input, slice(None), y)
        inside = inside.reshape(*inside.shape[:2], y[0].size * y[1].size)
        positions = (y[0] * width + y[1]).reshape(-1)
        # argmax finds the first of equal elements, and a NaN before all others.
        first = np.argmax(inside, axis=2)
        values[at] = np.take_along_axis(inside, first[..., None], 2)[..., 0]
        indices[at] = positions[first]
    leading = input.shape[:2]
    return _assemble(values, leading, input.dtype), _assemble(indices, leading, np.int64)


def max_pool2d_gradient(gradient, indices, like, **_):
    result = np.zeros((*like.shape[:2], like.shape[2] * like.shape[3]))
    for at in np.ndindex(gradient.shape):
        result[at[0], at[1], indices[at]] += gradient[at]
    return result.reshape(like.shape)


def max_pool2d_gather(input, indices, **_):
    flat = input.reshape(*input.shape[:2], -1)
    return np.take_along_axis(flat, indices.reshape(*indices.shape[:2], -1), 2).reshape(
        indices.shape
    )


def _counts(shape, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor):
    windows = []
    for size, kernel, step, pad in zip(shape[2:], kernel_size, stride, padding, strict=True):
        found = []
        for count, places, _ in _windows(size, kernel, step, pad, 1, ceil_mode):
            reach = min(kernel, size + 2 * pad - count * step)
            found.append(reach if count_include_pad else len(places))
        windows.append(found)
    return divisor or np.outer(*windows)


def avg_pool2d(input, kernel_size, stride, padding=(0, 0), ceil_mode=False, count_include_pad=True,
               divisor=0):  # fmt: skip
    sums = {}
    for at, _, y in _each(input.shape, kernel_size, stride, padding, (1, 1), ceil_mode):
        sums[at] = _at(input, slice(None), y).sum((2, 3))
    total = _assemble(sums, input.shape[:2], input.dtype)
    return total / _counts(
        input.shape, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor
    )


def avg_pool2d_gradient(gradient, like, kernel_size, stride, padding=(0, 0), ceil_mode=False,
                        count_include_pad=True, divisor=0):  # fmt: skip
    shares = gradient / _counts(
        like.shape, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor
    )
    result = np.zeros(like.shape)
    for (i, j), _, y in _each(like.shape, kernel_size, stride, padding, (1, 1), ceil_mode):
        result[:, :, y[0], y[1]] += shares[:, :, i, j, None, None]
    return result
