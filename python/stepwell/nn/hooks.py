# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions that are called around ``forward``, and with gradients on the way back."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from stepwell import _core
from stepwell._core import Tensor
from stepwell._hooks import RemovableHandle

__all__ = ["BackwardHooks", "Hook", "RemovableHandle"]


class Hook(NamedTuple):
    """A function and how it wants to be called."""

    function: Callable[..., Any]
    with_kwargs: bool
    always_call: bool


def _checked(changed: Any, expected: int, what: str) -> tuple[Any, ...]:
    changed = changed if isinstance(changed, tuple) else (changed,)
    if len(changed) != expected:
        raise RuntimeError(f"{what}, got {len(changed)}, but expected {expected}")
    return changed


class BackwardHooks:
    """One call of a module whose gradients somebody wants to see.

    The tensors among the arguments and the results go by other names inside, so that their
    gradients pass here, all at once.
    """

    def __init__(self, module: Any, hooks: list[Any], pre_hooks: list[Any]) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.grad_output: tuple[Any, ...] | None = None
        self.arguments = 0
        self.inputs: list[int] = []

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.arguments = len(args)
        tensors = [i for i, each in enumerate(args) if isinstance(each, Tensor)]
        if not _core.is_grad_enabled() or not any(args[i].requires_grad for i in tensors):
            return args
        self.inputs = tensors
        named = _core._watch_gradients([args[i] for i in tensors], self._on_inputs, True)
        listed = list(args)
        for i, tensor in zip(tensors, named, strict=True):
            listed[i] = tensor
        return tuple(listed)

    def watch_outputs(self, output: Any) -> Any:
        single = isinstance(output, Tensor)
        listed = [output] if single else output
        if not single and not isinstance(output, (tuple, list)):
            return output
        tensors = [i for i, each in enumerate(listed) if isinstance(each, Tensor)]
        if not _core.is_grad_enabled() or not any(listed[i].requires_grad for i in tensors):
            return output
        count = len(listed)

        def on_outputs(gradients: list[Any]) -> Any:
            return self._on_outputs(gradients, tensors, count)

        named = _core._watch_gradients([listed[i] for i in tensors], on_outputs)
        if single:
            return named[0]
        made = list(listed)
        for i, tensor in zip(tensors, named, strict=True):
            made[i] = tensor
        return type(output)(*made) if hasattr(output, "_fields") else type(output)(made)

    def _on_outputs(self, gradients: list[Any], tensors: list[int], count: int) -> Any:
        placed: list[Any] = [None] * count
        for i, gradient in zip(tensors, gradients, strict=True):
            placed[i] = gradient
        self.grad_output = tuple(placed)
        for hook in self.pre_hooks:
            changed = hook(self.module, self.grad_output)
            if changed is not None:
                self.grad_output = _checked(
                    changed, count, "Backward pre hook returned an invalid number of grad_output"
                )
        found = self.grad_output
        if not self.inputs:
            warnings.warn(
                "Full backward hook is firing when gradients are computed with respect to module "
                "outputs since no inputs require gradients.",
                stacklevel=2,
            )
            for hook in self.hooks:
                changed = hook(self.module, (None,) * self.arguments, self.grad_output)
                every = changed if isinstance(changed, tuple) else (changed,)
                if any(each is not None for each in every):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always "
                        "return None or None for all gradients."
                    )
            self.grad_output = None
        return [found[i] for i in tensors]

    def _on_inputs(self, gradients: list[Any]) -> Any:
        if self.grad_output is None:
            return None
        placed: list[Any] = [None] * self.arguments
        for i, gradient in zip(self.inputs, gradients, strict=True):
            placed[i] = gradient
        grad_input: tuple[Any, ...] = tuple(placed)
        for hook in self.hooks:
            changed = hook(self.module, grad_input, self.grad_output)
            if changed is not None:
                grad_input = _checked(
                    changed,
                    self.arguments,
                    "Backward hook returned an invalid number of grad_input",
                )
        self.grad_output = None
        return [grad_input[i] for i in self.inputs]
