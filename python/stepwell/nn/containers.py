# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Modules and parameters in a row, in a list, by name."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, TypeVar, overload

from stepwell._core import Tensor
from stepwell.nn.module import Module, _indented
from stepwell.nn.parameter import Parameter

Items = TypeVar("Items", bound="_ModuleRow")


def _position(index: Any, length: int) -> int:
    at = operator.index(index)
    if not -length <= at < length:
        raise IndexError(f"index {at} is out of range")
    return at % length


class _ModuleRow(Module):
    """Modules named "0", "1", ..."""

    def _replace_all(self, modules: Iterable[Module]) -> None:
        rest = list(modules)
        self._modules.clear()
        for module in rest:
            self.append(module)

    def append(self: Items, module: Module) -> Items:
        """Adds a module at the end."""
        self.register_module(str(len(self)), module)
        return self

    def extend(self: Items, modules: Iterable[Module]) -> Items:
        """Adds modules at the end."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> None:
        """Adds a module before the one at ``index``."""
        rest: list[Any] = list(self)
        rest.insert(index, module)
        self._replace_all(rest)

    def pop(self, key: int | slice) -> Module:
        """Takes a module out and returns it."""
        taken = self[key]
        del self[key]
        return taken

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __contains__(self, module: object) -> bool:
        return any(module is mine for mine in self)

    def __getitem__(self, index: Any) -> Any:
        rest = list(self)
        if isinstance(index, slice):
            return type(self)._from(rest[index], list(self._modules)[index])
        return rest[_position(index, len(rest))]

    @classmethod
    def _from(cls: type[Items], modules: list[Module], names: list[str]) -> Items:
        made = cls()
        made._replace_all(modules)
        return made

    def __setitem__(self, index: Any, module: Module) -> None:
        name = list(self._modules)[_position(index, len(self))]
        setattr(self, name, module)

    def __delitem__(self, index: Any) -> None:
        names = list(self._modules)
        gone = names[index] if isinstance(index, slice) else [names[_position(index, len(self))]]
        self._replace_all([getattr(self, name) for name in names if name not in gone])

    def __add__(self: Items, other: Iterable[Module]) -> Items:
        made = type(self)()
        made.extend(self)
        made.extend(other)
        return made

    def __iadd__(self: Items, other: Iterable[Module]) -> Items:
        return self.extend(other)


class Sequential(_ModuleRow):
    """Modules called one after the other.

    Args:
        args: the modules, or one dictionary of them by name.

    Example:
        >>> nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        Sequential(
          (0): Linear(in_features=64, out_features=32, bias=True)
          (1): ReLU()
          (2): Linear(in_features=32, out_features=10, bias=True)
        )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.register_module(name, module)
        else:
            self.extend(args)

    @classmethod
    def _from(cls: type[Items], modules: list[Module], names: list[str]) -> Items:
        made = cls()
        for name, module in zip(names, modules, strict=True):
            made.register_module(name, module)
        return made

    def forward(self, input: Any) -> Any:
        for module in self:
            input = module(input)
        return input


class ModuleList(_ModuleRow):
    """Modules in a list, for a ``forward`` of your own.

    Args:
        modules: the modules, in order.

    Example:
        >>> layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        >>> len(layers), len(list(layers.parameters()))
        (3, 6)
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def __repr__(self) -> str:
        if not len(self):
            return f"{self._get_name()}()"
        lines = []
        for text, group in groupby(enumerate(map(repr, self)), key=operator.itemgetter(1)):
            numbers = [number for number, _ in group]
            label, text = f"({numbers[0]})", _indented(text, 2)
            if len(numbers) > 1:
                label, text = f"({numbers[0]}-{numbers[-1]})", f"{len(numbers)} x {text}"
            lines.append(f"{label}: {text}")
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


class ModuleDict(Module):
    """Modules by name, for a ``forward`` of your own.

    Args:
        modules: a dictionary, or pairs of a name and a module.

    Example:
        >>> heads = nn.ModuleDict({"a": nn.Linear(4, 2), "b": nn.Linear(4, 3)})
        >>> heads["b"](stepwell.ones(5, 4)).shape
        (5, 3)
    """

    def __init__(
        self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None
    ) -> None:
        super().__init__()
        self.update(modules or {})

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Adds or replaces modules."""
        for name, module in modules.items() if isinstance(modules, Mapping) else modules:
            self[name] = module

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.register_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Takes all modules out."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Takes a module out and returns it."""
        taken = self[key]
        del self[key]
        return taken

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._modules.keys()

    def values(self) -> Iterable[Any]:
        """The modules."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names with modules."""
        return self._modules.items()


def _as_parameter(value: Any) -> Any:
    """A tensor in a list of parameters becomes one."""
    return value if isinstance(value, Parameter) else Parameter(value)


class ParameterList(Module):
    """Parameters in a list.

    Args:
        values: tensors, in order; those that are no parameters become some.

    Example:
        >>> factors = nn.ParameterList([stepwell.ones(2), stepwell.zeros(3)])
        >>> factors[1].requires_grad
        True
    """

    def __init__(self, values: Iterable[Tensor] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def append(self, value: Tensor) -> ParameterList:
        """Adds a parameter at the end."""
        self.register_parameter(str(len(self)), _as_parameter(value))
        return self

    def extend(self, values: Iterable[Tensor]) -> ParameterList:
        """Adds parameters at the end."""
        if isinstance(values, Tensor):
            raise TypeError(
                "ParameterList.extend should be called with an iterable, but got Tensor"
            )
        for value in list(values):
            self.append(value)
        return self

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parameters.values())

    @overload
    def __getitem__(self, index: slice) -> ParameterList: ...
    @overload
    def __getitem__(self, index: int) -> Parameter: ...
    def __getitem__(self, index: Any) -> Any:
        rest = list(self)
        if isinstance(index, slice):
            return type(self)(rest[index])
        return rest[_position(index, len(rest))]

    def __setitem__(self, index: int, value: Tensor) -> None:
        self.register_parameter(str(_position(index, len(self))), _as_parameter(value))

    def __iadd__(self, values: Iterable[Tensor]) -> ParameterList:
        return self.extend(values)

    def __repr__(self) -> str:
        lines = [
            f"({name}): Parameter containing: [{p.dtype} of size {'x'.join(map(str, p.shape))}]"
            for name, p in self._parameters.items()
            if p is not None
        ]
        if not lines:
            return f"{self._get_name()}()"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"
