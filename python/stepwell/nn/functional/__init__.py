# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Layers as functions: what a module's ``forward`` calls, without its parameters."""

from __future__ import annotations

from stepwell.nn.functional.activations import (
    gelu,
    log_softmax,
    logsigmoid,
    relu,
    sigmoid,
    silu,
    softmax,
    tanh,
)
from stepwell.nn.functional.attention import scaled_dot_product_attention
from stepwell.nn.functional.convolution import conv2d
from stepwell.nn.functional.embeddings import embedding, one_hot
from stepwell.nn.functional.layers import dropout, linear, pad
from stepwell.nn.functional.losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    l1_loss,
    mse_loss,
    nll_loss,
)
from stepwell.nn.functional.normalizations import batch_norm, layer_norm
from stepwell.nn.functional.pooling import adaptive_avg_pool2d, avg_pool2d, max_pool2d

__all__ = [
    "adaptive_avg_pool2d",
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
