# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers as functions: what a module's ``forward`` calls, without its parameters."""

from __future__ import annotations

from stepwell import _core
from stepwell._convolution import avg_pool2d, conv2d, max_pool2d
from stepwell._core import Tensor
from stepwell._random import dropout as _dropout

__all__ = [
    "avg_pool2d",
    "conv2d",
    "dropout",
    "linear",
    "max_pool2d",
    "relu",
    "sigmoid",
    "tanh",
]


# --- Activations -------------------------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """``max(0, input)``."""
    return input.relu_() if inplace else _core.relu(input)


def sigmoid(input: Tensor) -> Tensor:
    """``1 / (1 + exp(-input))``."""
    return _core.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return _core.tanh(input)


# --- Layers ------------------------------------------------------------------


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias``: ``(..., in)`` becomes ``(..., out)``."""
    product = _core.matmul(input, weight.t())
    return product if bias is None else product + bias


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeros at random, the others scaled up by ``1 / (1 - p)``; nothing unless ``training``.

    Args:
        input: of floating point.
        p: how likely an element becomes 0.
        training: whether anything is done.
        inplace: overwrites the input.

    Raises:
        ValueError: ``p`` is no probability.
    """
    dropped = _dropout(input, p, training)
    return input.copy_(dropped) if inplace and dropped is not input else dropped
