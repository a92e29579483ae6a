# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Optimisers: how a step along the gradient is taken."""

from stepwell.optim.adam import Adam, AdamW
from stepwell.optim.optimizer import Optimizer
from stepwell.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]
