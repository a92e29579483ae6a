# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How far a result is from what was wanted."""

from __future__ import annotations

import math

from stepwell import _core
from stepwell._arguments import tensors, wrong
from stepwell._core import Tensor
from stepwell._function import Number, warn
from stepwell.nn.functional._definition import library_function, of_shape
from stepwell.nn.functional.activations import log_softmax, logsigmoid


def _check_reduction(reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")


def _reduced(losses: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    _check_reduction(reduction)
    return losses


def _difference(input: Tensor, target: Tensor) -> Tensor:
    if input.shape != target.shape:
        warn(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=4,
        )
    return input - target


@library_function
def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """``(input - target) ** 2``.

    Args:
        input: any shape.
        target: the same shape.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: the reduction is not known.

    Example:
        >>> F.mse_loss(stepwell.tensor([1.0, 3.0]), stepwell.tensor([2.0, 5.0]))
        tensor(2.5000)
    """
    _check_reduction(reduction)
    # Bool is a number here, and no operand of a difference.
    if target.dtype is _core.bool and input.is_floating_point():
        target = target._cast(input.dtype)
    elif input.dtype is _core.bool and target.is_floating_point():
        input = input._cast(target.dtype)
    difference = _difference(input, target)
    if not difference.is_floating_point():
        raise NotImplementedError(f"mse_loss: not defined for elements of type {input.dtype}")
    return _reduced(difference * difference, reduction)


@library_function
def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """``abs(input - target)``; the arguments are those of :func:`mse_loss`.

    Example:
        >>> F.l1_loss(stepwell.tensor([1.0, 3.0]), stepwell.tensor([2.0, 5.0]), reduction="none")
        tensor([1., 2.])
    """
    _check_reduction(reduction)
    return _reduced(_difference(input, target).abs(), reduction)


@library_function
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """``-target * log(sigmoid(input)) - (1 - target) * log(1 - sigmoid(input))``.

    Args:
        input: any shape.
        target: the same shape, probabilities.
        weight: factors, broadcast to the input.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        pos_weight: factors of the first summand, broadcast to the input.

    Raises:
        ValueError: the shapes differ, or the reduction is not known.

    Example:
        >>> F.binary_cross_entropy_with_logits(stepwell.zeros(3), stepwell.tensor([1.0, 0.0, 1.0]))
        tensor(0.6931)
    """
    _check_reduction(reduction)
    if input.shape != target.shape:
        raise ValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape})"
        )
    for name, given in (("weight", weight), ("pos_weight", pos_weight)):
        if given is not None:
            tensors("binary_cross_entropy_with_logits", **{name: given})
    positive = logsigmoid(input)
    if not target.is_floating_point():
        raise RuntimeError(
            f"binary_cross_entropy_with_logits: the result, of type {input.dtype}, cannot be of "
            f"the target's type {target.dtype}"
        )
    if pos_weight is not None:
        positive = positive * ((pos_weight - 1) * target + 1)
    losses = -((target - 1) * input + positive)
    losses = losses if weight is None else losses * weight
    return _reduced(of_shape(input.shape, losses)._cast(target.dtype), reduction)


def _check_classes(
    name: str, input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
) -> Tensor:
    """The class numbers as int64, once everything fits."""
    if not hasattr(ignore_index, "__index__"):
        raise wrong(name, "ignore_index", "int", ignore_index)
    if target.dtype not in (_core.int64, _core.int32, _core.uint8):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {target.dtype}")
    if target.dtype is _core.uint8 and input.ndim > 2:
        raise RuntimeError(f"expected scalar type Long but found {target.dtype}")
    if input.ndim == 2 and target.ndim not in (0, 1):
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.ndim == 0 or input.shape[0] != target.shape[0]:
        raise ValueError(
            f"Expected input batch_size ({input.shape[0]}) to match target batch_size "
            f"({target.shape[0] if target.ndim else 0})."
        )
    if target.shape != (*input.shape[:1], *input.shape[2:]):
        raise RuntimeError(
            f"{name}: expected target size {(*input.shape[:1], *input.shape[2:])}, got "
            f"{target.shape}"
        )
    if weight is not None and weight.shape != (input.shape[1],):
        raise RuntimeError(
            f"{name}: weight tensor should be defined either for all {input.shape[1]} classes or "
            f"no classes but got weight tensor of shape: {weight.shape}"
        )
    if weight is not None and weight.dtype is not input.dtype:
        raise RuntimeError(f"expected scalar type {input.dtype} but found {weight.dtype}")
    if not input.is_floating_point():
        raise NotImplementedError(f"{name}: not defined for elements of type {input.dtype}")
    return target._cast(_core.int64)


def _batch_of_one(target: Tensor) -> Tensor:
    """The target of an input without a batch as that of a batch of one."""
    if target.is_floating_point():  # probabilities
        return target.unsqueeze(0)
    if target.ndim == 1 and len(target) != 1:
        raise ValueError(
            f"For 1D input, 1D target must have size 1, but got target size: {len(target)}"
        )
    return target if target.ndim else target.unsqueeze(0)


def _counted(target: Tensor, ignore_index: int, weight: Tensor | None, like: Tensor) -> Tensor:
    """How much each target counts: 0, or 1, or the weight of its class."""
    counted = target != ignore_index
    if weight is None:
        return counted.to(like.dtype)
    return _core.where(counted, weight[_core.where(counted, target, 0)], 0.0)


