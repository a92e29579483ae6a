# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers with a weight per connection."""

from __future__ import annotations

import math
from typing import Any

from stepwell import _core
from stepwell._core import Tensor
from stepwell._factories import empty
from stepwell.nn import functional as F
from stepwell.nn import init
from stepwell.nn.module import Module
from stepwell.nn.parameter import Parameter


class _Weighted(Module):
    """``weight`` and ``bias``, as PyTorch starts them."""

    weight: Parameter
    bias: Parameter | None

    def _make(self, weight: tuple[int, ...], bias: bool, where: Any, dtype: Any) -> None:
        self.weight = Parameter(empty(weight, dtype=dtype, device=where))
        if bias:
            self.bias = Parameter(empty(weight[0], dtype=dtype, device=where))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new first values, evenly from ±1 / sqrt(inputs per output)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        fan_in = math.prod(self.weight.shape[1:])
        if self.bias is not None and fan_in > 0:
            bound = 1 / math.sqrt(fan_in)
            init.uniform_(self.bias, -bound, bound)


class Linear(_Weighted):
    """``x @ weight.T + bias``.

    Args:
        in_features: the size of the input's last dimension.
        out_features: the size of the result's.
        bias: whether to add one.
        device: where the parameters are.
        dtype: of the parameters.

    Example:
        >>> nn.Linear(64, 10)(stepwell.ones(32, 64)).shape
        (32, 10)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: _core.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self._make((out_features, in_features), bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)  # type: ignore[return-value]


class Conv2d(_Weighted):
    """The convolution of images with a weight.

    Args:
        in_channels: the size of the input's dimension before the last two.
        out_channels: the size of the result's.
        kernel_size: of a window: one number, or height and width.
        stride: from a window to the next.
        padding: zeros on all sides, or ``"valid"`` or ``"same"``.
        dilation: from one element of a window to the next.
        groups: into how many parts the channels are divided; each sees only its own.
        bias: whether to add one per output channel.
        device: where the parameters are.
        dtype: of the parameters.

    Raises:
        ValueError: the groups do not divide the channels, or the padding is not known.

    Example:
        >>> nn.Conv2d(1, 8, 3, padding=1)(stepwell.ones(4, 1, 28, 28)).shape
        (4, 8, 28, 28)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        device: Any = None,
        dtype: _core.dtype | None = None,
    ) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(
                    f"Invalid padding string '{padding}', should be one of ('valid', 'same')"
                )
            if padding == "same" and _pair(stride) != (1, 1):
                raise ValueError("padding='same' is not supported for strided convolutions")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _pair(kernel_size)
        self.stride = _pair(stride)
        self.padding = padding if isinstance(padding, str) else _pair(padding)
        self.dilation = _pair(dilation)
        self.groups = groups
        self._make((out_channels, in_channels // groups, *self.kernel_size), bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.conv2d(
            input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        if self.padding != (0, 0):
            text += f", padding={self.padding}"
        if self.dilation != (1, 1):
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text
