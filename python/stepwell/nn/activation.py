# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers that apply a function to every element."""

from __future__ import annotations

from stepwell._core import Tensor
from stepwell.nn import functional as F
from stepwell.nn.module import Module


class ReLU(Module):
    """``max(0, x)``.

    Args:
        inplace: overwrites the input.

    Shape: any; the output has the input's.

    Example:
        >>> x = stepwell.tensor([[-1.0, 0.0, 2.0]])
        >>> nn.ReLU()(x)
        tensor([[0., 0., 2.]])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input, self.inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``.

    Shape: any; the output has the input's.

    Example:
        >>> x = stepwell.tensor([[-1.0, 0.0, 2.0]])
        >>> nn.Sigmoid()(x)
        tensor([[0.2689, 0.5000, 0.8808]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent.

    Shape: any; the output has the input's.

    Example:
        >>> x = stepwell.tensor([[-1.0, 0.0, 2.0]])
        >>> nn.Tanh()(x)
        tensor([[-0.7616,  0.0000,  0.9640]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


class SiLU(Module):
    """``x * sigmoid(x)``.

    Args:
        inplace: overwrites the input.

    Shape: any; the output has the input's.

    Example:
        >>> x = stepwell.tensor([[-1.0, 0.0, 2.0]])
        >>> nn.SiLU()(x)
        tensor([[-0.2689,  0.0000,  1.7616]])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, self.inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class GELU(Module):
    """``x`` times the normal distribution's function.

    Args:
        approximate: ``"none"``, or ``"tanh"`` for an approximation.

    Shape: any; the output has the input's.

    Example:
        >>> x = stepwell.tensor([[-1.0, 0.0, 2.0]])
        >>> nn.GELU()(x)
        tensor([[-0.1587,  0.0000,  1.9545]])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class _AlongDimension(Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_AlongDimension):
    """Exponentials along a dimension, scaled to the sum 1.

    Args:
        dim: the dimension.

    Shape: any; the output has the input's.

    Example:
        >>> x = stepwell.tensor([[-1.0, 0.0, 2.0]])
        >>> nn.Softmax(dim=1)(x)
        tensor([[0.0420, 0.1142, 0.8438]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)


class LogSoftmax(_AlongDimension):
    """The logarithm of :class:`Softmax`.

    Args:
        dim: the dimension.

    Shape: any; the output has the input's.

    Example:
        >>> x = stepwell.tensor([[-1.0, 0.0, 2.0]])
        >>> nn.LogSoftmax(dim=1)(x)
        tensor([[-3.1698, -2.1698, -0.1698]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)
