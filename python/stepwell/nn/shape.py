# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers that change only the shape, or nothing."""

from __future__ import annotations

from typing import Any

from stepwell._core import Tensor
from stepwell.nn.module import Module


class Identity(Module):
    """What comes in goes out; arguments are accepted and forgotten.

    Example:
        >>> nn.Identity(64, unused=True)(stepwell.ones(2))
        tensor([1., 1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Flatten(Module):
    """Several dimensions as one.

    Args:
        start_dim: the first of them.
        end_dim: the last of them.

    Example:
        >>> nn.Flatten()(stepwell.ones(8, 3, 4)).shape
        (8, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
