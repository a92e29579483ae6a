# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers as functions: what a module's ``forward`` calls, without its parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from stepwell import _core
from stepwell._arguments import checked, flag, tensors, wrong
from stepwell._attention import scaled_dot_product_attention
from stepwell._convolution import avg_pool2d, conv2d, max_pool2d
from stepwell._core import Tensor
from stepwell._factories import ones_like, zeros_like
from stepwell._function import Number, function, warn
from stepwell._random import dropout as _dropout
from stepwell.autograd import no_grad

__all__ = [
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "conv2d",
    "cross_entropy",
    "dropout",
    "embedding",
    "gelu",
    "l1_loss",
    "layer_norm",
    "linear",
    "log_softmax",
    "logsigmoid",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "one_hot",
    "pad",
    "relu",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "softmax",
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


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * sigmoid(input)``."""
    return input.silu_() if inplace else _core.silu(input)


def gelu(input: Tensor, *, approximate: str = "none") -> Tensor:
    """``input`` times the normal distribution's function.

    Args:
        input: of floating point.
        approximate: ``"none"``, or ``"tanh"`` for an approximation.

    Raises:
        RuntimeError: ``approximate`` is neither.
    """
    if not isinstance(approximate, str):
        raise wrong("gelu", "approximate", "str", approximate)
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return _core._gelu(input) if approximate == "none" else _core._gelu_tanh(input)


def logsigmoid(input: Tensor) -> Tensor:
    """``log(sigmoid(input))``, also where the sigmoid itself would be 0 or 1."""
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
    """
    return _core.softmax(input, dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int, dtype: _core.dtype | None = None) -> Tensor:
    """The logarithm of :func:`softmax`."""
    return _core.log_softmax(input, dim, dtype=dtype)


# --- Layers ------------------------------------------------------------------


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """int64, with a new last dimension: 1 at each class number, 0 elsewhere.

    `num_classes` -1 means one more than the largest number.

    Raises:
        RuntimeError: the input is not int64, or a class is not in [0, num_classes).

    >>> one_hot(stepwell.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if tensor.dtype is not _core.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type int64")
    if not _core._capturing() and tensor.numel():
        if _core.amin(tensor).item() < 0:
            raise RuntimeError("Class values must be non-negative.")
        largest = _core.amax(tensor).item()
        num_classes = largest + 1 if num_classes == -1 else num_classes
        if largest >= num_classes:
            raise RuntimeError("Class values must be smaller than num_classes.")
    elif num_classes == -1:
        raise RuntimeError(
            "one_hot: give num_classes: it cannot be found in an empty tensor or a captured function"
        )
    return _core._one_hot(tensor, num_classes)


def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """The input with `value` (0) around it: amounts before and after, from the last dimension on.

    Negative amounts cut off.

    Raises:
        NotImplementedError: a mode other than "constant".
        RuntimeError: an odd number of amounts, more than two per dimension, or a cut beyond the end.

    >>> pad(stepwell.ones(2), (1, 2))
    tensor([0., 1., 1., 0., 0.])
    """
    if not isinstance(mode, str):
        raise wrong("pad", "mode", "str", mode)
    if value is not None and not hasattr(value, "__float__"):
        raise wrong("pad", "value", "number", value)
    if mode != "constant":
        raise NotImplementedError(f"pad: the mode {mode!r} does not exist here, only 'constant'")
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            f"Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(pad)} and input of dimension {input.ndim}"
        )
    rest = [0] * (input.ndim - len(pad) // 2)
    low, high = rest + list(pad[0::2])[::-1], rest + list(pad[1::2])[::-1]
    if max((*low, *high), default=0) <= 0:
        value = 0  # is not read
    number = _core._number(value or 0, input.dtype)
    if isinstance(number, int) and abs(number) > 2**53:  # the operation's is a float
        inside = _core._pad(_core._full(_core.bool, input.shape, True), low, high, False)
        return _core.where(inside, _core._pad(input, low, high, 0), number)
    return _core._pad(input, low, high, number)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias``: ``(..., in)`` becomes ``(..., out)``."""
    try:
        vectors = input.ndim and weight.ndim
    except AttributeError:
        tensors("linear", input=input, weight=weight)
        raise
    if not vectors:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are {input.ndim}D and "
            f"{weight.ndim}D"
        )
    if bias is not None:
        tensors("linear", bias=bias)
    # A bias that is stretched is added as anything else is.
    if bias is None or input.ndim < 2 or bias.ndim != 1 or bias.shape[0] != weight.shape[0]:
        product = _core.matmul(input, weight.t())
        return product if bias is None else _with_bias(product, bias)
    return _core._linear(input, weight, bias)


def _with_bias(product: Tensor, bias: Tensor) -> Tensor:
    if bias.dtype is not product.dtype:
        raise RuntimeError(
            "linear: the operands must have one element type, but input and bias have "
            f"{product.dtype} and {bias.dtype}"
        )
    return _of_shape(product.shape, product + bias)


