# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How far a result is from what was wanted, as modules."""

from __future__ import annotations

from stepwell._core import Tensor
from stepwell.nn import functional as F
from stepwell.nn.module import Module


class _Loss(Module):
    """``reduction``: ``"mean"``, ``"sum"``, or ``"none"`` for one number per element."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction


class MSELoss(_Loss):
    """``(input - target) ** 2``.

    Args:
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example:
        >>> nn.MSELoss()(stepwell.tensor([1.0, 3.0]), stepwell.tensor([2.0, 5.0]))
        tensor(2.5000)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """``abs(input - target)``.

    Args:
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.

    Example:
        >>> nn.L1Loss()(stepwell.tensor([1.0, 3.0]), stepwell.tensor([2.0, 5.0]))
        tensor(1.5000)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross entropy of ``sigmoid(input)``.

    Args:
        weight: factors for the elements.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        pos_weight: factors for the positive part.

    Example:
        >>> nn.BCEWithLogitsLoss()(stepwell.zeros(3), stepwell.tensor([1.0, 0.0, 1.0]))
        tensor(0.6931)
    """

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class NLLLoss(_Loss):
    """``-input[class]`` of log-probabilities.

    Args:
        weight: a factor for each class.
        ignore_index: targets that do not count.
        reduction: ``"mean"`` (by weight), ``"sum"`` or ``"none"``.

    Shape: the input is ``(n, classes)``, ``(n, classes, ...)`` or ``(classes,)``, the target has no
    dimension of classes.

    Example:
        >>> log_probabilities = stepwell.tensor([[-0.5, -1.0], [-2.0, -0.25]])
        >>> nn.NLLLoss()(log_probabilities, stepwell.tensor([0, 1]))
        tensor(0.3750)
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(
            input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction
        )


class CrossEntropyLoss(NLLLoss):
    """Cross entropy of ``softmax(input)`` with classes or with probabilities.

    Args:
        weight: a factor for each class.
        ignore_index: targets that do not count; only of classes.
        reduction: ``"mean"`` (by weight), ``"sum"`` or ``"none"``.
        label_smoothing: how much of each target is spread over all classes.

    Example:
        >>> nn.CrossEntropyLoss()(stepwell.zeros(4, 10), stepwell.tensor([1, 2, 3, 4]))
        tensor(2.3026)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, ignore_index=ignore_index, reduction=reduction)
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )
