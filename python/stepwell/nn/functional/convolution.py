# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Sums of products of a window with a weight."""

from __future__ import annotations

from typing import Any

from stepwell import _core
from stepwell._arguments import tensors
from stepwell._core import Tensor
from stepwell.nn.functional._definition import library_function
from stepwell.nn.functional._images import batched, pair


def _same_padding(
    weight: Tensor, stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The padding on either side, and by how much that is too much on the left."""
    if stride != (1, 1):
        raise RuntimeError("conv2d: padding='same' is not supported for strided convolutions")
    total = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
    padding = ((total[0] + 1) // 2, (total[1] + 1) // 2)
    return padding, (total[0] % 2, total[1] % 2)


@library_function
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
    images, single = batched("conv2d", input)
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
    steps = pair("conv2d", "stride", stride)
    spread = pair("conv2d", "dilation", dilation)
    surplus = (0, 0)
    if padding == "same":
        around, surplus = _same_padding(weight, steps, spread)
    elif padding == "valid":
        around = (0, 0)
    elif isinstance(padding, str):
        raise RuntimeError(f"conv2d: invalid padding string: '{padding}'")
    else:
        around = pair("conv2d", "padding", padding)
    result = _core.array.conv2d(images, weight, steps, around, spread, groups)
    if surplus != (0, 0):
        result = result[:, :, surplus[0] :, surplus[1] :].contiguous()
    if bias is not None:
        result = result + bias.reshape(-1, 1, 1)
    return result.squeeze(0) if single else result
