# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""No number of tensors is too many for one call."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import stepwell as sw
from stepwell import Tensor

COUNT = 100


@sw.function
def total(tensors: Sequence[Tensor]) -> Tensor:
    result = tensors[0] * 1
    for index, tensor in enumerate(tensors[1:], start=2):
        result = result + index * tensor
    return result


def weighted(tensors: Sequence[Tensor]) -> Tensor:
    return sum((index * tensor for index, tensor in enumerate(tensors, start=1)), start=sw.zeros(3))


CALLS: dict[str, tuple[Callable[[Sequence[Tensor]], Tensor], Callable]] = {
    "cat": (
        lambda ts: sw.cat(ts) * sw.arange(3.0 * COUNT),
        lambda a: a.ravel() * np.arange(3.0 * COUNT),
    ),
    "stack": (lambda ts: sw.stack(ts, 1), lambda a: a.T),
    "function": (total, lambda a: np.arange(1, COUNT + 1, dtype="f") @ a),
    "compiled list": (sw.compile(weighted), lambda a: np.arange(1, COUNT + 1, dtype="f") @ a),
    "compiled arguments": (
        lambda ts, f=sw.compile(lambda *ts: sw.cat(ts).reshape(COUNT, 3).cumsum(0)): f(*ts),
        lambda a: a.cumsum(0),
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_hundred_tensors(name: str) -> None:
    call, reference = CALLS[name]
    values = np.random.default_rng(0).integers(-4, 5, (COUNT, 3)).astype("f")
    tensors = [sw.tensor(row, requires_grad=True) for row in values]
    result = call(tensors)
    assert result.tolist() == reference(values).tolist()
    weights = np.random.default_rng(1).integers(-4, 5, result.shape).astype("f")
    result.backward(sw.tensor(weights))
    # Linear: the gradient is the transposed map, which a difference of integers tells exactly.
    for row in (0, 31, 32, 33, COUNT - 1):
        for column in range(3):
            moved = values.copy()
            moved[row, column] += 1
            slope = ((reference(moved) - reference(values)) * weights).sum()
            assert tensors[row].grad[column].item() == slope
