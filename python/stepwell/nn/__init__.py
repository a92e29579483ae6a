# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Networks: modules, layers, losses."""

from stepwell.nn import functional, init
from stepwell.nn.activation import ReLU, Sigmoid, Tanh
from stepwell.nn.containers import ModuleDict, ModuleList, ParameterList, Sequential
from stepwell.nn.dropout import Dropout
from stepwell.nn.linear import Conv2d, Linear
from stepwell.nn.module import Module
from stepwell.nn.parameter import Buffer, Parameter
from stepwell.nn.pooling import AvgPool2d, MaxPool2d
from stepwell.nn.shape import Flatten, Identity

__all__ = [
    "AvgPool2d",
    "Buffer",
    "Conv2d",
    "Dropout",
    "Flatten",
    "Identity",
    "Linear",
    "MaxPool2d",
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "ParameterList",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "functional",
    "init",
]
