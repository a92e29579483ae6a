# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions and pools with PyTorch's arguments, on top of the dialect's operations."""

from __future__ import annotations

from typing import Any

from . import _core
from ._arguments import tensors, wrong
from ._core import Tensor
from ._structure import cat


def _pair(function: str, name: str, value: Any) -> tuple[int, int]:
    """One number for both dimensions, or one for each."""
    if hasattr(value, "__index__") and not isinstance(value, bool):
        return (value.__index__(),) * 2
    try:
        numbers = tuple(each.__index__() for each in value)
    except (TypeError, AttributeError):
        raise wrong(function, name, "int or tuple of ints", value) from None
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2:
        raise RuntimeError(f"{function}: {name} must be one or two numbers, not {numbers}")
    return numbers


def _batched(function: str, input: Tensor) -> tuple[Tensor, bool]:
    """A batch of images, and whether it was made of a single one."""
    tensors(function, input=input)
    if input.ndim not in (3, 4):
        # PyTorch counts from the end before it looks.
        raise (IndexError if function == "avg_pool2d" and input.ndim < 3 else RuntimeError)(
            f"{function}: expected 3D (unbatched) or 4D (batched) input, "
            f"but got input of size: {list(input.shape)}"
        )
    return (input, False) if input.ndim == 4 else (input.unsqueeze(0), True)


def _same_padding(
    weight: Tensor, stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The padding on either side, and by how much that is too much on the left."""
    if stride != (1, 1):
        raise RuntimeError("conv2d: padding='same' is not supported for strided convolutions")
    total = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
    padding = ((total[0] + 1) // 2, (total[1] + 1) // 2)
    return padding, (total[0] % 2, total[1] % 2)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The convolution of images with a weight.

    `input` is `(n, c, h, w)` or `(c, h, w)`, `weight` is `(o, c / groups, kh, kw)` and `bias` is
    `(o,)`; the result is `(n, o, oh, ow)` or `(o, oh, ow)`. `stride`, `padding` and `dilation` are
    one number or two; `padding` may be `"valid"` (none) or `"same"` (the result has the input's
    height and width). All tensors have one element type; f16 and bf16 accumulate in float32.

    Raises RuntimeError where the shapes do not fit.

    >>> stepwell.conv2d(stepwell.ones(1, 3, 8, 8), stepwell.ones(16, 3, 3, 3), padding=1).shape
    (1, 16, 8, 8)
    """
    images, single = _batched("conv2d", input)
    tensors("conv2d", weight=weight)
    if bias is not None:
        tensors("conv2d", bias=bias)
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tensor.dtype is not input.dtype:
            raise RuntimeError(
                f"conv2d: input and {name} must have one element type, not {input.dtype} and "
                f"{tensor.dtype}"
            )
    if weight.ndim != 4:
        raise RuntimeError(
            f"conv2d: expected a weight of four dimensions, but got one of size: "
            f"{list(weight.shape)}"
        )
    if bias is not None and bias.shape != (weight.shape[0],):
        raise RuntimeError(
            f"conv2d: given weight of size {list(weight.shape)}, expected bias to be "
            f"1-dimensional with {weight.shape[0]} elements, but got bias of size "
            f"{list(bias.shape)} instead"
        )
    steps = _pair("conv2d", "stride", stride)
    spread = _pair("conv2d", "dilation", dilation)
    surplus = (0, 0)
    if padding == "same":
        around, surplus = _same_padding(weight, steps, spread)
    elif padding == "valid":
        around = (0, 0)
    elif isinstance(padding, str):
        raise RuntimeError(f"conv2d: invalid padding string: '{padding}'")
    else:
        around = _pair("conv2d", "padding", padding)
    result = _core._conv2d(images, weight, steps, around, spread, groups)
    if surplus != (0, 0):
        result = result[:, :, surplus[0] :, surplus[1] :]
    if bias is not None:
        result = result + bias.reshape(-1, 1, 1)
    return result.squeeze(0) if single else result


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
    images, single = _batched(name, input)
    size = _pair(name, "kernel_size", kernel_size)
    steps = size if stride is None or stride == () else _pair(name, "stride", stride)
    around, spread = _pair(name, "padding", padding), _pair(name, "dilation", dilation)
    values, indices = _core._max_pool2d(images, size, steps, around, spread, ceil_mode)
    if single:
        values, indices = values.squeeze(0), indices.squeeze(0)
    return (values, indices) if return_indices else values


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
    size = _pair(name, "kernel_size", kernel_size)
    steps = size if stride is None or stride == () else _pair(name, "stride", stride)
    around = _pair(name, "padding", padding)
    if divisor_override == 0:
        raise RuntimeError("avg_pool2d: divisor must be not zero")
    images, single = _batched(name, input)  # last: too few dimensions are another error
    result = _core._avg_pool2d(
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


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The means of as many windows of `(n, c, h, w)` or `(c, h, w)` as are asked for.

    `output_size` is one number or two, where None stands for the input's. Window `i` of `k` begins
    at `floor(i * size / k)` and ends before `ceil((i + 1) * size / k)`.

    Raises RuntimeError where a size is below 1.

    >>> stepwell.adaptive_avg_pool2d(stepwell.ones(1, 3, 8, 9), (2, 4)).shape
    (1, 3, 2, 4)
    """
    name = "adaptive_avg_pool2d"
    images, single = _batched(name, input)
    if not isinstance(output_size, (tuple, list)):
        output_size = (output_size, output_size)
    plane = tuple(images.shape[2:])
    wanted = [
        size if size is not None else own for size, own in zip(output_size, plane, strict=False)
    ]
    counts = _pair(name, "output_size", wanted)
    if len(output_size) != 2 or min(*counts, *plane) < 1:
        raise RuntimeError(
            f"{name}: output_size must be two numbers of 1 or more, not {tuple(output_size)}, "
            f"and the input of size {list(input.shape)} must not be empty"
        )
    _core._check_room(images.dtype, (*images.shape[:2], *counts))
    if all(size % count == 0 for size, count in zip(plane, counts, strict=True)):
        result = avg_pool2d(images, [size // n for size, n in zip(plane, counts, strict=True)])
    else:
        # Rounded to 16 bits once.
        wide = images.float() if images.dtype in (_core.float16, _core.bfloat16) else images
        result = _means(_means(wide, 2, counts[0]), 3, counts[1]).to(images.dtype)
    return result.squeeze(0) if single else result
