# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Mean 0 and variance 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from stepwell import _core
from stepwell._arguments import flag
from stepwell._core import Tensor
from stepwell._factories import ones_like, zeros_like
from stepwell.autograd import no_grad
from stepwell.nn.functional._definition import library_function


@library_function
def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 over the last dimensions, then ``weight`` and ``bias``.

    Args:
        input: ``(*, *normalized_shape)``.
        normalized_shape: the sizes of these dimensions; weight and bias have them too.
        weight: factors; none: 1.
        bias: summands; none: 0.
        eps: added to the variance.

    Raises:
        RuntimeError: the shapes do not fit.

    Example:
        >>> F.layer_norm(stepwell.tensor([[1.0, 3.0], [0.0, 10.0]]), (2,))
        tensor([[-1.0000,  1.0000],
                [-1.0000,  1.0000]])
    """
    shape = tuple(normalized_shape)
    if not shape or input.shape[-len(shape) :] != shape:
        sizes = ", ".join(["*", *map(str, shape)])
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [{sizes}], but got "
            f"input of size{list(input.shape)}"
        )
    for name, given in (("weight", weight), ("bias", bias)):
        if given is not None and given.shape != shape:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of "
                f"shape {list(given.shape)} and normalized_shape = {list(shape)}"
            )
    dims = tuple(range(input.ndim - len(shape), input.ndim))
    if weight is not None and bias is not None:
        return _core.array.layer_norm(input, weight, bias, dims, eps)
    result = _core.array.normalize(input, dims, eps)
    if weight is not None:
        result = result * weight
    return result if bias is None else result + bias


@library_function
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Mean 0 and variance 1 for each channel, then ``weight`` and ``bias``.

    Args:
        input: ``(n, channels, *)``.
        running_mean: ``(channels,)``: used unless ``training``, else updated.
        running_var: the same for the variance.
        weight: a factor for each channel; none: 1.
        bias: a summand for each channel; none: 0.
        training: uses the batch's own statistics.
        momentum: the weight of this batch in the running statistics.
        eps: added to the variance.

    Raises:
        ValueError: while training, there is only one value per channel.
        RuntimeError: neither training, nor are there running statistics; or one of the operands
            has not one element per channel.

    Example:
        >>> x = stepwell.tensor([[1.0, 0.0], [3.0, 10.0]])
        >>> F.batch_norm(x, None, None, training=True)
        tensor([[-1.0000, -1.0000],
                [ 1.0000,  1.0000]])
    """
    operands = (
        ("running_mean", running_mean),
        ("running_var", running_var),
        ("weight", weight),
        ("bias", bias),
    )
    flag("batch_norm", "training", training)
    dims = (0, *range(2, input.ndim))
    count = math.prod(input.shape[d] for d in dims) if input.ndim else 0
    if training and count == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {input.shape}"
        )
    channels = input.shape[1] if input.ndim > 1 else 0
    for name, each in operands:
        if each is None and not training and name.startswith("running"):
            raise RuntimeError(f"{name} must be defined in evaluation mode")
        if each is not None and each.numel() != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {each.numel()}")
    if training and (running_mean is None) != (running_var is None):
        raise ValueError("running_mean and running_var must either both be None or neither be None")
    if input.ndim < 2:
        raise RuntimeError(f"batch_norm: expected two dimensions or more, got {input.shape}")
    if not input.is_floating_point():
        raise NotImplementedError(f"batch_norm: not defined for elements of type {input.dtype}")
    shape = (-1, *(1 for _ in dims[1:]))
    if training:
        with no_grad():
            # 16-bit floats are rounded once.
            small = input.dtype in (_core.float16, _core.bfloat16)
            batch = input._cast(_core.float32) if small else input
            if running_mean is not None and count:
                old = running_mean._cast(batch.dtype)
                running_mean.copy_(old + (batch.mean(dims) - old) * momentum)
            if running_var is not None and count:
                old = running_var._cast(batch.dtype)
                running_var.copy_(old + (batch.var(dims) - old) * momentum)
        result = _core.array.normalize(input, dims, eps)
        if weight is not None:
            result = result * weight.reshape(*shape)
        return result if bias is None else result + bias.reshape(*shape)
    assert running_mean is not None
    assert running_var is not None
    factor = ones_like(running_mean) if weight is None else weight
    summand = zeros_like(running_mean) if bias is None else bias
    vectors = (running_mean, running_var, factor, summand)
    return _core.array.batch_norm(input, *(each.reshape(*shape) for each in vectors), eps)
