# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Networks: modules, layers, losses."""

from stepwell.nn import functional, init
from stepwell.nn.activation import GELU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Tanh
from stepwell.nn.containers import ModuleDict, ModuleList, ParameterList, Sequential
from stepwell.nn.dropout import Dropout
from stepwell.nn.embedding import Embedding
from stepwell.nn.linear import Conv2d, Linear
from stepwell.nn.loss import BCEWithLogitsLoss, CrossEntropyLoss, L1Loss, MSELoss, NLLLoss
from stepwell.nn.module import Module
from stepwell.nn.normalization import BatchNorm1d, BatchNorm2d, LayerNorm
from stepwell.nn.parameter import Buffer, Parameter
from stepwell.nn.pooling import AvgPool2d, MaxPool2d
from stepwell.nn.shape import Flatten, Identity

__all__ = [
    "AvgPool2d",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Buffer",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "GELU",
    "Identity",
    "L1Loss",
    "LayerNorm",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "Module",
    "ModuleDict",
    "ModuleList",
    "NLLLoss",
    "Parameter",
    "ParameterList",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "functional",
    "init",
]
