# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What all optimisers share: parameter groups, state, ``zero_grad``."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from stepwell import _core
from stepwell._compile import depend_on
from stepwell._core import Tensor
from stepwell.autograd import enable_grad, no_grad

ParameterGroups = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]


class Optimizer(ABC):
    """The base class. A subclass defines ``update(parameter, gradient, state, group)``.

    Args:
        params: tensors, or dictionaries with ``"params"`` and options of their own.
        defaults: the options of groups that do not state theirs.

    Raises:
        ValueError: there are no parameters, or one is in two groups.
        TypeError: ``params`` is a tensor, or holds something else than tensors.

    Example:
        >>> class SignDescent(stepwell.optim.Optimizer):
        ...     def update(self, parameter, gradient, state, group):
        ...         parameter.sub_(gradient.sign() * group["lr"])
        ...
        >>> w = stepwell.tensor([1.0, -1.0], requires_grad=True)
        >>> optimizer = SignDescent([w], {"lr": 0.25})
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([ 0.7500, -0.7500])
    """

    # A captured step says itself what it took of these.
    _noted_elsewhere = frozenset(("state",))

    def __init__(self, params: ParameterGroups, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got a Tensor"
            )
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds parameters with options of their own (while fine-tuning, say)."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        members = param_group["params"]
        members = [members] if isinstance(members, Tensor) else list(members)
        members = [member[1] if isinstance(member, tuple) else member for member in members]
        for member in members:
            if not isinstance(member, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is "
                    + type(member).__name__
                )
            if not member.is_leaf:
                raise ValueError("can't optimize a non-leaf Tensor")
        known = {id(p) for group in self.param_groups for p in group["params"]}
        if len({id(p) for p in members}) != len(members) or any(id(p) in known for p in members):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append({**self.defaults, **param_group, "params": members})

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets all gradients, or fills them with zero."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                if set_to_none:
                    parameter.grad = None
                else:
                    parameter.grad.zero_()

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Moves every parameter that has a gradient.

        Args:
            closure: computes the loss again and returns it; called first, with gradients enabled.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self.update(parameter, parameter.grad, self.state[parameter], group)
        depend_on(f"{type(self).__name__}: its options or state changed", self._taken_for_granted)
        return loss

    def _taken_for_granted(self) -> tuple[Any, ...]:
        """What a captured step reads from Python: options by value, state tensors by identity."""
        options = [
            value
            for group in self.param_groups
            for name, value in group.items()
            if name != "params"
        ]
        members = [parameter for group in self.param_groups for parameter in group["params"]]
        state = [value for state in self.state.values() for value in state.values()]
        return (*options, *members, *state)

    @abstractmethod
    def update(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        """Moves one parameter in place; ``state`` is this parameter's own dictionary."""

    def state_dict(self) -> dict[str, Any]:
        """Options and state, parameters numbered in order; tensors are shared, not copied."""
        number = {
            id(p): i
            for i, p in enumerate(p for group in self.param_groups for p in group["params"])
        }
        return {
            "state": {number[id(parameter)]: state for parameter, state in self.state.items()},
            "param_groups": [
                {**group, "params": [number[id(parameter)] for parameter in group["params"]]}
                for group in self.param_groups
            ],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over what :meth:`state_dict` of a like optimiser returned.

        Raises:
            ValueError: the groups differ in number or size.
        """
        saved = state_dict["param_groups"]
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        for mine, theirs in zip(self.param_groups, saved, strict=True):
            if len(mine["params"]) != len(theirs["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
                )
        members = [parameter for group in self.param_groups for parameter in group["params"]]
        self.state = defaultdict(dict)
        for number, state in state_dict["state"].items():
            member = members[number]
            self.state[member] = {
                name: _as_parameter(name, copy.deepcopy(value), member)
                for name, value in state.items()
            }
        for mine, theirs in zip(self.param_groups, saved, strict=True):
            mine.update({name: value for name, value in theirs.items() if name != "params"})

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])


def _as_parameter(name: str, value: Any, parameter: Tensor) -> Any:
    """What was saved of a parameter of another element type, in this one's. Steps are only counted."""
    if name == "step" or not isinstance(value, Tensor) or not parameter.is_floating_point():
        return value
    return value._cast(parameter.dtype)


def kept(make: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
    """A tensor of the optimiser's state: a captured step must not make it anew each time."""
    return _core._outside_of_capture(lambda: make(*args, **kwargs))


def check_not_negative(**options: float) -> None:
    """``ValueError`` naming the first option below zero."""
    for name, value in options.items():
        if value < 0:
            raise ValueError(f"Invalid {name} value: {value}")
