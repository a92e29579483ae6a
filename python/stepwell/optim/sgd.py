# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from stepwell._core import Tensor, float64
from stepwell._factories import ones, zeros_like
from stepwell.optim.optimizer import Optimizer, ParameterGroups, check_not_negative, kept


class SGD(Optimizer):
    """Gradient descent, optionally with momentum (Sutskever et al., 2013, in PyTorch's form: ``v = momentum v + g``,
    ``p -= lr v``).

    Args:
        params: what to optimise.
        lr: step size.
        momentum: how much of the last step is kept; 0 keeps none.
        dampening: the share of the gradient left out of the momentum.
        weight_decay: adds ``weight_decay * p`` to the gradient.
        nesterov: looks ahead along the momentum.
        maximize: climbs instead of descending.

    Raises:
        ValueError: an option is out of range.

    Example:
        >>> model = nn.Linear(2, 1)
        >>> optimizer = stepwell.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        >>> optimizer.zero_grad()
        >>> model(stepwell.ones(4, 2)).square().mean().backward()
        >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParameterGroups,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        check_not_negative(learning_rate=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params,
            dict(
                lr=lr,
                momentum=momentum,
                dampening=dampening,
                weight_decay=weight_decay,
                nesterov=nesterov,
                maximize=maximize,
            ),
        )

    def update(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        if group["maximize"]:
            gradient = -gradient
        if group["weight_decay"] != 0:
            gradient = gradient + parameter * group["weight_decay"]
        momentum = group["momentum"]
        if momentum != 0:
            # The first step is not dampened. It is no other code than the later ones, so that a
            # compiled step is right for all.
            if not state:
                state["momentum_buffer"] = kept(zeros_like, parameter)
                if group["dampening"] != 0:
                    state["share"] = kept(ones, (), dtype=float64)
            share = state.get("share", 1 - group["dampening"])
            velocity = state["momentum_buffer"]
            velocity.mul_(momentum).add_(gradient * share)
            if "share" in state:
                share.fill_(1 - group["dampening"])
            gradient = gradient + velocity * momentum if group["nesterov"] else velocity
        parameter.sub_(gradient * group["lr"])
