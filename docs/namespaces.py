# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The public names, by the module that people find them in: the pages of the reference and the tests of examples."""

from __future__ import annotations
import __future__

import importlib
import inspect
from types import ModuleType
from typing import Any, NamedTuple

# What a page is about. Its names come from the module itself.
NAMESPACES = {
    "stepwell": "Tensors and functions",
    "stepwell.Tensor": "Methods of a tensor",
    "stepwell.nn": "Layers",
    "stepwell.nn.functional": "Functions that layers call",
    "stepwell.nn.init": "First values of parameters",
    "stepwell.optim": "Optimisers",
    "stepwell.autograd": "Derivatives",
    "stepwell.func": "Functions made of functions",
    "stepwell.utils.data": "Data sets and loaders",
}


class Entry(NamedTuple):
    """A public function, class or value."""

    name: str
    value: Any


def _is_shown(name: str, value: Any) -> bool:
    foreign = isinstance(value, (ModuleType, __future__._Feature)) or value is Any
    return name[0] != "_" and not foreign


def entries(namespace: str) -> list[Entry]:
    """The public names of a module or class, in order."""
    if namespace == "stepwell.Tensor":
        home: Any = importlib.import_module("stepwell").Tensor
        names = [name for name in dir(home) if callable(getattr(home, name))]
    else:
        home = importlib.import_module(namespace)
        names = getattr(home, "__all__", dir(home))
        if (
            namespace == "stepwell"
        ):  # whose operations are in no list, and whose exports come when asked for
            names = {*names, *dir(home)}
    found = [Entry(name, getattr(home, name)) for name in sorted(names)]
    return [entry for entry in found if _is_shown(*entry)]


def examples(docstring: str) -> str:
    """A docstring without what marks its examples as code."""
    lines = inspect.cleandoc(docstring).splitlines()
    return "\n".join("" if line.startswith("```") else line for line in lines)
