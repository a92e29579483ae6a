# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arguments that functions of images have in common."""

from __future__ import annotations

from typing import Any

from stepwell._arguments import tensors, wrong
from stepwell._core import Tensor


def pair(function: str, name: str, value: Any) -> tuple[int, int]:
    """One number for both dimensions, or one for each."""
    if hasattr(value, "__index__") and not isinstance(value, bool):
        return (value.__index__(),) * 2
    try:
        numbers = tuple(each.__index__() for each in value)
    except (TypeError, AttributeError):
        raise wrong(function, name, "int or tuple of ints", value) from None
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2:
        raise RuntimeError(f"{function}: {name} must be one or two numbers, not {numbers}")
    return numbers


def batched(function: str, input: Tensor) -> tuple[Tensor, bool]:
    """A batch of images, and whether it was made of a single one."""
    tensors(function, input=input)
    if input.ndim not in (3, 4):
        # PyTorch counts from the end before it looks.
        raise (IndexError if function == "avg_pool2d" and input.ndim < 3 else RuntimeError)(
            f"{function}: expected 3D (unbatched) or 4D (batched) input, "
            f"but got input of size: {list(input.shape)}"
        )
    return (input, False) if input.ndim == 4 else (input.unsqueeze(0), True)
