# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions of one element each, and softmax."""

from __future__ import annotations

from stepwell import _core
from stepwell._arguments import wrong
from stepwell._core import Tensor
from stepwell.nn.functional._definition import library_function


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """``max(0, input)``.

    Example:
        >>> x = stepwell.tensor([-1.0, 0.0, 2.0])
        >>> F.relu(x)
        tensor([0., 0., 2.])
    """
    return input.relu_() if inplace else _core.relu(input)


def sigmoid(input: Tensor) -> Tensor:
    """``1 / (1 + exp(-input))``.

    Example:
        >>> x = stepwell.tensor([-1.0, 0.0, 2.0])
        >>> F.sigmoid(x)
        tensor([0.2689, 0.5000, 0.8808])
    """
    return _core.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent.

    Example:
        >>> x = stepwell.tensor([-1.0, 0.0, 2.0])
        >>> F.tanh(x)
        tensor([-0.7616,  0.0000,  0.9640])
    """
    return _core.tanh(input)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * sigmoid(input)``.

    Example:
        >>> x = stepwell.tensor([-1.0, 0.0, 2.0])
        >>> F.silu(x)
        tensor([-0.2689,  0.0000,  1.7616])
    """
    return input.silu_() if inplace else _core.silu(input)


@library_function
def gelu(input: Tensor, *, approximate: str = "none") -> Tensor:
    """``input`` times the normal distribution's function.

    Args:
        input: of floating point.
        approximate: ``"none"``, or ``"tanh"`` for an approximation.

    Raises:
        RuntimeError: ``approximate`` is neither.

    Example:
        >>> x = stepwell.tensor([-1.0, 0.0, 2.0])
        >>> F.gelu(x)
        tensor([-0.1587,  0.0000,  1.9545])
    """
    if not isinstance(approximate, str):
        raise wrong("gelu", "approximate", "str", approximate)
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return _core.array.gelu(input) if approximate == "none" else _core.array.gelu_tanh(input)


@library_function
def logsigmoid(input: Tensor) -> Tensor:
    """``log(sigmoid(input))``, also where the sigmoid itself would be 0 or 1.

    Raises:
        NotImplementedError: the elements are no floats.

    Example:
        >>> x = stepwell.tensor([-1.0, 0.0, 2.0])
        >>> F.logsigmoid(x)
        tensor([-1.3133, -0.6931, -0.1269])
    """
    # Chosen by a comparison and not by abs(): the gradient at 0 is then right.
    if not input.is_floating_point():
        raise NotImplementedError(f"logsigmoid: not defined for elements of type {input.dtype}")
    positive = input >= 0
    distance = _core.where(positive, input, -input)
    return _core.where(positive, 0.0, input) - _core.log1p(_core.exp(-distance))


def softmax(input: Tensor, dim: int, dtype: _core.dtype | None = None) -> Tensor:
    """Exponentials along a dimension, scaled to the sum 1.

    Args:
        input: any numbers.
        dim: the dimension.
        dtype: what the input is converted to first.

    Raises:
        IndexError: there is no such dimension.

    Example:
        >>> x = stepwell.tensor([-1.0, 0.0, 2.0])
        >>> F.softmax(x, dim=0)
        tensor([0.0420, 0.1142, 0.8438])
    """
    return _core.softmax(input, dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int, dtype: _core.dtype | None = None) -> Tensor:
    """The logarithm of :func:`softmax`.

    Example:
        >>> x = stepwell.tensor([-1.0, 0.0, 2.0])
        >>> F.log_softmax(x, dim=0)
        tensor([-3.1698, -2.1698, -0.1698])
    """
    return _core.log_softmax(input, dim, dtype=dtype)
