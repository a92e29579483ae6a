# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Adam and AdamW."""

from __future__ import annotations

from typing import Any

from stepwell._core import Tensor, float64
from stepwell._factories import zeros, zeros_like
from stepwell.optim.optimizer import Optimizer, ParameterGroups, check_not_negative, kept


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): steps scaled by running means of the gradient and of its square.

    Args:
        params: what to optimise.
        lr: step size.
        betas: how much of each running mean is kept per step.
        eps: added to the denominator.
        weight_decay: adds ``weight_decay * p`` to the gradient.
        amsgrad: divides by the largest second moment seen so far (Reddi et al., 2018).
        maximize: climbs instead of descending.

    Raises:
        ValueError: an option is out of range.

    Example:
        >>> w = stepwell.tensor([1.0, -1.0], requires_grad=True)
        >>> optimizer = stepwell.optim.Adam([w], lr=0.25)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([ 0.7500, -0.7500])
    """

    decoupled_weight_decay = False

    def __init__(
        self,
        params: ParameterGroups,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        check_not_negative(learning_rate=lr, epsilon=eps, weight_decay=weight_decay)
        for index, beta in enumerate(betas):
            if not 0 <= beta < 1:
                raise ValueError(f"Invalid beta parameter at index {index}: {beta}")
        super().__init__(
            params,
            dict(
                lr=lr,
                betas=betas,
                eps=eps,
                weight_decay=weight_decay,
                amsgrad=amsgrad,
                maximize=maximize,
            ),
        )

    def update(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        beta1, beta2 = group["betas"]
        if group["maximize"]:
            gradient = -gradient
        if not state:
            state["step"] = kept(zeros, (), dtype=float64)
            state["exp_avg"] = kept(zeros_like, parameter)
            state["exp_avg_sq"] = kept(zeros_like, parameter)
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = kept(zeros_like, parameter)
        state["step"].add_(1)
        if group["weight_decay"] != 0:
            if self.decoupled_weight_decay:
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
            else:
                gradient = gradient + parameter * group["weight_decay"]
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.mul_(beta1).add_(gradient * (1 - beta1))
        square.mul_(beta2).add_(gradient * gradient * (1 - beta2))
        if group["amsgrad"]:
            square = state["max_exp_avg_sq"].maximum_(square)
        correction1 = 1 - beta1 ** state["step"]
        correction2 = 1 - beta2 ** state["step"]
        denominator = square.sqrt() / correction2**0.5 + group["eps"]
        parameter.sub_(mean / denominator * (group["lr"] / correction1))


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019): ``p *= 1 - lr weight_decay`` before the step.

    The options are those of :class:`Adam`; ``weight_decay`` is the decay per unit of step size.

    Example:
        >>> w = stepwell.tensor([1.0, -1.0], requires_grad=True)
        >>> optimizer = stepwell.optim.AdamW([w], lr=0.25, weight_decay=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([ 0.7250, -0.7250])
    """

    decoupled_weight_decay = True

    def __init__(
        self,
        params: ParameterGroups,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