def _over_classes(losses: Tensor, counted: Tensor, reduction: str) -> Tensor:
    """Losses that are weighted already; the mean is by weight."""
    if reduction == "mean":
        return losses.sum() / counted.sum()
    return _reduced(losses, reduction)


def _wide(input: Tensor) -> Tensor:
    """What losses are summed in: of 16 bits, the rounded ones may cancel to nothing."""
    return input._cast(_core.float32) if input.dtype.itemsize == 2 else input


def _factors(input: Tensor, weight: Tensor | None) -> Tensor | None:
    """The classes' weights, along dimension 1 of the input."""
    if weight is None:
        return None
    return _wide(weight).reshape(-1, *(1 for _ in input.shape[2:]))


@library_function
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """``-input[class]`` of log-probabilities.

    Args:
        input: ``(n, classes, *)`` or ``(classes,)``.
        target: class numbers, ``(n, *)`` or ``()``.
        weight: a factor for each class.
        ignore_index: targets that do not count.
        reduction: ``"mean"`` (by weight), ``"sum"`` or ``"none"``.

    Raises:
        ValueError: the shapes do not fit, or the reduction is not known.
        IndexError: a target is no class.

    Example:
        >>> log_probabilities = stepwell.tensor([[-0.5, -1.0], [-2.0, -0.25]])
        >>> F.nll_loss(log_probabilities, stepwell.tensor([0, 1]))
        tensor(0.3750)
    """
    _check_reduction(reduction)
    if input.ndim == 0:
        raise ValueError("Expected 1 or more dimensions (got 0)")
    if input.ndim == 1:
        losses = nll_loss(
            input.unsqueeze(0),
            _batch_of_one(target),
            weight,
            ignore_index=ignore_index,
            reduction=reduction,
        )
        return losses.squeeze(0) if reduction == "none" else losses
    target = _check_classes("nll_loss", input, target, weight, ignore_index)
    wide = _wide(input)
    counted = _counted(target, ignore_index, None if weight is None else _wide(weight), wide)
    classes = _core.where(target == ignore_index, 0, target).unsqueeze(1)
    losses = -_core.gather(wide, 1, classes).squeeze(1)
    losses = _core.where(target == ignore_index, 0.0, losses * counted)
    return _over_classes(losses, counted, reduction)._cast(input.dtype)


@library_function
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: Number = 0.0,
) -> Tensor:
    """Cross entropy of ``softmax(input)`` along dimension 1.

    Args:
        input: ``(n, classes, *)`` or ``(classes,)``, not normalized.
        target: class numbers, ``(n, *)`` or ``()``; or probabilities in the input's shape.
        weight: a factor for each class.
        ignore_index: targets that do not count; only of class numbers.
        reduction: ``"mean"`` (by weight), ``"sum"`` or ``"none"``.
        label_smoothing: how much of each target is spread over all classes.

    Raises:
        ValueError: the batches differ in size, or the reduction is not known.
        RuntimeError: ``label_smoothing`` is above 1, or the element types, weights or other sizes
            do not fit.
        IndexError: a target is no class.

    Example:
        >>> F.cross_entropy(stepwell.zeros(4, 10), stepwell.tensor([1, 2, 3, 4]))
        tensor(2.3026)
    """
    _check_reduction(reduction)
    if label_smoothing > 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    label_smoothing = max(label_smoothing, 0.0)  # as PyTorch takes what is below
    if target.shape == input.shape and not target.is_floating_point():
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities, got {target.dtype}"
        )
    if input.ndim == 0:
        raise IndexError("Dimension specified as 1 but tensor has no dimensions")
    if input.ndim == 1:
        losses = cross_entropy(
            input.unsqueeze(0),
            _batch_of_one(target),
            weight,
            ignore_index=ignore_index,
            reduction=reduction,
            label_smoothing=label_smoothing,
        )
        return losses.squeeze(0) if reduction == "none" else losses
    classes = input.shape[1]
    share = label_smoothing / classes if classes else math.inf
    if target.is_floating_point() and target.shape == input.shape:
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        x, target, factors = _wide(input), _wide(target), _factors(input, weight)
        logs = log_softmax(x, 1)
        if label_smoothing:
            target = target * (1 - label_smoothing) + share
        losses = -(logs * target if factors is None else logs * target * factors).sum(1)
        if reduction == "mean":
            losses = losses.sum() / ((losses.numel() if classes else 0) or math.nan)
        else:
            losses = _reduced(losses, reduction)
        return losses._cast(input.dtype)
    target = _check_classes("cross_entropy", input, target, weight, ignore_index)
    x, factors = _wide(input), _factors(input, weight)
    counted = _counted(target, ignore_index, None if weight is None else _wide(weight), x)
    losses = _core.array.cross_entropy(x, target, ignore_index)
    if weight is not None:
        losses = losses * counted
    losses = _over_classes(losses, counted, reduction)
    if label_smoothing:
        logs = log_softmax(x, 1)
        spread = -(logs if factors is None else logs * factors).sum(1)
        spread = _over_classes(_core.where(target == ignore_index, 0.0, spread), counted, reduction)
        losses = losses * (1 - label_smoothing) + spread * share
    return losses._cast(input.dtype)
