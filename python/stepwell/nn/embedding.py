# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Embedding."""

from __future__ import annotations

from typing import Any

from stepwell import _core
from stepwell._core import Tensor
from stepwell._factories import empty
from stepwell.autograd import no_grad
from stepwell.nn import functional as F
from stepwell.nn import init
from stepwell.nn.module import Module
from stepwell.nn.parameter import Parameter


class Embedding(Module):
    """A row of ``weight`` for each integer.

    Args:
        num_embeddings: how many rows.
        embedding_dim: how long they are.
        padding_idx: this row starts as zeros and is not trained.
        device: where the weight is.
        dtype: of the weight.

    Raises:
        AssertionError: ``padding_idx`` is no row.

    Example:
        >>> nn.Embedding(100, 8)(stepwell.tensor([[1, 2, 3]])).shape
        (1, 3, 8)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        device: Any = None,
        dtype: _core.dtype | None = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise AssertionError("Padding_idx must be within num_embeddings")
            padding_idx %= num_embeddings
        self.padding_idx = padding_idx
        self.weight = Parameter(empty(num_embeddings, embedding_dim, dtype=dtype, device=device))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new first values, normally distributed."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].zero_()

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        return text if self.padding_idx is None else f"{text}, padding_idx={self.padding_idx}"
