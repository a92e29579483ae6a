# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers that make one element of a window of them."""

from __future__ import annotations

from typing import Any

from stepwell._core import Tensor
from stepwell.nn import functional as F
from stepwell.nn.module import Module


class MaxPool2d(Module):
    """The largest element of every window.

    Args:
        kernel_size: of a window: one number, or height and width.
        stride: from a window to the next; none: the window's size.
        padding: on all sides; never the largest.
        dilation: from one element of a window to the next.
        return_indices: also gives where the elements lie.
        ceil_mode: windows may reach beyond the end.

    Example:
        >>> nn.MaxPool2d(2)(stepwell.ones(4, 8, 28, 28)).shape
        (4, 8, 14, 14)
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        return F.max_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(Module):
    """The mean of every window.

    Args:
        kernel_size: of a window: one number, or height and width.
        stride: from a window to the next; none: the window's size.
        padding: zeros on all sides.
        ceil_mode: windows may reach beyond the end.
        count_include_pad: whether the padding counts in the mean.
        divisor_override: divides the sum by this instead.

    Example:
        >>> nn.AvgPool2d(2)(stepwell.arange(16.0).reshape(1, 1, 4, 4))
        tensor([[[[ 2.5000,  4.5000],
                  [10.5000, 12.5000]]]])
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
