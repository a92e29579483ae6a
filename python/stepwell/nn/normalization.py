# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers that give their input mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stepwell import _core
from stepwell._core import Tensor
from stepwell._factories import ones, zeros
from stepwell.nn import functional as F
from stepwell.nn.module import Module
from stepwell.nn.parameter import Parameter


class LayerNorm(Module):
    """Mean 0 and variance 1 over the last dimensions, then ``weight`` and ``bias``.

    Args:
        normalized_shape: the sizes of these dimensions, or of the last one.
        eps: added to the variance.
        elementwise_affine: whether there are ``weight`` and ``bias``.
        bias: whether there is a ``bias``.
        device: where the parameters are.
        dtype: of the parameters.

    Shape: any; the output has the input's.

    Example:
        >>> nn.LayerNorm(2, elementwise_affine=False)(stepwell.tensor([[1.0, 3.0], [0.0, 10.0]]))
        tensor([[-1.0000,  1.0000],
                [-1.0000,  1.0000]])
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: _core.dtype | None = None,
    ) -> None:
        super().__init__()
        shape = (
            (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        )
        self.normalized_shape: tuple[int, ...] = shape
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        for name, wanted in (("weight", elementwise_affine), ("bias", elementwise_affine and bias)):
            made = Parameter(zeros(shape, dtype=dtype, device=device)) if wanted else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Puts ``weight`` to 1 and ``bias`` to 0."""
        if self.weight is not None:
            self.weight.data.fill_(1)
        if self.bias is not None:
            self.bias.data.zero_()

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class _BatchNorm(Module):
    _ranks: tuple[int, ...]

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: _core.dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        options = {"dtype": dtype, "device": device}
        self.register_parameter(
            "weight", Parameter(ones(num_features, **options)) if affine else None
        )
        self.register_parameter(
            "bias", Parameter(zeros(num_features, **options)) if affine else None
        )
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **options) if tracked else None)
        self.register_buffer("running_var", ones(num_features, **options) if tracked else None)
        self.register_buffer(
            "num_batches_tracked", zeros((), dtype=_core.int64) if tracked else None
        )

    def reset_running_stats(self) -> None:
        """Forgets what was seen: mean 0, variance 1, no batches."""
        if self.running_mean is not None and self.running_var is not None:
            self.running_mean.zero_()
            self.running_var.fill_(1)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Forgets what was seen; puts ``weight`` to 1 and ``bias`` to 0."""
        self.reset_running_stats()
        if self.weight is not None and self.bias is not None:
            self.weight.data.fill_(1)
            self.bias.data.zero_()

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in self._ranks:
            expected = " or ".join(f"{rank}D" for rank in self._ranks)
            raise ValueError(f"expected {expected} input (got {input.ndim}D input)")
        momentum: Any = 0.0 if self.momentum is None else self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # the mean of all batches
                momentum = 1.0 / self.num_batches_tracked.to(_core.float64)
        own = self.training or self.running_mean is None or self.running_var is None
        return F.batch_norm(
            input,
            self.running_mean if not self.training or self.track_running_stats else None,
            self.running_var if not self.training or self.track_running_stats else None,
            self.weight,
            self.bias,
            own,
            momentum,
            self.eps,
        )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Mean 0 and variance 1 for each channel over a batch ``(n, c)`` or ``(n, c, length)``.

    The arguments are those of :class:`BatchNorm2d`.

    Example:
        >>> layer = nn.BatchNorm1d(2, affine=False)
        >>> layer(stepwell.tensor([[1.0, 0.0], [3.0, 10.0]]))
        tensor([[-1.0000, -1.0000],
                [ 1.0000,  1.0000]])
        >>> layer.running_mean
        tensor([0.2000, 0.5000])
    """

    _ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Mean 0 and variance 1 for each channel over a batch of images ``(n, c, h, w)``.

    While training, the batch's own mean and variance are used, and running ones are updated; in
    ``eval()`` the running ones are used.

    Args:
        num_features: the number of channels.
        eps: added to the variance.
        momentum: the weight of a batch in the running mean; none: all batches weigh the same.
        affine: whether there are ``weight`` and ``bias``.
        track_running_stats: whether there are running statistics; else always the batch's own.
        device: where the parameters are.
        dtype: of the parameters.

    Example:
        >>> layer = nn.BatchNorm2d(3)
        >>> layer(stepwell.rand(8, 3, 4, 4)).shape
        (8, 3, 4, 4)
        >>> layer.num_batches_tracked
        tensor(1)
    """

    _ranks = (4,)
