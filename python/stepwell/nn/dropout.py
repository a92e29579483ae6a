# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Dropout."""

from __future__ import annotations

from stepwell._core import Tensor
from stepwell.nn import functional as F
from stepwell.nn.module import Module


class Dropout(Module):
    """While training, elements become 0 at random and the others are scaled up.

    Args:
        p: how likely an element becomes 0.
        inplace: overwrites the input.

    Raises:
        ValueError: ``p`` is no probability.

    Shape: any; the output has the input's.

    Example:
        >>> layer = nn.Dropout(0.5).eval()
        >>> layer(stepwell.ones(3))
        tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"
