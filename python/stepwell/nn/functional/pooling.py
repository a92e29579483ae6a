# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One element for each window."""

from __future__ import annotations

from typing import Any

from stepwell import _core
from stepwell._arguments import tensors
from stepwell._core import Tensor
from stepwell._joining import cat
from stepwell.nn.functional._definition import library_function
from stepwell.nn.functional._images import batched, pair


@library_function
def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of every window of `(n, c, h, w)` or `(c, h, w)`.

    `stride` is `kernel_size` unless it is given. Padding is never the largest, a NaN always is.
    With `return_indices` also where the elements lie, as int64 positions `y * w + x`.

    Raises RuntimeError where no window fits or the padding is more than half of one.

    >>> stepwell.max_pool2d(stepwell.ones(1, 3, 8, 8), 2).shape
    (1, 3, 4, 4)
    """
    name = "max_pool2d"
    images, single = batched(name, input)
    size = pair(name, "kernel_size", kernel_size)
    steps = size if stride is None or stride == () else pair(name, "stride", stride)
    around, spread = pair(name, "padding", padding), pair(name, "dilation", dilation)
    values, indices = _core.array.max_pool2d(images, size, steps, around, spread, ceil_mode)
    if single:
        values, indices = values.squeeze(0), indices.squeeze(0)
    return (values, indices) if return_indices else values


@library_function
def avg_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of every window of `(n, c, h, w)` or `(c, h, w)`, whose elements are floats.

    `stride` is `kernel_size` unless it is given. A window's sum is divided by `divisor_override`
    or the number of its elements, with those of the padding if `count_include_pad`.

    Raises RuntimeError where no window fits or the padding is more than half of one.

    >>> stepwell.avg_pool2d(stepwell.ones(1, 3, 8, 8), 2).shape
    (1, 3, 4, 4)
    """
    name = "avg_pool2d"
    tensors(name, input=input)
    size = pair(name, "kernel_size", kernel_size)
    steps = size if stride is None or stride == () else pair(name, "stride", stride)
    around = pair(name, "padding", padding)
    if divisor_override == 0:
        raise RuntimeError("avg_pool2d: divisor must be not zero")
    images, single = batched(name, input)  # last: too few dimensions are another error
    result = _core.array.avg_pool2d(
        images, size, steps, around, ceil_mode, count_include_pad, divisor_override or 0
    )
    return result.squeeze(0) if single else result


def _means(images: Tensor, dim: int, count: int) -> Tensor:
    """Dimension 2 or 3 in `count` windows that are as equal as they can be."""
    size = images.shape[dim]
    if size % count == 0:
        length = size // count
        return avg_pool2d(images, (length, 1) if dim == 2 else (1, length))
    # There are windows of two lengths: all of each, and of those the ones that are meant.
    short = size // count + 1
    pools = [
        avg_pool2d(images, (length, 1) if dim == 2 else (1, length), 1)
        for length in (short, short + 1)
        if length <= size
    ]
    places = _core._iota(_core.int64, count)
    begin = places * size // count
    longer = -((places + 1) * size // -count) - begin > short
    at = begin + longer * pools[0].shape[dim]
    return _core.index_select(cat(pools, dim), dim, at)


@library_function
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The means of as many windows of `(n, c, h, w)` or `(c, h, w)` as are asked for.

    `output_size` is one number or two, where None stands for the input's. Window `i` of `k` begins
    at `floor(i * size / k)` and ends before `ceil((i + 1) * size / k)`.

    Raises RuntimeError where a size is below 1.

    >>> stepwell.adaptive_avg_pool2d(stepwell.ones(1, 3, 8, 9), (2, 4)).shape
    (1, 3, 2, 4)
    """
    name = "adaptive_avg_pool2d"
    images, single = batched(name, input)
    if not isinstance(output_size, (tuple, list)):
        output_size = (output_size, output_size)
    plane = tuple(images.shape[2:])
    wanted = [
        size if size is not None else own for size, own in zip(output_size, plane, strict=False)
    ]
    counts = pair(name, "output_size", wanted)
    if len(output_size) != 2 or min(*counts, *plane) < 1:
        raise RuntimeError(
            f"{name}: output_size must be two numbers of 1 or more, not {tuple(output_size)}, "
            f"and the input of size {list(input.shape)} must not be empty"
        )
    _core._check_room(images.dtype, counts)
    if all(size % count == 0 for size, count in zip(plane, counts, strict=True)):
        result = avg_pool2d(images, [size // n for size, n in zip(plane, counts, strict=True)])
    else:
        # Rounded to 16 bits once.
        wide = images.float() if images.dtype in (_core.float16, _core.bfloat16) else images
        result = _means(_means(wide, 2, counts[0]), 3, counts[1]).to(images.dtype)
    return result.squeeze(0) if single else result
