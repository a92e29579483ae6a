# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions made of functions: derivatives in the direction of the arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ._core import Tensor
from ._factories import zeros_like
from ._structures import flatten, unflatten
from .autograd import enable_grad, grad, is_grad_enabled, set_grad_enabled

__all__ = ["jvp"]


def _checked(primals: Any, tangents: Any) -> tuple[list[Tensor], list[Tensor], Any]:
    for name, value in (("primals", primals), ("tangents", tangents)):
        if not isinstance(value, tuple):
            raise RuntimeError(
                f"jvp(f, primals, tangents): Expected {name} to be a tuple. E.g. it should be valid to call f(*primals)."
            )
    inputs: list[Tensor] = []
    directions: list[Tensor] = []
    structure = flatten(primals, inputs)
    if structure != flatten(tangents, directions):
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals and tangents to have the same python structure. "
            "For example, if primals is a tuple of 3 tensors, tangents also must be."
        )
    if not inputs:
        raise RuntimeError("jvp(f, primals, tangents): Expected at least one Tensor in primals.")
    for x, t in zip(inputs, directions, strict=True):
        if x.shape != t.shape:
            raise RuntimeError(
                f"jvp(f, primals, tangents): Expected a tangent of shape {tuple(x.shape)}, got {tuple(t.shape)}"
            )
        if x.dtype != t.dtype:
            raise RuntimeError(
                f"jvp(f, primals, tangents): Expected a tangent of {x.dtype}, got {t.dtype}"
            )
        if not x.is_floating_point():
            raise RuntimeError(
                f"jvp(f, primals, tangents): only Tensors of floating point dtype have tangents, not {x.dtype}"
            )
    return inputs, directions, structure


def _along(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], directions: Sequence[Tensor], again: bool
) -> list[Tensor]:
    """The change of `outputs` when `inputs` go in `directions`.

    The gradient is linear in the cotangents: its own derivative by them is the transposed map.
    """
    followed = [i for i, y in enumerate(outputs) if y.requires_grad]
    made = [zeros_like(y) for y in outputs]
    if not followed:
        return made
    cotangents = [zeros_like(outputs[i]).requires_grad_() for i in followed]
    gradients = grad(
        [outputs[i] for i in followed], inputs, cotangents, create_graph=True, allow_unused=True
    )
    linear = [
        (g, t)
        for g, t in zip(gradients, directions, strict=True)
        if g is not None and g.requires_grad
    ]
    if not linear:
        return made
    found = grad(
        [g for g, _ in linear],
        cotangents,
        [t for _, t in linear],
        create_graph=again,
        allow_unused=True,
    )
    for i, change in zip(followed, found, strict=True):
        if change is not None:
            made[i] = change
    return made


def jvp(
    func: Callable[..., Any],
    primals: Any,
    tangents: Any,
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> tuple[Any, ...]:
    """The value of a function, and how it changes when its arguments do: a Jacobian-vector product.

    Args:
        func: a function of tensors that returns tensors, or containers of them.
        primals: a tuple of its arguments.
        tangents: a tuple like `primals` of the directions that they go in.
        strict: whether an output that does not depend on the arguments is an error.
        has_aux: `func` returns a tuple of its output and something that is not differentiated.

    Returns:
        The output and its tangent, and with `has_aux` the something.

    Example:
        >>> x = stepwell.tensor([0.0, 1.0])
        >>> value, change = stepwell.func.jvp(stepwell.exp, (x,), (stepwell.tensor([1.0, 2.0]),))
        >>> change
        tensor([1.0000, 5.4366])
    """
    given, directions, structure = _checked(primals, tangents)
    again = is_grad_enabled()
    with enable_grad():
        # Others that the function reads may be the same tensors: only the arguments move.
        inputs = [
            x.view(x.shape) if again and x.requires_grad else x.detach().requires_grad_()
            for x in given
        ]
        output = func(*unflatten(structure, iter(inputs)))
        aux = None
        if has_aux:
            if not (isinstance(output, tuple) and len(output) == 2):
                raise RuntimeError(
                    "jvp(f, primals, tangents): output of function f should be a tuple: (output, aux) if has_aux is True"
                )
            output, aux = output
        outputs: list[Tensor] = []
        shape = flatten(output, outputs)
        if not outputs:
            raise RuntimeError("jvp(f, primals, tangents): Expected f to return Tensors.")
        if strict and not all(y.requires_grad for y in outputs):
            raise RuntimeError(
                "jvp(f, primals, tangents): an output of f is independent of its inputs (strict=True)"
            )
        changes = _along(outputs, inputs, directions, again)
    with set_grad_enabled(again):
        if not again or not any(x.requires_grad for x in (*given, *directions)):
            outputs = [y.detach() for y in outputs]
            changes = [c.detach() for c in changes]
    made = unflatten(shape, iter(outputs)), unflatten(shape, iter(changes))
    return (*made, aux) if has_aux else made
