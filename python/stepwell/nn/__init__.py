# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Networks: modules, layers, losses."""

from stepwell.nn import functional
from stepwell.nn.activation import ReLU, Sigmoid, Tanh
from stepwell.nn.containers import ModuleDict, ModuleList, ParameterList, Sequential
from stepwell.nn.module import Module
from stepwell.nn.parameter import Buffer, Parameter
from stepwell.nn.shape import Flatten, Identity

__all__ = [
    "Buffer",
    "Flatten",
    "Identity",
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
]
