# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Linear layers, padding and dropout."""

from __future__ import annotations

from collections.abc import Sequence

from stepwell import _core
from stepwell._arguments import tensors, wrong
from stepwell._core import Tensor
from stepwell._random import dropout as _dropout
from stepwell.nn.functional._definition import checked_function, library_function, of_shape


@library_function
def pad(
    input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """The input with `value` (0) around it: amounts before and after, from the last dimension on.

    Negative amounts cut off.

    Raises:
        NotImplementedError: a mode other than "constant".
        RuntimeError: an odd number of amounts, more than two per dimension, or a cut beyond the end.

    >>> pad(stepwell.ones(2), (1, 2))
    tensor([0., 1., 1., 0., 0.])
    """
    if not isinstance(mode, str):
        raise wrong("pad", "mode", "str", mode)
    if value is not None and not hasattr(value, "__float__"):
        raise wrong("pad", "value", "number", value)
    if mode != "constant":
        raise NotImplementedError(f"pad: the mode {mode!r} does not exist here, only 'constant'")
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            f"Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(pad)} and input of dimension {input.ndim}"
        )
    rest = [0] * (input.ndim - len(pad) // 2)
    low, high = rest + list(pad[0::2])[::-1], rest + list(pad[1::2])[::-1]
    if max((*low, *high), default=0) <= 0:
        value = 0  # is not read
    number = _core._number(value or 0, input.dtype)
    if isinstance(number, int) and abs(number) > 2**53:  # the operation's is a float
        inside = _core.array.pad(_core._full(_core.bool, input.shape, True), low, high, False)
        return _core.where(inside, _core.array.pad(input, low, high, 0), number)
    return _core.array.pad(input, low, high, number)


@library_function
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias``: ``(..., in)`` becomes ``(..., out)``.

    Raises:
        RuntimeError: the sizes or element types do not fit.

    Example:
        >>> F.linear(stepwell.ones(2, 3), stepwell.ones(4, 3)).shape
        (2, 4)
    """
    try:
        vectors = input.ndim and weight.ndim
    except AttributeError:
        tensors("linear", input=input, weight=weight)
        raise
    if not vectors:
        raise RuntimeError(
            f"both arguments to linear need to be at least 1D, but they are {input.ndim}D and "
            f"{weight.ndim}D"
        )
    if bias is not None:
        tensors("linear", bias=bias)
    # A bias that is stretched is added as anything else is.
    if bias is None or input.ndim < 2 or bias.ndim != 1 or bias.shape[0] != weight.shape[0]:
        product = _core.matmul(input, weight.t())
        return product if bias is None else _with_bias(product, bias)
    return _core.array.linear(input, weight, bias)


def _with_bias(product: Tensor, bias: Tensor) -> Tensor:
    if bias.dtype is not product.dtype:
        raise RuntimeError(
            "linear: the operands must have one element type, but input and bias have "
            f"{product.dtype} and {bias.dtype}"
        )
    return of_shape(product.shape, product + bias)


@checked_function
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeros at random, the others scaled up by ``1 / (1 - p)``; nothing unless ``training``.

    Args:
        input: of floating point.
        p: how likely an element becomes 0.
        training: whether anything is done.
        inplace: overwrites the input.

    Raises:
        ValueError: ``p`` is no probability.

    Example:
        >>> F.dropout(stepwell.ones(3), training=False)
        tensor([1., 1., 1.])
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    dropped = _dropout(input, p, training)
    return input.copy_(dropped) if inplace and dropped is not input else dropped
