# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""First values of parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from stepwell._core import Tensor
from stepwell.autograd import no_grad

__all__ = [
    "calculate_gain",
    "constant_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_GAINS: dict[str, float] = {
    "linear": 1,
    "conv1d": 1,
    "conv2d": 1,
    "conv3d": 1,
    "sigmoid": 1,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much to scale weights in front of a nonlinearity.

    Args:
        nonlinearity: the name of its function: ``"relu"``, ``"tanh"``, ``"leaky_relu"``...
        param: the negative slope of ``"leaky_relu"``; none: 0.01.

    Raises:
        ValueError: the name is not known, or the slope is no number.

    Example:
        >>> calculate_gain("tanh")
        1.6666666666666667
        >>> calculate_gain("leaky_relu", 1.0)
        1.0
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    return _GAINS[nonlinearity]


def _fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs each output has, and how many outputs each input."""
    if tensor.ndim < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _filled(fill: Callable[[Tensor], Any], tensor: Tensor) -> Tensor:
    with no_grad():
        fill(tensor)
    return tensor


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Fills with numbers spread evenly over [a, b).

    Example:
        >>> w = uniform_(stepwell.empty(2, 3), -1, 1)
        >>> (w.abs().max() <= 1).item()
        True
    """
    return _filled(lambda t: t.uniform_(a, b, generator=generator), tensor)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Fills with normally distributed numbers.

    Example:
        >>> normal_(stepwell.empty(100), mean=5.0, std=0.0)[:3]
        tensor([5., 5., 5.])
    """
    return _filled(lambda t: t.normal_(mean, std, generator=generator), tensor)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fills with one number.

    Example:
        >>> constant_(stepwell.empty(3), 0.5)
        tensor([0.5000, 0.5000, 0.5000])
    """
    return _filled(lambda t: t.fill_(val), tensor)


def ones_(tensor: Tensor) -> Tensor:
    """Fills with 1.

    Example:
        >>> ones_(stepwell.empty(3))
        tensor([1., 1., 1.])
    """
    return constant_(tensor, 1)


def zeros_(tensor: Tensor) -> Tensor:
    """Fills with 0.

    Example:
        >>> zeros_(stepwell.empty(3))
        tensor([0., 0., 0.])
    """
    return constant_(tensor, 0)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Evenly spread, so that inputs and gradients keep their variance (Glorot and Bengio, 2010).

    Raises:
        ValueError: the tensor has fewer than two dimensions.

    Example:
        >>> w = xavier_uniform_(stepwell.empty(20, 10))
        >>> (w.abs().max() <= (6 / 30) ** 0.5).item()
        True
    """
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normally distributed, so that inputs and gradients keep their variance.

    Raises:
        ValueError: the tensor has fewer than two dimensions.

    Example:
        >>> xavier_normal_(stepwell.empty(20, 10)).shape
        (20, 10)
    """
    return normal_(tensor, 0, gain * math.sqrt(2 / sum(_fans(tensor))), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    fan = _fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Evenly spread, so that the variance survives a rectifier (He et al., 2015).

    Args:
        tensor: outputs along dimension 0, inputs along dimension 1.
        a: the negative slope of ``"leaky_relu"``.
        mode: ``"fan_in"`` keeps the variance of inputs, ``"fan_out"`` that of gradients.
        nonlinearity: what comes after, see :func:`calculate_gain`.
        generator: where the random numbers come from.

    Raises:
        ValueError: an option is not known, or the tensor has fewer than two dimensions.

    Example:
        >>> w = kaiming_uniform_(stepwell.empty(20, 10), nonlinearity="relu")
        >>> (w.abs().max() <= (6 / 10) ** 0.5).item()
        True
    """
    if tensor.numel() == 0:
        return tensor
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Normally distributed, so that the variance survives a rectifier.

    The arguments and errors are those of :func:`kaiming_uniform_`.

    Example:
        >>> kaiming_normal_(stepwell.empty(20, 10), mode="fan_out").shape
        (20, 10)
    """
    if tensor.numel() == 0:
        return tensor
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity), generator)