def _of_shape(shape: tuple[int, ...], made: Tensor) -> Tensor:
    """What was made of operands that broadcast to this shape, and do not widen it."""
    if made.shape != shape:
        raise RuntimeError(
            f"output with shape {shape} doesn't match the broadcast shape {made.shape}"
        )
    return made


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """The rows of ``weight`` that integers name.

    Args:
        input: integers in ``[0, len(weight))``, of any shape.
        weight: ``(rows, dim)``.
        padding_idx: a row that gets no gradient.

    Returns:
        ``(*input.shape, dim)``.

    Raises:
        IndexError: an integer is out of range.
        AssertionError: ``padding_idx`` is no row.
    """
    if padding_idx is not None and not -len(weight) <= padding_idx < len(weight):
        raise AssertionError("Padding_idx must be within num_embeddings")
    if padding_idx is not None and not hasattr(padding_idx, "__index__"):
        raise wrong("embedding", "padding_idx", "int", padding_idx)
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    if input.dtype not in (_core.int32, _core.int64):
        raise RuntimeError(
            "Expected tensor for argument 'input' to have one of the following scalar types: "
            f"Long, Int; but got {input.dtype} instead"
        )
    if input.ndim:
        rows = _core.index_select(weight, 0, input)
    else:
        rows = _core.index_select(weight, 0, input).squeeze(0)
    if padding_idx is None:
        return rows
    padding = (input == padding_idx % len(weight)).unsqueeze(-1)
    return _core.where(padding, rows.detach(), rows)


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
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    dropped = _dropout(input, p, training)
    return input.copy_(dropped) if inplace and dropped is not input else dropped


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
        return _core._layer_norm(input, weight, bias, dims, eps)
    result = _core._normalize(input, dims, eps)
    if weight is not None:
        result = result * weight
    return result if bias is None else result + bias


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
        result = _core._normalize(input, dims, eps)
        if weight is not None:
            result = result * weight.reshape(*shape)
        return result if bias is None else result + bias.reshape(*shape)
    assert running_mean is not None
    assert running_var is not None
    factor = ones_like(running_mean) if weight is None else weight
    summand = zeros_like(running_mean) if bias is None else bias
    vectors = (running_mean, running_var, factor, summand)
    return _core._batch_norm(input, *(each.reshape(*shape) for each in vectors), eps)


# --- Losses ------------------------------------------------------------------


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


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """``(input - target) ** 2``.

    Args:
        input: any shape.
        target: the same shape.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Raises:
        ValueError: the reduction is not known.
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


def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """``abs(input - target)``; the arguments are those of :func:`mse_loss`."""
    _check_reduction(reduction)
    return _reduced(_difference(input, target).abs(), reduction)


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
    return _reduced(_of_shape(input.shape, losses)._cast(target.dtype), reduction)


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
    counted = _counted(target, ignore_index, weight, input)
    classes = _core.where(target == ignore_index, 0, target).unsqueeze(1)
    losses = -_core.gather(input, 1, classes).squeeze(1)
    losses = _core.where(target == ignore_index, 0.0, losses * counted)
    return _over_classes(losses, counted, reduction)


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
    classes = input.shape[1] if input.ndim else 0
    factors = None if weight is None else weight.reshape(-1, *(1 for _ in input.shape[2:]))
    share = label_smoothing / classes if classes else math.inf
    if target.is_floating_point() and target.shape == input.shape:
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        logs = log_softmax(input, 1)
        if label_smoothing:
            target = target * (1 - label_smoothing) + share
        losses = -(logs * target if factors is None else logs * target * factors).sum(1)
        if reduction == "mean":
            return losses.sum() / ((losses.numel() if classes else 0) or math.nan)
        return _reduced(losses, reduction)
    target = _check_classes("cross_entropy", input, target, weight, ignore_index)
    counted = _counted(target, ignore_index, weight, input)
    losses = _core._cross_entropy(input, target, ignore_index)
    if weight is not None:
        losses = losses * counted
    if label_smoothing:
        logs = log_softmax(input, 1)
        spread = -(logs if factors is None else logs * factors).sum(1)
        spread = _over_classes(_core.where(target == ignore_index, 0.0, spread), counted, reduction)
        losses = _over_classes(losses, counted, reduction)
        return losses * (1 - label_smoothing) + spread * share
    return _over_classes(losses, counted, reduction)


for _name in (
    "batch_norm", "binary_cross_entropy_with_logits", "cross_entropy", "embedding", "gelu", "l1_loss",
    "layer_norm", "linear", "logsigmoid", "mse_loss", "nll_loss",
):  # fmt: skip
    globals()[_name] = function(checked(globals()[_name], values_first=True))
for _name in ("dropout", "one_hot", "pad"):
    globals()[_name] = checked(globals()[_name], values_first=True)
